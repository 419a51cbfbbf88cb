/* One sequence of calls per twin. */
#define _GNU_SOURCE
#include "driver.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define FRAME __attribute__((noinline, noclone))

static FRAME void *get_on_another_thread(void *argument)
{
    fds_bytes value;

    EXPECT(get_value(*(fds_store *)argument, "k", &value), FDS_OK);
    fds_free_bytes(value);
    return NULL;
}

static void thread_local_runtime(const char *dir)
{
    fds_store store = open_store(dir, "thread-local-runtime");
    pthread_t thread;

    EXPECT(put_filled(store, "k", 20, 't'), FDS_OK);
    EXPECT(pthread_create(&thread, NULL, get_on_another_thread, &store), 0);
    pthread_join(thread, NULL);
    EXPECT(fds_close(store), FDS_OK);
}

static void stale_handle(const char *dir)
{
    fds_store store = open_store(dir, "stale-handle");
    fds_bytes value;

    EXPECT(put_filled(store, "k", 20, 's'), FDS_OK);
    EXPECT(fds_close(store), FDS_OK);
    EXPECT(get_value(store, "k", &value), FDS_INVALID_HANDLE);
}

static FRAME uint64_t read_bytes(fds_bytes value)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < value.len; i++) {
        sum += value.ptr[i];
    }
    return sum;
}

static void bytes_use_after_free(const char *dir)
{
    fds_store store = open_store(dir, "bytes-use-after-free");
    fds_bytes value;

    EXPECT(put_filled(store, "k", MIB, 'b'), FDS_OK);
    EXPECT(get_value(store, "k", &value), FDS_OK);
    EXPECT(put_filled(store, "k", MIB, 'c'), FDS_OK);
    EXPECT(read_bytes(value), MIB * 'b');
    fds_free_bytes(value);
    EXPECT(fds_close(store), FDS_OK);
}

static void double_free(const char *dir)
{
    fds_store store = open_store(dir, "double-free");
    fds_bytes value;

    EXPECT(put_filled(store, "k", 64, 'd'), FDS_OK);
    EXPECT(get_value(store, "k", &value), FDS_OK);
    fds_free_bytes(value);
    EXPECT(fds_close(store), FDS_OK);
}

static void panic_across_boundary(const char *dir)
{
    static const uint8_t prefix[] = {0xff, 0xfe, 0xfd};
    fds_store store = open_store(dir, "panic-across-boundary");
    fds_scan scan = 0;

    EXPECT(fds_scan_open(store, prefix, sizeof prefix, &scan), FDS_INVALID_ARGUMENT);
    EXPECT(fds_close(store), FDS_OK);
}

static void stack_overflow(const char *dir)
{
    fds_store store = open_store(dir, "stack-overflow");
    uint8_t *prefix = malloc(MIB);
    fds_scan scan = 0;

    for (size_t i = 0; i < MIB; i++) {
        prefix[i] = i % 2 == 0 ? 'a' : '/';
    }
    EXPECT(fds_scan_open(store, prefix, MIB, &scan), FDS_INVALID_ARGUMENT);
    free(prefix);
    EXPECT(fds_close(store), FDS_OK);
}

static FRAME void store_answer(int32_t *answer, int32_t status)
{
    *answer = status;
}

static void on_answer(void *user, int32_t status, fds_bytes value)
{
    store_answer(user, status);
    fds_free_bytes(value);
}

static void callback_after_close(const char *dir)
{
    fds_store store = open_store(dir, "callback-after-close");
    int32_t *answer = mmap(NULL, sizeof *answer, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT(answer != MAP_FAILED, 1);
    EXPECT(fds_get_async(store, (const uint8_t *)"k", 1, on_answer, answer), FDS_OK);
    EXPECT(fds_close(store), FDS_OK);
    munmap(answer, sizeof *answer);
    usleep(300000);
}

static void unaligned_read(const char *dir)
{
    fds_store store = open_store(dir, "unaligned-read");
    uint8_t *value = aligned_alloc(16, 80);

    memset(value, 'u', 80);
    EXPECT(fds_put(store, (const uint8_t *)"k", 1, value + 1, 64), FDS_OK);
    free(value);
    EXPECT(fds_close(store), FDS_OK);
}

static void struct_layout(const char *dir)
{
    fds_store store = open_store(dir, "struct-layout");
    fds_bytes value;

    EXPECT(put_filled(store, "k", 64, 'l'), FDS_OK);
    EXPECT(get_value(store, "k", &value), FDS_OK);
    EXPECT(read_bytes(value), 64 * 'l');
    fds_free_bytes(value);
    EXPECT(fds_close(store), FDS_OK);
}

static const struct {
    const char *name;
    void (*run)(const char *dir);
} triggers[] = {
    {"thread-local-runtime", thread_local_runtime},   {"stale-handle", stale_handle},
    {"bytes-use-after-free", bytes_use_after_free},   {"double-free", double_free},
    {"panic-across-boundary", panic_across_boundary}, {"stack-overflow", stack_overflow},
    {"callback-after-close", callback_after_close},   {"unaligned-read", unaligned_read},
    {"struct-layout", struct_layout},
};

int run_trigger(const char *trigger, const char *dir)
{
    for (size_t i = 0; i < sizeof triggers / sizeof *triggers; i++) {
        if (strcmp(triggers[i].name, trigger) == 0) {
            triggers[i].run(dir);
            return 1;
        }
    }
    return 0;
}
