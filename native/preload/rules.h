/* Rules for stepping from a function to its caller, kept for each place in the code. */
#ifndef FFI_DOCTOR_RULES_H
#define FFI_DOCTOR_RULES_H

#include "cfi.h"
#include "recorder.h"

/* The common kind: the frame's address is a register and an offset, all that is saved lies at offsets from it. */
struct rule {
  uintptr_t pc; /* written last; 1 while it is being written */
  union {
    struct {
      uint32_t generation;
      int32_t frame_offset;
      int16_t saved[6]; /* rbx, rbp, r12 to r15, in words from the frame's address; 0: not saved */
      int16_t deepest;  /* of all that is saved, the return address included */
      uint8_t frame_register;
      uint8_t kind;
    };
    uint64_t words[3];
  };
};
enum rule_kind { RULE_NONE, RULE_SIMPLE, RULE_OUTERMOST, RULE_COMPLEX, RULE_UNKNOWN, RULE_NO_MODULE };
/* Those that functions preserve and walks keep. */
static const uint8_t kept_registers[6] = {CFI_RBX, CFI_RBP, 12, 13, 14, 15};

enum { RULES_KEPT = 1 << 13 };
extern struct rule rules[RULES_KEPT];
extern uint32_t rule_generation;
static inline struct rule *rule_slot(uintptr_t pc) { return &rules[(pc * 0x9e3779b97f4a7c15u) >> 51]; }

/* The call frame information of the module that code is in. False where no module is known that it could be of. */
bool rule_table(uintptr_t pc, struct cfi_table *table);
/* The rule of an address of code, made anew; the row that it was made of. */
struct rule rule_make(uintptr_t pc, struct cfi_row *row);
/* The same, kept or made; `*has_row` where the row was filled in. */
struct rule rule_for(uintptr_t pc, struct cfi_row *row, bool *has_row);

#endif
