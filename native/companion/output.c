#include "companion.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* System calls by number: the runtime's interceptors need not see them, and a dying process may hold its locks. */

int output_open(struct output *out, const char *name) {
  char path[COMPANION_PATH + 64];
  const char *folder = companion_folder();
  size_t length = strlen(folder);
  out->used = 0;
  out->fd = -1;
  if (length == 0 || length + strlen(name) + 2 > sizeof path)
    return 0;
  memcpy(path, folder, length);
  path[length] = '/';
  strcpy(path + length + 1, name);
  out->fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
  return out->fd >= 0;
}

static void flush(struct output *out) {
  for (size_t at = 0; at < out->used;) {
    long written = syscall(SYS_write, out->fd, out->bytes + at, out->used - at);
    if (written <= 0)
      break;
    at += (size_t)written;
  }
  out->used = 0;
}

static void put(struct output *out, char byte) {
  if (out->fd < 0)
    return;
  if (out->used == sizeof out->bytes)
    flush(out);
  out->bytes[out->used++] = byte;
}

void output_text(struct output *out, const char *text) {
  for (; *text != '\0'; text++)
    put(out, *text);
}

void output_escaped(struct output *out, const char *text) {
  static const char digits[] = "0123456789abcdef";
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte >= 0x20 && byte != '\\' && byte != 0x7f) {
      put(out, *text);
      continue;
    }
    output_text(out, "\\x");
    put(out, digits[byte >> 4]);
    put(out, digits[byte & 15]);
  }
}

void output_number(struct output *out, unsigned long value, unsigned base) {
  char digits[24];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  output_text(out, digits + at);
}

void output_close(struct output *out) {
  if (out->fd < 0)
    return;
  flush(out);
  (void)syscall(SYS_close, out->fd);
  out->fd = -1;
}
