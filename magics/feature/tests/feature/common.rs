//! A lab in a temporary directory, files in it, and answers as text.

use std::future::Future;
use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use kernwerk_core::{Problem, Table, Work};
use kernwerk_feature::{Defined, Error, Roles, SourceSpec, Sourced, Training, TrainingSpec, ViewSpec};
use kernwerk_store::Lab;
use tempfile::TempDir;

pub struct Place {
    directory: TempDir,
    pub lab: Lab,
    runtime: tokio::runtime::Runtime,
}

impl Place {
    pub fn new() -> Self {
        let directory = TempDir::new().expect("a directory");
        let lab = Lab::init(directory.path()).expect("a lab");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { directory, lab, runtime }
    }

    pub fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    pub fn load(&self, spec: &SourceSpec) -> Result<Sourced, Error> {
        self.wait(kernwerk_feature::load_source(&self.lab, spec, &Work::silent()))
    }

    /// Loads a table from the text of a CSV. Roles are `event`, `created` and `key` where there are such columns.
    pub fn table(&self, name: &str, csv: &str) -> Sourced {
        let header: Vec<&str> = csv.lines().next().expect("a header").split(',').collect();
        let has = |column: &str| header.contains(&column).then(|| column.to_owned());
        let roles = Roles { event_time: has("event"), created: has("created"), key: has("key").into_iter().collect() };
        let file = self.file(&format!("{name}.csv"), csv);
        self.load(&SourceSpec { roles, ..source(name, file) }).expect("a table")
    }

    pub fn try_define(&self, spec: &ViewSpec) -> Result<Defined, Error> {
        self.wait(kernwerk_feature::define(&self.lab, spec, &Work::silent()))
    }

    pub fn define(&self, spec: &ViewSpec) -> Defined {
        self.try_define(spec).expect("a view")
    }

    /// Defines a view of all columns of a table, on `key`, `event` and, where it is there, `created`.
    pub fn view(&self, name: &str, table: &str, ttl: &str) -> Defined {
        let described = self.wait(kernwerk_feature::show(&self.lab, table, &Work::silent())).expect("the table");
        self.define(&ViewSpec {
            entity: described.roles.key,
            created: described.roles.created,
            ttl: ttl.parse().expect("a ttl"),
            ..view(name, &format!("SELECT * FROM {table}"))
        })
    }

    pub fn sql(&self, text: &str) -> Result<Table, Error> {
        self.wait(kernwerk_feature::sql(&self.lab, text, &std::collections::BTreeMap::new(), &Work::silent()))
            .map(|queried| queried.table)
    }

    pub fn train(&self, spec: &TrainingSpec) -> Result<Training, Error> {
        self.wait(kernwerk_feature::training(&self.lab, spec, &Work::silent()))
    }
}

pub fn source(name: &str, file: PathBuf) -> SourceSpec {
    let label = file.file_name().expect("a name").to_string_lossy().into_owned();
    SourceSpec { name: name.to_owned(), file, label, ..SourceSpec::default() }
}

pub fn view(name: &str, sql: &str) -> ViewSpec {
    ViewSpec { name: name.to_owned(), event_time: "event".to_owned(), sql: sql.to_owned(), ..ViewSpec::default() }
}

/// What `%feature training SPINE --features …` asks for.
pub fn features(spine: &str, features: &[&str]) -> TrainingSpec {
    TrainingSpec {
        spine: spine.to_owned(),
        given: None,
        features: features.iter().map(|name| (*name).to_owned()).collect(),
        event_time: None,
        full_names: false,
        created_cutoff: true,
        reasons: false,
    }
}

/// An error as a person meets it.
pub fn said<T>(result: Result<T, Error>) -> String {
    let Err(error) = result else {
        return "no error".to_owned();
    };
    let problem = Problem::from(error);
    let hint = problem.hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    format!("{}: {}{hint}", problem.name, problem.message)
}

/// Rows as CSV with a header; nulls are written `-`.
pub fn csv(table: &Table) -> String {
    let names: Vec<&str> = table.schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut lines = vec![names.join(",")];
    lines.extend(table.batches.iter().flat_map(rows));
    lines.join("\n")
}

/// The values of some columns, row by row.
pub fn columns(table: &Table, names: &[&str]) -> Vec<String> {
    let indices: Vec<usize> = names.iter().map(|name| table.schema.index_of(name).expect("the column")).collect();
    table.batches.iter().flat_map(|batch| rows(&batch.project(&indices).expect("the columns"))).collect()
}

fn rows(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::new().with_null("-").with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let formatters: Vec<ArrayFormatter<'_>> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).expect("a formatter"))
        .collect();
    (0..batch.num_rows())
        .map(|row| formatters.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join(","))
        .collect()
}
