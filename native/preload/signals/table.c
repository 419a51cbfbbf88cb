/* The handlers that the program believes are installed. Lock-free: sigaction may be called from a handler. */
#include "signals.h"

const int managed_signals[MANAGED_COUNT] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS};

enum { ENTRY_LIMIT = 4096, LEDGER_LIMIT = 512 };
/* Equal ones are shared, as programs install the same few again and again. */
static struct entry entries[ENTRY_LIMIT];
static uint32_t entry_ready[ENTRY_LIMIT];
static uint32_t entry_count;
static const struct entry no_handler;
static const struct entry *table[SIGNAL_LIMIT + 1];
static uint32_t ledger_count;

/* What the kernel keeps of a program's flags. */
static const unsigned long known_flags = SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER |
                                         0x80000000ul /* SA_RESETHAND is negative as an int */ | SA_RESTORER_FLAG | 0x800ul;

long kernel_action(int number, const struct kernel_action *action, struct kernel_action *old) {
  return sys(SYS_rt_sigaction, number, action, old, 8);
}

bool is_ours(const void *handler) { return handler == (void *)trampoline; }

static bool same_entry(const struct entry *a, const struct entry *b) {
  return a->handler == b->handler && a->flags == b->flags && a->mask == b->mask;
}

static const struct entry *shared_entry(const struct entry *entry) {
  uint32_t count = __atomic_load_n(&entry_count, __ATOMIC_ACQUIRE);
  for (uint32_t i = 0; i < count && i < ENTRY_LIMIT; i++)
    if (__atomic_load_n(&entry_ready[i], __ATOMIC_ACQUIRE) && same_entry(&entries[i], entry))
      return &entries[i];
  uint32_t at = __atomic_fetch_add(&entry_count, 1, __ATOMIC_ACQ_REL);
  if (at >= ENTRY_LIMIT) {
    __atomic_store_n(&entry_count, ENTRY_LIMIT, __ATOMIC_RELEASE);
    at = ENTRY_LIMIT - 1;
  }
  entries[at] = *entry;
  __atomic_store_n(&entry_ready[at], 1, __ATOMIC_RELEASE);
  return &entries[at];
}

const struct entry *table_get(int number) {
  const struct entry *entry = __atomic_load_n(&table[number], __ATOMIC_ACQUIRE);
  return entry == NULL ? &no_handler : entry;
}

/*
 * SIG_IGN is the kernel's own, so that exec inherits it. All others are ours: on the alternate stack, as the stack may be full; without
 * blocking the synchronous signals, as a fault of a capture would be the end of the process; with all others blocked, so that no handler
 * comes in between. The handler's own mask is set where it is entered.
 */
static void kernel_install(int number, const struct entry *entry) {
  struct kernel_action action = {.handler = (void *)trampoline, .restorer = (void *)plain_return, .mask = ~SYNCHRONOUS};
  action.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER_FLAG;
  if (entry->handler == (void *)SIG_IGN)
    action = (struct kernel_action){.handler = (void *)SIG_IGN, .flags = SA_RESTORER_FLAG, .restorer = (void *)plain_return};
  else if (entry->handler == (void *)SIG_DFL)
    action.flags |= SA_RESTART;
  else
    action.flags |= entry->flags & SA_RESTART;
  kernel_action(number, &action, NULL);
}

/* Until the kernel has what the table has: whoever comes in between does the same. */
static void kernel_follow(int number) {
  const struct entry *entry;
  do {
    entry = table_get(number);
    kernel_install(number, entry);
  } while (entry != table_get(number));
}

const struct entry *table_set(int number, const struct entry *entry) {
  struct entry kept = *entry;
  kept.flags &= known_flags;
  kept.mask &= ~(bit_of(SIGKILL) | bit_of(SIGSTOP));
  const struct entry *old = __atomic_exchange_n(&table[number], shared_entry(&kept), __ATOMIC_ACQ_REL);
  kernel_follow(number);
  return old == NULL ? &no_handler : old;
}

const struct entry *table_take(int number) {
  for (;;) {
    const struct entry *entry = table_get(number);
    if (!(entry->flags & 0x80000000ul) || entry->handler == (void *)SIG_DFL || entry->handler == (void *)SIG_IGN)
      return entry;
    /* The kernel keeps flags and mask. */
    struct entry reset = {.handler = (void *)SIG_DFL, .flags = entry->flags, .mask = entry->mask};
    if (__atomic_compare_exchange_n(&table[number], &entry, shared_entry(&reset), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
      kernel_follow(number);
      return entry;
    }
  }
}

void handler_record(int number, const struct entry *entry, uintptr_t caller, bool found) {
  /* A program that changes handlers without end would fill the box. */
  if (box_header == NULL || __atomic_fetch_add(&ledger_count, 1, __ATOMIC_RELAXED) >= LEDGER_LIMIT)
    return;
  struct ffid_handler *record = box_begin(FFID_HANDLER, sizeof *record);
  if (record == NULL)
    return;
  record->number = number;
  record->flags = (uint32_t)entry->flags;
  record->handler = (uint64_t)entry->handler;
  record->mask = entry->mask;
  record->caller = caller;
  record->found = found;
  box_end(record);
}

static void adopt(int number, const struct kernel_action *action) {
  struct entry entry = {.handler = action->handler, .flags = action->flags, .mask = action->mask};
  table_set(number, &entry);
  if (action->handler != (void *)SIG_DFL && action->handler != (void *)SIG_IGN)
    handler_record(number, &entry, 0, true);
}

void table_start(void) {
  struct kernel_action action;
  for (unsigned i = 0; i < MANAGED_COUNT; i++)
    if (kernel_action(managed_signals[i], NULL, &action) == 0)
      adopt(managed_signals[i], &action);
}

void table_recheck(void) {
  struct kernel_action action;
  /* SIG_IGN may be our own, just before it is replaced. */
  for (unsigned i = 0; i < MANAGED_COUNT; i++)
    if (kernel_action(managed_signals[i], NULL, &action) == 0 && !is_ours(action.handler) && action.handler != (void *)SIG_IGN)
      adopt(managed_signals[i], &action);
}
