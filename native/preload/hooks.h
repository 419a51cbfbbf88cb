/* The allocation functions that take the place of the process's own: for libraries in question, and for everybody. */
#ifndef FFI_DOCTOR_HOOKS_H
#define FFI_DOCTOR_HOOKS_H

#include <stdint.h>

struct hook {
  const char *name;
  uintptr_t in_question; /* what an import of a library in question becomes */
  uintptr_t everywhere;  /* what all others find; 0 where that is the process's own */
};
extern const struct hook hooks[];
extern const unsigned hook_count;

#endif
