/* The dynamic linker's own functions, in between: what is loaded is written down, and nothing is unloaded. */
#include "companion.h"

#include <dlfcn.h>
#include <string.h>

/* dlsym's first version, which is the architecture's (glibc's Versions files). */
#if defined(__x86_64__)
#define FIRST_VERSION "GLIBC_2.2.5"
#else
#define FIRST_VERSION "GLIBC_2.17"
#endif

static void *(*next_dlopen)(const char *, int);
static char *(*next_dlerror)(void);

/* At start, as each dlsym takes the last error away. */
void loading_prepare(void) {
  if (next_dlopen != NULL)
    return;
  next_dlerror = (char *(*)(void))dlsym(RTLD_NEXT, "dlerror");
  next_dlopen = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
}

/* A sanitizer's runtime that has a dlopen of its own is the caller, and the true caller is lost already. */
static int from_runtime(const void *caller) {
  Dl_info at;
  const char *name = dladdr(caller, &at) == 0 || at.dli_fname == NULL ? "" : at.dli_fname;
  return strstr(name, "libasan.") != NULL || strstr(name, "libtsan.") != NULL || strstr(name, "libclang_rt.") != NULL;
}

/*
 * Where the program itself is the caller, the linker's own function is jumped to, not called: it looks the caller up by the return
 * address, for the caller's RUNPATH. What it loads is then noted at the next opportunity.
 */
__attribute__((optimize("optimize-sibling-calls", "omit-frame-pointer"))) void *dlopen(const char *file, int flags) {
  loading_prepare();
  if (!from_runtime(__builtin_return_address(0))) {
    record_libraries();
    if (file != NULL && strchr(file, '/') != NULL)
      record_text("opening", file);
    return next_dlopen(file, flags);
  }
  void *handle = next_dlopen(file, flags);
  char path[COMPANION_PATH];
  if (handle == NULL && find_on_runpath(file, path) != NULL)
    handle = next_dlopen(path, flags);
  if (handle != NULL)
    record_libraries();
  return handle;
}

int dlclose(void *handle) {
  (void)handle;
  return 0;
}

/* Why a library could not be opened is told to whoever asks; where it is for want of a sanitizer's runtime, it is noted. */
char *dlerror(void) {
  loading_prepare();
  char *text = next_dlerror();
  /* The runtimes themselves look for functions that need not be there (swift_demangle). */
  const char *symbol = text == NULL ? NULL : strstr(text, "undefined symbol: __");
  if (symbol != NULL && strstr(symbol, "san_") != NULL)
    record_text("refused", text);
  record_libraries();
  return text;
}

static int is_allocation(const char *name) {
  static const char *const names[] = {"malloc", "calloc", "realloc", "reallocarray", "free", "cfree", "memalign",
                                      "posix_memalign", "aligned_alloc", "valloc", "pvalloc", "malloc_usable_size"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0)
      return 1;
  return 0;
}

static int is_libc(const void *function) {
  Dl_info at;
  return function != NULL && dladdr(function, &at) != 0 && at.dli_fname != NULL && strstr(at.dli_fname, "/libc.so.") != NULL;
}

/*
 * A host may ask libc itself for free, by name (ctypes.CDLL("libc.so.6").free), and so go past the runtime that gave the block: a legal
 * program would die of "invalid pointer". Such a question is answered with the runtime's own function. All others are jumped on to, as the
 * linker looks the caller up for RTLD_NEXT.
 */
__attribute__((optimize("optimize-sibling-calls", "omit-frame-pointer"))) void *dlsym(void *handle, const char *name) {
  static void *(*next_dlsym)(void *, const char *);
  if (next_dlsym == NULL) {
    next_dlsym = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
    if (next_dlsym == NULL)
      next_dlsym = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", FIRST_VERSION);
  }
  if (handle == RTLD_NEXT || handle == RTLD_DEFAULT || !is_allocation(name))
    return next_dlsym(handle, name);
  void *own = next_dlsym(handle, name);
  return is_libc(own) ? next_dlsym(RTLD_DEFAULT, name) : own;
}
