#include "signals.h"

bool signals_running;
int signals_pid;
unsigned signals_generation;

void signals_start(void) {
  signals_pid = sys_pid();
  capture_find_symbols();
  host_frames_find();
  threads_start();
  exits_start();
  go_exit_patch();
  signals_running = true;
  table_start();
  if (box_header != NULL)
    box_header->signals_on = 1;
}

/* The kernel's handlers and the table are the child's own copy, and stay as they are; what the parent recorded is the parent's. */
void signals_after_fork(void) {
  if (!signals_running)
    return;
  signals_pid = sys_pid();
  signals_generation++;
  threads_after_fork();
  if (box_header != NULL)
    box_header->signals_on = 1;
}

void signals_recheck(void) {
  if (!signals_running)
    return;
  table_recheck();
  host_frames_find();
}
