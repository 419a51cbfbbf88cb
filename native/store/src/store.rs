//! One open store: its worker, its runtime, and what a call does with them.

use crate::engine::{Engine, EngineOptions, Record};
use crate::runtime::Runtime;
use crate::status::{Error, Result};
use crate::worker::Worker;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};

pub struct Store {
    worker: RwLock<Option<Arc<Worker<Engine>>>>,
    pub runtime: Box<Runtime>,
    #[cfg(feature = "bytes-use-after-free")]
    pub lent: crate::ffi::lent::LentValues,
}

impl Store {
    pub fn open(path: PathBuf, options: EngineOptions) -> Result<Store> {
        let worker = Worker::start("fds-worker", move || Engine::open(&path, options))?;
        let runtime = Box::new(Runtime::default());
        #[cfg(feature = "thread-local-runtime")]
        crate::runtime::thread_local::install(&*runtime);
        Ok(Store {
            worker: RwLock::new(Some(Arc::new(worker))),
            runtime,
            #[cfg(feature = "bytes-use-after-free")]
            lent: Default::default(),
        })
    }

    /// Waits for what was handed over before, then ends the worker. Later calls get `Closed`.
    pub fn close(&self) {
        self.worker
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .take();
    }

    fn worker(&self) -> Result<Arc<Worker<Engine>>> {
        let worker = self
            .worker
            .read()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        worker.clone().ok_or(Error::Closed)
    }

    pub fn worker_tid(&self) -> u64 {
        self.worker().map_or(0, |worker| worker.tid)
    }

    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.runtime.puts.fetch_add(1, Ordering::Relaxed);
        let (key, value) = (key.to_vec(), value.to_vec());
        self.worker()?.call(move |engine| engine.put(&key, &value))
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.enter_read();
        let key = key.to_vec();
        self.worker()?.call(move |engine| engine.get(&key))
    }

    #[cfg(not(feature = "thread-local-runtime"))]
    fn enter_read(&self) {
        self.runtime.enter_read();
    }

    #[cfg(feature = "thread-local-runtime")]
    fn enter_read(&self) {
        crate::runtime::thread_local::enter_read();
    }

    /// `done` runs on the worker.
    pub fn get_async(
        &self,
        key: &[u8],
        done: impl FnOnce(Result<Option<Vec<u8>>>) + Send + 'static,
    ) -> Result<()> {
        self.runtime.enter_read();
        let key = key.to_vec();
        self.worker()?.submit(move |engine| done(engine.get(&key)))
    }

    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        self.runtime.deletes.fetch_add(1, Ordering::Relaxed);
        let key = key.to_vec();
        self.worker()?.call(move |engine| engine.delete(&key))
    }

    pub fn next(&self, prefix: &[u8], after: Option<Vec<u8>>) -> Result<Option<Record>> {
        let prefix = prefix.to_vec();
        self.worker()?
            .call(move |engine| engine.next(&prefix, after.as_deref()))
    }
}
