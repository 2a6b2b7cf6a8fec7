//! Export: an artifact in the form of another tool, as thin files that launch it or as its cells by themselves.
//!
//! The artifact is verified first, as before a replay, and nothing of it runs. A file that is there already gives way only when it
//! is an export that nobody has changed.

mod airflow;
mod dagster;
mod launch;
mod mlflow;
mod notebook;
mod parameters;
mod place;
mod program;
mod script;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kernwerk_core::Work;
use kernwerk_store::Lab;

pub(crate) use launch::launches;
pub use mlflow::{Method, MlflowServer, Request, Response, Tracked, Unanswered, track};
pub use program::export_crate;
pub use script::Command;

use crate::Error;
use crate::artifact::{Location, Reference};
use place::{Placed, place_file};
use source::Source;

/// What an artifact becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A Python module with an asset and a job of Dagster.
    Dagster,
    /// A Python module with a DAG of Airflow.
    Airflow,
    /// A notebook for the Kernwerk or the IPython kernel.
    Notebook,
    /// A Python script, or a shell script of `kernwerk` commands.
    Script,
}

impl Form {
    pub const ALL: [Self; 4] = [Self::Dagster, Self::Airflow, Self::Notebook, Self::Script];

    pub fn name(self) -> &'static str {
        match self {
            Self::Dagster => "dagster",
            Self::Airflow => "airflow",
            Self::Notebook => "notebook",
            Self::Script => "script",
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|form| form.name() == text).ok_or_else(|| format!("`{text}` is none of {names}"))
    }
}

impl fmt::Display for Form {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What to export, and where to.
#[derive(Clone, Debug)]
pub struct ExportSpec {
    pub reference: Reference,
    /// A file, or a directory that exists; none is a name of its own in `directory`. Of a crate the directory itself.
    pub output: Option<PathBuf>,
    /// What a relative output is relative to.
    pub directory: PathBuf,
    /// Whether what lies there gives way although it is no export, or was changed.
    pub overwrite: bool,
}

/// Reads a cell as magics: each as the words of a command. The error says in words why the cell cannot be read so.
pub type ReadMagics<'a> = &'a dyn Fn(&str) -> Result<Vec<Command>, String>;

/// An artifact in another form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub location: Location,
    /// blake3 of the manifest.
    pub id: String,
    pub output: PathBuf,
    /// It lay there already; nothing was written.
    pub unchanged: bool,
    /// What people should know, in words.
    pub notes: Vec<String>,
}

/// The content of one file, not yet sealed.
struct Made {
    /// How the file is called unless the user names it.
    name: String,
    text: String,
    is_executable: bool,
    notes: Vec<String>,
}

/// Exports an artifact as a file.
///
/// # Errors
/// Those of finding it; [`Error::NotSound`] and [`Error::Unsigned`] where it is not what was published or nobody vouches for it;
/// [`Error::NoExport`] where it has no such form; [`Error::Occupied`] where something else lies in its place. Nothing is written then.
pub fn export(
    lab: &Lab,
    spec: &ExportSpec,
    form: Form,
    magics: ReadMagics<'_>,
    work: &Work,
) -> Result<Exported, Error> {
    let source = Source::read(lab, &spec.reference, work)?;
    let output = |name: &str| output(spec, name);
    let made = match form {
        Form::Notebook => notebook::notebook(&source)?,
        Form::Script => script::script(&source, magics, output)?,
        Form::Dagster => dagster::dagster(&source, output)?,
        Form::Airflow => airflow::airflow(&source, output)?,
    };
    let output = output(&made.name);
    let placed = place_file(&output, &made, spec.overwrite)?;
    Ok(Exported {
        location: source.location,
        id: source.id,
        output,
        unchanged: placed == Placed::Already,
        notes: made.notes,
    })
}

/// Where a file goes that is called `name` unless the user says otherwise.
fn output(spec: &ExportSpec, name: &str) -> PathBuf {
    match &spec.output {
        None => spec.directory.join(name),
        Some(given) => {
            let given = spec.directory.join(given);
            if given.is_dir() { given.join(name) } else { given }
        }
    }
}

/// The name of an artifact's version as an identifier, such as `fares_3`.
fn identifier(location: &Location) -> String {
    format!("{}_{}", location.name.replace('-', "_"), location.version)
}

/// The way from the directory of `file` to `target`, by `..` where they part.
fn way(file: &Path, target: &Path) -> PathBuf {
    let from = resolved(file.parent().unwrap_or(Path::new(".")));
    let to = resolved(target);
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let climb = from.components().skip(shared).map(|_| std::path::Component::ParentDir);
    let way: PathBuf = climb.chain(to.components().skip(shared)).collect();
    if way.as_os_str().is_empty() { PathBuf::from(".") } else { way }
}

/// The path with its links resolved, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(path), _, _) => path,
        (_, Some(parent), Some(name)) => resolved(parent).join(name),
        _ => path.to_owned(),
    }
}
