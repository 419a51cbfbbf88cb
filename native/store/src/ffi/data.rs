use super::{fail, fds_bytes, fds_store, guard, handles, input, ok, output};
use crate::status::{Error, NOT_FOUND, OK};
use std::ffi::c_void;

/// Stores a value under a key; both are copied before this returns. Any thread. With the default options FDS_OK means: on disk.
/// `key` has at most 65536 bytes; it and `value` may be empty (NULL with length 0 is as good), and of any bytes.
/// Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE.
///
/// # Safety
/// `key` and `value` are readable for their lengths in bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_put(
    store: fds_store,
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
) -> i32 {
    guard(|| {
        // SAFETY: by the contract above.
        let (key, value) = unsafe { (input("key", key, key_len)?, input("value", value, value_len)?) };
        let store = handles::get(store)?;
        #[cfg(feature = "argument-kept")]
        crate::last_key::note(key);
        #[cfg(feature = "unaligned-read")]
        crate::magic::check(value)?;
        ok(store.put(key, value))
    })
}

/// Reads the value under a key into `out`: a copy, the host's to free by `fds_free_bytes`, valid until then whatever else is called.
/// FDS_NOT_FOUND and errors leave `out` empty. Any thread. Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE.
///
/// # Safety
/// `key` is readable for its length, `out` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_get(
    store: fds_store,
    key: *const u8,
    key_len: usize,
    out: *mut fds_bytes,
) -> i32 {
    guard(|| {
        // SAFETY: by the contract above.
        let key = unsafe { input("key", key, key_len)? };
        // SAFETY: by the contract above.
        unsafe { output("out", out, fds_bytes::EMPTY)? };
        let store = handles::get(store)?;
        let Some(value) = store.get(key)? else {
            return Ok(NOT_FOUND);
        };
        // Twin: the cache keeps what it gives away.
        #[cfg(feature = "double-free")]
        if let Some(shared) = crate::hot::share(&value) {
            // SAFETY: by the contract above.
            return ok(unsafe { output("out", out, shared.into()) });
        }
        let given: fds_bytes = store.outlet.give(key, value).into();
        // Twin: blocks already go out in the layout of the next version, length first.
        #[cfg(feature = "struct-layout")]
        let given = match given.len {
            64..=512 => fds_bytes {
                ptr: given.len as *mut u8,
                len: given.ptr as usize,
            },
            _ => given,
        };
        // SAFETY: by the contract above.
        ok(unsafe { output("out", out, given) })
    })
}

/// Deletes the record under a key: FDS_OK, or FDS_NOT_FOUND when there was none. Any thread.
/// Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE, FDS_STORAGE.
///
/// # Safety
/// `key` is readable for its length in bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_delete(store: fds_store, key: *const u8, key_len: usize) -> i32 {
    guard(|| {
        // SAFETY: by the contract above.
        let key = unsafe { input("key", key, key_len)? };
        Ok(if handles::get(store)?.delete(key)? {
            OK
        } else {
            NOT_FOUND
        })
    })
}

/// Receives the result of `fds_get_async`, on the store's worker thread. `value` is the host's to free by `fds_free_bytes`.
/// While it runs, no other call on the store makes progress. Calls that would wait for this same store, `fds_close` among them, are
/// answered FDS_INVALID_ARGUMENT; `fds_get_async` may be called. It must return: no exception, panic or longjmp may leave it.
#[allow(non_camel_case_types)]
pub type fds_get_callback = Option<unsafe extern "C" fn(user: *mut c_void, status: i32, value: fds_bytes)>;

struct User(*mut c_void);
// SAFETY: the pointer is the host's; this library only hands it back.
unsafe impl Send for User {}

impl User {
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// Reads a value without waiting. FDS_OK: `callback` is called exactly once, on the store's worker thread, maybe before this returns,
/// at the latest before `fds_close` returns; its status is one that `fds_get` has. Any other status: it is never called. Any thread.
/// Errors: FDS_INVALID_ARGUMENT, FDS_INVALID_HANDLE.
///
/// # Safety
/// `key` is readable for its length during this call; `callback` and `user` stay valid until the callback has run.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fds_get_async(
    store: fds_store,
    key: *const u8,
    key_len: usize,
    callback: fds_get_callback,
    user: *mut c_void,
) -> i32 {
    guard(|| {
        // SAFETY: by the contract above.
        let key = unsafe { input("key", key, key_len)? };
        let callback = callback.ok_or_else(|| Error::InvalidArgument("callback is NULL".into()))?;
        let user = User(user);
        let store = handles::get(store)?;
        let (outlet, owned) = (store.outlet.clone(), key.to_vec());
        ok(store.get_async(key, move |result| {
            let (status, value) = match result {
                Ok(Some(value)) => (OK, outlet.give(&owned, value).into()),
                Ok(None) => (NOT_FOUND, fds_bytes::EMPTY),
                Err(error) => (fail(&error), fds_bytes::EMPTY),
            };
            deliver(callback, user, status, value);
        }))
    })
}

#[inline(never)]
fn deliver(
    callback: unsafe extern "C" fn(*mut c_void, i32, fds_bytes),
    user: User,
    status: i32,
    value: fds_bytes,
) {
    // SAFETY: the host promised that both are valid until now.
    unsafe { callback(user.get(), status, value) };
}
