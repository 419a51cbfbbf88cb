//! Bytes given out are counted over all handles: one test, so that no other one counts along.
mod common;

use common::*;
use ffi_doctor_store::ffi::*;

#[test]
fn outstanding_bytes_are_those_not_given_back() {
    let f = open();
    assert_eq!(put(f.store, "k", &[1; 100]), 0);
    let mut held = fds_bytes::EMPTY;
    assert_eq!(unsafe { fds_get(f.store, b"k".as_ptr(), 1, &mut held) }, 0);
    assert_eq!(get(f.store, "k").1.len(), 100);
    let scan = scan_open(f.store, b"").unwrap();
    assert_eq!(scan_next(scan).unwrap(), "k");
    assert_eq!(stats(f.store).unwrap().bytes_outstanding, 100);
    assert_eq!(take(held), [1; 100]);
    assert_eq!(stats(f.store).unwrap().bytes_outstanding, 0);
    assert_eq!(fds_scan_close(scan), 0);
    assert_eq!(close(f.store), 0);
}
