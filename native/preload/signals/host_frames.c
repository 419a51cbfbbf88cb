/*
 * The traceback of the interpreter, where CPython is in the process. Its own function for crash handlers writes it: it takes no lock and
 * allocates nothing, and the thread's state is found without the interpreter's lock, which native code gave back.
 */
#include "signals.h"

enum { TEXT_LIMIT = 16 << 10 };

static void *(*python_thread)(void);
static void (*python_dump)(int, void *);

void host_frames_find(void) {
  if (python_dump != NULL)
    return;
  void *thread = real_function("PyGILState_GetThisThreadState");
  void *dump = thread == NULL ? NULL : real_function("_Py_DumpTraceback");
  if (dump == NULL)
    return;
  *(void **)&python_thread = thread;
  __atomic_store_n((void **)&python_dump, dump, __ATOMIC_RELEASE);
}

struct dump {
  int file;
};

static void take_python(const void *argument) {
  const struct dump *dump = argument;
  void *thread = python_thread();
  if (thread != NULL)
    python_dump(dump->file, thread);
}

struct text {
  const struct arrival *arrival;
  int file;
};

static void keep_text(const void *argument) {
  const struct text *text = argument;
  struct ffid_capture *capture = capture_begin(text->arrival, FFID_PART_HOST_FRAMES, 0, 0, TEXT_LIMIT);
  if (capture == NULL)
    return;
  long got = sys(SYS_pread64, text->file, capture->bytes, TEXT_LIMIT, 0);
  capture_end(capture, got > 0 ? (size_t)got : 0);
}

void host_frames_capture(const struct arrival *arrival) {
  if (python_dump == NULL)
    return;
  long file = sys(SYS_memfd_create, "ffi-doctor", 1 /* MFD_CLOEXEC */);
  if (file < 0)
    return;
  struct dump dump = {(int)file};
  struct text text = {arrival, (int)file};
  guarded(arrival->thread, take_python, &dump);
  guarded(arrival->thread, keep_text, &text);
  sys(SYS_close, file);
}
