//! How Polars values, and values that serde knows, move to another process, should this one go down.

use std::fs::File;
use std::io::BufReader;
use std::marker::PhantomData;
use std::path::Path;

use polars::prelude::{Column, DataFrame, IntoColumn, IpcReader, IpcWriter, SerReader, SerWriter, Series};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How a variable of a Polars type moves: as an Arrow file, which the other process maps. Compiled cells ask for it by the type of each variable.
pub trait SpilledByPolars<T> {
    /// Writes the variable to a file.
    fn kernwerk_write(&self, value: &T, path: &Path) -> bool;
    /// Reads it from there.
    fn kernwerk_read(&self, path: &Path) -> Option<T>;
}

/// How any other variable moves that serde can write and read: as MessagePack.
pub trait SpilledBySerde<T> {
    /// Writes the variable to a file.
    fn kernwerk_write(&self, value: &T, path: &Path) -> bool;
    /// Reads it from there.
    fn kernwerk_read(&self, path: &Path) -> Option<T>;
}

impl SpilledByPolars<DataFrame> for &&&PhantomData<DataFrame> {
    fn kernwerk_write(&self, value: &DataFrame, path: &Path) -> bool {
        // This is a copy of the process, which lacks the threads of the pools.
        let _ = crate::kernwerk_renew_pools();
        // Chunks are shared, not copied.
        File::create(path).is_ok_and(|file| IpcWriter::new(file).finish(&mut value.clone()).is_ok())
    }

    fn kernwerk_read(&self, path: &Path) -> Option<DataFrame> {
        let reader = IpcReader::new(File::open(path).ok()?);
        // SAFETY: the file was written for this process, and nobody writes to it again.
        unsafe { reader.memory_mapped(Some(path.to_owned())) }.finish().ok()
    }
}

impl SpilledByPolars<Column> for &&&PhantomData<Column> {
    fn kernwerk_write(&self, value: &Column, path: &Path) -> bool {
        (&&&PhantomData::<DataFrame>).kernwerk_write(&value.clone().into_frame(), path)
    }

    fn kernwerk_read(&self, path: &Path) -> Option<Column> {
        (&&&PhantomData::<DataFrame>).kernwerk_read(path)?.columns().first().cloned()
    }
}

impl SpilledByPolars<Series> for &&&PhantomData<Series> {
    fn kernwerk_write(&self, value: &Series, path: &Path) -> bool {
        (&&&PhantomData::<Column>).kernwerk_write(&value.clone().into_column(), path)
    }

    fn kernwerk_read(&self, path: &Path) -> Option<Series> {
        (&&&PhantomData::<Column>).kernwerk_read(path).map(|column| column.take_materialized_series())
    }
}

impl<T: Serialize + DeserializeOwned> SpilledBySerde<T> for &PhantomData<T> {
    fn kernwerk_write(&self, value: &T, path: &Path) -> bool {
        // With names, because types may leave fields out.
        File::create(path).is_ok_and(|mut file| rmp_serde::encode::write_named(&mut file, value).is_ok())
    }

    fn kernwerk_read(&self, path: &Path) -> Option<T> {
        rmp_serde::decode::from_read(BufReader::new(File::open(path).ok()?)).ok()
    }
}
