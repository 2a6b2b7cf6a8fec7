//! Stands in for cargo and rustup where evcxr and rust-analyzer call them.
//!
//! A cell is compiled by rustc directly, with the command line that cargo would use; cargo itself is asked only when the dependencies are new.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kernwerk_wire::Report;

use super::cache::{Cache, SUPPORT_CRATE};
use super::cargo::{self, Dependencies, Failure, Sign};
use super::record::Record;
use super::spill::{self, Variables};
use super::{generated, lock};
use crate::home::Home;
use crate::process;

/// evcxr's name for the file that is to hold the path of the compiled cell.
const LIBRARY_FILE: &str = "EVCXR_EXECUTION_SO_PATH";
/// Where a compiled cell goes, below the package.
pub(crate) const OUT: &str = "out";
/// Exit code of a build that was interrupted.
const INTERRUPTED: i32 = 130;
/// cargo's exit code of a build that failed.
const FAILED: i32 = 101;
/// rustc's codes for compiled dependencies that are gone or do not fit.
const STALE: &[&str] = &["\"E0460\"", "\"E0463\"", "\"E0514\"", "\"E0786\""];

/// Answers as rustup: where the tools are, and no to everything else.
pub(crate) fn rustup(home: &Home) -> ! {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('+')).collect();
    let code = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["which", "cargo"] => {
            println!("{}", home.tools().join("bin/cargo").display());
            0
        }
        ["which", "rustc"] => {
            println!("{}", home.rustc.display());
            0
        }
        _ => 1,
    };
    std::process::exit(code)
}

/// Answers as cargo.
pub(crate) fn cargo(home: &Home) -> ! {
    process::lead_group();
    if home.stop_mark().exists() {
        std::process::exit(INTERRUPTED);
    }
    // Without the mark an interrupt waits for the build to end.
    let _ = std::fs::write(home.build_mark(), std::process::id().to_string());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let code = match arguments.iter().find(|argument| !argument.starts_with(['-', '+'])).map(String::as_str) {
        Some("build") => Compilation::new(home).run(Wanted::Library),
        Some("check") => Compilation::new(home).run(Wanted::Messages),
        Some("metadata") => metadata(home, &arguments),
        _ => pass_on(home, &arguments),
    };
    let _ = std::fs::remove_file(home.build_mark());
    std::process::exit(code)
}

/// `cargo metadata` for the cell's package, with the versions that were chosen before.
fn metadata(home: &Home, arguments: &[String]) -> i32 {
    let cache = Cache::at(&home.cache, &home.sources);
    lock::fill(&cache, &home.package());
    let code = pass_on(home, arguments);
    lock::keep(&cache, &home.package());
    lock::fill(&cache, &home.package());
    code
}

fn pass_on(home: &Home, arguments: &[String]) -> i32 {
    match home.command(&home.cargo).args(arguments).env("RUSTC", &home.rustc).status() {
        Ok(status) => status.code().unwrap_or(FAILED),
        Err(error) => {
            eprintln!("error: cargo could not be started: {error}");
            FAILED
        }
    }
}

/// What a compilation is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Library,
    Messages,
}

/// One cell to compile.
struct Compilation<'a> {
    home: &'a Home,
    cache: Cache,
    package: PathBuf,
    target: String,
}

impl<'a> Compilation<'a> {
    fn new(home: &'a Home) -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let target = arguments.windows(2).find(|pair| pair[0] == "--target").map(|pair| pair[1].clone());
        Self {
            home,
            cache: Cache::at(&home.cache, &home.sources),
            package: home.package(),
            target: target.unwrap_or_default(),
        }
    }

    fn run(&self, wanted: Wanted) -> i32 {
        let manifest = std::fs::read_to_string(self.package.join("Cargo.toml")).unwrap_or_default();
        let shared = is_shared(&manifest, self.home);
        let file = if shared {
            self.cache.records().join(format!("{}.json", key(&manifest, &self.target)))
        } else {
            self.package.join("record.json")
        };
        // Other people's sources may change at any time, so that cargo has to look.
        let recorded = if shared { Record::read(&file) } else { None };
        let fresh = recorded.is_none();
        let record = match recorded.map_or_else(|| self.record(&file), Ok) {
            Ok(record) => record,
            Err(code) => return code,
        };
        match self.compile(&record, wanted) {
            Outcome::Stale if !fresh => match self.record(&file) {
                Ok(record) => self.compile(&record, wanted).code(),
                Err(code) => code,
            },
            outcome => outcome.code(),
        }
    }

    /// Has cargo build the dependencies and record the command line.
    fn record(&self, file: &Path) -> Result<Record, i32> {
        let scratch = self.package.join("record.new");
        let dependencies = Dependencies {
            cache: &self.cache,
            program: &self.home.program,
            rustc: &self.home.rustc,
            target: &self.target,
            package: &self.package,
            record: &scratch,
        };
        let mut teller = Teller { home: self.home, line: None, last: Sign::Quiet };
        match dependencies.build(self.home.command(&self.home.cargo), &mut |sign| teller.tell(sign)) {
            Ok(()) => {}
            Err(Failure::Stopped) => return Err(INTERRUPTED),
            Err(Failure::Failed { messages, words }) => {
                for message in messages {
                    println!("{message}");
                }
                eprint!("{words}");
                return Err(FAILED);
            }
        }
        let kept = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::rename(&scratch, file));
        Record::read(if kept.is_ok() { file } else { &scratch }).ok_or_else(|| {
            eprintln!("error: cargo built the dependencies, but not where it said");
            FAILED
        })
    }

    fn compile(&self, record: &Record, wanted: Wanted) -> Outcome {
        let manifest = std::fs::read_to_string(self.package.join("Cargo.toml")).unwrap_or_default();
        let source = match std::fs::read_to_string(self.package.join("src/lib.rs")) {
            Ok(source) => generated::complete(&source, &manifest),
            Err(error) => return cannot_be_written(&error),
        };
        let variables = Variables::of(&source);
        if let Err(error) = variables.write(&self.package.join(OUT)) {
            return cannot_be_written(&error);
        }
        let mut moving = source.clone();
        spill::add_to(&mut moving, &variables, &manifest);
        match self.rustc(record, wanted, &moving, source.lines().count()) {
            // What moves variables does not compile for one of their types: then they are not moved.
            Outcome::OursFailed => self.rustc(record, wanted, &source, usize::MAX),
            outcome => outcome,
        }
    }

    /// Compiles a source whose lines behind so many are ours.
    fn rustc(&self, record: &Record, wanted: Wanted, source: &str, lines: usize) -> Outcome {
        let generated = self.package.join("generated");
        let written =
            std::fs::create_dir_all(&generated).and_then(|()| std::fs::write(generated.join("lib.rs"), source));
        if let Err(error) = written {
            return cannot_be_written(&error);
        }
        let mut rustc = self.home.command(&self.home.rustc);
        record.apply(&mut rustc);
        rustc.args(["generated/lib.rs", "--error-format=json", "-Awarnings"]).current_dir(&self.package);
        rustc.arg("--extern").arg(format!("{SUPPORT_CRATE}={}", self.home.support.display()));
        rustc.arg(format!("-Clink-arg=-Wl,-rpath,{}", self.cache.directory.display()));
        match wanted {
            Wanted::Library => rustc.args(["--emit=link", "--out-dir", OUT, "-C", "incremental=incremental"]),
            Wanted::Messages => rustc.args(["--emit=metadata", "--out-dir", "checked"]),
        };
        match (relay(&mut rustc, lines), wanted) {
            (Outcome::Compiled, Wanted::Library) => self.hand_over(),
            (outcome, _) => outcome,
        }
    }

    fn hand_over(&self) -> Outcome {
        let library = self.package.join(OUT).join("libctx.so");
        let Some(file) = std::env::var_os(LIBRARY_FILE) else { return Outcome::Compiled };
        match std::fs::write(file, library.to_string_lossy().as_bytes()) {
            Ok(()) => Outcome::Compiled,
            Err(error) => {
                eprintln!("error: the compiled cell could not be handed over: {error}");
                Outcome::Failed
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Compiled,
    Failed,
    /// The compiled dependencies are gone or do not fit.
    Stale,
    /// Only what we have added does not compile.
    OursFailed,
}

impl Outcome {
    fn code(self) -> i32 {
        if self == Self::Compiled { 0 } else { FAILED }
    }
}

fn cannot_be_written(error: &std::io::Error) -> Outcome {
    eprintln!("error: the cell's source could not be written: {error}");
    Outcome::Failed
}

/// Runs rustc and passes its messages on as cargo does, unless they are about lines behind the first `lines`.
fn relay(rustc: &mut Command, lines: usize) -> Outcome {
    let output = match rustc.stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::piped()).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("error: rustc could not be started: {error}");
            return Outcome::Failed;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() && said.lines().any(|line| is_behind(line, lines)) {
        return Outcome::OursFailed;
    }
    let mut stale = false;
    let mut stdout = std::io::stdout().lock();
    for line in said.lines() {
        if line.starts_with('{') {
            stale |= STALE.iter().any(|code| line.contains(code));
            // evcxr reads to the end; should it be gone, so are we.
            let _ = writeln!(stdout, "{{\"reason\":\"compiler-message\",\"message\":{line}}}");
        } else {
            eprintln!("{line}");
        }
    }
    match output.status.code() {
        Some(0) => Outcome::Compiled,
        Some(_) if stale => Outcome::Stale,
        // rustc has said itself what made it fail, unless something else ended it.
        Some(_) => Outcome::Failed,
        None => {
            eprintln!("error: rustc {}", process::describe_end(output.status));
            Outcome::Failed
        }
    }
}

/// Whether a message of rustc is an error whose place lies behind the first `lines` of the source.
fn is_behind(message: &str, lines: usize) -> bool {
    let Ok(message) = serde_json::from_str::<serde_json::Value>(message) else { return false };
    let spans = message["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
    let primary = spans.iter().find(|span| span["is_primary"] == true);
    let line = primary.and_then(|span| usize::try_from(span["line_start"].as_u64()?).ok());
    message["level"] == "error" && line.is_some_and(|line| line > lines)
}

/// Whether all dependencies are the same for everybody: none lies in a directory of the user's.
fn is_shared(manifest: &str, home: &Home) -> bool {
    let ours = home.sources.display().to_string();
    dependency_lines(manifest).filter(|line| line.contains("path")).all(|line| line.contains(&ours))
}

/// What the record of a command line depends on. evcxr writes dependencies in any order.
pub(super) fn key(manifest: &str, target: &str) -> String {
    let mut lines: Vec<&str> = manifest.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    let mut hasher = blake3::Hasher::new();
    lines.extend(cargo::settings(manifest));
    for line in lines.into_iter().chain([target]) {
        hasher.update(line.as_bytes()).update(b"\n");
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

fn dependency_lines(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1)
}

/// Tells the cell host how far cargo is.
struct Teller<'a> {
    home: &'a Home,
    line: Option<UnixStream>,
    last: Sign,
}

impl Teller<'_> {
    fn tell(&mut self, sign: Sign) -> bool {
        let report = match sign {
            Sign::Waits => {
                let words =
                    "waiting for another notebook, or for `kernwerk kernel prepare`: dependencies are compiled there";
                Some(Report::Note(words.to_owned()))
            }
            Sign::Step { done, total } if total > 1 && sign != self.last => {
                Some(Report::Progress { task: "compiling dependencies".to_owned(), done, total })
            }
            Sign::Step { .. } | Sign::Quiet => None,
        };
        if let Some(report) = report {
            self.last = sign;
            self.send(&report);
        }
        !self.home.stop_mark().exists()
    }

    fn send(&mut self, report: &Report) {
        if self.line.is_none() {
            self.line = UnixStream::connect(self.home.socket()).ok();
        }
        if let Some(line) = &mut self.line {
            // Progress is a courtesy; the build goes on without it.
            let _ = kernwerk_wire::write(line, report);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_dependencies_does_not_matter() {
        let manifest = |lines: &str| format!("[package]\nname = \"ctx\"\n\n[dependencies]\n{lines}\n");
        let (one, other) = (manifest("a = \"1\"\nb = \"2\""), manifest("b = \"2\"\na = \"1\""));
        assert_eq!(key(&one, "x"), key(&other, "x"));
        assert_ne!(key(&one, "x"), key(&manifest("a = \"1\""), "x"));
        assert_ne!(key(&one, "x"), key(&one, "y"));
    }
}
