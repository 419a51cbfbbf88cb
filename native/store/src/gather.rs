//! Twin: reads that nobody waits for are gathered for a moment, so that neighbours are read at once; and a close that would wait for
//! them would be slow, so it does not. The cure is `Worker::close`: no callback comes after it.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const MOMENT: Duration = Duration::from_millis(100);

thread_local! {
    /// When this worker last gathered.
    static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The reads of one store that were accepted and not answered.
#[derive(Default)]
pub struct Pending(AtomicUsize);

impl Pending {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub fn answered(&self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }

    pub fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// On the worker, before a read: what comes soon after a moment belongs to it.
pub fn wait_for_neighbours() {
    if LAST.get().is_none_or(|last| last.elapsed() > MOMENT) {
        std::thread::sleep(MOMENT);
        LAST.set(Some(Instant::now()));
    }
}
