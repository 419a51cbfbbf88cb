#ifndef FFI_DOCTOR_HOOKS_MALLOC_H
#define FFI_DOCTOR_HOOKS_MALLOC_H

#include <stdarg.h>
#include <stdio.h>
#include <sys/types.h>
#include <wchar.h>

void *own_malloc(size_t size);
void *own_calloc(size_t count, size_t size);
void own_free(void *block);
void *own_realloc(void *block, size_t size);
void *own_reallocarray(void *block, size_t count, size_t size);
void *own_memalign(size_t alignment, size_t size);
void *own_aligned_alloc(size_t alignment, size_t size);
int own_posix_memalign(void **into, size_t alignment, size_t size);
void *own_valloc(size_t size);
void *own_pvalloc(size_t size);
size_t own_malloc_usable_size(void *block);
char *own_strdup(const char *text);
char *own_strndup(const char *text, size_t most);
wchar_t *own_wcsdup(const wchar_t *text);
int own_vasprintf(char **into, const char *format, va_list values);
int own_asprintf(char **into, const char *format, ...);
int own_vasprintf_checked(char **into, int flag, const char *format, va_list values);
int own_asprintf_checked(char **into, int flag, const char *format, ...);
ssize_t own_getdelim(char **into, size_t *size, int delimiter, FILE *stream);
ssize_t own_getline(char **into, size_t *size, FILE *stream);

#endif
