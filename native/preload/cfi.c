#include "cfi.h"

#include "cfi_reader.h"

/* How a pointer is written (LSB 5, "DWARF Exception Header Encoding"): its form in the low half, what it is relative to in the high. */
enum { ENC_ABSOLUTE = 0, ENC_ULEB = 1, ENC_U2 = 2, ENC_U4 = 3, ENC_U8 = 4, ENC_SLEB = 9, ENC_S2 = 10, ENC_S4 = 11, ENC_S8 = 12 };
enum { ENC_PC_RELATIVE = 0x10, ENC_DATA_RELATIVE = 0x30, ENC_INDIRECT = 0x80, ENC_OMIT = 0xff };
enum { REMEMBERED = 4, MOST_INSTRUCTIONS = 4096, LONGEST_ENTRY = 1 << 20 };

struct common {
  uint64_t code_factor;
  int64_t data_factor;
  uint64_t return_register;
  uint8_t encoding;
  bool augmented, signal;
  struct reader program;
};

static uintptr_t read_pointer(struct reader *reader, uint8_t encoding, uintptr_t data) {
  uintptr_t here = (uintptr_t)reader->at;
  int64_t value;
  switch (encoding & 15) {
  case ENC_ABSOLUTE:
  case ENC_U8:
  case ENC_S8: value = (int64_t)read_bytes(reader, 8); break;
  case ENC_ULEB: value = (int64_t)read_uleb(reader); break;
  case ENC_SLEB: value = read_sleb(reader); break;
  case ENC_U2: value = (int64_t)read_bytes(reader, 2); break;
  case ENC_S2: value = read_signed(reader, 2); break;
  case ENC_U4: value = (int64_t)read_bytes(reader, 4); break;
  case ENC_S4: value = read_signed(reader, 4); break;
  default: reader->bad = true; return 0;
  }
  switch (encoding & 0x70) {
  case 0: return (uintptr_t)value;
  case ENC_PC_RELATIVE: return here + (uintptr_t)value;
  case ENC_DATA_RELATIVE: return data + (uintptr_t)value;
  default: reader->bad = true; return 0;
  }
}

/* What is mapped of the module from an address on; nothing where the address lies outside. */
static struct reader mapped_from(const struct cfi_table *table, uintptr_t address) {
  if (address - table->low >= table->high - table->low)
    return (struct reader){NULL, NULL, true};
  return (struct reader){(const uint8_t *)address, (const uint8_t *)table->high, false};
}

/* The bytes of the entry that begins there, behind its length. */
static struct reader entry_at(const struct cfi_table *table, uintptr_t address) {
  struct reader reader = mapped_from(table, address);
  uint64_t size = read_bytes(&reader, 4);
  if (size == 0xffffffff)
    size = read_bytes(&reader, 8);
  if (size == 0 || size > LONGEST_ENTRY || size > (uint64_t)(reader.end - reader.at))
    reader.bad = true;
  reader.end = reader.bad ? reader.at : reader.at + size;
  return reader;
}

static bool read_common(const struct cfi_table *table, uintptr_t address, struct common *common) {
  struct reader reader = entry_at(table, address);
  *common = (struct common){.encoding = ENC_ABSOLUTE};
  if (read_bytes(&reader, 4) != 0)
    return false;
  uint8_t version = (uint8_t)read_bytes(&reader, 1);
  const char *letters = (const char *)reader.at;
  while (!reader.bad && read_bytes(&reader, 1) != 0) {
  }
  if (reader.bad || (version != 1 && version != 3))
    return false;
  common->code_factor = read_uleb(&reader);
  common->data_factor = read_sleb(&reader);
  common->return_register = version == 1 ? read_bytes(&reader, 1) : read_uleb(&reader);
  if (letters[0] == 'z') {
    common->augmented = true;
    struct reader data = read_block(&reader);
    for (const char *letter = letters + 1; *letter != '\0' && !data.bad; letter++) {
      if (*letter == 'R')
        common->encoding = (uint8_t)read_bytes(&data, 1);
      else if (*letter == 'S')
        common->signal = true;
      else if (*letter == 'L')
        (void)read_bytes(&data, 1);
      else if (*letter == 'P') {
        uint8_t encoding = (uint8_t)read_bytes(&data, 1);
        (void)read_pointer(&data, encoding, 0);
      } else
        break;
    }
  } else if (letters[0] != '\0')
    return false;
  common->program = reader;
  return !reader.bad && common->return_register == CFI_RIP;
}

/* Without the overflow that a product of nonsense would be. */
static int64_t times(uint64_t value, int64_t factor) { return (int64_t)(value * (uint64_t)factor); }

static void set(struct cfi_row *row, uint64_t number, enum cfi_how how, int64_t offset) {
  if (number < CFI_REGISTERS)
    row->registers[number] = (struct cfi_rule){.how = how, .offset = offset};
}

static void set_expression(struct cfi_row *row, uint64_t number, enum cfi_how how, struct reader block) {
  if (number < CFI_REGISTERS)
    row->registers[number] = (struct cfi_rule){.how = how, .expression = block.at, .size = (uint32_t)(block.end - block.at)};
}

static void set_frame(struct cfi_row *row, uint64_t number, int64_t offset) {
  row->frame = (struct cfi_rule){.how = CFI_REGISTER, .offset = (int64_t)number};
  row->frame_offset = offset;
}

/* Carries instructions out until the row for `pc` is there (DWARF 5, section 6.4.2). */
static bool run(struct reader program, const struct common *common, uintptr_t location, uintptr_t pc, struct cfi_row *row,
                const struct cfi_row *initial) {
  struct cfi_row remembered[REMEMBERED];
  unsigned depth = 0;
  for (unsigned count = 0; program.at < program.end && count < MOST_INSTRUCTIONS; count++) {
    uint8_t byte = (uint8_t)read_bytes(&program, 1), low = byte & 63;
    uint64_t number = 0;
    uint64_t advance = UINT64_MAX;
    switch (byte & 0xc0) {
    case 0x40: advance = low * common->code_factor; break;
    case 0x80: set(row, low, CFI_OFFSET, times(read_uleb(&program), common->data_factor)); break;
    case 0xc0:
      if (initial != NULL && low < CFI_REGISTERS)
        row->registers[low] = initial->registers[low];
      break;
    default:
      switch (byte) {
      case 0x00: break;
      case 0x01:
        location = read_pointer(&program, common->encoding, 0);
        if (location > pc)
          return !program.bad;
        break;
      case 0x02: advance = read_bytes(&program, 1) * common->code_factor; break;
      case 0x03: advance = read_bytes(&program, 2) * common->code_factor; break;
      case 0x04: advance = read_bytes(&program, 4) * common->code_factor; break;
      case 0x05: number = read_uleb(&program); set(row, number, CFI_OFFSET, times(read_uleb(&program), common->data_factor)); break;
      case 0x06:
        number = read_uleb(&program);
        if (initial != NULL && number < CFI_REGISTERS)
          row->registers[number] = initial->registers[number];
        break;
      case 0x07: set(row, read_uleb(&program), CFI_UNDEFINED, 0); break;
      case 0x08: set(row, read_uleb(&program), CFI_SAME, 0); break;
      case 0x09: number = read_uleb(&program); set(row, number, CFI_REGISTER, (int64_t)read_uleb(&program)); break;
      case 0x0a:
        if (depth == REMEMBERED)
          return false;
        remembered[depth++] = *row;
        break;
      case 0x0b:
        if (depth == 0)
          return false;
        *row = remembered[--depth];
        break;
      case 0x0c: number = read_uleb(&program); set_frame(row, number, (int64_t)read_uleb(&program)); break;
      case 0x0d:
        if (row->frame.how != CFI_REGISTER)
          return false;
        row->frame.offset = (int64_t)read_uleb(&program);
        break;
      case 0x0e: row->frame_offset = (int64_t)read_uleb(&program); break;
      case 0x0f: {
        struct reader block = read_block(&program);
        row->frame = (struct cfi_rule){.how = CFI_EXPRESSION, .expression = block.at, .size = (uint32_t)(block.end - block.at)};
        break;
      }
      case 0x10: number = read_uleb(&program); set_expression(row, number, CFI_EXPRESSION, read_block(&program)); break;
      case 0x11: number = read_uleb(&program); set(row, number, CFI_OFFSET, times((uint64_t)read_sleb(&program), common->data_factor)); break;
      case 0x12: number = read_uleb(&program); set_frame(row, number, times((uint64_t)read_sleb(&program), common->data_factor)); break;
      case 0x13: row->frame_offset = times((uint64_t)read_sleb(&program), common->data_factor); break;
      case 0x14: number = read_uleb(&program); set(row, number, CFI_VALUE_OFFSET, times(read_uleb(&program), common->data_factor)); break;
      case 0x15: number = read_uleb(&program); set(row, number, CFI_VALUE_OFFSET, times((uint64_t)read_sleb(&program), common->data_factor)); break;
      case 0x16: number = read_uleb(&program); set_expression(row, number, CFI_VALUE_EXPRESSION, read_block(&program)); break;
      case 0x2e: (void)read_uleb(&program); break; /* the size of pushed arguments, which no walk needs */
      default: return false;
      }
    }
    if (program.bad)
      return false;
    if (advance != UINT64_MAX) {
      location += advance;
      if (location > pc)
        return true;
    }
  }
  return !program.bad;
}

/* The entry for the last function that begins at or before `pc`; 0 where the table is of another form than linkers write. */
static uintptr_t search(const struct cfi_table *in, uintptr_t pc) {
  uintptr_t header = in->header;
  struct reader reader = mapped_from(in, header);
  const uint8_t *bytes = reader.at;
  if (reader.end - reader.at < 4 || bytes[0] != 1 || bytes[3] != (ENC_DATA_RELATIVE | ENC_S4) || bytes[1] == ENC_OMIT || bytes[2] == ENC_OMIT)
    return 0;
  reader.at += 4;
  (void)read_pointer(&reader, bytes[1], header);
  uintptr_t count = read_pointer(&reader, bytes[2], header);
  const int32_t *table = (const int32_t *)reader.at;
  if (reader.bad || count == 0 || count > (size_t)(reader.end - reader.at) / (2 * sizeof *table) || (uintptr_t)table % sizeof *table != 0)
    return 0;
  uintptr_t low = 0, high = count;
  while (high - low > 1) {
    uintptr_t middle = low + (high - low) / 2;
    if (header + (uintptr_t)(intptr_t)table[middle * 2] <= pc)
      low = middle;
    else
      high = middle;
  }
  return header + (uintptr_t)(intptr_t)table[low * 2] <= pc ? header + (uintptr_t)(intptr_t)table[low * 2 + 1] : 0;
}

bool cfi_find(const struct cfi_table *table, uintptr_t pc, struct cfi_row *row) {
  uintptr_t entry = search(table, pc);
  if (entry == 0)
    return false;
  struct common common;
  struct reader reader = entry_at(table, entry);
  uintptr_t here = (uintptr_t)reader.at;
  uint32_t back = (uint32_t)read_bytes(&reader, 4);
  if (reader.bad || back == 0 || !read_common(table, here - back, &common))
    return false;
  uintptr_t begin = read_pointer(&reader, common.encoding, 0);
  uintptr_t size = read_pointer(&reader, common.encoding & 15, 0);
  if (common.augmented)
    (void)read_block(&reader);
  if (reader.bad || pc - begin >= size)
    return false;
  *row = (struct cfi_row){.signal = common.signal};
  if (!run(common.program, &common, begin, UINTPTR_MAX, row, NULL))
    return false;
  struct cfi_row initial = *row;
  return run(reader, &common, begin, pc, row, &initial);
}
