/* A lock of two states and a third for those who wait (Drepper, "Futexes Are Tricky", section 5). */
#include <linux/futex.h>

#include "heap.h"

static uint32_t word;

void heap_lock(void) {
  uint32_t free = 0;
  if (LIKELY(__atomic_compare_exchange_n(&word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))
    return;
  for (unsigned spins = 0; spins < 100; spins++) {
    __builtin_ia32_pause();
    free = 0;
    if (__atomic_load_n(&word, __ATOMIC_RELAXED) == 0 &&
        __atomic_compare_exchange_n(&word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return;
  }
  while (__atomic_exchange_n(&word, 2, __ATOMIC_ACQUIRE) != 0)
    (void)sys(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, 0);
}

void heap_unlock(void) {
  if (__atomic_exchange_n(&word, 0, __ATOMIC_RELEASE) == 2)
    (void)sys(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
}

void heap_lock_reset(void) { word = 0; }
