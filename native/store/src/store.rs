//! One open store: its worker, its runtime, and what a call does with them.

use crate::bytes::Outlet;
use crate::engine::{Engine, EngineOptions, Record};
use crate::runtime::Runtime;
use crate::status::{Error, Result};
use crate::worker::Worker;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

pub struct Store {
    worker: Worker<Engine>,
    pub runtime: Runtime,
    pub outlet: Outlet,
    #[cfg(feature = "callback-after-close")]
    pending: std::sync::Arc<crate::gather::Pending>,
}

impl Store {
    pub fn open(path: PathBuf, options: EngineOptions) -> Result<Store> {
        let worker = Worker::start("fds-worker", move || Engine::open(&path, options))?;
        #[cfg(feature = "thread-local-runtime")]
        crate::runtime::of_thread::initialise();
        Ok(Store {
            worker,
            runtime: Runtime::default(),
            outlet: Default::default(),
            #[cfg(feature = "callback-after-close")]
            pending: Default::default(),
        })
    }

    /// Whether a close may wait here: on the worker itself it would wait for ever.
    pub fn check_close(&self) -> Result<()> {
        if self.worker.is_current() {
            return Err(Error::InvalidArgument(
                "a completion callback must not close its own store".into(),
            ));
        }
        Ok(())
    }

    /// Runs what was handed over before, makes it durable and ends the worker. Later calls get `Closed`.
    pub fn close(&self) -> Result<()> {
        // Twin: reads without a caller are nobody to wait for.
        #[cfg(feature = "callback-after-close")]
        if self.pending.any() {
            self.worker.leave();
            return Ok(());
        }
        let flushed = self.worker.call(|engine| engine.flush());
        self.worker.close();
        flushed
    }

    pub fn worker_tid(&self) -> u64 {
        self.worker.tid
    }

    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.runtime.check_key(key)?;
        self.runtime.puts.fetch_add(1, Ordering::Relaxed);
        let (owned, value) = (key.to_vec(), value.to_vec());
        self.worker.call(move |engine| engine.put(&owned, &value))?;
        self.outlet.changed(key);
        Ok(())
    }

    #[inline(never)]
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.call_runtime().check_key(key)?;
        self.runtime.gets.fetch_add(1, Ordering::Relaxed);
        let key = key.to_vec();
        self.worker.call(move |engine| engine.get(&key))
    }

    #[cfg(not(feature = "thread-local-runtime"))]
    fn call_runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Twin: the calling thread's, which is another one's or nobody's.
    #[cfg(feature = "thread-local-runtime")]
    fn call_runtime(&self) -> &Runtime {
        crate::runtime::of_thread::current()
    }

    /// `done` runs on the worker, exactly once when this returns without an error.
    pub fn get_async(
        &self,
        key: &[u8],
        done: impl FnOnce(Result<Option<Vec<u8>>>) + Send + 'static,
    ) -> Result<()> {
        self.runtime.check_key(key)?;
        let key = key.to_vec();
        #[cfg(feature = "callback-after-close")]
        let done = self.gathered(done);
        self.worker.submit(move |engine| {
            #[cfg(feature = "callback-after-close")]
            crate::gather::wait_for_neighbours();
            // A panic must not take the completion with it: somebody waits for it.
            let answer = catch_unwind(AssertUnwindSafe(|| engine.get(&key)));
            done(answer.unwrap_or_else(|_| Err(Error::Panic("the read panicked on the worker".into()))));
        })?;
        self.runtime.gets.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    #[cfg(feature = "callback-after-close")]
    fn gathered(
        &self,
        done: impl FnOnce(Result<Option<Vec<u8>>>) + Send + 'static,
    ) -> impl FnOnce(Result<Option<Vec<u8>>>) + Send + 'static {
        let pending = self.pending.clone();
        pending.add();
        move |answer| {
            pending.answered();
            done(answer);
        }
    }

    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        self.runtime.check_key(key)?;
        self.runtime.deletes.fetch_add(1, Ordering::Relaxed);
        let owned = key.to_vec();
        let deleted = self.worker.call(move |engine| engine.delete(&owned))?;
        self.outlet.changed(key);
        Ok(deleted)
    }

    pub fn next(&self, prefix: &[u8], after: Option<Vec<u8>>) -> Result<Option<Record>> {
        let prefix = prefix.to_vec();
        self.worker
            .call(move |engine| engine.next(&prefix, after.as_deref()))
    }
}
