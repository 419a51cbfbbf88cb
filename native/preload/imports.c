/*
 * The imports of a module: slots that the dynamic linker fills in with addresses of functions. A return address would not tell whose
 * allocation it is, as `return malloc(n);` is a jump.
 */
#include <errno.h>
#include <fcntl.h>

#include "hooks.h"
#include "modules.h"

static uintptr_t real_of[64];

static const struct hook *hook_named(const char *name) {
  for (unsigned i = 0; i < hook_count; i++)
    if (hooks[i].name[0] == name[0] && text_equal(hooks[i].name, name))
      return &hooks[i];
  return NULL;
}

/* What the slot is to hold; 0 where it is to stay. */
static uintptr_t wanted(const struct hook *hook, bool question, uintptr_t now) {
  if (question && hook->in_question != 0)
    return hook->in_question;
  /* A library that was loaded with RTLD_DEEPBIND found libc's own free: our blocks are not libc's to free. */
  unsigned i = (unsigned)(hook - hooks);
  if (hook->everywhere == 0 || i >= sizeof real_of / sizeof *real_of)
    return 0;
  if (real_of[i] == 0)
    real_of[i] = (uintptr_t)real_function(hook->name);
  return now == real_of[i] ? hook->everywhere : 0;
}

/*
 * Before ld.so came by, a slot holds 0, or the offset of its PLT entry, to which ld.so will add the base: what was written there before
 * would become nonsense.
 */
static bool is_relocated(const struct module *module, unsigned type, uintptr_t now) {
  if (type == R_X86_64_JUMP_SLOT)
    return module->base == 0 || now >= module->high - module->base;
  return now != 0;
}

static bool in_relro(const struct dl_phdr_info *info, uintptr_t slot) {
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    uintptr_t start = (info->dlpi_addr + header->p_vaddr) & ~(uintptr_t)4095;
    uintptr_t end = (info->dlpi_addr + header->p_vaddr + header->p_memsz + 4095) & ~(uintptr_t)4095;
    if (header->p_type == PT_GNU_RELRO && slot - start < end - start)
      return true;
  }
  return false;
}

/* By the kernel, where the page is read-only: changing its protection would race with the dynamic linker, which may be at it. */
static int write_slot(const struct dl_phdr_info *info, uintptr_t slot, uintptr_t value) {
  if (!in_relro(info, slot)) {
    __atomic_store_n((uintptr_t *)slot, value, __ATOMIC_RELEASE);
    return 0;
  }
  long fd = sys(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return (int)-fd;
  long written = sys(SYS_pwrite64, fd, &value, sizeof value, slot);
  (void)sys(SYS_close, fd);
  return written == (long)sizeof value ? 0 : written < 0 ? (int)-written : EIO;
}

bool imports_change(const struct module *module, const struct elf_tables *tables, const struct dl_phdr_info *info) {
  static uint32_t refused;
  bool question = module->flags & FFID_MODULE_QUESTION, whole = true;
  for (unsigned table = 0; table < 2; table++) {
    const ElfW(Rela) *relocation = tables->relocations[table];
    const ElfW(Rela) *end = relocation + tables->relocation_count[table];
    /* Those that name no symbol come first, and may be hundreds of thousands. */
    relocation += table == 0 ? tables->relative_count : 0;
    for (; tables->relocations[table] != NULL && relocation < end; relocation++) {
      unsigned type = ELF64_R_TYPE(relocation->r_info);
      if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && (type != R_X86_64_64 || relocation->r_addend != 0))
        continue;
      const ElfW(Sym) *symbol = &tables->symbols[ELF64_R_SYM(relocation->r_info)];
      const struct hook *hook = symbol->st_name == 0 ? NULL : hook_named(tables->names + symbol->st_name);
      if (hook == NULL)
        continue;
      uintptr_t slot = module->base + relocation->r_offset, now = *(uintptr_t *)slot;
      if (!is_relocated(module, type, now)) {
        whole = false;
        continue;
      }
      uintptr_t value = wanted(hook, question, now);
      if (value == 0 || value == now)
        continue;
      int error = write_slot(info, slot, value);
      if (error != 0 && refused != module->id) {
        refused = module->id;
        box_note(FFID_NOTE_IMPORTS_READ_ONLY, module->id, (uint64_t)error, NULL);
      }
    }
  }
  return whole;
}
