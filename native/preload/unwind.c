/* Stacks, walked by the rules that cfi.c finds; what was found is kept for each place in the code, so that most steps are two loads. */

#include "cfi.h"
#include "recorder.h"

enum {
  CACHED = 1 << 13,
  PAGE = 4096,
  MOST_BEFORE = 16,           /* frames until one of a library in question must have come */
  FARTHEST_FRAME = 1 << 20,   /* of a chain of frame pointers, in bytes */
};

/* The common kind: the frame's address is a register and an offset, all that is saved lies at offsets from it. */
struct rule {
  uintptr_t pc; /* written last; 0 while it is being written */
  uint32_t generation;
  int32_t frame_offset;
  int16_t saved[6]; /* rbx, rbp, r12 to r15, in words from the frame's address; 0: not saved */
  uint8_t frame_register;
  uint8_t kind;
};
enum rule_kind { RULE_NONE, RULE_SIMPLE, RULE_OUTERMOST, RULE_COMPLEX, RULE_UNKNOWN };
static const uint8_t kept_registers[6] = {CFI_RBX, CFI_RBP, 12, 13, 14, 15};

static struct rule cache[CACHED];
static uint32_t generation = 1;

/* What of a stack was found readable: a thread's stack stays, so that this holds from walk to walk. */
static THREAD_LOCAL struct {
  uintptr_t low, high;
} readable;

struct walk {
  uintptr_t registers[CFI_REGISTERS];
  bool exact;
};

/* glibc's (2.35), without a lock. */
struct found_object {
  unsigned long long flags;
  void *map_start, *map_end;
  struct link_map *map;
  void *eh_frame;
  unsigned long long reserved[7];
};
static int (*find_object)(void *pc, struct found_object *result);

void unwind_start(void) { find_object = real_function("_dl_find_object"); }

void unwind_forget(void) { __atomic_fetch_add(&generation, 1, __ATOMIC_RELAXED); }

/* ---- memory -------------------------------------------------------------------------------------------------------------------- */

/* The kernel looks at the address before it looks at the number, which is none: EFAULT where nothing can be read (sigprocmask(2)). */
static bool page_is_readable(uintptr_t address) { return sys(SYS_rt_sigprocmask, -1, address & ~(uintptr_t)7, 0, 8) != -14; }

static bool make_readable(uintptr_t address) {
  uintptr_t page = address & ~(uintptr_t)(PAGE - 1);
  if (page == 0 || !page_is_readable(page))
    return false;
  if (page == readable.high)
    readable.high += PAGE;
  else if (page + PAGE == readable.low)
    readable.low = page;
  else {
    readable.low = page;
    readable.high = page + PAGE;
  }
  return true;
}

static inline bool load(uintptr_t address, uintptr_t *word) {
  if (UNLIKELY(address % sizeof *word != 0))
    return false;
  if (UNLIKELY(address - readable.low >= readable.high - readable.low) && !make_readable(address))
    return false;
  *word = *(const uintptr_t *)address;
  return true;
}

static bool load_for_expression(void *unused, uintptr_t address, uintptr_t *word) {
  (void)unused;
  return load(address, word);
}

/* ---- rules --------------------------------------------------------------------------------------------------------------------- */

static uintptr_t header_for(uintptr_t pc) {
  struct found_object object;
  if (find_object != NULL)
    return find_object((void *)pc, &object) == 0 ? (uintptr_t)object.eh_frame : 0;
  const struct module *module = module_of(pc);
  return module == NULL ? 0 : module->eh_frame_header;
}

static bool simple(const struct cfi_row *row, struct rule *rule) {
  if (row->frame.how != CFI_REGISTER || row->signal || row->frame_offset != (int32_t)row->frame_offset ||
      row->registers[CFI_RIP].how != CFI_OFFSET || row->registers[CFI_RIP].offset != -(int64_t)sizeof(uintptr_t) ||
      row->registers[CFI_RSP].how != CFI_SAME)
    return false;
  for (unsigned i = 0; i < 6; i++) {
    const struct cfi_rule *saved = &row->registers[kept_registers[i]];
    if (saved->how == CFI_SAME || saved->how == CFI_UNDEFINED)
      rule->saved[i] = 0;
    else if (saved->how == CFI_OFFSET && saved->offset % 8 == 0 && saved->offset / 8 == (int16_t)(saved->offset / 8))
      rule->saved[i] = (int16_t)(saved->offset / 8);
    else
      return false;
  }
  rule->frame_register = (uint8_t)row->frame.offset;
  rule->frame_offset = (int32_t)row->frame_offset;
  return row->frame.offset >= 0 && row->frame.offset < CFI_RIP;
}

static struct rule make_rule(uintptr_t pc, struct cfi_row *row) {
  struct rule rule = {.kind = RULE_UNKNOWN};
  uintptr_t header = header_for(pc);
  if (header == 0 || !cfi_find(header, pc, row))
    return rule;
  if (row->registers[CFI_RIP].how == CFI_UNDEFINED)
    rule.kind = RULE_OUTERMOST;
  else
    rule.kind = simple(row, &rule) ? RULE_SIMPLE : RULE_COMPLEX;
  return rule;
}

/* The rule for an address of code: from the cache, which any thread may be writing. */
static struct rule rule_for(uintptr_t pc, struct cfi_row *row, bool *has_row) {
  struct rule *entry = &cache[(pc * 0x9e3779b97f4a7c15u) >> 51];
  uint32_t now = __atomic_load_n(&generation, __ATOMIC_RELAXED);
  *has_row = false;
  if (LIKELY(__atomic_load_n(&entry->pc, __ATOMIC_ACQUIRE) == pc)) {
    struct rule rule = *entry;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (LIKELY(__atomic_load_n(&entry->pc, __ATOMIC_RELAXED) == pc && rule.generation == now))
      return rule;
  }
  struct rule rule = make_rule(pc, row);
  *has_row = true;
  rule.generation = now;
  uintptr_t before = __atomic_exchange_n(&entry->pc, 1, __ATOMIC_ACQ_REL);
  /* 1: another thread, or what this signal interrupted, is writing here. */
  if (before != 1) {
    entry->generation = rule.generation;
    entry->frame_offset = rule.frame_offset;
    for (unsigned i = 0; i < 6; i++)
      entry->saved[i] = rule.saved[i];
    entry->frame_register = rule.frame_register;
    entry->kind = rule.kind;
    __atomic_store_n(&entry->pc, pc, __ATOMIC_RELEASE);
  }
  rule.pc = pc;
  return rule;
}

/* ---- steps --------------------------------------------------------------------------------------------------------------------- */

static bool step_simple(struct walk *walk, const struct rule *rule) {
  uintptr_t *registers = walk->registers;
  uintptr_t frame = registers[rule->frame_register] + (uintptr_t)(intptr_t)rule->frame_offset;
  uintptr_t pc;
  if (!load(frame - sizeof pc, &pc))
    return false;
  for (unsigned i = 0; i < 6; i++)
    if (rule->saved[i] != 0 && !load(frame + (uintptr_t)(rule->saved[i] * (intptr_t)sizeof pc), &registers[kept_registers[i]]))
      return false;
  registers[CFI_RIP] = pc;
  registers[CFI_RSP] = frame;
  walk->exact = false;
  return true;
}

static bool value_of(const struct cfi_rule *rule, uintptr_t frame, unsigned number, const struct walk *walk, uintptr_t *value) {
  const struct cfi_machine machine = {walk->registers, load_for_expression, NULL};
  uintptr_t address;
  switch (rule->how) {
  case CFI_OFFSET: return load(frame + (uintptr_t)rule->offset, value);
  case CFI_VALUE_OFFSET: *value = frame + (uintptr_t)rule->offset; return true;
  case CFI_REGISTER: *value = rule->offset >= 0 && rule->offset < CFI_REGISTERS ? walk->registers[rule->offset] : 0; return true;
  case CFI_EXPRESSION: return cfi_evaluate(&machine, rule->expression, rule->size, &frame, &address) && load(address, value);
  case CFI_VALUE_EXPRESSION: return cfi_evaluate(&machine, rule->expression, rule->size, &frame, value);
  default: *value = number == CFI_RSP ? frame : walk->registers[number]; return true;
  }
}

static bool step_complex(struct walk *walk, const struct cfi_row *row) {
  const struct cfi_machine machine = {walk->registers, load_for_expression, NULL};
  struct walk next = {.exact = row->signal};
  uintptr_t frame;
  if (row->frame.how == CFI_EXPRESSION) {
    if (!cfi_evaluate(&machine, row->frame.expression, row->frame.size, NULL, &frame))
      return false;
  } else if (row->frame.how == CFI_REGISTER && row->frame.offset >= 0 && row->frame.offset < CFI_REGISTERS)
    frame = walk->registers[row->frame.offset] + (uintptr_t)row->frame_offset;
  else
    return false;
  for (unsigned i = 0; i < CFI_REGISTERS; i++)
    if (!value_of(&row->registers[i], frame, i, walk, &next.registers[i]))
      return false;
  *walk = next;
  return true;
}

/* Code without rules, as a JIT makes it, and Go's: by the chain of frame pointers, as far as it looks like one. */
static bool step_by_frame_pointer(struct walk *walk) {
  uintptr_t frame = walk->registers[CFI_RBP], pc, before;
  if (!load(frame, &before) || !load(frame + sizeof frame, &pc) || pc < PAGE || pc >> 47 != 0)
    return false;
  bool above = frame >= walk->registers[CFI_RSP] && frame - walk->registers[CFI_RSP] < FARTHEST_FRAME;
  if (!above && module_of(pc) == NULL)
    return false;
  walk->registers[CFI_RIP] = pc;
  walk->registers[CFI_RSP] = frame + 2 * sizeof frame;
  walk->registers[CFI_RBP] = before;
  walk->exact = false;
  return true;
}

/* Whether there was a caller; else why not. */
static bool step(struct walk *walk, uint32_t *end) {
  struct cfi_row row;
  bool has_row;
  uintptr_t pc = walk->registers[CFI_RIP] - !walk->exact;
  struct rule rule = rule_for(pc, &row, &has_row);
  bool went;
  *end = FFID_END_UNREADABLE;
  switch (rule.kind) {
  case RULE_SIMPLE: went = step_simple(walk, &rule); break;
  case RULE_OUTERMOST: *end = FFID_END_OUTERMOST; return false;
  case RULE_COMPLEX:
    if (!has_row)
      (void)make_rule(pc, &row);
    went = step_complex(walk, &row);
    break;
  default:
    *end = FFID_END_NO_RULE;
    went = step_by_frame_pointer(walk);
    break;
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
  if (from->sp - readable.low >= readable.high - readable.low)
    readable.low = readable.high = 0;
}

void unwind_from(struct stack *stack, const struct place *from, bool exact, unsigned limit) {
  struct walk walk;
  begin(&walk, from, exact);
  if (limit > STACK_LIMIT)
    limit = STACK_LIMIT;
  stack->flags = exact ? FFID_STACK_EXACT : 0;
  stack->end = FFID_END_LIMIT;
  for (stack->count = 0; stack->count < limit;) {
    stack->pcs[stack->count++] = walk.registers[CFI_RIP];
    if (stack->count < limit && !step(&walk, &stack->end))
      return;
  }
  stack->end = FFID_END_LIMIT;
}

void unwind_to_boundary(struct stack *stack, const struct place *from, unsigned beyond) {
  struct walk walk;
  unsigned last = 0;
  begin(&walk, from, false);
  stack->flags = 0;
  for (stack->count = 0; stack->count < STACK_LIMIT;) {
    uintptr_t pc = walk.registers[CFI_RIP];
    stack->pcs[stack->count++] = pc;
    if (in_question(pc))
      last = stack->count;
    else if (stack->count - last >= (last == 0 ? MOST_BEFORE : beyond)) {
      stack->end = FFID_END_BOUNDARY;
      return;
    }
    if (stack->count < STACK_LIMIT && !step(&walk, &stack->end))
      return;
  }
  stack->end = FFID_END_LIMIT;
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
