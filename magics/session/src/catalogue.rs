//! The names that completion offers: what the lab, the session and the disk hold now.

use std::path::Path;

use kernwerk_core::Resource;
use kernwerk_lang::{Catalogue, NameKind};

use crate::session::Session;

pub(crate) struct SessionNames<'a> {
    pub session: &'a Session,
}

impl Catalogue for SessionNames<'_> {
    fn names(&self, kind: NameKind, prefix: &str) -> Vec<String> {
        let mut names = match kind {
            NameKind::File => return files(self.session.directory(), prefix),
            NameKind::Variable => self.session.variable_names(),
            NameKind::Table => self.data_sets(Resource::Table),
            NameKind::Corpus => self.data_sets(Resource::Corpus),
            NameKind::FeatureView => self.definitions("feature-view"),
            NameKind::Suite => self.definitions("suite"),
            NameKind::Artifact => self.artifacts(),
        };
        names.retain(|name| name.starts_with(prefix));
        names
    }
}

impl SessionNames<'_> {
    fn data_sets(&self, resource: Resource) -> Vec<String> {
        match self.session.lab() {
            Ok(Some(lab)) => lab.names(resource),
            _ => Vec::new(),
        }
    }

    /// The names of what is defined by texts of this kind.
    fn definitions(&self, kind: &str) -> Vec<String> {
        let Ok(Some(lab)) = self.session.lab() else {
            return Vec::new();
        };
        let definitions = lab.ledger().definitions(kind).unwrap_or_default();
        definitions.into_iter().map(|definition| definition.name).collect()
    }

    /// `NAME@VERSION` of every promoted artifact, and `NAME@STAGE` of those that are in use.
    fn artifacts(&self) -> Vec<String> {
        let Ok(Some(lab)) = self.session.lab() else {
            return Vec::new();
        };
        let mut names = kernwerk_promote::references(&lab);
        names.sort();
        names
    }
}

/// Files and directories (with a slash behind) that continue the path `prefix`.
fn files(directory: &Path, prefix: &str) -> Vec<String> {
    let (parent, start) =
        prefix.rsplit_once('/').map_or(("", prefix), |(parent, start)| (&prefix[..parent.len() + 1], start));
    let Ok(entries) = std::fs::read_dir(directory.join(parent)) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let shown = name.starts_with(start) && (!name.starts_with('.') || start.starts_with('.'));
            let slash = if entry.path().is_dir() { "/" } else { "" };
            shown.then(|| format!("{parent}{name}{slash}"))
        })
        .collect();
    names.sort();
    names
}
