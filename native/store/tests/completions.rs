//! `fds_get_async` and its callback.
mod common;

use common::*;
use ffi_doctor_store::ffi::*;
use std::ffi::c_void;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// What a callback saw.
#[derive(Debug, PartialEq)]
struct Answer {
    status: i32,
    value: Vec<u8>,
    thread: u64,
    /// The answers to calls that it made itself.
    inner: Vec<i32>,
}

struct Request {
    answers: Sender<Answer>,
    store: fds_store,
    call_back: bool,
}

unsafe extern "C" fn completed(user: *mut c_void, status: i32, value: fds_bytes) {
    // SAFETY: the pointer that `get_async` gave, once.
    let request = unsafe { Box::from_raw(user.cast::<Request>()) };
    let inner = match request.call_back {
        true => vec![get(request.store, "k").0, close(request.store)],
        false => Vec::new(),
    };
    let thread = unsafe { libc::gettid() } as u64;
    let value = take(value);
    let _ = request.answers.send(Answer {
        status,
        value,
        thread,
        inner,
    });
}

fn get_async(store: fds_store, key: &str, call_back: bool) -> Receiver<Answer> {
    let (answers, receiver) = channel();
    let user = Box::into_raw(Box::new(Request {
        answers,
        store,
        call_back,
    }));
    let status = unsafe { fds_get_async(store, key.as_ptr(), key.len(), Some(completed), user.cast()) };
    if status != 0 {
        // SAFETY: refused, so the callback will never have it.
        drop(unsafe { Box::from_raw(user) });
    }
    receiver
}

#[test]
fn a_completion_comes_on_the_stores_own_thread() {
    let f = open();
    assert_eq!(put(f.store, "k", b"value"), 0);
    let worker = stats(f.store).unwrap().worker_thread_id;
    assert_ne!(worker, unsafe { libc::gettid() } as u64);
    for (key, status, value) in [("k", 0, &b"value"[..]), ("absent", 1, b"")] {
        let answer = get_async(f.store, key, false)
            .recv_timeout(Duration::from_secs(10))
            .unwrap();
        let value = value.to_vec();
        let expected = Answer {
            status,
            value,
            thread: worker,
            inner: vec![],
        };
        assert_eq!(answer, expected);
    }
    assert_eq!(close(f.store), 0);
}

#[test]
fn a_callback_that_would_wait_for_its_own_store_is_refused() {
    let f = open();
    let answer = get_async(f.store, "k", true)
        .recv_timeout(Duration::from_secs(10))
        .unwrap();
    assert_eq!(answer.inner, [-1, -1]);
    assert_eq!(put(f.store, "k", b"the store is open as before"), 0);
    assert_eq!(close(f.store), 0);
}

#[test]
fn a_close_waits_for_every_completion() {
    let f = open();
    let pending: Vec<_> = (0..100).map(|_| get_async(f.store, "k", false)).collect();
    assert_eq!(close(f.store), 0);
    for answer in pending {
        assert_eq!(answer.try_recv().unwrap().status, 1);
    }
    assert!(get_async(f.store, "k", false).recv().is_err(), "never called");
}
