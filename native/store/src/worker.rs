//! A handle's own thread. Calls from any thread are handed to it, so that the store never sees a changing OS thread.

use crate::status::{Error, Result};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

pub struct Worker<S> {
    jobs: Option<Sender<Job<S>>>,
    thread: Option<JoinHandle<()>>,
    /// The kernel's id of the thread (gettid(2)).
    pub tid: u64,
}

impl<S: 'static> Worker<S> {
    /// Starts the thread and builds its state there. `make` runs on the worker.
    pub fn start(name: &str, make: impl FnOnce() -> Result<S> + Send + 'static) -> Result<Worker<S>> {
        let (jobs, queue) = channel::<Job<S>>();
        let (ready, started) = channel();
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || {
                let mut state = match make() {
                    Ok(state) => {
                        // SAFETY: gettid takes no argument and cannot fail.
                        let _ = ready.send(Ok(unsafe { libc::gettid() } as u64));
                        state
                    }
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                for job in queue {
                    // A panic in one job must not take the worker, and every later call, with it.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&mut state)));
                }
            })
            .map_err(|error| Error::Storage(error.to_string()))?;
        let tid = started
            .recv()
            .map_err(|_| Error::Panic("the worker died while it started".into()))??;
        Ok(Worker {
            jobs: Some(jobs),
            thread: Some(thread),
            tid,
        })
    }

    /// Runs a job on the worker and waits for its result.
    pub fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = channel();
        self.submit(move |state| {
            let _ = reply.send(job(state));
        })?;
        answer
            .recv()
            .map_err(|_| Error::Panic("the call panicked on the worker".into()))?
    }

    /// Hands a job over and returns at once.
    pub fn submit(&self, job: impl FnOnce(&mut S) + Send + 'static) -> Result<()> {
        let jobs = self.jobs.as_ref().ok_or(Error::Closed)?;
        jobs.send(Box::new(job)).map_err(|_| Error::Closed)
    }
}

impl<S> Drop for Worker<S> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // The last reference may go on the worker itself, from inside a completion callback.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
