//! A handle's own thread. Calls from any thread are handed to it, so that the store never sees a changing OS thread.

use crate::reply::{self, reply};
use crate::status::{Error, Result};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

thread_local! {
    /// Which worker this thread is; 0 on the host's threads.
    static CURRENT: Cell<u64> = const { Cell::new(0) };
}

static LAST_ID: AtomicU64 = AtomicU64::new(0);

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

pub struct Worker<S> {
    jobs: Mutex<Option<Sender<Job<S>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    id: u64,
    /// The kernel's id of the thread (gettid(2)).
    pub tid: u64,
}

impl<S: 'static> Worker<S> {
    /// Starts the thread and builds its state there. `make` runs on the worker.
    pub fn start(name: &str, make: impl FnOnce() -> Result<S> + Send + 'static) -> Result<Worker<S>> {
        let (jobs, queue) = channel();
        let (ready, started) = reply();
        let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                CURRENT.set(id);
                run(make, ready, queue);
            })
            .map_err(|error| Error::Storage(format!("cannot start a worker thread: {error}")))?;
        let tid = started
            .wait()
            .unwrap_or_else(|| Err(Error::Panic("the worker panicked while it started".into())))?;
        Ok(Worker {
            jobs: Mutex::new(Some(jobs)),
            id,
            thread: Mutex::new(Some(thread)),
            tid,
        })
    }

    /// Whether this is the worker's own thread: it cannot wait for itself.
    pub fn is_current(&self) -> bool {
        CURRENT.get() == self.id
    }

    /// Runs a job on the worker and waits for its result.
    pub fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        if self.is_current() {
            return Err(Error::InvalidArgument(
                "a completion callback must not wait for its own store".into(),
            ));
        }
        let (sender, answer) = reply();
        self.submit(move |state| sender.send(job(state)))?;
        answer
            .wait()
            .unwrap_or_else(|| Err(Error::Panic("the call panicked on the worker".into())))
    }

    /// Hands a job over and returns at once. What was accepted is run, a close notwithstanding.
    pub fn submit(&self, job: impl FnOnce(&mut S) + Send + 'static) -> Result<()> {
        let jobs = lock(&self.jobs);
        let jobs = jobs.as_ref().ok_or(Error::Closed)?;
        jobs.send(Box::new(job)).map_err(|_| Error::Closed)
    }

    /// Twin: the thread ends when it has run what was handed over, whenever that is.
    #[cfg(feature = "callback-after-close")]
    pub fn leave(&self) {
        drop(lock(&self.jobs).take());
        drop(lock(&self.thread).take());
    }

    /// Runs what was handed over, ends the thread and waits for its end. A second close does nothing.
    pub fn close(&self) {
        drop(lock(&self.jobs).take());
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn run<S>(make: impl FnOnce() -> Result<S>, ready: reply::Sender<Result<u64>>, queue: Receiver<Job<S>>) {
    let mut state = match make() {
        Ok(state) => state,
        Err(error) => return ready.send(Err(error)),
    };
    // SAFETY: gettid takes no argument and cannot fail.
    ready.send(Ok(unsafe { libc::gettid() } as u64));
    for job in queue {
        // A panic in one job must not take the worker, and every later call, with it.
        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut state)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    fn counter() -> Worker<usize> {
        Worker::start("test-worker", || Ok(0)).unwrap()
    }

    #[test]
    fn jobs_run_in_order_on_one_thread() {
        let worker = counter();
        for expected in 1..=10 {
            let (count, id) = worker
                .call(|count| {
                    *count += 1;
                    Ok((*count, CURRENT.get()))
                })
                .unwrap();
            assert_eq!((count, id), (expected, worker.id));
        }
    }

    #[test]
    fn a_panic_is_told_and_the_worker_goes_on() {
        let worker = counter();
        let lost = worker.call(|_| -> Result<()> { panic!("on purpose") });
        assert!(matches!(lost, Err(Error::Panic(_))));
        assert_eq!(worker.call(|count| Ok(*count)), Ok(0));
    }

    #[test]
    fn close_runs_what_was_accepted_and_refuses_the_rest() {
        let worker = counter();
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..100 {
            let ran = Arc::clone(&ran);
            worker
                .submit(move |_| {
                    ran.fetch_add(1, Ordering::Relaxed);
                })
                .unwrap();
        }
        worker.close();
        worker.close();
        assert_eq!(ran.load(Ordering::Relaxed), 100);
        assert_eq!(worker.submit(|_| ()), Err(Error::Closed));
        assert_eq!(worker.call(|count| Ok(*count)), Err(Error::Closed));
    }

    #[test]
    fn the_worker_is_not_let_wait_for_itself() {
        let worker = Arc::new(counter());
        let inner = Arc::clone(&worker);
        let answer = worker.call(move |_| Ok(inner.call(|_| Ok(()))));
        assert!(matches!(answer, Ok(Err(Error::InvalidArgument(_)))));
        worker.close();
    }

    #[test]
    fn a_start_that_fails_says_why() {
        let failed = Worker::<()>::start("test-worker", || Err(Error::Storage("no disk".into())));
        assert_eq!(failed.err(), Some(Error::Storage("no disk".into())));
    }
}
