/*
 * The functions that the program would have had without us: the first definition in the order in which the dynamic linker looks
 * (ld.so(8): the program, what is preloaded, its libraries in order), ours left out. Without dlsym, which allocates and takes locks.
 */
#include "recorder.h"

#include <link.h>

#include "elf_tables.h"

static bool is_ours(const struct link_map *map) { return map->l_ld == _DYNAMIC; }

/* The kernel's own page is in the list, too: its functions are nobody's to call by name. */
static bool is_virtual(const struct link_map *map) { return text_starts(text_name(map->l_name), "linux-vdso"); }

static uintptr_t real_address(const char *name) {
  for (const struct link_map *map = _r_debug.r_map; map != NULL; map = map->l_next) {
    struct elf_tables tables;
    if (is_ours(map) || is_virtual(map) || !elf_tables_of(&tables, map->l_addr, map->l_ld))
      continue;
    uintptr_t found = elf_function(&tables, name);
    if (found != 0)
      return found;
  }
  return 0;
}

void *real_function(const char *name) { return (void *)real_address(name); }
