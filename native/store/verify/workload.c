/* The library used as it should be: every twin must get through this. */
#include "driver.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define RECORDS 100
#define THREADS 8
#define LARGE ((size_t)1 << 20)

static void name_record(int number, char *key, size_t size)
{
    snprintf(key, size, "item/%03d", number);
}

static void check_handshake(void)
{
    char text[16];

    EXPECT(fds_abi_version(), 1);
    EXPECT(fds_handshake(1, sizeof(fds_options), sizeof(fds_stats), sizeof(fds_bytes)), FDS_OK);
    EXPECT(fds_handshake(1, sizeof(fds_options) + 8, sizeof(fds_stats), sizeof(fds_bytes)), FDS_ABI_MISMATCH);
    EXPECT(fds_last_error(text, sizeof text) > sizeof text, 1);
    EXPECT(strlen(text), sizeof text - 1);
}

static void check_records(fds_store store)
{
    char key[32];
    fds_bytes value;

    for (int i = 0; i < RECORDS; i++) {
        name_record(i, key, sizeof key);
        EXPECT(put_filled(store, key, (size_t)i % 40, i), FDS_OK);
        EXPECT(get_value(store, key, &value), FDS_OK);
        EXPECT(value.len, i % 40);
        EXPECT(value.ptr == NULL, value.len == 0);
        fds_free_bytes(value);
    }
    EXPECT(get_value(store, "absent", &value), FDS_NOT_FOUND);
    EXPECT(fds_delete(store, (const uint8_t *)"item/000", 8), FDS_OK);
    EXPECT(fds_delete(store, (const uint8_t *)"item/000", 8), FDS_NOT_FOUND);
    EXPECT(fds_put(store, NULL, 8, NULL, 0), FDS_INVALID_ARGUMENT);
    EXPECT(fds_get(0, (const uint8_t *)"k", 1, &value), FDS_INVALID_HANDLE);
}

static void check_large_values(fds_store store)
{
    fds_bytes value;

    for (int fill = 1; fill <= 3; fill++) {
        EXPECT(put_filled(store, "large", LARGE, fill), FDS_OK);
        EXPECT(get_value(store, "large", &value), FDS_OK);
        EXPECT(value.len, LARGE);
        EXPECT(value.ptr[0] == fill && value.ptr[LARGE - 1] == fill, 1);
        fds_free_bytes(value);
    }
    EXPECT(fds_delete(store, (const uint8_t *)"large", 5), FDS_OK);
}

static void check_scan(fds_store store)
{
    fds_scan scan = 0;
    fds_bytes key, value;
    char expected[32];
    int32_t status;
    int count = 0;

    EXPECT(fds_scan_open(store, (const uint8_t *)"item/", 5, &scan), FDS_OK);
    while ((status = fds_scan_next(scan, &key, &value)) == FDS_OK) {
        name_record(++count, expected, sizeof expected);
        EXPECT(key.len == strlen(expected) && memcmp(key.ptr, expected, key.len) == 0, 1);
        fds_free_bytes(key);
        fds_free_bytes(value);
    }
    EXPECT(status, FDS_END);
    EXPECT(count, RECORDS - 1);
    EXPECT(fds_scan_next(scan, &key, &value), FDS_END);
    EXPECT(fds_scan_close(scan), FDS_OK);
    EXPECT(fds_scan_close(scan), FDS_INVALID_HANDLE);
}

struct answers {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    int count;
};

static void on_value(void *user, int32_t status, fds_bytes value)
{
    struct answers *answers = user;

    EXPECT(status, FDS_OK);
    EXPECT(value.len, 7);
    fds_free_bytes(value);
    pthread_mutex_lock(&answers->mutex);
    answers->count++;
    pthread_cond_signal(&answers->arrived);
    pthread_mutex_unlock(&answers->mutex);
}

static void check_completions(fds_store store)
{
    struct answers answers = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

    for (int i = 0; i < RECORDS; i++) {
        EXPECT(fds_get_async(store, (const uint8_t *)"item/007", 8, on_value, &answers), FDS_OK);
    }
    pthread_mutex_lock(&answers.mutex);
    while (answers.count < RECORDS) {
        pthread_cond_wait(&answers.arrived, &answers.mutex);
    }
    pthread_mutex_unlock(&answers.mutex);
}

static void *write_and_count(void *argument)
{
    fds_store store = *(fds_store *)argument;
    fds_stats stats = {.struct_size = sizeof stats};

    for (int i = 0; i < 20; i++) {
        EXPECT(put_filled(store, "shared", 10, i), FDS_OK);
        EXPECT(fds_stats_get(store, &stats), FDS_OK);
    }
    return NULL;
}

static void check_threads(fds_store store)
{
    pthread_t threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        EXPECT(pthread_create(&threads[i], NULL, write_and_count, &store), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static void check_stats(fds_store store)
{
    fds_stats stats = {.struct_size = sizeof stats};

    EXPECT(fds_stats_get(store, &stats), FDS_OK);
    EXPECT(stats.scans_open, 0);
    EXPECT(stats.bytes_outstanding, 0);
    EXPECT(stats.worker_thread_id != 0, 1);
    EXPECT(stats.puts, RECORDS + 3 + THREADS * 20);
}

void run_workload(const char *dir)
{
    fds_store first, second;
    fds_scan scan = 0;
    fds_bytes key, value;

    check_handshake();
    first = open_store(dir, "workload");
    second = open_store(dir, "second");
    check_records(first);
    check_large_values(first);
    check_scan(first);
    check_completions(first);
    check_threads(first);
    check_stats(first);
    EXPECT(fds_scan_open(second, NULL, 0, &scan), FDS_OK);
    EXPECT(fds_close(second), FDS_OK);
    EXPECT(fds_scan_next(scan, &key, &value), FDS_CLOSED);
    EXPECT(fds_scan_close(scan), FDS_OK);
    EXPECT(fds_close(first), FDS_OK);
    /* Nothing of the first life holds the file, and its records are there. */
    first = open_store(dir, "workload");
    check_scan(first);
    EXPECT(get_value(first, "item/007", &value), FDS_OK);
    EXPECT(fds_close(first), FDS_OK);
    EXPECT(value.len == 7 && value.ptr[6] == 7, 1);
    fds_free_bytes(value);
}
