/*
 * The black box: what ffi-doctor's recorder leaves of one program image of one process, in a file of the run directory that the process
 * maps shared. What is written there survives the process, however it ends. The only reader is src/probes/blackbox/.
 *
 * A file is a header of FFID_BOX_HEADER bytes and a journal of records behind it, each at a multiple of 8 bytes. Space is reserved on the
 * disk before it is used, so that a full disk raises no SIGBUS; what found no room is counted. All numbers are little-endian.
 * Raise FFID_BOX_VERSION with any change; native/test/print_layout.c prints what the reader's test compares.
 */
#ifndef FFI_DOCTOR_BLACKBOX_H
#define FFI_DOCTOR_BLACKBOX_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define FFID_BOX_MAGIC "FFIDBOX1"
enum {
  FFID_BOX_VERSION = 1,
  FFID_BOX_HEADER = 4096,
  /* The journal grows by so much, up to the limit. */
  FFID_BOX_FIRST_CHUNK = 16 << 10,
  FFID_BOX_CHUNK = 256 << 10,
  FFID_BOX_LIMIT = 64 << 20,
  /* A record whose mark is this is whole; one whose mark is 0 was being written when the process ended. */
  FFID_RECORD_MARK = 0xb0c5,
};

enum ffid_counter {
  FFID_COUNT_ALLOCATIONS,      /* of the libraries in question, that are watched */
  FFID_COUNT_FREES,            /* of watched blocks */
  FFID_COUNT_NOT_WATCHED,      /* of the libraries in question, but handed to the process's own allocator: too large, or no room */
  FFID_COUNT_LIVE_BYTES,
  FFID_COUNT_PEAK_BYTES,
  FFID_COUNT_FOREIGN_FREES,    /* by the libraries in question, of blocks that are not watched */
  FFID_COUNT_ERRORS_OMITTED,
  FFID_COUNT_STACKS,
  FFID_COUNT_STACKS_TRUNCATED,
  FFID_COUNT_SIGNALS_BENIGN,
  FFID_COUNT_SIGNALS_OMITTED,
  FFID_COUNT_GUARD_FALLBACKS,  /* guarded blocks that had to be poisoned in place of it */
  FFID_COUNTERS = 32,
};

enum ffid_heap_mode { FFID_HEAP_OFF, FFID_HEAP_POISON, FFID_HEAP_GUARD };
enum ffid_stacks_mode { FFID_STACKS_OFF, FFID_STACKS_CALLER, FFID_STACKS_FULL };
/* How guarded memory is made inaccessible; the first that the kernel allows. */
enum ffid_guard_rung {
  FFID_RUNG_NONE,
  FFID_RUNG_USERFAULTFD,
  FFID_RUNG_MADV_GUARD,
  FFID_RUNG_MPROTECT,
  FFID_RUNG_FILL,
};

struct ffid_box_header {
  char magic[8];
  uint32_t version;
  uint32_t header_size;
  uint32_t pid;
  uint32_t parent_pid;
  /* Counts the program images of this pid (execve) from 0: the n of the file's name, box.<pid>.<n>. */
  uint32_t image;
  uint32_t page_size;
  /* CLOCK_REALTIME and CLOCK_MONOTONIC in nanoseconds, and the processor's counter, when the box was made. */
  uint64_t realtime;
  uint64_t monotonic;
  uint64_t ticks;
  /* The last two again, at the last record: what turns ticks into time. */
  uint64_t last_monotonic;
  uint64_t last_ticks;
  /* Bytes of the journal that are reserved by records, and that have room on the disk. */
  uint64_t journal_used;
  uint64_t journal_room;
  uint64_t dropped;
  /* Stack ids below this one are in the box of the process that this one was forked from. */
  uint32_t first_stack;
  /* The box (pid, image) of that process; 0 where it was not forked from a recorded one. */
  uint32_t forked_from_pid;
  uint32_t forked_from_image;
  uint32_t heap_mode;
  uint32_t stacks_mode;
  uint32_t guard_rung;
  uint8_t alloc_fill;
  uint8_t free_fill;
  uint8_t canary;
  uint8_t signals_on;
  uint32_t reserved;
  /* Bounds of the memory that watched blocks lie in; 0 where there is none. */
  uint64_t heap_low;
  uint64_t heap_high;
  uint64_t counters[FFID_COUNTERS];
};
static_assert(sizeof(struct ffid_box_header) <= FFID_BOX_HEADER, "the header has a page of its own");

enum ffid_kind {
  FFID_PROCESS = 1,
  FFID_MODULE,
  FFID_MODULE_GONE,
  FFID_STACK,
  FFID_HEAP_ERROR,
  FFID_LEAK,
  FFID_FREED_BY,
  FFID_SIGNAL,
  FFID_CAPTURE,
  FFID_HANDLER,
  FFID_EXIT,
  FFID_NOTE,
};

/* What each record begins with. */
struct ffid_record {
  uint32_t size; /* whole, a multiple of 8 */
  uint16_t kind;
  uint16_t mark;
  uint64_t monotonic;
  uint32_t tid;
  uint32_t sequence;
};
static_assert(sizeof(struct ffid_record) == 24, "");

/* The strings of argv, each with its NUL, behind the path of the executable and its NUL. */
struct ffid_process {
  struct ffid_record head;
  uint32_t executable_size;
  uint32_t arguments_size;
  char text[];
};

enum ffid_module_flag {
  FFID_MODULE_PROGRAM = 1,   /* the executable itself */
  FFID_MODULE_QUESTION = 2,  /* one of the libraries in question: its allocations are watched */
  FFID_MODULE_RECORDER = 4,  /* this recorder */
};
struct ffid_module {
  struct ffid_record head;
  uint32_t id; /* from 1 */
  uint32_t flags;
  uint64_t base; /* what is added to the file's virtual addresses (link_map's l_addr) */
  uint64_t low;  /* bounds of its mappings */
  uint64_t high;
  uint32_t build_id_size;
  uint32_t path_size; /* with its NUL; empty for the vdso */
  uint8_t build_id[32];
  char path[];
};
struct ffid_module_gone {
  struct ffid_record head;
  uint32_t id;
  uint32_t reserved;
};

enum ffid_stack_flag {
  FFID_STACK_EXACT = 1, /* the first is the pc of an instruction itself; all others are return addresses */
};
/* Why a stack ends where it does. */
enum ffid_stack_end {
  FFID_END_OUTERMOST,  /* at the thread's first frame */
  FFID_END_BOUNDARY,   /* so many frames beyond the libraries in question as were asked for */
  FFID_END_LIMIT,      /* there was room for no more */
  FFID_END_NO_RULE,    /* code without unwind information */
  FFID_END_UNREADABLE, /* the next frame's memory cannot be read */
};
struct ffid_stack {
  struct ffid_record head;
  uint32_t id; /* from 1; 0 is no stack */
  uint32_t count;
  uint32_t flags;
  uint32_t end;
  uint64_t pcs[];
};

/* Which functions a block was allocated or freed by: only those of one family belong together. */
enum ffid_family {
  FFID_FAMILY_UNKNOWN,
  FFID_FAMILY_MALLOC,       /* malloc, calloc, realloc, memalign, strdup: free */
  FFID_FAMILY_NEW,          /* operator new: operator delete */
  FFID_FAMILY_NEW_ARRAY,    /* operator new[]: operator delete[] */
};
enum ffid_block_state { FFID_BLOCK_NONE, FFID_BLOCK_LIVE, FFID_BLOCK_FREED };

/* A watched block, and where an address lies against it. Ticks are the processor's counter. */
struct ffid_block {
  uint64_t address;
  uint64_t size;
  int64_t offset; /* of the address in question: below 0 before the block, size and more behind it */
  uint32_t state;
  uint16_t alloc_family;
  uint16_t free_family;
  uint32_t alloc_stack;
  uint32_t free_stack;
  uint32_t alloc_tid;
  uint32_t free_tid;
  uint64_t alloc_ticks;
  uint64_t free_ticks;
  uint64_t checked_ticks; /* when it was last seen whole */
  uint32_t module;        /* whose import allocated it; 0 where that is not known */
  uint32_t guarded;
};
static_assert(sizeof(struct ffid_block) == 80, "");

enum ffid_heap_error_kind {
  FFID_ERROR_DOUBLE_FREE = 1,
  FFID_ERROR_INVALID_FREE,      /* of an address that no block begins at */
  FFID_ERROR_MISMATCH,          /* freed by another family than it was allocated by */
  FFID_ERROR_OVERFLOW,          /* bytes behind the block were changed */
  FFID_ERROR_UNDERFLOW,         /* bytes before the block were changed */
  FFID_ERROR_WRITE_AFTER_FREE,  /* bytes of the block were changed after it was freed */
};
enum ffid_found_at {
  FFID_FOUND_FREE = 1,
  FFID_FOUND_REALLOC,
  FFID_FOUND_EVICTION, /* when a freed block was to be used again */
  FFID_FOUND_SWEEP,    /* by a check on the way */
  FFID_FOUND_EXIT,
  FFID_FOUND_SIGNAL,
};
struct ffid_changed {
  int32_t offset; /* from the block's first byte */
  uint8_t is;
  uint8_t was;
  uint16_t reserved;
};
enum { FFID_CHANGED_SHOWN = 16 };
struct ffid_heap_error {
  struct ffid_record head;
  uint32_t error;
  uint32_t found_at;
  uint64_t address; /* what was freed, or the first byte that was changed */
  struct ffid_block block;
  uint32_t stack; /* where it was found */
  uint16_t family; /* of the function that found it */
  uint16_t changed_shown;
  uint64_t changed_total;
  int64_t changed_last; /* offset of the last changed byte */
  struct ffid_changed changed[FFID_CHANGED_SHOWN];
};
static_assert(sizeof(struct ffid_heap_error) == 272, "");

enum ffid_leak_kind { FFID_LEAK_DEFINITE = 1, FFID_LEAK_INDIRECT };
/* Blocks that one place allocated and that nothing pointed to at exit. */
struct ffid_leak {
  struct ffid_record head;
  uint32_t kind;
  uint32_t stack;
  uint64_t blocks;
  uint64_t bytes;
  struct ffid_block example;
};

/* The first block that was allocated at one place and freed at another, for each pair of places: whether the two belong together. */
struct ffid_freed_by {
  struct ffid_record head;
  struct ffid_block block;
};

enum ffid_signal_state {
  FFID_SIGNAL_OPEN,       /* its handler had not returned */
  FFID_SIGNAL_RETURNED,   /* returned to the same place */
  FFID_SIGNAL_REDIRECTED, /* returned elsewhere: handled */
  FFID_SIGNAL_TERMINAL,   /* the default action was taken */
  FFID_SIGNAL_DEFAULTED,  /* returned to the same place with the default action put back */
  FFID_SIGNAL_ABANDONED,  /* its handler was left by longjmp */
};
enum ffid_disposition { FFID_DISPOSITION_DEFAULT, FFID_DISPOSITION_IGNORE, FFID_DISPOSITION_HANDLER };
enum { FFID_REGISTERS = 23, FFID_THREAD_NAME = 16 };
struct ffid_signal {
  struct ffid_record head;
  uint32_t id; /* from 1 */
  int32_t number;
  int32_t code;
  int32_t sender_pid;
  uint64_t address; /* si_addr */
  uint64_t handler; /* of the program, as it believes it installed it */
  uint32_t handler_flags;
  uint32_t disposition;
  uint32_t state;  /* written again when the handler ends */
  uint32_t parent; /* the signal in whose handler it came; 0 for none */
  uint32_t blocked;
  uint32_t stack;
  uint64_t frame; /* where the signal's own frame lies */
  uint64_t new_pc;
  uint64_t new_sp;
  uint64_t ended; /* CLOCK_MONOTONIC */
  uint64_t registers[FFID_REGISTERS]; /* in the order of ucontext's gregs */
  char thread_name[FFID_THREAD_NAME];
};

enum ffid_part {
  FFID_PART_STACK_BYTES = 1, /* memory from the stack pointer on */
  FFID_PART_MAPS,            /* text of /proc/self/maps, in pieces */
  FFID_PART_WINDOW,          /* memory around a register's value; index is the register */
  FFID_PART_POINTER,         /* bytes are a struct ffid_pointer; index is the register */
  FFID_PART_ABORT_MESSAGE,   /* glibc's __abort_msg */
  FFID_PART_INSTRUCTION,     /* bytes at the pc */
  FFID_PART_HOST_FRAMES,     /* text that the runtime wrote of its own frames */
};
/* The address of the fault itself, as an index. */
enum { FFID_INDEX_FAULT = 255 };
/* What was there when a signal came that may be fatal, before the runtime touched it. */
struct ffid_capture {
  struct ffid_record head;
  uint32_t signal;
  uint32_t part;
  uint32_t index;
  uint32_t length;
  uint64_t address; /* of the first byte */
  uint8_t bytes[];
};
enum ffid_pointer_how {
  FFID_POINTER_WHOLE = 1,
  FFID_POINTER_TRUNCATED, /* only its low 32 bits are a block's: the rest was cut off, or is the sign */
};
struct ffid_pointer {
  uint64_t value;
  uint32_t how;
  uint32_t reserved;
  struct ffid_block block;
};

/* A handler that was installed for a signal of a fault. */
struct ffid_handler {
  struct ffid_record head;
  int32_t number;
  uint32_t flags;
  uint64_t handler;
  uint64_t mask;
  uint64_t caller; /* return address of the call; 0 where it was found installed */
  uint32_t found;  /* 1: by a system call of its own, found later */
  uint32_t reserved;
};

enum ffid_exit_how {
  FFID_EXIT_EXIT = 1, /* exit(), or main returned */
  FFID_EXIT_NOW,      /* _exit(), _Exit() */
  FFID_EXIT_GO,       /* Go's runtime.exit */
  FFID_EXIT_UNLOADED, /* the recorder's destructor ran */
};
struct ffid_exit {
  struct ffid_record head;
  uint32_t how;
  int32_t status;
  uint64_t caller;
};

enum ffid_note_code {
  FFID_NOTE_NO_ROOM_FOR_HEAP = 1, /* the address space is limited: no watched heap; a is the limit in bytes */
  FFID_NOTE_GUARD_REFUSED,        /* a rung of the ladder; a is the rung, b the errno */
  FFID_NOTE_NOT_WATCHED,          /* the first block that was not; a is its size */
  FFID_NOTE_IMPORTS_READ_ONLY,    /* imports of module a could not be changed; b is the errno */
  FFID_NOTE_SANITIZED,            /* the program brings a sanitizer's runtime: nothing is watched */
  FFID_NOTE_LEAKS_NOT_LOOKED_FOR, /* a is why: enum ffid_no_leaks */
  FFID_NOTE_OTHER_ALLOCATOR,      /* malloc is not libc's; text is the module */
};
enum ffid_no_leaks { FFID_NO_LEAKS_ABRUPT = 1, FFID_NO_LEAKS_THREADS, FFID_NO_LEAKS_NOT_ASKED };
struct ffid_note {
  struct ffid_record head;
  uint32_t code;
  uint32_t text_size; /* with its NUL */
  uint64_t a;
  uint64_t b;
  char text[];
};

#endif
