//! The C ABI in a few words, for tests.
#![allow(dead_code)]

use ffi_doctor_store::ffi::*;
use std::ffi::CString;
use std::ptr::null;

pub struct Fixture {
    pub dir: tempfile::TempDir,
    pub path: CString,
    pub store: fds_store,
}

pub fn options(flags: u32) -> fds_options {
    fds_options {
        struct_size: size_of::<fds_options>() as u32,
        flags,
        cache_bytes: 1 << 20,
    }
}

pub fn open() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let path = CString::new(dir.path().join("db").to_str().unwrap()).unwrap();
    let store =
        open_at(&path, &options(FDS_CREATE | FDS_NO_SYNC)).unwrap_or_else(|_| panic!("{}", last_error()));
    Fixture { dir, path, store }
}

/// The handle, or the status.
pub fn open_at(path: &CString, options: &fds_options) -> Result<fds_store, i32> {
    let mut store = 7;
    // SAFETY: all three are valid for the call.
    match unsafe { fds_open(path.as_ptr(), options, &mut store) } {
        0 => Ok(store),
        status => {
            assert_eq!(store, 0);
            Err(status)
        }
    }
}

pub fn last_error() -> String {
    let mut buffer = vec![0u8; 512];
    // SAFETY: the buffer is as long as it is said to be.
    let len = unsafe { fds_last_error(buffer.as_mut_ptr().cast(), buffer.len()) };
    String::from_utf8(buffer[..len.min(511)].to_vec()).unwrap()
}

pub fn put(store: fds_store, key: &str, value: &[u8]) -> i32 {
    // SAFETY: both are valid for the call.
    unsafe { fds_put(store, key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

pub fn get(store: fds_store, key: &str) -> (i32, Vec<u8>) {
    let mut bytes = fds_bytes::EMPTY;
    // SAFETY: both are valid for the call.
    let status = unsafe { fds_get(store, key.as_ptr(), key.len(), &mut bytes) };
    (status, take(bytes))
}

pub fn delete(store: fds_store, key: &str) -> i32 {
    // SAFETY: the key is valid for the call.
    unsafe { fds_delete(store, key.as_ptr(), key.len()) }
}

/// Copies bytes and gives them back.
pub fn take(bytes: fds_bytes) -> Vec<u8> {
    if bytes.ptr.is_null() {
        assert_eq!(bytes.len, 0);
        return Vec::new();
    }
    // SAFETY: the library has just given them out.
    let out = unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len) }.to_vec();
    // SAFETY: once.
    unsafe { fds_free_bytes(bytes) };
    out
}

pub fn scan_open(store: fds_store, prefix: &[u8]) -> Result<fds_scan, i32> {
    let mut scan = 0;
    // SAFETY: both are valid for the call.
    match unsafe { fds_scan_open(store, prefix.as_ptr(), prefix.len(), &mut scan) } {
        0 => Ok(scan),
        status => Err(status),
    }
}

/// The next key, or the status.
pub fn scan_next(scan: fds_scan) -> Result<String, i32> {
    let (mut key, mut value) = (fds_bytes::EMPTY, fds_bytes::EMPTY);
    // SAFETY: both are valid for the call.
    let status = unsafe { fds_scan_next(scan, &mut key, &mut value) };
    let (key, _) = (take(key), take(value));
    if status == 0 {
        Ok(String::from_utf8(key).unwrap())
    } else {
        Err(status)
    }
}

pub fn stats(store: fds_store) -> Result<fds_stats, i32> {
    let mut stats = fds_stats {
        struct_size: size_of::<fds_stats>() as u32,
        ..Default::default()
    };
    // SAFETY: out is valid for the call.
    match unsafe { fds_stats_get(store, &mut stats) } {
        0 => Ok(stats),
        status => Err(status),
    }
}

pub fn close(store: fds_store) -> i32 {
    fds_close(store)
}

pub const NO_OPTIONS: *const fds_options = null();
