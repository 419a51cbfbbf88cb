/* A fault, and what crash handlers do with it: ways in which a core comes to be second-hand. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WILD 0x18589091b1
#define NONCANONICAL 0x4141414141414141

static sem_t fell;
static char alternate[1 << 16];

__attribute__((noinline)) static int fault(const int *place)
{
    return *place + 1;
}

__attribute__((noinline)) static int deep(volatile char *before, int n)
{
    volatile char here[200];

    here[0] = (char)n;
    return deep(here, n + 1) + here[0] + (before ? before[0] : 0);
}

/* As V8's does: the process dies where it faulted, of a signal that it sent itself. */
static void raise_again(int number)
{
    signal(number, SIG_DFL);
    raise(number);
}

static void raise_again_with_info(int number, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    raise_again(number);
}

static void give_up(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    abort();
}

/* As some crash reporters do: another thread ends the process while this one waits. */
static void hand_over(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    sem_post(&fell);
    for (;;) {
        pause();
    }
}

static void *reaper(void *unused)
{
    (void)unused;
    sem_wait(&fell);
    abort();
}

static void *faulter(void *unused)
{
    (void)unused;
    return (void *)(intptr_t)fault((const int *)WILD);
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    struct sigaction action = {0};
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    pthread_t other, own;

    if (strstr(how, "alternate")) {
        sigaltstack(&stack, NULL);
        action.sa_flags |= SA_ONSTACK;
    }
    if (strstr(how, "plain")) {
        action.sa_handler = raise_again;
    } else {
        action.sa_flags |= SA_SIGINFO;
        action.sa_sigaction = strstr(how, "abort") ? give_up : strstr(how, "hand") ? hand_over : raise_again_with_info;
    }
    sigaction(SIGSEGV, &action, NULL);
    if (strstr(how, "hand")) {
        sem_init(&fell, 0, 0);
        pthread_create(&other, NULL, reaper, NULL);
        pthread_create(&own, NULL, faulter, NULL);
        pthread_join(own, NULL);
    }
    if (strstr(how, "deep")) {
        return deep(NULL, 1);
    }
    return fault((const int *)(strstr(how, "odd") ? NONCANONICAL : WILD));
}
