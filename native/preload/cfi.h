/* Call frame information: how the caller's registers are found from those of a function (DWARF 5, section 6.4; LSB 5, .eh_frame). */
#ifndef FFI_DOCTOR_CFI_H
#define FFI_DOCTOR_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of registers in DWARF (x86-64 psABI, figure 3.36). */
enum { CFI_RBX = 3, CFI_RBP = 6, CFI_RSP = 7, CFI_RIP = 16, CFI_REGISTERS = 17 };

enum cfi_how {
  CFI_SAME,
  CFI_UNDEFINED,
  CFI_OFFSET,         /* saved at the frame's address and this */
  CFI_VALUE_OFFSET,   /* is the frame's address and this */
  CFI_REGISTER,
  CFI_EXPRESSION,     /* saved where the expression says */
  CFI_VALUE_EXPRESSION,
};
struct cfi_rule {
  enum cfi_how how;
  uint32_t size; /* of the expression */
  union {
    int64_t offset; /* or the number of a register */
    const uint8_t *expression;
  };
};
struct cfi_row {
  struct cfi_rule frame; /* CFI_REGISTER and an offset, or CFI_EXPRESSION: the canonical frame address */
  int64_t frame_offset;
  struct cfi_rule registers[CFI_REGISTERS];
  bool signal; /* the frame of a signal's handler: what it interrupted goes on at its very pc */
};

/* Where a module's .eh_frame_hdr is, and the bounds of what is mapped of the module: nothing outside of them is read. */
struct cfi_table {
  uintptr_t header, low, high;
};
/* The row for an address of code. False where there is none, or one that is not understood. */
bool cfi_find(const struct cfi_table *table, uintptr_t pc, struct cfi_row *row);

/* What an expression comes to; `read` gives a word of memory. */
struct cfi_machine {
  const uintptr_t *registers;
  bool (*read)(void *context, uintptr_t address, uintptr_t *word);
  void *context;
};
bool cfi_evaluate(const struct cfi_machine *machine, const uint8_t *expression, size_t size, const uintptr_t *first, uintptr_t *result);

#endif
