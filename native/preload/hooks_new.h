/* operator new and delete in all their forms, by the names of the Itanium C++ ABI (section 5.1.5). */
#ifndef FFI_DOCTOR_HOOKS_NEW_H
#define FFI_DOCTOR_HOOKS_NEW_H

#include <stddef.h>
#include <stdint.h>

/* (size), (size, nothrow), (size, alignment), (size, alignment, nothrow), each for one and for many: index, name, family, aligned. */
#define NEW_FORMS(X)                                                                                                                   \
  X(0, "_Znwm", FFID_FAMILY_NEW, false)                                                                                                \
  X(1, "_ZnwmRKSt9nothrow_t", FFID_FAMILY_NEW, false)                                                                                  \
  X(2, "_ZnwmSt11align_val_t", FFID_FAMILY_NEW, true)                                                                                  \
  X(3, "_ZnwmSt11align_val_tRKSt9nothrow_t", FFID_FAMILY_NEW, true)                                                                    \
  X(4, "_Znam", FFID_FAMILY_NEW_ARRAY, false)                                                                                          \
  X(5, "_ZnamRKSt9nothrow_t", FFID_FAMILY_NEW_ARRAY, false)                                                                            \
  X(6, "_ZnamSt11align_val_t", FFID_FAMILY_NEW_ARRAY, true)                                                                            \
  X(7, "_ZnamSt11align_val_tRKSt9nothrow_t", FFID_FAMILY_NEW_ARRAY, true)

/* (block), (block, size), (block, alignment), (block, size, alignment), and with nothrow: index, name, family. */
#define DELETE_FORMS(X)                                                                                                                \
  X(0, "_ZdlPv", FFID_FAMILY_NEW)                                                                                                      \
  X(1, "_ZdlPvm", FFID_FAMILY_NEW)                                                                                                     \
  X(2, "_ZdlPvSt11align_val_t", FFID_FAMILY_NEW)                                                                                       \
  X(3, "_ZdlPvmSt11align_val_t", FFID_FAMILY_NEW)                                                                                      \
  X(4, "_ZdlPvRKSt9nothrow_t", FFID_FAMILY_NEW)                                                                                        \
  X(5, "_ZdlPvSt11align_val_tRKSt9nothrow_t", FFID_FAMILY_NEW)                                                                         \
  X(6, "_ZdaPv", FFID_FAMILY_NEW_ARRAY)                                                                                                \
  X(7, "_ZdaPvm", FFID_FAMILY_NEW_ARRAY)                                                                                               \
  X(8, "_ZdaPvSt11align_val_t", FFID_FAMILY_NEW_ARRAY)                                                                                 \
  X(9, "_ZdaPvmSt11align_val_t", FFID_FAMILY_NEW_ARRAY)                                                                                \
  X(10, "_ZdaPvRKSt9nothrow_t", FFID_FAMILY_NEW_ARRAY)                                                                                 \
  X(11, "_ZdaPvSt11align_val_tRKSt9nothrow_t", FFID_FAMILY_NEW_ARRAY)

#define DECLARE_NEW(index, symbol, family, aligned) void *own_new_##index(size_t size, uintptr_t second, uintptr_t third);
NEW_FORMS(DECLARE_NEW)
#undef DECLARE_NEW
#define DECLARE_DELETE(index, symbol, family)                                                                                          \
  __attribute__((visibility("default"))) void delete_##index(void *block, uintptr_t second, uintptr_t third) __asm__(symbol);
DELETE_FORMS(DECLARE_DELETE)
#undef DECLARE_DELETE

#endif
