/* The bytes around blocks and in freed ones: what they were set to, and which of them somebody changed. */
#include "heap.h"

#include <string.h>

enum {
  /* More rear canary than this is not looked at: what goes further hits the next block's front. */
  MOST_REAR = 1024,
  MOST_ERRORS = 500,
};

static uint32_t errors;

static uint8_t canary(void) {
  /* Neither of the fills, no text, and none of CPython's own (0xcd, 0xdd, 0xfd). */
  uint8_t candidate = 0xca;
  while (candidate == options.alloc_fill || candidate == options.free_fill)
    candidate++;
  return candidate;
}

void describe(struct ffid_block *block, const struct place_in_heap *at, uintptr_t address) {
  const struct slot *slot = at->slot;
  *block = (struct ffid_block){
      .address = block_of(at),
      .size = slot->size,
      .offset = (int64_t)(address - block_of(at)),
      .state = slot->state,
      .alloc_family = slot->alloc_family,
      .free_family = slot->free_family,
      .alloc_stack = slot->alloc_stack,
      .free_stack = slot->free_stack,
      .alloc_tid = slot->alloc_tid,
      .free_tid = slot->free_tid,
      .alloc_ticks = slot->alloc_ticks,
      .free_ticks = slot->free_ticks,
      .checked_ticks = slot->checked_ticks,
      .module = slot->module,
      .guarded = at->chunk->kind == CHUNK_GUARD,
  };
}

/* Errors are few: their stacks reach beyond the boundary, into the host. */
static uint32_t whole_stack(const struct place *caller) {
  struct stack stack;
  if (caller == NULL || options.stacks == FFID_STACKS_OFF)
    return 0;
  unwind_from(&stack, caller, false, STACK_LIMIT);
  return depot_put(&stack);
}

static struct ffid_heap_error *begin(enum ffid_heap_error_kind error, const struct finding *found, uintptr_t address,
                                     const struct place_in_heap *at) {
  if (__atomic_fetch_add(&errors, 1, __ATOMIC_RELAXED) >= MOST_ERRORS) {
    box_count(FFID_COUNT_ERRORS_OMITTED, 1);
    return NULL;
  }
  uint32_t stack = whole_stack(found->caller);
  struct ffid_heap_error *record = box_begin(FFID_HEAP_ERROR, sizeof *record);
  if (record == NULL)
    return NULL;
  record->error = error;
  record->found_at = found->at;
  record->address = address;
  record->stack = stack;
  record->family = found->family;
  if (at != NULL)
    describe(&record->block, at, address);
  return record;
}

void report(enum ffid_heap_error_kind error, const struct finding *found, uintptr_t address, const struct place_in_heap *at) {
  box_end(begin(error, found, address, at));
}

/* The changed bytes of a range that was set to one value, and sets them back. */
static void report_changed(enum ffid_heap_error_kind error, const struct finding *found, const struct place_in_heap *at, uint8_t *from,
                           size_t size, uint8_t was) {
  struct ffid_heap_error *record = NULL;
  uint64_t total = 0;
  for (size_t i = 0; i < size; i++) {
    if (from[i] == was)
      continue;
    int64_t offset = (int64_t)((uintptr_t)&from[i] - block_of(at));
    if (total++ == 0)
      record = begin(error, found, (uintptr_t)&from[i], at);
    if (record != NULL) {
      if (record->changed_shown < FFID_CHANGED_SHOWN)
        record->changed[record->changed_shown++] = (struct ffid_changed){(int32_t)offset, from[i], was, 0};
      record->changed_last = offset;
      record->changed_total = total;
    }
  }
  memset(from, was, size);
  box_end(record);
}

/* What lies before and behind the block within its slot. In a guarded slot it is the fill that its pages were opened with. */
static void around(const struct place_in_heap *at, uint8_t **front, size_t *front_size, uint8_t **rear, size_t *rear_size) {
  uintptr_t block = block_of(at), end = block + at->slot->size, slot_end = at->begin + at->room;
  *front_size = at->slot->front < 64 ? at->slot->front : 64;
  *front = (uint8_t *)(block - *front_size);
  *rear = (uint8_t *)end;
  *rear_size = slot_end - end < MOST_REAR ? slot_end - end : MOST_REAR;
}

void canaries_put(const struct place_in_heap *at) {
  uint8_t *front, *rear;
  size_t front_size, rear_size;
  around(at, &front, &front_size, &rear, &rear_size);
  memset(front, canary(), front_size);
  memset(rear, canary(), rear_size);
}

static bool is_packed(const struct place_in_heap *at) {
  return at->chunk->kind == CHUNK_POISON && at->chunk->bytes == 0 && at->slot->state != FFID_BLOCK_NONE;
}

/* Whether what was written before or into a slot went on up to its end, and may so have reached the next. */
static bool reaches_end(const struct place_in_heap *at) {
  uint8_t *front, *rear;
  size_t front_size, rear_size;
  around(at, &front, &front_size, &rear, &rear_size);
  return rear_size > 0 && rear[rear_size - 1] != canary();
}

static bool front_is_whole(const struct place_in_heap *at) {
  uint8_t *front, *rear;
  size_t front_size, rear_size;
  around(at, &front, &front_size, &rear, &rear_size);
  return same_bytes(front, front_size, canary());
}

/* What went beyond a slot's end into those behind it is the same mistake: their marks are set right, and nothing is said of them. */
static void mend_behind(const struct place_in_heap *at) {
  struct place_in_heap next = *at;
  bool on = reaches_end(at);
  while (on && region_find(next.begin + next.room, &next) && is_packed(&next) && !front_is_whole(&next)) {
    on = reaches_end(&next);
    canaries_put(&next);
    if (next.slot->state == FFID_BLOCK_FREED)
      memset((void *)block_of(&next), options.free_fill, next.slot->size);
  }
}

static void report_overflow(const struct place_in_heap *at, const struct finding *found) {
  uint8_t *front, *rear;
  size_t front_size, rear_size;
  around(at, &front, &front_size, &rear, &rear_size);
  if (is_packed(at))
    mend_behind(at);
  report_changed(FFID_ERROR_OVERFLOW, found, at, rear, rear_size, canary());
}

/* The block in memory before this one that wrote beyond its end and up to here. */
static bool overrun_by_neighbour(const struct place_in_heap *at, const struct finding *found) {
  struct place_in_heap before, culprit = *at;
  while (region_find(culprit.begin - 1, &before) && is_packed(&before) && before.slot->state == FFID_BLOCK_LIVE &&
         reaches_end(&before)) {
    culprit = before;
    if (front_is_whole(&culprit))
      break;
  }
  if (culprit.slot == at->slot)
    return false;
  report_overflow(&culprit, found);
  return true;
}

void canaries_check(const struct place_in_heap *at, const struct finding *found) {
  uint8_t *front, *rear;
  size_t front_size, rear_size;
  around(at, &front, &front_size, &rear, &rear_size);
  if (UNLIKELY(!same_bytes(front, front_size, canary()))) {
    if (overrun_by_neighbour(at, found))
      memset(front, canary(), front_size);
    else
      report_changed(FFID_ERROR_UNDERFLOW, found, at, front, front_size, canary());
  }
  if (UNLIKELY(!same_bytes(rear, rear_size, canary())))
    report_overflow(at, found);
  at->slot->checked_ticks = sys_ticks();
}

void fill_check(const struct place_in_heap *at, const struct finding *found) {
  uint8_t *block = (uint8_t *)block_of(at);
  if (UNLIKELY(!same_bytes(block, at->slot->size, options.free_fill)))
    report_changed(FFID_ERROR_WRITE_AFTER_FREE, found, at, block, at->slot->size, options.free_fill);
}
