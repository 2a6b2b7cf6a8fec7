//! The scratch mirror: a directory laid out like the lab, with nothing in it but the declared inputs, for a run in a fresh
//! process. What a cell reads without having declared it is not there, and so shows.

use std::path::{Component, Path, PathBuf};

use kernwerk_core::{Pin, Resource, Work};
use kernwerk_store::{Lab, Stored, content_digest};
use uuid::Uuid;

use crate::Error;
use crate::artifact::PIPELINE;
use crate::compare::{SCRATCH_PREFIX, read_arrow};
use crate::files::{copy_file, digest, digest_file, make_directory, write_file};
use crate::inputs::open;
use crate::pipeline::{PinnedInput, Pipeline};

/// A mirror; removed on drop, and swept by the lab's next opening where it could not be.
pub(crate) struct Mirror {
    /// All that is to be removed.
    staging: PathBuf,
    pub lab: PathBuf,
    /// Where the cells run.
    pub directory: PathBuf,
    pub pins: Vec<Pin>,
}

impl Drop for Mirror {
    fn drop(&mut self) {
        // Nothing refers to it any more; where it cannot be removed, the next opening of the lab tries again.
        let _ = std::fs::remove_dir_all(&self.staging);
    }
}

/// A file input that is not what it was.
pub(crate) struct Changed {
    pub name: String,
}

impl Mirror {
    /// Builds the mirror that `pipeline` needs; `config` is the `kernwerk.toml` that the slice was published with.
    ///
    /// Returns the first file that changed since it was pinned, if any did.
    pub async fn build(
        lab: &Lab,
        pipeline: &Pipeline,
        config: Option<&[u8]>,
        work: &Work,
    ) -> Result<Result<Self, Changed>, Error> {
        let staging = staging_directory(Some(lab))?;
        let scratch = staging.join(format!("{SCRATCH_PREFIX}{}", Uuid::new_v4().simple()));
        let root = scratch.join(below_scratch(lab.root(), &pipeline.inputs));
        let mut mirror = Self { directory: root.join(&pipeline.directory), lab: root, staging, pins: Vec::new() };
        make_directory(&mirror.directory)?;
        if let Some(settings) = settings(lab, config) {
            write_file(&mirror.lab.join("kernwerk.toml"), &settings)?;
        }
        for input in &pipeline.inputs {
            work.check()?;
            match input.resource {
                Resource::File => {
                    if !mirror.add_file(lab, (&pipeline.name, input), work)? {
                        return Ok(Err(Changed { name: input.name.clone() }));
                    }
                }
                _ => mirror.pins.push(pin(lab, input).await?),
            }
        }
        Ok(Ok(mirror))
    }

    /// An empty mirror of the directory `root`, whose cells run in `directory` below it. What it is to hold is for the caller.
    pub fn empty(lab: Option<&Lab>, root: &Path, directory: &Path) -> Result<Self, Error> {
        let staging = staging_directory(lab)?;
        let scratch = staging.join(format!("{SCRATCH_PREFIX}{}", Uuid::new_v4().simple()));
        let copy = scratch.join(root.file_name().unwrap_or("lab".as_ref()));
        let directory = copy.join(directory.strip_prefix(root).unwrap_or(Path::new("")));
        let mirror = Self { directory, lab: copy, staging, pins: Vec::new() };
        make_directory(&mirror.directory)?;
        Ok(mirror)
    }

    /// A directory beside for what is made of the run; it goes with the mirror.
    pub fn draft(&self) -> PathBuf {
        self.staging.join("draft")
    }

    /// Copies a file that an artifact reads and returns whether it is still what was pinned. A file by absolute path stays where it is.
    fn add_file(&self, lab: &Lab, (artifact, input): (&str, &PinnedInput), work: &Work) -> Result<bool, Error> {
        let from = lab.root().join(&input.name);
        let to = plain(&self.lab.join(&input.name));
        let is_absolute = Path::new(&input.name).is_absolute();
        // As many `..` as a hostile artifact likes must not lead out of the run's own directory.
        if !is_absolute && !to.starts_with(&self.staging) {
            let message = format!("`{}` lies outside of everything that this lab could be in", input.name);
            return Err(Error::BrokenArtifact { artifact: artifact.to_owned(), file: PIPELINE.to_owned(), message });
        }
        let found = if is_absolute { digest_file(&from, work)? } else { copy_file(&from, &to, work)? };
        Ok(found == input.digest)
    }

    /// Leaves an Arrow file for the run's process, where cells do not look.
    pub fn give(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let path = self.staging.join("given").join(format!("{name}.arrow"));
        write_file(&path, bytes)?;
        Ok(path)
    }

    /// The file that the run's process left of a table or value that it bound, found by name and content, and its format.
    pub fn bound_value(&self, name: &str, digest: &str) -> Option<(String, Vec<u8>)> {
        let exchange = self.lab.join(".kernwerk").join("exchange");
        let end = format!("-{name}");
        let files = walkdir::WalkDir::new(exchange).sort_by_file_name().into_iter().flatten();
        let is_named = |path: &Path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with(&end));
        files.filter(|entry| is_named(entry.path())).find_map(|entry| {
            let format = entry.path().extension()?.to_str()?.to_owned();
            let bytes = std::fs::read(entry.path()).ok()?;
            (value_digest(&format, &bytes)? == digest).then_some((format, bytes))
        })
    }
}

/// The digest of what a file holds that a process left of a variable: of a table that of its content, else of its bytes.
fn value_digest(format: &str, bytes: &[u8]) -> Option<String> {
    if format != "arrow" {
        return Some(digest(bytes));
    }
    let batches = read_arrow(bytes)?;
    Some(content_digest(&batches.first()?.schema(), &batches))
}

/// A directory of its own: in the lab, or among the system's temporary files where there is none or it is read-only.
fn staging_directory(lab: Option<&Lab>) -> Result<PathBuf, Error> {
    match lab.map(Lab::staging_dir) {
        None | Some(Err(kernwerk_store::Error::ReadOnly { .. })) => {
            let directory = std::env::temp_dir().join(format!("kernwerk-{}", Uuid::new_v4().simple()));
            make_directory(&directory)?;
            Ok(directory)
        }
        Some(staging) => Ok(staging?),
    }
}

/// The settings for a run: those that the slice was published with, but the model is looked for where it lies for this lab
/// now. What it weighs is pinned by digest; where it lies is no part of an artifact.
pub(crate) fn settings(lab: &Lab, config: Option<&[u8]>) -> Option<Vec<u8>> {
    let embedder = lab.config().models.embedder.as_ref().map(|place| lab.root().join(place));
    let text = config.map(String::from_utf8_lossy);
    let Ok(mut settings) = text.as_deref().unwrap_or_default().parse::<toml::Table>() else {
        // The run tells what is wrong with it.
        return config.map(<[u8]>::to_vec);
    };
    let named = settings.entry("models").or_insert_with(|| toml::Table::new().into()).as_table_mut()?;
    let was_named = named.remove("embedder").is_some();
    if let Some(place) = &embedder {
        named.insert("embedder".to_owned(), place.to_string_lossy().into_owned().into());
    }
    if embedder.is_none() && !was_named {
        return config.map(<[u8]>::to_vec);
    }
    Some(settings.to_string().into_bytes())
}

/// Where the lab's root lies in the scratch directory: as deep, and under the same names, as paths climb out of it.
fn below_scratch(root: &Path, inputs: &[PinnedInput]) -> PathBuf {
    let climbs = inputs
        .iter()
        .filter(|input| input.resource == Resource::File)
        .map(|input| Path::new(&input.name).components().take_while(|part| *part == Component::ParentDir).count());
    let depth = climbs.max().unwrap_or(0);
    let names: Vec<Component<'_>> = root.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    if depth == 0 || names.is_empty() {
        return PathBuf::from("lab");
    }
    names[names.len().saturating_sub(depth)..].iter().collect()
}

/// The path without `..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}

/// Where a table or corpus of the lab lies, for the run to read it in place of its own.
async fn pin(lab: &Lab, input: &PinnedInput) -> Result<Pin, Error> {
    let stored = open(lab, input.resource, &input.name, input.version).await?;
    Ok(pin_of(&stored, input.digest.clone()))
}

/// The pin of what is stored, whose content has this digest.
pub(crate) fn pin_of(stored: &Stored, digest: String) -> Pin {
    Pin {
        resource: stored.resource(),
        name: stored.name().to_owned(),
        version: stored.version(),
        uri: stored.uri().to_owned(),
        digest,
    }
}
