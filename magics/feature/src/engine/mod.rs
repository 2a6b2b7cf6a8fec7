//! SQL over the lab: tables and feature views by name, each opened once so that one answer sees one version, and noted as read.
//! Corpora are never visible here. One partition, so that order and sums of floats are the same in every run.

mod explain;
mod parameters;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::common::config::Dialect;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{DataFrame, SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use futures::future::BoxFuture;
use kernwerk_core::{ParameterValue, Resource, Table, name_hint};
use kernwerk_store::Lab;

use crate::view::View;
use crate::{Error, Roles};

pub(crate) use explain::query_failed;
pub(crate) use rows::{collect, each_batch, plain_schema};

/// Memory of a query before it spills to disk. The same on every machine: what spills can decide in which order floats are summed.
const MEMORY: usize = 1 << 30;

/// A table or feature view that was read, at its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadFrom {
    pub resource: Resource,
    pub name: String,
    pub version: u64,
}

/// One answer's view of the lab.
pub(crate) struct Engine {
    lab: Lab,
    context: SessionContext,
    reads: BTreeMap<String, ReadFrom>,
    /// Roles of all that was opened, of views as if they were tables.
    roles: BTreeMap<String, Roles>,
    /// Views being opened, outermost first: a view among them must not be read again.
    opening: Vec<String>,
}

impl Engine {
    pub(crate) fn new(lab: &Lab) -> Result<Self, Error> {
        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        let parser = &mut config.options_mut().sql_parser;
        // Column names are data: `VendorID` must be found as it is written.
        parser.enable_ident_normalization = false;
        parser.collect_spans = true;
        parser.map_string_types_to_utf8view = false;
        let spill = DiskManagerMode::Directories(vec![lab.exchange_dir().join("spill")]);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(MEMORY)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(spill))
            .build_arc()
            .map_err(query_failed)?;
        let state =
            SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build();
        Ok(Self {
            lab: lab.clone(),
            context: SessionContext::new_with_state(state),
            reads: BTreeMap::new(),
            roles: BTreeMap::new(),
            opening: Vec::new(),
        })
    }

    /// For a definition: `view` must not be read, not even by way of other views.
    pub(crate) fn without(lab: &Lab, view: &str) -> Result<Self, Error> {
        let mut engine = Self::new(lab)?;
        engine.opening.push(view.to_owned());
        Ok(engine)
    }

    /// All tables and views that were read, at their versions.
    pub(crate) fn reads(&self) -> Vec<ReadFrom> {
        let mut reads: Vec<ReadFrom> = self.reads.values().cloned().collect();
        reads.sort();
        reads
    }

    /// What the columns of a table or view are for; none where it was not read.
    pub(crate) fn roles(&self, name: &str) -> Option<&Roles> {
        self.roles.get(name)
    }

    /// A table that is not the lab's as a frame. It has no name here, so that views do not take it for the lab's table.
    pub(crate) fn frame_of(&self, table: &Table) -> Result<DataFrame, Error> {
        let rows = MemTable::try_new(table.schema.clone(), vec![table.batches.clone()]).map_err(query_failed)?;
        self.context.read_table(Arc::new(rows)).map_err(query_failed)
    }

    /// A table or view as a frame, and what its columns are for.
    pub(crate) async fn named(&mut self, name: &str) -> Result<(DataFrame, Roles), Error> {
        self.open(name, None).await?;
        let frame = self.context.table(TableReference::bare(name)).await.map_err(query_failed)?;
        Ok((frame, self.roles.get(name).cloned().unwrap_or_default()))
    }

    /// Plans a query; everything that it reads is opened. Only queries are allowed.
    pub(crate) async fn plan(&mut self, sql: &str) -> Result<DataFrame, Error> {
        Ok(self.plan_with(sql, &BTreeMap::new()).await?.0)
    }

    /// As [`Engine::plan`], with values for `$name`; also gives the names that stand in the query, sorted.
    pub(crate) async fn plan_with(
        &mut self,
        sql: &str,
        values: &BTreeMap<String, ParameterValue>,
    ) -> Result<(DataFrame, Vec<String>), Error> {
        let state = self.context.state();
        let statement = parse(&state, sql)?;
        for reference in state.resolve_table_references(&statement).map_err(|error| explain::explain(sql, &error))? {
            match reference {
                // Such as range(1, 10).
                TableReference::Bare { table } if state.table_functions().contains_key(table.as_ref()) => {}
                TableReference::Bare { table } => self.open(&table, Some(sql)).await?,
                qualified => return Err(self.unknown(&qualified.to_string(), Some(sql))),
            }
        }
        let state = self.context.state();
        let plan = state.statement_to_plan(statement).await.map_err(|error| explain::explain(sql, &error))?;
        let only_reads = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        only_reads.verify_plan(&plan).map_err(|error| explain::explain(sql, &error))?;
        let (plan, used) = parameters::fill(sql, plan, values)?;
        let frame = DataFrame::new(state, plan);
        // Types are only checked when the plan is made ready to run.
        frame.clone().create_physical_plan().await.map_err(|error| explain::explain(sql, &error))?;
        Ok((frame, used))
    }

    /// Makes a table or view visible to queries, if it is not yet.
    fn open<'a>(&'a mut self, name: &'a str, sql: Option<&'a str>) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            if self.opening.iter().any(|view| view == name) {
                return Err(Error::Definition {
                    view: name.to_owned(),
                    message: format!("it reads itself: {} -> {name}", self.opening.join(" -> ")),
                    hint: Some("a view must be made of tables and of other views".to_owned()),
                });
            }
            if self.roles.contains_key(name) {
                return Ok(());
            }
            if self.lab.names(Resource::Table).iter().any(|table| table == name) {
                return self.open_table(name).await;
            }
            match View::find(&self.lab, name)? {
                Some(view) => self.open_view(&view).await,
                None => Err(self.unknown(name, sql)),
            }
        })
    }

    async fn open_table(&mut self, name: &str) -> Result<(), Error> {
        let stored = self.lab.dataset(Resource::Table, name).await?;
        self.context.register_table(TableReference::bare(name), stored.provider()).map_err(query_failed)?;
        self.roles.insert(name.to_owned(), Roles::of(stored.schema().metadata()));
        self.note(Resource::Table, name, stored.version());
        Ok(())
    }

    async fn open_view(&mut self, view: &View) -> Result<(), Error> {
        self.opening.push(view.name.clone());
        let planned = self.plan(&view.sql).await;
        self.opening.pop();
        let frame = planned.map_err(|problem| Error::InView { view: view.name.clone(), problem: Box::new(problem) })?;
        self.context
            .register_table(TableReference::bare(view.name.as_str()), frame.into_view())
            .map_err(query_failed)?;
        self.roles.insert(view.name.clone(), view.roles());
        self.note(Resource::FeatureView, &view.name, view.version.into());
        Ok(())
    }

    fn note(&mut self, resource: Resource, name: &str, version: u64) {
        let read = ReadFrom { resource, name: name.to_owned(), version };
        self.reads.insert(name.to_owned(), read);
    }

    fn unknown(&self, name: &str, sql: Option<&str>) -> Error {
        let hint = if self.lab.names(Resource::Corpus).iter().any(|corpus| corpus == name) {
            Some(format!("`{name}` is a corpus: look into it with `%rag search {name} \"…\"`"))
        } else {
            let mut known = self.lab.names(Resource::Table);
            known.extend(self.lab.ledger().definitions(View::KIND).into_iter().flatten().map(|view| view.name));
            name_hint(name, "the tables and feature views are", known.iter().map(String::as_str))
                .or_else(|| Some("load a file with `%feature source NAME FILE` first".to_owned()))
        };
        let position = sql.and_then(|sql| explain::find_word(sql, name));
        Error::Unknown {
            what: "table",
            name: name.to_owned(),
            position,
            excerpt: sql.zip(position).map(|(sql, position)| explain::excerpt(sql, position)),
            hint,
        }
    }
}

/// One query, and nothing but a query.
fn parse(state: &datafusion::execution::SessionState, sql: &str) -> Result<Statement, Error> {
    if sql.trim().is_empty() {
        return Err(Error::Sql {
            message: "the SQL is empty".to_owned(),
            position: None,
            excerpt: None,
            hint: Some("write a SELECT".to_owned()),
        });
    }
    let statement = state.sql_to_statement(sql, &Dialect::Generic).map_err(|error| explain::explain(sql, &error))?;
    match &statement {
        Statement::Statement(inner) if matches!(inner.as_ref(), ast::Statement::Query(_)) => Ok(statement),
        _ => Err(Error::Sql {
            message: "only queries are allowed here".to_owned(),
            position: None,
            excerpt: None,
            hint: Some("write a SELECT; tables are written by `%feature source` alone".to_owned()),
        }),
    }
}
