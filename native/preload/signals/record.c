/* The record of each signal, and which of the program's handlers have not returned. */
#include "signals.h"

enum {
  ORDINARY_STACK = 8 << 20,
  BENIGN_LIMIT = 64,
  PLACES = 256,
  PROBES = 4,
  CAPTURES_PER_PLACE = 2,
  CAPTURES_OF_LIBRARIES = 12,
  CAPTURES_OF_PROGRAM = 4,
  CAPTURES_TERMINAL = 16,
  RECORD_LIMIT = 8192,
};

/* Instructions that signals came from. Counts may be lost between threads: they only say what is a storm. */
static struct place_count {
  uintptr_t pc;
  uint32_t harmless;
  uint32_t captures;
} places[PLACES];
static uint32_t last_id, record_count, captures_terminal, captures_of_libraries, captures_of_program;

static struct place_count *place_at(uintptr_t pc, bool makes) {
  uint64_t hash = pc * 0x9e3779b97f4a7c15ul >> 32;
  for (unsigned i = 0; i < PROBES; i++) {
    struct place_count *place = &places[(hash + i) % PLACES];
    uintptr_t there = __atomic_load_n(&place->pc, __ATOMIC_RELAXED);
    if (there == pc)
      return place;
    if (makes && there == 0 && __atomic_compare_exchange_n(&place->pc, &there, pc, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
      return place;
  }
  if (!makes)
    return NULL;
  struct place_count *place = &places[hash % PLACES];
  *place = (struct place_count){.pc = pc};
  return place;
}

unsigned benign_before(uintptr_t pc) {
  const struct place_count *place = place_at(pc, false);
  return place == NULL ? 0 : place->harmless;
}

bool capture_allowed(uintptr_t pc, bool terminal, bool program) {
  if (terminal)
    return __atomic_fetch_add(&captures_terminal, 1, __ATOMIC_RELAXED) < CAPTURES_TERMINAL;
  struct place_count *place = place_at(pc, true);
  if (__atomic_fetch_add(&place->captures, 1, __ATOMIC_RELAXED) >= CAPTURES_PER_PLACE)
    return false;
  return program ? __atomic_fetch_add(&captures_of_program, 1, __ATOMIC_RELAXED) < CAPTURES_OF_PROGRAM
                 : __atomic_fetch_add(&captures_of_libraries, 1, __ATOMIC_RELAXED) < CAPTURES_OF_LIBRARIES;
}

/* The handler of this one ended without harm. Its record is used again where there was a storm. */
static void count_harmless(struct thread *thread, struct active *active) {
  struct ffid_signal *record = active->record;
  __atomic_fetch_add(&place_at(record->registers[REG_RIP], true)->harmless, 1, __ATOMIC_RELAXED);
  if (!active->scratch)
    return;
  thread->scratch = record;
  box_count(FFID_COUNT_SIGNALS_OMITTED, 1);
}

static bool still_runs(const struct active *active, uintptr_t sp) {
  if (active->floor != 0)
    return sp >= active->floor && sp < active->frame;
  return sp < active->frame && active->frame - sp < ORDINARY_STACK;
}

static void leave(struct thread *thread) {
  struct active *active = &thread->active[--thread->depth];
  if (active->record == NULL || active->record->state != FFID_SIGNAL_OPEN)
    return;
  active->record->state = FFID_SIGNAL_ABANDONED;
  active->record->ended = sys_now(CLOCK_MONOTONIC);
  count_harmless(thread, active);
}

void active_settle(struct thread *thread, uintptr_t sp) {
  while (thread->depth > 0 && !still_runs(&thread->active[thread->depth - 1], sp))
    leave(thread);
}

void active_push(struct arrival *arrival, ucontext_t *context, uintptr_t floor, bool hides) {
  struct thread *thread = arrival->thread;
  if (thread->depth == NESTED_LIMIT)
    return;
  if (arrival->record != NULL)
    arrival->record->frame = (uint64_t)context;
  thread->active[thread->depth++] = (struct active){
      .record = arrival->record,
      .context = context,
      .frame = (uintptr_t)context - FRAME_CONTEXT,
      .floor = floor,
      .scratch = arrival->scratch,
      .hides = hides,
  };
}

static struct ffid_signal *take_record(struct arrival *arrival) {
  struct thread *thread = arrival->thread;
  const bool storm = !arrival->terminal && (benign_before((uintptr_t)arrival->context->uc_mcontext.gregs[REG_RIP]) >= BENIGN_LIMIT ||
                                            __atomic_load_n(&record_count, __ATOMIC_RELAXED) >= RECORD_LIMIT);
  arrival->scratch = storm;
  if (storm && thread->scratch != NULL) {
    struct ffid_signal *record = thread->scratch;
    thread->scratch = NULL;
    /* Torn, for a reader, until it is whole again. */
    record->head.mark = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __builtin_memset((char *)record + sizeof record->head, 0, sizeof *record - sizeof record->head);
    record->head.monotonic = sys_now(CLOCK_MONOTONIC);
    record->head.tid = (uint32_t)sys(SYS_gettid);
    return record;
  }
  __atomic_fetch_add(&record_count, 1, __ATOMIC_RELAXED);
  return box_begin(FFID_SIGNAL, sizeof(struct ffid_signal));
}

static uint32_t disposition_of(const void *handler) {
  return handler == (void *)SIG_DFL   ? FFID_DISPOSITION_DEFAULT
         : handler == (void *)SIG_IGN ? FFID_DISPOSITION_IGNORE
                                      : FFID_DISPOSITION_HANDLER;
}

void record_arrival(struct arrival *arrival) {
  struct thread *thread = arrival->thread;
  struct ffid_signal *record = take_record(arrival);
  if (record == NULL)
    return;
  const siginfo_t *info = arrival->info;
  record->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
  record->number = arrival->number;
  record->code = info->si_code;
  record->sender_pid = info->si_code <= 0 ? info->si_pid : 0;
  record->address = info->si_code > 0 ? (uint64_t)info->si_addr : 0;
  record->handler = (uint64_t)arrival->entry->handler;
  record->handler_flags = (uint32_t)arrival->entry->flags;
  record->disposition = disposition_of(arrival->entry->handler);
  record->state = arrival->terminal ? FFID_SIGNAL_TERMINAL : FFID_SIGNAL_OPEN;
  record->blocked = arrival->blocked;
  record->frame = (uint64_t)arrival->context;
  for (unsigned i = thread->depth; i > 0 && record->parent == 0; i--)
    if (thread->active[i - 1].record != NULL)
      record->parent = thread->active[i - 1].record->id;
  __builtin_memcpy(record->registers, arrival->context->uc_mcontext.gregs, sizeof record->registers);
  sys(SYS_prctl, 15 /* PR_GET_NAME */, record->thread_name);
  arrival->record = record;
  box_end(record);
}

void handler_returned(ucontext_t *context) {
  struct thread *thread = thread_own();
  if (thread == NULL || !in_own_process())
    return;
  bool known = false;
  for (unsigned i = 0; i < thread->depth; i++)
    known |= thread->active[i].context == context;
  /* Deeper than is kept count of. */
  if (!known)
    return;
  while (thread->active[thread->depth - 1].context != context)
    leave(thread);
  struct active *active = &thread->active[--thread->depth];
  /* The kernel takes the alternate stack from the frame. */
  if (active->hides)
    context->uc_stack = (stack_t){.ss_sp = thread->stack, .ss_size = PRIVATE_STACK};
  struct ffid_signal *record = active->record;
  if (record == NULL || record->state != FFID_SIGNAL_OPEN)
    return;
  record->new_pc = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
  record->new_sp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
  record->ended = sys_now(CLOCK_MONOTONIC);
  if (record->new_pc != record->registers[REG_RIP] || record->new_sp != record->registers[REG_RSP]) {
    record->state = FFID_SIGNAL_REDIRECTED;
    box_count(FFID_COUNT_SIGNALS_BENIGN, 1);
  } else
    record->state = table_get(record->number)->handler == (void *)SIG_DFL ? FFID_SIGNAL_DEFAULTED : FFID_SIGNAL_RETURNED;
  if (record->state != FFID_SIGNAL_DEFAULTED)
    count_harmless(thread, active);
}
