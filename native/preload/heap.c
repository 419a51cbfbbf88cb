/* Watched blocks: handed out, taken back, kept aside for a while, and looked at. */
#include "heap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "process.h"

enum {
  LARGEST = 1 << 30,     /* of a block that is watched, in bytes */
  BEYOND = 2,            /* frames of whoever called the library that a stack keeps */
  PAIRS = 1 << 12,
  SWEEP_EACH = 8,        /* allocations */
};

bool heap_ready;

static uint64_t pairs[PAIRS];

static uint32_t stack_here(const struct place *caller) {
  struct stack stack;
  if (options.stacks == FFID_STACKS_OFF || caller == NULL)
    return 0;
  if (options.stacks == FFID_STACKS_CALLER) {
    stack.count = 1;
    stack.flags = 0;
    stack.end = FFID_END_BOUNDARY;
    stack.pcs[0] = caller->pc;
  } else
    unwind_to_boundary(&stack, caller, BEYOND);
  return depot_put(&stack);
}

/* Where a guarded block lies in its pages: against the closed page behind it, or behind the one before. */
static uint32_t guarded_front(const struct place_in_heap *at, size_t size, size_t alignment) {
  return options.guard_before ? 0 : (uint32_t)((at->room - size) / alignment * alignment);
}

static uint32_t front_of(const struct place_in_heap *at, size_t size, size_t alignment) {
  if (at->chunk->kind == CHUNK_GUARD)
    return guarded_front(at, size, alignment);
  uintptr_t block = (at->begin + FRONT + alignment - 1) / alignment * alignment;
  return (uint32_t)(block - at->begin);
}

static bool take(size_t size, size_t alignment, struct place_in_heap *at) {
  bool guarded = options.heap == FFID_HEAP_GUARD && alignment <= PAGE;
  if (guarded && region_take(size == 0 ? 1 : size, true, at)) {
    /* Blocks of no bytes lie at the very end, so that any access faults. */
    if (guard_open(at->begin, at->room))
      return true;
    region_give_back(at);
  }
  if (guarded)
    box_count(FFID_COUNT_GUARD_FALLBACKS, 1);
  return region_take(size + FRONT + REAR + (alignment > ALIGNMENT ? alignment : 0), false, at);
}

/* Looks at one live block after the other, with each so many allocations: an overflow then lies between two points in time. */
static void sweep_one(const struct place_in_heap *taken) {
  static uint32_t turn;
  struct chunk *chunk = taken->chunk;
  if (++turn % SWEEP_EACH != 0 || chunk->kind != CHUNK_POISON || chunk->slots < 2)
    return;
  uint32_t slot = turn / SWEEP_EACH % chunk->slots;
  struct place_in_heap at;
  if (!region_find(taken->begin - (uintptr_t)(taken->index - chunk->first_slot) * chunk->slot_size + (uintptr_t)slot * chunk->slot_size, &at) ||
      at.slot == taken->slot || at.slot->state != FFID_BLOCK_LIVE)
    return;
  canaries_check(&at, &(struct finding){.at = FFID_FOUND_SWEEP});
}

static void note_not_watched(size_t size) {
  if (box_header != NULL && __atomic_fetch_add(&box_header->counters[FFID_COUNT_NOT_WATCHED], 1, __ATOMIC_RELAXED) == 0)
    box_note(FFID_NOTE_NOT_WATCHED, size, 0, NULL);
}

static void count_allocation(size_t size) {
  struct ffid_box_header *header = box_header;
  if (header == NULL)
    return;
  header->counters[FFID_COUNT_ALLOCATIONS]++;
  uint64_t live = header->counters[FFID_COUNT_LIVE_BYTES] += size;
  if (live > header->counters[FFID_COUNT_PEAK_BYTES])
    header->counters[FFID_COUNT_PEAK_BYTES] = live;
}

void *heap_allocate(size_t size, size_t alignment, enum heap_fill fill, enum ffid_family family, const struct place *caller) {
  struct place_in_heap at;
  if (UNLIKELY(!heap_ready || size > LARGEST || alignment > LARGEST))
    return NULL;
  if (UNLIKELY(box_header == NULL))
    (void)box_open();
  uint32_t stack = stack_here(caller);
  if (alignment < ALIGNMENT)
    alignment = ALIGNMENT;
  heap_lock();
  bool taken = take(size, alignment, &at);
  if (taken) {
    count_allocation(size);
    sweep_one(&at);
  }
  heap_unlock();
  if (!taken) {
    note_not_watched(size);
    return NULL;
  }
  /* Nobody else knows the slot until it is said to be live. */
  struct slot *slot = at.slot;
  if (is_large(&at) && slot->state == FFID_BLOCK_FREED)
    (void)sys(SYS_mprotect, at.begin, at.room, PROT_READ | PROT_WRITE);
  const struct module *module = caller == NULL ? NULL : module_in_question(caller->pc);
  slot->size = size;
  slot->front = front_of(&at, size, alignment);
  slot->alloc_stack = stack;
  slot->free_stack = 0;
  slot->alloc_tid = (uint32_t)sys_tid();
  slot->free_tid = 0;
  slot->alloc_family = (uint8_t)family;
  slot->free_family = FFID_FAMILY_UNKNOWN;
  slot->alloc_ticks = slot->checked_ticks = sys_ticks();
  slot->free_ticks = 0;
  slot->module = module == NULL ? 0 : (uint16_t)module->id;
  canaries_put(&at);
  if (fill == FILL_ZERO)
    memset((void *)block_of(&at), 0, size);
  else if (at.chunk->kind != CHUNK_GUARD)
    memset((void *)block_of(&at), options.alloc_fill, size);
  __atomic_store_n(&slot->state, FFID_BLOCK_LIVE, __ATOMIC_RELEASE);
  return (void *)block_of(&at);
}

/* ---- taken back ----------------------------------------------------------------------------------------------------------------- */

/* Whether the places of allocation and freeing belong together is told by their names: the first of each pair is written down. */
static void note_pair(const struct place_in_heap *at) {
  uint64_t pair = (uint64_t)at->slot->alloc_stack << 32 | at->slot->free_stack;
  if (at->slot->alloc_stack == 0 || at->slot->free_stack == 0)
    return;
  uint64_t *entry = &pairs[(pair * 0x9e3779b97f4a7c15u) >> 52];
  if (LIKELY(*entry == pair))
    return;
  *entry = pair;
  struct ffid_freed_by *record = box_begin(FFID_FREED_BY, sizeof *record);
  if (record != NULL)
    describe(&record->block, at, block_of(at));
  box_end(record);
}

/* The block that begins at an address. Where there is none it is said what the address is, and nothing is done. */
static bool find_live(uintptr_t address, const struct finding *found, struct place_in_heap *at) {
  bool there = region_find(address, at) && at->slot->state != FFID_BLOCK_NONE;
  bool begins = there && block_of(at) == address;
  if (LIKELY(begins && at->slot->state == FFID_BLOCK_LIVE))
    return true;
  report(begins ? FFID_ERROR_DOUBLE_FREE : FFID_ERROR_INVALID_FREE, found, address, there ? at : NULL);
  return false;
}

static void release(uintptr_t address, const struct finding *found) {
  struct place_in_heap at;
  struct evicted evicted;
  uint32_t stack = stack_here(found->caller);
  heap_lock();
  bool live = find_live(address, found, &at);
  if (live) {
    struct slot *slot = at.slot;
    slot->free_stack = stack;
    slot->free_tid = (uint32_t)sys_tid();
    slot->free_family = (uint8_t)found->family;
    slot->free_ticks = sys_ticks();
    __atomic_store_n(&slot->state, FFID_BLOCK_FREED, __ATOMIC_RELEASE);
    quarantine_make_room(&at, &evicted);
    if (box_header != NULL) {
      box_header->counters[FFID_COUNT_FREES]++;
      box_header->counters[FFID_COUNT_LIVE_BYTES] -= slot->size;
    }
  }
  heap_unlock();
  if (!live)
    return;
  if (UNLIKELY(at.slot->alloc_family != found->family && found->family != FFID_FAMILY_UNKNOWN))
    report(FFID_ERROR_MISMATCH, found, address, &at);
  canaries_check(&at, found);
  if (found->at == FFID_FOUND_FREE)
    note_pair(&at);
  quarantine_put(&at, &evicted);
}

void heap_free(uintptr_t address, enum ffid_family family, const struct place *caller) {
  if (UNLIKELY(box_header == NULL))
    (void)box_open();
  release(address, &(struct finding){FFID_FOUND_FREE, family, caller});
}

void *heap_reallocate(uintptr_t address, size_t size, const struct place *caller) {
  struct place_in_heap at;
  const struct finding found = {FFID_FOUND_REALLOC, FFID_FAMILY_MALLOC, caller};
  if (!find_live(address, &found, &at)) {
    errno = ENOMEM;
    return NULL;
  }
  size_t before = at.slot->size;
  /* Always elsewhere: who keeps the old address is found out. */
  char *moved = heap_allocate(size, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, caller);
  if (moved == NULL && (moved = process.malloc(size)) == NULL)
    return NULL;
  memcpy(moved, (const void *)address, before < size ? before : size);
  release(address, &found);
  return moved;
}

size_t heap_usable_size(uintptr_t address) {
  struct place_in_heap at;
  /* What was asked for and no more: what a caller may use beyond that are the canaries. */
  return region_find(address, &at) && at.slot->state == FFID_BLOCK_LIVE && block_of(&at) == address ? at.slot->size : 0;
}

/* ---- told of an address --------------------------------------------------------------------------------------------------------- */

bool heap_describe(uintptr_t address, struct ffid_block *block) {
  struct place_in_heap at, other;
  if (!heap_ready || !region_find(address, &at))
    return false;
  /* In a front that two blocks lie beside, an overflow of the one before is the likelier. */
  bool before = address < at.begin + at.slot->front && at.chunk->kind == CHUNK_POISON;
  if ((before || at.slot->state == FFID_BLOCK_NONE) && region_find(at.begin - 1, &other) && other.slot->state != FFID_BLOCK_NONE)
    at = other;
  /* The closed page behind a guarded slot is the one before the next. */
  if (options.guard_before && at.chunk->kind == CHUNK_GUARD && address >= at.begin + at.room &&
      region_find(at.begin + at.room + PAGE, &other) && other.slot->state != FFID_BLOCK_NONE)
    at = other;
  if (at.slot->state == FFID_BLOCK_NONE)
    return false;
  describe(block, &at, address);
  return true;
}

bool heap_describe_truncated(uintptr_t address, uintptr_t *whole, struct ffid_block *block) {
  uintptr_t low = address & 0xffffffff, rest = address >> 32;
  if (!heap_ready || !(low >> 31) || (rest != 0 && rest != 0xffffffff))
    return false;
  for (unsigned window = 0; window < WINDOWS; window++) {
    *whole = heap_low + ((uintptr_t)window << 32) + low;
    struct place_in_heap at;
    if (region_find(*whole, &at) && at.slot->state != FFID_BLOCK_NONE) {
      describe(block, &at, *whole);
      return true;
    }
  }
  return false;
}

/* ---- begin, fork, end ----------------------------------------------------------------------------------------------------------- */

void heap_start(void) {
  if (options.heap == FFID_HEAP_OFF || heap_ready)
    return;
  same_bytes_start();
  if (quarantine_start() && region_start())
    __atomic_store_n(&heap_ready, true, __ATOMIC_RELEASE);
}

void heap_before_fork(void) { heap_lock(); }

void heap_after_fork(bool child) {
  if (!child) {
    heap_unlock();
    return;
  }
  heap_lock_reset();
  if (options.heap == FFID_HEAP_GUARD && heap_ready)
    guard_after_fork();
}

static void check_at_exit(const struct place_in_heap *at, void *unused) {
  (void)unused;
  if (at->slot->state == FFID_BLOCK_LIVE)
    canaries_check(at, &(struct finding){.at = FFID_FOUND_EXIT});
}

void heap_finish(void) {
  static bool finished;
  if (!heap_ready || __atomic_exchange_n(&finished, true, __ATOMIC_RELAXED))
    return;
  heap_lock();
  region_each(check_at_exit, NULL);
  quarantine_check();
  heap_unlock();
  if (options.leaks)
    leaks_look();
}
