//! Records through the C ABI: put, get, delete, reopen, from many threads.
mod common;

use common::*;
use ffi_doctor_store::ffi::*;
use std::ptr::null;

#[test]
fn what_was_put_is_there_until_it_is_deleted() {
    let f = open();
    assert_eq!(put(f.store, "k", b"value"), 0);
    assert_eq!(put(f.store, "k", b"newer"), 0);
    assert_eq!(get(f.store, "k"), (0, b"newer".to_vec()));
    assert_eq!(get(f.store, "absent"), (1, Vec::new()));
    assert_eq!(delete(f.store, "k"), 0);
    assert_eq!(delete(f.store, "k"), 1);
    assert_eq!(get(f.store, "k").0, 1);
    assert_eq!(close(f.store), 0);
}

#[test]
fn keys_and_values_may_be_empty_and_of_any_bytes() {
    let f = open();
    let (key, value) = (b"\xff\0\xfe", b"\0\0");
    unsafe {
        assert_eq!(fds_put(f.store, null(), 0, null(), 0), 0);
        assert_eq!(fds_put(f.store, key.as_ptr(), 3, value.as_ptr(), 2), 0);
        let mut bytes = fds_bytes::EMPTY;
        assert_eq!(fds_get(f.store, null(), 0, &mut bytes), 0);
        assert!(bytes.ptr.is_null());
        assert_eq!(fds_get(f.store, key.as_ptr(), 3, &mut bytes), 0);
        assert_eq!(take(bytes), value);
    }
    assert_eq!(close(f.store), 0);
}

#[test]
fn a_value_outlives_its_record_and_its_store() {
    let f = open();
    let large = vec![b'x'; 1 << 20];
    let mut bytes = fds_bytes::EMPTY;
    assert_eq!(put(f.store, "k", &large), 0);
    assert_eq!(unsafe { fds_get(f.store, b"k".as_ptr(), 1, &mut bytes) }, 0);
    assert_eq!(put(f.store, "k", &vec![b'y'; 1 << 20]), 0);
    assert_eq!(close(f.store), 0);
    assert_eq!(take(bytes), large);
}

#[test]
fn data_survives_a_reopen_with_and_without_sync() {
    for flags in [FDS_CREATE, FDS_CREATE | FDS_NO_SYNC] {
        let f = open();
        assert_eq!(close(f.store), 0);
        let store = open_at(&f.path, &options(flags)).unwrap();
        assert_eq!(put(store, "k", b"value"), 0);
        assert_eq!(close(store), 0);
        let again = open_at(&f.path, &options(0)).unwrap();
        assert_eq!(get(again, "k"), (0, b"value".to_vec()));
        assert_eq!(close(again), 0);
    }
}

#[test]
fn eight_threads_share_a_handle() {
    let f = open();
    std::thread::scope(|scope| {
        for t in 0..8 {
            let store = f.store;
            scope.spawn(move || {
                for i in 0..50 {
                    let key = format!("{t}/{i}");
                    assert_eq!(put(store, &key, key.as_bytes()), 0);
                    assert_eq!(get(store, &key), (0, key.into_bytes()));
                }
            });
        }
    });
    let stats = stats(f.store).unwrap();
    assert_eq!((stats.puts, stats.gets), (400, 400));
    assert_eq!(close(f.store), 0);
}

#[test]
fn a_close_under_the_feet_of_other_threads_is_a_status() {
    let f = open();
    std::thread::scope(|scope| {
        for t in 0..4 {
            let store = f.store;
            scope.spawn(move || {
                for i in 0.. {
                    match put(store, &format!("{t}/{i}"), b"v") {
                        0 => (),
                        status => return assert!([-2, -6].contains(&status), "{status}"),
                    }
                }
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
        assert_eq!(close(f.store), 0);
        // The worker has ended: nothing holds the file.
        let again = open_at(&f.path, &options(0)).unwrap();
        assert_eq!(close(again), 0);
    });
}
