/* Expressions of DWARF (version 5, section 2.5.1), those that call frame information uses. */
#include "cfi.h"
#include "cfi_reader.h"

enum { DEPTH = 32, MOST_STEPS = 512 };

struct stack_machine {
  uintptr_t values[DEPTH];
  unsigned depth;
  bool bad;
};

static void push(struct stack_machine *stack, uintptr_t value) {
  if (stack->depth < DEPTH)
    stack->values[stack->depth++] = value;
  else
    stack->bad = true;
}

static uintptr_t pop(struct stack_machine *stack) {
  if (stack->depth > 0)
    return stack->values[--stack->depth];
  stack->bad = true;
  return 0;
}

static uintptr_t binary(uint8_t operation, uintptr_t a, uintptr_t b, bool *bad) {
  intptr_t sa = (intptr_t)a, sb = (intptr_t)b;
  switch (operation) {
  case 0x1a: return a & b;
  case 0x1b: return sb == 0 || (sa == INTPTR_MIN && sb == -1) ? (*bad = true, 0) : (uintptr_t)(sa / sb);
  case 0x1c: return a - b;
  case 0x1d: return b == 0 ? (*bad = true, 0) : a % b;
  case 0x1e: return a * b;
  case 0x21: return a | b;
  case 0x22: return a + b;
  case 0x24: return b < 64 ? a << b : 0;
  case 0x25: return b < 64 ? a >> b : 0;
  case 0x26: return (uintptr_t)(sa >> (b < 63 ? b : 63));
  case 0x27: return a ^ b;
  case 0x29: return sa == sb;
  case 0x2a: return sa >= sb;
  case 0x2b: return sa > sb;
  case 0x2c: return sa <= sb;
  case 0x2d: return sa < sb;
  case 0x2e: return sa != sb;
  default: *bad = true; return 0;
  }
}

static void jump(struct reader *reader, const uint8_t *begin, int64_t by) {
  if (by < begin - reader->at || by > reader->end - reader->at)
    reader->bad = true;
  else
    reader->at += by;
}

/* Operations that take what follows them or registers; false for those of the stack alone. */
static bool operand(uint8_t operation, struct reader *reader, const struct cfi_machine *machine, struct stack_machine *stack) {
  if (operation >= 0x30 && operation <= 0x4f) {
    push(stack, operation - 0x30u);
    return true;
  }
  if ((operation >= 0x70 && operation <= 0x8f) || operation == 0x92) {
    uint64_t number = operation == 0x92 ? read_uleb(reader) : operation - 0x70u;
    int64_t offset = read_sleb(reader);
    if (number >= CFI_REGISTERS)
      stack->bad = true;
    else
      push(stack, machine->registers[number] + (uintptr_t)offset);
    return true;
  }
  switch (operation) {
  case 0x03:
  case 0x0e:
  case 0x0f: push(stack, (uintptr_t)read_bytes(reader, 8)); return true;
  case 0x08: push(stack, (uintptr_t)read_bytes(reader, 1)); return true;
  case 0x09: push(stack, (uintptr_t)read_signed(reader, 1)); return true;
  case 0x0a: push(stack, (uintptr_t)read_bytes(reader, 2)); return true;
  case 0x0b: push(stack, (uintptr_t)read_signed(reader, 2)); return true;
  case 0x0c: push(stack, (uintptr_t)read_bytes(reader, 4)); return true;
  case 0x0d: push(stack, (uintptr_t)read_signed(reader, 4)); return true;
  case 0x10: push(stack, (uintptr_t)read_uleb(reader)); return true;
  case 0x11: push(stack, (uintptr_t)read_sleb(reader)); return true;
  case 0x23: push(stack, pop(stack) + (uintptr_t)read_uleb(reader)); return true;
  default: return false;
  }
}

static void dereference(const struct cfi_machine *machine, struct stack_machine *stack, unsigned size) {
  uintptr_t word = 0;
  if (size == 0 || size > 8 || !machine->read(machine->context, pop(stack), &word))
    stack->bad = true;
  push(stack, size >= 8 ? word : word & (((uintptr_t)1 << size * 8) - 1));
}

static void pick(struct stack_machine *stack, unsigned index) {
  if (index < stack->depth)
    push(stack, stack->values[stack->depth - 1 - index]);
  else
    stack->bad = true;
}

static void plain(uint8_t operation, struct reader *reader, const uint8_t *begin, const struct cfi_machine *machine,
                  struct stack_machine *stack) {
  uintptr_t a, b, c;
  switch (operation) {
  case 0x06: dereference(machine, stack, 8); break;
  case 0x94: dereference(machine, stack, (unsigned)read_bytes(reader, 1)); break;
  case 0x12: pick(stack, 0); break;
  case 0x13: (void)pop(stack); break;
  case 0x14: pick(stack, 1); break;
  case 0x15: pick(stack, (unsigned)read_bytes(reader, 1)); break;
  case 0x16: a = pop(stack), b = pop(stack), push(stack, a), push(stack, b); break;
  case 0x17: a = pop(stack), b = pop(stack), c = pop(stack), push(stack, a), push(stack, c), push(stack, b); break;
  case 0x19: a = pop(stack), push(stack, (intptr_t)a < 0 ? -a : a); break;
  case 0x1f: push(stack, -pop(stack)); break;
  case 0x20: push(stack, ~pop(stack)); break;
  case 0x28: {
    int64_t by = read_signed(reader, 2);
    if (pop(stack) != 0)
      jump(reader, begin, by);
    break;
  }
  case 0x2f: jump(reader, begin, read_signed(reader, 2)); break;
  case 0x96: break;
  default: b = pop(stack), a = pop(stack), push(stack, binary(operation, a, b, &stack->bad)); break;
  }
}

bool cfi_evaluate(const struct cfi_machine *machine, const uint8_t *expression, size_t size, const uintptr_t *first, uintptr_t *result) {
  struct reader reader = {expression, expression + size, false};
  struct stack_machine stack = {.depth = 0};
  if (first != NULL)
    push(&stack, *first);
  for (unsigned steps = 0; reader.at < reader.end; steps++) {
    uint8_t operation = (uint8_t)read_bytes(&reader, 1);
    if (!operand(operation, &reader, machine, &stack))
      plain(operation, &reader, expression, machine, &stack);
    if (reader.bad || stack.bad || steps == MOST_STEPS)
      return false;
  }
  *result = pop(&stack);
  return !stack.bad;
}
