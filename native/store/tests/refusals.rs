//! What the library refuses, and with which status and words.
mod common;

use common::*;
use ffi_doctor_store::ffi::*;
use std::ffi::{CStr, CString};
use std::ptr::{null, null_mut};

#[test]
fn stale_mixed_up_and_made_up_handles_are_refused_with_a_text() {
    let f = open();
    let scan = scan_open(f.store, b"").unwrap();
    assert_eq!(get(scan, "k").0, -2);
    assert_eq!(fds_scan_close(f.store), -2);
    assert_eq!(fds_scan_close(scan), 0);
    assert_eq!(close(f.store), 0);
    assert_eq!(close(f.store), -2);
    assert!(last_error().contains("not open"), "{}", last_error());
    for handle in [f.store, 0, 1, 0x18_5890_91b1, u64::MAX] {
        assert_eq!(put(handle, "k", b"v"), -2);
        assert_eq!(get(handle, "k").0, -2);
        assert_eq!(delete(handle, "k"), -2);
        assert_eq!(scan_open(handle, b"").unwrap_err(), -2);
        assert_eq!(scan_next(handle).unwrap_err(), -2);
        assert_eq!(stats(handle).unwrap_err(), -2);
    }
}

#[test]
fn null_pointers_are_refused() {
    let f = open();
    let (path, key, mut bytes) = (f.path.as_ptr(), b"k".as_ptr(), fds_bytes::EMPTY);
    let short = fds_stats {
        struct_size: 8,
        ..Default::default()
    };
    unsafe {
        assert_eq!(fds_open(null(), NO_OPTIONS, &mut 0), -1);
        assert_eq!(fds_open(path, NO_OPTIONS, null_mut()), -1);
        assert_eq!(fds_put(f.store, null(), 3, key, 1), -1);
        assert_eq!(fds_put(f.store, key, 1, null(), 1), -1);
        assert_eq!(fds_get(f.store, key, 1, null_mut()), -1);
        assert_eq!(fds_get(f.store, null(), 1, &mut bytes), -1);
        assert_eq!(fds_get_async(f.store, key, 1, None, null_mut()), -1);
        assert_eq!(fds_scan_open(f.store, null(), 0, null_mut()), -1);
        assert_eq!(fds_stats_get(f.store, null_mut()), -1);
        assert_eq!(fds_stats_get(f.store, &mut { short }), -3);
        fds_free_bytes(fds_bytes::EMPTY);
    }
    assert_eq!(stats(f.store).unwrap().scans_open, 0);
    assert_eq!(close(f.store), 0);
}

#[test]
fn a_handshake_names_the_difference() {
    let [options, stats, bytes] = [
        size_of::<fds_options>(),
        size_of::<fds_stats>(),
        size_of::<fds_bytes>(),
    ];
    assert_eq!(fds_abi_version(), 1);
    assert_eq!([options, stats, bytes], [16, 56, 16]);
    assert_eq!(fds_handshake(1, options, stats, bytes), 0);
    assert_eq!(fds_handshake(2, options, stats, bytes), -3);
    assert_eq!(fds_handshake(1, options, 8, bytes), -3);
    assert!(last_error().contains("size of fds_stats: the host has 8, the library 56"));
}

#[test]
fn the_version_is_the_crates() {
    let version = unsafe { CStr::from_ptr(fds_version()) };
    assert_eq!(version.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}

#[test]
fn options_are_checked() {
    let f = open();
    let mut odd = options(FDS_CREATE | 1 << 31);
    assert_eq!(open_at(&f.path, &odd), Err(-1));
    odd.struct_size = 12;
    assert_eq!(open_at(&f.path, &odd), Err(-3));
    assert_eq!(close(f.store), 0);
}

#[test]
fn what_the_disk_refuses_is_a_storage_error() {
    let f = open();
    let missing = CString::new(f.dir.path().join("no/db").to_str().unwrap()).unwrap();
    let folder = CString::new(f.dir.path().to_str().unwrap()).unwrap();
    let garbage = CString::new(f.dir.path().join("garbage").to_str().unwrap()).unwrap();
    std::fs::write(f.dir.path().join("garbage"), "not a database".repeat(1000)).unwrap();
    for path in [&missing, &folder, &garbage, &f.path] {
        assert_eq!(open_at(path, &options(FDS_CREATE)), Err(-4), "{path:?}");
        assert!(last_error().starts_with("storage: "));
    }
    assert_eq!(close(f.store), 0);
}

#[test]
fn keys_and_prefixes_have_their_limits() {
    let f = open();
    let key = "k".repeat((64 << 10) + 1);
    assert_eq!(put(f.store, &key, b"v"), -1);
    assert_eq!(get(f.store, &key).0, -1);
    assert_eq!(delete(f.store, &key), -1);
    assert_eq!(put(f.store, &key[1..], b"v"), 0);
    assert_eq!(get(f.store, &key[1..]).0, 0);
    let deep = "a/".repeat(1 << 19);
    for prefix in [&[0xff, 0xfe, 0xfd][..], deep.as_bytes()] {
        assert_eq!(scan_open(f.store, prefix), Err(-1));
    }
    assert_eq!(close(f.store), 0);
}

#[test]
fn the_last_error_is_the_threads_own_and_may_be_cut() {
    assert_eq!(close(0), -2);
    let whole = last_error();
    std::thread::spawn(|| assert_eq!(last_error(), ""))
        .join()
        .unwrap();
    let mut buffer = [b'x'; 8];
    let len = unsafe { fds_last_error(buffer.as_mut_ptr().cast(), 5) };
    assert_eq!(len, whole.len());
    assert_eq!(&buffer, format!("{}\0xxx", &whole[..4]).as_bytes());
    assert_eq!(unsafe { fds_last_error(null_mut(), 0) }, whole.len());
}
