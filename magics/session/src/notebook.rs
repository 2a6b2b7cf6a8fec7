//! Which notebook is meant: the one that this process serves, as far as anybody says, and the one that a verb in a shell is about.

use std::path::{Path, PathBuf};

use kernwerk_core::Problem;
use uuid::Uuid;

use crate::Context;

/// The user's own word for the notebook, where nothing else tells it.
const VARIABLE: &str = "KERNWERK_NOTEBOOK";
/// How faces that have no notebook call what they record.
const NAMELESS: [&str; 2] = ["shell", "python"];

/// The notebook whose cells this process runs: what `KERNWERK_NOTEBOOK` says, else `server`, which is what a server of notebooks has said, else the
/// one notebook that the command line of the parent process names, as those of nbconvert, papermill and `jupyter execute` do. None where nothing tells.
///
/// Of a relative path only the end counts where there is no such file here: kernels start in the notebook's directory.
pub fn served_notebook(server: Option<PathBuf>) -> Option<PathBuf> {
    let said = |path: PathBuf| match path.canonicalize() {
        _ if path.is_absolute() => Some(path),
        Ok(found) => Some(found),
        Err(_) => path.file_name().map(PathBuf::from),
    };
    let own = std::env::var_os(VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from).and_then(said);
    let of_server = || {
        let path = server.filter(|path| !path.as_os_str().is_empty())?;
        if path.is_absolute() { Some(path) } else { path.file_name().map(PathBuf::from) }
    };
    own.or_else(of_server).or_else(|| of_parent(std::os::unix::process::parent_id()))
}

/// The notebook on the command line of a process, where there is one, or where papermill has one that it reads and one that it writes.
fn of_parent(process: u32) -> Option<PathBuf> {
    let process = Path::new("/proc").join(process.to_string());
    let words = std::fs::read(process.join("cmdline")).ok()?;
    let words: Vec<String> =
        words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    let directory = std::fs::read_link(process.join("cwd")).ok()?;
    named(&words, |word| directory.join(word).canonicalize().ok().filter(|path| path.is_file()))
}

/// The notebook that the words of a command name; `find` gives the file behind a word.
fn named(words: &[String], find: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let reads_first =
        words.iter().take(3).any(|word| Path::new(word).file_name().is_some_and(|name| name == "papermill"));
    let mut notebooks: Vec<PathBuf> = Vec::new();
    for path in words.iter().filter(|word| word.ends_with(".ipynb")).filter_map(|word| find(word)) {
        if !notebooks.contains(&path) {
            notebooks.push(path);
        }
    }
    (notebooks.len() == 1 || reads_first).then(|| notebooks.into_iter().next())?
}

/// The cells that a verb is about.
pub(crate) struct Meant {
    /// As the record of cells names it.
    pub notebook: String,
    /// The session; none is the notebook's latest.
    pub process: Option<Uuid>,
    /// Where its cells ran.
    pub directory: PathBuf,
}

/// Finds the cells that a verb is about: those of the notebook that is named, else of this one, else, in a shell or a program that has run no
/// cells, those of the notebook that ran last, which is told.
///
/// # Errors
/// No cells are recorded.
pub(crate) fn meant(context: &Context<'_>, named: Option<&str>) -> Result<Meant, Problem> {
    let lab = context.lab()?;
    if let Some(named) = named {
        let path = context.path(named);
        let directory = path.parent().unwrap_or(&path).to_owned();
        return Ok(Meant { notebook: lab.relative(&path), process: None, directory });
    }
    let own = Meant {
        notebook: context.notebook(),
        process: Some(context.process()),
        directory: context.directory().to_owned(),
    };
    let face = Path::new(&own.notebook).file_name().unwrap_or_default().to_string_lossy().into_owned();
    if !NAMELESS.contains(&face.as_str()) {
        return Ok(own);
    }
    let sessions = lab.ledger().sessions()?;
    // The cell that asks is recorded, too.
    if sessions.iter().any(|session| session.process == context.process() && session.cells > 1) {
        return Ok(own);
    }
    let is_notebook = |notebook: &str| notebook != "shell";
    let Some(latest) = sessions.iter().find(|session| is_notebook(&session.notebook)) else { return Ok(own) };
    let mut others: Vec<&str> = sessions.iter().map(|session| session.notebook.as_str()).collect();
    others.retain(|name| is_notebook(name) && *name != latest.notebook);
    others.sort_unstable();
    others.dedup();
    let name = &latest.notebook;
    context.work().note(match others.len() {
        0 => format!("the cells are those of {name}, the only notebook that is recorded"),
        _ => {
            format!("the cells are those of {name}, which ran last; `--notebook` names another: {}", others.join(", "))
        }
    });
    let path = lab.root().join(name);
    let directory = path.parent().unwrap_or(&path).to_owned();
    Ok(Meant { notebook: name.clone(), process: Some(latest.process), directory })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_one_notebook() {
        let is_there = |word: &str| (word != "new.ipynb").then(|| PathBuf::from(word));
        for (command, expected) in [
            ("python /bin/jupyter-nbconvert --to notebook --execute rides.ipynb", Some("rides.ipynb")),
            ("python /bin/jupyter-execute rides.ipynb rides.ipynb", Some("rides.ipynb")),
            ("python /bin/papermill rides.ipynb done.ipynb -p rows 3", Some("rides.ipynb")),
            ("python /bin/papermill rides.ipynb new.ipynb", Some("rides.ipynb")),
            ("python /bin/jupyter-nbconvert --execute a.ipynb b.ipynb", None),
            ("python /bin/jupyter-nbconvert --execute new.ipynb", None),
            ("bash", None),
        ] {
            let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
            assert_eq!(named(&words, is_there), expected.map(PathBuf::from), "{command}");
        }
    }
}
