/* What the kernel calls: the signal is recorded, and then is what it would have been without us. */
#include "signals.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

static uint64_t *mask_of(ucontext_t *context) { return (uint64_t *)&context->uc_sigmask; }
static uintptr_t sp_of(const ucontext_t *context) { return (uintptr_t)context->uc_mcontext.gregs[REG_RSP]; }
static bool within(const stack_t *stack, uintptr_t address) {
  return stack->ss_sp != NULL && address - (uintptr_t)stack->ss_sp < stack->ss_size;
}
static bool was_sent(const siginfo_t *info) { return info->si_code <= 0; }

/* To this very thread, once this handler has returned: first blocked, or it would come here and now. */
static void queue_again(int number, siginfo_t *info, bool to_process) {
  uint64_t bit = bit_of(number);
  sys(SYS_rt_sigprocmask, SIG_BLOCK, &bit, NULL, 8);
  if (to_process && sys(SYS_rt_sigqueueinfo, sys_pid(), number, info) == 0)
    return;
  sys(SYS_rt_tgsigqueueinfo, sys_pid(), sys(SYS_gettid), number, info);
}

/* The default action, with the original information: it is taken at the return, with the registers that were interrupted. */
static void die(int number, siginfo_t *info) {
  struct kernel_action action = {.flags = SA_RESTORER_FLAG, .restorer = (void *)plain_return};
  kernel_action(number, &action, NULL);
  queue_again(number, info, false);
}

/* The thread believes that it blocks the signal: now it does, and the signal waits. */
static void hold_back(int number, siginfo_t *info, ucontext_t *context) {
  *mask_of(context) |= bit_of(number);
  queue_again(number, info, info->si_code != SI_TKILL);
}

static void record_step(const void *argument) { record_arrival((struct arrival *)argument); }

static void record_here(void *argument) {
  struct arrival *arrival = argument;
  if (!guarded(arrival->thread, record_step, arrival) || arrival->record == NULL)
    return;
  capture_everything(arrival);
}

/*
 * A fault of a capture comes to the kernel's alternate stack, and where that is the program's, with a stack pointer that is not on it, it
 * would overwrite the frame that we came with.
 */
static void record_beside(void *argument) {
  struct arrival *arrival = argument;
  const stack_t none = {.ss_flags = SS_DISABLE}, theirs = arrival->context->uc_stack;
  sys(SYS_sigaltstack, &none, NULL);
  record_here(arrival);
  sys(SYS_sigaltstack, &theirs, NULL);
}

/* The stack at hand may be small (Rust's alternate stack has 8 KiB): ours is used. */
static void record(struct arrival *arrival) {
  struct thread *thread = arrival->thread;
  const stack_t *stack = &arrival->context->uc_stack;
  void *top = thread->stack + PRIVATE_STACK;
  if (on_private_stack(thread, (uintptr_t)__builtin_frame_address(0)))
    record_here(arrival);
  else if (within(stack, (uintptr_t)arrival->context) && !((unsigned)stack->ss_flags & SS_AUTODISARM))
    call_on(top, record_beside, arrival);
  else
    call_on(top, record_here, arrival);
}

/*
 * Without an alternate stack of its own, or without SA_ONSTACK, a handler runs on the stack that was interrupted. Only Go's is left on
 * ours: Go takes an alternate stack that it finds for its own, and dies where its handler runs on another.
 */
static bool has_to_move(const struct arrival *arrival) {
  const stack_t *stack = &arrival->context->uc_stack;
  if (!within(stack, (uintptr_t)arrival->context) || within(stack, sp_of(arrival->context)))
    return false;
  if (!(arrival->entry->flags & SA_ONSTACK))
    return true;
  return is_private(own_thread, stack) && !is_go_code((uintptr_t)arrival->entry->handler);
}

static void enter(struct arrival *arrival, bool kept) {
  const struct entry *entry = arrival->entry;
  ucontext_t *context = arrival->context;
  const stack_t stack = context->uc_stack;
  char *frame = (char *)context - FRAME_CONTEXT;
  bool hides = false;
  if (has_to_move(arrival)) {
    frame = frame_move(context);
    if (frame == NULL) {
      /* The kernel could not have built it, either: it ends the process. */
      if (arrival->record != NULL)
        arrival->record->state = FFID_SIGNAL_TERMINAL;
      die(SIGSEGV, arrival->info);
      return;
    }
    context = (ucontext_t *)(frame + FRAME_CONTEXT);
    hides = kept && is_private(arrival->thread, &stack);
    if (hides)
      context->uc_stack = (stack_t){.ss_flags = SS_DISABLE};
  }
  uint64_t mask = *mask_of(context) | entry->mask;
  if (!(entry->flags & SA_NODEFER))
    mask |= bit_of(arrival->number);
  if (kept) {
    mask |= arrival->thread->blocked;
    active_push(arrival, context, within(&stack, (uintptr_t)context) ? (uintptr_t)stack.ss_sp : 0, hides);
  }
  *(void **)frame = kept ? (void *)recorded_return : (void *)plain_return;
  enter_handler(frame, arrival->number, entry->handler, &mask);
}

void trampoline(int number, siginfo_t *info, void *argument) {
  ucontext_t *context = argument;
  struct thread *thread = own_thread;
  if (UNLIKELY(thread != NULL && thread->inside)) {
    if (was_sent(info))
      hold_back(number, info, context);
    else
      __builtin_longjmp(thread->recovery, 1);
    return;
  }
  bool kept = in_own_process();
  if (LIKELY(kept))
    thread = thread_own();
  kept = kept && thread != NULL;
  struct arrival arrival = {.number = number, .info = info, .context = context, .thread = thread};
  if (kept && UNLIKELY(thread->blocked & bit_of(number))) {
    if ((*mask_of(context) & thread->witness) != thread->witness)
      thread->blocked = 0;
    else if (was_sent(info)) {
      thread->witness |= bit_of(number);
      hold_back(number, info, context);
      return;
    } else
      arrival.blocked = true;
  }
  arrival.entry = arrival.blocked || !kept ? table_get(number) : table_take(number);
  if (arrival.entry->handler == (void *)SIG_IGN && was_sent(info))
    return;
  arrival.terminal = arrival.blocked || arrival.entry->handler == (void *)SIG_DFL || arrival.entry->handler == (void *)SIG_IGN;
  if (kept)
    active_settle(thread, sp_of(context));
  if (kept && (LIKELY(box_header != NULL) || box_open()))
    record(&arrival);
  if (arrival.terminal)
    die(number, info);
  else
    enter(&arrival, kept);
}
