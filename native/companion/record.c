#include "companion.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Objects of the dynamic linker's list that are written already: it grows at its end, as nothing is unloaded. */
static size_t noted;
static int noting;
/* A child by fork has no constructor of ours, and a file of its own. */
static pid_t owner;

static int open_record(struct output *out) {
  char name[48];
  pid_t pid = (pid_t)syscall(SYS_getpid);
  strcpy(name, "process.");
  char digits[24];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  for (unsigned long rest = (unsigned long)pid; rest != 0 || at == sizeof digits - 1; rest /= 10)
    digits[--at] = (char)('0' + rest % 10);
  strcat(name, digits + at);
  return output_open(out, name);
}

static void put_arguments(struct output *out) {
  char bytes[1024];
  int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0)
    return;
  int inside = 0;
  size_t total = 0;
  long length;
  while ((length = syscall(SYS_read, fd, bytes, sizeof bytes)) > 0 && total < 65536) {
    total += (size_t)length;
    for (long i = 0; i < length; i++) {
      if (!inside)
        output_text(out, "arg ");
      inside = bytes[i] != '\0';
      char one[2] = {bytes[i], '\0'};
      if (inside)
        output_escaped(out, one);
      else
        output_text(out, "\n");
    }
  }
  if (inside)
    output_text(out, "\n");
  (void)syscall(SYS_close, fd);
}

void record_start(void) {
  struct output out;
  if (!open_record(&out))
    return;
  owner = (pid_t)syscall(SYS_getpid);
  noted = 0;
  output_text(&out, "process ");
  output_number(&out, (unsigned long)owner, 10);
  output_text(&out, " ");
  output_number(&out, (unsigned long)syscall(SYS_getppid), 10);
  output_text(&out, "\nexe ");
  char exe[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
  exe[length < 0 ? 0 : length] = '\0';
  output_escaped(&out, exe);
  output_text(&out, "\n");
  put_arguments(&out);
  output_close(&out);
}

/* Names that only code with a sanitizer's checks asks for. */
static const struct {
  const char *tag, *symbol;
} CHECKS[] = {
    {"address", "__asan_report_"}, {"address", "__asan_version_mismatch_check"}, {"undefined", "__ubsan_handle_"},
    {"thread", "__tsan_func_entry"}, {"thread", "__tsan_read"},
};

static int holds(const char *strings, size_t size, const char *name) {
  size_t length = strlen(name);
  for (size_t at = 0; at + length < size; at++) {
    if (strings[at] == name[0] && memcmp(strings + at, name, length) == 0)
      return 1;
  }
  return 0;
}

static void put_checks(struct output *out, const struct dl_phdr_info *info) {
  const ElfW(Dyn) *dynamic = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
      dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
  }
  const char *strings = NULL;
  size_t size = 0;
  for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
    if (dynamic->d_tag == DT_STRTAB)
      strings = (const char *)dynamic->d_un.d_ptr;
    else if (dynamic->d_tag == DT_STRSZ)
      size = dynamic->d_un.d_val;
  }
  /* glibc has added the base already, other linkers have not. */
  if (strings != NULL && (ElfW(Addr))strings < info->dlpi_addr)
    strings += info->dlpi_addr;
  const char *said = "";
  for (size_t i = 0; strings != NULL && i < sizeof CHECKS / sizeof *CHECKS; i++) {
    if (strcmp(said, CHECKS[i].tag) != 0 && holds(strings, size, CHECKS[i].symbol)) {
      output_text(out, *said == '\0' ? "" : ",");
      output_text(out, CHECKS[i].tag);
      said = CHECKS[i].tag;
    }
  }
  if (*said == '\0')
    output_text(out, "-");
}

struct walk {
  struct output out;
  size_t index;
};

/* "library <first>-<end> <checks> <path>"; the program itself has no path here. */
static int put_object(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct walk *walk = data;
  if (walk->index++ < noted)
    return 0;
  if (walk->out.fd < 0 && !open_record(&walk->out))
    return 1;
  noted = walk->index;
  const char *name = info->dlpi_name == NULL ? "" : info->dlpi_name;
  int program = walk->index == 1;
  if (!program && strchr(name, '/') == NULL)
    return 0;
  ElfW(Addr) low = ~(ElfW(Addr))0, high = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD)
      continue;
    if (info->dlpi_addr + segment->p_vaddr < low)
      low = info->dlpi_addr + segment->p_vaddr;
    if (info->dlpi_addr + segment->p_vaddr + segment->p_memsz > high)
      high = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
  }
  char full[PATH_MAX];
  if (!program && name[0] != '/' && realpath(name, full) != NULL)
    name = full;
  output_text(&walk->out, program ? "program " : "library ");
  output_number(&walk->out, low, 16);
  output_text(&walk->out, "-");
  output_number(&walk->out, high, 16);
  output_text(&walk->out, " ");
  put_checks(&walk->out, info);
  output_text(&walk->out, " ");
  output_escaped(&walk->out, program ? "" : name);
  output_text(&walk->out, "\n");
  return 0;
}

void record_libraries(void) {
  if (companion_folder()[0] == '\0' || __atomic_exchange_n(&noting, 1, __ATOMIC_ACQ_REL) != 0)
    return;
  if (owner != (pid_t)syscall(SYS_getpid))
    record_start();
  struct walk walk = {.out.fd = -1, .index = 0};
  (void)dl_iterate_phdr(put_object, &walk);
  /* An open that failed takes its objects away again. */
  if (walk.index < noted)
    noted = walk.index;
  output_close(&walk.out);
  __atomic_store_n(&noting, 0, __ATOMIC_RELEASE);
}

void record_word(const char *line) { record_text(line, NULL); }

void record_text(const char *key, const char *text) {
  struct output out;
  if (companion_folder()[0] == '\0')
    return;
  record_libraries();
  if (!open_record(&out))
    return;
  output_text(&out, key);
  if (text != NULL) {
    output_text(&out, " ");
    output_escaped(&out, text);
  }
  output_text(&out, "\n");
  output_close(&out);
}

/* Short children by fork end by _exit in great numbers: only a process that has a record gets its end noted. */
void record_own_end(int status) {
  if (companion_folder()[0] != '\0' && owner == (pid_t)syscall(SYS_getpid))
    record_end("exit", status);
}

void record_end(const char *how, int status) {
  struct output out;
  record_libraries();
  if (!open_record(&out))
    return;
  output_text(&out, "end ");
  output_text(&out, how);
  if (status >= 0) {
    output_text(&out, " ");
    output_number(&out, (unsigned long)(status & 0xff), 10);
  }
  output_text(&out, "\n");
  output_close(&out);
}
