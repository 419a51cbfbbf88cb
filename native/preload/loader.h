/* What the dynamic linker does is noticed by its own allocations: dlopen itself cannot be hooked, as it looks at who called it. */
#ifndef FFI_DOCTOR_LOADER_H
#define FFI_DOCTOR_LOADER_H

#include "recorder.h"

extern uintptr_t loader_low, loader_size;
static inline bool loader_calls(uintptr_t caller) { return caller - loader_low < loader_size; }
/* After an allocation of the dynamic linker's or when a look is due. False for its own allocations. */
bool loader_noticed(uintptr_t caller);
void loader_start(void);

#endif
