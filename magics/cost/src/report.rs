//! The cost report: usage grouped by cell, model, verb or tag.

use std::collections::BTreeMap;

use kernwerk_core::{CellId, CellStatus};
use kernwerk_store::{CellRecord, Lab, UsageRow};

use crate::Error;

/// What a report's rows stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Cell,
    Model,
    Verb,
    /// Usage with several tags counts for each of them.
    Tag,
}

/// Whose consumption a report is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything the lab knows of.
    Lab,
    /// The cells of one notebook that one process (a kernel's life) ran.
    Process { notebook: String, process: uuid::Uuid },
}

/// Money spent, as far as prices are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Millionths of a unit, by ISO 4217 currency code.
    pub micros: BTreeMap<String, i64>,
    /// Calls of models without a price: what they cost is not known, and is not zero.
    pub unpriced_calls: u64,
}

/// One line of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The cell's number, the model's, verb's or tag's name.
    pub key: String,
    /// First line of the cell; empty for others.
    pub text: String,
    /// Metered calls of models.
    pub calls: u64,
    /// Those of them whose process died: they count as the most that they may have used up.
    pub cut_off: u64,
    pub tokens_in: u64,
    pub tokens_out: u64,
    /// For cells the whole cell, for others the metered calls. None: not measured (the cell was cut off).
    pub wall_seconds: Option<f64>,
    /// Of the process tree. None: not measured.
    pub cpu_seconds: Option<f64>,
    pub cost: Cost,
}

impl Cost {
    /// Whether no model was called.
    pub fn is_empty(&self) -> bool {
        self.micros.is_empty() && self.unpriced_calls == 0
    }

    pub(crate) fn add(&mut self, row: &UsageRow) {
        match &row.cost {
            Some(money) => *self.micros.entry(money.currency.clone()).or_default() += money.amount_micros,
            None if row.usage.model.is_some() => self.unpriced_calls += 1,
            None => {}
        }
    }
}

/// The rows of a report: cells in the order they ran, models and verbs by name.
pub fn report(lab: &Lab, scope: &Scope, group: Group) -> Result<Vec<Row>, Error> {
    let cells = cells_in(lab, scope)?;
    let usage = usage_in(lab, scope, &cells)?;
    Ok(match group {
        Group::Cell => by_cell(&cells, &usage),
        Group::Model => by_keys(&usage, |row| vec![row.usage.model.as_ref().map_or("no model", |model| &model.name)]),
        Group::Verb => by_keys(&usage, |row| vec![&row.verb]),
        Group::Tag => by_keys(&usage, |row| match row.tags.as_slice() {
            [] => vec!["no tag"],
            tags => tags.iter().map(String::as_str).collect(),
        }),
    })
}

pub(crate) fn cells_in(lab: &Lab, scope: &Scope) -> Result<Vec<CellRecord>, Error> {
    match scope {
        Scope::Lab => {
            let mut cells = Vec::new();
            for notebook in lab.ledger().notebooks()? {
                cells.extend(lab.ledger().cells(&notebook)?);
            }
            cells.sort_by_key(|cell| cell.id);
            Ok(cells)
        }
        Scope::Process { notebook, process } => {
            let mut cells = lab.ledger().cells(notebook)?;
            cells.retain(|cell| cell.cell.process == *process);
            Ok(cells)
        }
    }
}

pub(crate) fn usage_in(lab: &Lab, scope: &Scope, cells: &[CellRecord]) -> Result<Vec<UsageRow>, Error> {
    let mut usage = lab.ledger().usage()?;
    if matches!(scope, Scope::Process { .. }) {
        let ids: Vec<CellId> = cells.iter().map(|cell| cell.id).collect();
        usage.retain(|row| row.cell.is_some_and(|id| ids.binary_search(&id).is_ok()));
    }
    Ok(usage)
}

fn by_cell(cells: &[CellRecord], usage: &[UsageRow]) -> Vec<Row> {
    let mut of_cell: BTreeMap<CellId, Vec<&UsageRow>> = BTreeMap::new();
    for row in usage {
        if let Some(id) = row.cell {
            of_cell.entry(id).or_default().push(row);
        }
    }
    cells
        .iter()
        .map(|record| {
            let mut row = Row {
                key: record.cell.execution_count.to_string(),
                text: first_line(&record.cell.text),
                ..Row::default()
            };
            for usage in of_cell.get(&record.id).into_iter().flatten() {
                row.count(usage);
            }
            let measured = record.end.as_ref().filter(|end| end.status != CellStatus::Running);
            row.wall_seconds = measured.map(|end| end.wall_seconds);
            row.cpu_seconds = measured.and_then(|end| end.cpu_seconds);
            row
        })
        .collect()
}

fn by_keys<'a>(usage: &'a [UsageRow], keys: impl Fn(&'a UsageRow) -> Vec<&'a str>) -> Vec<Row> {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for call in usage {
        for key in keys(call) {
            let row = rows.entry(key).or_insert_with(|| Row {
                key: key.to_owned(),
                wall_seconds: Some(0.0),
                cpu_seconds: Some(0.0),
                ..Row::default()
            });
            row.count(call);
            row.wall_seconds = row.wall_seconds.map(|sum| sum + call.usage.wall_seconds);
            // One call that was not measured leaves the sum unmeasured: a part is no sum.
            row.cpu_seconds = row.cpu_seconds.zip(call.usage.cpu_seconds).map(|(sum, more)| sum + more);
        }
    }
    rows.into_values().collect()
}

impl Row {
    fn count(&mut self, row: &UsageRow) {
        self.calls += 1;
        self.cut_off += u64::from(row.is_cut_off);
        self.tokens_in += row.usage.tokens_in;
        self.tokens_out += row.usage.tokens_out;
        self.cost.add(row);
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned()
}
