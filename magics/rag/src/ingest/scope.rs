//! What an ingest is about: the files it reads, and the stored documents that it speaks for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use kernwerk_store::{Lab, Principal};

use crate::corpus::Row;
use crate::read::{self, Found, SourceFile, Unread};
use crate::{Error, Language, Readers};

pub(super) struct Scope {
    /// In order of their sources.
    pub files: Vec<SourceFile>,
    pub left_out: Vec<String>,
    pub hidden: Vec<String>,
    /// What cannot be read: nothing is known of it, so that what is stored of it stays.
    pub unread: Vec<Unread>,
    roots: Vec<String>,
    /// Stored sources that are replaced or removed.
    covered: BTreeSet<String>,
    /// Who may read the documents of each stored source.
    readers: BTreeMap<String, BTreeSet<Readers>>,
    /// Languages that stay, whether they were found out or given, by the document's id.
    languages: BTreeMap<String, Language>,
}

impl Scope {
    /// Finds the files at `paths`. A stored source below one of them that was not found there is covered if it is gone from
    /// the disk; if it is there still (a file of another kind, once given by its name), it is left alone.
    pub(super) fn find(lab: &Lab, paths: &[PathBuf], known: &[Row]) -> Result<Self, Error> {
        let Found { files, roots, left_out, hidden, unread } = read::find(lab, paths)?;
        let readers = readers_of_sources(known);
        let found: BTreeSet<&str> = files.iter().map(|file| file.source.as_str()).collect();
        let is_unread = |source: &str| unread.iter().any(|unread| is_below(&unread.source, source));
        let is_covered = |source: &&String| {
            found.contains(source.as_str())
                || roots.iter().any(|root| is_below(root, source))
                    && !lab.root().join(source).exists()
                    && !is_unread(source)
        };
        let covered: BTreeSet<String> = readers.keys().filter(is_covered).cloned().collect();
        if files.is_empty() && covered.is_empty() && unread.is_empty() {
            let paths = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(Error::NothingToRead { paths, left_out: left_out.len(), hidden: hidden.len() });
        }
        Ok(Self { files, left_out, hidden, unread, roots, covered, readers, languages: BTreeMap::new() })
    }

    /// Leaves what is stored of a file as it is, since the file cannot be read.
    pub(super) fn leave_alone(&mut self, unread: Unread) {
        self.covered.remove(&unread.source);
        self.files.retain(|file| file.source != unread.source);
        self.unread.push(unread);
    }

    /// Fails where nothing is left to do but what cannot be done, or where all or nothing was asked for.
    pub(super) fn check(&mut self, is_strict: bool) -> Result<(), Error> {
        let nothing_is_left = self.files.is_empty() && self.covered.is_empty();
        if self.unread.is_empty() || !(is_strict || nothing_is_left) {
            return Ok(());
        }
        let mut errors: Vec<Error> = self.unread.drain(..).map(|unread| unread.error).collect();
        if errors.len() == 1 {
            return Err(errors.remove(0));
        }
        Err(Error::Unread { reasons: errors.iter().map(ToString::to_string).collect() })
    }

    /// The stored sources once more, those of them that are still there and those that are gone; without sources that have
    /// documents which the principal may not read.
    pub(super) fn again(lab: &Lab, principal: &Principal, known: &[Row]) -> Result<Self, Error> {
        let mut readers = readers_of_sources(known);
        readers.retain(|_, readers| readers.iter().all(|readers| readers.include(principal)));
        let sources: BTreeSet<String> = readers.keys().cloned().collect();
        let languages = known.iter().filter_map(|row| Some((row.doc_id.clone(), row.lang?)));
        let (files, unread) = read::stored(lab, &sources);
        let mut scope = Self {
            files,
            left_out: Vec::new(),
            hidden: Vec::new(),
            unread: Vec::new(),
            // Each stands for itself, so that its readers stay.
            roots: sources.iter().cloned().collect(),
            covered: sources,
            readers,
            languages: languages.collect(),
        };
        unread.into_iter().for_each(|unread| scope.leave_alone(unread));
        Ok(scope)
    }

    /// The language that a document keeps; none where it is to be found out.
    pub(super) fn language_of(&self, doc_id: &str) -> Option<Language> {
        self.languages.get(doc_id).copied()
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

/// Who may read the documents of each stored source.
fn readers_of_sources(known: &[Row]) -> BTreeMap<String, BTreeSet<Readers>> {
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
    readers
}

/// Whether a source is the root or lies below it. The lab's own directory is the empty root; sources outside of the lab are
/// absolute.
pub(crate) fn is_below(root: &str, source: &str) -> bool {
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
