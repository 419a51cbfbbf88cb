/* A sound program whose memory is given by its handler of SIGSEGV, as a garbage collector or a sandbox does: the access is made again. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 64 };

static void give(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (mprotect((void *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1)), PAGE, PROT_READ) != 0) {
        abort();
    }
}

/* All of a step is kept in registers while it reads. */
static __attribute__((noinline)) uint64_t step(const volatile uint8_t *page, uint64_t seed)
{
    uint64_t a = seed * 31 + 7, b = a ^ (seed << 9), c = a + b, d = c * 17;

    return a + b * 3 + c * 5 + d * 7 + *page + (a ^ d);
}

int main(void)
{
    uint8_t *pages = mmap(NULL, PAGE * PAGES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_sigaction = give, .sa_flags = SA_SIGINFO};
    uint64_t sum = 0;

    if (pages == MAP_FAILED || sigaction(SIGSEGV, &action, NULL) != 0) {
        return 70;
    }
    for (uint64_t i = 0; i < PAGES; i++) {
        sum += step(pages + i * PAGE, i);
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
