/* The dynamic linker's own functions, in between: what is loaded is written down, and nothing is unloaded. */
#include "companion.h"

#include <dlfcn.h>
#include <string.h>

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
  if (text != NULL && (strstr(text, "san_") != NULL || strstr(text, "libasan") != NULL || strstr(text, "libtsan") != NULL ||
                       strstr(text, "libubsan") != NULL || strstr(text, "clang_rt") != NULL))
    record_text("refused", text);
  record_libraries();
  return text;
}
