/* The frames of the host's own language at death, as its runtime tells them. */
#include "companion.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A runtime that cannot say it in this time hangs: the child has none of the other threads. */
enum { WAIT_MS = 10000, STEP_MS = 10, CHILD_STACK = 1 << 20 };

#define LOW ((void *)0x20000000)

static pid_t dying_process;

static int open_for(const char *runtime) {
  char name[64];
  struct output out;
  (void)snprintf(name, sizeof name, "host.%d.%s", (int)dying_process, runtime);
  return output_open(&out, name) ? out.fd : -1;
}

/* Whatever goes wrong in the child stays in it: no core, nothing on the program's streams, no outliving its parent. */
static void keep_to_itself(void) {
  unsigned long none = 0;
  struct rlimit no_core = {0, 0};
  (void)syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  (void)syscall(SYS_prlimit64, 0, RLIMIT_CORE, &no_core, NULL);
  (void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, sizeof none);
  int null = (int)syscall(SYS_openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
  if (null >= 0) {
    (void)dup2(null, STDOUT_FILENO);
    (void)dup2(null, STDERR_FILENO);
  }
}

/* The kernel's struct sigaction: SIG_DFL. libc's functions for this are the sanitizer's, which refuses. */
static void set_default(int number) {
  unsigned long action[4] = {0};
  (void)syscall(SYS_rt_sigaction, number, action, NULL, sizeof action[0]);
}

/* A crash of the child ends it without a word. */
static void default_faults(void) {
  static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
    set_default(faults[i]);
}

static void (*node_frames)(FILE *);

/* V8 takes its heap out of what fork copies (MADV_DONTFORK): this child has the very memory of its parent, which waits. */
static int tell_node(void *unused) {
  (void)unused;
  keep_to_itself();
  default_faults();
  /* It writes a headline to the stream that it is given, and the frames to standard error. */
  int fd = open_for("node");
  if (fd >= 0 && dup2(fd, STDERR_FILENO) >= 0)
    node_frames(stderr);
  (void)syscall(SYS_exit, 0);
  return 0;
}

/* The thread's own state is found without the interpreter's lock, which native code gave back. */
static void tell_python(void) {
  void *(*state)(void) = (void *(*)(void))dlsym(RTLD_DEFAULT, "PyGILState_GetThisThreadState");
  void (*dump)(int, void *) = (void (*)(int, void *))dlsym(RTLD_DEFAULT, "_Py_DumpTraceback");
  void *thread = state == NULL || dump == NULL ? NULL : state();
  int fd = thread == NULL ? -1 : open_for("python");
  if (fd >= 0)
    dump(fd, thread);
}

/* To this very thread by system call: glibc's raise would name the parent's. */
static void raise_here(int number) {
  (void)syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), number);
}

/* Go writes all goroutines to standard error at SIGQUIT; the child's standard error is our file. */
static void tell_go(void) {
  int fd = open_for("go");
  if (fd >= 0 && dup2(fd, STDERR_FILENO) >= 0)
    raise_here(SIGQUIT);
}

/* HotSpot writes hs_err_pid<pid>.log to the working directory, and aborts. */
static void tell_java(void) {
  set_default(SIGABRT);
  if (chdir(companion_folder()) == 0)
    raise_here(SIGSEGV);
}

struct found {
  int go, java;
};

/* A note of the name "Go" in the program; libjvm.so among the libraries. */
static int find_runtime(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct found *found = data;
  const char *name = info->dlpi_name == NULL ? NULL : strrchr(info->dlpi_name, '/');
  if (name != NULL && strcmp(name, "/libjvm.so") == 0)
    found->java = 1;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_NOTE)
      continue;
    const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr);
    const char *end = at + segment->p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
      const char *owner = at + sizeof *note;
      if (note->n_namesz == 4 && owner + 4 <= end && memcmp(owner, "Go\0", 4) == 0)
        found->go = 1;
      at = owner + ((note->n_namesz + 3u) & ~3u) + ((note->n_descsz + 3u) & ~3u);
    }
  }
  return 0;
}

int record_runtime(void) {
  struct found found = {0, 0};
  (void)dl_iterate_phdr(find_runtime, &found);
  if (found.go)
    record_word("runtime go");
  return found.go;
}

int has_jvm(void) {
  struct found found = {0, 0};
  (void)dl_iterate_phdr(find_runtime, &found);
  return found.java;
}

/* A JVM that has told of the fault itself would not do so again: its report is where it puts one that nobody asked elsewhere. */
static void copy_report(void) {
  char from[64], name[64], bytes[4096];
  (void)snprintf(from, sizeof from, "hs_err_pid%d.log", (int)dying_process);
  (void)snprintf(name, sizeof name, "host.%d.java", (int)dying_process);
  int in = (int)syscall(SYS_openat, AT_FDCWD, from, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  struct output out;
  if (in < 0 || !output_open(&out, name))
    return;
  for (long got; (got = syscall(SYS_read, in, bytes, sizeof bytes)) > 0;)
    (void)!write(out.fd, bytes, (size_t)got);
  (void)syscall(SYS_close, in);
  output_close(&out);
}

static int tell_others(void *unused) {
  (void)unused;
  struct found found = {0, 0};
  keep_to_itself();
  signals_stop();
  (void)dl_iterate_phdr(find_runtime, &found);
  if (found.java)
    tell_java();
  else if (found.go)
    tell_go();
  else {
    default_faults();
    tell_python();
  }
  (void)syscall(SYS_exit_group, 0);
  return 0;
}

static void wait_for(pid_t child) {
  struct timespec step = {0, STEP_MS * 1000000L};
  for (long waited = 0; waited < WAIT_MS; waited += STEP_MS) {
    if (syscall(SYS_wait4, child, NULL, WNOHANG | __WALL, NULL) != 0)
      return;
    (void)syscall(SYS_nanosleep, &step, NULL);
  }
  (void)syscall(SYS_kill, child, SIGKILL);
  (void)syscall(SYS_wait4, child, NULL, __WALL, NULL);
  record_word("host-stack hung");
}

/*
 * The children have no exit signal: the program's own handlers and waits never see them. No handlers of fork's are run, either. They
 * run on a stack of their own, as the one at hand may be a signal's, too small for a runtime's report.
 */
void record_host_stack(void) {
  dying_process = (pid_t)syscall(SYS_getpid);
  if (signals_reported() && has_jvm()) {
    copy_report();
    return;
  }
  node_frames = (void (*)(FILE *))dlsym(RTLD_DEFAULT, "_ZN4node23DumpJavaScriptBacktraceEP8_IO_FILE");
  /* V8 walks from the stack pointer up to where JavaScript was entered: a low address is below all stacks that may be meant. */
  char *stack = mmap(LOW, CHILD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED)
    return;
  pid_t child = node_frames != NULL ? clone(tell_node, stack + CHILD_STACK, CLONE_VM, NULL)
                                    : clone(tell_others, stack + CHILD_STACK, 0, NULL);
  if (child < 0)
    return;
  wait_for(child);
  char from[COMPANION_PATH + 64], to[COMPANION_PATH + 64];
  (void)snprintf(from, sizeof from, "%s/hs_err_pid%d.log", companion_folder(), (int)child);
  (void)snprintf(to, sizeof to, "%s/host.%d.java", companion_folder(), (int)dying_process);
  (void)rename(from, to);
}
