#include "elf_tables.h"

#include "sys.h"

enum { VERSION_HIDDEN = 0x8000 };

/* ld.so has put the base into the pointers of the dynamic section already, but not in the vdso's, nor where that is read-only. */
static uintptr_t address(uintptr_t base, ElfW(Addr) value) { return value < base ? base + value : value; }

bool elf_tables_of(struct elf_tables *tables, uintptr_t base, const ElfW(Dyn) *dynamic) {
  *tables = (struct elf_tables){.base = base};
  uintptr_t soname = 0;
  bool has_soname = false;
  for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
    uintptr_t at = address(base, dynamic->d_un.d_ptr);
    switch (dynamic->d_tag) {
    case DT_SYMTAB: tables->symbols = (const void *)at; break;
    case DT_STRTAB: tables->names = (const void *)at; break;
    case DT_VERSYM: tables->versions = (const void *)at; break;
    case DT_GNU_HASH: tables->gnu_hash = (const void *)at; break;
    case DT_HASH: tables->hash = (const void *)at; break;
    case DT_RELA: tables->relocations[0] = (const void *)at; break;
    case DT_JMPREL: tables->relocations[1] = (const void *)at; break;
    case DT_RELASZ: tables->relocation_count[0] = dynamic->d_un.d_val / sizeof(ElfW(Rela)); break;
    case DT_PLTRELSZ: tables->relocation_count[1] = dynamic->d_un.d_val / sizeof(ElfW(Rela)); break;
    case DT_RELACOUNT: tables->relative_count = dynamic->d_un.d_val; break;
    case DT_SONAME: soname = dynamic->d_un.d_val, has_soname = true; break;
    }
  }
  if (tables->symbols == NULL || tables->names == NULL)
    return false;
  if (has_soname)
    tables->soname = tables->names + soname;
  return true;
}

static uintptr_t if_it(const struct elf_tables *tables, uint32_t index, const char *name) {
  const ElfW(Sym) *symbol = &tables->symbols[index];
  unsigned type = ELF64_ST_TYPE(symbol->st_info);
  if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0 || (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_OBJECT) ||
      (tables->versions != NULL && (tables->versions[index] & VERSION_HIDDEN)) || !text_equal(tables->names + symbol->st_name, name))
    return 0;
  uintptr_t at = tables->base + symbol->st_value;
  return type == STT_GNU_IFUNC ? ((uintptr_t (*)(void))at)() : at;
}

static uintptr_t by_gnu_hash(const struct elf_tables *tables, const char *name) {
  const uint32_t *table = tables->gnu_hash;
  uint32_t buckets = table[0], first = table[1], bloom = table[2];
  const uint32_t *bucket = table + 4 + bloom * 2, *chain = bucket + buckets;
  uint32_t hash = 5381;
  for (const char *p = name; *p != '\0'; p++)
    hash = hash * 33 + (unsigned char)*p;
  uint32_t i = buckets == 0 ? 0 : bucket[hash % buckets];
  for (; i >= first && i != 0; i++) {
    uint32_t value = chain[i - first];
    if ((value | 1) == (hash | 1)) {
      uintptr_t found = if_it(tables, i, name);
      if (found != 0)
        return found;
    }
    if (value & 1)
      break;
  }
  return 0;
}

uintptr_t elf_function(const struct elf_tables *tables, const char *name) {
  if (tables->gnu_hash != NULL)
    return by_gnu_hash(tables, name);
  /* The old table's second word counts the symbols. */
  for (uint32_t i = 1; tables->hash != NULL && i < tables->hash[1]; i++) {
    uintptr_t found = if_it(tables, i, name);
    if (found != 0)
      return found;
  }
  return 0;
}
