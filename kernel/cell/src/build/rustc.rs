//! rustc for one cell. It can be started ahead of the cell: it reads the source from a pipe, and until there is one it waits with all that
//! comes before the reading done.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};

use super::record::Record;
use crate::home::Home;
use crate::process;

/// The source, below the package: a link to rustc's own input. By this name messages and panics know it.
const SOURCE: &str = "generated/lib.rs";
/// Where libraries go, below the package.
pub(crate) const OUT: &str = "out";
/// rustc's codes for compiled dependencies that are gone or do not fit.
const STALE: &[&str] = &["\"E0460\"", "\"E0463\"", "\"E0514\"", "\"E0786\""];
/// Stands in rustc's words when the linker has failed.
const UNLINKED: &str = "linking with `";

/// A rustc that waits for its source.
pub(super) struct Rustc {
    child: Child,
    /// Decides which cells it is good for.
    pub(super) key: String,
}

/// What became of a cell.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) succeeded: bool,
    /// Compiled dependencies are gone or do not fit.
    pub(super) stale: bool,
    /// The linker failed.
    pub(super) unlinked: bool,
    /// rustc's messages as cargo passes them on: lines of JSON.
    pub(super) messages: Vec<u8>,
    /// What was said beside these.
    pub(super) words: String,
}

impl Rustc {
    /// What decides about compiling a cell beside its source.
    pub(super) fn key(record: &Record, arguments: &[String]) -> String {
        let mut hasher = blake3::Hasher::new();
        for part in [record.digest().as_str()].into_iter().chain(arguments.iter().map(String::as_str)) {
            hasher.update(part.as_bytes()).update(&[0]);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Starts rustc in evcxr's package with the recorded command line and further `arguments`, which count for more.
    pub(super) fn start(home: &Home, record: &Record, arguments: &[String]) -> std::io::Result<Self> {
        let package = home.package();
        // rustc makes the directory for libraries, but not for what it says of them.
        std::fs::create_dir_all(package.join(OUT))?;
        link_source(&package)?;
        let mut command = home.command(&home.rustc);
        record.apply(&mut command);
        command
            .args(arguments)
            .args([SOURCE, "--error-format=json", "--json=diagnostic-rendered-ansi", "-Awarnings"])
            .current_dir(&package);
        // In a group of its own, so that it can be stopped together with its linker.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        Ok(Self { child: command.spawn()?, key: Self::key(record, arguments) })
    }

    /// Whether it still waits.
    pub(super) fn is_alive(this: &mut Self) -> bool {
        matches!(this.child.try_wait(), Ok(None))
    }

    /// Compiles `source`; whoever wants to stop it finds its process group in the build mark.
    pub(super) fn compile(mut self, home: &Home, source: &str) -> Compiled {
        // Without the mark an interrupt waits for the build to end.
        let _ = std::fs::write(home.build_mark(), self.child.id().to_string());
        if let Some(mut input) = self.child.stdin.take() {
            // Should it be gone, it is waited for below.
            let _ = input.write_all(source.as_bytes());
        }
        let compiled = self.listen();
        let _ = std::fs::remove_file(home.build_mark());
        compiled
    }

    fn listen(mut self) -> Compiled {
        let mut compiled = Compiled::default();
        if let Some(stderr) = self.child.stderr.take() {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                compiled.hear(&String::from_utf8_lossy(&line));
            }
        }
        match self.child.wait() {
            Ok(status) if status.success() => compiled.succeeded = true,
            // It has said itself what made it fail.
            Ok(status) if status.code().is_some() => {}
            Ok(status) => compiled.words.push_str(&format!("error: rustc {}\n", process::describe_end(status))),
            Err(error) => compiled.words.push_str(&format!("error: rustc cannot be waited for: {error}\n")),
        }
        compiled
    }
}

impl Drop for Rustc {
    fn drop(&mut self) {
        // One that still waits has nothing to lose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Compiled {
    /// Whether an error's place lies behind the first `lines` of the source.
    pub(super) fn is_about_lines_behind(&self, lines: usize) -> bool {
        self.messages.split(|byte| *byte == b'\n').any(|message| {
            let Ok(message) = serde_json::from_slice::<serde_json::Value>(message) else { return false };
            let spans = message["message"]["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
            let primary = spans.iter().find(|span| span["is_primary"] == true);
            let line = primary.and_then(|span| usize::try_from(span["line_start"].as_u64()?).ok());
            message["message"]["level"] == "error" && line.is_some_and(|line| line > lines)
        })
    }

    fn hear(&mut self, line: &str) {
        if line.starts_with('{') {
            self.stale |= STALE.iter().any(|code| line.contains(code));
            self.unlinked |= line.contains(UNLINKED);
            let message = format!("{{\"reason\":\"compiler-message\",\"message\":{line}}}\n");
            self.messages.extend_from_slice(message.as_bytes());
        } else {
            self.words.push_str(line);
            self.words.push('\n');
        }
    }
}

/// Has the source's name stand for rustc's standard input.
fn link_source(package: &Path) -> std::io::Result<()> {
    let source = package.join(SOURCE);
    if source.is_symlink() {
        return Ok(());
    }
    if let Some(directory) = source.parent() {
        std::fs::create_dir_all(directory)?;
    }
    symlink("/dev/stdin", source)
}
