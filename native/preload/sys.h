/* System calls and the few functions on memory and text that the recorder uses: none of them can be hooked, and none sets errno. */
#ifndef FFI_DOCTOR_SYS_H
#define FFI_DOCTOR_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

/* The kernel's answer: -errno for a failure. */
static inline long sys_call(long number, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
#define SYS_ARGS_(n, a, b, c, d, e, f, ...) sys_call((long)(n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define sys(...) SYS_ARGS_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static inline uint64_t sys_ticks(void) { return __builtin_ia32_rdtsc(); }
static inline uint64_t sys_now(int clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}
static inline int sys_pid(void) { return (int)sys(SYS_getpid); }
/* Counts the forks that this process descends from since the recorder began: what was kept of the parent is told by it. */
extern unsigned fork_count;
static inline unsigned sys_forks(void) { return fork_count; }
int sys_tid(void); /* kept per thread */
/* Copies what can be read; the count of bytes, 0 where nothing is there. By the kernel, so that a bad pointer cannot fault. */
size_t sys_read_memory(void *into, uintptr_t from, size_t size);
/* Fresh zeroed memory of our own, on pages of its own; NULL where there is none. Never given back. */
void *sys_pages(size_t size);

static inline size_t text_length(const char *text) { return __builtin_strlen(text); }
bool text_equal(const char *a, const char *b);
bool text_starts(const char *text, const char *with);
/* The part behind the last slash. */
const char *text_name(const char *path);
/* A number in decimal, at `into`; what is behind its last digit. */
char *text_number(char *into, uint64_t number);
/* Shell pattern: *, ?, [..]; a star crosses slashes. `length` is the pattern's. */
bool text_matches(const char *pattern, size_t length, const char *text);

#endif
