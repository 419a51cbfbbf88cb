#ifndef FFI_DOCTOR_GUARD_H
#define FFI_DOCTOR_GUARD_H

#include "recorder.h"

enum {
  GUARD_BATCH = 64, /* ranges that are closed together */
  /* Linux 6.13 (include/uapi/asm-generic/mman-common.h); older headers have no names for them. */
  MADV_GUARD_INSTALL_NUMBER = 102,
  MADV_GUARD_REMOVE_NUMBER = 103,
};

/* userfault.c: pages that nobody put there raise SIGBUS. 0, or the error. */
int userfault_start(uintptr_t low, size_t size, uint8_t fill);
bool userfault_open(uintptr_t address, size_t size);
void userfault_after_fork(void);

#endif
