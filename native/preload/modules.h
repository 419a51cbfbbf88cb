#ifndef FFI_DOCTOR_MODULES_H
#define FFI_DOCTOR_MODULES_H

#include <link.h>

#include "elf_tables.h"
#include "recorder.h"

/*
 * imports.c: a module's imports of malloc and its like become ours. False where the dynamic linker has not filled in all of them yet.
 * Called with the dynamic linker's list held still.
 */
bool imports_change(const struct module *module, const struct elf_tables *tables, const struct dl_phdr_info *info);

#endif
