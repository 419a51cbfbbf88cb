//! A kill -9 in the middle of puts loses nothing that was acknowledged, and tears nothing.
mod common;

use common::*;
use ffi_doctor_store::ffi::FDS_CREATE;
use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

const DATABASE: &str = "FDS_TEST_DATABASE";
const ROUNDS: u64 = 6;

/// 64 KiB, each byte told by the number of its put.
fn value_of(i: usize) -> Vec<u8> {
    format!("{i:08}").repeat(8 << 10).into_bytes()
}

fn open_synced(path: &str) -> u64 {
    let path = CString::new(path).unwrap();
    open_at(&path, &options(FDS_CREATE)).unwrap_or_else(|_| panic!("{}", last_error()))
}

/// The child: puts for ever, and says each acknowledged one. Does nothing in the parent's own run.
#[test]
fn writer() {
    let Ok(path) = std::env::var(DATABASE) else { return };
    let store = open_synced(&path);
    for i in 0.. {
        assert_eq!(put(store, &format!("{i:08}"), &value_of(i)), 0);
        println!("acknowledged {i}");
    }
}

/// Kills a writer `delay` after its fifth put. The number of the last put that it acknowledged.
fn write_and_kill(path: &str, delay: Duration) -> usize {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["writer", "--exact", "--nocapture"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = lines.map_while(Result::ok).filter_map(|line| {
        let (_, number) = line.rsplit_once("acknowledged ")?;
        number.parse::<usize>().ok()
    });
    let mut last = acknowledged.by_ref().take(5).last().expect("the writer started");
    std::thread::sleep(delay);
    child.kill().unwrap();
    // What it said before it died and nobody had read yet.
    last = acknowledged.last().unwrap_or(last);
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    last
}

#[test]
fn acknowledged_puts_survive_a_kill() {
    if std::env::var_os(DATABASE).is_some() {
        return;
    }
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db").to_str().unwrap().to_owned();
        // Odd steps, so that the rounds die at different places within a put.
        let last = write_and_kill(&path, Duration::from_micros(1700 * round));
        let store = open_synced(&path);
        for i in 0..=last {
            let found = get(store, &format!("{i:08}"));
            assert!(
                found == (0, value_of(i)),
                "put {i} was acknowledged and is lost or torn"
            );
        }
        // The put that it died in is there whole, or not at all.
        match get(store, &format!("{:08}", last + 1)) {
            (1, _) => (),
            found => assert!(found == (0, value_of(last + 1)), "put {} is torn", last + 1),
        }
        assert_eq!(close(store), 0);
    }
}
