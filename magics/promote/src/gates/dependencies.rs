//! What the cells are built from: the crates of the artifact's lock file, and the packages of Python.

use std::collections::BTreeSet;

use super::Subject;
use crate::lock;
use crate::slice::has_code;

/// Where a package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Registry {
    Crates,
    Python,
}

impl Registry {
    /// As advisories call it (OSV).
    pub fn ecosystem(self) -> &'static str {
        match self {
            // A word of the format, and not an address.
            Self::Crates => concat!("crates", ".io"),
            Self::Python => "PyPI",
        }
    }

    pub fn noun(self) -> &'static str {
        match self {
            Self::Crates => "crate",
            Self::Python => "package",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dependency {
    pub registry: Registry,
    /// It is there because others need it; those that cells name themselves come first.
    pub is_indirect: bool,
    pub name: String,
    pub version: String,
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} `{}` {}", self.registry.noun(), self.name, self.version)
    }
}

/// What the cells depend on, and in words what of it could not be told.
#[derive(Default)]
pub(super) struct Dependencies {
    pub known: BTreeSet<Dependency>,
    pub unknown: Vec<String>,
}

impl Dependencies {
    pub fn of(subject: &Subject<'_>) -> Self {
        let mut dependencies = Self::default();
        match &subject.pipeline.python {
            Some(python) => {
                let packages = python.packages.iter().map(|(name, version)| Dependency {
                    registry: Registry::Python,
                    name: name.clone(),
                    version: version.clone(),
                    is_indirect: false,
                });
                dependencies.known.extend(packages);
            }
            None => dependencies.add_crates(subject),
        }
        dependencies
    }

    fn add_crates(&mut self, subject: &Subject<'_>) {
        let text = |file: &str| std::str::from_utf8(subject.files.get(file)?).ok();
        let Some(rust) = &subject.pipeline.rust else {
            let mut cells = subject.pipeline.steps.iter().filter_map(|step| text(&step.file));
            if cells.any(has_code) {
                self.unknown.push("with which crates its cells are compiled is not known".to_owned());
            }
            return;
        };
        match text(&rust.lock).ok_or_else(|| "it is no text".to_owned()).and_then(lock::read) {
            Ok(crates) => crates.into_iter().filter(|one| !one.is_ours()).for_each(|one| self.add_crate(one)),
            Err(reason) => self.unknown.push(format!("{} cannot be read: {reason}", rust.lock)),
        }
    }

    fn add_crate(&mut self, one: lock::Crate) {
        if !one.is_of_registry() {
            self.unknown.push(format!("crate `{}` comes from a path or a repository", one.name));
            return;
        }
        let lock::Crate { name, version, is_direct, .. } = one;
        self.known.insert(Dependency { registry: Registry::Crates, is_indirect: !is_direct, name, version });
    }

    /// How many of each, in words.
    pub fn counted(&self) -> String {
        let count = |registry| self.known.iter().filter(|dependency| dependency.registry == registry).count();
        let counts = [Registry::Crates, Registry::Python].map(|registry| (registry, count(registry)));
        let words: Vec<String> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(registry, count)| super::report::counted(count, registry.noun()))
            .collect();
        if words.is_empty() { "no crates and no packages".to_owned() } else { words.join(", ") }
    }
}
