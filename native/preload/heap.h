/* Watched blocks: where they lie, and what is known of each. Only for the heap's own files. */
#ifndef FFI_DOCTOR_HEAP_H
#define FFI_DOCTOR_HEAP_H

#include "recorder.h"

enum {
  ALIGNMENT = 16,
  FRONT = 16,                  /* canary bytes before a block, at the least */
  REAR = 16,                   /* and behind it */
  CHUNK_SHIFT = 21,
  CHUNK = 1 << CHUNK_SHIFT,
  WINDOW_CHUNKS = 1024,        /* of 2 GiB, the upper half of each 4 GiB: bit 31 of each address is set */
  WINDOWS = 16,
  POISON_WINDOWS = 4,          /* the others are for guarded blocks */
  CLASSES = 256,
  PAGE = 4096,
};

/* One block's place, and the block that it holds or held last. In private memory: a forked child has its own. */
struct slot {
  uint64_t size;
  uint64_t alloc_ticks, free_ticks, checked_ticks;
  uint32_t alloc_stack, free_stack;
  uint32_t alloc_tid, free_tid;
  uint32_t next;  /* on the list of its class: index + 1 within all slots of the class */
  uint32_t front; /* from the slot's begin to the block, in bytes */
  uint16_t module;
  uint8_t state, alloc_family, free_family, reserved[3];
};
_Static_assert(sizeof(struct slot) == 64, "a cache line");

enum chunk_kind { CHUNK_NONE, CHUNK_POISON, CHUNK_GUARD, CHUNK_REST };
struct chunk {
  uint32_t slot_size; /* for CHUNK_GUARD: with the page that stays closed */
  uint32_t slots;
  uint32_t kind;
  uint32_t first_slot; /* of its first slot among all of the class; for CHUNK_REST: how many chunks before it the slot begins */
  uint32_t size_class;
  uint64_t bytes;      /* of a slot that is larger than a chunk; else 0 */
  struct slot *meta;
};

/* Where a block is: its slot, and the slot's memory. */
struct place_in_heap {
  struct slot *slot;
  struct chunk *chunk;
  uintptr_t begin;
  size_t room;  /* bytes of the slot, without a page that stays closed */
  uint32_t index;
};

static inline uintptr_t block_of(const struct place_in_heap *at) { return at->begin + at->slot->front; }

/* ---- region.c ---- */
bool region_start(void);
/* The slot that an address lies in; false where there is none. Lock-free. */
bool region_find(uintptr_t address, struct place_in_heap *at);
/* A free slot with so much room (and, guarded, a page that stays closed); false where there is none left. The heap's lock is held. */
bool region_take(size_t room, bool guarded, struct place_in_heap *at);
void region_give_back(const struct place_in_heap *at);
/* Calls for each slot that holds or held a block. */
void region_each(void (*call)(const struct place_in_heap *at, void *data), void *data);

/* ---- same_bytes.c ---- */
void same_bytes_start(void);
bool same_bytes(const uint8_t *bytes, size_t size, uint8_t value);

/* ---- checks.c ---- */
/* When and where an error is found. */
struct finding {
  enum ffid_found_at at;
  enum ffid_family family;    /* of the function that was called */
  const struct place *caller; /* who called it; NULL where nobody did */
};
void canaries_put(const struct place_in_heap *at);
/* Writes an error for each canary that was changed, and repairs it. */
void canaries_check(const struct place_in_heap *at, const struct finding *found);
/* The same of the bytes of a freed block. */
void fill_check(const struct place_in_heap *at, const struct finding *found);
void report(enum ffid_heap_error_kind error, const struct finding *found, uintptr_t address, const struct place_in_heap *at);
void describe(struct ffid_block *block, const struct place_in_heap *at, uintptr_t address);

/* ---- quarantine.c ---- */
enum { EVICTED_AT_ONCE = 32 };
struct evicted {
  unsigned count;
  struct place_in_heap places[EVICTED_AT_ONCE];
};
static inline bool is_large(const struct place_in_heap *at) { return at->chunk->bytes != 0 && at->chunk->kind == CHUNK_POISON; }
bool quarantine_start(void);
/* Takes out what a block that is about to be put in needs room for. The heap's lock is held. */
void quarantine_make_room(const struct place_in_heap *at, struct evicted *evicted);
/* Puts a freed block in, and looks at those that were taken out. */
void quarantine_put(const struct place_in_heap *at, const struct evicted *evicted);
/* At exit: looks at all that is in it. The heap's lock is held. */
void quarantine_check(void);

/* ---- lock.c ---- */
void heap_lock(void);
void heap_unlock(void);
void heap_lock_reset(void);

/* ---- heap.c ---- */
enum heap_fill { FILL_PATTERN, FILL_ZERO };
/* A watched block for a library in question; NULL where it cannot be watched, and is to be the process's own allocator's. */
void *heap_allocate(size_t size, size_t alignment, enum heap_fill fill, enum ffid_family family, const struct place *caller);
void heap_free(uintptr_t address, enum ffid_family family, const struct place *caller);
/* NULL for no memory; the block stays then. The caller knows that the address is the heap's. */
void *heap_reallocate(uintptr_t address, size_t size, const struct place *caller);
size_t heap_usable_size(uintptr_t address);
extern bool heap_ready;

/* ---- leaks.c ---- */
void leaks_look(void);

#endif
