/* The dynamic section of a module that is mapped, as far as names and relocations go (gABI chapter 5, GNU hash tables). */
#ifndef FFI_DOCTOR_ELF_TABLES_H
#define FFI_DOCTOR_ELF_TABLES_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf_tables {
  uintptr_t base;
  const ElfW(Sym) *symbols;
  const char *names;
  const uint16_t *versions;
  const uint32_t *gnu_hash;
  const uint32_t *hash;
  const ElfW(Rela) *relocations[2];
  size_t relocation_count[2];
  size_t relative_count; /* of the first table: those at its beginning that name no symbol */
  const char *soname;
};

/* False where the module has no symbols to speak of. */
bool elf_tables_of(struct elf_tables *tables, uintptr_t base, const ElfW(Dyn) *dynamic);
/* The address of a function that it defines and exports, in its default version; 0 where it does not. */
uintptr_t elf_function(const struct elf_tables *tables, const char *name);

#endif
