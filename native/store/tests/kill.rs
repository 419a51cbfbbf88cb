//! A kill -9 in the middle of puts loses nothing that was acknowledged, and tears nothing.
#![cfg(not(any(
    feature = "stale-handle",
    feature = "thread-local-runtime",
    feature = "double-free"
)))]

use ffi_doctor_store::ffi::*;
use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::ptr::null;

const DATABASE: &str = "FDS_TEST_DATABASE";

fn value_of(i: usize) -> Vec<u8> {
    format!("{i}:").repeat(500).into_bytes()
}

fn open(path: &str) -> fds_store {
    let path = CString::new(path).unwrap();
    let mut store = 0;
    assert_eq!(unsafe { fds_open(path.as_ptr(), null(), &mut store) }, 0);
    store
}

/// The child: puts for ever, and says each acknowledged one.
#[test]
fn writer() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let store = open(&path);
    for i in 0.. {
        let (key, value) = (format!("{i:08}"), value_of(i));
        assert_eq!(
            unsafe { fds_put(store, key.as_ptr(), key.len(), value.as_ptr(), value.len()) },
            0
        );
        println!("acknowledged {i}");
    }
}

#[test]
fn acknowledged_puts_survive_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db").to_str().unwrap().to_owned();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--nocapture"])
        .env(DATABASE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = None;
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines.by_ref() {
        if let Some(i) = line
            .unwrap()
            .rsplit_once("acknowledged ")
            .and_then(|(_, i)| i.parse::<usize>().ok())
        {
            last = Some(i);
            if i == 60 {
                child.kill().unwrap();
                break;
            }
        }
    }
    for line in lines.map_while(Result::ok) {
        last = line
            .strip_prefix("acknowledged ")
            .and_then(|i| i.parse().ok())
            .or(last);
    }
    child.wait().unwrap();
    let store = open(&path);
    for i in 0..=last.expect("the writer acknowledged something") {
        let key = format!("{i:08}");
        let mut bytes = fds_bytes::EMPTY;
        assert_eq!(
            unsafe { fds_get(store, key.as_ptr(), key.len(), &mut bytes) },
            0,
            "put {i} was acknowledged"
        );
        let value = unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len) };
        assert_eq!(value, value_of(i), "put {i} is torn");
        unsafe { fds_free_bytes(bytes) };
    }
    assert_eq!(fds_close(store), 0);
}
