/*
 * ffi_doctor_companion.so: preloaded behind a sanitizer's runtime, it writes down what the runtime does not tell.
 *
 *   FFI_DOCTOR_COMPANION        the folder to write to
 *   FFI_DOCTOR_COMPANION_LEAKS  when set, leaks are looked for at exit, without taking the exit status
 *
 * process.<pid>: the process, its libraries and which of them have a sanitizer's checks compiled in, how it ended.
 * host.<pid>.<runtime>: the host's own frames at death, in the words of the runtime; written by a child made for it, so that
 * neither a crash nor a hang there changes how the process ends, and the process' own streams stay its own.
 *
 * Libraries are not unloaded: what they left behind could not be named any more.
 */
#include "companion.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[COMPANION_PATH];
static int look_for_leaks;
static int dying;

const char *companion_folder(void) { return folder; }

/*
 * LeakSanitizer ends the process where it cannot look (no ptrace); the program has ended well by then, and its own status and handlers
 * are still to come. Of this thread alone: another may make a mistake meanwhile.
 */
static __thread int looking;
static jmp_buf looked;

static void look_through(void) {
  int (*check)(void) = (int (*)(void))dlsym(RTLD_DEFAULT, "__lsan_do_recoverable_leak_check");
  if (check == NULL) {
    record_word("leaks no-runtime");
  } else if (has_jvm()) {
    /* It reads the guard pages of the JVM's threads, and dies of them. */
    record_word("leaks not-of-a-jvm");
  } else if (_setjmp(looked) == 0) {
    looking = 1;
    (void)check();
    record_word("leaks looked-for");
  }
  looking = 0;
}

/* The runtime calls this on the thread that made the mistake, when its report is written. */
static void at_death(void) {
  if (looking)
    longjmp(looked, 1);
  if (folder[0] == '\0' || __atomic_exchange_n(&dying, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  record_libraries();
  record_end("death", -1);
  record_host_stack();
}

static void at_exit(int status, void *unused) {
  (void)unused;
  signals_give_up();
  if (folder[0] == '\0' || __atomic_load_n(&dying, __ATOMIC_ACQUIRE) != 0)
    return;
  record_libraries();
  if (look_for_leaks)
    look_through();
  record_end("exit", status);
}

/* The sanitizers start a helper that inherits our environment; it is no process of the target. */
static int is_symbolizer(void) {
  char exe[COMPANION_PATH];
  ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
  if (length <= 0)
    return 0;
  exe[length] = '\0';
  const char *name = strrchr(exe, '/');
  name = name == NULL ? exe : name + 1;
  return strncmp(name, "llvm-symbolizer", 15) == 0 || strncmp(name, "addr2line", 9) == 0;
}

/* By the name of the program: libjvm.so comes later. */
static int is_java(void) {
  char exe[COMPANION_PATH];
  ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
  return length > 5 && memcmp(exe + length - 5, "/java", 5) == 0;
}

__attribute__((constructor)) static void start(void) {
  loading_prepare();
  const char *named = getenv("FFI_DOCTOR_COMPANION");
  if (named == NULL || strlen(named) >= sizeof folder || is_symbolizer())
    return;
  strcpy(folder, named);
  look_for_leaks = getenv("FFI_DOCTOR_COMPANION_LEAKS") != NULL;
  record_start();
  int go = record_runtime();
  record_libraries();
  void (*set)(void (*)(void)) = (void (*)(void (*)(void)))dlsym(RTLD_DEFAULT, "__sanitizer_set_death_callback");
  if (set != NULL)
    set(at_death);
  (void)on_exit(at_exit, NULL);
  signals_prepare(go ? HOST_GO : is_java() ? HOST_JAVA : HOST_OTHER);
}
