//! Which versions the modules launch that were exported for orchestrators and lie in the checkout.

use std::path::Path;

use kernwerk_core::Work;
use kernwerk_store::Lab;
use walkdir::{DirEntry, WalkDir};

use crate::Error;
use crate::artifact::PIPELINES;
use crate::export::launches;
use crate::files::read_file;

/// An exported module is far smaller.
const LARGEST_MODULE: u64 = 1 << 20;
/// Others' code, and what builds make: large, and nothing that somebody exported.
const SKIPPED: [&str; 4] = ["__pycache__", "node_modules", "site-packages", "target"];

/// The artifacts, such as `fares@2`, each with the module that launches it, relative to the lab's root. What lies outside the checkout or in
/// a hidden directory is not looked for.
///
/// # Errors
/// An interrupt. What cannot be read launches nothing here.
pub(super) fn launched(lab: &Lab, work: &Work) -> Result<Vec<(String, String)>, Error> {
    let root = lab.root();
    let mut found = Vec::new();
    for entry in WalkDir::new(root).sort_by_file_name().into_iter().filter_entry(|entry| is_looked_at(root, entry)) {
        work.check()?;
        let Ok(entry) = entry else { continue };
        let is_module = entry.file_type().is_file() && entry.path().extension().is_some_and(|suffix| suffix == "py");
        if !is_module || entry.metadata().map_or(true, |metadata| metadata.len() > LARGEST_MODULE) {
            continue;
        }
        let text = read_file(entry.path()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some(artifact) = text.as_deref().and_then(launches) {
            found.push((artifact, lab.relative(entry.path())));
        }
    }
    Ok(found)
}

fn is_looked_at(root: &Path, entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_of_artifacts = entry.depth() == 1 && entry.path() == root.join(PIPELINES);
    entry.depth() == 0 || !(name.starts_with('.') || SKIPPED.contains(&name.as_ref()) || is_of_artifacts)
}
