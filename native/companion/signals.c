/*
 * Faults that a program handles itself. A runtime's handler for its benign traps would keep every fault from the sanitizer, and without
 * it (allow_user_segv_handler=0) every benign trap would be an error. So the program's handler is called first; where it gives up, by
 * putting the default or the sanitizer's action back or by ending the process, the sanitizer gets the fault as it was at first.
 */
#include "companion.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* The kernel's own form: what the sanitizer installed is asked for past its interceptors. */
struct kernel_action {
  void (*handler)(int, siginfo_t *, void *);
  unsigned long flags;
  void (*restorer)(void);
  unsigned long mask;
};

enum { FAULTS = 5, HANDLER_DEPTH = 1 << 16 };
static const int faults[FAULTS] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static struct kernel_action sanitizers[FAULTS];
/* What the program believes to be installed; valid where `wrapped`. */
static struct sigaction programs[FAULTS];
static int wrapped[FAULTS];
static int active;

/* The fault that a handler of the program's is at, on this thread. */
static __thread struct handled {
  int at; /* index + 1 */
  siginfo_t *info;
  void *context;
  uintptr_t frame;
} handling;

static int (*next_sigaction)(int, const struct sigaction *, struct sigaction *);
static void (*next_exit)(int);
static void (*next_abort)(void);
static int java;
static int reported;

static int index_of(int number) {
  for (int i = 0; i < FAULTS; i++) {
    if (faults[i] == number)
      return i;
  }
  return -1;
}

/* A handler may leave by siglongjmp, and nobody tells us: then the signal is no longer blocked, or the stack is above. */
static int is_handling(void) {
  if (handling.at == 0)
    return 0;
  uintptr_t here = (uintptr_t)__builtin_frame_address(0);
  if (here >= handling.frame || handling.frame - here > HANDLER_DEPTH)
    return 0;
  /* A JVM unblocks what it handles while it writes its report, and never jumps out of a handler. */
  if (java || (programs[handling.at - 1].sa_flags & SA_NODEFER))
    return 1;
  unsigned long mask = 0;
  (void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
  return (int)(mask >> (faults[handling.at - 1] - 1)) & 1;
}

/* Does not return where the sanitizer ends the process, as it does unless it was told otherwise. */
static void hand_over(void) {
  int i = handling.at - 1;
  handling.at = 0;
  reported = 1;
  sanitizers[i].handler(faults[i], handling.info, handling.context);
}

void signals_stop(void) { active = 0; }

int signals_reported(void) { return reported; }

void signals_give_up(void) {
  if (active && is_handling())
    hand_over();
}

/*
 * The JVM recovers from faults of its own code and of what it generated, never from those of other libraries: there its handler ends the
 * process with a report of its own.
 */
static int is_lost_to_java(int number, const siginfo_t *info, const ucontext_t *context) {
  static char home[COMPANION_PATH];
  if (number != SIGSEGV || info->si_code <= 0)
    return 0;
#if defined(__x86_64__)
  const void *pc = (const void *)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
  const void *pc = (const void *)context->uc_mcontext.pc;
#else
  const void *pc = NULL;
#endif
  Dl_info at;
  if (pc == NULL || dladdr(pc, &at) == 0 || at.dli_fname == NULL)
    return 0;
  if (home[0] == '\0') {
    Dl_info handler;
    const char *server;
    if (dladdr((const void *)(uintptr_t)programs[0].sa_sigaction, &handler) == 0 || handler.dli_fname == NULL ||
        (server = strstr(handler.dli_fname, "/server/libjvm.so")) == NULL ||
        (size_t)(server - handler.dli_fname) >= sizeof home)
      return 0;
    memcpy(home, handler.dli_fname, (size_t)(server - handler.dli_fname));
  }
  return strncmp(at.dli_fname, home, strlen(home)) != 0;
}

static void first(int number, siginfo_t *info, void *context) {
  int i = index_of(number);
  if (java && is_lost_to_java(number, info, context)) {
    sanitizers[i].handler(number, info, context);
    return;
  }
  struct sigaction program = programs[i];
  struct handled outer = handling;
  handling = (struct handled){i + 1, info, context, (uintptr_t)__builtin_frame_address(0)};
  if (program.sa_flags & SA_RESETHAND) {
    wrapped[i] = 0;
    (void)syscall(SYS_rt_sigaction, number, &sanitizers[i], NULL, sizeof sanitizers[i].mask);
  }
  if (program.sa_flags & SA_SIGINFO)
    program.sa_sigaction(number, info, context);
  else
    program.sa_handler(number);
  handling = outer;
}

void signals_prepare(enum host host) {
  next_sigaction = (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(RTLD_NEXT, "sigaction");
  next_exit = (void (*)(int))dlsym(RTLD_NEXT, "_exit");
  next_abort = (void (*)(void))dlsym(RTLD_NEXT, "abort");
  void (*init)(void) = (void (*)(void))dlsym(RTLD_DEFAULT, "__asan_init");
  /* Go hands on by itself what is none of its own; other sanitizers wrap the program's handlers themselves. */
  if (init == NULL || host == HOST_GO)
    return;
  java = host == HOST_JAVA;
  init();
  for (int i = 0; i < FAULTS; i++)
    (void)syscall(SYS_rt_sigaction, faults[i], NULL, &sanitizers[i], sizeof sanitizers[i].mask);
  active = 1;
}

static int is_sanitizers(int i) {
  uintptr_t handler = (uintptr_t)sanitizers[i].handler;
  return handler != (uintptr_t)SIG_DFL && handler != (uintptr_t)SIG_IGN;
}

int sigaction(int number, const struct sigaction *action, struct sigaction *old) {
  if (next_sigaction == NULL)
    next_sigaction = (int (*)(int, const struct sigaction *, struct sigaction *))dlsym(RTLD_NEXT, "sigaction");
  int i = active ? index_of(number) : -1;
  if (i < 0 || !is_sanitizers(i))
    return next_sigaction(number, action, old);
  struct sigaction before = programs[i];
  int was_wrapped = wrapped[i];
  int result = 0;
  if (action != NULL) {
    int none = action->sa_handler == SIG_DFL || action->sa_handler == SIG_IGN;
    int back = (uintptr_t)action->sa_handler == (uintptr_t)sanitizers[i].handler;
    if ((none || back) && is_handling())
      hand_over();
    struct sigaction ours = *action;
    if (!none && !back) {
      programs[i] = *action;
      wrapped[i] = 1;
      ours.sa_sigaction = first;
      ours.sa_flags = (action->sa_flags | SA_SIGINFO) & ~SA_RESETHAND;
    } else {
      wrapped[i] = 0;
      if (action->sa_handler == SIG_DFL) {
        /* The default would be to die without a word. */
        memset(&ours, 0, sizeof ours);
        ours.sa_sigaction = sanitizers[i].handler;
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
      }
    }
    result = next_sigaction(number, &ours, old);
  } else {
    result = next_sigaction(number, NULL, old);
  }
  if (result == 0 && old != NULL) {
    if (was_wrapped)
      *old = before;
    else if (java && (uintptr_t)old->sa_sigaction == (uintptr_t)sanitizers[i].handler)
      /* It would call what it found for every fault that it does not know, the one for its own report among them. */
      memset(old, 0, sizeof *old);
  }
  return result;
}

typedef void (*plain_handler)(int);

plain_handler signal(int number, plain_handler handler) {
  struct sigaction action, old;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  return sigaction(number, &action, &old) == 0 ? old.sa_handler : SIG_ERR;
}

void _exit(int status) {
  signals_give_up();
  record_own_end(status);
  if (next_exit != NULL)
    next_exit(status);
  (void)syscall(SYS_exit_group, status);
  __builtin_unreachable();
}

void abort(void) {
  signals_give_up();
  if (next_abort == NULL)
    next_abort = (void (*)(void))dlsym(RTLD_NEXT, "abort");
  next_abort();
  __builtin_unreachable();
}
