//! What an ingest is about: the files it reads, and the stored documents that it speaks for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kernwerk_store::Lab;

use crate::corpus::Row;
use crate::read::{self, Found, SourceFile};
use crate::{Error, Readers};

pub(super) struct Scope {
    /// In order of their sources.
    pub files: Vec<SourceFile>,
    pub left_out: Vec<String>,
    roots: Vec<String>,
    /// Stored sources that are replaced or removed.
    covered: BTreeSet<String>,
    /// Who may read the documents of each stored source.
    readers: BTreeMap<String, BTreeSet<Readers>>,
}

impl Scope {
    /// Finds the files at `paths`. A stored source below one of them that was not found there is covered if it is gone from
    /// the disk; if it is there still (a file of another kind, once given by its name), it is left alone.
    pub(super) fn find(lab: &Lab, paths: &[PathBuf], known: &[Row]) -> Result<Self, Error> {
        let Found { files, roots, left_out } = read::find(lab, paths)?;
        let mut readers: BTreeMap<String, BTreeSet<Readers>> = BTreeMap::new();
        for row in known {
            if !readers.contains_key(&row.source) {
                readers.insert(row.source.clone(), BTreeSet::new());
            }
            let of_source = readers.get_mut(&row.source).expect("it was put there above");
            if !of_source.contains(&row.readers) {
                of_source.insert(row.readers.clone());
            }
        }
        let found: BTreeSet<&str> = files.iter().map(|file| file.source.as_str()).collect();
        let is_covered = |source: &&String| {
            found.contains(source.as_str())
                || roots.iter().any(|root| is_below(root, source)) && !lab.root().join(source).exists()
        };
        let covered: BTreeSet<String> = readers.keys().filter(is_covered).cloned().collect();
        if files.is_empty() && covered.is_empty() {
            let paths = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(Error::NothingToRead { paths, left_out: left_out.len() });
        }
        Ok(Self { files, left_out, roots, covered, readers })
    }

    /// Whether the ingest replaces or removes what is stored of this source.
    pub(super) fn covers(&self, source: &str) -> bool {
        self.covered.contains(source)
    }

    /// Who may read a document that comes without a list: those who may read its source now, or, for a new source, those who
    /// may read what else is below the given path. So a file that is put into a directory for a few is not for everyone.
    pub(super) fn readers_of(&self, source: &str) -> Result<Readers, Error> {
        let own = self.readers.get(source);
        let Some(root) = self.roots.iter().find(|root| is_below(root, source)) else {
            return Ok(Readers::everyone());
        };
        let known: BTreeSet<&Readers> = match own {
            Some(own) => own.iter().collect(),
            None => self
                .readers
                .iter()
                .filter(|(other, _)| is_below(root, other))
                .flat_map(|(_, readers)| readers)
                .collect(),
        };
        let mut known = known.into_iter();
        match (known.next(), known.next()) {
            (None, _) => Ok(Readers::everyone()),
            (Some(readers), None) => Ok(readers.clone()),
            (Some(_), Some(_)) => Err(Error::UnclearReaders { root: root.clone(), file: source.to_owned() }),
        }
    }
}

/// Whether a source is the root or lies below it. The lab's own directory is the empty root; sources outside of the lab are
/// absolute.
fn is_below(root: &str, source: &str) -> bool {
    match source.strip_prefix(root) {
        Some(_) if root.is_empty() => !source.starts_with('/'),
        Some(rest) => rest.is_empty() || rest.starts_with('/') || root.ends_with('/'),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_means_in_the_same_directory() {
        assert!(is_below("docs", "docs/a.md") && is_below("docs/a.md", "docs/a.md") && is_below("", "docs/a.md"));
        assert!(is_below("/srv", "/srv/a.md") && is_below("/", "/srv/a.md"));
        assert!(!is_below("docs", "docs2/a.md") && !is_below("", "/srv/a.md") && !is_below("docs/a.md", "docs/a.mdx"));
    }
}
