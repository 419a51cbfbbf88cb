/* Reading what compilers write into .eh_frame: bounded, so that nonsense ends a walk and nothing else. */
#ifndef FFI_DOCTOR_CFI_READER_H
#define FFI_DOCTOR_CFI_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
  const uint8_t *at, *end;
  bool bad;
};

static inline uint64_t read_bytes(struct reader *reader, unsigned count) {
  uint64_t value = 0;
  if ((size_t)(reader->end - reader->at) < count) {
    reader->bad = true;
    reader->at = reader->end;
    return 0;
  }
  memcpy(&value, reader->at, count);
  reader->at += count;
  return value;
}

static inline int64_t read_signed(struct reader *reader, unsigned count) {
  unsigned unused = 64 - count * 8;
  return (int64_t)(read_bytes(reader, count) << unused) >> unused;
}

static inline uint64_t read_uleb(struct reader *reader) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint64_t byte = read_bytes(reader, 1);
    value |= (byte & 127) << shift;
    if (!(byte & 128))
      return value;
  }
  reader->bad = true;
  return value;
}

static inline int64_t read_sleb(struct reader *reader) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64;) {
    uint64_t byte = read_bytes(reader, 1);
    value |= (byte & 127) << shift;
    shift += 7;
    if (!(byte & 128))
      return shift < 64 && (byte & 64) ? (int64_t)(value | ~(uint64_t)0 << shift) : (int64_t)value;
  }
  reader->bad = true;
  return (int64_t)value;
}

/* A block whose length comes first; what is behind its end is not to be read as its part. */
static inline struct reader read_block(struct reader *reader) {
  uint64_t size = read_uleb(reader);
  if (reader->bad || size > (uint64_t)(reader->end - reader->at)) {
    reader->bad = true;
    return (struct reader){reader->at, reader->at, true};
  }
  struct reader block = {reader->at, reader->at + size, false};
  reader->at += size;
  return block;
}

#endif
