/*
 * Signals of faults: our trampoline is what the kernel knows, and the program's own handler is kept in a table of ours, which is what the
 * program is told of. What it sees must be what it would see without us; each rule here that looks odd is one of the kernel's own.
 */
#ifndef FFI_DOCTOR_SIGNALS_H
#define FFI_DOCTOR_SIGNALS_H

#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include "../recorder.h"

static inline uint64_t bit_of(int number) { return 1ul << (number - 1); }

enum { MANAGED_COUNT = 7, SIGNAL_LIMIT = 64 };
extern const int managed_signals[MANAGED_COUNT];
static inline bool is_managed(int number) {
  const uint64_t all = 1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1) | 1ul << (SIGILL - 1) | 1ul << (SIGFPE - 1) | 1ul << (SIGTRAP - 1) |
                       1ul << (SIGABRT - 1) | 1ul << (SIGSYS - 1);
  return number >= 1 && number <= SIGNAL_LIMIT && (all >> (number - 1) & 1);
}
/* Those that an instruction raises: a thread that blocks one of them dies of it without a handler, and so unseen. */
#define SYNCHRONOUS (1ul << (SIGSEGV - 1) | 1ul << (SIGBUS - 1) | 1ul << (SIGILL - 1) | 1ul << (SIGFPE - 1))

/* ---- table.c: what the program believes is installed ----------------------------------------------------------------------------- */

/* The kernel's flag for sa_restorer, which glibc sets and hands out. */
#define SA_RESTORER_FLAG 0x04000000ul

/* An entry never changes, so that a signal reads one at a glance. */
struct entry {
  void *handler; /* or SIG_DFL, SIG_IGN */
  unsigned long flags;
  uint64_t mask;
};
struct kernel_action {
  void *handler;
  unsigned long flags;
  void *restorer;
  uint64_t mask;
};
const struct entry *table_get(int number);
/* What a signal that came is to do. A handler for one signal only (SA_RESETHAND) is taken out. */
const struct entry *table_take(int number);
/* Puts in another one and tells the kernel; returns what was there. */
const struct entry *table_set(int number, const struct entry *entry);
/* Takes over what the kernel has. */
void table_start(void);
/* What was installed by a system call of its own is found and put behind our trampoline. */
void table_recheck(void);
long kernel_action(int number, const struct kernel_action *action, struct kernel_action *old);
/* A handler of ours, which no program may see. */
bool is_ours(const void *handler);
void handler_record(int number, const struct entry *entry, uintptr_t caller, bool found);

/* ---- threads.c: what each thread has ---------------------------------------------------------------------------------------------- */

enum { PRIVATE_STACK = 80 << 10, NESTED_LIMIT = 12 };

/* A handler of the program's that has not returned. */
struct active {
  struct ffid_signal *record; /* NULL where nothing is recorded */
  ucontext_t *context;
  uintptr_t frame; /* it runs below this */
  uintptr_t floor; /* of the alternate stack that it runs on; 0 for an ordinary stack */
  bool scratch;
  bool hides; /* the context says that there is no alternate stack, where ours is */
};
struct thread {
  char *stack; /* our alternate stack; also what captures run on */
  struct thread *next;
  unsigned generation;
  bool armed;            /* the kernel was given our stack */
  volatile bool inside;  /* a capture is under way: a fault is ours */
  void *recovery[5];
  /* Synchronous signals that the program believes to be blocked, and the mask that the kernel had then. */
  uint64_t blocked;
  uint64_t witness;
  unsigned depth;
  struct active active[NESTED_LIMIT];
  struct ffid_signal *scratch;
  uint64_t handler_mask;
  void *(*start)(void *);
  void *argument;
};
extern THREAD_LOCAL struct thread *own_thread;
/* Of the thread that asks; made where it is not there. NULL where there is no memory. From anywhere. */
struct thread *thread_own(void);
void threads_start(void);
void threads_after_fork(void);
static inline bool on_private_stack(const struct thread *thread, uintptr_t sp) {
  return thread != NULL && sp - (uintptr_t)thread->stack < PRIVATE_STACK;
}
/* Whether the alternate stack that a signal came with is ours. */
static inline bool is_private(const struct thread *thread, const stack_t *stack) {
  return thread != NULL && stack->ss_sp == thread->stack;
}

/* ---- record.c: the records, and which handlers are still running ------------------------------------------------------------------ */

struct arrival {
  int number;
  siginfo_t *info;
  ucontext_t *context;
  const struct entry *entry;
  struct thread *thread;
  bool blocked;
  bool terminal; /* the default action will be taken */
  bool scratch;
  struct ffid_signal *record;
};
/* Handlers that were left by longjmp are taken off: those that do not run above the stack pointer. */
void active_settle(struct thread *thread, uintptr_t sp);
void active_push(struct arrival *arrival, ucontext_t *context, uintptr_t floor, bool hides);
void record_arrival(struct arrival *arrival);
/* Goes on where the trampoline's frame is left: called by the return path of each handler. */
void handler_returned(ucontext_t *context);
/* So many signals came from this instruction and did no harm. */
unsigned benign_before(uintptr_t pc);
/* Counts captures of what may not be fatal, for each instruction; false where there were enough. */
bool capture_allowed(uintptr_t pc, bool terminal, bool program);

/* ---- capture.c, host_frames.c -------------------------------------------------------------------------------------------- */

void capture_everything(const struct arrival *arrival);
void capture_find_symbols(void);
/* The traceback of the host's own language, as its runtime writes it. */
void host_frames_find(void);
void host_frames_capture(const struct arrival *arrival);
/* A record of a capture with room for so many bytes; NULL where there is no room. */
struct ffid_capture *capture_begin(const struct arrival *arrival, enum ffid_part part, uint32_t index, uint64_t address, size_t size);
void capture_end(struct ffid_capture *capture, size_t length);
/* A step of a capture in which a fault is dropped. False where it was. */
bool guarded(struct thread *thread, void (*step)(const void *), const void *argument);

/* ---- entry.c, frames.c: the trampoline ---------------------------------------------------------------------------------------------- */

/* The kernel's frame of a signal on x86-64: struct rt_sigframe. */
enum { FRAME_CONTEXT = 8, CONTEXT_SIZE = 0x130, INFO_SIZE = 128, FRAME_SIZE = FRAME_CONTEXT + CONTEXT_SIZE + INFO_SIZE };
void trampoline(int number, siginfo_t *info, void *context);
void plain_return(void);    /* the kernel's way back from a handler */
void recorded_return(void); /* the same, by handler_returned */
/* Goes to a handler as the kernel would: with this frame, this mask, and the registers that were interrupted. Does not return. */
__attribute__((noreturn)) void enter_handler(void *frame, int number, void *handler, const uint64_t *mask);
void call_on(void *stack_top, void (*function)(void *), void *argument);
/* Copies the frame to the stack that was interrupted, as the kernel would have built it there; NULL where that cannot be written. */
void *frame_move(ucontext_t *context);

/* ---- exits.c, go_exit.c, start.c ------------------------------------------------------------------------------------------------------ */

void exits_start(void);
void exit_record(enum ffid_exit_how how, int status, uintptr_t caller, uintptr_t sp);
void go_exit_patch(void);
/* Whether the module of an address says that it was made by Go. Lock-free. */
bool is_go_code(uintptr_t address);

extern bool signals_running;
extern int signals_pid;
extern unsigned signals_generation;
/* Of a child that shares our memory (vfork) or was made by a system call of its own, nothing is kept or written. */
static inline bool in_own_process(void) { return sys_pid() == signals_pid; }

#endif
