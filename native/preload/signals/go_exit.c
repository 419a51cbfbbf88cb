/*
 * Go ends by a system call of its own, with status 2 for a fatal error as for os.Exit(2). Where it is called from tells the two apart, so
 * its runtime.exit, 12 bytes without a frame, becomes a jump to ours, before Go's code has run. Other bytes stay as they are.
 */
#include "signals.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

enum { PATCH_SIZE = 12, PAGE = 4096, EXIT_STACK = 32 << 10 };

static const uint8_t runtime_exit[PATCH_SIZE] = {
    0x8b, 0x7c, 0x24, 0x08,       /* mov 8(%rsp),%edi */
    0xb8, 0xe7, 0x00, 0x00, 0x00, /* mov $231,%eax: exit_group */
    0x0f, 0x05,                   /* syscall */
    0xc3,                         /* ret */
};

/* Go calls it with little room on the stack, and from any thread: the first has this one. */
__attribute__((visibility("hidden"), used, aligned(64))) char go_exit_stack[EXIT_STACK];
__attribute__((visibility("hidden"), used)) uint32_t go_exit_begun;

void go_exit(void);
void go_exit_record(int status, uintptr_t caller, uintptr_t sp);
__attribute__((visibility("hidden"), used)) void go_exit_record(int status, uintptr_t caller, uintptr_t sp) {
  exit_record(FFID_EXIT_GO, status, caller, sp);
  heap_finish();
}

__asm__(".text\n"
        ".balign 16\n"
        ".globl go_exit\n.hidden go_exit\n.type go_exit,@function\n"
        "go_exit:\n"
        "  mov $1,%eax\n"
        "  xchg %eax,go_exit_begun(%rip)\n"
        "  mov 8(%rsp),%edi\n"
        "  test %eax,%eax\n"
        "  jnz 1f\n"
        "  mov (%rsp),%rsi\n"
        "  mov %rsp,%rdx\n"
        "  mov %edi,%ebx\n"
        "  lea go_exit_stack+32768(%rip),%rsp\n"
        "  cld\n"
        "  call go_exit_record\n"
        "  mov %ebx,%edi\n"
        "1:\n"
        "  mov $231,%eax\n"
        "  syscall\n"
        "  hlt\n"
        ".size go_exit,.-go_exit\n");

static bool made_by_go(uintptr_t base, const ElfW(Phdr) *segments, unsigned count) {
  for (unsigned i = 0; i < count; i++) {
    if (segments[i].p_type != PT_NOTE)
      continue;
    const char *at = (const char *)(base + segments[i].p_vaddr), *end = at + segments[i].p_memsz;
    while (at + sizeof(ElfW(Nhdr)) + 4 <= end) {
      const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
      if (note->n_namesz == 4 && text_equal(at + sizeof *note, "Go"))
        return true;
      at += sizeof *note + ((note->n_namesz + 3u) & ~3u) + ((note->n_descsz + 3u) & ~3u);
    }
  }
  return false;
}

bool is_go_code(uintptr_t address) {
  static uintptr_t last_go, last_other;
  if (address == __atomic_load_n(&last_go, __ATOMIC_RELAXED))
    return true;
  if (address == __atomic_load_n(&last_other, __ATOMIC_RELAXED))
    return false;
  const struct module *module = module_of(address);
  ElfW(Ehdr) header;
  bool go = module != NULL && sys_read_memory(&header, module->low, sizeof header) == sizeof header && header.e_ident[0] == ELFMAG0 &&
            made_by_go(module->base, (const ElfW(Phdr) *)(module->low + header.e_phoff), header.e_phnum);
  __atomic_store_n(go ? &last_go : &last_other, address, __ATOMIC_RELAXED);
  return go;
}

static void patch(uint8_t *at) {
  uintptr_t first = (uintptr_t)at & ~(PAGE - 1ul), end = (uintptr_t)at + PATCH_SIZE;
  /* No page is writable and executable at once: hardened kernels refuse that, and nothing of the program runs yet. */
  if (sys(SYS_mprotect, first, end - first, PROT_READ | PROT_WRITE) != 0)
    return;
  const uint64_t target = (uint64_t)go_exit;
  at[0] = 0x48, at[1] = 0xb8; /* mov $target,%rax */
  __builtin_memcpy(at + 2, &target, sizeof target);
  at[10] = 0xff, at[11] = 0xe0; /* jmp *%rax */
  sys(SYS_mprotect, first, end - first, PROT_READ | PROT_EXEC);
}

void go_exit_patch(void) {
  const ElfW(Phdr) *segments = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  const unsigned count = (unsigned)getauxval(AT_PHNUM);
  uintptr_t base = 0;
  for (unsigned i = 0; i < count; i++)
    if (segments[i].p_type == PT_PHDR)
      base = (uintptr_t)segments - segments[i].p_vaddr;
  if (segments == NULL || !made_by_go(base, segments, count))
    return;
  for (unsigned i = 0; i < count; i++) {
    if (segments[i].p_type != PT_LOAD || (segments[i].p_flags & (PF_X | PF_W)) != PF_X)
      continue;
    uint8_t *found = memmem((void *)(base + segments[i].p_vaddr), segments[i].p_memsz, runtime_exit, PATCH_SIZE);
    if (found != NULL) {
      patch(found);
      return;
    }
  }
}
