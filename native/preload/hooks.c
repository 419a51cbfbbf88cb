/* Which name becomes which of our functions. */
#include "hooks.h"

#include <malloc.h>
#include <stdlib.h>

#include "hooks_malloc.h"
#include "hooks_new.h"

#define OWN(function) (uintptr_t)own_##function
#define OURS(function) (uintptr_t)function

const struct hook hooks[] = {
    {"malloc", OWN(malloc), OURS(malloc)},
    {"calloc", OWN(calloc), OURS(calloc)},
    {"realloc", OWN(realloc), OURS(realloc)},
    {"reallocarray", OWN(reallocarray), OURS(reallocarray)},
    {"free", OWN(free), OURS(free)},
    {"memalign", OWN(memalign), OURS(memalign)},
    {"aligned_alloc", OWN(aligned_alloc), OURS(aligned_alloc)},
    {"posix_memalign", OWN(posix_memalign), OURS(posix_memalign)},
    {"valloc", OWN(valloc), OURS(valloc)},
    {"pvalloc", OWN(pvalloc), OURS(pvalloc)},
    {"malloc_usable_size", OWN(malloc_usable_size), OURS(malloc_usable_size)},
    {"strdup", OWN(strdup), 0},
    {"__strdup", OWN(strdup), 0},
    {"strndup", OWN(strndup), 0},
    {"__strndup", OWN(strndup), 0},
    {"wcsdup", OWN(wcsdup), 0},
    {"asprintf", OWN(asprintf), 0},
    {"vasprintf", OWN(vasprintf), 0},
    {"__asprintf_chk", OWN(asprintf_checked), 0},
    {"__vasprintf_chk", OWN(vasprintf_checked), 0},
    {"getline", OWN(getline), 0},
    {"getdelim", OWN(getdelim), 0},
    {"__getdelim", OWN(getdelim), 0},
#define ROW(index, symbol, family, aligned) {symbol, OWN(new_##index), 0},
    NEW_FORMS(ROW)
#undef ROW
#define ROW(index, symbol, family) {symbol, OURS(delete_##index), OURS(delete_##index)},
    DELETE_FORMS(ROW)
#undef ROW
};
const unsigned hook_count = sizeof hooks / sizeof *hooks;
