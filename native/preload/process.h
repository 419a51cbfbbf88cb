/* The process's own allocator: what the program would have called without us. */
#ifndef FFI_DOCTOR_PROCESS_H
#define FFI_DOCTOR_PROCESS_H

#include <stddef.h>

struct process_functions {
  void *(*malloc)(size_t);
  void (*free)(void *);
  void *(*calloc)(size_t, size_t);
  void *(*realloc)(void *, size_t);
  void *(*memalign)(size_t, size_t);
  void *(*aligned_alloc)(size_t, size_t);
  int (*posix_memalign)(void **, size_t, size_t);
  void *(*valloc)(size_t);
  void *(*pvalloc)(size_t);
  size_t (*malloc_usable_size)(void *);
};
extern struct process_functions process;
/* Fills it in. Cheap, and without an allocation: the first call of malloc may come before any constructor. */
void process_find(void);

#endif
