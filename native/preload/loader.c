#include "loader.h"

#include <dlfcn.h>
#include <link.h>

#include "elf_tables.h"
#include "hooks.h"

uintptr_t loader_low, loader_size;
/* Where malloc is the program's own, the dynamic linker calls that one, and we do not hear of it. */
static bool unheard;

static void *(*program_dlsym)(void *, const char *);
static void *(*program_dlvsym)(void *, const char *, const char *);

static void find(void) {
  program_dlvsym = real_function("dlvsym");
  __atomic_store_n((void **)&program_dlsym, real_function("dlsym"), __ATOMIC_RELEASE);
}

void loader_start(void) {
  const ElfW(Ehdr) *loader = (const void *)_r_debug.r_ldbase;
  if (loader == NULL)
    return;
  const ElfW(Phdr) *header = (const void *)((uintptr_t)loader + loader->e_phoff);
  uintptr_t high = 0;
  for (unsigned i = 0; i < loader->e_phnum; i++)
    if (header[i].p_type == PT_LOAD && header[i].p_vaddr + header[i].p_memsz > high)
      high = header[i].p_vaddr + header[i].p_memsz;
  loader_low = (uintptr_t)loader;
  loader_size = high;
  find();
  /* The program comes first in the order of lookup, so that its own malloc is the one that everybody finds. */
  struct elf_tables tables;
  const struct link_map *program = _r_debug.r_map;
  unheard = program != NULL && elf_tables_of(&tables, program->l_addr, program->l_ld) && elf_function(&tables, "malloc") != 0;
  if (unheard)
    box_note(FFID_NOTE_OTHER_ALLOCATOR, 0, 0, "the program");
}

bool loader_noticed(uintptr_t caller) {
  if (loader_calls(caller)) {
    modules_touched();
    return false;
  }
  modules_refresh();
  return true;
}

/* libc's own free, asked for by name from libc itself, cannot take our blocks: whoever asks gets ours. */
static void *ours_for(const char *name, void *found) {
  for (unsigned i = 0; i < hook_count; i++)
    if (hooks[i].everywhere != 0 && name[0] == hooks[i].name[0] && text_equal(name, hooks[i].name))
      return found == real_function(name) ? (void *)hooks[i].everywhere : found;
  return found;
}

static bool is_hook(const char *name) {
  for (unsigned i = 0; name != NULL && i < hook_count; i++)
    if (hooks[i].everywhere != 0 && name[0] == hooks[i].name[0] && text_equal(name, hooks[i].name))
      return true;
  return false;
}

static void *named(void *handle, const char *name) { return ours_for(name, program_dlsym(handle, name)); }
static void *named_version(void *handle, const char *name, const char *version) {
  return ours_for(name, program_dlvsym(handle, name, version));
}

/* Where a call of dlsym is to go on. With RTLD_NEXT and RTLD_DEFAULT it looks at who called it, and must not find us there. */
static bool is_for_us(void *handle, const char *name) {
  if (UNLIKELY(program_dlsym == NULL))
    find();
  if (modules_due || unheard)
    modules_refresh();
  return handle != RTLD_NEXT && handle != RTLD_DEFAULT && is_hook(name);
}

void *loader_route(void *handle, const char *name);
void *loader_route_version(void *handle, const char *name);

__attribute__((used)) void *loader_route(void *handle, const char *name) {
  return is_for_us(handle, name) ? (void *)named : (void *)program_dlsym;
}

__attribute__((used)) void *loader_route_version(void *handle, const char *name) {
  return is_for_us(handle, name) ? (void *)named_version : (void *)program_dlvsym;
}

/* Nobody is told when a library goes, and its data is gone then. */
EXPORTED int dlclose(void *handle) {
  static int (*program_dlclose)(void *);
  if (UNLIKELY(program_dlclose == NULL))
    *(void **)&program_dlclose = real_function("dlclose");
  const struct link_map *volatile map = handle;
  if (options.leaks && map != NULL) {
    const struct module *module = module_in_question((uintptr_t)map->l_ld);
    if (module != NULL)
      leaks_remember(module);
  }
  return program_dlclose(handle);
}

/* A jump in place of a call, so that dlsym's caller stays its caller. */
#define JUMP(name, route)                                                                                                              \
  __asm__(".text\n.globl " name "\n.type " name ", @function\n" name ":\n"                                                             \
          "  .cfi_startproc\n  endbr64\n"                                                                                              \
          "  push %rdi\n  .cfi_adjust_cfa_offset 8\n  push %rsi\n  .cfi_adjust_cfa_offset 8\n"                                         \
          "  push %rdx\n  .cfi_adjust_cfa_offset 8\n"                                                                                  \
          "  call " route "\n"                                                                                                         \
          "  pop %rdx\n  .cfi_adjust_cfa_offset -8\n  pop %rsi\n  .cfi_adjust_cfa_offset -8\n"                                         \
          "  pop %rdi\n  .cfi_adjust_cfa_offset -8\n"                                                                                  \
          "  jmp *%rax\n  .cfi_endproc\n.size " name ", .-" name "\n")
JUMP("dlsym", "loader_route");
JUMP("dlvsym", "loader_route_version");
