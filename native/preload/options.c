/* What the environment asks for, in the words of src/probes/recorder/plan.ts. Whatever it does not understand it leaves as it was. */
#include "recorder.h"

struct options options = {
    .heap = FFID_HEAP_POISON,
    .stacks = FFID_STACKS_FULL,
    .signals = true,
    .guard_first = FFID_RUNG_USERFAULTFD,
    .alloc_fill = 0xa5,
    .free_fill = 0x5a,
    .quarantine = 4u << 20,
};

/* The text of a variable; NULL where it is not set. The environment is read before libc is ready. */
static const char *variable(char **environment, const char *name) {
  for (char **entry = environment; entry != NULL && *entry != NULL; entry++)
    if (text_starts(*entry, name) && (*entry)[text_length(name)] == '=')
      return *entry + text_length(name) + 1;
  return NULL;
}

static bool word_is(const char *word, size_t length, const char *is) {
  return length == text_length(is) && __builtin_memcmp(word, is, length) == 0;
}

static int word_among(const char *word, size_t length, const char *const *names, int count, int otherwise) {
  for (int i = 0; i < count; i++)
    if (word_is(word, length, names[i]))
      return i;
  return otherwise;
}

static uint64_t number(const char *word, size_t length, unsigned base) {
  uint64_t value = 0;
  for (size_t i = 0; i < length; i++) {
    unsigned c = (unsigned char)word[i];
    unsigned digit = c - '0' < 10 ? c - '0' : (c | 32) - 'a' < 6 ? (c | 32) - 'a' + 10 : 99;
    if (digit >= base)
      break;
    value = value * base + digit;
  }
  return value;
}

static void take(const char *key, size_t key_length, const char *value, size_t length) {
  static const char *const modes[] = {"off", "poison", "guard"};
  static const char *const stacks[] = {"off", "caller", "full"};
  static const char *const rungs[] = {"none", "userfaultfd", "madv-guard", "mprotect", "fill"};
  bool on = word_is(value, length, "on");
  if (word_is(key, key_length, "heap"))
    options.heap = word_among(value, length, modes, 3, options.heap);
  else if (word_is(key, key_length, "stacks"))
    options.stacks = word_among(value, length, stacks, 3, options.stacks);
  else if (word_is(key, key_length, "signals"))
    options.signals = on;
  else if (word_is(key, key_length, "leaks"))
    options.leaks = on;
  else if (word_is(key, key_length, "exe"))
    options.default_exe = on;
  else if (word_is(key, key_length, "guard"))
    options.guard_before = word_is(value, length, "before");
  else if (word_is(key, key_length, "rung"))
    options.guard_first = word_among(value, length, rungs, 5, options.guard_first);
  else if (word_is(key, key_length, "alloc"))
    options.alloc_fill = (uint8_t)number(value, length, 16);
  else if (word_is(key, key_length, "free"))
    options.free_fill = (uint8_t)number(value, length, 16);
  else if (word_is(key, key_length, "quarantine"))
    options.quarantine = number(value, length, 10);
}

void options_read(char **environment) {
  options.folder = variable(environment, "FFI_DOCTOR_RECORDER");
  options.libraries = variable(environment, "FFI_DOCTOR_RECORDER_LIBS");
  options.exclude = variable(environment, "FFI_DOCTOR_RECORDER_EXCLUDE");
  const char *text = variable(environment, "FFI_DOCTOR_RECORDER_OPTIONS");
  while (text != NULL && *text != '\0') {
    const char *key = text, *equals = NULL;
    for (; *text != '\0' && *text != ':'; text++)
      if (*text == '=' && equals == NULL)
        equals = text;
    if (equals != NULL)
      take(key, (size_t)(equals - key), equals + 1, (size_t)(text - equals - 1));
    if (*text == ':')
      text++;
  }
}
