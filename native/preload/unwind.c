/* Stacks, walked by the rules that cfi.c finds; what was found is kept for each place in the code, so that most steps are two loads. */

#include <errno.h>

#include "cfi.h"
#include "recorder.h"
#include "rules.h"

enum {
  PAGE = 4096,
  MOST_BEFORE = 8,            /* frames until one of a library in question must have come */
  FARTHEST_FRAME = 1 << 20,   /* of a chain of frame pointers, in bytes */
};

/* What was found readable: of the stack that is walked, and of the one before it where a library (koffi) has stacks of its own. */
struct range {
  uintptr_t low, size;
};
struct walk {
  uintptr_t registers[CFI_REGISTERS];
  struct range here, other;
  bool exact;
  bool brief; /* frames that no module has a name for are not walked through */
};

/*
 * The same from walk to walk, as the stack of a thread stays where it is: the first page's number and the count of pages, each in one word
 * so that a signal between two of them does no harm. Looked at anew every so often.
 */
static THREAD_LOCAL uint64_t readable[2];
static THREAD_LOCAL uint8_t walks;

/* ---- memory -------------------------------------------------------------------------------------------------------------------- */

/* The kernel reads what is there before it looks at the first argument, which is none: EFAULT, or NULL is no set (sigprocmask(2)). */
static bool page_is_readable(uintptr_t address) {
  return address >= PAGE && sys(SYS_rt_sigprocmask, -1, address & ~(uintptr_t)7, 0, 8) != -EFAULT;
}

static inline bool within(const struct range *range, uintptr_t address) { return address - range->low < range->size; }

static void use_other(struct walk *walk) {
  struct range other = walk->other;
  walk->other = walk->here;
  walk->here = other;
}

static bool make_readable(struct walk *walk, uintptr_t address) {
  uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
  if (within(&walk->other, address)) {
    use_other(walk);
    return true;
  }
  if (!page_is_readable(page))
    return false;
  if (page == walk->here.low + walk->here.size)
    walk->here.size += PAGE;
  else if (page + PAGE == walk->here.low && walk->here.size != 0) {
    walk->here.low = page;
    walk->here.size += PAGE;
  } else {
    walk->other = walk->here;
    walk->here = (struct range){page, PAGE};
  }
  return true;
}

static inline bool load(struct walk *walk, uintptr_t address, uintptr_t *word) {
  if (UNLIKELY(address % sizeof *word != 0))
    return false;
  if (UNLIKELY(!within(&walk->here, address)) && !make_readable(walk, address))
    return false;
  *word = *(const uintptr_t *)address;
  return true;
}

static bool load_for_expression(void *walk, uintptr_t address, uintptr_t *word) { return load(walk, address, word); }

static uint64_t pack(struct range range) {
  uint64_t pages = range.size / PAGE;
  return range.low / PAGE << 16 | (pages < 0xffff ? pages : 0xffff);
}
static struct range unpack(uint64_t packed) { return (struct range){(packed >> 16) * PAGE, (packed & 0xffff) * PAGE}; }

/* ---- steps --------------------------------------------------------------------------------------------------------------------- */

static bool step_simple(struct walk *walk, const struct rule *rule) {
  uintptr_t *registers = walk->registers;
  uintptr_t frame = registers[rule->frame_register] + (uintptr_t)(intptr_t)rule->frame_offset;
  uintptr_t pc;
  if (!load(walk, frame - sizeof pc, &pc))
    return false;
  for (unsigned i = 0; i < 6; i++)
    if (rule->saved[i] != 0 && !load(walk, frame + (uintptr_t)(rule->saved[i] * (intptr_t)sizeof pc), &registers[kept_registers[i]]))
      return false;
  registers[CFI_RIP] = pc;
  registers[CFI_RSP] = frame;
  walk->exact = false;
  return true;
}

static bool value_of(const struct cfi_rule *rule, uintptr_t frame, unsigned number, struct walk *walk, uintptr_t *value) {
  const struct cfi_machine machine = {walk->registers, load_for_expression, walk};
  uintptr_t address;
  switch (rule->how) {
  case CFI_OFFSET: return load(walk, frame + (uintptr_t)rule->offset, value);
  case CFI_VALUE_OFFSET: *value = frame + (uintptr_t)rule->offset; return true;
  case CFI_REGISTER: *value = rule->offset >= 0 && rule->offset < CFI_REGISTERS ? walk->registers[rule->offset] : 0; return true;
  case CFI_EXPRESSION: return cfi_evaluate(&machine, rule->expression, rule->size, &frame, &address) && load(walk, address, value);
  case CFI_VALUE_EXPRESSION: return cfi_evaluate(&machine, rule->expression, rule->size, &frame, value);
  default: *value = number == CFI_RSP ? frame : walk->registers[number]; return true;
  }
}

static bool step_complex(struct walk *walk, const struct cfi_row *row) {
  const struct cfi_machine machine = {walk->registers, load_for_expression, walk};
  uintptr_t next[CFI_REGISTERS], frame;
  if (row->frame.how == CFI_EXPRESSION) {
    if (!cfi_evaluate(&machine, row->frame.expression, row->frame.size, NULL, &frame))
      return false;
  } else if (row->frame.how == CFI_REGISTER && row->frame.offset >= 0 && row->frame.offset < CFI_REGISTERS)
    frame = walk->registers[row->frame.offset] + (uintptr_t)row->frame_offset;
  else
    return false;
  for (unsigned i = 0; i < CFI_REGISTERS; i++)
    if (!value_of(&row->registers[i], frame, i, walk, &next[i]))
      return false;
  __builtin_memcpy(walk->registers, next, sizeof next);
  walk->exact = row->signal;
  return true;
}

/* Whether a call ends right there: E8 with its distance, or FF /2 with what it takes (Intel SDM, CALL). */
static bool follows_call(uintptr_t pc) {
  uint8_t before[8];
  if (sys_read_memory(before, pc - sizeof before, sizeof before) != sizeof before)
    return false;
  bool found = before[3] == 0xe8;
  for (unsigned at = 1; at <= 6; at++)
    found |= before[at] == 0xff && (before[at + 1] >> 3 & 7) == 2;
  return found;
}

/* What was called at an address that is none returns to the word on top of the stack. */
static bool step_out_of_nowhere(struct walk *walk) {
  uintptr_t pc;
  if (!load(walk, walk->registers[CFI_RSP], &pc) || !follows_call(pc))
    return false;
  walk->registers[CFI_RIP] = pc;
  walk->registers[CFI_RSP] += sizeof pc;
  walk->exact = false;
  return true;
}

/* Code without rules, as a JIT makes it, and Go's: by the chain of frame pointers, as far as it looks like one. */
static bool step_by_frame_pointer(struct walk *walk) {
  uintptr_t frame = walk->registers[CFI_RBP], pc, before;
  if (!load(walk, frame, &before) || !load(walk, frame + sizeof frame, &pc) || pc < PAGE || pc >> 47 != 0)
    return false;
  bool above = frame >= walk->registers[CFI_RSP] && frame - walk->registers[CFI_RSP] < FARTHEST_FRAME;
  /* On another stack, as a goroutine's is, only a call is believed; on the same one not, as interpreters return to where no call is. */
  struct cfi_table table;
  if (above ? !rule_table(pc, &table) && !page_is_readable(pc) : !follows_call(pc))
    return false;
  walk->registers[CFI_RIP] = pc;
  walk->registers[CFI_RSP] = frame + 2 * sizeof frame;
  walk->registers[CFI_RBP] = before;
  walk->exact = false;
  return true;
}

/*
 * The common kind of step, where all that it reads is known to be readable. What is kept is read in whole words and not copied, and nothing
 * branches by what is saved: the time goes from one pc to the next.
 */
static inline __attribute__((always_inline)) bool step_fast(struct walk *walk) {
  uintptr_t *registers = walk->registers, pc = registers[CFI_RIP] - !walk->exact, sp = registers[CFI_RSP];
  const struct rule *entry = rule_slot(pc);
  if (UNLIKELY(__atomic_load_n(&entry->pc, __ATOMIC_ACQUIRE) != pc))
    return false;
  uint64_t first = __atomic_load_n(&entry->words[0], __ATOMIC_ACQUIRE);
  uint64_t saved = __atomic_load_n(&entry->words[1], __ATOMIC_ACQUIRE);
  uint64_t more = __atomic_load_n(&entry->words[2], __ATOMIC_ACQUIRE);
  if (UNLIKELY(__atomic_load_n(&entry->pc, __ATOMIC_RELAXED) != pc || more >> 56 != RULE_SIMPLE ||
               (uint32_t)first != __atomic_load_n(&rule_generation, __ATOMIC_RELAXED)))
    return false;
  uint8_t number = (uint8_t)(more >> 48);
  uintptr_t frame = (LIKELY(number == CFI_RSP) ? sp : registers[number]) + (uintptr_t)((int64_t)first >> 32);
  const uintptr_t *top = (const uintptr_t *)frame;
  if (UNLIKELY(frame % sizeof *top != 0 || frame <= sp || !within(&walk->here, frame - sizeof *top) ||
               !within(&walk->here, (uintptr_t)(top + (int16_t)(more >> 32))) || top[-1] == 0))
    return false;
#pragma GCC unroll 6
  for (unsigned i = 0; i < 6; i++) {
    int16_t at = (int16_t)((i < 4 ? saved : more) >> i % 4 * 16);
    uintptr_t *value = &registers[kept_registers[i]], from = (uintptr_t)value;
    /* In assembly, as compilers make six branches of it, each of which the processor guesses wrong now and then. */
    __asm__("test %w1, %w1\n\tcmovne %2, %0" : "+r"(from) : "r"(at), "r"(top + at) : "cc");
    *value = *(const uintptr_t *)from;
  }
  registers[CFI_RIP] = top[-1];
  registers[CFI_RSP] = frame;
  walk->exact = false;
  return true;
}

/* Whether there was a caller; else why not. */
static __attribute__((noinline)) bool step(struct walk *walk, uint32_t *end) {
  struct cfi_row row;
  bool has_row;
  uintptr_t pc = walk->registers[CFI_RIP] - !walk->exact, sp = walk->registers[CFI_RSP];
  struct rule rule = rule_for(pc, &row, &has_row);
  bool went;
  *end = FFID_END_UNREADABLE;
  switch (rule.kind) {
  case RULE_SIMPLE: went = step_simple(walk, &rule); break;
  case RULE_OUTERMOST: *end = FFID_END_OUTERMOST; return false;
  case RULE_COMPLEX:
    went = (has_row || rule_make(pc, &row).kind == RULE_COMPLEX) && step_complex(walk, &row);
    break;
  default:
    if (walk->brief && rule.kind == RULE_NO_MODULE) {
      *end = FFID_END_BOUNDARY;
      return false;
    }
    /* A frame pointer of 0 marks the outermost frame (x86-64 psABI, section 3.4.1). */
    *end = walk->registers[CFI_RBP] == 0 ? FFID_END_OUTERMOST : FFID_END_NO_RULE;
    went = walk->exact && !page_is_readable(pc) ? step_out_of_nowhere(walk) : step_by_frame_pointer(walk);
    break;
  }
  if (went && walk->registers[CFI_RSP] == sp && walk->registers[CFI_RIP] - !walk->exact == pc) {
    *end = FFID_END_NO_RULE;
    return false;
  }
  if (went && walk->registers[CFI_RIP] == 0) {
    *end = FFID_END_OUTERMOST;
    return false;
  }
  return went;
}

static void begin(struct walk *walk, const struct place *from, bool exact) {
  *walk = (struct walk){.exact = exact};
  walk->registers[CFI_RIP] = from->pc;
  walk->registers[CFI_RSP] = from->sp;
  walk->registers[CFI_RBP] = from->bp;
  walk->registers[CFI_RBX] = from->bx;
  walk->registers[12] = from->r12;
  walk->registers[13] = from->r13;
  walk->registers[14] = from->r14;
  walk->registers[15] = from->r15;
  /* In a signal the stack may be what is wrong. */
  if (exact || UNLIKELY(walks++ == 0))
    return;
  walk->here = unpack(readable[0]);
  walk->other = unpack(readable[1]);
  if (!within(&walk->here, from->sp))
    use_other(walk);
}

static void finish(const struct walk *walk) {
  readable[0] = pack(walk->here);
  readable[1] = pack(walk->other);
}

/* The frames, until there are `limit` or, where `beyond` is not 0, so many of others behind those of libraries in question. */
static void follow(struct walk *walk, struct stack *stack, unsigned limit, unsigned beyond) {
  unsigned last = 0;
  stack->count = 0;
  while (stack->count < limit) {
    uintptr_t pc = walk->registers[CFI_RIP];
    stack->pcs[stack->count++] = pc;
    if (beyond != 0) {
      if (in_question(pc))
        last = stack->count;
      else if (stack->count - last >= (last == 0 ? MOST_BEFORE : beyond)) {
        stack->end = FFID_END_BOUNDARY;
        return;
      }
    }
    if (stack->count < limit && !step_fast(walk) && !step(walk, &stack->end))
      return;
  }
  stack->end = FFID_END_LIMIT;
}

void unwind_from(struct stack *stack, const struct place *from, bool exact, unsigned limit) {
  struct walk walk;
  begin(&walk, from, exact);
  stack->flags = exact ? FFID_STACK_EXACT : 0;
  follow(&walk, stack, limit < STACK_LIMIT ? limit : STACK_LIMIT, 0);
  if (!exact)
    finish(&walk);
}

void unwind_to_boundary(struct stack *stack, const struct place *from, unsigned beyond) {
  struct walk walk;
  begin(&walk, from, false);
  walk.brief = true;
  stack->flags = 0;
  follow(&walk, stack, STACK_LIMIT, beyond == 0 ? 1 : beyond);
  finish(&walk);
}

void place_of_context(struct place *place, const ucontext_t *context) {
  const greg_t *registers = context->uc_mcontext.gregs;
  *place = (struct place){
      .pc = (uintptr_t)registers[REG_RIP],
      .sp = (uintptr_t)registers[REG_RSP],
      .bp = (uintptr_t)registers[REG_RBP],
      .bx = (uintptr_t)registers[REG_RBX],
      .r12 = (uintptr_t)registers[REG_R12],
      .r13 = (uintptr_t)registers[REG_R13],
      .r14 = (uintptr_t)registers[REG_R14],
      .r15 = (uintptr_t)registers[REG_R15],
  };
}
