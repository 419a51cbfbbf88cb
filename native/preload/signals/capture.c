/* What is there when a signal comes that may be the end: memory, mappings, what each pointer points to. Before the runtime touches it. */
#include "signals.h"

#include <fcntl.h>

enum {
  PAGE = 4096,
  RED_ZONE = 128,
  STACK_BYTES = 64 << 10,
  GUARD_PAGES = 16,
  WINDOW = 128,
  POINTERS = 16, /* the general registers, with which gregs begins */
  MAPS_PIECE = 8 << 10,
  MAPS_PIECES = 128,
  INSTRUCTION_BYTES = 16,
  MESSAGE_LIMIT = 1024,
};

/* glibc's: what it said before it aborted. */
struct abort_message {
  unsigned size;
  char text[];
};
static struct abort_message **abort_message;

void capture_find_symbols(void) { abort_message = real_function("__abort_msg"); }

bool guarded(struct thread *thread, void (*step)(const void *), const void *argument) {
  if (__builtin_setjmp(thread->recovery)) {
    thread->inside = false;
    box_count(FFID_COUNT_SIGNALS_OMITTED, 1);
    return false;
  }
  thread->inside = true;
  step(argument);
  thread->inside = false;
  return true;
}

struct ffid_capture *capture_begin(const struct arrival *arrival, enum ffid_part part, uint32_t index, uint64_t address, size_t size) {
  struct ffid_capture *capture = box_begin(FFID_CAPTURE, sizeof *capture + size);
  if (capture == NULL)
    return NULL;
  capture->signal = arrival->record->id;
  capture->part = part;
  capture->index = index;
  capture->address = address;
  return capture;
}

void capture_end(struct ffid_capture *capture, size_t length) {
  capture->length = (uint32_t)length;
  box_end(capture);
}

static void keep_bytes(const struct arrival *arrival, enum ffid_part part, uint32_t index, uint64_t address, const void *bytes,
                       size_t length) {
  struct ffid_capture *capture = capture_begin(arrival, part, index, address, length);
  if (capture == NULL)
    return;
  __builtin_memcpy(capture->bytes, bytes, length);
  capture_end(capture, length);
}

static void take_frames(const void *argument) {
  const struct arrival *arrival = argument;
  struct place place;
  struct stack stack = {0};
  place_of_context(&place, arrival->context);
  unwind_from(&stack, &place, true, STACK_LIMIT);
  arrival->record->stack = depot_put(&stack);
}

static void take_instruction(const void *argument) {
  const struct arrival *arrival = argument;
  uint8_t bytes[INSTRUCTION_BYTES];
  uintptr_t pc = arrival->record->registers[REG_RIP];
  size_t got = sys_read_memory(bytes, pc, sizeof bytes);
  if (got > 0)
    keep_bytes(arrival, FFID_PART_INSTRUCTION, REG_RIP, pc, bytes, got);
}

/* Page by page: what is behind the last readable page is not the stack's. */
static void take_stack(const void *argument) {
  const struct arrival *arrival = argument;
  uintptr_t from = arrival->record->registers[REG_RSP] - RED_ZONE;
  uint8_t byte;
  /* Of a stack that is full, the first page may be the guard's. */
  for (unsigned skipped = 0; skipped < GUARD_PAGES && sys_read_memory(&byte, from, 1) == 0; skipped++)
    from = (from & ~(PAGE - 1ul)) + PAGE;
  uintptr_t end = from;
  while (end - from < STACK_BYTES && sys_read_memory(&byte, end, 1) == 1)
    end = (end & ~(PAGE - 1ul)) + PAGE;
  size_t size = end - from < STACK_BYTES ? end - from : STACK_BYTES;
  struct ffid_capture *capture = size == 0 ? NULL : capture_begin(arrival, FFID_PART_STACK_BYTES, REG_RSP, from, size);
  if (capture != NULL)
    capture_end(capture, sys_read_memory(capture->bytes, from, size));
}

static void take_windows(const void *argument) {
  const struct arrival *arrival = argument;
  uint8_t bytes[WINDOW];
  for (uint32_t i = 0; i < POINTERS; i++) {
    uintptr_t value = arrival->record->registers[i], from = value - WINDOW / 2;
    if (value < PAGE || i == REG_RSP)
      continue;
    size_t got = sys_read_memory(bytes, from, WINDOW);
    if (got <= WINDOW / 2 && value % PAGE < WINDOW / 2) {
      from = value - value % PAGE;
      got = sys_read_memory(bytes, from, value + WINDOW / 2 - from);
    }
    if (got > 0)
      keep_bytes(arrival, FFID_PART_WINDOW, i, from, bytes, got);
  }
}

static void take_pointer(const struct arrival *arrival, uint32_t index, uint64_t value) {
  struct ffid_pointer pointer = {.value = value};
  uintptr_t whole;
  if (heap_describe(value, &pointer.block))
    pointer.how = FFID_POINTER_WHOLE;
  else if (heap_describe_truncated(value, &whole, &pointer.block))
    pointer.how = FFID_POINTER_TRUNCATED;
  else
    return;
  keep_bytes(arrival, FFID_PART_POINTER, index, value, &pointer, sizeof pointer);
}

static void take_pointers(const void *argument) {
  const struct arrival *arrival = argument;
  for (uint32_t i = 0; i < POINTERS; i++)
    take_pointer(arrival, i, arrival->record->registers[i]);
  /* A fault on an address that is not canonical has none. */
  if (arrival->record->address != 0)
    take_pointer(arrival, FFID_INDEX_FAULT, arrival->record->address);
}

static void take_abort_message(const void *argument) {
  const struct arrival *arrival = argument;
  struct abort_message *message = NULL;
  char text[MESSAGE_LIMIT];
  if (arrival->number != SIGABRT || abort_message == NULL ||
      sys_read_memory(&message, (uintptr_t)abort_message, sizeof message) != sizeof message || message == NULL)
    return;
  /* It may end at a page that is not there. */
  size_t got = 0;
  for (size_t more; got < sizeof text; got += more) {
    uintptr_t at = (uintptr_t)message->text + got;
    size_t room = PAGE - at % PAGE;
    more = sys_read_memory(text + got, at, room < sizeof text - got ? room : sizeof text - got);
    if (more == 0)
      break;
  }
  size_t length = 0;
  while (length < got && text[length] != '\0')
    length++;
  if (length > 0)
    keep_bytes(arrival, FFID_PART_ABORT_MESSAGE, 0, (uint64_t)message->text, text, length);
}

static void take_maps(const void *argument) {
  const struct arrival *arrival = argument;
  long file = sys(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return;
  uint64_t offset = 0;
  for (uint32_t piece = 0; piece < MAPS_PIECES; piece++) {
    struct ffid_capture *capture = capture_begin(arrival, FFID_PART_MAPS, piece, offset, MAPS_PIECE);
    if (capture == NULL)
      break;
    size_t length = 0;
    long got = 1;
    while (length < MAPS_PIECE && (got = sys(SYS_read, file, capture->bytes + length, MAPS_PIECE - length)) > 0)
      length += (size_t)got;
    capture_end(capture, length);
    offset += length;
    if (got <= 0)
      break;
  }
  sys(SYS_close, file);
}

/*
 * Runtimes fault on purpose in code that they made, and in their own. The rest may be the end: no handler, or the thread blocks it, a
 * library's code, a jump to nowhere, a signal that was sent.
 */
static bool may_be_fatal(const struct arrival *arrival, bool *program) {
  const struct ffid_signal *record = arrival->record;
  const uintptr_t pc = record->registers[REG_RIP];
  const struct module *module = module_of(pc);
  *program = module != NULL && (module->flags & FFID_MODULE_PROGRAM);
  if (arrival->terminal)
    return true;
  if (record->code <= 0)
    return record->parent == 0;
  if (module == NULL)
    return record->address == pc && arrival->number == SIGSEGV;
  if (module->flags & FFID_MODULE_QUESTION)
    return true;
  return !*program && module != module_of((uintptr_t)arrival->entry->handler);
}

void capture_everything(const struct arrival *arrival) {
  static void (*const steps[])(const void *) = {
      take_instruction, take_pointers, take_windows, take_abort_message, take_stack, take_maps,
  };
  guarded(arrival->thread, take_frames, arrival);
  bool program;
  if (arrival->scratch || !may_be_fatal(arrival, &program) ||
      !capture_allowed(arrival->record->registers[REG_RIP], arrival->terminal, program))
    return;
  for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++)
    guarded(arrival->thread, steps[i], arrival);
  if (arrival->terminal)
    host_frames_capture(arrival);
}
