/*
 * A thread that blocks all signals, as background threads of databases do, would die of its own fault unseen. Its synchronous signals
 * stay open in the kernel, and what the program believes is kept here. Only where a mask is set wholesale: the other signals in it
 * then tell, at the fault, whether it still holds or was taken back behind our back (siglongjmp, swapcontext). Within handlers all is
 * the kernel's own: runtimes open and close a single signal there.
 */
#include "signals.h"

#include <errno.h>

enum { WHOLESALE = 8 };
/* Not for programs: glibc's own two, and what cannot be blocked. */
static const uint64_t never = 1ul << (32 - 1) | 1ul << (33 - 1) | 1ul << (SIGKILL - 1) | 1ul << (SIGSTOP - 1);

static int (*real_pthread_sigmask)(int, const sigset_t *, sigset_t *);

static int call_real(int how, const sigset_t *set, sigset_t *old) {
  if (UNLIKELY(real_pthread_sigmask == NULL))
    *(void **)&real_pthread_sigmask = real_function("pthread_sigmask");
  return real_pthread_sigmask(how, set, old);
}

static uint64_t bits(const sigset_t *set) {
  uint64_t mask;
  __builtin_memcpy(&mask, set, sizeof mask);
  return mask;
}

/*
 * Go changes its masks by system calls of its own: what was believed before is then nothing to tell, and to put back such a mask would
 * block the faults that Go lives on.
 */
static void forget_stale(struct thread *thread) {
  uint64_t mask = 0;
  sys(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
  if ((mask & thread->witness) != thread->witness)
    thread->blocked = 0;
}

static int change_mask(int how, const sigset_t *set, sigset_t *old, uintptr_t sp) {
  struct thread *thread = own_thread;
  if (!signals_running || thread == NULL || (thread->blocked == 0 && (set == NULL || !(bits(set) & SYNCHRONOUS))) ||
      !in_own_process())
    return call_real(how, set, old);
  if (thread->blocked != 0)
    forget_stale(thread);
  if (thread->depth > 0) {
    active_settle(thread, sp);
    if (thread->depth > 0)
      return call_real(how, set, old);
  }
  const uint64_t believed = thread->blocked;
  sigset_t before, changed;
  int result;
  if (set == NULL)
    result = call_real(how, NULL, &before);
  else {
    const uint64_t mask = bits(set), asked = mask & SYNCHRONOUS;
    const bool wholesale = how != SIG_UNBLOCK && __builtin_popcountll(mask & ~SYNCHRONOUS) >= WHOLESALE;
    uint64_t next = believed;
    if (how == SIG_BLOCK)
      next |= wholesale ? asked : 0;
    else if (how == SIG_SETMASK)
      next = wholesale ? asked : 0;
    else
      next &= ~asked;
    changed = *set;
    if (wholesale) {
      const uint64_t kept = mask & ~SYNCHRONOUS;
      __builtin_memcpy(&changed, &kept, sizeof kept);
    }
    /* Before the call: a signal that was held back comes within it. */
    thread->blocked = next;
    result = call_real(how, &changed, &before);
    if (result != 0)
      thread->blocked = believed;
    else {
      const uint64_t was = bits(&before), given = bits(&changed) & ~never;
      thread->witness = how == SIG_BLOCK ? was | given : how == SIG_UNBLOCK ? was & ~given : given;
    }
  }
  if (result == 0 && old != NULL) {
    const uint64_t told = bits(&before) | believed;
    __builtin_memcpy(old, &before, sizeof before);
    __builtin_memcpy(old, &told, sizeof told);
  }
  return result;
}

EXPORTED int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old) {
  return change_mask(how, set, old, (uintptr_t)__builtin_frame_address(0));
}

EXPORTED int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old) {
  int result = change_mask(how, set, old, (uintptr_t)__builtin_frame_address(0));
  if (result != 0) {
    errno = result;
    return -1;
  }
  return 0;
}
