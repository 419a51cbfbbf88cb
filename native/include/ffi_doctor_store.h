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
 Do not wait for the disk at each commit: a crash of the machine or of the process loses the puts since the store was opened,
 but tears none. `fds_close` makes them durable.
 */
#define FDS_NO_SYNC 2

/*
 The longest key, in bytes.
 */
#define MAX_KEY_BYTES (64 << 10)

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
  /*
   A pointer is NULL, a length or a flag out of range, or a prefix not well formed.
   */
  FDS_INVALID_ARGUMENT = -1,
  /*
   The handle is closed, or never came from this library.
   */
  FDS_INVALID_HANDLE = -2,
  /*
   The host was built against another version of this header.
   */
  FDS_ABI_MISMATCH = -3,
  /*
   The file cannot be opened, read or written, or is open elsewhere.
   */
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
 Receives the result of `fds_get_async`, on the store's worker thread. `value` is the host's to free by `fds_free_bytes`.
 While it runs, no other call on the store makes progress. Calls that would wait for this same store, `fds_close` among them, are
 answered FDS_INVALID_ARGUMENT; `fds_get_async` may be called. It must return: no exception, panic or longjmp may leave it.
 */
typedef void (*fds_get_callback)(void *user, int32_t status, struct fds_bytes value);

/*
 An open scan. 0 is never one.
 */
typedef uint64_t fds_scan;

/*
 How to open. `struct_size` is sizeof(fds_options) as the host sees it, in bytes.
 */
typedef struct fds_options {
  uint32_t struct_size;
  /*
   FDS_CREATE, FDS_NO_SYNC; other bits are refused.
   */
  uint32_t flags;
  /*
   Bytes of page cache; 0 for the default.
   */
  uint64_t cache_bytes;
} fds_options;

/*
 Counters of one handle since it was opened. `struct_size` is set by the host before the call, to sizeof(fds_stats) in bytes.
 */
typedef struct fds_stats {
  uint32_t struct_size;
  uint32_t reserved;
  uint64_t gets;
  uint64_t puts;
  uint64_t deletes;
  /*
   Iterators opened and not yet closed.
   */
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
 Stores a value under a key; both are copied before this returns. Any thread. With the default options FDS_OK means: on disk.
 `key` has at most 65536 bytes; it and `value` may be empty (NULL with length 0 is as good), and of any bytes.
 Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE.

 # Safety
 `key` and `value` are readable for their lengths in bytes.
 */
int32_t fds_put(fds_store store,
                const uint8_t *key,
                size_t key_len,
                const uint8_t *value,
                size_t value_len);

/*
 Reads the value under a key into `out`: a copy, the host's to free by `fds_free_bytes`, valid until then whatever else is called.
 FDS_NOT_FOUND and errors leave `out` empty. Any thread. Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE.

 # Safety
 `key` is readable for its length, `out` writable.
 */
int32_t fds_get(fds_store store,
                const uint8_t *key,
                size_t key_len,
                struct fds_bytes *out);

/*
 Deletes the record under a key: FDS_OK, or FDS_NOT_FOUND when there was none. Any thread.
 Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE.

 # Safety
 `key` is readable for its length in bytes.
 */
int32_t fds_delete(fds_store store, const uint8_t *key, size_t key_len);

/*
 Reads a value without waiting. FDS_OK: `callback` is called exactly once, on the store's worker thread, maybe before this returns,
 at the latest before `fds_close` returns; its status is one that `fds_get` has. Any other status: it is never called. Any thread.
 Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE.

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
 Copies the text of this thread's last failing call into `buffer`: UTF-8, cut to `capacity` bytes with its NUL.
 Returns the full length in bytes without the NUL; 0 when no call has failed. Thread-local: ask on the thread that made the call,
 for the status of a callback within that callback. A call that succeeds leaves the text alone.

 # Safety
 `buffer` is NULL, or writable for `capacity` bytes.
 */
size_t fds_last_error(char *buffer,
                      size_t capacity);

/*
 Opens an iterator over the records whose keys begin with `prefix`: UTF-8, at most 4096 segments separated by '/', the last maybe
 a part of one; empty for all records. To be closed by `fds_scan_close`. Any thread.
 Errors: FDS_INVALID_ARGUMENT (not UTF-8, nested too deep), FDS_INVALID_HANDLE. `out` is then 0, or untouched.

 # Safety
 `prefix` is readable for its length in bytes, `out` writable.
 */
int32_t fds_scan_open(fds_store store,
                      const uint8_t *prefix,
                      size_t prefix_len,
                      fds_scan *out);

/*
 The next record, in the order of the keys' bytes; both parts are the host's to free by `fds_free_bytes`. FDS_END, and an error,
 leave both empty, and FDS_END stays. Not a snapshot: what is put behind the iterator is missed, what is put ahead of it is seen.
 Any thread, and each record goes to one caller. Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE, FDS_CLOSED.

 # Safety
 `key` and `value` are writable.
 */
int32_t fds_scan_next(fds_scan scan,
                      struct fds_bytes *key,
                      struct fds_bytes *value);

/*
 Closes an iterator, also when its store is closed already. A second close is FDS_INVALID_HANDLE, nothing worse. Any thread.
 */
int32_t fds_scan_close(fds_scan scan);

/*
 Opens a store and starts its worker thread, to be ended by `fds_close`. `options` NULL: FDS_CREATE alone. Any thread; the handle
 is good on all of them. A file is open once at a time, over all processes. A handle does not survive a fork.
 Errors: FDS_INVALID_ARGUMENT, FDS_ABI_MISMATCH (struct_size), FDS_STORAGE. `out` is then 0, or untouched.

 # Safety
 `path` is NUL-terminated, `options` NULL or valid, `out` writable.
 */
int32_t fds_open(const char *path,
                 const struct fds_options *options,
                 fds_store *out);

/*
 Closes a store: the calls in flight are answered, their callbacks run, everything is made durable, and the worker has ended when
 this returns. The handle is invalid from here on, also after FDS_STORAGE; its iterators answer FDS_CLOSED. Any thread but from a
 callback of this store (FDS_INVALID_ARGUMENT, and nothing is closed). Errors: FDS_INVALID_HANDLE, FDS_STORAGE.
 */
int32_t fds_close(fds_store store);

/*
 Reads the counters of a handle. Any thread. Errors: FDS_INVALID_ARGUMENT, FDS_ABI_MISMATCH (struct_size), FDS_INVALID_HANDLE.

 # Safety
 `out` is writable, its `struct_size` set.
 */
int32_t fds_stats_get(fds_store store,
                      struct fds_stats *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* FFI_DOCTOR_STORE_H */
