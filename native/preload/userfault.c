/*
 * Guarded pages by userfaultfd(2): in a registered range a page that was never put there is not made, but raises SIGBUS. To open a page
 * is to put one there, filled; to close it is to drop it. No mapping is split, so that there is no limit to their number.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>

#include "guard.h"

enum {
  PAGE = 4096,
  PAGES_AT_ONCE = 16,
  /* Programs count on the low numbers, and some close them all. */
  HIGH_DESCRIPTOR = 700,
  USER_MODE_ONLY = 1, /* what unprivileged processes may ask for (vm.unprivileged_userfaultfd) */
  MOST_RESTARTS = 8,
};

static int fd = -1;
static uintptr_t low;
static size_t size;
static char *filled;
static unsigned restarts;

static int out_of_the_way(int number) {
  long high = sys(SYS_fcntl, number, F_DUPFD_CLOEXEC, HIGH_DESCRIPTOR);
  if (high < 0)
    return number;
  (void)sys(SYS_close, number);
  return (int)high;
}

static int take_up(void) {
  long got = sys(SYS_userfaultfd, O_CLOEXEC | USER_MODE_ONLY);
  if (got < 0)
    return (int)-got;
  struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS};
  struct uffdio_register range = {.range = {low, size}, .mode = UFFDIO_REGISTER_MODE_MISSING};
  long error = sys(SYS_ioctl, got, UFFDIO_API, &api);
  if (error == 0)
    error = sys(SYS_ioctl, got, UFFDIO_REGISTER, &range);
  if (error != 0) {
    (void)sys(SYS_close, got);
    return (int)-error;
  }
  fd = out_of_the_way((int)got);
  return 0;
}

int userfault_start(uintptr_t from, size_t bytes, uint8_t fill) {
  low = from;
  size = bytes;
  filled = sys_pages(PAGES_AT_ONCE * PAGE);
  if (filled == NULL)
    return ENOMEM;
  memset(filled, fill, PAGES_AT_ONCE * PAGE);
  return take_up();
}

/* Closing the descriptor takes the registration away without a word, and its number may be another file's by then, which says so. */
static bool is_lost(long error) { return error == -EBADF || error == -ENOTTY || error == -EINVAL || error == -ENOENT || error == -ESRCH; }

static long put(uintptr_t address, size_t bytes) {
  struct uffdio_copy copy = {.dst = address, .src = (uintptr_t)filled, .len = bytes, .mode = UFFDIO_COPY_MODE_DONTWAKE};
  for (;;) {
    long error = sys(SYS_ioctl, fd, UFFDIO_COPY, &copy);
    if (error != -EAGAIN)
      return error;
    if (copy.copy > 0) {
      copy.dst += (uint64_t)copy.copy;
      copy.src += (uint64_t)copy.copy;
      copy.len -= (uint64_t)copy.copy;
    }
    copy.copy = 0;
  }
}

bool userfault_open(uintptr_t address, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    size_t some = bytes - at < PAGES_AT_ONCE * PAGE ? bytes - at : PAGES_AT_ONCE * PAGE;
    long error = put(address + at, some);
    if (error == -EEXIST) {
      memset((void *)(address + at), (unsigned char)filled[0], PAGE);
      some = PAGE;
    } else if (error != 0) {
      if (!is_lost(error) || restarts++ >= MOST_RESTARTS || take_up() != 0)
        return false;
      continue;
    }
    at += some;
  }
  return true;
}

/* The program may have closed it, and the number be a file of its own by now. */
static bool is_ours(int number) {
  static const char kind[] = "anon_inode:[userfaultfd]";
  char path[32] = "/proc/self/fd/", target[sizeof kind];
  *text_number(path + 14, (uint64_t)number) = '\0';
  return sys(SYS_readlink, path, target, sizeof target) == (long)sizeof kind - 1 && memcmp(target, kind, sizeof kind - 1) == 0;
}

/* The child's memory is not registered, and the inherited descriptor is still the parent's memory's. */
void userfault_after_fork(void) {
  if (fd >= 0 && is_ours(fd))
    (void)sys(SYS_close, fd);
  fd = -1;
  (void)take_up();
}
