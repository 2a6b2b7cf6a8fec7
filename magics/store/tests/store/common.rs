//! What the tests share: a lab in a directory that goes away, rows, and a runtime.

use std::collections::HashMap;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use kernwerk_core::{Resource, Work};
use kernwerk_store::{Lab, Stored, WriteMode, Written};

/// A lab in a directory of its own.
pub struct Place {
    pub lab: Lab,
    pub directory: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let lab = Lab::init(directory.path()).unwrap();
        Self { lab, directory }
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    pub fn write(&self, name: &str, mode: WriteMode, rows: RecordBatch) -> Written {
        run(self.lab.write(Resource::Table, name, mode, vec![rows], &Work::silent())).unwrap()
    }

    pub fn table(&self, name: &str) -> Stored {
        run(self.lab.dataset(Resource::Table, name)).unwrap()
    }

    pub fn numbers(&self, name: &str) -> Vec<i64> {
        numbers(&run(self.table(name).read(None, None)).unwrap())
    }
}

/// Runs a future as the session does: on a runtime with several threads.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(future)
}

/// Rows of a number and a text.
pub fn rows(numbers: impl IntoIterator<Item = i64>, text: &str) -> RecordBatch {
    rows_with(numbers, text, HashMap::new())
}

pub fn rows_with(numbers: impl IntoIterator<Item = i64>, text: &str, metadata: HashMap<String, String>) -> RecordBatch {
    let fields = vec![Field::new("number", DataType::Int64, true), Field::new("text", DataType::Utf8, true)];
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    let numbers = Int64Array::from_iter_values(numbers);
    let texts = StringArray::from_iter_values(std::iter::repeat_n(text, numbers.len()));
    RecordBatch::try_new(schema, vec![Arc::new(numbers), Arc::new(texts)]).unwrap()
}

/// The column `number` of all batches.
pub fn numbers(batches: &[RecordBatch]) -> Vec<i64> {
    let columns = batches.iter().map(|batch| batch.column_by_name("number").unwrap().clone());
    columns.flat_map(|column| column.as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()).collect()
}

/// All files below a directory, sorted.
pub fn files_below(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                found.push(entry.path().to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    found
}

impl Place {
    pub async fn table_async(&self, name: &str) -> Stored {
        self.lab.dataset(Resource::Table, name).await.unwrap()
    }
}
