//! One user's session in one directory: its lab, its variables, its models, and how a magic line runs.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use kernwerk_core::{Body, BoundValue, Embedder, Output, Parameter, ParameterValue, Pin, Problem, Runner, Table, Work};
use kernwerk_lang::{Catalogue, Completions, MagicLine, Parsed};
use kernwerk_models::MiniLm;
use kernwerk_promote::Watch;
use kernwerk_store::{Call, Lab, content_digest};
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::catalogue::SessionNames;
use crate::cells::{RunningCell, Unrecorded};
use crate::context::Context;
use crate::known::Shown;
use crate::language::language;
use crate::meter::Metered;
use crate::runner::ProcessRunner;
use crate::secrets::keep_out;
use crate::variables::{CanonicalValue, Evaluate, Variables};
use crate::verb::{Answer, Live};
use crate::verbs::ALL;

/// How a session is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The notebook's directory: relative paths start here, and the lab is searched from here upwards.
    pub directory: PathBuf,
    /// The lab's root, where it is not to be searched for.
    pub lab: Option<PathBuf>,
    /// For whom the session works; none means the lab's setting, else nobody.
    pub principal: Option<String>,
    /// The notebook's file, as far as the face knows it.
    pub notebook: Option<PathBuf>,
    /// The `kernwerk` program, for cells in fresh processes.
    pub program: PathBuf,
    /// Data sets of another lab that stand in for this one's.
    pub pins: Vec<Pin>,
    /// Values in place of those that cells give to their parameters, by name, as people write them.
    pub parameters: BTreeMap<String, String>,
}

/// A table bound to a variable by `-> name`.
#[derive(Clone, Debug)]
pub struct Binding {
    pub name: String,
    pub table: Table,
    /// The Arrow IPC file that holds it, for cells of another process; none where variables are the face's own.
    pub path: Option<PathBuf>,
    /// Digest of its content; see [`kernwerk_store::content_digest`].
    pub digest: String,
}

/// What a magic line gives.
#[derive(Clone, Debug)]
pub struct Reply {
    pub output: Output,
    /// The rows that the answer consists of, of which the output may show only a part.
    pub table: Option<Table>,
    pub binding: Option<Binding>,
    /// Variables for single values.
    pub parameters: Vec<Parameter>,
    /// Whether the output is to be kept up to date, or what was is to end.
    pub live: Option<Live>,
}

/// One user's session; see the crate's documentation.
pub struct Session {
    options: Options,
    process: Uuid,
    state: Mutex<State>,
    runtime: OnceLock<Runtime>,
    embedder: Mutex<Option<Arc<dyn Embedder>>>,
    unrecorded: Mutex<Vec<Unrecorded>>,
    shown: Mutex<Shown>,
    pub(crate) watch: Mutex<Watch>,
    /// None where the session keeps them itself.
    pub(crate) variables: Option<Arc<dyn Variables>>,
    evaluate: Option<Box<Evaluate>>,
    /// Where the face is a Python's.
    python: Option<PathBuf>,
    /// Where the face compiles cells of Rust.
    crate_lock: Option<Box<CrateLockOf>>,
}

/// Gives the text of the `Cargo.lock` with which the cells of this notebook were compiled; none where none was.
pub type CrateLockOf = dyn Fn() -> Option<String> + Send + Sync;

#[derive(Default)]
struct State {
    lab: Option<Lab>,
    principal: Option<String>,
    variables: BTreeMap<String, Table>,
    parameters: BTreeMap<String, ParameterValue>,
    exports: u64,
    warnings: Vec<String>,
    /// The user knows that nothing can be recorded.
    told_of_read_only: bool,
}

impl Session {
    /// Opens a session. The lab is opened at once where there is one, so that its recovery is told.
    ///
    /// # Errors
    /// A lab that cannot be opened: a wrong `kernwerk.toml`, a ledger of a newer version.
    pub fn open(options: Options) -> Result<Self, Problem> {
        let session = Self {
            state: Mutex::new(State { principal: options.principal.clone(), ..State::default() }),
            options,
            process: Uuid::now_v7(),
            runtime: OnceLock::new(),
            embedder: Mutex::new(None),
            unrecorded: Mutex::default(),
            shown: Mutex::default(),
            watch: Mutex::default(),
            variables: None,
            evaluate: None,
            python: None,
            crate_lock: None,
        };
        session.lab()?;
        Ok(session)
    }

    /// Keeps variables where the face keeps them, in place of in the session and in files.
    #[must_use]
    pub fn with_variables(self, variables: Arc<dyn Variables>) -> Self {
        Self { variables: Some(variables), ..self }
    }

    /// Asks for the values of variables where cells run in another process.
    #[must_use]
    pub fn with_values(self, evaluate: Box<Evaluate>) -> Self {
        Self { evaluate: Some(evaluate), ..self }
    }

    /// Runs cells of Python by this interpreter. Without, it is the one beside the program, else the one on the PATH.
    #[must_use]
    pub fn with_python(self, python: Option<PathBuf>) -> Self {
        Self { python, ..self }
    }

    /// Knows the versions of crates with which this notebook's cells of Rust were compiled: its publications keep them.
    #[must_use]
    pub fn with_crate_lock(self, crate_lock: Box<CrateLockOf>) -> Self {
        Self { crate_lock: Some(crate_lock), ..self }
    }

    /// The text of the `Cargo.lock` with which this notebook's cells of Rust were compiled; none where none was.
    pub(crate) fn crate_lock(&self) -> Option<String> {
        self.crate_lock.as_ref().and_then(|lock| lock())
    }

    /// Runs one magic line of `cell`.
    ///
    /// # Errors
    /// What the verb reports; the lab is then as it was before.
    pub fn run(&self, line: &MagicLine, cell: &RunningCell, work: &Work) -> Result<Reply, Problem> {
        let (verb, arguments) = match language().parse(line)? {
            Parsed::Help(text) => return Ok(Reply::showing(Output::text(text).volatile())),
            Parsed::Call { verb, arguments } => (verb, arguments),
        };
        let entry = ALL
            .iter()
            .flat_map(|verbs| verbs.iter())
            .nth(verb)
            .ok_or_else(|| Problem::new("UnknownVerb", format!("`%{}` cannot be run here", line.magic)))?;
        let verb_name = format!("{} {}", entry.spec.magic, entry.spec.name);
        let context = Context { session: self, cell, work, verb: &verb_name };
        let answer = (entry.run)(&arguments, &context, line.body.as_deref())?;
        self.reply(answer, line, cell)
    }

    fn reply(&self, answer: Answer, line: &MagicLine, cell: &RunningCell) -> Result<Reply, Problem> {
        let table = match (answer.bind, &answer.output.body) {
            (Some(table), _) => Some(table),
            (None, Body::Table(table)) => Some(table.clone()),
            (None, _) => None,
        };
        let Some(name) = &line.bind else {
            let parameters = answer.parameters;
            return Ok(Reply { output: answer.output, table, binding: None, parameters, live: answer.live });
        };
        let Some(bound) = &table else {
            return Err(Problem::new(
                "NothingToBind",
                format!("`{}` gives no table that `{name}` could hold", line.text),
            )
            .with_hint("leave `-> name` away"));
        };
        let binding = self.bind(name, bound.clone())?;
        cell.binds(BoundValue { name: binding.name.clone(), digest: binding.digest.clone() });
        cell.defines(name);
        let parameters = answer.parameters;
        Ok(Reply { output: answer.output, table, binding: Some(binding), parameters, live: answer.live })
    }

    pub(crate) fn bind(&self, name: &str, table: Table) -> Result<Binding, Problem> {
        // The digest is made while the file is written: both go through all of the table.
        let (digest, path) = std::thread::scope(|scope| {
            let digest = scope.spawn(|| content_digest(&table.schema, &table.batches));
            let path = if self.variables.is_some() { Ok(None) } else { self.keep(name, &table).map(Some) };
            let digest = digest.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            path.map(|path| (digest, path))
        })?;
        Ok(Binding { name: name.to_owned(), table, path, digest })
    }

    /// Keeps a variable in the session, and in a file for cells of another process.
    fn keep(&self, name: &str, table: &Table) -> Result<PathBuf, Problem> {
        let path = self.leave(table, name)?;
        self.state().variables.insert(name.to_owned(), table.clone());
        Ok(path)
    }

    /// Leaves what a variable holds in a file, for cells of another process or for whoever runs this one.
    pub(crate) fn export(&self, value: &CanonicalValue, name: &str) -> Result<PathBuf, Problem> {
        let lab = self.lab_for_writing()?;
        let file = self.exchange_name(name, value.format);
        Ok(lab.exchange(&file, &value.bytes)?)
    }

    /// A name in the exchange directory that nothing else ever gets.
    pub(crate) fn exchange_name(&self, name: &str, format: &str) -> String {
        let mut state = self.state();
        state.exports += 1;
        format!("{}-{}-{name}.{format}", self.process.simple(), state.exports)
    }

    /// Completes the magic line at `cursor` (a byte offset); none where `text` has no magic line there.
    pub fn complete(&self, text: &str, cursor: usize) -> Option<Completions> {
        language().complete(text, cursor, &self.names())
    }

    /// The names that lab, session and disk hold now, for a face with magics of its own.
    pub fn names(&self) -> impl Catalogue + '_ {
        SessionNames { session: self }
    }

    /// Help for the magic line at `cursor` (a byte offset).
    pub fn inspect(&self, text: &str, cursor: usize) -> Option<String> {
        language().inspect(text, cursor)
    }

    /// Lines that the user should see once: what opening the lab recovered, and what could not be recorded.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.state().warnings)
    }

    /// The lab, if there is one.
    pub(crate) fn lab(&self) -> Result<Option<Lab>, Problem> {
        let known = self.state().lab.clone();
        match known {
            Some(lab) if lab.is_there() => return Ok(Some(lab)),
            Some(lab) => {
                self.state().lab = None;
                let place = lab.data_dir().display();
                self.warn(format!("{place} was removed or replaced while this session worked with it: what it held is not here any more"));
            }
            None => {}
        }
        let root = match &self.options.lab {
            Some(root) => Lab::find(root).filter(|found| found == root),
            None => Lab::find(&self.options.directory),
        };
        root.map(|root| self.adopt(Lab::open(&root)?)).transpose()
    }

    /// Where there is no lab, in words.
    pub(crate) fn no_lab(&self) -> String {
        match &self.options.lab {
            Some(root) => format!("there is no lab at {}", root.display()),
            None => format!("there is no lab at or above {}", self.options.directory.display()),
        }
    }

    /// The lab, made now if there is none: at the root of the git repository around the notebook, else beside it.
    pub(crate) fn lab_for_writing(&self) -> Result<Lab, Problem> {
        if let Some(lab) = self.lab()? {
            return Ok(lab);
        }
        self.make_lab(&self.place_for_lab()?)
    }

    /// Where a lab is made when there is none.
    ///
    /// # Errors
    /// The place was named and is not there.
    pub(crate) fn place_for_lab(&self) -> Result<PathBuf, Problem> {
        match &self.options.lab {
            // A directory that is not there is a slip of the pen.
            Some(root) if !root.is_dir() => {
                Err(Problem::new("NoLab", format!("there is no directory {}", root.display()))
                    .with_hint("`kernwerk lab init DIRECTORY` makes it a lab"))
            }
            Some(root) => Ok(root.clone()),
            None => Ok(repository_root(&self.options.directory).unwrap_or_else(|| self.options.directory.clone())),
        }
    }

    pub(crate) fn make_lab(&self, root: &Path) -> Result<Lab, Problem> {
        self.adopt(Lab::init(root)?)
    }

    fn adopt(&self, lab: Lab) -> Result<Lab, Problem> {
        let lab = lab.with_pins(self.options.pins.clone());
        keep_out(&lab);
        let mut state = self.state();
        state.warnings.extend(lab.recovered().iter().cloned());
        state.lab = Some(lab.clone());
        Ok(lab)
    }

    /// The embedding model, loaded on first use, behind a meter for this cell and verb.
    pub(crate) fn embedder(&self, cell: &RunningCell, verb: &str) -> Result<Arc<dyn Embedder>, Problem> {
        let lab = self.lab_for_writing()?;
        let mut loaded = self.embedder.lock().unwrap_or_else(PoisonError::into_inner);
        let embedder = match loaded.as_ref() {
            Some(embedder) => embedder.clone(),
            None => {
                let configured = lab.config().models.embedder.as_ref().map(|path| lab.root().join(path));
                let model = MiniLm::load(&MiniLm::find(configured.as_deref())?)?;
                let embedder: Arc<dyn Embedder> = Arc::new(model);
                loaded.insert(embedder).clone()
            }
        };
        drop(loaded);
        let id = self.cell_id(&lab, cell);
        cell.effect(kernwerk_core::Effect {
            access: kernwerk_core::Access::Read,
            resource: kernwerk_core::Resource::Model,
            name: embedder.id().name.clone(),
            version: None,
            digest: Some(embedder.id().digest.clone()),
        });
        let call = Call { cell: id, notebook: Some(self.notebook()), verb: verb.to_owned() };
        Ok(Arc::new(Metered::new(embedder, lab, call)))
    }

    pub(crate) fn runner(&self) -> Arc<dyn Runner> {
        Arc::new(ProcessRunner::new(self.options.program.clone(), self.python.clone()))
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let runtime = self.runtime.get_or_init(|| {
            tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .thread_name("kernwerk-engine")
                .build()
                .expect("the operating system grants threads")
        });
        runtime.block_on(future)
    }

    /// The directory from which relative paths start.
    pub fn directory(&self) -> &Path {
        &self.options.directory
    }

    /// Whether the face is a Python's.
    pub(crate) fn is_python(&self) -> bool {
        self.variables.is_some()
    }

    /// This kernel session's identity in the record of cells.
    pub fn process(&self) -> Uuid {
        self.process
    }

    pub(crate) fn program(&self) -> &Path {
        &self.options.program
    }

    /// The notebook under which cells are recorded, relative to the lab.
    pub(crate) fn notebook(&self) -> String {
        let Some(notebook) = &self.options.notebook else {
            return "shell".to_owned();
        };
        let path = self.options.directory.join(notebook);
        self.state().lab.as_ref().map_or_else(|| path.display().to_string(), |lab| lab.relative(&path))
    }

    pub(crate) fn principal_name(&self) -> Option<String> {
        self.state().principal.clone()
    }

    pub(crate) fn set_principal(&self, name: Option<String>) {
        self.state().principal = name;
    }

    /// The table that a variable of the notebook holds.
    ///
    /// # Errors
    /// The face has a variable of that name that cannot give its table.
    pub fn variable(&self, name: &str) -> Result<Option<Table>, Problem> {
        match &self.variables {
            Some(variables) => variables.table(name),
            None => Ok(self.state().variables.get(name).cloned()),
        }
    }

    /// What a variable of the face holds, in the form that promotion compares.
    pub(crate) fn value(&self, name: &str) -> Result<Option<CanonicalValue>, Problem> {
        match (&self.variables, &self.evaluate) {
            (Some(variables), _) => variables.value(name),
            (None, Some(evaluate)) => evaluate(name),
            (None, None) => Ok(None),
        }
    }

    /// The value that whoever runs the cells has given to a parameter, as people write it.
    pub(crate) fn given_parameter(&self, name: &str) -> Option<&str> {
        self.options.parameters.get(name).map(String::as_str)
    }

    pub(crate) fn set_parameter(&self, parameter: &Parameter) {
        self.state().parameters.insert(parameter.name.clone(), parameter.value.clone());
    }

    /// The parameters that cells have declared.
    pub(crate) fn parameters(&self) -> BTreeMap<String, ParameterValue> {
        self.state().parameters.clone()
    }

    pub(crate) fn variable_names(&self) -> Vec<String> {
        match &self.variables {
            Some(variables) => variables.names(),
            None => self.state().variables.keys().cloned().collect(),
        }
    }

    pub(crate) fn warn(&self, line: String) {
        let mut state = self.state();
        if !state.warnings.contains(&line) {
            state.warnings.push(line);
        }
    }

    /// Tells, once in a session, that nothing is recorded because the lab cannot be written to.
    pub(crate) fn warn_of_read_only(&self, error: &kernwerk_store::Error) {
        if !std::mem::replace(&mut self.state().told_of_read_only, true) {
            self.warn(format!("nothing is recorded, neither cells nor what models use: {error}; reading works"));
        }
    }

    pub(crate) fn unrecorded(&self) -> MutexGuard<'_, Vec<Unrecorded>> {
        self.unrecorded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reply {
    fn showing(output: Output) -> Self {
        Self { output, table: None, binding: None, parameters: Vec::new(), live: None }
    }
}

/// The nearest directory at or above `directory` that holds a git repository.
fn repository_root(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().find(|ancestor| ancestor.join(".git").exists()).map(Path::to_owned)
}
