//! What a slice takes from outside, as it lies in the lab and on the disk now: digests, versions, and what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kernwerk_core::{Access, Resource, Work};
use kernwerk_store::{Lab, Stored};

use crate::Error;
use crate::disk::{Disk, FileState, file_version};
use crate::execution::{Execution, label};
use crate::files::digest_file;
use crate::plan::{Input, Plan};
use crate::slice::{Values, flow};

/// Longer words in a cell's text are not looked up as paths.
const LONGEST_PATH: usize = 1024;

/// Looks at the files that the log speaks of: those that cells were seen to read, and those that the texts of cells, which
/// ran in `directory`, name.
pub(crate) fn look(lab: &Lab, directory: &str, log: &[Execution], work: &Work) -> Result<Disk, Error> {
    let mut disk = Disk::default();
    let reads = log.iter().flat_map(|execution| &execution.effects).filter(|effect| {
        effect.access == Access::Read && effect.resource == Resource::File && effect.version.is_none()
    });
    for name in reads.map(|effect| effect.name.as_str()).collect::<BTreeSet<_>>() {
        let path = lab.root().join(name);
        if let Some(modified) = modified(&path) {
            let digest = Some(digest_file(&path, work)?);
            disk.files.insert(name.to_owned(), FileState { modified, digest });
        }
    }
    let directory = lab.root().join(directory);
    let words = flow(log, Values::Recorded)
        .into_iter()
        .filter(|step| step.ran && step.is_untraced())
        .flat_map(|step| step.facts.effects.literals);
    for word in words.collect::<BTreeSet<_>>() {
        if word.len() > LONGEST_PATH || word.contains(['\n', '\0']) {
            continue;
        }
        let path = directory.join(&word);
        let name = lab.relative(&path);
        if let Some(modified) = modified(&path)
            && !is_of_lab(&name)
        {
            disk.files.entry(name.clone()).or_insert(FileState { modified, digest: None });
            disk.mentions.insert(word, name);
        }
    }
    Ok(disk)
}

/// Whether the file, by its name from the lab's root, belongs to the lab itself rather than to its user.
pub fn is_of_lab(name: &str) -> bool {
    name == "kernwerk.toml" || name.starts_with(".kernwerk/") || name.starts_with("pipelines/")
}

fn modified(path: &Path) -> Option<u64> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    metadata.modified().ok().map(file_version)
}

/// Adds the files that the user declares as inputs of the whole slice.
pub(crate) fn declare(plan: &mut Plan, declared: &[String]) {
    for name in declared {
        let known = plan.inputs.iter().any(|input| input.resource == Resource::File && input.name == *name);
        if !known {
            plan.inputs.push(Input {
                resource: Resource::File,
                name: name.clone(),
                version: None,
                digest: None,
                by: BTreeSet::new(),
                presumed: true,
            });
        }
    }
}

/// Fills in the versions and digests of the plan's inputs, and adds to its obstacles what is missing or has changed.
pub(crate) async fn complete(lab: &Lab, plan: &mut Plan, work: &Work) -> Result<(), Error> {
    let mut inputs = BTreeMap::new();
    for input in std::mem::take(&mut plan.inputs) {
        work.check()?;
        let completed = match input.resource {
            Resource::File => complete_file(lab, input, work)?,
            _ => complete_data_set(lab, input).await?,
        };
        match completed {
            Ok(found) => inputs.extend(found.into_iter().map(|input| ((input.resource, input.name.clone()), input))),
            Err(obstacle) => plan.obstacles.push(obstacle),
        }
    }
    plan.inputs = inputs.into_values().collect();
    Ok(())
}

/// The input with its digest, each file of it where it is a directory; or what stands in the way.
fn complete_file(lab: &Lab, input: Input, work: &Work) -> Result<Result<Vec<Input>, String>, Error> {
    let path = lab.root().join(&input.name);
    if path.is_dir() {
        let mut files = Vec::new();
        for file in files_below(&path)? {
            files.push(Input { name: lab.relative(&file), digest: Some(digest_file(&file, work)?), ..input.clone() });
        }
        return Ok(Ok(files));
    }
    if !path.is_file() {
        return Ok(Err(format!("{input}, which {} read, is gone", readers(&input))));
    }
    let digest = digest_file(&path, work)?;
    if input.digest.as_ref().is_some_and(|read| *read != digest) {
        return Ok(Err(format!("{input} has changed since {} read it: run the cells again", readers(&input))));
    }
    Ok(Ok(vec![Input { digest: Some(digest), ..input }]))
}

async fn complete_data_set(lab: &Lab, input: Input) -> Result<Result<Vec<Input>, String>, Error> {
    match open(lab, input.resource, &input.name, input.version).await {
        Ok(stored) => {
            Ok(Ok(vec![Input { version: Some(stored.version()), digest: Some(stored.digest().await?), ..input }]))
        }
        Err(kernwerk_store::Error::Unknown { .. } | kernwerk_store::Error::UnknownVersion { .. }) => {
            Ok(Err(format!("{input}, which {} read, is gone", readers(&input))))
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens a version of a table or corpus, or the latest.
pub(crate) async fn open(
    lab: &Lab,
    resource: Resource,
    name: &str,
    version: Option<u64>,
) -> Result<Stored, kernwerk_store::Error> {
    match version {
        Some(version) => lab.dataset_at(resource, name, version).await,
        None => lab.dataset(resource, name).await,
    }
}

fn readers(input: &Input) -> String {
    let labels: Vec<String> = input.by.iter().map(|count| label(*count)).collect();
    if labels.is_empty() { "`--input`".to_owned() } else { labels.join(" and ") }
}

/// The regular files below a directory, sorted, without hidden ones.
fn files_below(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_hidden =
        |entry: &walkdir::DirEntry| entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
    let mut files = Vec::new();
    for entry in
        walkdir::WalkDir::new(directory).sort_by_file_name().into_iter().filter_entry(|entry| !is_hidden(entry))
    {
        let entry = entry.map_err(|error| Error::io("list", directory)(error.into()))?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}
