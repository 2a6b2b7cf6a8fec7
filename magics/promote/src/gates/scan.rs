//! Searching an artifact for what should not be in it: each thing once, with its places, and never the thing itself.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_detect::Hit;

use super::Subject;
use super::material::Column;
use super::report::{Finding, Judged, counted};
use crate::Error;

/// Says what a fingerprint is of, so that it is not the digest of the same bytes anywhere else.
const CONTEXT: &str = "kernwerk promote gates 2026 allowed finding";
const FINGERPRINT_DIGITS: usize = 16;

/// What was found so far, in the order in which it was.
pub(super) struct Search<'a> {
    subject: &'a Subject<'a>,
    allowed: BTreeSet<&'a str>,
    found: Vec<Found>,
    known: BTreeMap<String, usize>,
    let_pass: BTreeSet<String>,
}

struct Found {
    what: String,
    place: String,
    fingerprint: String,
    more_places: usize,
}

impl<'a> Search<'a> {
    pub fn new(subject: &'a Subject<'a>) -> Self {
        let allowed = subject.rules().allow.iter().map(String::as_str).collect();
        Self { subject, allowed, found: Vec::new(), known: BTreeMap::new(), let_pass: BTreeSet::new() }
    }

    /// Looks through all texts.
    pub fn texts(&mut self, detect: impl Fn(&str) -> Vec<Hit>) -> Result<(), Error> {
        let subject = self.subject;
        for text in &subject.material.texts {
            subject.work.check()?;
            for hit in detect(&text.text) {
                let place = format!("{}, line {}", text.place, hit.line(&text.text));
                self.add(hit.kind.to_owned(), place, hit.text(&text.text));
            }
        }
        Ok(())
    }

    /// Looks through all columns; what a column holds is told once, with how many rows.
    pub fn columns(&mut self, detect: impl Fn(&Column) -> BTreeMap<&'static str, usize>) -> Result<(), Error> {
        let subject = self.subject;
        let mut rows: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        for column in &subject.material.columns {
            subject.work.check()?;
            for (kind, count) in detect(column) {
                *rows.entry((&column.place, &column.name, kind)).or_default() += count;
            }
        }
        for ((place, name, kind), count) in rows {
            self.add(kind.to_owned(), format!("{place}, {}", counted(count, "row")), &format!("column {name}: {kind}"));
        }
        Ok(())
    }

    /// `value` is what the fingerprint is of; it is told nowhere.
    pub fn add(&mut self, what: String, place: String, value: &str) {
        let fingerprint = fingerprint(value);
        if self.allowed.contains(fingerprint.as_str()) {
            self.let_pass.insert(fingerprint);
            return;
        }
        match self.known.get(&fingerprint) {
            Some(index) => self.found[*index].more_places += 1,
            None => {
                self.known.insert(fingerprint.clone(), self.found.len());
                self.found.push(Found { what, place, fingerprint, more_places: 0 });
            }
        }
    }

    pub fn judged(self) -> Judged {
        let findings = self.found.into_iter().map(|found| Finding {
            place: match found.more_places {
                0 => found.place,
                more => format!("{} and {}", found.place, counted(more, "more place")),
            },
            what: found.what,
            fingerprint: Some(found.fingerprint),
        });
        let material = &self.subject.material;
        let allowed = self.let_pass.len();
        let allowed = (allowed > 0).then(|| format!("{} below `allow` in kernwerk.toml", counted(allowed, "finding")));
        let judged = Judged::by_findings(material.looked_at.clone(), findings.collect());
        judged.with_reasons(material.unread.iter().cloned()).with_reasons(allowed)
    }
}

/// By which a finding is allowed: a digest that is good for nothing else.
pub(super) fn fingerprint(value: &str) -> String {
    let digest = blake3::Hasher::new_derive_key(CONTEXT).update(value.as_bytes()).finalize();
    digest.to_hex()[..FINGERPRINT_DIGITS].to_owned()
}
