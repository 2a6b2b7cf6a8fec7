//! The record of cells: begun before they run, finished when they end, kept in memory while there is no lab.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use kernwerk_core::{
    BoundValue, Captured, CellId, CellStatus, Effect, Language, Names, Parameter, Problem, Sharing, Table,
};
use kernwerk_store::{CellEnd, Lab, NewCell, OutputRecord};

use crate::meter::process_tree_seconds;
use crate::reading::name_from;
use crate::session::Session;

/// A cell about to run.
#[derive(Clone, Debug)]
pub struct CellStart {
    /// What the front end shows in `In [n]`.
    pub execution_count: u32,
    pub language: Language,
    pub text: String,
    pub names: Names,
    /// The front end's identity of the cell, which stays when it is edited and run again.
    pub cell: Option<String>,
}

/// A cell while it runs: what it did so far.
pub struct RunningCell {
    start: CellStart,
    given: BTreeMap<String, Table>,
    pub(crate) id: Mutex<Option<CellId>>,
    started: SystemTime,
    began: Instant,
    began_cpu: Option<f64>,
    log: Mutex<CellLog>,
}

#[derive(Default)]
struct CellLog {
    effects: BTreeSet<Effect>,
    uses: BTreeSet<String>,
    defines: BTreeSet<String>,
    bindings: Vec<BoundValue>,
    types: BTreeMap<String, String>,
    parameters: Vec<Parameter>,
    mutates: BTreeSet<String>,
    unchanged: BTreeSet<String>,
    bound: BTreeSet<String>,
    shares: Option<Sharing>,
    apart: BTreeSet<String>,
    rolled_back: bool,
}

/// What a finished cell did.
#[derive(Clone, Debug)]
pub struct CellSummary {
    pub bindings: Vec<BoundValue>,
    pub effects: Vec<Effect>,
    /// The parameters that it declared.
    pub parameters: Vec<Parameter>,
    pub wall_seconds: f64,
    /// Processor seconds of the process tree; none where the operating system does not account for them.
    pub cpu_seconds: Option<f64>,
}

/// A finished cell that waits for a lab to be recorded in.
pub(crate) struct Unrecorded {
    start: CellStart,
    started: SystemTime,
    end: CellEnd,
}

impl RunningCell {
    /// Gives the cell tables of its own, by name. As whoever gives them says so, they go before the lab's and before variables.
    #[must_use]
    pub fn with_given(self, given: BTreeMap<String, Table>) -> Self {
        Self { given, ..self }
    }

    /// The table that the cell was given under this name.
    pub(crate) fn given(&self, name: &str) -> Option<&Table> {
        self.given.get(name)
    }

    pub fn execution_count(&self) -> u32 {
        self.start.execution_count
    }

    /// Records an access to a resource.
    pub(crate) fn effect(&self, effect: Effect) {
        self.log().effects.insert(effect);
    }

    /// Records that the cell read a variable of the notebook. One that it bound itself is no use of an earlier cell.
    pub(crate) fn uses(&self, name: &str) {
        let mut log = self.log();
        if !log.bindings.iter().any(|bound| bound.name == name) {
            log.uses.insert(name.to_owned());
        }
    }

    /// Records that the cell made a variable of the notebook whose name its text need not spell out.
    pub fn defines(&self, name: &str) {
        self.log().defines.insert(name.to_owned());
    }

    /// Records the types of variables that its code names, as they are behind it.
    pub fn has_types(&self, types: impl Iterator<Item = (String, String)>) {
        self.log().types.extend(types);
    }

    /// Records that what its code did to the notebook's variables was undone.
    pub fn rolled_back(&self) {
        self.log().rolled_back = true;
    }

    /// Whether its magics have bound a variable of this name.
    pub fn has_bound(&self, name: &str) -> bool {
        self.log().bindings.iter().any(|bound| bound.name == name)
    }

    /// Records what a variable holds from now on.
    pub(crate) fn binds(&self, value: BoundValue) {
        let mut log = self.log();
        log.bindings.retain(|bound| bound.name != value.name);
        log.bindings.push(value);
    }

    /// Records names whose values it was seen to change, and to leave although its text might change them.
    pub fn changes(&self, changed: BTreeSet<String>, unchanged: BTreeSet<String>) {
        let mut log = self.log();
        log.mutates.extend(changed);
        log.unchanged.extend(unchanged);
    }

    /// Records names that its text binds under a condition and that it was seen to bind.
    pub fn bound(&self, names: BTreeSet<String>) {
        self.log().bound.extend(names);
    }

    /// Records which names share values behind it; see [`kernwerk_core::PythonNames`].
    pub fn shares(&self, shares: Sharing, apart: BTreeSet<String>) {
        let mut log = self.log();
        (log.shares, log.apart) = (Some(shares), apart);
    }

    /// Records that the cell declared a parameter: a variable of its name, which holds its value.
    pub(crate) fn declares(&self, parameter: &Parameter) {
        self.defines(&parameter.name);
        let words = format!("{} {}", parameter.value.kind(), parameter.value);
        self.binds(BoundValue {
            name: parameter.name.clone(),
            digest: blake3::hash(words.as_bytes()).to_hex().to_string(),
        });
        let mut log = self.log();
        log.parameters.retain(|known| known.name != parameter.name);
        log.parameters.push(parameter.clone());
    }

    fn log(&self) -> MutexGuard<'_, CellLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    /// Records that a cell begins. Where there is no lab yet, the record waits for one.
    pub fn begin_cell(&self, start: CellStart) -> RunningCell {
        let id = match self.lab() {
            Ok(Some(lab)) => self.recorded(lab.ledger().begin_cell(&self.new_cell(&start))),
            _ => None,
        };
        RunningCell {
            start,
            given: BTreeMap::new(),
            id: Mutex::new(id),
            started: SystemTime::now(),
            began: Instant::now(),
            began_cpu: process_tree_seconds(),
            log: Mutex::default(),
        }
    }

    /// Records how a cell ended and what it showed.
    pub fn finish_cell(&self, cell: RunningCell, status: CellStatus, outputs: &[Captured]) -> CellSummary {
        let log = std::mem::take(&mut *cell.log());
        let summary = CellSummary {
            bindings: log.bindings,
            effects: log.effects.into_iter().collect(),
            parameters: log.parameters,
            wall_seconds: cell.began.elapsed().as_secs_f64(),
            cpu_seconds: cell.began_cpu.zip(process_tree_seconds()).map(|(from, to)| (to - from).max(0.0)),
        };
        let records: Vec<OutputRecord> = outputs.iter().map(output_record).collect();
        records.iter().zip(outputs).for_each(|(record, output)| self.shown().keep(&record.digest, output));
        let end = CellEnd {
            status,
            effects: summary.effects.clone(),
            bindings: summary.bindings.clone(),
            outputs: records,
            wall_seconds: summary.wall_seconds,
            cpu_seconds: summary.cpu_seconds,
        };
        let (mut start, started) = (cell.start, cell.started);
        if log.rolled_back {
            // What its magics bound before stays.
            start.names = Names::default();
            start.names.defines.extend(summary.bindings.iter().map(|bound| bound.name.clone()));
        }
        if let Some(rust) = &mut start.names.rust {
            rust.types.extend(log.types);
        }
        if let Some(python) = &mut start.names.python {
            (python.shares, python.apart) = (log.shares, log.apart);
            (python.unchanged, python.bound) = (log.unchanged, log.bound);
        }
        start.names.mutates.extend(log.mutates);
        start.names.uses.extend(log.uses);
        start.names.defines.extend(log.defines);
        self.watch_cell(&start, &end);
        let id = cell.id.into_inner().unwrap_or_else(PoisonError::into_inner);
        match (self.lab(), id) {
            (Ok(Some(lab)), Some(id)) => {
                self.recorded(lab.ledger().finish_cell(id, &start.names, &end));
            }
            (Ok(Some(lab)), None) => self.record_late(&lab, Unrecorded { start, started, end }),
            _ => self.unrecorded().push(Unrecorded { start, started, end }),
        }
        summary
    }

    /// Records what a variable of the face holds now that its cell ends, and leaves it for whoever runs this process. What
    /// has no form to be compared in is not recorded.
    ///
    /// # Errors
    /// The lab cannot be written to.
    pub fn record_value(&self, cell: &RunningCell, name: &str) -> Result<(), Problem> {
        let value = self.value(name).ok().flatten();
        let Some(value) = value else { return Ok(()) };
        self.export(&value, name)?;
        cell.binds(BoundValue { name: name.to_owned(), digest: value.digest });
        Ok(())
    }

    /// The cell's id in the ledger, given now if the lab was made while it ran.
    pub(crate) fn cell_id(&self, lab: &Lab, cell: &RunningCell) -> Option<CellId> {
        let mut id = cell.id.lock().unwrap_or_else(PoisonError::into_inner);
        if id.is_none() {
            self.record_waiting(lab);
            *id = self.recorded(lab.ledger().begin_cell_at(&self.new_cell(&cell.start), cell.started));
        }
        *id
    }

    fn record_late(&self, lab: &Lab, cell: Unrecorded) {
        self.record_waiting(lab);
        self.record(lab, cell);
    }

    /// Writes the cells that ran before there was a lab, in their order.
    fn record_waiting(&self, lab: &Lab) {
        let waiting = std::mem::take(&mut *self.unrecorded());
        for cell in waiting {
            self.record(lab, cell);
        }
    }

    fn record(&self, lab: &Lab, mut cell: Unrecorded) {
        name_from(lab, &mut cell.end.effects);
        let id = self.recorded(lab.ledger().begin_cell_at(&self.new_cell(&cell.start), cell.started));
        if let Some(id) = id {
            self.recorded(lab.ledger().finish_cell(id, &cell.start.names, &cell.end));
        }
    }

    /// What is recorded of a cell.
    fn new_cell(&self, start: &CellStart) -> NewCell {
        NewCell {
            notebook: self.notebook(),
            process: self.process(),
            execution_count: start.execution_count,
            language: start.language,
            text: start.text.clone(),
            names: start.names.clone(),
        }
    }

    /// A cell runs even where it cannot be recorded (a read-only lab), but never silently: see [`Session::take_warnings`].
    fn recorded<T>(&self, result: Result<T, kernwerk_store::Error>) -> Option<T> {
        let warn = |error| match error {
            kernwerk_store::Error::ReadOnly { .. } => self.warn_of_read_only(&error),
            error => self.warn(format!("this cell is not recorded: {error}")),
        };
        result.map_err(warn).ok()
    }
}

fn output_record(captured: &Captured) -> OutputRecord {
    OutputRecord {
        channel: captured.channel,
        format: captured.format.clone(),
        digest: blake3::hash(&captured.bytes).to_hex().to_string(),
        bytes: captured.bytes.len() as u64,
        volatile: captured.volatile,
    }
}
