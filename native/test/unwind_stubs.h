/* What unwind.c wants of the recorder's other parts, where a test is not of them. */
#ifndef FFI_DOCTOR_UNWIND_STUBS_H
#define FFI_DOCTOR_UNWIND_STUBS_H

#include <dlfcn.h>

#include "recorder.h"

static uintptr_t question_low, question_high;
static bool without_find_object;

bool in_question(uintptr_t address) { return address >= question_low && address < question_high; }
const struct module *module_of(uintptr_t address) {
  static __thread struct module module;
  struct dl_find_object found;
  if (_dl_find_object((void *)address, &found) != 0)
    return NULL;
  module.low = (uintptr_t)found.dlfo_map_start;
  module.high = (uintptr_t)found.dlfo_map_end;
  module.eh_frame_header = (uintptr_t)found.dlfo_eh_frame;
  return &module;
}
void *real_function(const char *name) { return without_find_object ? NULL : dlsym(RTLD_DEFAULT, name); }

#endif
