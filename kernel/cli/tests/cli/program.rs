//! Calls the built program in a directory of its own.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// Where the set-up installs the model that the program embeds with; the installed program would find it beside itself.
const ENVIRONMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.venv");

/// An empty directory in which the program runs.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    /// Runs `kernwerk` with `arguments` and no standard input.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs `kernwerk` with `input` on its standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Ran {
        use std::io::Write;
        let mut child = Command::new(env!("CARGO_BIN_EXE_kernwerk"))
            .args(arguments)
            .current_dir(self.path())
            .env("VIRTUAL_ENV", ENVIRONMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("standard input is piped");
        // The program may end without reading; its output then tells why.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        Ran(child.wait_with_output().expect("the program ends"))
    }
}

/// What a run gave.
pub struct Ran(Output);

impl Ran {
    pub fn code(&self) -> Option<i32> {
        self.0.status.code()
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    /// Standard output of a run that succeeded.
    #[track_caller]
    pub fn ok(&self) -> String {
        assert_eq!(self.code(), Some(0), "{}\n{}", self.stdout(), self.stderr());
        self.stdout()
    }
}
