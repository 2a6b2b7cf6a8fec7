//! The manifest of a program: the dependencies of its cells, with ours from the directories beside.

use std::collections::BTreeMap;

use kernwerk_core::ProgramRequest;

use super::Loaded;
use crate::build::Pinned;
use crate::text::{Dependency, pinned_crate};

/// What the cells depend on.
pub(super) struct Dependencies {
    /// Which of our preludes; the small one always, for it shows values.
    pub loaded: Loaded,
    /// Others by their names, with their specifications in TOML.
    others: BTreeMap<String, String>,
}

impl Default for Dependencies {
    fn default() -> Self {
        Self { loaded: Loaded { prelude: true, ..Loaded::default() }, others: BTreeMap::new() }
    }
}

impl Dependencies {
    /// The error says in words why a program cannot have it.
    pub fn add(&mut self, dependency: &Dependency) -> Result<(), String> {
        if pinned_crate(dependency, &mut self.loaded) {
            return Ok(());
        }
        let specification = dependency.specification.clone().unwrap_or_else(|| "\"*\"".to_owned());
        if dependency.name.starts_with(['.', '/']) || has_path(&specification) {
            return Err(format!("depends on `{}`, a directory of this machine", dependency.name));
        }
        match self.others.insert(dependency.name.clone(), specification.clone()) {
            Some(before) if before != specification => {
                Err(format!("depends on `{}` in another way than an earlier one", dependency.name))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an inline table of TOML has the key `path`.
fn has_path(specification: &str) -> bool {
    let is_path = |entry: &str| entry.split('=').next().is_some_and(|key| key.trim() == "path");
    specification.starts_with('{') && specification.split(['{', ',']).any(is_path)
}

/// `Cargo.toml` of the program.
pub(super) fn manifest(request: &ProgramRequest, dependencies: &Dependencies) -> String {
    let mut text = format!(
        "# {}. Generated: export it anew instead of changing it.\n[workspace]\n\n[package]\nname = {:?}\nversion = \"{}.0.0\"\n\
         edition = \"2024\"\npublish = false\n\n# As cells are compiled.\n[profile.dev]\nopt-level = 1\ndebug = false\n\n[dependencies]\n",
        request.title.replace('\n', " "),
        request.name,
        request.version,
    );
    let ours = Pinned::beside().dependencies(dependencies.loaded);
    for (name, specification) in ours
        .into_iter()
        .chain(dependencies.others.iter().map(|(name, specification)| (name.as_str(), specification.clone())))
    {
        text.push_str(&format!("{name} = {specification}\n"));
    }
    text
}
