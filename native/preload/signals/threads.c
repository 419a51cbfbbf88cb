/* What each thread has: an alternate stack that the program does not see, so that a full stack can be recorded, and its state. */
#include "signals.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

enum { PAGE = 4096, POOL_LIMIT = 64 };
/* The guard page, the stack, the state. */
#define BLOCK_SIZE (PAGE + PRIVATE_STACK + ((sizeof(struct thread) + PAGE - 1) & ~(PAGE - 1ul)))

THREAD_LOCAL struct thread *own_thread;

static struct thread *pool;
static unsigned pool_count;
static char pool_lock;
static pthread_key_t key;
static bool has_key;

static int (*real_pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
static int (*real_sigaltstack)(const stack_t *, stack_t *);

/* Nobody waits here: who finds it taken does without. */
static bool pool_enter(void) { return !__atomic_test_and_set(&pool_lock, __ATOMIC_ACQUIRE); }
static void pool_leave(void) { __atomic_clear(&pool_lock, __ATOMIC_RELEASE); }

static struct thread *block_make(void) {
  char *block = sys_pages(BLOCK_SIZE);
  if (block == NULL)
    return NULL;
  sys(SYS_mprotect, block, PAGE, PROT_NONE);
  struct thread *thread = (struct thread *)(block + PAGE + PRIVATE_STACK);
  thread->stack = block + PAGE;
  return thread;
}

static struct thread *block_take(void) {
  struct thread *thread = NULL;
  if (pool_enter()) {
    thread = pool;
    if (thread != NULL) {
      pool = thread->next;
      pool_count--;
    }
    pool_leave();
  }
  if (thread == NULL)
    return block_make();
  char *stack = thread->stack;
  __builtin_memset(thread, 0, sizeof *thread);
  thread->stack = stack;
  return thread;
}

static void block_give(struct thread *thread) {
  bool kept = false;
  if (pool_enter()) {
    if (pool_count < POOL_LIMIT) {
      thread->next = pool;
      pool = thread;
      pool_count++;
      kept = true;
    }
    pool_leave();
  }
  if (!kept)
    sys(SYS_munmap, thread->stack - PAGE, BLOCK_SIZE);
}

struct thread *thread_own(void) {
  struct thread *thread = own_thread;
  if (LIKELY(thread != NULL) && LIKELY(thread->generation == signals_generation))
    return thread;
  if (thread == NULL) {
    thread = block_make();
    if (thread == NULL)
      return NULL;
  }
  /* After a fork the records are the parent's; which handlers are running stays true. */
  for (unsigned i = 0; i < thread->depth; i++)
    thread->active[i].record = NULL;
  thread->scratch = NULL;
  thread->generation = signals_generation;
  return own_thread = thread;
}

/* Where the program has no alternate stack. */
static void arm(struct thread *thread) {
  stack_t now, ours = {.ss_sp = thread->stack, .ss_size = PRIVATE_STACK};
  if (sys(SYS_sigaltstack, NULL, &now) == 0 && (now.ss_flags & SS_DISABLE))
    thread->armed = sys(SYS_sigaltstack, &ours, NULL) == 0;
}

EXPORTED int sigaltstack(const stack_t *restrict stack, stack_t *restrict old) {
  struct thread *thread = own_thread;
  if (!signals_running || thread == NULL || !in_own_process()) {
    if (real_sigaltstack == NULL)
      *(void **)&real_sigaltstack = real_function("sigaltstack");
    return real_sigaltstack(stack, old);
  }
  stack_t now;
  long result = sys(SYS_sigaltstack, NULL, &now);
  bool hidden = is_private(thread, &now);
  if (result == 0 && stack != NULL && !(hidden && (stack->ss_flags & SS_DISABLE))) {
    bool disables = stack->ss_flags & SS_DISABLE;
    result = sys(SYS_sigaltstack, stack, NULL);
    if (result == 0 && disables)
      arm(thread);
  }
  if (result < 0) {
    errno = (int)-result;
    return -1;
  }
  if (old != NULL)
    *old = hidden ? (stack_t){.ss_flags = SS_DISABLE} : now;
  return 0;
}

/* Also where a thread ends by pthread_exit or is cancelled: as the key's destructor. */
static void thread_ended(void *argument) {
  struct thread *thread = argument;
  stack_t now, none = {.ss_flags = SS_DISABLE};
  /* The thread may end from within a handler that runs here. */
  if (on_private_stack(thread, (uintptr_t)__builtin_frame_address(0)))
    return;
  if (sys(SYS_sigaltstack, NULL, &now) == 0 && is_private(thread, &now) && sys(SYS_sigaltstack, &none, NULL) < 0)
    return;
  own_thread = NULL;
  block_give(thread);
}

static void *thread_begin(void *argument) {
  struct thread *thread = argument;
  own_thread = thread;
  thread->generation = signals_generation;
  pthread_setspecific(key, thread);
  arm(thread);
  if (thread->blocked != 0) {
    /* The attributes may have set another mask (pthread_attr_setsigmask_np). */
    uint64_t mask = 0;
    sys(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof mask);
    if (mask != thread->witness)
      thread->blocked = 0;
  }
  return thread->start(thread->argument);
}

EXPORTED int pthread_create(pthread_t *restrict handle, const pthread_attr_t *restrict attributes, void *(*start)(void *),
                            void *restrict argument) {
  if (UNLIKELY(real_pthread_create == NULL))
    *(void **)&real_pthread_create = real_function("pthread_create");
  struct thread *thread = signals_running && has_key && in_own_process() ? block_take() : NULL;
  if (thread == NULL)
    return real_pthread_create(handle, attributes, start, argument);
  table_recheck();
  if (own_thread != NULL) {
    thread->blocked = own_thread->blocked;
    thread->witness = own_thread->witness;
  }
  thread->start = start;
  thread->argument = argument;
  int result = real_pthread_create(handle, attributes, thread_begin, thread);
  if (result != 0)
    block_give(thread);
  return result;
}

void threads_start(void) {
  has_key = pthread_key_create(&key, thread_ended) == 0;
  struct thread *thread = thread_own();
  if (thread != NULL)
    arm(thread);
}

void threads_after_fork(void) {
  /* Another thread may have held it. */
  pool_leave();
  if (own_thread != NULL)
    thread_own();
}
