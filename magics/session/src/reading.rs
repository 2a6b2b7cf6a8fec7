//! Files that cells read by themselves, without a verb.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernwerk_core::{Access, Effect, Problem, Resource};
use kernwerk_store::Lab;

use crate::cells::RunningCell;
use crate::session::Session;

/// The record of a cell has no time to read larger files once more, all together; of those there is no digest, but when they were written.
const MOST_BYTES: u64 = 64 << 20;
/// Of more files in one directory the directory is recorded, with all that is in it.
const MOST_OF_DIRECTORY: usize = 256;
/// What lies below these is no file of a project.
const FOREIGN: [&str; 3] = ["__pycache__", "node_modules", "site-packages"];

impl Session {
    /// Records that a cell read a file, such as a module beside the notebook.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn reads_file(&self, cell: &RunningCell, path: &Path) -> Result<(), Problem> {
        let failed = |error| Problem::new("FileFailed", format!("{}: {error}", path.display()));
        let digest = Some(digest(path).map_err(failed)?);
        // Where there is no lab yet, it will lie around the notebook.
        let name = self.lab()?.map_or_else(|| path.display().to_string(), |lab| lab.relative(path));
        cell.effect(read(name, None, digest));
        Ok(())
    }

    /// Records the files that a cell was seen to open to read. What is no visible file below the lab's root, or is the lab's own, is left out,
    /// and so is what is gone.
    ///
    /// # Errors
    /// The lab cannot be opened.
    pub fn opened_files(&self, cell: &RunningCell, paths: &[PathBuf]) -> Result<(), Problem> {
        let lab = self.lab()?;
        let name = |path: &Path| match &lab {
            Some(lab) => Some(lab.relative(path)).filter(|name| is_of_project(name)),
            // One will perhaps lie around the notebook: see [`name_from`].
            None => path.starts_with(self.directory()).then(|| path.display().to_string()),
        };
        let names = paths.iter().filter_map(|path| Some((name(path)?, path)));
        let mut directories: BTreeMap<String, Vec<(String, &PathBuf)>> = BTreeMap::new();
        for (name, path) in names {
            let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
            directories.entry(directory.to_owned()).or_default().push((name, path));
        }
        let mut left = MOST_BYTES;
        for (directory, files) in directories {
            if files.len() > MOST_OF_DIRECTORY && !directory.is_empty() {
                let last = files.iter().filter_map(|(_, path)| modified(path)).max();
                cell.effect(read(directory, last, None));
                continue;
            }
            for (name, path) in files {
                let Ok(metadata) = path.metadata() else { continue };
                let is_small = metadata.len() <= left;
                left -= if is_small { metadata.len() } else { 0 };
                let digest = if is_small { digest(path).ok() } else { None };
                cell.effect(read(name, modified(path), digest));
            }
        }
        Ok(())
    }
}

/// Names the files that were read before there was a lab as the lab names them, but for those that are none of its project.
pub(crate) fn name_from(lab: &Lab, effects: &mut Vec<Effect>) {
    effects.retain_mut(|effect| {
        let path = Path::new(&effect.name);
        if effect.resource != Resource::File || !path.is_absolute() {
            return true;
        }
        effect.name = lab.relative(path);
        Path::new(&effect.name).is_absolute() || is_of_project(&effect.name)
    });
}

fn read(name: String, version: Option<u64>, digest: Option<String>) -> Effect {
    Effect { access: Access::Read, resource: Resource::File, name, version, digest }
}

/// Whether a file, by its name from the lab's root, is one that its user knows.
fn is_of_project(name: &str) -> bool {
    let is_visible = |part: &str| !(part.is_empty() || part.starts_with('.') || FOREIGN.contains(&part));
    name.split('/').all(is_visible) && !kernwerk_promote::is_of_lab(name)
}

/// When a file was last written, as the slicer reads it.
fn modified(path: &Path) -> Option<u64> {
    path.metadata().ok()?.modified().ok().map(kernwerk_promote::file_version)
}

fn digest(path: &Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}
