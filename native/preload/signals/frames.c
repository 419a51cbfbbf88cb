/* The kernel's signal frame on x86-64, and the ways into a handler and out of it. */
#include "signals.h"

/*
 * Both ways back carry the unwind rules of a signal frame, as glibc's own has them: crash handlers print stacks through them, and
 * exceptions pass. Each register is found in the context, to which the stack pointer points; the byte before belongs to it, as unwinders
 * look one byte before a return address.
 */
#define RULE(reg, offset) ".cfi_escape 0x10," #reg ",3,0x77,((" #offset ")&0x7f)|0x80,(" #offset ")>>7\n"
#define FRAME_RULES                                                                                                                     \
  ".cfi_startproc simple\n.cfi_signal_frame\n.cfi_escape 0x0f,4,0x77,0xa0,0x01,0x06\n"                                                \
  RULE(8, 0x28) RULE(9, 0x30) RULE(10, 0x38) RULE(11, 0x40) RULE(12, 0x48) RULE(13, 0x50) RULE(14, 0x58) RULE(15, 0x60)                \
  RULE(5, 0x68) RULE(4, 0x70) RULE(6, 0x78) RULE(3, 0x80) RULE(1, 0x88) RULE(0, 0x90) RULE(2, 0x98) RULE(7, 0xa0) RULE(16, 0xa8)

__asm__(".text\n"
        ".balign 16\n"
        FRAME_RULES
        "  nop\n"
        ".globl plain_return\n.hidden plain_return\n.type plain_return,@function\n"
        "plain_return:\n"
        "  .byte 0x48,0xc7,0xc0,0x0f,0,0,0\n" /* mov $15,%rax; syscall, in the bytes that debuggers look for */
        "  .byte 0x0f,0x05\n"
        ".cfi_endproc\n"
        ".size plain_return,.-plain_return\n"
        ".balign 16\n"
        FRAME_RULES
        "  nop\n"
        ".globl recorded_return\n.hidden recorded_return\n.type recorded_return,@function\n"
        "recorded_return:\n"
        "  mov %rsp,%rbx\n"
        "  mov %rsp,%rdi\n"
        "  and $-64,%rsp\n"
        "  call handler_returned\n"
        "  mov %rbx,%rsp\n"
        "  mov $15,%eax\n"
        "  syscall\n"
        ".cfi_endproc\n"
        ".size recorded_return,.-recorded_return\n");

/*
 * The mask is set as the last thing, on the handler's own stack, so that a signal that waited for it comes where it would have come.
 * Registers that a function preserves are those that were interrupted: frame pointers are followed through handlers.
 */
__asm__(".text\n"
        ".balign 16\n"
        ".globl enter_handler\n.hidden enter_handler\n.type enter_handler,@function\n"
        "enter_handler:\n"
        "  mov %rdi,%rsp\n"
        "  mov %esi,%r12d\n"
        "  mov %rdx,%r13\n"
        "  mov %rcx,%rsi\n"
        "  mov $2,%edi\n" /* SIG_SETMASK */
        "  xor %edx,%edx\n"
        "  mov $8,%r10d\n"
        "  mov $14,%eax\n" /* rt_sigprocmask */
        "  syscall\n"
        "  mov %r12d,%edi\n"
        "  mov %r13,%r11\n"
        "  lea 8(%rsp),%rdx\n"
        "  lea 8+0x130(%rsp),%rsi\n"
        "  mov 0x48(%rdx),%r12\n"
        "  mov 0x50(%rdx),%r13\n"
        "  mov 0x58(%rdx),%r14\n"
        "  mov 0x60(%rdx),%r15\n"
        "  mov 0x78(%rdx),%rbp\n"
        "  mov 0x80(%rdx),%rbx\n"
        "  xor %eax,%eax\n"
        "  cld\n"
        "  jmp *%r11\n"
        ".size enter_handler,.-enter_handler\n"
        ".balign 16\n"
        ".globl call_on\n.hidden call_on\n.type call_on,@function\n"
        "call_on:\n"
        ".cfi_startproc\n"
        "  push %rbp\n"
        ".cfi_def_cfa_offset 16\n"
        ".cfi_offset %rbp,-16\n"
        "  mov %rsp,%rbp\n"
        ".cfi_def_cfa_register %rbp\n"
        "  mov %rdi,%rsp\n"
        "  mov %rdx,%rdi\n"
        "  call *%rsi\n"
        "  mov %rbp,%rsp\n"
        "  pop %rbp\n"
        ".cfi_def_cfa %rsp,8\n"
        "  ret\n"
        ".cfi_endproc\n"
        ".size call_on,.-call_on\n");

enum { RED_ZONE = 128, PAGE = 4096, SOFTWARE_BYTES = 464, LEGACY_STATE = 512 };
static const uint32_t extended_magic = 0x46505853;

/* The kernel writes there what it would have, and a main thread's stack grows by it. */
static bool can_write(uintptr_t address) { return sys(SYS_rt_sigprocmask, -1, NULL, address & ~7ul, 8) == 0; }

void *frame_move(ucontext_t *context) {
  const char *state = (const char *)context->uc_mcontext.fpregs;
  size_t state_size = 0;
  if (state != NULL) {
    const struct _fpx_sw_bytes *software = (const struct _fpx_sw_bytes *)(state + SOFTWARE_BYTES);
    state_size = software->magic1 == extended_magic ? software->extended_size : LEGACY_STATE;
  }
  uintptr_t top = (uintptr_t)context->uc_mcontext.gregs[REG_RSP] - RED_ZONE;
  uintptr_t new_state = (top - state_size) & ~63ul;
  uintptr_t frame = ((new_state - FRAME_SIZE) & ~15ul) - 8;
  /* Each page, from above, as a stack grows: below a guard page lies another thread's stack. */
  for (uintptr_t page = (top - 1) & ~(PAGE - 1ul); page > (frame & ~(PAGE - 1ul)); page -= PAGE)
    if (!can_write(page))
      return NULL;
  if (!can_write(frame))
    return NULL;
  __builtin_memcpy((void *)frame, (char *)context - FRAME_CONTEXT, FRAME_SIZE);
  if (state != NULL) {
    __builtin_memcpy((void *)new_state, state, state_size);
    ((ucontext_t *)(frame + FRAME_CONTEXT))->uc_mcontext.fpregs = (fpregset_t)new_state;
  }
  return (void *)frame;
}
