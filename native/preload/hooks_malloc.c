/*
 * malloc and its family. Those that are exported stand before the process's own for everybody, know our blocks by their addresses, and
 * pass all others on. Those of libraries in question (`own_...`) are put into the libraries' imports, and give watched blocks.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <wchar.h>

#include "heap.h"
#include "hooks_malloc.h"
#include "loader.h"
#include "process.h"

struct process_functions process;

void process_find(void) {
  process.free = real_function("free");
  process.calloc = real_function("calloc");
  process.realloc = real_function("realloc");
  process.memalign = real_function("memalign");
  process.aligned_alloc = real_function("aligned_alloc");
  process.posix_memalign = real_function("posix_memalign");
  process.valloc = real_function("valloc");
  process.pvalloc = real_function("pvalloc");
  process.malloc_usable_size = real_function("malloc_usable_size");
  __atomic_store_n((void **)&process.malloc, real_function("malloc"), __ATOMIC_RELEASE);
}

static inline void ready(void) {
  if (UNLIKELY(process.malloc == NULL))
    process_find();
}

static bool overflows(size_t count, size_t size, size_t *total) {
  if (!__builtin_mul_overflow(count, size, total))
    return false;
  errno = ENOMEM;
  return true;
}

/* ---- for libraries in question ------------------------------------------------------------------------------------------------- */

void *own_malloc(size_t size) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  void *block = heap_allocate(size, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller);
  return block != NULL ? block : process.malloc(size);
}

void *own_calloc(size_t count, size_t size) {
  struct place caller;
  size_t total;
  PLACE_OF_CALLER(&caller);
  ready();
  if (overflows(count, size, &total))
    return NULL;
  void *block = heap_allocate(total, ALIGNMENT, FILL_ZERO, FFID_FAMILY_MALLOC, &caller);
  return block != NULL ? block : process.calloc(count, size);
}

static void release(void *block, enum ffid_family family, const struct place *caller) {
  ready();
  if (heap_owns((uintptr_t)block))
    heap_free((uintptr_t)block, family, caller);
  else if (block != NULL) {
    box_count(FFID_COUNT_FOREIGN_FREES, 1);
    process.free(block);
  }
}

void own_free(void *block) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  release(block, FFID_FAMILY_MALLOC, &caller);
}

static void *resize(void *block, size_t size, const struct place *caller) {
  if (size == 0) {
    heap_free((uintptr_t)block, FFID_FAMILY_MALLOC, caller);
    return NULL;
  }
  return heap_reallocate((uintptr_t)block, size, caller);
}

void *own_realloc(void *block, size_t size) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  if (heap_owns((uintptr_t)block))
    return resize(block, size, &caller);
  void *fresh = block == NULL ? heap_allocate(size, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller) : NULL;
  return fresh != NULL ? fresh : process.realloc(block, size);
}

void *own_reallocarray(void *block, size_t count, size_t size) {
  struct place caller;
  size_t total;
  PLACE_OF_CALLER(&caller);
  ready();
  if (overflows(count, size, &total))
    return NULL;
  if (heap_owns((uintptr_t)block))
    return resize(block, total, &caller);
  void *fresh = block == NULL ? heap_allocate(total, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller) : NULL;
  return fresh != NULL ? fresh : process.realloc(block, total);
}

static bool is_power(size_t alignment) { return alignment != 0 && (alignment & (alignment - 1)) == 0; }

void *own_memalign(size_t alignment, size_t size) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  void *block = is_power(alignment) ? heap_allocate(size, alignment, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller) : NULL;
  return block != NULL ? block : process.memalign(alignment, size);
}

void *own_aligned_alloc(size_t alignment, size_t size) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  void *block = is_power(alignment) ? heap_allocate(size, alignment, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller) : NULL;
  return block != NULL ? block : process.aligned_alloc(alignment, size);
}

int own_posix_memalign(void **into, size_t alignment, size_t size) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  bool good = is_power(alignment) && alignment % sizeof(void *) == 0;
  void *block = good ? heap_allocate(size, alignment, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller) : NULL;
  if (block == NULL)
    return process.posix_memalign(into, alignment, size);
  *into = block;
  return 0;
}

void *own_valloc(size_t size) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  void *block = heap_allocate(size, PAGE, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller);
  return block != NULL ? block : process.valloc(size);
}

void *own_pvalloc(size_t size) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  void *block = heap_allocate((size + PAGE - 1) / PAGE * PAGE, PAGE, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller);
  return block != NULL ? block : process.pvalloc(size);
}

size_t own_malloc_usable_size(void *block) { return malloc_usable_size(block); }

/* ---- what libc allocates for the library ---------------------------------------------------------------------------------------- */

/* A block of the process's own allocator becomes a watched one. */
static void *adopt(void *block, size_t size, const struct place *caller) {
  void *watched = block == NULL ? NULL : heap_allocate(size, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, caller);
  if (watched == NULL)
    return block;
  memcpy(watched, block, size);
  process.free(block);
  return watched;
}

char *own_strdup(const char *text) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  size_t size = strlen(text) + 1;
  void *block = heap_allocate(size, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller);
  if (block == NULL)
    block = process.malloc(size);
  return block == NULL ? NULL : memcpy(block, text, size);
}

char *own_strndup(const char *text, size_t most) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  size_t length = strnlen(text, most);
  char *block = heap_allocate(length + 1, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller);
  if (block == NULL)
    block = process.malloc(length + 1);
  if (block == NULL)
    return NULL;
  block[length] = '\0';
  return memcpy(block, text, length);
}

wchar_t *own_wcsdup(const wchar_t *text) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  ready();
  size_t size = (wcslen(text) + 1) * sizeof *text;
  void *block = heap_allocate(size, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller);
  if (block == NULL)
    block = process.malloc(size);
  return block == NULL ? NULL : memcpy(block, text, size);
}

static int print(char **into, const char *format, va_list values, const struct place *caller) {
  ready();
  int length = vasprintf(into, format, values);
  if (length >= 0)
    *into = adopt(*into, (size_t)length + 1, caller);
  return length;
}

int own_vasprintf(char **into, const char *format, va_list values) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  return print(into, format, values, &caller);
}

int own_asprintf(char **into, const char *format, ...) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  va_list values;
  va_start(values, format);
  int length = print(into, format, values, &caller);
  va_end(values);
  return length;
}

/* With the checks of _FORTIFY_SOURCE, which libc's own of that name would make. */
extern int __vasprintf_chk(char **into, int flag, const char *format, va_list values);

static int print_checked(char **into, int flag, const char *format, va_list values, const struct place *caller) {
  ready();
  int length = __vasprintf_chk(into, flag, format, values);
  if (length >= 0)
    *into = adopt(*into, (size_t)length + 1, caller);
  return length;
}

int own_vasprintf_checked(char **into, int flag, const char *format, va_list values) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  return print_checked(into, flag, format, values, &caller);
}

int own_asprintf_checked(char **into, int flag, const char *format, ...) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  va_list values;
  va_start(values, format);
  int length = print_checked(into, flag, format, values, &caller);
  va_end(values);
  return length;
}

static ssize_t line(char **into, size_t *size, int delimiter, FILE *stream, const struct place *caller) {
  ready();
  int before = errno;
  ssize_t length = getdelim(into, size, delimiter, stream);
  int after = errno;
  if (into != NULL && *into != NULL && !heap_owns((uintptr_t)*into))
    *into = adopt(*into, *size, caller);
  errno = length < 0 ? after : before;
  return length;
}

ssize_t own_getdelim(char **into, size_t *size, int delimiter, FILE *stream) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  return line(into, size, delimiter, stream, &caller);
}

ssize_t own_getline(char **into, size_t *size, FILE *stream) {
  struct place caller;
  PLACE_OF_CALLER(&caller);
  return line(into, size, '\n', stream, &caller);
}

/* ---- for everybody --------------------------------------------------------------------------------------------------------------- */

/* Whether the allocation is a library's in question, whose imports are not changed yet: its constructors run before anybody looks. */
static inline __attribute__((always_inline)) bool is_own(uintptr_t caller) {
  if (LIKELY(!loader_calls(caller) && !modules_due))
    return false;
  return loader_noticed(caller) && in_question(caller);
}
#define CALLER ((uintptr_t)__builtin_return_address(0))

EXPORTED void *malloc(size_t size) {
  struct place caller;
  ready();
  if (LIKELY(!is_own(CALLER)))
    return process.malloc(size);
  PLACE_OF_CALLER(&caller);
  void *block = heap_allocate(size, ALIGNMENT, FILL_PATTERN, FFID_FAMILY_MALLOC, &caller);
  return block != NULL ? block : process.malloc(size);
}

EXPORTED void *calloc(size_t count, size_t size) {
  struct place caller;
  size_t total;
  ready();
  if (LIKELY(!is_own(CALLER)))
    return process.calloc(count, size);
  PLACE_OF_CALLER(&caller);
  if (overflows(count, size, &total))
    return NULL;
  void *block = heap_allocate(total, ALIGNMENT, FILL_ZERO, FFID_FAMILY_MALLOC, &caller);
  return block != NULL ? block : process.calloc(count, size);
}

EXPORTED void free(void *block) {
  struct place caller;
  if (LIKELY(!heap_owns((uintptr_t)block))) {
    ready();
    if (UNLIKELY(loader_calls(CALLER)))
      modules_touched();
    process.free(block);
    return;
  }
  PLACE_OF_CALLER(&caller);
  heap_free((uintptr_t)block, FFID_FAMILY_MALLOC, &caller);
}

EXPORTED void *realloc(void *block, size_t size) {
  struct place caller;
  ready();
  if (LIKELY(!heap_owns((uintptr_t)block)))
    return process.realloc(block, size);
  PLACE_OF_CALLER(&caller);
  return resize(block, size, &caller);
}

EXPORTED void *reallocarray(void *block, size_t count, size_t size) {
  struct place caller;
  size_t total;
  ready();
  if (overflows(count, size, &total))
    return NULL;
  if (LIKELY(!heap_owns((uintptr_t)block)))
    return process.realloc(block, total);
  PLACE_OF_CALLER(&caller);
  return resize(block, total, &caller);
}

EXPORTED void *memalign(size_t alignment, size_t size) {
  ready();
  return process.memalign(alignment, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size) {
  ready();
  return process.aligned_alloc(alignment, size);
}

EXPORTED int posix_memalign(void **into, size_t alignment, size_t size) {
  ready();
  return process.posix_memalign(into, alignment, size);
}

EXPORTED void *valloc(size_t size) {
  ready();
  return process.valloc(size);
}

EXPORTED void *pvalloc(size_t size) {
  ready();
  return process.pvalloc(size);
}

EXPORTED size_t malloc_usable_size(void *block) {
  ready();
  if (heap_owns((uintptr_t)block))
    return heap_usable_size((uintptr_t)block);
  return process.malloc_usable_size(block);
}
