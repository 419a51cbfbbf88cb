// sources: ../preload/unwind.c ../preload/rules.c ../preload/cfi.c ../preload/cfi_expression.c ../preload/sys.c
// flags: -fomit-frame-pointer -fexceptions -Wl,-z,lazy -rdynamic -Wno-infinite-recursion
/* Stacks against those of libgcc's unwinder, and where there is nothing right to compare with: that the walk ends, and how. */
#include <alloca.h>
#include <execinfo.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unwind_stubs.h"

#define CHECK(condition) \
  do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
      exit(1); \
    } \
  } while (0)
#define NOINLINE __attribute__((noinline, noclone, noipa))
#define KEEP __asm__ volatile("" ::: "memory")

enum { ORACLE = 400 };
static unsigned compared;

static void show(const char *what, const struct stack *stack, void **oracle, int count) {
  fprintf(stderr, "%s: %u frames, end %u\n", what, stack->count, stack->end);
  for (int i = 0; i < count || i < (int)stack->count; i++)
    fprintf(stderr, "  %2d %16lx %16lx\n", i, i < (int)stack->count ? stack->pcs[i] : 0, i < count ? (uintptr_t)oracle[i] : 0);
}

/* The same frames as far as both go, and no fewer than the oracle's where there was room. */
static void same(const char *what, const struct stack *stack, void **oracle, int count) {
  bool good = (int)stack->count >= (count < STACK_LIMIT ? count : STACK_LIMIT);
  for (int i = 0; i < count && i < STACK_LIMIT && good; i++)
    good = stack->pcs[i] == (uintptr_t)oracle[i];
  if (!good)
    show(what, stack, oracle, count);
  CHECK(good);
  compared++;
}

static struct stack last;

static NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) void take(struct stack *stack) {
  struct place place;
  PLACE_OF_CALLER(&place);
  unwind_from(stack, &place, false, STACK_LIMIT);
  KEEP;
}

static NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) void compare(void) {
  void *oracle[ORACLE];
  struct place place;
  PLACE_OF_CALLER(&place);
  unwind_from(&last, &place, false, STACK_LIMIT);
  int count = backtrace(oracle, ORACLE);
  same("compare", &last, oracle + 1, count - 1);
}

/* ---- frames of all kinds --------------------------------------------------------------------------------------------------------- */

static NOINLINE int many_registers(int a, int b, int c, int d) {
  volatile int x[6] = {a, b, c, d, a + b, c + d};
  int e = x[0], f = x[1], g = x[2], h = x[3], i = x[4], j = x[5];
  compare();
  return a + b + c + d + e + f + g + h + i + j + x[0];
}
static NOINLINE int dynamic(size_t size) {
  char *room = alloca(size);
  memset(room, 1, size);
  int sum = many_registers(1, 2, 3, room[size - 1]);
  KEEP;
  return sum + room[0];
}
static NOINLINE int aligned(size_t size) {
  char room[256] __attribute__((aligned(128)));
  char *more = alloca(size);
  memset(room, 2, sizeof room);
  memset(more, 2, size);
  KEEP;
  int sum = dynamic(size);
  KEEP;
  return sum + room[7] + more[0];
}
static NOINLINE void clean(int *value) {
  (*value)++;
  KEEP;
}
static NOINLINE int with_landing_pad(size_t size) {
  __attribute__((cleanup(clean))) int value = (int)size;
  return aligned(size) + value;
}
static NOINLINE int deep(unsigned depth) {
  volatile char room[40];
  room[0] = 1;
  int more = depth == 0 ? with_landing_pad(4000) : deep(depth - 1);
  return more + room[0];
}
static int by_sort(const void *a, const void *b) {
  static int turns;
  if (turns++ < 4)
    (void)deep(3);
  return *(const int *)a - *(const int *)b;
}
static NOINLINE void all_kinds(void) {
  int numbers[] = {4, 3, 2, 1};
  (void)deep(0);
  CHECK(last.end == FFID_END_OUTERMOST);
  (void)deep(20);
  (void)deep(300);
  CHECK(last.count == STACK_LIMIT && last.end == FFID_END_LIMIT);
  qsort(numbers, 4, sizeof numbers[0], by_sort);
  KEEP;
}

/* ---- each instruction ------------------------------------------------------------------------------------------------------------ */

static unsigned single_steps;

/* Own stack of what was interrupted against what the oracle sees behind the signal's frame; and own stack through that frame. */
static void on_step(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  const ucontext_t *ucontext = context;
  uintptr_t pc = (uintptr_t)ucontext->uc_mcontext.gregs[REG_RIP];
  void *oracle[ORACLE];
  struct place place;
  struct stack stack, through;
  place_of_context(&place, ucontext);
  unwind_from(&stack, &place, true, STACK_LIMIT);
  int count = backtrace(oracle, ORACLE), at = 0;
  while (at < count && (uintptr_t)oracle[at] != pc)
    at++;
  CHECK(at < count && stack.flags == FFID_STACK_EXACT);
  same("step", &stack, oracle + at, count - at);
  take(&through);
  for (unsigned i = 1; i < through.count; i++)
    if (through.pcs[i] == pc)
      CHECK(i + 1 == through.count || through.pcs[i + 1] == stack.pcs[1]);
  single_steps++;
}

static NOINLINE void stepped(void) {
  volatile double d = strtod("1.5", NULL);
  volatile long l = labs(-(long)d) + atoi("12");
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  char text[64];
  snprintf(text, sizeof text, "%ld %s", (long)l, "x");
  KEEP;
}

static NOINLINE void each_instruction(void) {
  struct sigaction action = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
  sigaction(SIGTRAP, &action, NULL);
  __asm__ volatile("sub $128, %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tadd $128, %%rsp" ::: "memory", "cc");
  stepped();
  __asm__ volatile("sub $128, %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\tadd $128, %%rsp" ::: "memory", "cc");
  signal(SIGTRAP, SIG_DFL);
  CHECK(single_steps > 500);
}

/* ---- stacks of others, code of others ---------------------------------------------------------------------------------------------- */

void on_other_stack(void (*call)(void), void *top);
__asm__(".text\n.type on_other_stack, @function\non_other_stack:\n.cfi_startproc\n"
        "push %rbp\n.cfi_def_cfa_offset 16\n.cfi_offset rbp, -16\nmov %rsp, %rbp\n.cfi_def_cfa_register rbp\n"
        "mov %rsi, %rsp\ncall *%rdi\nleave\n.cfi_def_cfa rsp, 8\nret\n.cfi_endproc\n.size on_other_stack, .-on_other_stack\n");

static void kinds_of_frames(void) { (void)deep(5); }

static NOINLINE void other_stack(void) {
  enum { SIZE = 1 << 16 };
  char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  on_other_stack(kinds_of_frames, stack + SIZE);
  on_other_stack(kinds_of_frames, stack + SIZE);
  CHECK(last.end == FFID_END_OUTERMOST);
  munmap(stack, SIZE);
}

static void take_here(void) {
  take(&last);
  KEEP;
}

static uintptr_t made_code(void) {
  /* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
  static const uint8_t code[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
  uint8_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memcpy(page, code, sizeof code);
  return (uintptr_t)page;
}

static NOINLINE void code_without_rules(void) {
  uintptr_t page = made_code();
  ((void (*)(void (*)(void)))page)(take_here);
  KEEP;
  CHECK(last.count > 4 && last.pcs[1] == page + 6);
  uintptr_t own = (uintptr_t)code_without_rules;
  CHECK(last.pcs[2] > own && last.pcs[2] - own < 512 && last.end == FFID_END_OUTERMOST);
}

static sigjmp_buf back;
static void on_null_call(int number, siginfo_t *info, void *context) {
  (void)number, (void)info;
  struct place place;
  place_of_context(&place, context);
  unwind_from(&last, &place, true, STACK_LIMIT);
  siglongjmp(back, 1);
}
static NOINLINE void null_call(void) {
  void (*volatile none)(void) = NULL;
  struct sigaction action = {.sa_sigaction = on_null_call, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  if (sigsetjmp(back, 1) == 0)
    none();
  signal(SIGSEGV, SIG_DFL);
  uintptr_t own = (uintptr_t)null_call;
  CHECK(last.count > 3 && last.pcs[0] == 0 && last.pcs[1] > own && last.pcs[1] - own < 512 && last.end == FFID_END_OUTERMOST);
}

/* ---- what is broken ---------------------------------------------------------------------------------------------------------------- */

static void unreadable(void) {
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(pages + 4096, 4096, PROT_NONE);
  struct stack stack;
  uintptr_t closed = (uintptr_t)pages + 4096, frame_of_rbp = last.pcs[0];
  const uintptr_t bad[] = {0, 8, closed, closed - 8, closed + 4, (uintptr_t)-16, 0x800000000000, 0x4141414141414141, 3};
  on_other_stack(take_here, pages + 4096 - 64);
  frame_of_rbp = last.pcs[1];
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
    for (int exact = 0; exact < 2; exact++) {
      struct place place = {.pc = (uintptr_t)take_here, .sp = bad[i], .bp = bad[i]};
      unwind_from(&stack, &place, exact, STACK_LIMIT);
      CHECK(stack.count <= 2);
      /* Where the frame's address is found by rbp alone. */
      place = (struct place){.pc = frame_of_rbp, .sp = (uintptr_t)&place, .bp = bad[i]};
      unwind_from(&stack, &place, exact, STACK_LIMIT);
      CHECK(stack.count <= 2 && stack.end != FFID_END_OUTERMOST);
      place.pc = closed;
      unwind_from(&stack, &place, exact, STACK_LIMIT);
      CHECK(stack.count <= 2);
    }
  struct place place = {.pc = frame_of_rbp, .sp = closed - 32, .bp = closed};
  unwind_from(&stack, &place, false, STACK_LIMIT);
  CHECK(stack.count == 1 && stack.end == FFID_END_UNREADABLE);
  /* Chains that come back to where they were. */
  uintptr_t *words = (uintptr_t *)pages;
  words[0] = (uintptr_t)words;
  words[1] = made_code() + 6;
  place = (struct place){.pc = words[1], .sp = (uintptr_t)words, .bp = (uintptr_t)words};
  unwind_from(&stack, &place, false, STACK_LIMIT);
  CHECK(stack.count <= STACK_LIMIT);
  munmap(pages, 8192);
}

/* ---- to the boundary ----------------------------------------------------------------------------------------------------------------- */

static __attribute__((noinline, noipa, section("question"))) void in_library(int depth) {
  struct stack stack;
  if (depth > 0) {
    in_library(depth - 1);
    KEEP;
    return;
  }
  struct place place;
  take(&stack);
  place = (struct place){.pc = stack.pcs[0]};
  CHECK(in_question(place.pc));
}
static __attribute__((noinline, noipa, optimize("no-omit-frame-pointer"))) void take_boundary(unsigned beyond) {
  struct place place;
  PLACE_OF_CALLER(&place);
  unwind_to_boundary(&last, &place, beyond);
  KEEP;
}
static __attribute__((noinline, noipa, section("question"))) void library(int depth, unsigned beyond) {
  if (depth > 0)
    library(depth - 1, beyond);
  else
    take_boundary(beyond);
  KEEP;
}
extern char __start_question[], __stop_question[];
static NOINLINE void outside(unsigned depth, unsigned beyond) {
  if (depth > 0)
    outside(depth - 1, beyond);
  else if (question_low != 0)
    library(3, beyond);
  else
    take_boundary(beyond);
  KEEP;
}
static void boundary(void) {
  question_low = (uintptr_t)__start_question;
  question_high = (uintptr_t)__stop_question;
  in_library(2);
  for (unsigned beyond = 1; beyond < 4; beyond++) {
    outside(20, beyond);
    CHECK(last.count == 4 + beyond && last.end == FFID_END_BOUNDARY && in_question(last.pcs[3]) && !in_question(last.pcs[4]));
  }
  question_low = question_high = 0;
  outside(30, 2);
  CHECK(last.count == 8);
}

/* ---- threads, and modules that go -------------------------------------------------------------------------------------------------- */

static bool done;

static NOINLINE void *walks(void *unused) {
  struct stack first, again;
  void *oracle[ORACLE];
  int count = backtrace(oracle, ORACLE);
  for (unsigned i = 0; i < 20000; i++) {
    take(&again);
    if (i == 0)
      first = again;
    CHECK(again.end == FFID_END_OUTERMOST && again.count == first.count);
    CHECK(memcmp(again.pcs + 1, first.pcs + 1, (first.count - 1) * sizeof *first.pcs) == 0);
  }
  CHECK((int)first.count >= count && memcmp(first.pcs + 1, oracle + 1, (size_t)(count - 1) * sizeof *oracle) == 0);
  return unused;
}
static void *walks_deep(void *depth) {
  if ((uintptr_t)depth > 0)
    walks_deep((void *)((uintptr_t)depth - 1));
  else
    walks(NULL);
  KEEP;
  return NULL;
}
static void *forgets(void *unused) {
  while (!__atomic_load_n(&done, __ATOMIC_RELAXED)) {
    unwind_forget();
    usleep(200);
  }
  return unused;
}
static void threads(void) {
  pthread_t forgetting, walking[8];
  pthread_create(&forgetting, NULL, forgets, NULL);
  for (uintptr_t i = 0; i < 8; i++)
    pthread_create(&walking[i], NULL, walks_deep, (void *)(i * 3));
  for (unsigned i = 0; i < 8; i++)
    pthread_join(walking[i], NULL);
  __atomic_store_n(&done, true, __ATOMIC_RELAXED);
  pthread_join(forgetting, NULL);
}

static void module_goes(void) {
  char folder[] = "/tmp/unwind-test-XXXXXX", command[512], path[64];
  CHECK(mkdtemp(folder) != NULL);
  uintptr_t before = 0;
  unsigned same_place = 0;
  for (unsigned room = 16; room <= 2064; room += 512) {
    snprintf(path, sizeof path, "%s/%u.so", folder, room);
    snprintf(command, sizeof command,
             "echo 'void f(void(*c)(void)){volatile char r[%u];r[0]=1;c();r[1]=r[0];}' | gcc -xc -O2 -shared -fPIC -o %s -", room, path);
    CHECK(system(command) == 0);
    void *handle = dlopen(path, RTLD_NOW);
    void (*call)(void (*)(void)) = handle == NULL ? NULL : (void (*)(void (*)(void)))dlsym(handle, "f");
    CHECK(call != NULL);
    same_place += (uintptr_t)call == before;
    before = (uintptr_t)call;
    call(kinds_of_frames);
    dlclose(handle);
    unwind_forget();
    unlink(path);
  }
  rmdir(folder);
  CHECK(same_place > 0);
}

int main(void) {
  void *oracle[4];
  (void)backtrace(oracle, 4);
  for (int turn = 0; turn < 2; turn++) {
    without_find_object = turn == 1;
    unwind_start();
    unwind_forget();
    all_kinds();
    each_instruction();
    other_stack();
    code_without_rules();
    null_call();
    unreadable();
    boundary();
  }
  threads();
  module_goes();
  printf("%u stacks compared, %u single steps\n", compared, single_steps);
  return 0;
}
