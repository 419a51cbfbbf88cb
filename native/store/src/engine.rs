//! The embedded store itself: redb, one table, values of any bytes.

use crate::status::Result;
use redb::{Database, Durability, ReadableDatabase, TableDefinition};
use std::ops::Bound;
use std::path::Path;

const TABLE: TableDefinition<&[u8], &[u8]> = TableDefinition::new("records");

#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    pub create: bool,
    pub sync: bool,
    /// Bytes; 0 for the store's default.
    pub cache_bytes: usize,
}

pub struct Engine {
    database: Database,
    sync: bool,
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
        let engine = Engine {
            database,
            sync: options.sync,
        };
        engine.write(|_| Ok(()))?;
        Ok(engine)
    }

    fn write<T>(&self, change: impl FnOnce(&mut redb::Table<&[u8], &[u8]>) -> Result<T>) -> Result<T> {
        let mut transaction = self.database.begin_write()?;
        if !self.sync {
            transaction.set_durability(Durability::None)?;
        }
        let out = change(&mut transaction.open_table(TABLE)?)?;
        transaction.commit()?;
        Ok(out)
    }

    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<()> {
        self.write(|table| {
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
        self.write(|table| Ok(table.remove(key)?.is_some()))
    }

    /// The first record after `after` (or at the start of `prefix`) whose key begins with `prefix`.
    pub fn next(&self, prefix: &[u8], after: Option<&[u8]>) -> Result<Option<Record>> {
        let table = self.database.begin_read()?.open_table(TABLE)?;
        let low = after.map_or(Bound::Included(prefix), Bound::Excluded);
        match table.range::<&[u8]>((low, Bound::Unbounded))?.next() {
            None => Ok(None),
            Some(record) => {
                let (key, value) = record?;
                let key = key.value();
                Ok(key
                    .starts_with(prefix)
                    .then(|| (key.to_vec(), value.value().to_vec())))
            }
        }
    }
}
