/*
 * At exit: watched blocks that no pointer leads to any more. Everything that is written to is looked through for addresses of blocks, as
 * a garbage collector would that knows no types: what is found is lost for certain, what only seems to be held is missed.
 */
#include <fcntl.h>
#include <link.h>
#include <string.h>

#include "heap.h"

enum {
  REACHED = 1,  /* from outside of the watched blocks, or from a block that is */
  POINTED = 2,  /* from another lost block */
  LED_TO = 4,   /* by a lost block that stands for itself */
  SCANNED = 8,
  GROUPS = 1 << 12,
  REMEMBERED = 64,
  MOST_REMEMBERED = 4 << 20, /* bytes of one segment */
  PIECE = 64 << 10,
  PAGES_A_PIECE = PIECE / PAGE,
};

struct group {
  uint32_t stack, kind;
  uint64_t blocks, bytes;
  struct place_in_heap example;
};

static uint8_t *marks_of(const struct place_in_heap *at) { return &at->slot->reserved[0]; }

/* The live block that a word points into: to its first byte, or anywhere within. */
static bool points_into(uintptr_t word, struct place_in_heap *at) {
  if (LIKELY(!heap_owns(word)) || !region_find(word, at) || at->slot->state != FFID_BLOCK_LIVE)
    return false;
  size_t size = at->slot->size == 0 ? 1 : at->slot->size;
  return word - block_of(at) < size;
}

static bool mark_words(const uintptr_t *words, size_t count, uint8_t mark, const struct slot *except) {
  bool fresh = false;
  for (size_t i = 0; i < count; i++) {
    struct place_in_heap at;
    if (!points_into(words[i], &at) || at.slot == except || (*marks_of(&at) & mark))
      continue;
    *marks_of(&at) |= mark;
    fresh = true;
  }
  return fresh;
}

static bool mark_from_block(const struct place_in_heap *at, uint8_t mark) {
  uintptr_t begin = (block_of(at) + 7) & ~(uintptr_t)7, end = block_of(at) + at->slot->size;
  return begin < end && mark_words((const uintptr_t *)begin, (end - begin) / sizeof(uintptr_t), mark, at->slot);
}

/* ---- from outside ---------------------------------------------------------------------------------------------------------------- */

static uintptr_t piece[PIECE / sizeof(uintptr_t)];

static void look_through(uintptr_t from, uintptr_t to, int pagemap) {
  uint64_t pages[PAGES_A_PIECE];
  for (; from < to; from += PIECE) {
    size_t size = to - from < PIECE ? to - from : PIECE;
    long told = sys(SYS_pread64, pagemap, pages, (size + PAGE - 1) / PAGE * 8, from / PAGE * 8);
    for (size_t page = 0; page * PAGE < size; page++) {
      /* Neither in memory nor in swap (Documentation/admin-guide/mm/pagemap.rst): never written to. */
      if (told > 0 && (size_t)told >= (page + 1) * 8 && !(pages[page] >> 62))
        continue;
      size_t got = sys_read_memory(piece, from + page * PAGE, PAGE);
      mark_words(piece, got / sizeof *piece, REACHED, NULL);
    }
  }
}

/* What a library's own data was when the program let go of it: what it pointed to was not lost before. */
static struct {
  uintptr_t from;
  size_t size, count;
  uintptr_t *words;
} remembered[REMEMBERED];

/* A library that is closed again and again has one place. */
static void remember(uintptr_t from, size_t size) {
  unsigned at = 0;
  while (at < REMEMBERED && remembered[at].words != NULL && (remembered[at].from != from || remembered[at].size != size))
    at++;
  if (at == REMEMBERED || (remembered[at].words == NULL && (remembered[at].words = sys_pages(size)) == NULL))
    return;
  remembered[at].from = from;
  remembered[at].size = size;
  remembered[at].count = sys_read_memory(remembered[at].words, from, size) / sizeof(uintptr_t);
}

void leaks_remember(const struct module *module) {
  const ElfW(Ehdr) *elf = (const void *)module->low;
  const ElfW(Phdr) *header = (const void *)(module->low + elf->e_phoff);
  for (unsigned i = 0; i < elf->e_phnum; i++)
    if (header[i].p_type == PT_LOAD && (header[i].p_flags & PF_W) && header[i].p_memsz <= MOST_REMEMBERED)
      remember((module->base + header[i].p_vaddr) & ~(uintptr_t)7, header[i].p_memsz);
}

static bool is_ours(uintptr_t from, uintptr_t to) {
  uintptr_t box = (uintptr_t)box_header, own = (uintptr_t)piece;
  return (from <= box && box < to) || (from <= own && own < to) || heap_owns(from);
}

static uintptr_t hex(const char **at) {
  uintptr_t value = 0;
  for (;; ++*at) {
    unsigned c = (unsigned char)**at;
    unsigned digit = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 99;
    if (digit > 15)
      return value;
    value = value * 16 + digit;
  }
}

/* One line of /proc/self/maps. Of this thread's stack only what is above it: below lies what functions left that have returned. */
static void look_through_line(const char *line, uintptr_t here, int pagemap) {
  uintptr_t from = hex(&line);
  line++;
  uintptr_t to = hex(&line);
  if (line[1] != 'r' || line[2] != 'w' || is_ours(from, to))
    return;
  look_through(from <= here && here < to ? here & ~(uintptr_t)7 : from, to, pagemap);
}

static bool look_through_process(void) {
  static char text[1 << 14];
  int maps = (int)sys(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  int pagemap = (int)sys(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  size_t used = 0;
  long got = maps < 0 ? -1 : 0;
  while (maps >= 0 && (got = sys(SYS_read, maps, text + used, sizeof text - 1 - used)) > 0) {
    used += (size_t)got;
    char *line = text, *end;
    text[used] = '\0';
    while ((end = memchr(line, '\n', used - (size_t)(line - text))) != NULL) {
      *end = '\0';
      look_through_line(line, (uintptr_t)__builtin_frame_address(0), pagemap);
      line = end + 1;
    }
    used -= (size_t)(line - text);
    memmove(text, line, used);
  }
  if (maps >= 0)
    (void)sys(SYS_close, maps);
  if (pagemap >= 0)
    (void)sys(SYS_close, pagemap);
  return got == 0;
}

/* ---- from block to block --------------------------------------------------------------------------------------------------------- */

struct spread {
  uint8_t mark; /* of the blocks whose contents are followed, and what those they lead to are given */
  bool more;
};

static void spread_from(const struct place_in_heap *at, void *data) {
  struct spread *spread = data;
  uint8_t marks = *marks_of(at);
  if (at->slot->state != FFID_BLOCK_LIVE || !(marks & spread->mark) || (marks & SCANNED))
    return;
  *marks_of(at) |= SCANNED;
  spread->more |= mark_from_block(at, spread->mark);
}

static void spread_all(uint8_t mark) {
  struct spread spread = {.mark = mark, .more = true};
  while (spread.more) {
    spread.more = false;
    region_each(spread_from, &spread);
  }
}

static void clear(const struct place_in_heap *at, void *unused) {
  (void)unused;
  *marks_of(at) = 0;
}

static bool is_lost(const struct place_in_heap *at) { return at->slot->state == FFID_BLOCK_LIVE && !(*marks_of(at) & REACHED); }

static void point(const struct place_in_heap *at, void *unused) {
  (void)unused;
  if (is_lost(at))
    (void)mark_from_block(at, POINTED);
}

static void lead(const struct place_in_heap *at) {
  *marks_of(at) |= SCANNED;
  if (mark_from_block(at, LED_TO))
    spread_all(LED_TO);
  *marks_of(at) &= (uint8_t)~LED_TO;
}

static void lead_from_first(const struct place_in_heap *at, void *unused) {
  (void)unused;
  if (is_lost(at) && !(*marks_of(at) & POINTED))
    lead(at);
}

/* A ring of blocks that point to one another: the first stands for all. */
static void lead_from_ring(const struct place_in_heap *at, void *unused) {
  (void)unused;
  if (is_lost(at) && (*marks_of(at) & POINTED) && !(*marks_of(at) & (LED_TO | SCANNED)))
    lead(at);
}

/* ---- told by where they were allocated -------------------------------------------------------------------------------------------- */

static void add_to_group(const struct place_in_heap *at, void *data) {
  struct group *groups = data;
  if (!is_lost(at))
    return;
  uint32_t kind = *marks_of(at) & LED_TO ? FFID_LEAK_INDIRECT : FFID_LEAK_DEFINITE;
  uint32_t first = (at->slot->alloc_stack * 2 + kind) % GROUPS;
  for (unsigned i = 0; i < GROUPS; i++) {
    struct group *group = &groups[(first + i) % GROUPS];
    if (group->blocks != 0 && (group->stack != at->slot->alloc_stack || group->kind != kind))
      continue;
    if (group->blocks++ == 0) {
      group->stack = at->slot->alloc_stack;
      group->kind = kind;
      group->example = *at;
    }
    group->bytes += at->slot->size;
    return;
  }
}

void leaks_look(void) {
  struct group *groups = sys_pages(GROUPS * sizeof *groups);
  if (groups == NULL)
    return;
  heap_lock();
  region_each(clear, NULL);
  bool looked = look_through_process();
  if (looked) {
    for (unsigned i = 0; i < REMEMBERED && remembered[i].words != NULL; i++)
      mark_words(remembered[i].words, remembered[i].count, REACHED, NULL);
    spread_all(REACHED);
    region_each(point, NULL);
    region_each(lead_from_first, NULL);
    region_each(lead_from_ring, NULL);
    region_each(add_to_group, groups);
  }
  heap_unlock();
  for (unsigned i = 0; looked && i < GROUPS; i++) {
    if (groups[i].blocks == 0)
      continue;
    struct ffid_leak *record = box_begin(FFID_LEAK, sizeof *record);
    if (record == NULL)
      continue;
    record->kind = groups[i].kind;
    record->stack = groups[i].stack;
    record->blocks = groups[i].blocks;
    record->bytes = groups[i].bytes;
    describe(&record->example, &groups[i].example, block_of(&groups[i].example));
    box_end(record);
  }
}
