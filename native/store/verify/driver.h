/* What the parts of the driver share. */
#ifndef FDS_VERIFY_DRIVER_H
#define FDS_VERIFY_DRIVER_H

#include "ffi_doctor_store.h"

/* Ends the process with status 70 unless the answer is the expected one. */
#define EXPECT(actual, expected) expect((int64_t)(actual), (int64_t)(expected), #actual, __FILE__, __LINE__)
void expect(int64_t actual, int64_t expected, const char *what, const char *file, int line);

/* Opens DIR/NAME.db, made when missing, no commit waiting for the disk. */
fds_store open_store(const char *dir, const char *name);

/* Puts SIZE bytes of FILL under KEY. */
int32_t put_filled(fds_store store, const char *key, size_t size, int fill);
int32_t get_value(fds_store store, const char *key, fds_bytes *out);

/* Each function of the library, each status that a caller can cause, on one thread and on several. */
void run_workload(const char *dir);

/* The sequence that a twin dies of; the sound library answers it with clean statuses. Returns 0 when there is no such trigger. */
int run_trigger(const char *trigger, const char *dir);

#endif
