/* What a program sees of its own signals, as text: the same whether somebody stands before its handlers or not. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf out;
static volatile int calls, nested;
static volatile siginfo_t seen;

static __attribute__((noinline)) void fault(void) { *(volatile int *)0x18 = 1; }

static const char *name_of(void (*handler)(int), void (*own)(int)) {
  return handler == SIG_DFL ? "default" : handler == SIG_IGN ? "ignored" : handler == own ? "own" : "another's";
}

static void leave(int number) {
  (void)number;
  calls++;
  siglongjmp(out, 1);
}

static void look(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  seen = *info;
  siglongjmp(out, 1);
}

static void skip(int number, siginfo_t *info, void *argument) {
  (void)number, (void)info;
  ucontext_t *context = argument;
  calls++;
  context->uc_mcontext.gregs[REG_RIP] += 2; /* ud2 */
}

static void show_mask(int number) {
  sigset_t mask;
  sigprocmask(SIG_BLOCK, NULL, &mask);
  printf("in the handler of %d: %d %d %d\n", number, sigismember(&mask, SIGSEGV), sigismember(&mask, SIGFPE), sigismember(&mask, SIGUSR1));
}

static void raise_within(int number) {
  if (nested++ == 0) {
    raise(number);
    printf("raised within itself: %d\n", nested);
  }
}

static void install(int number, void *handler, int flags, int masked) {
  struct sigaction action = {.sa_flags = flags};
  action.sa_handler = (void (*)(int))handler;
  sigemptyset(&action.sa_mask);
  if (masked != 0)
    sigaddset(&action.sa_mask, masked);
  sigaction(number, &action, NULL);
}

static void show(const char *what, int number, void *own) {
  struct sigaction action;
  sigaction(number, NULL, &action);
  printf("%s: %s, flags %x, SIGUSR1 %d\n", what, name_of(action.sa_handler, (void (*)(int))own), action.sa_flags & ~0x04000000,
         sigismember(&action.sa_mask, SIGUSR1));
}

static void in_child(const char *what, void (*act)(void)) {
  int status;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    act();
    _exit(7);
  }
  waitpid(child, &status, 0);
  printf("%s: %s %d\n", what, WIFSIGNALED(status) ? "died of" : "ended with", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void divide(void) {
  volatile int zero = 0;
  printf("%d", 1 / zero);
}
static void trap(void) { __builtin_trap(); }
static void raise_bus(void) { raise(SIGBUS); }
static void kill_self(void) { kill(getpid(), SIGSEGV); }
static void block_and_fault(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  fault();
}
static void handled_then_default(void) {
  install(SIGSEGV, leave, SA_RESETHAND, 0);
  if (sigsetjmp(out, 1) == 0)
    fault();
  fault();
}
static void overflow(void) {
  volatile char room[1 << 16];
  room[0] = 1;
  overflow();
  room[1] = room[0];
}

static void *with_all_blocked(void *unused) {
  sigset_t all, mask;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, NULL);
  pthread_sigmask(SIG_BLOCK, NULL, &mask);
  pthread_kill(pthread_self(), SIGBUS);
  sigset_t pending;
  sigpending(&pending);
  printf("a thread blocks: %d %d, pending %d\n", sigismember(&mask, SIGSEGV), sigismember(&mask, SIGUSR1), sigismember(&pending, SIGBUS));
  return unused;
}

static void stacks(void) {
  static char room[1 << 16];
  stack_t stack = {.ss_sp = room, .ss_size = sizeof room}, old;
  sigaltstack(NULL, &old);
  printf("alternate stack at first: %d\n", old.ss_flags == SS_DISABLE);
  sigaltstack(&stack, &old);
  printf("taken: %d\n", old.ss_flags == SS_DISABLE);
  sigaltstack(NULL, &old);
  printf("told: %d %d\n", old.ss_sp == room, old.ss_size == sizeof room);
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, NULL);
  sigaltstack(NULL, &old);
  printf("given back: %d\n", old.ss_flags == SS_DISABLE);
}

int main(int argc, char **argv, char **environment) {
  pthread_t thread;
  if (argc > 1) {
    show("after exec", SIGSEGV, leave);
    return 0;
  }
  setvbuf(stdout, NULL, _IONBF, 0);
  show("at first", SIGSEGV, leave);
  install(SIGSEGV, leave, 0, SIGUSR1);
  show("installed", SIGSEGV, leave);
  for (int i = 0; i < 3; i++)
    if (sigsetjmp(out, 1) == 0)
      fault();
  printf("left by longjmp: %d\n", calls);
  install(SIGSEGV, look, SA_SIGINFO | SA_RESETHAND, 0);
  if (sigsetjmp(out, 1) == 0)
    fault();
  printf("was told: %d %p\n", seen.si_code, seen.si_addr);
  show("for once", SIGSEGV, look);
  install(SIGILL, skip, SA_SIGINFO, 0);
  __asm__ volatile("ud2");
  printf("skipped: %d\n", calls);
  install(SIGFPE, show_mask, 0, SIGUSR1);
  raise(SIGFPE);
  install(SIGFPE, show_mask, SA_NODEFER, 0);
  raise(SIGFPE);
  install(SIGSEGV, raise_within, SA_NODEFER, 0);
  raise(SIGSEGV);
  printf("signal: %s\n", name_of(signal(SIGSEGV, leave), (void (*)(int))raise_within));
  printf("signal: %s\n", name_of(signal(SIGSEGV, SIG_IGN), leave));
  raise(SIGSEGV);
  in_child("ignored, and a fault", fault);
  char *words[] = {argv[0], "again", NULL};
  int status;
  pid_t child;
  posix_spawn(&child, argv[0], NULL, NULL, words, environment);
  waitpid(child, &status, 0);
  signal(SIGSEGV, leave);
  posix_spawn(&child, argv[0], NULL, NULL, words, environment);
  waitpid(child, &status, 0);
  child = vfork();
  if (child == 0) {
    signal(SIGSEGV, SIG_IGN);
    execv(argv[0], words);
    _exit(9);
  }
  waitpid(child, &status, 0);
  show("the parent of vfork", SIGSEGV, leave);
  signal(SIGSEGV, SIG_DFL);
  signal(SIGFPE, SIG_DFL);
  signal(SIGILL, SIG_DFL);
  in_child("a fault", fault);
  in_child("a division", divide);
  in_child("a trap", trap);
  in_child("abort", abort);
  in_child("raised", raise_bus);
  in_child("killed", kill_self);
  in_child("blocked", block_and_fault);
  in_child("for once, then a fault", handled_then_default);
  in_child("too deep", overflow);
  pthread_create(&thread, NULL, with_all_blocked, NULL);
  pthread_join(thread, NULL);
  stacks();
  printf("system: %d\n", system("exit 3") >> 8);
  fflush(stdout);
  fault();
  return 0;
}
