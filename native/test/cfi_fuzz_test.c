// sources: ../preload/cfi.c ../preload/cfi_expression.c
// flags: -fsanitize=address,undefined -fno-sanitize-recover=all
/* Tables of nonsense: nothing outside of them is read, and all come to an end. The seed is fixed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cfi.h"

enum { ROUNDS = 300000, HEADER = 20, PROGRAM = 48 };

static uint64_t state = 0x5eed;
static uint32_t chance(uint32_t below) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(state >> 33) % below;
}

static uint32_t reads;
static bool read_word(void *unused, uintptr_t address, uintptr_t *word) {
  (void)unused;
  reads++;
  *word = address * 31;
  return address % 7 != 0;
}

static void evaluate(const struct cfi_rule *rule) {
  uintptr_t registers[CFI_REGISTERS], result = 0, first = 1000;
  for (unsigned i = 0; i < CFI_REGISTERS; i++)
    registers[i] = i * 4096;
  const struct cfi_machine machine = {registers, read_word, NULL};
  (void)cfi_evaluate(&machine, rule->expression, rule->size, chance(2) ? &first : NULL, &result);
}

static void put(uint8_t **at, uint64_t value, unsigned size) {
  memcpy(*at, &value, size);
  *at += size;
}

static uint8_t instruction(void) {
  static const uint8_t usual[] = {0x0c, 0x0e, 0x0f, 0x10, 0x16, 0x0a, 0x0b, 0x0d, 0x41, 0x86, 0x90, 0xc6, 0x02, 0x05, 0x12, 0x01, 0x2e};
  return chance(3) == 0 ? (uint8_t)chance(256) : usual[chance(sizeof usual)];
}
static uint8_t operand(void) {
  static const uint8_t usual[] = {0x77, 0x80, 0x06, 0x22, 0x12, 0x14, 0x16, 0x17, 0x28, 0x2f, 0x33, 0x24, 0x1b, 0x94, 0x08, 0x70, 0x11};
  return chance(2) == 0 ? (uint8_t)chance(20) : usual[chance(sizeof usual)];
}

/* One entry for 64 bytes of code right behind the tables, well-formed up to its instructions. */
static size_t build(uint8_t *bytes) {
  uint8_t *at = bytes + HEADER;
  uint8_t *cie = at;
  static const char letters[] = "zRS";
  at += 4;
  put(&at, 0, 4);
  put(&at, 1, 1);
  memcpy(at, letters, sizeof letters);
  at += sizeof letters;
  put(&at, 1, 1);
  put(&at, 0x78, 1);
  put(&at, 16, 1);
  put(&at, 1, 1);
  put(&at, 0x1b, 1);
  for (unsigned i = chance(8); i > 0; i--)
    put(&at, instruction(), 1);
  uint32_t size = (uint32_t)(at - cie - 4);
  memcpy(cie, &size, 4);
  uint8_t *fde = at;
  at += 4;
  put(&at, (uint64_t)(at - cie), 4);
  uint8_t *begin = at;
  at += 4;
  put(&at, 64, 4);
  put(&at, 0, 1);
  for (unsigned i = 0; i < PROGRAM; i++)
    put(&at, chance(2) ? instruction() : operand(), 1);
  size = (uint32_t)(at - fde - 4);
  memcpy(fde, &size, 4);
  int32_t distance = (int32_t)(at - begin);
  memcpy(begin, &distance, 4);
  uint8_t *head = bytes;
  put(&head, 0x3b031b01, 4);
  put(&head, 0, 4);
  put(&head, 1, 4);
  put(&head, (uint64_t)(at - bytes), 4);
  put(&head, (uint64_t)(fde - bytes), 4);
  return (size_t)(at - bytes);
}

int main(void) {
  unsigned found = 0, expressions = 0;
  for (unsigned round = 0; round < ROUNDS; round++) {
    uint8_t built[256];
    size_t whole = build(built), size = chance(8) == 0 ? chance((uint32_t)whole) : whole;
    for (unsigned i = chance(4); i > 0; i--)
      built[chance((uint32_t)whole)] = (uint8_t)chance(256);
    uint8_t *bytes = aligned_alloc(16, (size + 15) & ~15ul);
    if (size % 16 != 0) {
      free(bytes);
      bytes = malloc(size);
    }
    memcpy(bytes, built, size);
    const struct cfi_table table = {(uintptr_t)bytes, (uintptr_t)bytes, (uintptr_t)bytes + size};
    struct cfi_row row;
    if (cfi_find(&table, (uintptr_t)bytes + whole + chance(64), &row)) {
      found++;
      if (row.frame.how == CFI_EXPRESSION)
        expressions++, evaluate(&row.frame);
      for (unsigned i = 0; i < CFI_REGISTERS; i++)
        if (row.registers[i].how == CFI_EXPRESSION || row.registers[i].how == CFI_VALUE_EXPRESSION)
          expressions++, evaluate(&row.registers[i]);
    }
    /* And expressions of nothing but nonsense. */
    for (size_t i = 0; i < size; i++)
      bytes[i] = operand();
    const struct cfi_rule rule = {.how = CFI_EXPRESSION, .size = (uint32_t)size, .expression = bytes};
    evaluate(&rule);
    free(bytes);
  }
  printf("%u rows found, %u expressions, %u reads\n", found, expressions, reads);
  return found > ROUNDS / 20 && expressions > ROUNDS / 300 && reads > 1000 ? 0 : 1;
}
