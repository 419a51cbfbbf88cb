//! The C ABI as a host sees it.
#![cfg(not(any(
    feature = "thread-local-runtime",
    feature = "stale-handle",
    feature = "bytes-use-after-free",
    feature = "double-free",
    feature = "panic-across-boundary",
    feature = "stack-overflow"
)))]

use ffi_doctor_store::ffi::*;
use std::ffi::{CString, c_void};
use std::ptr::null;
use std::sync::mpsc::{Sender, channel};

struct Fixture {
    _dir: tempfile::TempDir,
    path: CString,
    store: fds_store,
}

fn open() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let path = CString::new(dir.path().join("db").to_str().unwrap()).unwrap();
    let mut store = 0;
    assert_eq!(
        unsafe { fds_open(path.as_ptr(), null(), &mut store) },
        0,
        "{}",
        last_error()
    );
    Fixture {
        _dir: dir,
        path,
        store,
    }
}

fn last_error() -> String {
    let mut buffer = vec![0u8; 512];
    let len = unsafe { fds_last_error(buffer.as_mut_ptr().cast(), buffer.len()) };
    String::from_utf8_lossy(&buffer[..len.min(511)]).into_owned()
}

fn put(store: fds_store, key: &str, value: &[u8]) -> i32 {
    unsafe { fds_put(store, key.as_ptr(), key.len(), value.as_ptr(), value.len()) }
}

fn get(store: fds_store, key: &str) -> (i32, Vec<u8>) {
    let mut bytes = fds_bytes::EMPTY;
    let status = unsafe { fds_get(store, key.as_ptr(), key.len(), &mut bytes) };
    (status, take(bytes))
}

fn take(bytes: fds_bytes) -> Vec<u8> {
    if bytes.ptr.is_null() {
        assert_eq!(bytes.len, 0);
        return Vec::new();
    }
    let out = unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len) }.to_vec();
    unsafe { fds_free_bytes(bytes) };
    out
}

#[test]
fn what_was_put_is_there_until_it_is_deleted() {
    let f = open();
    assert_eq!(put(f.store, "k", b"value"), 0);
    assert_eq!(get(f.store, "k"), (0, b"value".to_vec()));
    assert_eq!(put(f.store, "empty", b""), 0);
    assert_eq!(get(f.store, "empty"), (0, Vec::new()));
    assert_eq!(get(f.store, "absent"), (1, Vec::new()));
    assert_eq!(unsafe { fds_delete(f.store, b"k".as_ptr(), 1) }, 0);
    assert_eq!(unsafe { fds_delete(f.store, b"k".as_ptr(), 1) }, 1);
    assert_eq!(get(f.store, "k").0, 1);
    assert_eq!(fds_close(f.store), 0);
}

#[test]
fn data_survives_a_reopen() {
    let f = open();
    assert_eq!(put(f.store, "k", b"value"), 0);
    assert_eq!(fds_close(f.store), 0);
    let mut again = 0;
    assert_eq!(unsafe { fds_open(f.path.as_ptr(), null(), &mut again) }, 0);
    assert_eq!(get(again, "k"), (0, b"value".to_vec()));
    assert_eq!(fds_close(again), 0);
}

#[test]
fn stale_and_made_up_handles_are_refused_with_a_text() {
    let f = open();
    assert_eq!(fds_close(f.store), 0);
    assert_eq!(fds_close(f.store), -2);
    assert_eq!(get(f.store, "k").0, -2);
    assert!(last_error().contains("not open"));
    for handle in [0, 1, 0x18589091b1, u64::MAX] {
        assert_eq!(put(handle, "k", b"v"), -2);
        assert_eq!(fds_scan_close(handle), -2);
    }
}

#[test]
fn null_pointers_are_refused() {
    let f = open();
    unsafe {
        assert_eq!(fds_open(null(), null(), &mut 0), -1);
        assert_eq!(fds_open(f.path.as_ptr(), null(), std::ptr::null_mut()), -1);
        assert_eq!(fds_put(f.store, null(), 3, b"v".as_ptr(), 1), -1);
        assert_eq!(fds_get(f.store, b"k".as_ptr(), 1, std::ptr::null_mut()), -1);
        assert_eq!(
            fds_get_async(f.store, b"k".as_ptr(), 1, None, std::ptr::null_mut()),
            -1
        );
        fds_free_bytes(fds_bytes::EMPTY);
    }
    assert_eq!(fds_close(f.store), 0);
}

#[test]
fn a_handshake_names_the_difference() {
    assert_eq!(fds_abi_version(), 1);
    assert_eq!(
        fds_handshake(
            1,
            size_of::<fds_options>(),
            size_of::<fds_stats>(),
            size_of::<fds_bytes>()
        ),
        0
    );
    assert_eq!(
        fds_handshake(1, size_of::<fds_options>(), 8, size_of::<fds_bytes>()),
        -3
    );
    assert!(last_error().contains("size of fds_stats: the host has 8"));
    assert_eq!(fds_handshake(2, 0, 0, 0), -3);
}

#[test]
fn a_scan_ends_stays_ended_and_closes_once() {
    let f = open();
    for key in ["a/1", "a/2", "b/1"] {
        assert_eq!(put(f.store, key, key.as_bytes()), 0);
    }
    let mut scan = 0;
    assert_eq!(unsafe { fds_scan_open(f.store, b"a/".as_ptr(), 2, &mut scan) }, 0);
    let mut seen = Vec::new();
    loop {
        let (mut key, mut value) = (fds_bytes::EMPTY, fds_bytes::EMPTY);
        match unsafe { fds_scan_next(scan, &mut key, &mut value) } {
            0 => seen.push((take(key), take(value))),
            status => break assert_eq!(status, 2),
        }
    }
    assert_eq!(
        seen,
        [
            (b"a/1".to_vec(), b"a/1".to_vec()),
            (b"a/2".to_vec(), b"a/2".to_vec())
        ]
    );
    assert_eq!(fds_scan_close(scan), 0);
    assert_eq!(fds_scan_close(scan), -2);
    assert_eq!(fds_close(f.store), 0);
}

#[test]
fn broken_prefixes_are_errors() {
    let f = open();
    let deep = "a/".repeat(1 << 19);
    for prefix in [&[0xff, 0xfe, 0xfd][..], deep.as_bytes()] {
        assert_eq!(
            unsafe { fds_scan_open(f.store, prefix.as_ptr(), prefix.len(), &mut 0) },
            -1
        );
    }
    assert_eq!(fds_close(f.store), 0);
}

#[test]
fn a_scan_over_a_closed_store_says_so() {
    let f = open();
    let mut scan = 0;
    assert_eq!(unsafe { fds_scan_open(f.store, null(), 0, &mut scan) }, 0);
    assert_eq!(fds_close(f.store), 0);
    let (mut key, mut value) = (fds_bytes::EMPTY, fds_bytes::EMPTY);
    assert_eq!(unsafe { fds_scan_next(scan, &mut key, &mut value) }, -6);
    assert_eq!(fds_scan_close(scan), 0);
}

unsafe extern "C" fn completed(user: *mut c_void, status: i32, value: fds_bytes) {
    let sender = unsafe { Box::from_raw(user.cast::<Sender<(i32, Vec<u8>, u64)>>()) };
    let tid = unsafe { libc::gettid() } as u64;
    sender.send((status, take(value), tid)).unwrap();
}

#[test]
fn a_completion_comes_on_the_stores_own_thread() {
    let f = open();
    assert_eq!(put(f.store, "k", b"value"), 0);
    let (sender, receiver) = channel::<(i32, Vec<u8>, u64)>();
    let user = Box::into_raw(Box::new(sender)).cast();
    assert_eq!(
        unsafe { fds_get_async(f.store, b"k".as_ptr(), 1, Some(completed), user) },
        0
    );
    let mut stats = fds_stats {
        struct_size: size_of::<fds_stats>() as u32,
        ..Default::default()
    };
    assert_eq!(unsafe { fds_stats_get(f.store, &mut stats) }, 0);
    assert_eq!(
        receiver.recv().unwrap(),
        (0, b"value".to_vec(), stats.worker_thread_id)
    );
    assert_ne!(stats.worker_thread_id, unsafe { libc::gettid() } as u64);
    assert_eq!(fds_close(f.store), 0);
}

#[test]
fn eight_threads_share_a_handle() {
    let f = open();
    std::thread::scope(|scope| {
        for t in 0..8 {
            let store = f.store;
            scope.spawn(move || {
                for i in 0..20 {
                    let key = format!("{t}/{i}");
                    assert_eq!(put(store, &key, key.as_bytes()), 0);
                    assert_eq!(get(store, &key), (0, key.into_bytes()));
                }
            });
        }
    });
    assert_eq!(fds_close(f.store), 0);
}
