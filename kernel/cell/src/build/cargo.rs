//! The real cargo: compiles the dependencies of cells into the shared cache, and tells how far it is.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use kernwerk_wire::CrateLock;

use super::cache::Cache;
use super::lock;
use super::record::{RECORD, Record};
use super::vendor;
use crate::process;

/// The same for everybody, or nothing could be shared.
const RUSTFLAGS: &str = "-Cprefer-dynamic";

/// Gives dylibs of local packages a file name for each set of sources and features, as all other libraries have one. Else the preludes of two
/// programs, or one prelude with and without charts, would overwrite each other.
const NAMES: (&str, &str) = ("__CARGO_DEFAULT_LIB_METADATA", "kernwerk");

/// How dependencies are compiled, beside what evcxr's manifest says of the cell itself.
const PROFILE: &[&str] = &[
    "profile.dev.package.'*'.opt-level=1",
    "profile.dev.package.'*'.debug-assertions=false",
    "profile.dev.package.'*'.overflow-checks=false",
    "profile.dev.build-override.opt-level=0",
];

/// Parts of Polars that plan and do not touch rows: fast to compile counts for more than fast to run.
const POLARS_PROFILE: &[&str] = &[
    "profile.dev.package.polars-plan.opt-level=0",
    "profile.dev.package.polars-lazy.opt-level=0",
    "profile.dev.package.polars-expr.opt-level=0",
    "profile.dev.package.polars-mem-engine.opt-level=0",
];

/// How often somebody who wants to stop is heard.
const PATIENCE: Duration = Duration::from_millis(100);

/// Dependencies to build.
pub(super) struct Dependencies<'a> {
    pub(super) cache: &'a Cache,
    /// This program, which stands in for rustc where the cell itself would be compiled.
    pub(super) program: &'a Path,
    pub(super) rustc: &'a Path,
    pub(super) target: &'a str,
    /// The directory of the package that has them.
    pub(super) package: &'a Path,
    /// Where rustc's command line for the package goes.
    pub(super) record: &'a Path,
    /// The versions that they have to have.
    pub(super) lock: Option<&'a CrateLock>,
    /// A configuration of cargo's by which it finds them unpacked here.
    pub(super) vendored: Option<&'a Path>,
}

/// Hears how far a build is, now and then. Answers whether to go on.
pub(super) type Progress<'a> = &'a mut dyn FnMut(Sign) -> bool;

/// A sign of life of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Nothing new.
    Quiet,
    /// Somebody else builds into the same directory, or fetches into the same cache of packages.
    Waits,
    /// So many of all crates are compiled.
    Step { done: u64, total: u64 },
}

/// Why dependencies were not built.
#[derive(Debug)]
pub(super) enum Failure {
    Stopped,
    /// cargo chose other versions than it had to; in words which.
    Unlocked(String),
    /// What cargo said: messages of the compiler as lines of JSON, and its own words.
    Failed {
        messages: Vec<String>,
        words: String,
    },
}

impl Dependencies<'_> {
    /// Builds them with `cargo`, a command whose environment is made up already.
    pub(super) fn build(&self, mut cargo: Command, progress: Progress<'_>) -> Result<(), Failure> {
        // What is there from an earlier attempt must not pass for this one's.
        let _ = std::fs::remove_file(self.record);
        lock::fill(self.cache, self.lock, self.package);
        self.arguments(&mut cargo);
        let failed = |words: String| Failure::Failed { messages: Vec::new(), words };
        let mut child = cargo.spawn().map_err(|error| failed(format!("cargo could not be started: {error}")))?;
        let result = follow(&mut child, progress);
        // cargo has taken out what these dependencies do not need.
        let chosen = std::fs::read_to_string(lock::file(self.package)).unwrap_or_default();
        lock::keep(self.cache, self.lock, self.package);
        lock::fill(self.cache, self.lock, self.package);
        let (messages, words) = result?;
        if !self.record.is_file() {
            return Err(Failure::Failed { messages, words });
        }
        lock::check(self.lock, &chosen).map_err(Failure::Unlocked)?;
        Record::complete(self.record, chosen).map_err(|error| failed(format!("its record cannot be written: {error}")))
    }

    fn arguments(&self, cargo: &mut Command) {
        cargo.args(["build", "--lib", "--message-format=json", "--target", self.target]);
        let manifest = std::fs::read_to_string(self.package.join("Cargo.toml")).unwrap_or_default();
        for setting in profile(&manifest) {
            cargo.args(["--config", setting]);
        }
        if let Some(vendored) = self.vendored {
            cargo.arg("--config").arg(vendored);
        }
        let target = self.vendored.map_or_else(|| self.cache.target(), |_| vendor::target(self.cache));
        cargo
            .current_dir(self.package)
            .env("CARGO_TARGET_DIR", &target)
            .env("CARGO_BUILD_BUILD_DIR", &target)
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "always")
            .env("CARGO_TERM_PROGRESS_WIDTH", "200")
            .env(NAMES.0, NAMES.1)
            .env("RUSTFLAGS", RUSTFLAGS)
            .env("RUSTC", self.rustc)
            .env("RUSTC_WORKSPACE_WRAPPER", self.program)
            .env(RECORD, self.record)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    }
}

/// The settings of a package with this manifest. A profile for a package that is not there would be a warning.
fn profile(manifest: &str) -> Vec<&'static str> {
    let polars = if manifest.contains("polars") { POLARS_PROFILE } else { &[] };
    [PROFILE, polars].concat()
}

/// Everything that decides how the dependencies of a package with this manifest are compiled, beside the manifest.
pub(super) fn settings(manifest: &str) -> Vec<&'static str> {
    [profile(manifest).as_slice(), &[RUSTFLAGS, NAMES.0, NAMES.1]].concat()
}

/// The dependencies in a manifest, a line each.
pub(super) fn dependency_lines(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.lines().skip_while(|line| line.trim() != "[dependencies]").skip(1)
}

/// Reads what cargo writes until it ends: the compiler's messages about errors, and cargo's words without its progress.
fn follow(child: &mut Child, progress: Progress<'_>) -> Result<(Vec<String>, String), Failure> {
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Ok((Vec::new(), String::new()));
    };
    let messages = std::thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).filter(|line| is_error(line)).collect()
    });
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in split_lines(stderr) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut words = String::new();
    loop {
        let go_on = match lines.recv_timeout(PATIENCE) {
            Ok(line) => match sign(&line) {
                Sign::Quiet => {
                    if !line.trim().is_empty() {
                        words.push_str(line.trim_end());
                        words.push('\n');
                    }
                    true
                }
                sign => progress(sign),
            },
            Err(RecvTimeoutError::Timeout) => progress(Sign::Quiet),
            Err(RecvTimeoutError::Disconnected) => break,
        };
        if !go_on {
            process::kill_group(child.id());
            // Already killed: only its traces are to be cleared away.
            let _ = child.wait();
            return Err(Failure::Stopped);
        }
    }
    // The record, not the exit code, says whether it worked: cargo never gets to see a compiled cell.
    let _ = child.wait();
    Ok((messages.join().unwrap_or_default(), words))
}

fn is_error(line: &str) -> bool {
    line.contains("\"compiler-message\"") && line.contains("\"level\":\"error\"")
}

/// Lines that end in a line feed or in a carriage return, as a progress bar's do.
fn split_lines(reader: impl Read) -> impl Iterator<Item = String> {
    let mut bytes = BufReader::new(reader).bytes().map_while(Result::ok);
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        for byte in bytes.by_ref() {
            if byte == b'\n' || byte == b'\r' {
                return Some(String::from_utf8_lossy(&line).into_owned());
            }
            line.push(byte);
        }
        (!line.is_empty()).then(|| String::from_utf8_lossy(&line).into_owned())
    })
}

fn sign(line: &str) -> Sign {
    if line.trim_start().starts_with("Blocking waiting for file lock on") {
        return Sign::Waits;
    }
    step(line).map_or(Sign::Quiet, |(done, total)| Sign::Step { done, total })
}

/// Reads cargo's progress: `    Building [=====>     ] 34/212: polars-core, polars-io`.
fn step(line: &str) -> Option<(u64, u64)> {
    let rest = line.trim_start().strip_prefix("Building [")?.split_once("] ")?.1;
    let (done, rest) = rest.split_once('/')?;
    let total = rest.split_once(':').map_or(rest, |(total, _)| total);
    Some((done.trim().parse().ok()?, total.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_s_progress_is_read() {
        let line = "    Building [======>                 ] 34/212: polars-core, polars-io(build)   ";
        assert_eq!(sign(line), Sign::Step { done: 34, total: 212 });
        assert_eq!(sign("    Building [=>  ] 0/4"), Sign::Step { done: 0, total: 4 });
        assert_eq!(sign("   Compiling polars-core v0.55.2"), Sign::Quiet);
        for what in ["build directory", "artifact directory", "package cache"] {
            assert_eq!(sign(&format!("    Blocking waiting for file lock on {what}")), Sign::Waits);
        }
    }

    #[test]
    fn lines_end_in_returns_too() {
        assert_eq!(split_lines("a\rb\n\nc".as_bytes()).collect::<Vec<_>>(), ["a", "b", "", "c"]);
    }
}
