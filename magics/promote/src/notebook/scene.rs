//! Where the cells of a notebook run: a copy of the directory around it, beside what its lab holds now. What they write goes into
//! the copy, which is removed afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kernwerk_core::{Access, Resource, StoredCell, Work};
use kernwerk_store::Lab;
use walkdir::{DirEntry, WalkDir};

use crate::Error;
use crate::files::{make_directory, read_file, write_file};
use crate::mirror::{Mirror, pin_of, settings};
use crate::slice::literals;

/// Of a larger directory only what the cells name is copied.
const MOST_FILES: usize = 20_000;
const MOST_BYTES: u64 = 2 << 30;
/// How deep below the notebook its modules are looked for in a directory that is too large.
const MODULE_DEPTH: usize = 4;
/// Longer words of a cell are no paths.
const LONGEST_PATH: usize = 1024;
/// What is made anew by whoever needs it, or is the lab's own.
const LEFT_OUT: [&str; 8] =
    [".kernwerk", ".git", ".hg", ".svn", ".ipynb_checkpoints", "__pycache__", "node_modules", ".venv"];
/// A directory with such a file is an environment of Python, or a cache.
const MARKS: [&str; 2] = ["pyvenv.cfg", "CACHEDIR.TAG"];

/// A copy to run cells in.
pub(super) struct Scene {
    pub mirror: Mirror,
    /// What the copy is of.
    pub home: PathBuf,
    /// The tables and corpora of the lab that the cells find, with their versions.
    pub found: BTreeMap<(Resource, String), u64>,
    pub notes: Vec<String>,
}

/// Makes the scene for the notebook at `path`, an absolute path without links.
pub(super) async fn set(
    lab: Option<&Lab>,
    path: &Path,
    cells: &[StoredCell],
    is_python: bool,
    work: &Work,
) -> Result<Scene, Error> {
    let directory = path.parent().unwrap_or(path);
    let home = match lab {
        Some(lab) => lab.root().to_owned(),
        None => repository(directory).unwrap_or(directory).to_owned(),
    };
    let mirror = Mirror::empty(lab, &home, directory)?;
    let mut scene = Scene { mirror, home, found: BTreeMap::new(), notes: Vec::new() };
    let files = match survey(&scene.home, work)? {
        Some(files) => files,
        None => {
            scene.notes.push(format!(
                "{} holds too much to be copied: cells find only the files that they name, and Python's modules",
                scene.home.display()
            ));
            named(&scene.home, directory, cells, is_python, work)?
        }
    };
    copy(&files, &scene.home, &scene.mirror.lab, work)?;
    if let Some(lab) = lab {
        furnish(&mut scene, lab, cells, work).await?;
    }
    Ok(scene)
}

/// The nearest directory at or above that holds a git repository: a kernel would make its lab there.
fn repository(directory: &Path) -> Option<&Path> {
    directory.ancestors().find(|ancestor| ancestor.join(".git").exists())
}

/// All files of a directory; none where they are too many or too large.
fn survey(home: &Path, work: &Work) -> Result<Option<Vec<PathBuf>>, Error> {
    let (mut files, mut bytes) = (Vec::new(), 0);
    for entry in walk(home, usize::MAX) {
        work.check()?;
        bytes += entry.metadata().map_or(0, |metadata| metadata.len());
        files.push(entry.into_path());
        if files.len() > MOST_FILES || bytes > MOST_BYTES {
            return Ok(None);
        }
    }
    Ok(Some(files))
}

/// The files and links below a directory, but for what is left out and what nobody may read.
fn walk(directory: &Path, depth: usize) -> impl Iterator<Item = DirEntry> {
    let is_wanted = |entry: &DirEntry| {
        let is_left_out = || LEFT_OUT.iter().any(|name| entry.file_name() == *name);
        let is_marked = || MARKS.iter().any(|mark| entry.path().join(mark).exists());
        entry.depth() == 0 || !entry.file_type().is_dir() || !(is_left_out() || is_marked())
    };
    let entries = WalkDir::new(directory).max_depth(depth).sort_by_file_name().into_iter().filter_entry(is_wanted);
    entries.flatten().filter(|entry| entry.file_type().is_file() || entry.file_type().is_symlink())
}

/// The files that the texts of cells name, those in directories that they name, and modules of Python.
fn named(
    home: &Path,
    directory: &Path,
    cells: &[StoredCell],
    is_python: bool,
    work: &Work,
) -> Result<Vec<PathBuf>, Error> {
    let words: BTreeSet<String> = cells.iter().flat_map(|cell| words(&cell.source, is_python)).collect();
    let mut files: BTreeSet<PathBuf> = [home.join("kernwerk.toml")].into_iter().filter(|path| path.is_file()).collect();
    for word in words {
        work.check()?;
        let Ok(path) = directory.join(&word).canonicalize() else { continue };
        // The whole of it is what is too large.
        if path.starts_with(home) && !directory.starts_with(&path) {
            files.extend(walk(&path, usize::MAX).map(DirEntry::into_path));
        }
    }
    let is_module = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "py");
    files.extend(walk(directory, MODULE_DEPTH).map(DirEntry::into_path).filter(is_module));
    Ok(files.into_iter().collect())
}

/// What may be paths in the text of a cell: literals, and the words of magic lines.
fn words(source: &str, is_python: bool) -> Vec<String> {
    let magics = source.lines().filter(|line| line.trim_start().starts_with(['%', '!']));
    let in_magics = magics.flat_map(str::split_whitespace).map(|word| word.trim_matches(['"', '\'']).to_owned());
    let all = literals(source, is_python).into_iter().chain(in_magics);
    all.filter(|word| !word.is_empty() && word.len() <= LONGEST_PATH && !word.contains(['\n', '\0'])).collect()
}

fn copy(files: &[PathBuf], home: &Path, to: &Path, work: &Work) -> Result<(), Error> {
    let total = files.len() as u64;
    for (file, done) in files.iter().zip(1..) {
        work.check()?;
        let copy = to.join(file.strip_prefix(home).unwrap_or(file));
        make_directory(copy.parent().unwrap_or(to))?;
        if file.is_symlink() {
            copy_link(file, &copy, home, to)?;
        } else {
            match std::fs::copy(file, &copy) {
                // Nobody who may not read it would find anything else in the original.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied && !copy.exists() => {}
                copied => _ = copied.map_err(Error::io("copy", file))?,
            }
        }
        if total > 1_000 {
            work.progress("copy", done, Some(total), "files");
        }
    }
    Ok(())
}

/// A link to something in the directory leads to its copy; one that leads out of it leads there again.
fn copy_link(link: &Path, copy: &Path, home: &Path, to: &Path) -> Result<(), Error> {
    let Ok(target) = link.canonicalize() else { return Ok(()) };
    let target = target.strip_prefix(home).map_or(target.clone(), |below| to.join(below));
    std::os::unix::fs::symlink(target, copy).map_err(Error::io("make the link", copy))
}

/// Gives the copy a lab of its own, with the settings and definitions of `lab`, that reads its tables and corpora: all but those that
/// the cells themselves were recorded to make.
async fn furnish(scene: &mut Scene, lab: &Lab, cells: &[StoredCell], work: &Work) -> Result<(), Error> {
    let place = lab.root().join("kernwerk.toml");
    let config = if place.is_file() { Some(read_file(&place)?) } else { None };
    if let Some(text) = settings(lab, config.as_deref()) {
        write_file(&scene.mirror.lab.join("kernwerk.toml"), &text)?;
    }
    let own = Lab::init(&scene.mirror.lab)?;
    let made = made_by(lab, cells)?;
    let is_made = |name: &str, is_dataset: bool| {
        made.iter().any(|(resource, made)| made == name && is_dataset == is_dataset_kind(*resource))
    };
    for definition in lab.ledger().all_definitions()?.iter().filter(|definition| !is_made(&definition.name, false)) {
        own.ledger().define(&definition.kind, &definition.name, &definition.body)?;
    }
    for (_, artifact) in made.iter().filter(|(resource, _)| *resource == Resource::Artifact) {
        let pipeline = scene.mirror.lab.join("pipelines").join(artifact.split('@').next().unwrap_or(artifact));
        if pipeline.is_dir() {
            std::fs::remove_dir_all(&pipeline).map_err(Error::io("remove", &pipeline))?;
        }
    }
    for resource in [Resource::Table, Resource::Corpus] {
        for name in lab.names(resource) {
            work.check()?;
            if made.contains(&(resource, name.clone())) {
                continue;
            }
            let stored = match lab.dataset(resource, &name).await {
                Ok(stored) => stored,
                Err(error) => {
                    scene.notes.push(format!("cells do not find `{name}` of the lab: {error}"));
                    continue;
                }
            };
            let digest = stored.digest().await?;
            scene.found.insert((resource, name), stored.version());
            scene.mirror.pins.push(pin_of(&stored, digest));
        }
    }
    Ok(())
}

fn is_dataset_kind(resource: Resource) -> bool {
    matches!(resource, Resource::Table | Resource::Corpus)
}

/// What cells with these texts wrote whenever they ran in this lab: they make it anew.
fn made_by(lab: &Lab, cells: &[StoredCell]) -> Result<BTreeSet<(Resource, String)>, Error> {
    let texts: BTreeSet<&str> = cells.iter().map(|cell| cell.source.trim()).collect();
    let mut made = BTreeSet::new();
    for notebook in lab.ledger().notebooks()? {
        let records = lab.ledger().cells(&notebook)?;
        let same = records.into_iter().filter(|record| texts.contains(record.cell.text.trim()));
        let effects = same.filter_map(|record| record.end).flat_map(|end| end.effects);
        let written = effects.filter(|effect| effect.access == Access::Write && effect.resource != Resource::File);
        made.extend(written.map(|effect| (effect.resource, effect.name)));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(source: &str) -> StoredCell {
        StoredCell { source: source.to_owned(), execution_count: Some(1), shown: Vec::new() }
    }

    fn write(root: &Path, name: &str, text: &str) {
        write_file(&root.join(name), text.as_bytes()).expect("a file");
    }

    #[test]
    fn a_directory_is_copied_without_what_others_make_anew() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().canonicalize().expect("it is there").join("work");
        for name in ["data/a.csv", "nb/b.py", ".git/x", "env/pyvenv.cfg", "env/lib/y", ".kernwerk/ledger", "nb/.hidden"]
        {
            write(&root, name, name);
        }
        let outside = root.parent().expect("it has one").join("outside.csv");
        std::fs::write(&outside, "out").expect("a file");
        std::os::unix::fs::symlink("../data/a.csv", root.join("nb/in.csv")).expect("a link");
        std::os::unix::fs::symlink(&outside, root.join("nb/out.csv")).expect("a link");
        let work = Work::silent();
        let files = survey(&root, &work).expect("it can be read").expect("it is small");
        let to = root.parent().expect("it has one").join("copy");
        copy(&files, &root, &to, &work).expect("it can be copied");
        let mut copied: Vec<String> = walk(&to, usize::MAX)
            .map(|entry| entry.path().strip_prefix(&to).expect("below").to_string_lossy().into_owned())
            .collect();
        copied.sort_unstable();
        assert_eq!(copied, ["data/a.csv", "nb/.hidden", "nb/b.py", "nb/in.csv", "nb/out.csv"]);
        // What is written through a link within does not reach the original.
        std::fs::write(to.join("nb/in.csv"), "changed").expect("a file");
        assert_eq!(std::fs::read_to_string(root.join("data/a.csv")).expect("a file"), "data/a.csv");
        assert_eq!(std::fs::read_to_string(to.join("nb/out.csv")).expect("a file"), "out");
    }

    #[test]
    fn of_a_large_directory_what_cells_name_is_copied() {
        let place = tempfile::tempdir().expect("a directory");
        let root = place.path().canonicalize().expect("it is there");
        for name in ["nb/a.csv", "nb/b.csv", "nb/help.py", "nb/deep/c.py", "data/d/e.csv", "data/f.csv", "g.txt"] {
            write(&root, name, name);
        }
        let cells = [cell("open('a.csv')\nlist_dir('../data/d')\n'.'\n'..'"), cell("%feature source g ../g.txt")];
        let files = named(&root, &root.join("nb"), &cells, true, &Work::silent()).expect("it can be read");
        let names: Vec<_> =
            files.iter().map(|file| file.strip_prefix(&root).expect("below").to_string_lossy()).collect();
        assert_eq!(names, ["data/d/e.csv", "g.txt", "nb/a.csv", "nb/deep/c.py", "nb/help.py"]);
    }
}
