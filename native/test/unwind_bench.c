// sources: ../preload/unwind.c ../preload/rules.c ../preload/cfi.c ../preload/cfi_expression.c ../preload/sys.c
// flags: -fomit-frame-pointer
/* Nanoseconds of a walk, warm: the median of some batches. `run.sh unwind_bench.c` shows it. */
#include <stdio.h>
#include <stdlib.h>

#include "unwind_stubs.h"

enum { BATCHES = 15, WALKS = 20000 };

static struct stack stack;

static __attribute__((noipa, optimize("no-omit-frame-pointer"))) void walk(unsigned limit) {
  struct place place;
  PLACE_OF_CALLER(&place);
  unwind_from(&stack, &place, false, limit);
  __asm__ volatile("" ::: "memory");
}

static int by_number(const void *a, const void *b) { return *(const double *)a < *(const double *)b ? -1 : 1; }

static __attribute__((noipa)) void measure(unsigned limit) {
  double each[BATCHES];
  for (unsigned batch = 0; batch < BATCHES; batch++) {
    uint64_t before = sys_now(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < WALKS; i++)
      walk(limit);
    each[batch] = (double)(sys_now(CLOCK_MONOTONIC) - before) / WALKS;
  }
  qsort(each, BATCHES, sizeof *each, by_number);
  printf("%2u frames: %6.1f ns\n", stack.count, each[BATCHES / 2]);
}

/* Frames that differ, so that the cache and the branch predictor have as much to do as in a program. */
#define LEVEL(name, next, room) \
  static __attribute__((noipa)) void name(unsigned limit) { \
    volatile char local[room]; \
    local[0] = 1; \
    next(limit); \
    local[1] = local[0]; \
  }
LEVEL(level1, measure, 24)
LEVEL(level2, level1, 100)
LEVEL(level3, level2, 8)
LEVEL(level4, level3, 60)
LEVEL(level5, level4, 200)
LEVEL(level6, level5, 24)
LEVEL(level7, level6, 40)
LEVEL(level8, level7, 8)
LEVEL(level9, level8, 300)
LEVEL(level10, level9, 24)
LEVEL(level11, level10, 64)
LEVEL(level12, level11, 16)
LEVEL(level13, level12, 90)
LEVEL(level14, level13, 24)
LEVEL(level15, level14, 48)
LEVEL(level16, level15, 32)

int main(void) {
  unwind_start();
  level16(4);
  level16(16);
  return 0;
}
