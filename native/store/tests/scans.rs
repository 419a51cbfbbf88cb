//! What an iterator shows, and when it ends.
mod common;

use common::*;
use ffi_doctor_store::ffi::*;

fn with(keys: &[&str]) -> Fixture {
    let f = open();
    for key in keys {
        assert_eq!(put(f.store, key, key.as_bytes()), 0);
    }
    f
}

#[test]
fn a_scan_ends_stays_ended_and_closes_once() {
    let f = with(&["a/2", "b/1", "a/1", "a"]);
    let scan = scan_open(f.store, b"a/").unwrap();
    assert_eq!(stats(f.store).unwrap().scans_open, 1);
    assert_eq!(scan_next(scan).unwrap(), "a/1");
    assert_eq!(scan_next(scan).unwrap(), "a/2");
    assert_eq!(scan_next(scan), Err(2));
    assert_eq!(put(f.store, "a/3", b"late"), 0);
    assert_eq!(scan_next(scan), Err(2));
    assert_eq!(fds_scan_close(scan), 0);
    assert_eq!(fds_scan_close(scan), -2);
    assert_eq!(scan_next(scan), Err(-2));
    assert_eq!(stats(f.store).unwrap().scans_open, 0);
    assert_eq!(close(f.store), 0);
}

#[test]
fn an_empty_prefix_is_all_and_a_part_of_a_segment_will_do() {
    let f = with(&["a", "ab", "b"]);
    for (prefix, expected) in [("", &["a", "ab", "b"][..]), ("a", &["a", "ab"]), ("c", &[])] {
        let scan = scan_open(f.store, prefix.as_bytes()).unwrap();
        let seen: Vec<_> = std::iter::from_fn(|| scan_next(scan).ok()).collect();
        assert_eq!(seen, expected);
        assert_eq!(fds_scan_close(scan), 0);
    }
    assert_eq!(close(f.store), 0);
}

#[test]
fn changes_ahead_are_seen_and_changes_behind_are_not() {
    let f = with(&["b", "d"]);
    let scan = scan_open(f.store, b"").unwrap();
    assert_eq!(scan_next(scan).unwrap(), "b");
    assert_eq!(put(f.store, "a", b""), 0);
    assert_eq!(put(f.store, "c", b""), 0);
    assert_eq!(delete(f.store, "b"), 0);
    assert_eq!(delete(f.store, "d"), 0);
    assert_eq!(scan_next(scan).unwrap(), "c");
    assert_eq!(scan_next(scan), Err(2));
    assert_eq!(fds_scan_close(scan), 0);
    assert_eq!(close(f.store), 0);
}

#[test]
fn threads_may_share_a_scan_each_record_going_to_one() {
    let keys: Vec<String> = (0..100).map(|i| format!("{i:03}")).collect();
    let f = with(&keys.iter().map(String::as_str).collect::<Vec<_>>());
    let scan = scan_open(f.store, b"").unwrap();
    let mut seen = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| std::iter::from_fn(|| scan_next(scan).ok()).collect::<Vec<_>>()))
            .collect();
        readers
            .into_iter()
            .flat_map(|reader| reader.join().unwrap())
            .collect::<Vec<_>>()
    });
    seen.sort();
    assert_eq!(seen, keys);
    assert_eq!(fds_scan_close(scan), 0);
    assert_eq!(close(f.store), 0);
}

#[test]
fn a_scan_over_a_closed_store_says_so() {
    let f = with(&["a"]);
    let scan = scan_open(f.store, b"").unwrap();
    assert_eq!(close(f.store), 0);
    assert_eq!(scan_next(scan), Err(-6));
    assert_eq!(fds_scan_close(scan), 0);
}
