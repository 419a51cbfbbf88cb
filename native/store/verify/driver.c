/* driver DIR workload|TRIGGER: a host in C for verify-twins.sh. Prints the library's version, then "done" when it lives. */
#include "driver.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void expect(int64_t actual, int64_t expected, const char *what, const char *file, int line)
{
    char text[512] = "";

    if (actual == expected) {
        return;
    }
    fds_last_error(text, sizeof text);
    fprintf(stderr, "%s:%d: %s is %" PRId64 ", not %" PRId64 " (last error: %s)\n", file, line, what, actual, expected, text);
    exit(70);
}

fds_store open_store(const char *dir, const char *name)
{
    fds_options options = {.struct_size = sizeof options, .flags = FDS_CREATE | FDS_NO_SYNC, .cache_bytes = 1 << 20};
    char path[4096];
    fds_store store = 0;

    snprintf(path, sizeof path, "%s/%s.db", dir, name);
    EXPECT(fds_open(path, &options, &store), FDS_OK);
    return store;
}

int32_t put_filled(fds_store store, const char *key, size_t size, int fill)
{
    uint8_t *value = malloc(size + 1);
    int32_t status;

    memset(value, fill, size);
    status = fds_put(store, (const uint8_t *)key, strlen(key), value, size);
    free(value);
    return status;
}

int32_t get_value(fds_store store, const char *key, fds_bytes *out)
{
    return fds_get(store, (const uint8_t *)key, strlen(key), out);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: driver DIR workload|TRIGGER\n", stderr);
        return 64;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("version %s\n", fds_version());
    if (strcmp(argv[2], "workload") == 0) {
        run_workload(argv[1]);
    } else if (!run_trigger(argv[2], argv[1])) {
        fprintf(stderr, "driver: no such trigger: %s\n", argv[2]);
        return 64;
    }
    puts("done");
    return 0;
}
