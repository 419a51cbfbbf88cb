/* The black box of this process: a file that is mapped shared, so that what was written outlives it. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

struct ffid_box_header *box_header;

/* The last in pauses of 50 us: a tenth of a second for a file system to make room. */
enum { PATH_ROOM = 4096, MOST_IMAGES = 1000, GROW_WAITS = 2000 };

static char path[PATH_ROOM];
static uint32_t sequence;
/* The first is the holder's thread id. */
static uint32_t grow_lock, open_lock;

static struct {
  uint32_t pid, image, stacks;
} parent;

static void name_box(uint32_t pid, uint32_t image) {
  size_t length = text_length(options.folder);
  memcpy(path, options.folder, length);
  char *at = path + length;
  memcpy(at, "/box.", 5);
  at = text_number(at + 5, pid);
  *at++ = '.';
  *text_number(at, image) = '\0';
}

/* The file's room on the disk, made before it is used. A limit on file sizes would answer with SIGXFSZ. */
static bool has_room(int fd, uint64_t size) {
  struct rlimit limit = {0, 0};
  (void)sys(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
  if (limit.rlim_cur != RLIM_INFINITY && size > limit.rlim_cur)
    return false;
  long result = sys(SYS_fallocate, fd, 0, 0, size);
  if (result != -EOPNOTSUPP && result != -ENOSYS)
    return result == 0;
  /* A file system without fallocate: pages are made by writing them, as posix_fallocate(3) does. */
  struct stat facts;
  if (sys(SYS_fstat, fd, &facts) != 0)
    return false;
  static const char zeros[4096];
  for (uint64_t at = (uint64_t)facts.st_size; at < size; at += sizeof zeros)
    if (sys(SYS_pwrite64, fd, zeros, sizeof zeros, at) != (long)sizeof zeros)
      return false;
  return true;
}

static int create(uint32_t pid, uint32_t *image) {
  for (*image = 0; *image < MOST_IMAGES; ++*image) {
    name_box(pid, *image);
    long fd = sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd != -EEXIST)
      return (int)fd;
  }
  return -EEXIST;
}

/* The words of the command, as the kernel has them. */
static void tell_process(void) {
  static char executable[PATH_ROOM], arguments[PATH_ROOM];
  long executable_size = sys(SYS_readlink, "/proc/self/exe", executable, sizeof executable - 1);
  long fd = sys(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  long arguments_size = fd < 0 ? 0 : sys(SYS_read, fd, arguments, sizeof arguments - 1);
  if (fd >= 0)
    (void)sys(SYS_close, fd);
  executable_size = executable_size < 0 ? 0 : executable_size;
  arguments_size = arguments_size < 0 ? 0 : arguments_size;
  executable[executable_size++] = '\0';
  if (arguments_size > 0 && arguments[arguments_size - 1] != '\0')
    arguments[arguments_size++] = '\0';
  struct ffid_process *record = box_begin(FFID_PROCESS, sizeof *record + (size_t)(executable_size + arguments_size));
  if (record == NULL)
    return;
  record->executable_size = (uint32_t)executable_size;
  record->arguments_size = (uint32_t)arguments_size;
  memcpy(record->text, executable, (size_t)executable_size);
  memcpy(record->text + executable_size, arguments, (size_t)arguments_size);
  box_end(record);
}

static bool make(void) {
  if (options.folder == NULL || text_length(options.folder) + 64 > sizeof path)
    return false;
  uint32_t pid = (uint32_t)sys_pid(), image;
  int fd = create(pid, &image);
  if (fd < 0)
    return false;
  uint64_t size = FFID_BOX_HEADER + FFID_BOX_FIRST_CHUNK;
  long map = -1;
  if (has_room(fd, size))
    map = sys(SYS_mmap, 0, FFID_BOX_HEADER + FFID_BOX_LIMIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  (void)sys(SYS_close, fd);
  if (map < 0 && map > -4096) {
    (void)sys(SYS_unlinkat, AT_FDCWD, path, 0);
    return false;
  }
  struct ffid_box_header *header = (struct ffid_box_header *)map;
  *header = (struct ffid_box_header){
      .version = FFID_BOX_VERSION,
      .header_size = FFID_BOX_HEADER,
      .pid = pid,
      .parent_pid = (uint32_t)sys(SYS_getppid),
      .image = image,
      .page_size = 4096,
      .realtime = sys_now(CLOCK_REALTIME),
      .monotonic = sys_now(CLOCK_MONOTONIC),
      .ticks = sys_ticks(),
      .journal_room = FFID_BOX_FIRST_CHUNK,
      .first_stack = parent.stacks,
      .forked_from_pid = parent.pid,
      .forked_from_image = parent.image,
      .heap_mode = options.heap,
      .stacks_mode = options.stacks,
      .alloc_fill = options.alloc_fill,
      .free_fill = options.free_fill,
      .signals_on = options.signals,
      /* In a forked child, whose heap is its parent's. */
      .guard_rung = guard_rung(),
      .heap_low = heap_low,
      .heap_high = heap_low + heap_size,
  };
  header->last_monotonic = header->monotonic;
  header->last_ticks = header->ticks;
  memcpy(header->magic, FFID_BOX_MAGIC, sizeof header->magic);
  depot_start();
  __atomic_store_n(&box_header, header, __ATOMIC_RELEASE);
  tell_process();
  return true;
}

/* Where it cannot be made it is not tried again: a program of a thousand forks must not try a million times. */
bool box_open(void) {
  static unsigned refused = UINT32_MAX;
  if (box_header != NULL)
    return true;
  if (refused == sys_forks() || __atomic_exchange_n(&open_lock, 1, __ATOMIC_ACQUIRE) != 0)
    return false;
  bool made = box_header != NULL || make();
  if (!made)
    refused = sys_forks();
  __atomic_store_n(&open_lock, 0, __ATOMIC_RELEASE);
  return made;
}

void box_forget(void) {
  struct ffid_box_header *header = box_header;
  if (header == NULL)
    return;
  parent.pid = header->pid;
  parent.image = header->image;
  parent.stacks = depot_next();
  box_header = NULL;
  grow_lock = open_lock = 0;
  (void)sys(SYS_munmap, header, FFID_BOX_HEADER + FFID_BOX_LIMIT);
}

/*
 * True once the lock is held. Held by another thread, it is waited for: that thread is about to make the room that is wanted. Held by this
 * very thread, a fault came in between and goes without. A holder that never comes back (a handler of the program's jumped out of it) is
 * waited for once.
 */
static bool grow_locks(uint32_t self) {
  static uint32_t lost;
  static const struct timespec pause = {.tv_nsec = 50000};
  for (unsigned waits = 0;; waits++) {
    uint32_t holder = 0;
    if (__atomic_compare_exchange_n(&grow_lock, &holder, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return true;
    if (holder == self || holder == __atomic_load_n(&lost, __ATOMIC_RELAXED))
      return false;
    if (waits == GROW_WAITS) {
      __atomic_store_n(&lost, holder, __ATOMIC_RELAXED);
      return false;
    }
    (void)sys(SYS_nanosleep, &pause, NULL);
  }
}

/* More room. The file is opened anew each time: a descriptor that is kept would be seen by the program, and closed by some. */
static bool grow(struct ffid_box_header *header, uint64_t wanted) {
  if (!grow_locks((uint32_t)sys_tid()))
    return wanted <= __atomic_load_n(&header->journal_room, __ATOMIC_ACQUIRE);
  uint64_t room = header->journal_room;
  if (wanted > room) {
    uint64_t more = (wanted + FFID_BOX_CHUNK - 1) / FFID_BOX_CHUNK * FFID_BOX_CHUNK;
    int fd = more > FFID_BOX_LIMIT ? -1 : (int)sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd >= 0) {
      if (has_room(fd, FFID_BOX_HEADER + more))
        __atomic_store_n(&header->journal_room, room = more, __ATOMIC_RELEASE);
      (void)sys(SYS_close, fd);
    }
  }
  __atomic_store_n(&grow_lock, 0, __ATOMIC_RELEASE);
  return wanted <= room;
}

void *box_begin(enum ffid_kind kind, size_t size) {
  struct ffid_box_header *header = __atomic_load_n(&box_header, __ATOMIC_ACQUIRE);
  if (header == NULL)
    return NULL;
  size = (size + 7) & ~(size_t)7;
  uint64_t at = __atomic_load_n(&header->journal_used, __ATOMIC_RELAXED);
  do {
    if (at + size > __atomic_load_n(&header->journal_room, __ATOMIC_ACQUIRE) && !grow(header, at + size)) {
      __atomic_fetch_add(&header->dropped, 1, __ATOMIC_RELAXED);
      return NULL;
    }
  } while (!__atomic_compare_exchange_n(&header->journal_used, &at, at + size, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  struct ffid_record *record = (void *)((char *)header + FFID_BOX_HEADER + at);
  record->size = (uint32_t)size;
  record->kind = kind;
  record->tid = (uint32_t)sys_tid();
  record->monotonic = sys_now(CLOCK_MONOTONIC);
  record->sequence = __atomic_fetch_add(&sequence, 1, __ATOMIC_RELAXED);
  header->last_monotonic = record->monotonic;
  header->last_ticks = sys_ticks();
  return record;
}

void box_end(void *record) {
  if (record != NULL)
    __atomic_store_n(&((struct ffid_record *)record)->mark, FFID_RECORD_MARK, __ATOMIC_RELEASE);
}

void box_note(enum ffid_note_code code, uint64_t a, uint64_t b, const char *text) {
  size_t size = text == NULL ? 0 : text_length(text) + 1;
  struct ffid_note *note = box_begin(FFID_NOTE, sizeof *note + size);
  if (note == NULL)
    return;
  note->code = code;
  note->text_size = (uint32_t)size;
  note->a = a;
  note->b = b;
  if (size > 0)
    memcpy(note->text, text, size);
  box_end(note);
}
