/* How the process ends, where it says so itself; and handlers that it ends in. */
#include "signals.h"

#include <stdlib.h>
#include <unistd.h>

static uint32_t exit_seen;
static void (*real_exit)(int) __attribute__((noreturn));
static void (*real_quick_exit)(int) __attribute__((noreturn));

void exit_record(enum ffid_exit_how how, int status, uintptr_t caller, uintptr_t sp) {
  /* A child of vfork that could not exec ends by _exit, too. */
  if (!signals_running || box_header == NULL || !in_own_process())
    return;
  if (own_thread != NULL && own_thread->depth > 0)
    active_settle(own_thread, sp);
  struct ffid_exit *record = box_begin(FFID_EXIT, sizeof *record);
  if (record == NULL)
    return;
  record->how = how;
  record->status = status;
  record->caller = caller;
  box_end(record);
  __atomic_store_n(&exit_seen, signals_generation + 1, __ATOMIC_RELAXED);
}

#define HERE ((uintptr_t)__builtin_return_address(0)), ((uintptr_t)__builtin_frame_address(0))

EXPORTED void exit(int status) {
  exit_record(FFID_EXIT_EXIT, status, HERE);
  if (real_exit == NULL)
    *(void **)&real_exit = real_function("exit");
  real_exit(status);
}

EXPORTED void quick_exit(int status) {
  exit_record(FFID_EXIT_NOW, status, HERE);
  heap_finish();
  if (real_quick_exit == NULL)
    *(void **)&real_quick_exit = real_function("quick_exit");
  real_quick_exit(status);
}

__attribute__((noreturn)) static void end_now(int status, uintptr_t caller, uintptr_t sp) {
  exit_record(FFID_EXIT_NOW, status, caller, sp);
  if (in_own_process())
    heap_finish();
  for (;;)
    sys(SYS_exit_group, status);
}
EXPORTED void _exit(int status) { end_now(status, HERE); }
EXPORTED void _Exit(int status) { end_now(status, HERE); }

static bool told(void) { return __atomic_load_n(&exit_seen, __ATOMIC_RELAXED) == signals_generation + 1; }

/* main returned: libc calls its own exit, which nothing stands before. */
static void main_returned(int status, void *unused) {
  (void)unused;
  if (!told())
    exit_record(FFID_EXIT_EXIT, status, 0, (uintptr_t)__builtin_frame_address(0));
}

__attribute__((destructor)) static void unloaded(void) {
  if (!told())
    exit_record(FFID_EXIT_UNLOADED, 0, 0, (uintptr_t)__builtin_frame_address(0));
}

/* The first few of these need no allocation (glibc's `initial` block of exit functions). */
void exits_start(void) { on_exit(main_returned, NULL); }
