/* Begin, fork and end. Our constructor runs before all others (-z initfirst), so that what they allocate is watched already. */
#include <pthread.h>
#include <stdlib.h>

#include "heap.h"
#include "loader.h"
#include "process.h"

static void before_fork(void) { heap_before_fork(); }
static void in_parent(void) { heap_after_fork(false); }
static void in_child(void) {
  fork_count++;
  box_forget();
  heap_after_fork(true);
  if (options.signals)
    signals_after_fork();
}

/* A sanitizer's runtime watches malloc itself, and handles the signals of faults. */
static bool is_sanitized(void) {
  return real_function("__asan_init") != NULL || real_function("__tsan_init") != NULL || real_function("__msan_init") != NULL ||
         real_function("__hwasan_init") != NULL || real_function("__lsan_init") != NULL;
}

/*
 * The first that was registered is called last, after the destructors of all libraries: the dynamic linker's own comes in between. A
 * process that ends by _exit, or as Go does, comes by signals' hooks of that.
 */
static void end(int status, void *unused) {
  (void)status, (void)unused;
  heap_finish();
}

__attribute__((constructor)) static void begin(int count, char **arguments, char **environment) {
  (void)count, (void)arguments;
  options_read(environment);
  process_find();
  if (options.folder == NULL || !box_open())
    return;
  if (is_sanitized()) {
    box_note(FFID_NOTE_SANITIZED, 0, 0, NULL);
    box_header->heap_mode = options.heap = FFID_HEAP_OFF;
    box_header->signals_on = options.signals = false;
    return;
  }
  loader_start();
  unwind_start();
  modules_refresh();
  if (options.signals)
    signals_start();
  pthread_atfork(before_fork, in_parent, in_child);
  on_exit(end, NULL);
}
