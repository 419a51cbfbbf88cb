/*
 * Memory that is accessible or not, page by page, by the best means that the kernel allows. A system call that is given a pointer into a
 * closed page answers EFAULT, and nothing faults.
 */
#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

enum { MAPPINGS_A_SLOT = 2, PAGE = 4096 };

static struct {
  uintptr_t low;
  size_t size;
  uint8_t fill;
  enum ffid_guard_rung rung;
  /* mprotect: open ranges, each of which is a mapping of its own to the kernel. */
  uint32_t open, most_open;
} guard;

/* ---- several ranges by one call ---------------------------------------------------------------------------------------------------- */

struct vector {
  uintptr_t base;
  size_t length;
};

/* Ranges with one closed page between them are one: that page is to be closed, too. */
static unsigned merged(const struct guard_range *ranges, unsigned count, struct vector *into) {
  unsigned used = 0;
  for (unsigned i = 0; i < count; i++) {
    if (used > 0 && into[used - 1].base + into[used - 1].length + PAGE == ranges[i].address)
      into[used - 1].length += PAGE + ranges[i].size;
    else
      into[used++] = (struct vector){ranges[i].address, ranges[i].size};
  }
  return used;
}

/* process_madvise(2) on ourselves may be refused, or do a part: what is left goes one by one. */
static void advise_all(const struct guard_range *ranges, unsigned count, int advice) {
  struct vector vectors[GUARD_BATCH];
  unsigned used = merged(ranges, count, vectors), done = 0;
  /* Opened each time: a descriptor that is kept may be closed by the program, and its number be another file's. */
  long self = sys(SYS_pidfd_open, sys_pid(), 0);
  long got = self < 0 ? 0 : sys(SYS_process_madvise, self, vectors, used, advice, 0);
  if (self >= 0)
    (void)sys(SYS_close, self);
  for (; done < used && got >= (long)vectors[done].length; done++)
    got -= (long)vectors[done].length;
  for (; done < used; done++)
    (void)sys(SYS_madvise, vectors[done].base, vectors[done].length, advice);
}

/* ---- the ladder -------------------------------------------------------------------------------------------------------------------- */

static bool all_accessible(void) {
  if (sys(SYS_mprotect, guard.low, guard.size, PROT_READ | PROT_WRITE) != 0)
    return false;
  (void)sys(SYS_madvise, guard.low, guard.size, MADV_NOHUGEPAGE);
  return true;
}

static int try_madv_guard(void) {
  if (!all_accessible())
    return ENOMEM;
  long result = sys(SYS_madvise, guard.low, PAGE, MADV_GUARD_INSTALL_NUMBER);
  return result == 0 ? 0 : (int)-result;
}

/* A quarter of the mappings that a process may have (vm.max_map_count). */
static int try_mprotect(void) {
  char text[32];
  uint32_t most = 0;
  long fd = sys(SYS_openat, AT_FDCWD, "/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
  long got = fd < 0 ? 0 : sys(SYS_read, fd, text, sizeof text);
  if (fd >= 0)
    (void)sys(SYS_close, fd);
  for (long i = 0; i < got && text[i] >= '0' && text[i] <= '9'; i++)
    most = most * 10 + (uint32_t)(text[i] - '0');
  guard.most_open = (most == 0 ? 65530 : most) / (4 * MAPPINGS_A_SLOT);
  return sys(SYS_mprotect, guard.low, guard.size, PROT_NONE) == 0 ? 0 : ENOMEM;
}

static int try_rung(enum ffid_guard_rung rung) {
  switch (rung) {
  case FFID_RUNG_USERFAULTFD: return all_accessible() ? userfault_start(guard.low, guard.size, guard.fill) : ENOMEM;
  case FFID_RUNG_MADV_GUARD: return try_madv_guard();
  case FFID_RUNG_MPROTECT: return try_mprotect();
  default: return all_accessible() ? 0 : ENOMEM;
  }
}

enum ffid_guard_rung guard_start(uintptr_t low, size_t size, uint8_t fill) {
  guard.low = low;
  guard.size = size;
  guard.fill = fill;
  for (enum ffid_guard_rung rung = options.guard_first; rung <= FFID_RUNG_FILL; rung++) {
    int error = try_rung(rung);
    if (error == 0)
      return guard.rung = rung;
    box_note(FFID_NOTE_GUARD_REFUSED, rung, (uint64_t)error, NULL);
  }
  return FFID_RUNG_NONE;
}

/* ---- open and close ---------------------------------------------------------------------------------------------------------------- */

bool guard_open(uintptr_t address, size_t size) {
  switch (guard.rung) {
  case FFID_RUNG_USERFAULTFD: return userfault_open(address, size);
  case FFID_RUNG_MADV_GUARD:
    /* The page behind it was never touched where the slot is new. */
    if (sys(SYS_madvise, address, size, MADV_GUARD_REMOVE_NUMBER) != 0 ||
        sys(SYS_madvise, address + size, PAGE, MADV_GUARD_INSTALL_NUMBER) != 0 ||
        (options.guard_before && sys(SYS_madvise, address - PAGE, PAGE, MADV_GUARD_INSTALL_NUMBER) != 0))
      return false;
    break;
  case FFID_RUNG_MPROTECT:
    if (guard.open >= guard.most_open || sys(SYS_mprotect, address, size, PROT_READ | PROT_WRITE) != 0)
      return false;
    guard.open++;
    break;
  case FFID_RUNG_FILL: break;
  default: return false;
  }
  memset((void *)address, guard.fill, size);
  return true;
}

void guard_close_all(const struct guard_range *ranges, unsigned count) {
  switch (guard.rung) {
  case FFID_RUNG_USERFAULTFD: advise_all(ranges, count, MADV_DONTNEED); break;
  case FFID_RUNG_MADV_GUARD: advise_all(ranges, count, MADV_GUARD_INSTALL_NUMBER); break;
  case FFID_RUNG_MPROTECT:
    advise_all(ranges, count, MADV_DONTNEED);
    for (unsigned i = 0; i < count; i++)
      if (sys(SYS_mprotect, ranges[i].address, ranges[i].size, PROT_NONE) == 0 && guard.open > 0)
        guard.open--;
    break;
  default: break;
  }
}

enum ffid_guard_rung guard_rung(void) { return guard.rung; }

void guard_after_fork(void) {
  if (guard.rung == FFID_RUNG_USERFAULTFD)
    userfault_after_fork();
}
