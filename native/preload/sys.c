#include "sys.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

unsigned fork_count;

static __thread struct {
  int tid;
  unsigned forks;
} own __attribute__((tls_model("initial-exec")));

int sys_tid(void) {
  /* A forked child begins with its parent's thread-locals. */
  if (__builtin_expect(own.tid == 0 || own.forks != sys_forks(), 0)) {
    own.tid = (int)sys(SYS_gettid);
    own.forks = sys_forks();
  }
  return own.tid;
}

size_t sys_read_memory(void *into, uintptr_t from, size_t size) {
  struct iovec here = {into, size}, there = {(void *)from, size};
  long got = sys(SYS_process_vm_readv, sys_pid(), &here, 1, &there, 1, 0);
  return got > 0 ? (size_t)got : 0;
}

void *sys_pages(size_t size) {
  long got = sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return got < 0 && got > -4096 ? NULL : (void *)got;
}

bool text_equal(const char *a, const char *b) {
  while (*a != '\0' && *a == *b)
    a++, b++;
  return *a == *b;
}

bool text_starts(const char *text, const char *with) {
  while (*with != '\0')
    if (*text++ != *with++)
      return false;
  return true;
}

const char *text_name(const char *path) {
  const char *name = path;
  for (; *path != '\0'; path++)
    if (*path == '/')
      name = path + 1;
  return name;
}

char *text_number(char *into, uint64_t number) {
  char digits[20];
  unsigned count = 0;
  do
    digits[count++] = (char)('0' + number % 10);
  while ((number /= 10) != 0);
  while (count > 0)
    *into++ = digits[--count];
  return into;
}

/* [abc], [a-z], [!x]; *after is what follows. A set that is not closed is a plain '['. */
static bool in_set(const char *set, const char *end, char c, const char **after) {
  const char *p = set + 1;
  bool inverted = p < end && (*p == '!' || *p == '^'), found = false;
  if (inverted)
    p++;
  for (const char *first = p; p < end && (*p != ']' || p == first); p++) {
    if (p + 2 < end && p[1] == '-' && p[2] != ']') {
      found |= p[0] <= c && c <= p[2];
      p += 2;
    } else
      found |= *p == c;
  }
  if (p >= end) {
    *after = set + 1;
    return c == '[';
  }
  *after = p + 1;
  return found != inverted;
}

bool text_matches(const char *pattern, size_t length, const char *text) {
  const char *end = pattern + length, *star = NULL, *retry = NULL;
  for (;;) {
    const char *after = pattern + 1;
    if (pattern < end && *pattern == '*') {
      star = ++pattern;
      retry = text;
      continue;
    }
    if (*text == '\0' && pattern == end)
      return true;
    bool same = pattern < end && *text != '\0' &&
                (*pattern == '?' || (*pattern == '[' ? in_set(pattern, end, *text, &after) : *pattern == *text));
    if (same) {
      pattern = after;
      text++;
    } else if (star != NULL && *retry != '\0') {
      pattern = star;
      text = ++retry;
    } else
      return false;
  }
}
