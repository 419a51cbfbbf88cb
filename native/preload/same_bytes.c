/* Whether memory holds one value throughout: what each check of a canary or of a freed block is. */
#include "heap.h"

/* Several vectors at once: most of what a check costs is waiting for memory that was not used for long. */
#define CHECK(name, bytes_a_vector, attributes)                                                                                         \
  attributes static bool name(const uint8_t *bytes, size_t size, uint8_t value) {                                                       \
    typedef uint8_t vector __attribute__((vector_size(bytes_a_vector), aligned(1), may_alias));                                         \
    typedef uint64_t words __attribute__((vector_size(bytes_a_vector)));                                                                \
    vector same = (vector){} + value;                                                                                                  \
    size_t at = 0;                                                                                                                     \
    for (; at + 4 * sizeof same <= size; at += 4 * sizeof same) {                                                                      \
      const vector *four = (const vector *)(bytes + at);                                                                               \
      words differ = (words)((four[0] ^ same) | (four[1] ^ same) | (four[2] ^ same) | (four[3] ^ same));                                \
      uint64_t any = 0;                                                                                                                \
      for (unsigned i = 0; i < sizeof differ / sizeof any; i++)                                                                        \
        any |= differ[i];                                                                                                              \
      if (any != 0)                                                                                                                    \
        return false;                                                                                                                  \
    }                                                                                                                                  \
    uint64_t word = value * 0x0101010101010101u, there;                                                                                \
    for (; at + sizeof there <= size; at += sizeof there) {                                                                            \
      __builtin_memcpy(&there, bytes + at, sizeof there);                                                                              \
      if (there != word)                                                                                                               \
        return false;                                                                                                                  \
    }                                                                                                                                  \
    for (; at < size; at++)                                                                                                            \
      if (bytes[at] != value)                                                                                                          \
        return false;                                                                                                                  \
    return true;                                                                                                                       \
  }
CHECK(check_plain, 16, )
CHECK(check_wide, 32, __attribute__((target("avx2"))))

static bool wide;

void same_bytes_start(void) {
  __builtin_cpu_init();
  wide = __builtin_cpu_supports("avx2");
}

bool same_bytes(const uint8_t *bytes, size_t size, uint8_t value) {
  return wide && size >= 128 ? check_wide(bytes, size, value) : check_plain(bytes, size, value);
}
