//! A host, and what its cells show.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kernwerk_cell::{Binding, BoundTo, CellEnd, CellEvent, CellRequest, Host, HostConfig, Phases};
use kernwerk_core::Problem;

/// A host in a directory of its own.
pub struct Bench {
    pub host: Host,
    directory: tempfile::TempDir,
}

/// What a cell has shown, and how it ended.
#[derive(Debug)]
pub struct Ran {
    pub end: CellEnd,
    pub stdout: String,
    pub stderr: String,
    /// Everything in order, a word for each: `out:…`, `err:…`, `display:MIME`.
    pub order: Vec<String>,
    pub displays: Vec<Vec<(String, String)>>,
    pub notes: Vec<String>,
    /// When the first text came, and when the cell ended.
    pub first_text: Option<Duration>,
    pub took: Duration,
    pub phases: Phases,
}

impl Bench {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap();
        let host = Host::new(HostConfig {
            program,
            directory: directory.path().to_owned(),
            cache: None,
            environment: Vec::new(),
            confinement: None,
            lock: None,
        });
        Self { host, directory }
    }

    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Runs a cell; panics when it is refused.
    #[track_caller]
    pub fn run(&mut self, code: &str) -> Ran {
        self.try_run(&CellRequest { code: code.to_owned(), ..CellRequest::default() }).unwrap()
    }

    /// Runs a cell with frames bound.
    #[track_caller]
    pub fn run_with(&mut self, code: &str, frames: &[(&str, &Path)]) -> Ran {
        let bind =
            |(name, path): &(&str, &Path)| Binding { name: (*name).to_owned(), to: BoundTo::Frame(path.to_path_buf()) };
        let bindings = frames.iter().map(bind).collect();
        self.try_run(&CellRequest { code: code.to_owned(), line: 0, bindings }).unwrap()
    }

    pub fn try_run(&mut self, request: &CellRequest) -> Result<Ran, Problem> {
        let begun = Instant::now();
        let (mut stdout, mut stderr, mut order, mut displays, mut first_text) =
            (String::new(), String::new(), Vec::new(), Vec::new(), None);
        let (mut phases, mut notes) = (None, Vec::new());
        let end = self.host.execute(request, &mut |event| match event {
            CellEvent::Stdout(text) => {
                first_text.get_or_insert_with(|| begun.elapsed());
                stdout.push_str(&text);
                order.push(format!("out:{text}"));
            }
            CellEvent::Stderr(text) => {
                stderr.push_str(&text);
                order.push(format!("err:{text}"));
            }
            CellEvent::Display(bundle) => {
                let mimes: Vec<&str> = bundle.iter().map(|(mime, _)| mime.as_str()).collect();
                order.push(format!("display:{}", mimes.join("+")));
                displays.push(bundle);
            }
            CellEvent::Timing(timing) => assert!(phases.replace(timing).is_none(), "timing comes once"),
            CellEvent::Note(line) => notes.push(line),
            CellEvent::Progress { .. } | CellEvent::Variables(_) | CellEvent::Replaced { .. } => {}
            CellEvent::Input { answer, .. } => answer.give(None),
        })?;
        let took = begun.elapsed();
        // A host that was killed has told nothing any more.
        let phases = phases.unwrap_or_default();
        Ok(Ran { end, stdout, stderr, order, displays, notes, first_text, took, phases })
    }

    /// Writes a file into the notebook's directory.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Ran {
    /// The cell ended well; its result as plain text, if it has one.
    #[track_caller]
    pub fn ok(&self) -> Option<&str> {
        let CellEnd::Ok { result } = &self.end else { panic!("{self:#?}") };
        let bundle = result.as_ref()?;
        Some(bundle.iter().find(|(mime, _)| mime == "text/plain").map_or("", |(_, text)| text))
    }

    /// The result in another form.
    #[track_caller]
    pub fn form(&self, mime: &str) -> &str {
        let CellEnd::Ok { result: Some(bundle) } = &self.end else { panic!("{self:#?}") };
        bundle
            .iter()
            .find(|(other, _)| other == mime)
            .map(|(_, text)| text.as_str())
            .unwrap_or_else(|| panic!("{self:#?}"))
    }

    #[track_caller]
    pub fn compile_error(&self) -> (String, Option<usize>) {
        let CellEnd::CompileError { message, line } = &self.end else { panic!("{self:#?}") };
        (kernwerk_cell::plain(message), *line)
    }
}
