/*
 * A sanitizer's own dlopen stands between the program and the dynamic linker, which then takes the runtime for the caller and does not
 * look along the program's RUNPATH. What it did not find is looked for there.
 */
#include "companion.h"

#include <link.h>
#include <string.h>
#include <unistd.h>

struct search {
  const char *file;
  char found[COMPANION_PATH];
};

static void append(char *into, size_t *at, const char *text, size_t length) {
  if (*at + length < COMPANION_PATH) {
    memcpy(into + *at, text, length);
    *at += length;
    into[*at] = '\0';
  } else {
    *at = COMPANION_PATH;
  }
}

/* One folder of a RUNPATH, with $ORIGIN as ld.so(8) has it. */
static int is_there(struct search *search, const char *folder, size_t length, const char *origin, size_t origin_length) {
  size_t at = 0;
  search->found[0] = '\0';
  for (size_t i = 0; i < length;) {
    size_t skip = strncmp(folder + i, "$ORIGIN", 7) == 0 ? 7 : strncmp(folder + i, "${ORIGIN}", 9) == 0 ? 9 : 0;
    append(search->found, &at, skip > 0 ? origin : folder + i, skip > 0 ? origin_length : 1);
    i += skip > 0 ? skip : 1;
  }
  append(search->found, &at, "/", 1);
  append(search->found, &at, search->file, strlen(search->file));
  return at < COMPANION_PATH && access(search->found, R_OK) == 0;
}

static int look_in(struct dl_phdr_info *info, size_t size, void *data) {
  (void)size;
  struct search *search = data;
  const ElfW(Dyn) *dynamic = NULL;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
      dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
  }
  const char *strings = NULL;
  long runpath = -1;
  for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
    if (dynamic->d_tag == DT_STRTAB)
      strings = (const char *)dynamic->d_un.d_ptr;
    else if (dynamic->d_tag == DT_RUNPATH)
      runpath = (long)dynamic->d_un.d_val;
  }
  if (strings == NULL || runpath < 0 || (ElfW(Addr))strings < info->dlpi_addr)
    return 0;
  char exe[COMPANION_PATH];
  const char *origin = info->dlpi_name;
  if (origin == NULL || origin[0] == '\0') {
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    exe[length < 0 ? 0 : length] = '\0';
    origin = exe;
  }
  const char *slash = strrchr(origin, '/');
  size_t origin_length = slash == NULL ? 0 : (size_t)(slash - origin);
  for (const char *folder = strings + runpath; *folder != '\0';) {
    size_t length = strcspn(folder, ":");
    if (length > 0 && is_there(search, folder, length, origin, origin_length))
      return 1;
    folder += length + (folder[length] == ':');
  }
  return 0;
}

/* The file along the RUNPATH of whatever is loaded; NULL where it is not there. `into` has COMPANION_PATH bytes. */
const char *find_on_runpath(const char *file, char *into) {
  struct search search;
  if (file == NULL || file[0] == '\0' || strchr(file, '/') != NULL || strlen(file) > 255)
    return NULL;
  search.file = file;
  if (dl_iterate_phdr(look_in, &search) == 0)
    return NULL;
  return strcpy(into, search.found);
}
