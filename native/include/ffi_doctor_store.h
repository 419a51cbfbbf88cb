/* The storage shim's C ABI, version 1. Generated from native/store/src/ffi by cbindgen: do not edit. */

#ifndef FFI_DOCTOR_STORE_H
#define FFI_DOCTOR_STORE_H

#include <stdint.h>
#include <stddef.h>

/*
 Create the file when it is missing.
 */
#define FDS_CREATE 1

/*
 Do not wait for the disk at each commit: a crash of the machine may lose the last puts, a crash of the process none.
 */
#define FDS_NO_SYNC 2

/*
 The status of a call. Positive values are no errors; the text of an error is in `fds_last_error`.
 */
enum fds_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  FDS_OK = 0,
  /*
   No record under this key.
   */
  FDS_NOT_FOUND = 1,
  /*
   The scan has no further record.
   */
  FDS_END = 2,
  FDS_INVALID_ARGUMENT = -1,
  /*
   The handle is closed, or never came from this library.
   */
  FDS_INVALID_HANDLE = -2,
  FDS_ABI_MISMATCH = -3,
  FDS_STORAGE = -4,
  /*
   A bug of this library, caught before it could cross.
   */
  FDS_PANIC = -5,
  /*
   The store was closed under an iterator or a call in flight.
   */
  FDS_CLOSED = -6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum fds_status fds_status;
#else
typedef int32_t fds_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/*
 Bytes that this library allocated. Whoever receives them owns them and gives them back by `fds_free_bytes`, once.
 `ptr` is NULL exactly when `len` is 0.
 */
typedef struct fds_bytes {
  uint8_t *ptr;
  size_t len;
} fds_bytes;

/*
 An open store. 0 is never one.
 */
typedef uint64_t fds_store;

/*
 Receives the result of `fds_get_async` on the store's worker thread. The value is the host's to free. It must not close the store.
 */
typedef void (*fds_get_callback)(void *user, int32_t status, struct fds_bytes value);

/*
 An open scan. 0 is never one.
 */
typedef uint64_t fds_scan;

/*
 How to open. `struct_size` is sizeof(fds_options) as the host sees it.
 */
typedef struct fds_options {
  uint32_t struct_size;
  uint32_t flags;
  /*
   Bytes of page cache; 0 for the default.
   */
  uint64_t cache_bytes;
} fds_options;

/*
 Counters of one handle. `struct_size` is set by the host before the call.
 */
typedef struct fds_stats {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t gets;
  uint64_t puts;
  uint64_t deletes;
  uint64_t scans_open;
  /*
   Bytes that this library has given out and not got back, over all handles.
   */
  uint64_t bytes_outstanding;
  /*
   The kernel's id of the handle's own thread (gettid(2)).
   */
  uint64_t worker_thread_id;
} fds_stats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Frees bytes that this library gave out. Any thread. Empty bytes are ignored.

 # Safety
 The bytes come from this library and were not freed before; no other allocator may free them.
 */
void fds_free_bytes(struct fds_bytes bytes);

/*
 Stores a value under a key; both are copied. Any thread.

 # Safety
 `key` and `value` are readable for their lengths in bytes.
 */
int32_t fds_put(fds_store store,
                const uint8_t *key,
                size_t key_len,
                const uint8_t *value,
                size_t value_len);

/*
 Reads the value under a key into `out`, which the host frees by `fds_free_bytes`. FDS_NOT_FOUND leaves it empty. Any thread.

 # Safety
 `key` is readable for its length, `out` writable.
 */
int32_t fds_get(fds_store store,
                const uint8_t *key,
                size_t key_len,
                struct fds_bytes *out);

/*
 Deletes the record under a key: FDS_OK, or FDS_NOT_FOUND. Any thread.

 # Safety
 `key` is readable for its length in bytes.
 */
int32_t fds_delete(fds_store store, const uint8_t *key, size_t key_len);

/*
 Reads a value without waiting. FDS_OK: `callback` is called exactly once, on the store's worker thread, maybe before this returns.
 Anything else: it is never called.

 # Safety
 `key` is readable for its length during this call; `callback` and `user` stay valid until the callback has run.
 */
int32_t fds_get_async(fds_store store,
                      const uint8_t *key,
                      size_t key_len,
                      fds_get_callback callback,
                      void *user);

/*
 The version of this ABI; a host compares it with the one it was built for.
 */
uint32_t fds_abi_version(void);

/*
 The library's version, static and NUL-terminated: "0.1.0", with "+<twin>" for a broken twin.
 */
const char *fds_version(void);

/*
 To be called before anything else: compares the host's idea of the ABI with this library's. Sizes are in bytes.
 FDS_OK, or FDS_ABI_MISMATCH with the difference in `fds_last_error`.
 */
int32_t fds_handshake(uint32_t abi_version,
                      size_t options_size,
                      size_t stats_size,
                      size_t bytes_size);

/*
 Copies the text of this thread's last failing call into `buffer`, cut to `capacity` bytes with its NUL.
 Returns the full length in bytes without the NUL. Thread-local: ask on the thread that made the call.

 # Safety
 `buffer` is NULL, or writable for `capacity` bytes.
 */
size_t fds_last_error(char *buffer,
                      size_t capacity);

/*
 Opens an iterator over the records whose keys begin with `prefix`, UTF-8 segments separated by '/'. Any thread.
 Errors: FDS_INVALID_ARGUMENT (not UTF-8, nested too deep), FDS_INVALID_HANDLE.

 # Safety
 `prefix` is readable for its length in bytes, `out` writable.
 */
int32_t fds_scan_open(fds_store store,
                      const uint8_t *prefix,
                      size_t prefix_len,
                      fds_scan *out);

/*
 The next record, key order; both parts are the host's to free. FDS_END leaves both empty. Any thread, one at a time.

 # Safety
 `key` and `value` are writable.
 */
int32_t fds_scan_next(fds_scan scan,
                      struct fds_bytes *key,
                      struct fds_bytes *value);

/*
 Closes an iterator. A second close is FDS_INVALID_HANDLE, nothing worse. Any thread.
 */
int32_t fds_scan_close(fds_scan scan);

/*
 Opens a store and starts its worker thread. `options` NULL: create, sync each commit. Any thread.
 Errors: FDS_INVALID_ARGUMENT, FDS_ABI_MISMATCH (struct_size), FDS_STORAGE.

 # Safety
 `path` is NUL-terminated, `options` NULL or valid, `out` writable.
 */
int32_t fds_open(const char *path, const struct fds_options *options, fds_store *out);

/*
 Closes a store: waits for the calls in flight and ends its worker. The handle is invalid from here on. Any thread.
 */
int32_t fds_close(fds_store store);

/*
 Reads the counters of a handle. Any thread.

 # Safety
 `out` is writable, its `struct_size` set.
 */
int32_t fds_stats_get(fds_store store, struct fds_stats *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FFI_DOCTOR_STORE_H */
