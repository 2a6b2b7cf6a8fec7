//! `list`, `show` and `history`: what tables and feature views there are.

use kernwerk_core::{Resource, Table, Work};
use kernwerk_store::Lab;

use crate::engine::{Engine, ReadFrom, collect, query_failed};
use crate::roles::{InputFile, Origin};
use crate::source::types::type_name;
use crate::view::View;
use crate::{ColumnReport, Error, Roles, Ttl};

/// Rows of the head that `show` gives.
const HEAD: usize = 10;

/// A table or a feature view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Table { rows: u64 },
    View { ttl: Ttl },
}

/// A table or feature view at its latest version.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: String,
    pub kind: Kind,
    pub version: u64,
    pub columns: usize,
    pub roles: Roles,
    /// When the version was made; RFC 3339, UTC.
    pub written_at: String,
}

/// All tables and then all feature views, by name.
pub async fn list(lab: &Lab) -> Result<Vec<Entry>, Error> {
    let mut entries = Vec::new();
    for table in lab.datasets(Resource::Table).await? {
        let stored = lab.dataset_at(Resource::Table, &table.name, table.version).await?;
        entries.push(Entry {
            roles: Roles::of(stored.schema().metadata()),
            name: table.name,
            kind: Kind::Table { rows: table.rows },
            version: table.version,
            columns: table.columns,
            written_at: table.written_at,
        });
    }
    for definition in lab.ledger().definitions(View::KIND)? {
        let view = View::read(&definition)?;
        entries.push(Entry {
            roles: view.roles(),
            kind: Kind::View { ttl: view.ttl },
            version: view.version.into(),
            columns: view.columns.len(),
            written_at: definition.defined_at,
            name: view.name,
        });
    }
    Ok(entries)
}

/// A table or feature view in full.
#[derive(Clone, Debug)]
pub struct Shown {
    pub name: String,
    pub kind: Kind,
    pub version: u64,
    pub roles: Roles,
    /// Columns with types and roles; missing values are counted in the head alone.
    pub columns: Vec<ColumnReport>,
    /// The definition of a view.
    pub sql: Option<String>,
    /// The files that a table came from.
    pub inputs: Vec<InputFile>,
    /// The first rows.
    pub head: Table,
    pub reads: Vec<ReadFrom>,
}

/// The definition, the columns and the first rows of a table or feature view.
pub async fn show(lab: &Lab, name: &str, work: &Work) -> Result<Shown, Error> {
    let mut engine = Engine::new(lab)?;
    let (frame, roles) = engine.named(name).await?;
    let head = frame.limit(0, Some(HEAD)).map_err(query_failed)?;
    let (schema, batches) = collect(head, &format!("reading {name}"), work).await?;
    let columns = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| ColumnReport {
            name: field.name().clone(),
            type_name: type_name(field.data_type()),
            missing: batches.iter().map(|batch| batch.column(index).logical_null_count() as u64).sum(),
            role: roles.role(field.name()),
            remark: None,
        })
        .collect();
    let reads = engine.reads();
    let version = reads.iter().find(|read| read.name == name).map_or(0, |read| read.version);
    let (kind, sql, inputs) = match View::find(lab, name)? {
        Some(view) => (Kind::View { ttl: view.ttl }, Some(view.sql), Vec::new()),
        None => {
            let stored = lab.dataset_at(Resource::Table, name, version).await?;
            let rows = stored.rows().await?;
            (Kind::Table { rows }, None, Origin::of(stored.schema().metadata()).inputs)
        }
    };
    Ok(Shown {
        name: name.to_owned(),
        kind,
        version,
        roles,
        columns,
        sql,
        inputs,
        head: Table::new(schema, batches),
        reads,
    })
}

/// A version in the history of a table or feature view.
#[derive(Clone, Debug)]
pub struct Change {
    pub version: u64,
    /// RFC 3339, UTC.
    pub at: String,
    /// Rows of a table.
    pub rows: Option<u64>,
    /// The file that a table's version brought, or the SQL of a view's.
    pub what: String,
}

/// All versions of a table or feature view, oldest first.
pub async fn history(lab: &Lab, name: &str) -> Result<Vec<Change>, Error> {
    let definitions = lab.ledger().definition_history(View::KIND, name)?;
    if !definitions.is_empty() {
        return definitions
            .into_iter()
            .map(|definition| {
                Ok(Change {
                    version: definition.version.into(),
                    what: View::read(&definition)?.sql,
                    at: definition.defined_at,
                    rows: None,
                })
            })
            .collect();
    }
    // The engine's error knows both kinds of names.
    Engine::new(lab)?.named(name).await?;
    let stored = lab.dataset(Resource::Table, name).await?;
    let versions = stored.history().await?;
    Ok(versions
        .into_iter()
        .map(|version| Change {
            version: version.version,
            at: version.written_at,
            rows: Some(version.rows),
            what: Origin::of(&version.metadata.into_iter().collect())
                .inputs
                .pop()
                .map(|input| input.file)
                .unwrap_or_default(),
        })
        .collect())
}
