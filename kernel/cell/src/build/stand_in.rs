//! Stands in for cargo and rustup where evcxr and rust-analyzer call them.
//!
//! A cell is compiled by rustc directly, with the command line that cargo would use; cargo itself is asked only when the dependencies are new.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kernwerk_wire::Report;

use super::cache::Cache;
use super::cargo::{self, Dependencies, Failure, Sign};
use super::record::Record;
use super::{generated, lock};
use crate::home::Home;
use crate::process;

/// evcxr's name for the file that is to hold the path of the compiled cell.
const LIBRARY_FILE: &str = "EVCXR_EXECUTION_SO_PATH";
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
        let generated = self.package.join("generated");
        let manifest = std::fs::read_to_string(self.package.join("Cargo.toml")).unwrap_or_default();
        let source = std::fs::read_to_string(self.package.join("src/lib.rs"))
            .map(|source| generated::complete(&source, &manifest));
        let written = source
            .and_then(|source| std::fs::create_dir_all(&generated).map(|()| source))
            .and_then(|source| std::fs::write(generated.join("lib.rs"), source));
        if let Err(error) = written {
            eprintln!("error: the cell's source could not be written: {error}");
            return Outcome::Failed;
        }
        let mut rustc = self.home.command(&self.home.rustc);
        record.apply(&mut rustc);
        rustc
            .args(["generated/lib.rs", "--error-format=json", "--json=diagnostic-rendered-ansi", "-Awarnings"])
            .current_dir(&self.package);
        match wanted {
            Wanted::Library => rustc.args(["--emit=link", "--out-dir", "out", "-C", "incremental=incremental"]),
            Wanted::Messages => rustc.args(["--emit=metadata", "--out-dir", "checked"]),
        };
        let (succeeded, stale) = relay(&mut rustc);
        match (succeeded, wanted) {
            (true, Wanted::Library) => self.hand_over(),
            (true, Wanted::Messages) => Outcome::Compiled,
            (false, _) if stale => Outcome::Stale,
            (false, _) => Outcome::Failed,
        }
    }

    fn hand_over(&self) -> Outcome {
        let library = self.package.join("out/libctx.so");
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
}

impl Outcome {
    fn code(self) -> i32 {
        if self == Self::Compiled { 0 } else { FAILED }
    }
}

/// Runs rustc and passes its messages on as cargo does. Tells whether it succeeded, and whether compiled dependencies were the trouble.
fn relay(rustc: &mut Command) -> (bool, bool) {
    let mut child = match rustc.stdin(Stdio::null()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("error: rustc could not be started: {error}");
            return (false, false);
        }
    };
    let mut stale = false;
    if let Some(stderr) = child.stderr.take() {
        let mut stdout = std::io::stdout().lock();
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            if line.starts_with('{') {
                stale |= STALE.iter().any(|code| line.contains(code));
                // evcxr reads to the end; should it be gone, so are we.
                let _ = writeln!(stdout, "{{\"reason\":\"compiler-message\",\"message\":{line}}}");
            } else {
                eprintln!("{line}");
            }
        }
    }
    match child.wait() {
        // rustc has said itself what made it fail, unless something else ended it.
        Ok(status) if status.success() || status.code().is_some() => (status.success(), stale),
        Ok(status) => {
            eprintln!("error: rustc {}", process::describe_end(status));
            (false, false)
        }
        Err(error) => {
            eprintln!("error: rustc cannot be waited for: {error}");
            (false, false)
        }
    }
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
