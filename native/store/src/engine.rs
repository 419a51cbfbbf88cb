//! The embedded store itself: redb, one table, values of any bytes.

use crate::status::Result;
use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use std::ops::Bound;
use std::path::Path;

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    pub create: bool,
    /// Whether each commit waits for the disk.
    pub sync: bool,
    /// Bytes; 0 for the store's default.
    pub cache_bytes: usize,
}

pub struct Engine {
    database: Database,
    durability: Durability,
}

pub type Record = (Vec<u8>, Vec<u8>);

impl Engine {
    pub fn open(path: &Path, options: EngineOptions) -> Result<Engine> {
        let mut builder = Database::builder();
        if options.cache_bytes > 0 {
            builder.set_cache_size(options.cache_bytes);
        }
        let database = if options.create {
            builder.create(path)?
        } else {
            builder.open(path)?
        };
        let durability = if options.sync {
            Durability::Immediate
        } else {
            Durability::None
        };
        let engine = Engine { database, durability };
        // Reads need the table: it is made here, so that none of them has to ask whether it is there.
        engine.write(durability, |_| Ok(()))?;
        Ok(engine)
    }

    fn write<T>(
        &self,
        durability: Durability,
        change: impl FnOnce(&mut redb::Table<&[u8], &[u8]>) -> Result<T>,
    ) -> Result<T> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(durability)?;
        let out = change(&mut transaction.open_table(TABLE)?)?;
        transaction.commit()?;
        Ok(out)
    }

    /// Makes durable what was committed without waiting for the disk.
    pub fn flush(&self) -> Result<()> {
        self.write(Durability::Immediate, |_| Ok(()))
    }

    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(self.durability, |table| {
            table.insert(key, value)?;
            Ok(())
        })
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }

    /// Whether there was a record.
    pub fn delete(&self, key: &[u8]) -> Result<bool> {
        self.write(self.durability, |table| Ok(table.remove(key)?.is_some()))
    }

    /// The first record after `after` (or at the start of `prefix`) whose key begins with `prefix`.
    pub fn next(&self, prefix: &[u8], after: Option<&[u8]>) -> Result<Option<Record>> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        let low = after.map_or(Bound::Included(prefix), Bound::Excluded);
        let Some(record) = table.range::<&[u8]>((low, Bound::Unbounded))?.next() else {
            return Ok(None);
        };
        let (key, value) = record?;
        let key = key.value();
        Ok(key
            .starts_with(prefix)
            .then(|| (key.to_vec(), value.value().to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Error;

    fn options(create: bool, sync: bool) -> EngineOptions {
        EngineOptions {
            create,
            sync,
            cache_bytes: 1 << 20,
        }
    }

    #[test]
    fn records_come_in_key_order_within_their_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let engine = Engine::open(&dir.path().join("db"), options(true, false)).unwrap();
        for key in [&b"a/2"[..], b"b", b"a/1", b"a/\xff\xff", b"a"] {
            engine.put(key, key).unwrap();
        }
        let (mut seen, mut after) = (Vec::new(), None);
        while let Some((key, value)) = engine.next(b"a/", after.as_deref()).unwrap() {
            assert_eq!(key, value);
            seen.push(key.clone());
            after = Some(key);
        }
        assert_eq!(seen, [&b"a/1"[..], b"a/2", b"a/\xff\xff"]);
    }

    #[test]
    fn a_flush_keeps_what_no_commit_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let engine = Engine::open(&path, options(true, false)).unwrap();
        engine.put(b"k", b"v").unwrap();
        engine.flush().unwrap();
        // A copy of the file is what a killed process leaves: nothing of it was closed in order.
        let left = dir.path().join("left");
        std::fs::copy(&path, &left).unwrap();
        let again = Engine::open(&left, options(false, true)).unwrap();
        assert_eq!(again.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    }

    #[test]
    fn a_missing_file_is_an_error_unless_it_may_be_created() {
        let dir = tempfile::tempdir().unwrap();
        let failed = Engine::open(&dir.path().join("none"), options(false, true));
        assert!(matches!(failed.err(), Some(Error::Storage(_))));
    }
}
