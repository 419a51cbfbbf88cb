/*
 * operator new gives a watched block to libraries in question; operator delete is everybody's, as the family of a free is known by it.
 * All else goes to the program's own.
 */
#include "hooks_new.h"

#include "heap.h"

enum { FORMS_OF_NEW = 8, FORMS_OF_DELETE = 12 };

/* Looked up when they are first called: a library that brings libstdc++ may come late. */
static uintptr_t program_news[FORMS_OF_NEW], program_deletes[FORMS_OF_DELETE];

static uintptr_t of_program(uintptr_t *where, const char *name) {
  uintptr_t found = __atomic_load_n(where, __ATOMIC_RELAXED);
  if (UNLIKELY(found == 0)) {
    found = (uintptr_t)real_function(name);
    __atomic_store_n(where, found, __ATOMIC_RELAXED);
  }
  return found;
}

typedef void *new_function(size_t, uintptr_t, uintptr_t);
typedef void delete_function(void *, uintptr_t, uintptr_t);

#define NEW(index, symbol, family, aligned)                                                                                            \
  EXPORTED void *new_##index(size_t size, uintptr_t second, uintptr_t third) __asm__(symbol);                                           \
  void *new_##index(size_t size, uintptr_t second, uintptr_t third) {                                                                   \
    return ((new_function *)of_program(&program_news[index], symbol))(size, second, third);                                             \
  }                                                                                                                                    \
  void *own_new_##index(size_t size, uintptr_t second, uintptr_t third) {                                                               \
    struct place caller;                                                                                                               \
    PLACE_OF_CALLER(&caller);                                                                                                          \
    void *block = heap_allocate(size, (aligned) ? second : ALIGNMENT, FILL_PATTERN, family, &caller);                                   \
    return block != NULL ? block : ((new_function *)of_program(&program_news[index], symbol))(size, second, third);                     \
  }
NEW_FORMS(NEW)

#define DELETE(index, symbol, family)                                                                                                  \
  void delete_##index(void *block, uintptr_t second, uintptr_t third) {                                                                 \
    struct place caller;                                                                                                               \
    if (LIKELY(!heap_owns((uintptr_t)block))) {                                                                                        \
      ((delete_function *)of_program(&program_deletes[index], symbol))(block, second, third);                                           \
      return;                                                                                                                          \
    }                                                                                                                                  \
    PLACE_OF_CALLER(&caller);                                                                                                          \
    heap_free((uintptr_t)block, family, &caller);                                                                                      \
  }
DELETE_FORMS(DELETE)
