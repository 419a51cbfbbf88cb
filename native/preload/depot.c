/* Stacks, each written once: a hash table of ids in private memory, the stacks themselves in the journal. */
#include "recorder.h"

#include <string.h>

enum { SLOTS = 1 << 16, PROBES = 64 };

struct slot {
  uint64_t hash; /* 0: free */
  uint32_t id;   /* 0: being written */
};
static struct slot *slots;
static uint32_t next_id = 1;

uint32_t depot_next(void) { return next_id; }

static uint64_t hash_of(const struct stack *stack) {
  uint64_t hash = stack->count * 0x9e3779b97f4a7c15u ^ stack->flags;
  for (uint32_t i = 0; i < stack->count; i++) {
    hash = (hash ^ stack->pcs[i]) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return hash | 1;
}

static uint32_t written(const struct stack *stack) {
  size_t size = stack->count * sizeof *stack->pcs;
  struct ffid_stack *record = box_begin(FFID_STACK, sizeof *record + size);
  if (record == NULL)
    return 0;
  uint32_t id = __atomic_fetch_add(&next_id, 1, __ATOMIC_RELAXED);
  record->id = id;
  record->count = stack->count;
  record->flags = stack->flags;
  record->end = stack->end;
  memcpy(record->pcs, stack->pcs, size);
  box_end(record);
  box_count(FFID_COUNT_STACKS, 1);
  return id;
}

/* Its table is made when the first box is, so that a signal's handler finds it there. */
void depot_start(void) {
  if (slots == NULL)
    slots = sys_pages(SLOTS * sizeof *slots);
}

uint32_t depot_put(const struct stack *stack) {
  if (stack->count == 0)
    return 0;
  if (stack->end != FFID_END_OUTERMOST && stack->end != FFID_END_BOUNDARY)
    box_count(FFID_COUNT_STACKS_TRUNCATED, 1);
  if (slots == NULL)
    return written(stack);
  uint64_t hash = hash_of(stack);
  for (unsigned i = 0; i < PROBES; i++) {
    struct slot *slot = &slots[(hash + i) % SLOTS];
    uint64_t there = __atomic_load_n(&slot->hash, __ATOMIC_ACQUIRE);
    if (there == 0 && __atomic_compare_exchange_n(&slot->hash, &there, hash, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      uint32_t id = written(stack);
      __atomic_store_n(&slot->id, id, __ATOMIC_RELEASE);
      return id;
    }
    if (there == hash) {
      uint32_t id = __atomic_load_n(&slot->id, __ATOMIC_ACQUIRE);
      /* Another thread is just writing it, or this one was interrupted there: once more does no harm. */
      return id != 0 ? id : written(stack);
    }
  }
  return written(stack);
}
