/* The reserved addresses that watched blocks lie in, in chunks of slots of one size. */
#include "heap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
  SMALL_STEP = 16,
  SMALL_LIMIT = 512,
  STEPS_A_DOUBLING = 8,
  LARGEST_PACKED = 256 << 10, /* larger slots have chunks of their own */
  /* A guarded slot is used again only after so many others of its class: the longer freed memory stays closed, the better. */
  GUARD_DISTANCE = 1 << 15,
  META_BLOCK = 1 << 20,
};
#define WINDOW ((uintptr_t)4 << 30)
#define RESERVED (WINDOWS * WINDOW)

uintptr_t heap_low, heap_size;

static struct chunk *chunks; /* WINDOWS * WINDOW_CHUNKS */
static unsigned next_poison, next_guard, end_poison, end_guard;

struct size_class {
  uint32_t head, tail;     /* slots that were given back; index + 1 */
  uint32_t given_back;
  uint32_t used, slots;    /* slots that were ever used, and that there are */
  uint32_t first_chunk;    /* index + 1 of the chunk with the newest slots */
  uint32_t *chunk_of;      /* chunk index by (slot / slots per chunk) */
  uint32_t chunk_count;
};
static struct size_class classes[2][CLASSES];

static char *meta_at;
static size_t meta_left;

static void *meta_take(size_t size) {
  size = (size + 63) & ~(size_t)63;
  if (size > META_BLOCK / 4)
    return sys_pages(size);
  if (size > meta_left) {
    meta_at = sys_pages(META_BLOCK);
    meta_left = meta_at == NULL ? 0 : META_BLOCK;
  }
  if (size > meta_left)
    return NULL;
  void *taken = meta_at;
  meta_at += size;
  meta_left -= size;
  return taken;
}

/* ---- the reservation ------------------------------------------------------------------------------------------------------------ */

static bool reserve(size_t size) {
  /* High, and far from where the kernel, V8, Go and the JVM put what is theirs. */
  for (uintptr_t at = 0x6a0000000000; at < 0x700000000000; at += 0x10000000000) {
    long got = sys(SYS_mmap, at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == (long)at) {
      heap_low = at;
      heap_size = size;
      return true;
    }
    /* A kernel older than 4.17 takes the flag for a hint. */
    if (got > 0)
      (void)sys(SYS_munmap, got, size);
    else if (got == -ENOMEM)
      return false;
  }
  return false;
}

bool region_start(void) {
  struct rlimit limit = {0, 0};
  (void)sys(SYS_prlimit64, 0, RLIMIT_AS, NULL, &limit);
  if (limit.rlim_cur != RLIM_INFINITY || !reserve(RESERVED)) {
    box_note(FFID_NOTE_NO_ROOM_FOR_HEAP, limit.rlim_cur, 0, NULL);
    return false;
  }
  chunks = sys_pages(WINDOWS * WINDOW_CHUNKS * sizeof *chunks);
  if (chunks == NULL)
    return false;
  bool guard = options.heap == FFID_HEAP_GUARD;
  end_poison = (guard ? POISON_WINDOWS : WINDOWS) * WINDOW_CHUNKS;
  next_guard = end_poison;
  end_guard = WINDOWS * WINDOW_CHUNKS;
  uintptr_t guarded = heap_low + POISON_WINDOWS * WINDOW;
  enum ffid_guard_rung rung = FFID_RUNG_NONE;
  if (guard)
    rung = guard_start(guarded, RESERVED - POISON_WINDOWS * WINDOW, options.alloc_fill);
  if (box_header != NULL) {
    box_header->guard_rung = rung;
    box_header->heap_low = heap_low;
    box_header->heap_high = heap_low + heap_size;
  }
  return true;
}

static uintptr_t chunk_begin(unsigned index) {
  return heap_low + index / WINDOW_CHUNKS * WINDOW + WINDOW / 2 + (uintptr_t)(index % WINDOW_CHUNKS) * CHUNK;
}

/* ---- classes -------------------------------------------------------------------------------------------------------------------- */

/* Sixteen bytes apart, then eight steps for each doubling. The size of the class is put in the place of the size. */
static unsigned class_of(size_t *size) {
  if (*size <= SMALL_LIMIT) {
    unsigned steps = (unsigned)((*size + SMALL_STEP - 1) / SMALL_STEP);
    *size = steps * SMALL_STEP;
    return steps;
  }
  unsigned top = 63 - (unsigned)__builtin_clzl(*size - 1);
  size_t step = ((size_t)1 << top) / STEPS_A_DOUBLING;
  size_t steps = (*size - ((size_t)1 << top) + step - 1) / step;
  *size = ((size_t)1 << top) + steps * step;
  return SMALL_LIMIT / SMALL_STEP + (top - 9) * STEPS_A_DOUBLING + (unsigned)steps;
}

/* A closed page before the first slot: behind each of the others is one already. */
static size_t lead_of(bool guarded) { return guarded ? PAGE : 0; }

static bool open_chunks(unsigned first, unsigned many, bool guarded) {
  if (guarded)
    return true;
  for (unsigned i = first; i < first + many; i++) {
    if (sys(SYS_mprotect, chunk_begin(i), CHUNK, PROT_READ | PROT_WRITE) != 0)
      return false;
    /* A huge page for each class of blocks would be most of the memory that a small program has. */
    (void)sys(SYS_madvise, chunk_begin(i), CHUNK, MADV_NOHUGEPAGE);
  }
  return true;
}

/* So many chunks that follow on one another, in one window; UINT32_MAX where there are none. */
static unsigned new_chunks(unsigned many, bool guarded) {
  unsigned *next = guarded ? &next_guard : &next_poison, end = guarded ? end_guard : end_poison;
  if (many > WINDOW_CHUNKS)
    return UINT32_MAX;
  unsigned left = WINDOW_CHUNKS - *next % WINDOW_CHUNKS;
  unsigned first = *next + (many > left ? left : 0);
  if (first + many > end || !open_chunks(first, many, guarded))
    return UINT32_MAX;
  *next = first + many;
  return first;
}

enum { MOST_CHUNKS_A_CLASS = 8192 };

static bool more_slots(struct size_class *class, unsigned number, size_t stride, bool guarded) {
  if (class->chunk_of == NULL && (class->chunk_of = sys_pages(MOST_CHUNKS_A_CLASS * sizeof *class->chunk_of)) == NULL)
    return false;
  unsigned many = stride > LARGEST_PACKED ? (unsigned)((lead_of(guarded) + stride + CHUNK - 1) / CHUNK) : 1;
  uint32_t slots = many > 1 || stride > LARGEST_PACKED ? 1 : (uint32_t)((CHUNK - lead_of(guarded)) / stride);
  struct slot *meta = class->chunk_count < MOST_CHUNKS_A_CLASS ? meta_take(slots * sizeof *meta) : NULL;
  unsigned first = meta == NULL ? UINT32_MAX : new_chunks(many, guarded);
  if (first == UINT32_MAX)
    return false;
  chunks[first] = (struct chunk){
      .slot_size = slots == 1 ? 0 : (uint32_t)stride,
      .slots = slots,
      .first_slot = class->slots,
      .size_class = number,
      .bytes = slots == 1 ? stride : 0,
      .meta = meta,
  };
  for (unsigned i = 1; i < many; i++)
    chunks[first + i] = (struct chunk){.first_slot = i, .kind = CHUNK_REST};
  __atomic_store_n(&chunks[first].kind, guarded ? CHUNK_GUARD : CHUNK_POISON, __ATOMIC_RELEASE);
  class->chunk_of[class->chunk_count++] = first;
  class->slots += slots;
  return true;
}

static void fill_in(struct place_in_heap *at, unsigned index, uint32_t slot) {
  struct chunk *chunk = &chunks[index];
  size_t stride = chunk->bytes != 0 ? chunk->bytes : chunk->slot_size;
  at->chunk = chunk;
  at->slot = &chunk->meta[slot];
  at->begin = chunk_begin(index) + lead_of(chunk->kind == CHUNK_GUARD) + slot * stride;
  at->room = stride - (chunk->kind == CHUNK_GUARD ? PAGE : 0);
  at->index = chunk->first_slot + slot;
}

static void by_index(struct size_class *class, uint32_t index, struct place_in_heap *at) {
  uint32_t each = chunks[class->chunk_of[0]].slots;
  unsigned chunk = class->chunk_of[index / each];
  fill_in(at, chunk, index - chunks[chunk].first_slot);
}

bool region_take(size_t room, bool guarded, struct place_in_heap *at) {
  size_t stride = guarded ? (room + PAGE - 1) / PAGE * PAGE : room;
  if (stride > (size_t)WINDOW_CHUNKS * CHUNK / 2)
    return false;
  unsigned number = class_of(&stride);
  if (guarded)
    stride = (stride + PAGE - 1) / PAGE * PAGE + PAGE;
  struct size_class *class = &classes[guarded][number];
  bool reuse = class->head != 0 && (!guarded || class->given_back >= GUARD_DISTANCE);
  if (!reuse && class->used == class->slots && !more_slots(class, number, stride, guarded)) {
    if (class->head == 0)
      return false;
    reuse = true;
  }
  if (!reuse) {
    by_index(class, class->used++, at);
    return true;
  }
  by_index(class, class->head - 1, at);
  class->head = at->slot->next;
  if (class->head == 0)
    class->tail = 0;
  class->given_back--;
  return true;
}

void region_give_back(const struct place_in_heap *at) {
  bool guarded = at->chunk->kind == CHUNK_GUARD;
  struct size_class *class = &classes[guarded][at->chunk->size_class];
  class->given_back++;
  if (!guarded) {
    /* The one that was just looked at is the one that the processor has at hand. */
    at->slot->next = class->head;
    class->head = at->index + 1;
    return;
  }
  at->slot->next = 0;
  if (class->tail == 0)
    class->head = at->index + 1;
  else {
    struct place_in_heap last;
    by_index(class, class->tail - 1, &last);
    last.slot->next = at->index + 1;
  }
  class->tail = at->index + 1;
}

bool region_find(uintptr_t address, struct place_in_heap *at) {
  uintptr_t offset = address - heap_low;
  if (offset >= heap_size || chunks == NULL || !(offset & (WINDOW / 2)))
    return false;
  unsigned index = (unsigned)(offset / WINDOW * WINDOW_CHUNKS + (offset % (WINDOW / 2) >> CHUNK_SHIFT));
  uint32_t kind = __atomic_load_n(&chunks[index].kind, __ATOMIC_ACQUIRE);
  if (kind == CHUNK_REST) {
    index -= chunks[index].first_slot;
    kind = chunks[index].kind;
  }
  if (kind == CHUNK_NONE)
    return false;
  const struct chunk *chunk = &chunks[index];
  size_t lead = lead_of(kind == CHUNK_GUARD), within = address - chunk_begin(index);
  uint32_t slot = chunk->bytes != 0 || within < lead ? 0 : (uint32_t)(within - lead) / chunk->slot_size;
  if (slot >= chunk->slots)
    return false;
  fill_in(at, index, slot);
  return true;
}

static void each_between(unsigned first, unsigned end, void (*call)(const struct place_in_heap *at, void *data), void *data) {
  for (unsigned i = first; i < end; i++) {
    uint32_t kind = chunks[i].kind;
    if (kind != CHUNK_POISON && kind != CHUNK_GUARD)
      continue;
    for (uint32_t slot = 0; slot < chunks[i].slots; slot++) {
      struct place_in_heap at;
      fill_in(&at, i, slot);
      if (at.slot->state != FFID_BLOCK_NONE)
        call(&at, data);
    }
  }
}

void region_each(void (*call)(const struct place_in_heap *at, void *data), void *data) {
  each_between(0, next_poison, call, data);
  each_between(end_poison, next_guard, call, data);
}
