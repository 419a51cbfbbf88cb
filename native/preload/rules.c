#include "rules.h"

struct rule rules[RULES_KEPT];
uint32_t rule_generation = 1;

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

void unwind_forget(void) { __atomic_fetch_add(&rule_generation, 1, __ATOMIC_RELAXED); }

bool rule_table(uintptr_t pc, struct cfi_table *table) {
  struct found_object object;
  if (find_object != NULL) {
    if (find_object((void *)pc, &object) != 0)
      return false;
    *table = (struct cfi_table){(uintptr_t)object.eh_frame, (uintptr_t)object.map_start, (uintptr_t)object.map_end};
    return true;
  }
  const struct module *module = module_of(pc);
  if (module == NULL)
    return false;
  *table = (struct cfi_table){module->eh_frame_header, module->low, module->high};
  return true;
}

static bool simple(const struct cfi_row *row, struct rule *rule) {
  if (row->frame.how != CFI_REGISTER || row->signal || row->frame_offset != (int32_t)row->frame_offset ||
      row->registers[CFI_RIP].how != CFI_OFFSET || row->registers[CFI_RIP].offset != -(int64_t)sizeof(uintptr_t) ||
      row->registers[CFI_RSP].how != CFI_SAME)
    return false;
  rule->deepest = -1;
  for (unsigned i = 0; i < 6; i++) {
    const struct cfi_rule *saved = &row->registers[kept_registers[i]];
    if (saved->how == CFI_SAME || saved->how == CFI_UNDEFINED)
      rule->saved[i] = 0;
    else if (saved->how == CFI_OFFSET && saved->offset % 8 == 0 && saved->offset < 0 && saved->offset / 8 >= INT16_MIN)
      rule->saved[i] = (int16_t)(saved->offset / 8);
    else
      return false;
    if (rule->saved[i] < rule->deepest)
      rule->deepest = rule->saved[i];
  }
  rule->frame_register = (uint8_t)row->frame.offset;
  rule->frame_offset = (int32_t)row->frame_offset;
  return row->frame.offset >= 0 && row->frame.offset < CFI_RIP;
}

struct rule rule_make(uintptr_t pc, struct cfi_row *row) {
  struct rule rule = {.kind = RULE_NO_MODULE};
  struct cfi_table table;
  if (!rule_table(pc, &table))
    return rule;
  rule.kind = RULE_UNKNOWN;
  if (table.header == 0 || !cfi_find(&table, pc, row))
    return rule;
  if (row->registers[CFI_RIP].how == CFI_UNDEFINED)
    rule.kind = RULE_OUTERMOST;
  else
    rule.kind = simple(row, &rule) ? RULE_SIMPLE : RULE_COMPLEX;
  return rule;
}

/* What is kept of an address of code, which any thread may be writing. */
static inline bool kept_rule(uintptr_t pc, struct rule *rule) {
  const struct rule *entry = rule_slot(pc);
  if (UNLIKELY(__atomic_load_n(&entry->pc, __ATOMIC_ACQUIRE) != pc))
    return false;
  *rule = *entry;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  return LIKELY(__atomic_load_n(&entry->pc, __ATOMIC_RELAXED) == pc && rule->generation == __atomic_load_n(&rule_generation, __ATOMIC_RELAXED));
}

struct rule rule_for(uintptr_t pc, struct cfi_row *row, bool *has_row) {
  struct rule *entry = rule_slot(pc);
  uint32_t now = __atomic_load_n(&rule_generation, __ATOMIC_RELAXED);
  struct rule kept;
  *has_row = false;
  if (kept_rule(pc, &kept))
    return kept;
  struct rule rule = rule_make(pc, row);
  *has_row = true;
  /* Not kept: a module may be mapped there later, and nobody is told when one comes. */
  if (rule.kind == RULE_NO_MODULE)
    return rule;
  rule.generation = now;
  uintptr_t before = __atomic_exchange_n(&entry->pc, 1, __ATOMIC_ACQ_REL);
  /* 1: another thread, or what this signal interrupted, is writing here. */
  if (before != 1) {
    entry->generation = rule.generation;
    entry->frame_offset = rule.frame_offset;
    for (unsigned i = 0; i < 6; i++)
      entry->saved[i] = rule.saved[i];
    entry->deepest = rule.deepest;
    entry->frame_register = rule.frame_register;
    entry->kind = rule.kind;
    __atomic_store_n(&entry->pc, pc, __ATOMIC_RELEASE);
  }
  rule.pc = pc;
  return rule;
}
