/* Freed blocks, kept from being used again for a while: what is written to them shows. */
#include <string.h>
#include <sys/mman.h>

#include "guard.h"
#include "heap.h"

enum {
  CLOSED_AT_ONCE = 2048,
  TICKS_EACH = 1 << 18, /* about a tenth of a millisecond */
  KEPT = 1 << 18,       /* freed blocks that are kept aside at most */
};

/* Freed blocks, the oldest first. */
static struct kept {
  uintptr_t begin;
  uint32_t bytes;
} *kept;
static const struct finding eviction = {.at = FFID_FOUND_EVICTION};
static uint64_t kept_first, kept_next;
static size_t kept_bytes;

static struct place_in_heap closing[GUARD_BATCH];
static unsigned closing_count;


bool quarantine_start(void) {
  kept = sys_pages(KEPT * sizeof *kept);
  return kept != NULL;
}

/* ---- guarded and large ones: their pages are closed ------------------------------------------------------------------------------- */

static void close_batch(void) {
  struct guard_range ranges[GUARD_BATCH];
  for (unsigned i = 1; i < closing_count; i++) {
    struct place_in_heap one = closing[i];
    unsigned j = i;
    for (; j > 0 && closing[j - 1].begin > one.begin; j--)
      closing[j] = closing[j - 1];
    closing[j] = one;
  }
  for (unsigned i = 0; i < closing_count; i++) {
    fill_check(&closing[i], &eviction);
    ranges[i] = (struct guard_range){closing[i].begin, closing[i].room};
  }
  guard_close_all(ranges, closing_count);
  for (unsigned i = 0; i < closing_count; i++)
    region_give_back(&closing[i]);
  closing_count = 0;
}

/*
 * Whether a block may be closed at once, so that the very next use of it faults. That costs a system call, and more where another core
 * runs the process, too: a program may have it so many times, and again as time goes by; one that frees faster has them closed together.
 */
static bool may_close_at_once(uint64_t now) {
  static uint64_t last;
  static uint32_t allowed = CLOSED_AT_ONCE;
  uint64_t earned = (now - last) / TICKS_EACH;
  if (earned > 0) {
    allowed = allowed + earned > CLOSED_AT_ONCE ? CLOSED_AT_ONCE : allowed + (uint32_t)earned;
    last = now;
  }
  return allowed > 0 && allowed-- > 0;
}

static void close_guarded(const struct place_in_heap *at) {
  heap_lock();
  closing[closing_count++] = *at;
  if (closing_count == GUARD_BATCH || may_close_at_once(at->slot->free_ticks))
    close_batch();
  heap_unlock();
}

/* Filling it would cost more than its use; whoever still uses it faults. */
static void close_large(const struct place_in_heap *at) {
  (void)sys(SYS_madvise, at->begin, at->room, MADV_DONTNEED);
  (void)sys(SYS_mprotect, at->begin, at->room, PROT_NONE);
  heap_lock();
  region_give_back(at);
  heap_unlock();
}

/* ---- all others ------------------------------------------------------------------------------------------------------------------- */

/* The next to be looked at was put aside long ago, and is in no near cache: what is asked for now is there then. */
static void fetch(const struct kept *next) {
  enum { LINE = 64, MOST_FETCHED = 2048 };
  uint32_t bytes = next->bytes < MOST_FETCHED ? next->bytes : MOST_FETCHED;
  for (uint32_t at = 0; at < bytes; at += LINE)
    __builtin_prefetch((const char *)next->begin + at);
}

/* The oldest of those that are kept, as many as make room for one more. */
void quarantine_make_room(const struct place_in_heap *at, struct evicted *evicted) {
  evicted->count = 0;
  if (at->chunk->kind == CHUNK_GUARD || is_large(at))
    return;
  while (evicted->count < EVICTED_AT_ONCE && kept_first != kept_next &&
         (kept_bytes + at->room > options.quarantine || kept_next - kept_first == KEPT)) {
    struct kept first = kept[kept_first++ % KEPT];
    kept_bytes -= first.bytes;
    if (region_find(first.begin, &evicted->places[evicted->count]))
      evicted->count++;
  }
  fetch(&kept[kept_first % KEPT]);
}

static void put_aside(const struct place_in_heap *at, const struct evicted *evicted) {
  for (unsigned i = 0; i < evicted->count; i++)
    fill_check(&evicted->places[i], &eviction);
  heap_lock();
  for (unsigned i = 0; i < evicted->count; i++)
    region_give_back(&evicted->places[i]);
  if (kept_next - kept_first < KEPT) {
    kept[kept_next++ % KEPT] = (struct kept){at->begin, (uint32_t)at->room};
    kept_bytes += at->room;
  } else
    region_give_back(at);
  heap_unlock();
}

void quarantine_put(const struct place_in_heap *at, const struct evicted *evicted) {
  if (is_large(at)) {
    close_large(at);
    return;
  }
  memset((void *)block_of(at), options.free_fill, at->slot->size);
  if (at->chunk->kind == CHUNK_GUARD)
    close_guarded(at);
  else
    put_aside(at, evicted);
}

void quarantine_check(void) {
  for (; kept_first != kept_next; kept_first++) {
    struct place_in_heap at;
    if (region_find(kept[kept_first % KEPT].begin, &at))
      fill_check(&at, &(struct finding){.at = FFID_FOUND_EXIT});
  }
  close_batch();
}
