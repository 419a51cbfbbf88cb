/* The functions that install a handler. */
#include "signals.h"

#include <errno.h>

typedef void (*handler_function)(int);

static int (*real_sigaction)(int, const struct sigaction *, struct sigaction *);
static handler_function (*real_signal)(int, handler_function);
static handler_function (*real_sysv_signal)(int, handler_function);
static handler_function (*real_sigset)(int, handler_function);
static int (*real_sigignore)(int);
static int (*real_siginterrupt)(int, int);

static bool ours(int number) { return signals_running && is_managed(number); }

/* A child of vfork has handlers of its own in the kernel, and our table in common with its parent. */
static int change_in_child(int number, const struct sigaction *action, struct sigaction *old) {
  struct kernel_action next = {0}, before;
  if (action != NULL) {
    next.handler = (void *)action->sa_handler;
    next.flags = (unsigned)action->sa_flags | SA_RESTORER_FLAG;
    next.restorer = (void *)plain_return;
    __builtin_memcpy(&next.mask, &action->sa_mask, sizeof next.mask);
  }
  long result = kernel_action(number, action == NULL ? NULL : &next, &before);
  if (result < 0) {
    errno = (int)-result;
    return -1;
  }
  if (old != NULL) {
    const struct entry *entry = table_get(number);
    bool hidden = is_ours(before.handler);
    __builtin_memset(old, 0, sizeof *old);
    old->sa_handler = (handler_function)(hidden ? entry->handler : before.handler);
    old->sa_flags = (int)(hidden ? entry->flags : before.flags);
    __builtin_memcpy(&old->sa_mask, hidden ? &entry->mask : &before.mask, sizeof before.mask);
  }
  return 0;
}

static int change(int number, const struct sigaction *action, struct sigaction *old, uintptr_t caller) {
  if (!in_own_process())
    return change_in_child(number, action, old);
  const struct entry *before;
  if (action != NULL) {
    /* `old` may be the same memory. */
    struct entry entry = {.handler = (void *)action->sa_handler, .flags = (unsigned)action->sa_flags | SA_RESTORER_FLAG};
    __builtin_memcpy(&entry.mask, &action->sa_mask, sizeof entry.mask);
    before = table_set(number, &entry);
    handler_record(number, &entry, caller, false);
  } else
    before = table_get(number);
  if (old != NULL) {
    __builtin_memset(old, 0, sizeof *old);
    old->sa_handler = (handler_function)before->handler;
    old->sa_flags = (int)before->flags;
    old->sa_restorer = before->flags & SA_RESTORER_FLAG ? plain_return : NULL;
    __builtin_memcpy(&old->sa_mask, &before->mask, sizeof before->mask);
  }
  return 0;
}

#define REAL(name)                                                                                                                      \
  ({                                                                                                                                    \
    if (UNLIKELY(real_##name == NULL))                                                                                                  \
      *(void **)&real_##name = real_function(#name);                                                                                    \
    real_##name;                                                                                                                        \
  })
#define CALLER ((uintptr_t)__builtin_return_address(0))

EXPORTED int sigaction(int number, const struct sigaction *restrict action, struct sigaction *restrict old) {
  return ours(number) ? change(number, action, old, CALLER) : REAL(sigaction)(number, action, old);
}
int __sigaction(int number, const struct sigaction *action, struct sigaction *old);
EXPORTED int __sigaction(int number, const struct sigaction *action, struct sigaction *old) {
  return ours(number) ? change(number, action, old, CALLER) : REAL(sigaction)(number, action, old);
}

static handler_function change_simple(int number, handler_function handler, int flags, bool masked, uintptr_t caller) {
  if (handler == SIG_ERR) {
    errno = EINVAL;
    return SIG_ERR;
  }
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, old;
  if (masked)
    sigaddset(&action.sa_mask, number);
  return change(number, &action, &old, caller) < 0 ? SIG_ERR : old.sa_handler;
}

/* siginterrupt(3) changes what signal() will install, too. */
static uint64_t interrupting;
static int signal_flags(int number) { return interrupting & bit_of(number) ? 0 : SA_RESTART; }

EXPORTED handler_function signal(int number, handler_function handler) {
  return ours(number) ? change_simple(number, handler, signal_flags(number), true, CALLER) : REAL(signal)(number, handler);
}
handler_function bsd_signal(int number, handler_function handler);
EXPORTED handler_function bsd_signal(int number, handler_function handler) {
  return ours(number) ? change_simple(number, handler, signal_flags(number), true, CALLER) : REAL(signal)(number, handler);
}
EXPORTED handler_function ssignal(int number, handler_function handler) {
  return ours(number) ? change_simple(number, handler, signal_flags(number), true, CALLER) : REAL(signal)(number, handler);
}
EXPORTED handler_function sysv_signal(int number, handler_function handler) {
  return ours(number) ? change_simple(number, handler, (int)(SA_RESETHAND | SA_NODEFER), false, CALLER)
                      : REAL(sysv_signal)(number, handler);
}
EXPORTED handler_function __sysv_signal(int number, handler_function handler) {
  return ours(number) ? change_simple(number, handler, (int)(SA_RESETHAND | SA_NODEFER), false, CALLER)
                      : REAL(sysv_signal)(number, handler);
}

/* sigset(3): SIG_HOLD blocks and leaves the handler; all others unblock. Tells SIG_HOLD where the signal was blocked. */
EXPORTED handler_function sigset(int number, handler_function handler) {
  if (!ours(number))
    return REAL(sigset)(number, handler);
  sigset_t set, before;
  sigemptyset(&set);
  sigaddset(&set, number);
  struct sigaction old;
  if (handler == SIG_HOLD) {
    if (sigprocmask(SIG_BLOCK, &set, &before) < 0 || change(number, NULL, &old, 0) < 0)
      return SIG_ERR;
  } else {
    struct sigaction action = {.sa_handler = handler};
    if (change(number, &action, &old, CALLER) < 0 || sigprocmask(SIG_UNBLOCK, &set, &before) < 0)
      return SIG_ERR;
  }
  return sigismember(&before, number) ? SIG_HOLD : old.sa_handler;
}

EXPORTED int sigignore(int number) {
  if (!ours(number))
    return REAL(sigignore)(number);
  struct sigaction action = {.sa_handler = SIG_IGN};
  return change(number, &action, NULL, CALLER);
}

EXPORTED int siginterrupt(int number, int interrupts) {
  if (!ours(number))
    return REAL(siginterrupt)(number, interrupts);
  struct sigaction action;
  change(number, NULL, &action, 0);
  if (interrupts) {
    __atomic_fetch_or(&interrupting, bit_of(number), __ATOMIC_RELAXED);
    action.sa_flags &= ~SA_RESTART;
  } else {
    __atomic_fetch_and(&interrupting, ~bit_of(number), __ATOMIC_RELAXED);
    action.sa_flags |= SA_RESTART;
  }
  return change(number, &action, NULL, CALLER);
}
