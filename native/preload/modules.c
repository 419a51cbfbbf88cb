/* What is mapped and which of it is in question. Entries are only added, so that they can be read without a lock. */
#include "modules.h"

#include <string.h>
#include <sys/mman.h>

#include "elf_tables.h"

enum { MOST = 8192, MOST_QUESTION = 256, BUILD_ID_NOTE = 3 };

static struct entry {
  struct module module;
  const ElfW(Dyn) *dynamic;
  bool gone, seen, changed;
} *entries;
static unsigned count;

static struct {
  uintptr_t low, size;
  const struct module *module;
} question[MOST_QUESTION];
static unsigned question_count;

bool modules_due = true;
static uint32_t refreshing;

const struct module *module_in_question(uintptr_t address) {
  unsigned many = __atomic_load_n(&question_count, __ATOMIC_ACQUIRE);
  for (unsigned i = 0; i < many; i++)
    if (address - question[i].low < question[i].size)
      return question[i].module;
  return NULL;
}

bool in_question(uintptr_t address) { return module_in_question(address) != NULL; }

const struct module *module_of(uintptr_t address) {
  unsigned many = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
  for (unsigned i = many; i-- > 0;) {
    const struct entry *entry = &entries[i];
    if (!entry->gone && address - entry->module.low < entry->module.high - entry->module.low)
      return &entry->module;
  }
  return NULL;
}

void modules_touched(void) { __atomic_store_n(&modules_due, true, __ATOMIC_RELAXED); }

/* ---- which are in question ----------------------------------------------------------------------------------------------------- */

static bool has_wildcard(const char *pattern, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (pattern[i] == '*' || pattern[i] == '?' || pattern[i] == '[')
      return true;
  return false;
}

/* "libfoo.so" of "libfoo.so.1.2"; as long as the soname itself where it has no version. */
static size_t without_version(const char *soname) {
  size_t length = text_length(soname), end = length;
  while (end > 0 && (soname[end - 1] == '.' || (soname[end - 1] >= '0' && soname[end - 1] <= '9')))
    end--;
  return end >= 3 && end < length && memcmp(soname + end - 3, ".so", 3) == 0 ? end : length;
}

static bool same(const char *pattern, size_t length, const char *text, size_t text_size) {
  return length == text_size && memcmp(pattern, text, length) == 0;
}

/* File name, path, soname, soname without its version, or a glob on the path; never a part of a name. */
static bool pattern_fits(const char *pattern, size_t length, const char *path, const char *soname) {
  const char *name = text_name(path);
  return same(pattern, length, path, text_length(path)) || same(pattern, length, name, text_length(name)) ||
         (soname != NULL && (same(pattern, length, soname, text_length(soname)) || same(pattern, length, soname, without_version(soname)))) ||
         (has_wildcard(pattern, length) && text_matches(pattern, length, path));
}

static bool any_line(const char *lines, const char *path, const char *soname, bool globs_only) {
  while (lines != NULL && *lines != '\0') {
    size_t length = 0;
    while (lines[length] != '\0' && lines[length] != '\n')
      length++;
    if (globs_only ? text_matches(lines, length, path) : pattern_fits(lines, length, path, soname))
      return true;
    lines += length + (lines[length] == '\n');
  }
  return false;
}

static uint32_t flags_of(const char *path, const char *soname, bool program, bool ours) {
  if (ours)
    return FFID_MODULE_RECORDER;
  if (program) {
    bool named = options.libraries != NULL && any_line(options.libraries, "exe", NULL, false);
    return FFID_MODULE_PROGRAM | (named || (options.libraries == NULL && options.default_exe) ? FFID_MODULE_QUESTION : 0);
  }
  if (path[0] != '/' && options.libraries == NULL)
    return 0;
  bool wanted = options.libraries != NULL ? any_line(options.libraries, path, soname, false) : !any_line(options.exclude, path, NULL, true);
  return wanted ? FFID_MODULE_QUESTION : 0;
}

/* ---- what came and went --------------------------------------------------------------------------------------------------------- */

static unsigned build_id_of(const struct dl_phdr_info *info, uint8_t *into) {
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    if (header->p_type != PT_NOTE)
      continue;
    const char *note = (const char *)(info->dlpi_addr + header->p_vaddr), *end = note + header->p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      const ElfW(Nhdr) *head = (const void *)note;
      const char *name = note + sizeof *head, *body = name + ((head->n_namesz + 3u) & ~3u);
      if (body + head->n_descsz > end)
        break;
      if (head->n_type == BUILD_ID_NOTE && head->n_namesz == 4 && memcmp(name, "GNU", 4) == 0 && head->n_descsz <= 32) {
        memcpy(into, body, head->n_descsz);
        return head->n_descsz;
      }
      note = body + ((head->n_descsz + 3u) & ~3u);
    }
  }
  return 0;
}

static void tell(const struct entry *entry, const char *path, const struct dl_phdr_info *info) {
  size_t path_size = text_length(path) + 1;
  struct ffid_module *record = box_begin(FFID_MODULE, sizeof *record + path_size);
  if (record == NULL)
    return;
  record->id = entry->module.id;
  record->flags = entry->module.flags;
  record->base = entry->module.base;
  record->low = entry->module.low;
  record->high = entry->module.high;
  record->build_id_size = build_id_of(info, record->build_id);
  record->path_size = (uint32_t)path_size;
  memcpy(record->path, path, path_size);
  box_end(record);
}

static const char *program_path(void) {
  static char path[4096];
  if (path[0] == '\0') {
    long length = sys(SYS_readlink, "/proc/self/exe", path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
  }
  return path;
}

/* A path that the dynamic linker found along LD_LIBRARY_PATH=. is seen from where the program was then; the vdso's name is none. */
static const char *absolute(const char *path) {
  static char whole[2 * 4096];
  if (path[0] == '\0' || path[0] == '/' || text_name(path) == path)
    return path;
  long length = sys(SYS_getcwd, whole, 4096);
  size_t size = text_length(path) + 1;
  if (length <= 1 || whole[0] != '/' || size > 4096)
    return path;
  char *at = whole + length - 1;
  if (at[-1] != '/')
    *at++ = '/';
  if (path[0] == '.' && path[1] == '/')
    path += 2, size -= 2;
  memcpy(at, path, size);
  return whole;
}

static struct entry *known(uintptr_t base, const ElfW(Dyn) *dynamic, uintptr_t low) {
  for (unsigned i = count; i-- > 0;)
    if (!entries[i].gone && entries[i].module.base == base && entries[i].dynamic == dynamic && entries[i].module.low == low)
      return &entries[i];
  return NULL;
}

/* The first that is shown is the program. */
static bool any_fresh;

static int visit_module(struct dl_phdr_info *info, size_t size, void *first) {
  (void)size;
  bool program = *(bool *)first;
  *(bool *)first = false;
  uintptr_t low = UINTPTR_MAX, high = 0;
  uintptr_t eh_frame_header = 0;
  const ElfW(Dyn) *dynamic = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *header = &info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + header->p_vaddr;
    if (header->p_type == PT_DYNAMIC)
      dynamic = (const void *)start;
    if (header->p_type == PT_GNU_EH_FRAME)
      eh_frame_header = start;
    if (header->p_type != PT_LOAD)
      continue;
    low = start < low ? start : low;
    high = start + header->p_memsz > high ? start + header->p_memsz : high;
  }
  if (high == 0)
    return 0;
  low &= ~(uintptr_t)4095;
  struct entry *entry = known(info->dlpi_addr, dynamic, low);
  bool fresh = entry == NULL;
  const char *path = program ? program_path() : info->dlpi_name == NULL ? "" : absolute(info->dlpi_name);
  struct elf_tables tables;
  bool has_tables = elf_tables_of(&tables, info->dlpi_addr, dynamic);
  if (fresh) {
    if (count == MOST)
      return 0;
    entry = &entries[count];
    *entry = (struct entry){
        .module = {count + 1, flags_of(path, has_tables ? tables.soname : NULL, program, dynamic == _DYNAMIC), info->dlpi_addr, low, high,
                   eh_frame_header},
        .dynamic = dynamic,
    };
    __atomic_store_n(&count, count + 1, __ATOMIC_RELEASE);
    if ((entry->module.flags & FFID_MODULE_QUESTION) && question_count < MOST_QUESTION) {
      question[question_count].low = low;
      question[question_count].size = high - low;
      question[question_count].module = &entry->module;
      __atomic_store_n(&question_count, question_count + 1, __ATOMIC_RELEASE);
    }
  }
  entry->seen = true;
  any_fresh |= fresh;
  if (fresh)
    tell(entry, path, info);
  /* The dynamic linker may only now have relocated what was mapped at the last look. */
  if (!entry->changed && !(entry->module.flags & FFID_MODULE_RECORDER))
    entry->changed = !has_tables || imports_change(&entry->module, &tables, info);
  return 0;
}

static void forget_gone(void) {
  bool any = false;
  for (unsigned i = 0; i < count; i++) {
    struct entry *entry = &entries[i];
    if (entry->gone || entry->seen)
      continue;
    any = entry->gone = true;
    for (unsigned q = 0; q < question_count; q++)
      if (question[q].low == entry->module.low)
        question[q].size = 0;
    struct ffid_module_gone *record = box_begin(FFID_MODULE_GONE, sizeof *record);
    if (record != NULL)
      record->id = entry->module.id;
    box_end(record);
  }
  if (any)
    unwind_forget();
}

void modules_refresh(void) {
  /* Never waits: who holds it may wait for the dynamic linker's lock, which this thread may have. */
  if (__atomic_exchange_n(&refreshing, 1, __ATOMIC_ACQUIRE) != 0)
    return;
  __atomic_store_n(&modules_due, false, __ATOMIC_RELAXED);
  if (entries == NULL)
    entries = sys_pages(MOST * sizeof *entries);
  if (entries != NULL) {
    for (unsigned i = 0; i < count; i++)
      entries[i].seen = false;
    bool program = true;
    dl_iterate_phdr(visit_module, &program);
    forget_gone();
    if (question_count > 0)
      heap_start();
    if (any_fresh)
      signals_recheck();
    any_fresh = false;
  }
  __atomic_store_n(&refreshing, 0, __ATOMIC_RELEASE);
}
