/*
 * The recorder: a library that LD_PRELOAD puts into the target. Rules for all of it:
 *  - no malloc, no stdio, no getenv after start, no lock that the interrupted code may hold, in anything that a hook or a signal may reach;
 *  - system calls go by sys.h, so that no hook of ours and no cancellation point is in between; errno is the target's and is kept;
 *  - a fault of our own is ours: whatever reads what may be gone goes by sys_read_memory;
 *  - nothing here decides what a finding is. It writes down what it saw (include/blackbox.h); diagnosis is TypeScript's.
 */
#ifndef FFI_DOCTOR_RECORDER_H
#define FFI_DOCTOR_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "../include/blackbox.h"

#define EXPORTED __attribute__((visibility("default")))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
/* Thread-locals that need no call to be reached; their sum is small, as static TLS is scarce. */
#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

/* ---- options.c: what the environment asks for, read once at start --------------------------------------------------------------- */

struct options {
  const char *folder;   /* where boxes are made; NULL: nothing is recorded */
  const char *libraries;/* patterns of the libraries in question, each line one: file name, soname, glob on the path, or "exe" */
  const char *exclude;  /* where no library was named: globs of what is not in question */
  bool default_exe;     /* the executable's own code is in question, where no library was named */
  enum ffid_heap_mode heap;
  enum ffid_stacks_mode stacks;
  bool signals;
  bool leaks;
  bool guard_before;    /* blocks begin at the inaccessible page in place of ending at it */
  enum ffid_guard_rung guard_first; /* the rung of the ladder to begin with */
  uint8_t alloc_fill;
  uint8_t free_fill;
  size_t quarantine;    /* bytes */
};
extern struct options options;
void options_read(char **environment);

/* ---- real.c: the functions that the program would have had without us ----------------------------------------------------------- */

/* The first definition in the dynamic linker's order other than ours; NULL where there is none. Allocates nothing, takes no lock. */
void *real_function(const char *name);

/* ---- box.c: the black box of this process --------------------------------------------------------------------------------------- */

/* The header; NULL while there is no box (not recorded, just forked, no room). */
extern struct ffid_box_header *box_header;
/* Makes the box, where it is not yet there. False where it cannot be made, or is just being made. From anywhere. */
bool box_open(void);
/* A record of so many bytes (struct and tail), its head filled in and the rest zero; NULL where there is no room. From anywhere. */
void *box_begin(enum ffid_kind kind, size_t size);
void box_end(void *record);
void box_note(enum ffid_note_code code, uint64_t a, uint64_t b, const char *text);
static inline void box_count(enum ffid_counter counter, uint64_t more) {
  if (LIKELY(box_header != NULL))
    __atomic_fetch_add(&box_header->counters[counter], more, __ATOMIC_RELAXED);
}
/* In a forked child: the parent's box is its parent's. */
void box_forget(void);

/* ---- depot.c: stacks, each written once ------------------------------------------------------------------------------------------ */

enum { STACK_LIMIT = 48 };
struct stack {
  uint32_t count;
  uint32_t flags;
  uint32_t end;
  uintptr_t pcs[STACK_LIMIT];
};
/* The id of a stack; 0 where it is empty or there is no room. */
uint32_t depot_put(const struct stack *stack);
/* The next id: what is below it was given out. */
uint32_t depot_next(void);
void depot_start(void);

/* ---- unwind.c: stacks by the CFI of the modules, without allocation, lock or libgcc ---------------------------------------------- */

/* Registers that a walk begins with. */
struct place {
  uintptr_t pc, sp, bp, bx, r12, r13, r14, r15;
};
/* Fills in the stack from a place on. `exact`: the pc is an instruction's own, not a return address. At most `limit` frames. */
void unwind_from(struct stack *stack, const struct place *from, bool exact, unsigned limit);
/* The same, and ends so many frames behind the last one that lies in a library in question: what a hook wants, at the least cost. */
void unwind_to_boundary(struct stack *stack, const struct place *from, unsigned beyond);
void place_of_context(struct place *place, const ucontext_t *context);
/* To be called when a module went away: what is known of its code is forgotten. */
void unwind_forget(void);
void unwind_start(void);
/*
 * The place of whoever called the function that this is written in, which must keep its frame pointer: its return address, stack pointer
 * and frame pointer. Its other registers may be in use already, and what a rule says of those ends the walk.
 */
#define PLACE_OF_CALLER(into)                                                                                                          \
  do {                                                                                                                                 \
    const uintptr_t *frame_ = __builtin_frame_address(0);                                                                              \
    *(into) = (struct place){.pc = frame_[1], .sp = (uintptr_t)(frame_ + 2), .bp = frame_[0]};                                        \
  } while (0)

/* ---- modules.c: what is mapped, which of it is in question, and its imports ------------------------------------------------------- */

struct module {
  uint32_t id;
  uint32_t flags; /* enum ffid_module_flag */
  uintptr_t base, low, high;
  uintptr_t eh_frame_header; /* PT_GNU_EH_FRAME; 0 where it has none */
};
/* The module that an address lies in; NULL where none is known. Lock-free: from anywhere. */
const struct module *module_of(uintptr_t address);
/* The module, where it is in question; else NULL. */
const struct module *module_in_question(uintptr_t address);
/* Whether it lies in a library in question; at the cost of a few comparisons. */
bool in_question(uintptr_t address);
/* Looks for modules that came or went, changes the imports of those that came. Not from signal handlers. */
void modules_refresh(void);
/* To be called where the dynamic linker may be at work: a refresh is due. */
void modules_touched(void);
extern bool modules_due;

/* ---- heap.c ----------------------------------------------------------------------------------------------------------------------- */

/* The watched block that an address lies in or right beside. Lock-free and without a promise: from anywhere. */
bool heap_describe(uintptr_t address, struct ffid_block *block);
/* The same of an address of which only the low 32 bits are right: `*whole` is what it may have been. */
bool heap_describe_truncated(uintptr_t address, uintptr_t *whole, struct ffid_block *block);
extern uintptr_t heap_low, heap_size;
static inline bool heap_owns(uintptr_t address) { return address - heap_low < heap_size; }
/* Reserves what watched blocks will lie in. Not from signal handlers. */
void heap_start(void);
/* At exit: blocks and freed blocks are looked through. */
void heap_finish(void);
/* To be called before a library goes: what its data points to is not lost by that. */
void leaks_remember(const struct module *module);
void heap_before_fork(void);
void heap_after_fork(bool child);

/* ---- guard.c: memory that is accessible or not, page by page ---------------------------------------------------------------------- */

/* Takes the part of the reservation in which guarded blocks will lie, none of it accessible. Tells the rung of the ladder. */
enum ffid_guard_rung guard_start(uintptr_t low, size_t size, uint8_t fill);
enum ffid_guard_rung guard_rung(void);
/* Pages become accessible, each byte `fill`; false where the kernel refuses (no room, too many mappings). */
bool guard_open(uintptr_t address, size_t size);
/* Pages become inaccessible, and their contents are gone: at most GUARD_BATCH ranges at once, in ascending order. */
struct guard_range { uintptr_t address; size_t size; };
void guard_close_all(const struct guard_range *ranges, unsigned count);
/* In a forked child: what the parent's registration gave has to be taken again. */
void guard_after_fork(void);

/* ---- signals: signals.c, capture.c ------------------------------------------------------------------------------------------------- */

void signals_start(void);
void signals_after_fork(void);
/* Handlers that were installed behind our back are found. */
void signals_recheck(void);

/* ---- sys.h ------------------------------------------------------------------------------------------------------------------------- */
#include "sys.h"

#endif
