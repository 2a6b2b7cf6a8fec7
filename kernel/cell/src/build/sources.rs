//! The preludes' sources, which this program carries, and the dependencies that they pin.

use std::fs;
use std::path::{Path, PathBuf};

use super::cache::{make_directory, scratch};
use crate::error::Error;

macro_rules! embedded {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../", $path)))),*]
    };
}

/// Paths below `kernel/`, and what the files hold.
const FILES: &[(&str, &str)] = embedded![
    "prelude/Cargo.toml",
    "prelude/src/answer.rs",
    "prelude/src/arrow.rs",
    "prelude/src/bar.rs",
    "prelude/src/display.rs",
    "prelude/src/engine.rs",
    "prelude/src/flatbuffer.rs",
    "prelude/src/frame.rs",
    "prelude/src/html.rs",
    "prelude/src/image.rs",
    "prelude/src/input.rs",
    "prelude/src/json.rs",
    "prelude/src/lab.rs",
    "prelude/src/lib.rs",
    "prelude/src/problem.rs",
    "prelude/src/progress.rs",
    "prelude/src/spill.rs",
    "prelude/src/widgets.rs",
    "prelude-plotters/Cargo.toml",
    "prelude-plotters/src/lib.rs",
    "prelude-plotters/src/plot.rs",
    "prelude-polars/Cargo.toml",
    "prelude-polars/src/bind.rs",
    "prelude-polars/src/lib.rs",
    "prelude-polars/src/pools.rs",
    "prelude-polars/src/rows.rs",
    "prelude-polars/src/show.rs",
    "prelude-polars/src/spill.rs",
];

const PLOTTERS_MANIFEST: &str = include_str!("../../../prelude-plotters/Cargo.toml");
const POLARS_MANIFEST: &str = include_str!("../../../prelude-polars/Cargo.toml");

/// The versions that the preludes were built and tested with.
pub(super) const LOCK: &str = include_str!("../../../prelude-polars/Cargo.lock");

/// Writes the sources below `root`, if they are not there yet; the directory that holds the preludes.
pub(super) fn unpack(root: &Path) -> Result<PathBuf, Error> {
    let mut hasher = blake3::Hasher::new();
    for (path, text) in FILES {
        hasher.update(path.as_bytes()).update(&[0]).update(text.as_bytes()).update(&[0]);
    }
    let directory = root.join(&hasher.finalize().to_hex()[..16]);
    if directory.is_dir() {
        return Ok(directory);
    }
    make_directory(root)?;
    let scratch = scratch(root)?;
    for (path, text) in FILES {
        let path = scratch.path().join(path);
        if let Some(parent) = path.parent() {
            make_directory(parent)?;
        }
        fs::write(&path, text).map_err(Error::file("write", &path))?;
    }
    let made = scratch.keep();
    if let Err(error) = fs::rename(&made, &directory) {
        // Somebody else was quicker, with the same files.
        let _ = fs::remove_dir_all(&made);
        if !directory.is_dir() {
            return Err(Error::file("write", &directory)(error));
        }
    }
    Ok(directory)
}

/// What stands in a program for the prelude's file of this name.
const DISPLAY: (&str, &str) = ("prelude/src/display.rs", include_str!("../program/display.rs"));
/// Preludes are one copy for all cells of a notebook, and a package of their own; in a program they are neither.
const OF_NOTEBOOKS: [(&str, &str); 2] =
    [("[workspace]\n", ""), ("crate-type = [\"dylib\"]", "crate-type = [\"rlib\"]")];

/// The preludes that belong to `loaded`, as a program has them: paths beside its manifest, and what the files hold.
pub(crate) fn of_program(loaded: Loaded) -> Vec<(&'static str, String)> {
    let is_loaded = |path: &str| match path.split('/').next() {
        Some("prelude-polars") => loaded.polars,
        Some("prelude-plotters") => loaded.plotters || loaded.polars,
        _ => true,
    };
    let files = FILES.iter().filter(|(path, _)| is_loaded(path)).map(|(path, text)| {
        let text = if *path == DISPLAY.0 { DISPLAY.1 } else { text };
        let is_manifest = path.ends_with("Cargo.toml");
        let changes = OF_NOTEBOOKS.iter().filter(|_| is_manifest);
        (*path, changes.fold(text.to_owned(), |text, (from, to)| text.replace(from, to)))
    });
    files.collect()
}

/// Which of our dependencies a notebook has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// The small prelude, under the name `kernwerk`.
    pub(crate) prelude: bool,
    pub(crate) plotters: bool,
    /// Polars, and with it plotters.
    pub(crate) polars: bool,
}

/// The dependencies with versions of ours, as they stand in a manifest.
#[derive(Clone, Debug)]
pub(crate) struct Pinned {
    sources: PathBuf,
}

impl Pinned {
    pub(super) fn new(sources: &Path) -> Self {
        Self { sources: sources.to_owned() }
    }

    /// With the preludes beside the manifest.
    pub(crate) fn beside() -> Self {
        Self::new(Path::new(""))
    }

    /// Without sources, for looking at specifications.
    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self::new(Path::new("/sources"))
    }

    /// Name and specification of each dependency that belongs to `loaded`.
    pub(crate) fn dependencies(&self, loaded: Loaded) -> Vec<(&'static str, String)> {
        let kernwerk = |prelude: &str| {
            let path = toml_text(&self.sources.join(prelude));
            ("kernwerk", format!("{{ package = \"kernwerk-{prelude}\", path = {path} }}"))
        };
        let plotters = || ("plotters", dependency("plotters", PLOTTERS_MANIFEST));
        let polars = || ("polars", dependency("polars", POLARS_MANIFEST));
        if loaded.polars {
            vec![polars(), plotters(), kernwerk("prelude-polars")]
        } else if loaded.plotters {
            vec![plotters(), kernwerk("prelude-plotters")]
        } else if loaded.prelude {
            vec![kernwerk("prelude")]
        } else {
            Vec::new()
        }
    }
}

/// The specification of a dependency as it stands in a prelude's manifest, on one line.
fn dependency(name: &str, manifest: &str) -> String {
    let start = format!("{name} = ");
    let line = manifest.lines().find_map(|line| line.strip_prefix(start.as_str()));
    line.expect("the manifest is ours, and a test reads it").to_owned()
}

/// A path as text in TOML.
pub(super) fn toml_text(path: &Path) -> String {
    format!("\"{}\"", path.display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_names_its_dependencies() {
        let pinned = Pinned::new(Path::new("/cache/sources"));
        let names = |loaded| pinned.dependencies(loaded).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert!(names(Loaded::default()).is_empty());
        assert_eq!(names(Loaded { prelude: true, ..Loaded::default() }), ["kernwerk"]);
        assert_eq!(names(Loaded { plotters: true, ..Loaded::default() }), ["plotters", "kernwerk"]);
        assert_eq!(names(Loaded { polars: true, plotters: true, prelude: true }), ["polars", "plotters", "kernwerk"]);
    }

    #[test]
    fn every_file_of_the_preludes_is_embedded() {
        let kernel = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut found = Vec::new();
        for prelude in ["prelude", "prelude-plotters", "prelude-polars"] {
            found.push(format!("{prelude}/Cargo.toml"));
            for entry in fs::read_dir(kernel.join(prelude).join("src")).unwrap() {
                found.push(format!("{prelude}/src/{}", entry.unwrap().file_name().into_string().unwrap()));
            }
        }
        found.sort();
        let mut embedded: Vec<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        embedded.sort();
        assert_eq!(embedded, found);
    }
}
