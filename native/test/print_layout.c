/* What the compiler makes of blackbox.h, as JSON: the reader's own numbers (src/probes/blackbox/layout.ts) are compared with it. */
#include <stdio.h>

#include "../include/blackbox.h"

static const char *between = "";

static void text(const char *name, const char *colon) {
  printf("%s\"%s\":%s", between, name, colon);
  between = "";
}
static void number(const char *name, long long value) {
  text(name, "");
  printf("%lld", value);
  between = ",";
}
static void close_object(void) {
  printf("}");
  between = ",";
}

#define STRUCT(name)                                                                                                                    \
  text(#name, "{");                                                                                                                    \
  number("size", (long long)sizeof(struct ffid_##name));                                                                               \
  text("at", "{")
#define FIELD(name, field) number(#field, (long long)offsetof(struct ffid_##name, field))
#define END                                                                                                                             \
  close_object();                                                                                                                      \
  close_object()
#define ENUM(name) text(#name, "{")
#define VALUE(prefix, name) number(#name, FFID_##prefix##name)

static void print_structs(void) {
  text("structs", "{");
  STRUCT(box_header);
  FIELD(box_header, magic); FIELD(box_header, version); FIELD(box_header, header_size); FIELD(box_header, pid);
  FIELD(box_header, parent_pid); FIELD(box_header, image); FIELD(box_header, page_size); FIELD(box_header, realtime);
  FIELD(box_header, monotonic); FIELD(box_header, ticks); FIELD(box_header, last_monotonic); FIELD(box_header, last_ticks);
  FIELD(box_header, journal_used); FIELD(box_header, journal_room); FIELD(box_header, dropped); FIELD(box_header, first_stack);
  FIELD(box_header, forked_from_pid); FIELD(box_header, forked_from_image); FIELD(box_header, heap_mode);
  FIELD(box_header, stacks_mode); FIELD(box_header, guard_rung); FIELD(box_header, alloc_fill); FIELD(box_header, free_fill);
  FIELD(box_header, canary); FIELD(box_header, signals_on); FIELD(box_header, heap_low); FIELD(box_header, heap_high);
  FIELD(box_header, counters);
  END;
  STRUCT(record);
  FIELD(record, size); FIELD(record, kind); FIELD(record, mark); FIELD(record, monotonic); FIELD(record, tid); FIELD(record, sequence);
  END;
  STRUCT(process);
  FIELD(process, executable_size); FIELD(process, arguments_size); FIELD(process, text);
  END;
  STRUCT(module);
  FIELD(module, id); FIELD(module, flags); FIELD(module, base); FIELD(module, low); FIELD(module, high); FIELD(module, build_id_size);
  FIELD(module, path_size); FIELD(module, build_id); FIELD(module, path);
  END;
  STRUCT(module_gone);
  FIELD(module_gone, id);
  END;
  STRUCT(stack);
  FIELD(stack, id); FIELD(stack, count); FIELD(stack, flags); FIELD(stack, end); FIELD(stack, pcs);
  END;
  STRUCT(block);
  FIELD(block, address); FIELD(block, size); FIELD(block, offset); FIELD(block, state); FIELD(block, alloc_family);
  FIELD(block, free_family); FIELD(block, alloc_stack); FIELD(block, free_stack); FIELD(block, alloc_tid); FIELD(block, free_tid);
  FIELD(block, alloc_ticks); FIELD(block, free_ticks); FIELD(block, checked_ticks); FIELD(block, module); FIELD(block, guarded);
  END;
  STRUCT(changed);
  FIELD(changed, offset); FIELD(changed, is); FIELD(changed, was);
  END;
  STRUCT(heap_error);
  FIELD(heap_error, error); FIELD(heap_error, found_at); FIELD(heap_error, address); FIELD(heap_error, block); FIELD(heap_error, stack);
  FIELD(heap_error, family); FIELD(heap_error, changed_shown); FIELD(heap_error, changed_total); FIELD(heap_error, changed_last);
  FIELD(heap_error, changed);
  END;
  STRUCT(leak);
  FIELD(leak, kind); FIELD(leak, stack); FIELD(leak, blocks); FIELD(leak, bytes); FIELD(leak, example);
  END;
  STRUCT(freed_by);
  FIELD(freed_by, block);
  END;
  STRUCT(signal);
  FIELD(signal, id); FIELD(signal, number); FIELD(signal, code); FIELD(signal, sender_pid); FIELD(signal, address);
  FIELD(signal, handler); FIELD(signal, handler_flags); FIELD(signal, disposition); FIELD(signal, state); FIELD(signal, parent);
  FIELD(signal, blocked); FIELD(signal, stack); FIELD(signal, frame); FIELD(signal, new_pc); FIELD(signal, new_sp);
  FIELD(signal, ended); FIELD(signal, registers); FIELD(signal, thread_name);
  END;
  STRUCT(capture);
  FIELD(capture, signal); FIELD(capture, part); FIELD(capture, index); FIELD(capture, length); FIELD(capture, address);
  FIELD(capture, bytes);
  END;
  STRUCT(pointer);
  FIELD(pointer, value); FIELD(pointer, how); FIELD(pointer, block);
  END;
  STRUCT(handler);
  FIELD(handler, number); FIELD(handler, flags); FIELD(handler, handler); FIELD(handler, mask); FIELD(handler, caller);
  FIELD(handler, found);
  END;
  STRUCT(exit);
  FIELD(exit, how); FIELD(exit, status); FIELD(exit, caller);
  END;
  STRUCT(note);
  FIELD(note, code); FIELD(note, text_size); FIELD(note, a); FIELD(note, b); FIELD(note, text);
  END;
  close_object();
}

static void print_enums(void) {
  text("enums", "{");
  ENUM(counter);
  VALUE(COUNT_, ALLOCATIONS); VALUE(COUNT_, FREES); VALUE(COUNT_, NOT_WATCHED); VALUE(COUNT_, LIVE_BYTES); VALUE(COUNT_, PEAK_BYTES);
  VALUE(COUNT_, FOREIGN_FREES); VALUE(COUNT_, ERRORS_OMITTED); VALUE(COUNT_, STACKS); VALUE(COUNT_, STACKS_TRUNCATED);
  VALUE(COUNT_, SIGNALS_BENIGN); VALUE(COUNT_, SIGNALS_OMITTED); VALUE(COUNT_, GUARD_FALLBACKS);
  close_object();
  ENUM(heap_mode); VALUE(HEAP_, OFF); VALUE(HEAP_, POISON); VALUE(HEAP_, GUARD); close_object();
  ENUM(stacks_mode); VALUE(STACKS_, OFF); VALUE(STACKS_, CALLER); VALUE(STACKS_, FULL); close_object();
  ENUM(guard_rung);
  VALUE(RUNG_, NONE); VALUE(RUNG_, USERFAULTFD); VALUE(RUNG_, MADV_GUARD); VALUE(RUNG_, MPROTECT); VALUE(RUNG_, FILL);
  close_object();
  ENUM(kind);
  VALUE(, PROCESS); VALUE(, MODULE); VALUE(, MODULE_GONE); VALUE(, STACK); VALUE(, HEAP_ERROR); VALUE(, LEAK); VALUE(, FREED_BY);
  VALUE(, SIGNAL); VALUE(, CAPTURE); VALUE(, HANDLER); VALUE(, EXIT); VALUE(, NOTE);
  close_object();
  ENUM(module_flag); VALUE(MODULE_, PROGRAM); VALUE(MODULE_, QUESTION); VALUE(MODULE_, RECORDER); close_object();
  ENUM(stack_flag); VALUE(STACK_, EXACT); close_object();
  ENUM(stack_end);
  VALUE(END_, OUTERMOST); VALUE(END_, BOUNDARY); VALUE(END_, LIMIT); VALUE(END_, NO_RULE); VALUE(END_, UNREADABLE);
  close_object();
  ENUM(family); VALUE(FAMILY_, UNKNOWN); VALUE(FAMILY_, MALLOC); VALUE(FAMILY_, NEW); VALUE(FAMILY_, NEW_ARRAY); close_object();
  ENUM(block_state); VALUE(BLOCK_, NONE); VALUE(BLOCK_, LIVE); VALUE(BLOCK_, FREED); close_object();
  ENUM(heap_error_kind);
  VALUE(ERROR_, DOUBLE_FREE); VALUE(ERROR_, INVALID_FREE); VALUE(ERROR_, MISMATCH); VALUE(ERROR_, OVERFLOW); VALUE(ERROR_, UNDERFLOW);
  VALUE(ERROR_, WRITE_AFTER_FREE);
  close_object();
  ENUM(found_at);
  VALUE(FOUND_, FREE); VALUE(FOUND_, REALLOC); VALUE(FOUND_, EVICTION); VALUE(FOUND_, SWEEP); VALUE(FOUND_, EXIT); VALUE(FOUND_, SIGNAL);
  close_object();
  ENUM(leak_kind); VALUE(LEAK_, DEFINITE); VALUE(LEAK_, INDIRECT); close_object();
  ENUM(signal_state);
  VALUE(SIGNAL_, OPEN); VALUE(SIGNAL_, RETURNED); VALUE(SIGNAL_, REDIRECTED); VALUE(SIGNAL_, TERMINAL); VALUE(SIGNAL_, DEFAULTED);
  VALUE(SIGNAL_, ABANDONED);
  close_object();
  ENUM(disposition); VALUE(DISPOSITION_, DEFAULT); VALUE(DISPOSITION_, IGNORE); VALUE(DISPOSITION_, HANDLER); close_object();
  ENUM(part);
  VALUE(PART_, STACK_BYTES); VALUE(PART_, MAPS); VALUE(PART_, WINDOW); VALUE(PART_, POINTER); VALUE(PART_, ABORT_MESSAGE);
  VALUE(PART_, INSTRUCTION); VALUE(PART_, HOST_FRAMES);
  close_object();
  ENUM(pointer_how); VALUE(POINTER_, WHOLE); VALUE(POINTER_, TRUNCATED); close_object();
  ENUM(exit_how); VALUE(EXIT_, EXIT); VALUE(EXIT_, NOW); VALUE(EXIT_, GO); VALUE(EXIT_, UNLOADED); close_object();
  ENUM(note_code);
  VALUE(NOTE_, NO_ROOM_FOR_HEAP); VALUE(NOTE_, GUARD_REFUSED); VALUE(NOTE_, NOT_WATCHED); VALUE(NOTE_, IMPORTS_READ_ONLY);
  VALUE(NOTE_, SANITIZED); VALUE(NOTE_, LEAKS_NOT_LOOKED_FOR); VALUE(NOTE_, OTHER_ALLOCATOR);
  close_object();
  ENUM(no_leaks); VALUE(NO_LEAKS_, ABRUPT); VALUE(NO_LEAKS_, THREADS); VALUE(NO_LEAKS_, NOT_ASKED); close_object();
  close_object();
}

int main(void) {
  printf("{");
  print_structs();
  print_enums();
  text("constants", "{");
  number("box_version", FFID_BOX_VERSION);
  number("box_header", FFID_BOX_HEADER);
  number("record_mark", FFID_RECORD_MARK);
  number("counters", FFID_COUNTERS);
  number("changed_shown", FFID_CHANGED_SHOWN);
  number("registers", FFID_REGISTERS);
  number("thread_name", FFID_THREAD_NAME);
  number("index_fault", FFID_INDEX_FAULT);
  close_object();
  printf("}\n");
  return 0;
}
