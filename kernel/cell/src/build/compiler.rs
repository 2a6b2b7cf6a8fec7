//! Builds cells for evcxr, within the cell host: by rustc directly, with the command line that cargo would use; cargo itself is asked only when
//! the dependencies are new.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use kernwerk_wire::Report;

use super::cache::Cache;
use super::cargo::{self, Dependencies, Failure, Sign};
use super::lock;
use super::made::extern_support;
use super::record::Record;
use super::rustc::{Compiled, OUT, Rustc};
use super::shelf::{self, Shelf};
use super::spill::{self, Variables};
use super::{generated, level, record};
use crate::home::Home;

/// Exit code of a build that was interrupted.
const INTERRUPTED: u8 = 130;
/// cargo's exit code of a build that failed.
const FAILED: u8 = 101;

/// How a cell itself is compiled; what it calls of its dependencies was compiled optimised. To optimise costs a trivial cell a fifth of the
/// compiler's time, and gains a loop a factor of three: so it depends.
const ONCE: &[&str] = &["-Copt-level=0"];
const REPEATING: &[&str] = &["-Copt-level=2"];
/// A short cell is one unit and starts from nothing: what it has in common with the cell before is less than the bookkeeping about it.
const SHORT: &[&str] = &["-Ccodegen-units=1"];
/// The source of a cell has all items of the cells before it; where they are many, rustc keeps what it knows of them.
const LONG: &[&str] = &["-Ccodegen-units=16", "-Cincremental=incremental"];
/// Bytes of source from which on a cell is long.
const IS_LONG: usize = 6 << 10;

/// What evcxr wants built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) wanted: Wanted,
    /// The triple to compile for.
    pub(crate) target: String,
    /// The file that is to hold the path of the compiled cell.
    pub(crate) library_file: PathBuf,
}

/// What a compilation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Library,
    Messages,
}

/// What cargo would answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) code: u8,
    /// Messages of the compiler as lines of JSON.
    pub(crate) messages: Vec<u8>,
    pub(crate) words: String,
    /// How long rustc took, if it was needed.
    pub(crate) rustc: Option<Duration>,
}

/// Builds one cell after the other.
pub(crate) struct Compiler {
    home: Home,
    cache: Cache,
    shelf: Shelf,
    /// Waits for the next cell, which most probably is compiled like the last one.
    spare: Option<Rustc>,
    /// Of what kind the last cell was.
    last: Kind,
    /// The linker has failed where it was started directly.
    through_cc: bool,
    /// The last source allowed `?` at the top of the cell.
    allows_question_mark: bool,
    /// The lock file that was told last.
    told: String,
}

/// Hears how far a build of dependencies is.
type Tell<'a> = &'a mut dyn FnMut(Report);

impl Compiler {
    pub(crate) fn new(home: &Home) -> Self {
        let shelf = Shelf::new(home.root.join("shelf"));
        let cache = Cache::at(&home.cache, &home.sources);
        Self {
            home: home.clone(),
            cache,
            shelf,
            spare: None,
            last: Kind::default(),
            through_cc: false,
            allows_question_mark: false,
            told: String::new(),
        }
    }

    /// Builds what evcxr has written into its package.
    pub(crate) fn build(&mut self, order: &Order, tell: Tell<'_>) -> Answer {
        if self.home.stop_mark().exists() {
            return Answer { code: INTERRUPTED, ..Answer::default() };
        }
        self.try_build(order, tell).unwrap_or_else(|answer| answer)
    }

    fn try_build(&mut self, order: &Order, tell: Tell<'_>) -> Result<Answer, Answer> {
        let package = self.home.package();
        let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap_or_default();
        let source = std::fs::read_to_string(package.join("src/lib.rs"))
            .map_err(|error| failure(&format!("the cell's source cannot be read: {error}")))?;
        let variables = Variables::of(&source);
        variables
            .write(&package.join(OUT))
            .map_err(|error| failure(&format!("the cell's variables could not be written down: {error}")))?;
        let allows = generated::allows_question_mark(&source);
        let allowed = std::mem::replace(&mut self.allows_question_mark, allows);
        let source = if allows && !allowed { generated::with_first_way(&source) } else { source };
        let source = generated::complete(&source, &manifest);
        let mut moving = source.clone();
        spill::add_to(&mut moving, &variables, &manifest);
        let kind = Kind { long: source.len() >= IS_LONG, repeats: level::repeats(&source) };
        let shared = is_shared(&manifest, &self.home);
        // Other people's sources may change at any time, so that cargo has to look.
        let (file, known) =
            if shared { self.recorded(&manifest, &order.target) } else { (package.join("record.json"), None) };
        let fresh = known.is_none();
        let mut recorded = match known {
            Some(known) => known,
            None => self.record(order, &file, tell)?,
        };
        if order.wanted == Wanted::Library {
            self.last = kind;
        }
        let cell = Cell { source: &source, moving: &moving, kind, shared, wanted: order.wanted };
        let mut answer = self.compile(&cell, &recorded);
        if !fresh && answer.stale {
            recorded = self.record(order, &file, tell)?;
            answer = self.compile(&cell, &recorded);
        }
        self.tell_lock(&recorded)?;
        if answer.compiled && order.wanted == Wanted::Library && !order.library_file.as_os_str().is_empty() {
            let library = package.join(OUT).join("libctx.so");
            std::fs::write(&order.library_file, library.to_string_lossy().as_bytes())
                .map_err(|error| failure(&format!("the compiled cell could not be handed over: {error}")))?;
        }
        Ok(answer.told)
    }

    /// Has a rustc wait for the next cell.
    pub(crate) fn prepare(&mut self, order: &Order) {
        if self.spare.is_some() || order.wanted != Wanted::Library {
            return;
        }
        let manifest = std::fs::read_to_string(self.home.package().join("Cargo.toml")).unwrap_or_default();
        if !is_shared(&manifest, &self.home) {
            // cargo may compile dependencies anew, and rustc has looked for them when it waits.
            return;
        }
        let (_, known) = self.recorded(&manifest, &order.target);
        let arguments = self.arguments(order.wanted, self.last);
        // Without one the next cell takes a little longer.
        self.spare = known.and_then(|record| Rustc::start(&self.home, &record, &arguments).ok());
    }

    /// Where the command line for the dependencies in a manifest is recorded, or is to be, and what is recorded of it. A host that is bound to
    /// versions takes what others have recorded where it has these versions, and else keeps a record of its own.
    fn recorded(&self, manifest: &str, target: &str) -> (PathBuf, Option<Record>) {
        let (records, key) = (self.cache.records(), record::key(manifest, target));
        let file = records.join(format!("{key}.json"));
        let Some(bound) = &self.home.lock else {
            let known = Record::read(&file);
            return (file, known);
        };
        let own = records.join(format!("{key}-{}.json", lock::digest(bound)));
        let fits = |record: &Record| lock::check(Some(bound), &record.lock).is_ok();
        let known = Record::read(&file).filter(fits).or_else(|| Record::read(&own));
        (own, known)
    }

    /// Leaves the versions with which a cell is compiled where they are asked for.
    fn tell_lock(&mut self, recorded: &Record) -> Result<(), Answer> {
        if self.told != recorded.lock {
            std::fs::write(self.home.compiled_lock(), &recorded.lock)
                .map_err(|error| failure(&format!("the versions of crates could not be written down: {error}")))?;
            self.told.clone_from(&recorded.lock);
        }
        Ok(())
    }

    /// Has cargo build the dependencies and record the command line.
    fn record(&self, order: &Order, file: &std::path::Path, tell: Tell<'_>) -> Result<Record, Answer> {
        let package = self.home.package();
        let scratch = package.join("record.new");
        let dependencies = Dependencies {
            cache: &self.cache,
            program: &self.home.program,
            rustc: &self.home.rustc,
            target: &order.target,
            package: &package,
            record: &scratch,
            lock: self.home.lock.as_ref(),
            vendored: self.home.vendored.as_deref(),
        };
        let mut last = Sign::Quiet;
        let mut progress = |sign| {
            if sign != last {
                report(sign).into_iter().for_each(&mut *tell);
                last = sign;
            }
            !self.home.stop_mark().exists()
        };
        match dependencies.build(self.home.command(&self.home.cargo), &mut progress) {
            Ok(()) => {}
            Err(Failure::Stopped) => return Err(Answer { code: INTERRUPTED, ..Answer::default() }),
            Err(Failure::Unlocked(words)) => {
                self.home.leave_unlocked(&words);
                return Err(failure(&words));
            }
            Err(Failure::Failed { messages, words }) => {
                let messages = messages.iter().flat_map(|line| [line.as_bytes(), b"\n".as_slice()].concat()).collect();
                return Err(Answer { code: FAILED, messages, words, rustc: None });
            }
        }
        let kept = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::rename(&scratch, file));
        Record::read(if kept.is_ok() { file } else { &scratch })
            .ok_or_else(|| failure("cargo built the dependencies, but not where it said"))
    }

    fn compile(&mut self, cell: &Cell<'_>, record: &Record) -> Built {
        let arguments = self.arguments(cell.wanted, cell.kind);
        let shelved = (cell.shared && cell.wanted == Wanted::Library).then(|| {
            blake3::Hasher::new()
                .update(Rustc::key(record, &arguments).as_bytes())
                .update(cell.moving.as_bytes())
                .finalize()
        });
        let package = self.home.package();
        let library = package.join(OUT).join("libctx.so");
        if shelved.is_some_and(|key| self.shelf.take(key, &library)) {
            return Built { compiled: true, ..Built::default() };
        }
        let begun = Instant::now();
        let mut compiled = match self.run(cell, record, &arguments) {
            Ok(compiled) => compiled,
            Err(error) => return Built::failed(failure(&format!("rustc could not be started: {error}"))),
        };
        if compiled.unlinked && !self.through_cc {
            self.through_cc = true;
            let again = self.run(cell, record, &self.arguments(cell.wanted, cell.kind));
            compiled = again.unwrap_or(compiled);
        }
        let rustc = begun.elapsed();
        if let (true, Some(key)) = (compiled.succeeded, shelved)
            && !shelf::reads_more_than_its_source(
                &std::fs::read_to_string(package.join(OUT).join("ctx.d")).unwrap_or_default(),
            )
        {
            self.shelf.keep(key, &library);
        }
        Built::new(compiled, rustc)
    }

    fn run(&mut self, cell: &Cell<'_>, record: &Record, arguments: &[String]) -> std::io::Result<Compiled> {
        // One that was started for something else is of no use any more.
        let spare = if cell.wanted == Wanted::Library { self.spare.take() } else { None };
        let key = Rustc::key(record, arguments);
        let mut fitting = spare.filter(|spare| spare.key == key);
        let rustc = match fitting.take_if(Rustc::is_alive) {
            Some(spare) => spare,
            None => Rustc::start(&self.home, record, arguments)?,
        };
        if cell.wanted == Wanted::Messages || cell.moving == cell.source {
            return Ok(rustc.compile(&self.home, cell.source));
        }
        let compiled = rustc.compile(&self.home, cell.moving);
        if compiled.succeeded || !compiled.is_about_lines_behind(cell.source.lines().count()) {
            return Ok(compiled);
        }
        // What moves variables does not compile for one of their types: then they are not moved.
        Ok(Rustc::start(&self.home, record, arguments)?.compile(&self.home, cell.source))
    }

    /// What rustc is told beside the recorded command line.
    fn arguments(&self, wanted: Wanted, kind: Kind) -> Vec<String> {
        let mut arguments: Vec<String> = extern_support(&self.home.support).into();
        match wanted {
            Wanted::Library => {
                arguments.extend(["--emit=link,dep-info", "--out-dir", OUT].map(str::to_owned));
                let level = if kind.repeats { REPEATING } else { ONCE };
                let units = if kind.long { LONG } else { SHORT };
                arguments.extend(level.iter().chain(units).map(|argument| (*argument).to_owned()));
                if !self.through_cc {
                    arguments.extend_from_slice(&self.home.linker.arguments);
                }
            }
            Wanted::Messages => arguments.extend(["--emit=metadata", "--out-dir", "checked"].map(str::to_owned)),
        }
        arguments
    }
}

/// One cell to compile.
struct Cell<'a> {
    source: &'a str,
    /// The same with what moves its variables behind it.
    moving: &'a str,
    kind: Kind,
    /// Its dependencies are the same for everybody.
    shared: bool,
    wanted: Wanted,
}

/// What decides how a cell is best compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kind {
    long: bool,
    /// Some of its code may run many times.
    repeats: bool,
}

/// What became of it.
#[derive(Debug, Default)]
struct Built {
    compiled: bool,
    stale: bool,
    told: Answer,
}

impl Built {
    fn new(compiled: Compiled, rustc: Duration) -> Self {
        let code = if compiled.succeeded { 0 } else { FAILED };
        let told = Answer { code, messages: compiled.messages, words: compiled.words, rustc: Some(rustc) };
        Self { compiled: compiled.succeeded, stale: compiled.stale && !compiled.succeeded, told }
    }

    fn failed(told: Answer) -> Self {
        Self { compiled: false, stale: false, told }
    }
}

fn failure(words: &str) -> Answer {
    Answer { code: FAILED, words: format!("error: {words}\n"), ..Answer::default() }
}

/// Whether all dependencies are the same for everybody: none lies in a directory of the user's.
fn is_shared(manifest: &str, home: &Home) -> bool {
    let ours = home.sources.display().to_string();
    cargo::dependency_lines(manifest).filter(|line| line.contains("path")).all(|line| line.contains(&ours))
}

/// What is told of a sign of life of cargo's. The cell's own crate alone is not worth a word.
fn report(sign: Sign) -> Option<Report> {
    match sign {
        Sign::Waits => {
            let words =
                "waiting for another notebook, or for `kernwerk kernel prepare`: dependencies are compiled there";
            Some(Report::Note(words.to_owned()))
        }
        Sign::Step { done, total } if total > 1 => {
            Some(Report::Progress { task: "compiling dependencies".to_owned(), done, total })
        }
        Sign::Step { .. } | Sign::Quiet => None,
    }
}
