//! A kernel in miniature: cells of one statement a line, run against a real lab. It records cells as a notebook does, and it
//! is the runner of proofs and replays.
//!
//! `let x = 1 + y` · `print x` (stdout) · `third x` (a float as the result) · `panic` · `tick` (a number that only this kernel
//! knows) · `here` (the directory) · `colour x` · `read "FILE" -> x` (without a trace) · `compute DIR NAME -> x` (the same, by
//! a path that the text does not show) · `write "FILE" x` (without a trace) · `%source T FILE` · `%table T -> x` (binds all
//! rows, shows them) · `%load FILE -> x` · `%model NAME` · `%promote param x=1` · `say WORDS` (as the result) · `glue A B` (what they
//! make together, which the text does not show) · `:dep …` (nothing)

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::{AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Schema};
use kernwerk_core::{
    Access, BoundValue, Captured, CellOutcome, CellStatus, Channel, Effect, Environment, Language, Names, Network,
    Parameter, ParameterValue, Pin, PythonTold, Resource, RunError, RunRequest, RunResult, Runner, RustTold, Shown,
    ShownForm, Work,
};
use kernwerk_store::{CellEnd, Lab, NewCell, OutputRecord, Stored, WriteMode, content_digest};
use uuid::Uuid;

static TICKS: AtomicU64 = AtomicU64::new(0);

/// What the model of this kernel weighs.
pub const WEIGHTS: &str = "77";

/// The memory of one kernel process.
pub struct Kernel {
    lab: Lab,
    directory: PathBuf,
    process: Uuid,
    values: BTreeMap<String, f64>,
    tables: u64,
    executions: u32,
    /// Values for parameters in place of those in the cells.
    given: BTreeMap<String, String>,
    /// What its cells are recorded as.
    pub language: Language,
}

/// What a cell has done so far.
#[derive(Default)]
struct Doing {
    outputs: Vec<Captured>,
    bindings: Vec<BoundValue>,
    effects: Vec<Effect>,
    parameters: Vec<Parameter>,
}

impl Doing {
    fn show(&mut self, channel: Channel, format: &str, bytes: Vec<u8>) {
        self.outputs.push(Captured { channel, format: format.to_owned(), bytes, volatile: false });
    }

    fn effect(&mut self, access: Access, resource: Resource, name: &str, version: Option<u64>, digest: String) {
        self.effects.push(Effect { access, resource, name: name.to_owned(), version, digest: Some(digest) });
    }
}

/// Runs a future on a thread of its own: tests call this from inside of a runtime.
pub fn wait<T: Send>(future: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let run = || tokio::runtime::Runtime::new().expect("a runtime").block_on(future);
        scope.spawn(run).join().expect("the future ends")
    })
}

impl Kernel {
    pub fn new(lab: &Lab, directory: &Path) -> Self {
        Self {
            lab: lab.clone(),
            directory: directory.to_owned(),
            process: Uuid::new_v4(),
            values: BTreeMap::new(),
            tables: 0,
            executions: 0,
            given: BTreeMap::new(),
            language: Language::Rust,
        }
    }

    /// Runs a cell and records it under `notebook`, as a kernel does. Returns its execution count.
    pub fn execute(&mut self, notebook: &str, text: &str) -> u32 {
        self.executions += 1;
        let cell = NewCell {
            notebook: notebook.to_owned(),
            process: self.process,
            execution_count: self.executions,
            language: self.language,
            text: text.to_owned(),
            names: names(text),
        };
        let id = self.lab.ledger().begin_cell(&cell).expect("the ledger takes the cell");
        let outcome = self.run(self.executions, text);
        let outputs = outcome.outputs.iter().map(|output| OutputRecord {
            channel: output.channel,
            format: output.format.clone(),
            digest: blake3::hash(&output.bytes).to_hex().to_string(),
            bytes: output.bytes.len() as u64,
            volatile: output.volatile,
        });
        let end = CellEnd {
            status: outcome.status,
            effects: outcome.effects,
            bindings: outcome.bindings,
            outputs: outputs.collect(),
            wall_seconds: outcome.wall_seconds,
            cpu_seconds: None,
        };
        self.lab.ledger().finish_cell(id, &cell.names, &end).expect("the ledger takes the end");
        // Wider apart than what clocks of files may be wrong by.
        std::thread::sleep(Duration::from_millis(80));
        self.executions
    }

    pub fn run(&mut self, ordinal: u32, text: &str) -> CellOutcome {
        let begun = Instant::now();
        let mut doing = Doing::default();
        let mut status = CellStatus::Ok;
        for line in text.lines() {
            if let Err(error) = self.line(line, &mut doing) {
                doing.show(Channel::Error, "txt", error.into_bytes());
                status = CellStatus::Error;
                break;
            }
        }
        let form = |output: &Captured| ShownForm { format: output.format.clone(), bytes: output.bytes.clone() };
        let shown = doing.outputs.iter().map(|output| Shown {
            channel: output.channel,
            forms: vec![form(output)],
            volatile: output.volatile,
        });
        let shown = shown.collect();
        CellOutcome {
            ordinal,
            status,
            outputs: doing.outputs,
            bindings: doing.bindings,
            effects: doing.effects,
            parameters: doing.parameters,
            shown,
            wall_seconds: begun.elapsed().as_secs_f64(),
        }
    }

    fn line(&mut self, line: &str, doing: &mut Doing) -> Result<(), String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            ["let", name, "=", sum @ ..] => {
                let terms = sum.iter().filter(|word| **word != "+").map(|term| self.value(term));
                let total = terms.sum::<Result<f64, String>>()?;
                self.values.insert((*name).to_owned(), total);
            }
            ["print", name] => {
                let text = format!("{name} = {}\n", self.value(name)?);
                doing.show(Channel::Stdout, "txt", text.into_bytes());
            }
            ["third", name] => {
                let text = format!("{:?}", self.value(name)? / 3.0);
                doing.show(Channel::Result, "txt", text.into_bytes());
            }
            ["colour", name] => {
                let text = format!("\u{1b}[1m{}\u{1b}[0m", self.value(name)?);
                doing.show(Channel::Display, "html", text.into_bytes());
            }
            ["say", words @ ..] => doing.show(Channel::Result, "txt", words.join(" ").into_bytes()),
            ["glue", parts @ ..] => doing.show(Channel::Result, "txt", parts.concat().into_bytes()),
            [":dep", ..] => {}
            ["panic"] => return Err("panicked".to_owned()),
            ["tick"] => {
                let tick = TICKS.fetch_add(1, Ordering::SeqCst);
                doing.show(Channel::Stdout, "txt", format!("tick {tick}\n").into_bytes());
            }
            ["here"] => doing.show(Channel::Stdout, "txt", format!("{}\n", self.directory.display()).into_bytes()),
            ["read", file, "->", name] => self.read(file.trim_matches('"'), name)?,
            ["compute", directory, file, "->", name] => self.read(&format!("{directory}/{file}"), name)?,
            ["write", file, name] => {
                // A real cell compiles before it writes; the clock of files may lag behind by some milliseconds.
                std::thread::sleep(Duration::from_millis(40));
                let path = self.directory.join(file.trim_matches('"'));
                std::fs::write(path, self.value(name)?.to_string()).map_err(|error| error.to_string())?;
            }
            ["%source", table, file] => self.source(table, file, doing)?,
            ["%table", table, "->", name] => self.table(table, name, doing)?,
            ["%load", file, "->", name] => {
                self.trace_read(file, doing)?;
                self.read(file, name)?;
            }
            ["%model", name] => {
                self.find_model()?;
                doing.effect(Access::Read, Resource::Model, name, None, WEIGHTS.to_owned());
            }
            ["%promote", "param", words @ ..] => words.iter().for_each(|word| self.param(word, doing)),
            _ => return Err(format!("cannot read `{line}`")),
        }
        Ok(())
    }

    fn param(&mut self, word: &str, doing: &mut Doing) {
        let (name, text) = word.split_once('=').expect("tests write NAME=VALUE");
        let value = ParameterValue::infer(self.given.get(name).map_or(text, String::as_str));
        self.values.insert(name.to_owned(), value.to_string().parse().expect("tests declare numbers"));
        let digest = blake3::hash(value.to_string().as_bytes()).to_hex().to_string();
        doing.bindings.push(BoundValue { name: name.to_owned(), digest });
        doing.parameters.push(Parameter { name: name.to_owned(), value });
    }

    /// Binds a name to a table that another run kept.
    fn give(&mut self, name: &str, path: &Path) {
        let file = std::fs::File::open(path).expect("the table is there");
        let reader = arrow::ipc::reader::FileReader::try_new(file, None).expect("an Arrow file");
        let sum = |batch: RecordBatch| batch.column(0).as_primitive::<Float64Type>().values().iter().sum::<f64>();
        let total = reader.map(|batch| sum(batch.expect("a batch"))).sum();
        self.values.insert(name.to_owned(), total);
    }

    /// What a variable holds, by its digest, and left in a file as Python's process does.
    pub fn binding(&mut self, name: &str) -> BoundValue {
        let text = self.values[name].to_string();
        self.tables += 1;
        let path = self.lab.exchange_dir().join(format!("{}-{}-{name}.json", self.process.simple(), self.tables));
        std::fs::write(path, &text).expect("the lab can be written to");
        BoundValue { name: name.to_owned(), digest: blake3::hash(text.as_bytes()).to_hex().to_string() }
    }

    fn value(&self, term: &str) -> Result<f64, String> {
        let known = self.values.get(term).copied();
        known.or_else(|| term.parse().ok()).ok_or_else(|| format!("`{term}` is not known"))
    }

    fn read(&mut self, file: &str, name: &str) -> Result<(), String> {
        let path = self.directory.join(file);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        let total = text.lines().map(|line| line.parse::<f64>().unwrap_or(0.0)).sum();
        self.values.insert(name.to_owned(), total);
        Ok(())
    }

    /// Where the settings name a place for the model, it must be there.
    fn find_model(&self) -> Result<(), String> {
        let named = self.lab.config().models.embedder.as_ref();
        let place = named.map(|place| self.lab.root().join(place));
        let missing = place.filter(|place| !place.is_dir());
        missing.map_or(Ok(()), |place| Err(format!("no model in {}", place.display())))
    }

    fn trace_read(&self, file: &str, doing: &mut Doing) -> Result<Vec<u8>, String> {
        let path = self.directory.join(file);
        let bytes = std::fs::read(&path).map_err(|error| format!("{file}: {error}"))?;
        let digest = blake3::hash(&bytes).to_hex().to_string();
        doing.effect(Access::Read, Resource::File, &self.lab.relative(&path), None, digest);
        Ok(bytes)
    }

    fn source(&self, table: &str, file: &str, doing: &mut Doing) -> Result<(), String> {
        let bytes = self.trace_read(file, doing)?;
        let numbers = String::from_utf8_lossy(&bytes).lines().map(|line| line.parse().unwrap_or(0.0)).collect();
        let stored = store(&self.lab, table, numbers);
        let digest = wait(stored.digest()).map_err(|error| error.to_string())?;
        doing.effect(Access::Write, Resource::Table, table, Some(stored.version()), digest);
        Ok(())
    }

    fn table(&mut self, table: &str, name: &str, doing: &mut Doing) -> Result<(), String> {
        let lab = self.lab.clone();
        let (version, batches) = wait(async {
            let stored = lab.dataset(Resource::Table, table).await?;
            Ok::<_, kernwerk_store::Error>((stored.version(), stored.read(None, None).await?))
        })
        .map_err(|error| error.to_string())?;
        let schema = batches[0].schema();
        let total =
            batches.iter().map(|batch| batch.column(0).as_primitive::<Float64Type>().values().iter().sum::<f64>());
        self.values.insert(name.to_owned(), total.sum());
        let digest = content_digest(&schema, &batches);
        let file = arrow_file(&batches);
        self.tables += 1;
        let path = self.lab.exchange_dir().join(format!("{}-{}-{name}.arrow", self.process.simple(), self.tables));
        std::fs::write(path, &file).map_err(|error| error.to_string())?;
        doing.effect(Access::Read, Resource::Table, table, Some(version), digest.clone());
        doing.bindings.push(BoundValue { name: name.to_owned(), digest });
        doing.show(Channel::Display, "arrow", file);
        Ok(())
    }
}

pub fn arrow_file(batches: &[RecordBatch]) -> Vec<u8> {
    let mut writer = arrow::ipc::writer::FileWriter::try_new(Vec::new(), &batches[0].schema()).expect("a writer");
    batches.iter().for_each(|batch| writer.write(batch).expect("a batch is written"));
    writer.into_inner().expect("the file is finished")
}

pub fn rows(numbers: Vec<f64>) -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Float64, false)]));
    RecordBatch::try_new(schema, vec![Arc::new(Float64Array::from(numbers))]).expect("one column of numbers")
}

/// Replaces a table of the lab.
pub fn store(lab: &Lab, table: &str, numbers: Vec<f64>) -> Stored {
    wait(async {
        let batches = vec![rows(numbers)];
        lab.write(Resource::Table, table, WriteMode::Replace, batches, &Work::silent())
            .await
            .expect("the table is written");
        lab.dataset(Resource::Table, table).await.expect("the table is there")
    })
}

fn names(text: &str) -> Names {
    let mut names = Names::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (used, defined): (&[&str], Option<&&str>) = match words.as_slice() {
            ["let", name, "=", sum @ ..] => (sum, Some(name)),
            ["print" | "third" | "colour", used @ ..] | ["write", _, used @ ..] => (used, None),
            [.., "->", name] => (&[], Some(name)),
            ["%promote", "param", words @ ..] => {
                names.defines.extend(words.iter().map(|word| word.split('=').next().unwrap_or_default().to_owned()));
                (&[], None)
            }
            _ => (&[], None),
        };
        let is_name = |word: &&&str| word.starts_with(char::is_alphabetic) && !names.defines.contains(**word);
        let used: BTreeSet<String> = used.iter().filter(is_name).map(|word| (*word).to_owned()).collect();
        names.uses.extend(used);
        names.defines.extend(defined.map(|name| (*name).to_owned()));
    }
    names
}

/// As cargo writes it for cells that need no crate.
const LOCK: &str = "version = 4\n\n[[package]]\nname = \"ctx\"\nversion = \"1.0.0\"\n";

/// What a test does to each outcome.
type Bend = Box<dyn Fn(&mut CellOutcome) + Send + Sync>;

/// Runs cells in a fresh kernel.
#[derive(Default)]
pub struct MiniRunner {
    /// Changes what cells show.
    pub bend: Option<Bend>,
    /// Fails instead of running this cell (from 1); 0 does not even start.
    pub dies_in: Option<u32>,
    /// It does so this often; 0 is always.
    pub dies_times: AtomicU32,
    /// Called before each cell, with its number.
    pub before: Option<Box<dyn Fn(u32) + Send + Sync>>,
    /// The `Cargo.lock` with which cells of Rust are compiled; none is that of cells which need no crate.
    pub lock: Option<String>,
    /// What is installed where cells of Python run.
    pub packages: BTreeMap<String, String>,
    /// What these say of their licences.
    pub licences: BTreeMap<String, String>,
    /// The requests that were made.
    pub requests: std::sync::Mutex<Vec<RunRequest>>,
}

impl MiniRunner {
    pub fn bending(bend: impl Fn(&mut CellOutcome) + Send + Sync + 'static) -> Self {
        Self { bend: Some(Box::new(bend)), ..Self::default() }
    }

    /// A Python with these packages.
    pub fn python(packages: &[(&str, &str)]) -> Self {
        let packages = packages.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect();
        Self { packages, ..Self::default() }
    }

    pub fn dying_in(cell: u32) -> Self {
        Self { dies_in: Some(cell), ..Self::default() }
    }

    pub fn dying_once_in(cell: u32) -> Self {
        Self { dies_times: AtomicU32::new(1), ..Self::dying_in(cell) }
    }

    fn dies_in(&self, cell: u32) -> bool {
        let is_there = self.dies_in == Some(cell);
        let last = is_there && self.dies_times.load(Ordering::SeqCst) == 1;
        if last {
            // From now on it lives.
            self.dies_times.store(u32::MAX, Ordering::SeqCst);
        }
        is_there && (last || self.dies_times.load(Ordering::SeqCst) != u32::MAX)
    }

    /// The numbers of the cells that the latest run was to run.
    pub fn asked(&self) -> Vec<u32> {
        let requests = self.requests.lock().expect("no test panics while it holds this");
        requests.last().map(|request| request.cells.iter().map(|cell| cell.ordinal).collect()).unwrap_or_default()
    }

    /// How many runs were asked for.
    pub fn runs(&self) -> usize {
        self.requests.lock().expect("no test panics while it holds this").len()
    }

    pub fn pins(&self) -> Vec<Pin> {
        self.requests
            .lock()
            .expect("no test panics while it holds this")
            .iter()
            .flat_map(|one| one.pins.clone())
            .collect()
    }
}

impl Runner for MiniRunner {
    fn run(
        &self,
        request: &RunRequest,
        work: &Work,
        on_cell: &mut dyn FnMut(&CellOutcome),
    ) -> Result<RunResult, RunError> {
        self.requests.lock().expect("no test panics while it holds this").push(request.clone());
        if self.dies_in == Some(0) {
            return Err(RunError::Start("there is no such program".to_owned()));
        }
        let lab = Lab::init(&request.lab).map_err(|error| RunError::Start(error.to_string()))?;
        let mut kernel = Kernel::new(&lab.with_pins(request.pins.clone()), &request.directory);
        kernel.given.clone_from(&request.parameters);
        let mut given = request.given.iter().peekable();
        let mut outcomes = Vec::new();
        for cell in &request.cells {
            work.check()?;
            while let Some(table) = given.next_if(|table| table.ordinal <= cell.ordinal) {
                kernel.give(&table.name, &table.path);
            }
            self.before.iter().for_each(|before| before(cell.ordinal));
            work.check()?;
            if self.dies_in(cell.ordinal) {
                return Err(RunError::Died { ordinal: cell.ordinal, reason: "killed by signal 9".to_owned() });
            }
            let mut outcome = kernel.run(cell.ordinal, &cell.source);
            outcome.bindings.extend(cell.values.iter().map(|name| kernel.binding(name)));
            if let Some(bend) = &self.bend {
                bend(&mut outcome);
            }
            on_cell(&outcome);
            let failed = outcome.status != CellStatus::Ok;
            outcomes.push(outcome);
            if failed && !cell.may_fail {
                break;
            }
        }
        let code = request.cells.iter().map(|cell| cell.source.replace('%', "get_ipython() %"));
        let python = request.python.then(|| PythonTold { environment: self.told(), code: code.collect() });
        let lock = self.lock.clone().unwrap_or_else(|| LOCK.to_owned());
        let rust = (!request.python).then_some(RustTold { lock: Some(lock) });
        Ok(RunResult { outcomes, python, rust, program: None, network: Network::Off, exchanged: None })
    }

    fn environment(&self, packages: &[&str], _work: &Work) -> Result<Environment, RunError> {
        let mut told = self.told();
        told.packages.retain(|name, _| packages.contains(&name.as_str()));
        Ok(told)
    }
}

impl MiniRunner {
    fn told(&self) -> Environment {
        let (implementation, version) = ("CPython".to_owned(), "3.11.2".to_owned());
        Environment { implementation, version, packages: self.packages.clone(), licences: self.licences.clone() }
    }
}
