//! Where a verb is to write a file that the user names: looked at before the verb does anything that takes long, so that nothing is lost to a name
//! that cannot be written, and nothing of the user's is replaced that others need.

use std::path::{Component, Path, PathBuf};

use kernwerk_core::{Problem, Resource, listed};
use kernwerk_promote::{Input, Shown};
use kernwerk_store::Lab;

use crate::Context;

/// Files that must stay as they are, and what each is.
#[derive(Default)]
pub(crate) struct Guarded(Vec<(PathBuf, String)>);

impl Guarded {
    /// The files that an artifact's pipeline reads, and the notebook that it came from.
    pub fn of(lab: &Lab, shown: &Shown) -> Self {
        let name = &shown.location;
        let inputs = shown.pipeline.inputs.iter().filter(|input| input.resource == Resource::File);
        let mut guarded = Self::default();
        inputs.for_each(|input| guarded.add(lab, &input.name, format!("an input of {name}")));
        if let Some(proof) = shown.proof.as_ref().filter(|proof| !proof.notebook.is_empty()) {
            guarded.add(lab, &proof.notebook, format!("the notebook of {name}"));
        }
        guarded
    }

    /// Of several artifacts.
    pub fn of_all<'a>(lab: &Lab, shown: impl Iterator<Item = &'a Shown>) -> Self {
        Self(shown.flat_map(|shown| Self::of(lab, shown).0).collect())
    }

    /// The files that the cells of a plan read, and their notebook.
    pub fn of_plan(lab: &Lab, notebook: &str, inputs: &[Input]) -> Self {
        let mut guarded = Self::default();
        let files = inputs.iter().filter(|input| input.resource == Resource::File);
        files.for_each(|input| guarded.add(lab, &input.name, "an input of the cells".to_owned()));
        guarded.add(lab, notebook, "the notebook".to_owned());
        guarded
    }

    fn add(&mut self, lab: &Lab, name: &str, what: String) {
        self.0.push((resolved(&lab.root().join(name)), what));
    }
}

/// The ending of a file's name in lower case; empty where it has none.
pub(crate) fn ending(file: &str) -> String {
    Path::new(file).extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default()
}

/// That a file has one of these endings.
///
/// # Errors
/// It has another one, or none.
pub(crate) fn check_ending(option: &str, file: &str, endings: &[&str]) -> Result<(), Problem> {
    if endings.contains(&ending(file).as_str()) {
        return Ok(());
    }
    let endings: Vec<String> = endings.iter().map(|ending| format!(".{ending}")).collect();
    Err(Problem::new("BadPlace", format!("`{option} {file}` does not end in {}", listed(&endings, "or")))
        .with_hint("the ending of a file says what it holds"))
}

impl Context<'_> {
    /// That a file of this name may be written: it is a file or not there, none of `guarded`, nothing of the lab's own and of no artifact. `option` is
    /// what the user named it with, such as `--output`.
    ///
    /// # Errors
    /// It may not; in words why.
    pub(crate) fn check_place(&self, option: &str, given: &str, guarded: &Guarded) -> Result<PathBuf, Problem> {
        let bad = |reason: String| Problem::new("BadPlace", format!("`{option} {given}` {reason}"));
        let elsewhere = |reason: String| bad(reason).with_hint("name another file");
        if given.trim().is_empty() || given.ends_with('/') {
            return Err(bad("names no file".to_owned()).with_hint("give the name of a file"));
        }
        let path = self.path(given);
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                return Err(
                    bad("is a directory".to_owned()).with_hint(format!("name a file in it, as in {given}/NAME"))
                );
            }
            Ok(metadata) if !metadata.is_file() => {
                return Err(elsewhere("is there already, and is no regular file".to_owned()));
            }
            _ => {}
        }
        let above = path.ancestors().skip(1).find(|above| above.exists());
        if let Some(above) = above.filter(|above| !above.is_dir()) {
            return Err(elsewhere(format!("lies below {}, which is a file", above.display())));
        }
        self.check_guarded(option, given, guarded)?;
        // Its name may be a slip of the pen: nobody would look for the file there.
        if let Some(directory) = path.parent().filter(|directory| !directory.is_dir()) {
            let missing = format!("cannot be written: there is no directory {}", resolved(directory).display());
            return Err(bad(missing).with_hint("make it first, or name another place"));
        }
        Ok(path)
    }

    /// That no two of the files that one verb writes, each with the option that names it, are the same.
    ///
    /// # Errors
    /// Two are; one would take the place of the other.
    pub(crate) fn check_distinct(&self, files: &[(&str, &str)]) -> Result<(), Problem> {
        for (index, (option, file)) in files.iter().enumerate() {
            let place = resolved(&self.path(file));
            if let Some((other, as_well)) =
                files[..index].iter().find(|(_, other)| resolved(&self.path(other)) == place)
            {
                let words = format!("`{other} {as_well}` and `{option} {file}` are the same file");
                return Err(Problem::new("BadPlace", words).with_hint("name two files"));
            }
        }
        Ok(())
    }

    /// That a file or a directory of this name may be replaced: none of `guarded` lies there or in it, and it is nothing of the lab's own.
    ///
    /// # Errors
    /// It may not; in words why.
    pub(crate) fn check_guarded(&self, option: &str, given: &str, guarded: &Guarded) -> Result<(), Problem> {
        let place = resolved(&self.path(given));
        let bad = |reason: String| {
            Problem::new("BadPlace", format!("`{option} {given}` {reason}")).with_hint("name another place")
        };
        if let Some((file, what)) = guarded.0.iter().find(|(file, _)| file.starts_with(&place)) {
            let verb = if *file == place { "is" } else { "holds" };
            return Err(bad(format!("{verb} {what}: it would be replaced")));
        }
        let lab = self.existing_lab()?;
        if let Some(what) = lab.as_ref().and_then(|lab| of_lab(lab, &place)) {
            return Err(bad(format!("is {what}: it would be changed")));
        }
        let notebook = self.notebook();
        let notebooks = [Some(self.path(&notebook)), lab.map(|lab| lab.root().join(&notebook))];
        match notebooks.into_iter().flatten().any(|path| resolved(&path) == place) {
            true => Err(bad("is this notebook: it would be replaced".to_owned())),
            false => Ok(()),
        }
    }
}

/// What of the lab's own, or of an artifact, the file is.
fn of_lab(lab: &Lab, place: &Path) -> Option<&'static str> {
    let below = place.strip_prefix(resolved(lab.root())).ok()?;
    let mut parts = below.components().map(Component::as_os_str);
    match parts.next()?.to_str()? {
        ".kernwerk" => Some("a file of the lab's own"),
        "kernwerk.toml" => Some("the lab's settings"),
        // `pipelines/NAME/VERSION/…` is sealed, and the history grows by itself. What people write lies beside.
        "pipelines" if parts.count() > 2 => Some("a file of an artifact"),
        _ => None,
    }
}

/// The path with its links resolved, as far as it exists, and without `..` behind that.
fn resolved(path: &Path) -> PathBuf {
    match (path.canonicalize(), path.parent(), path.components().next_back()) {
        (Ok(path), _, _) => path,
        (_, Some(parent), Some(Component::Normal(name))) => resolved(parent).join(name),
        (_, Some(parent), Some(Component::ParentDir)) => {
            resolved(parent).parent().map(Path::to_owned).unwrap_or_default()
        }
        _ => path.to_owned(),
    }
}
