//! Names of data sets: which are allowed, and which look alike.

use kernwerk_core::Resource;

use crate::Error;

const LONGEST: usize = 64;
const MOST_NEAR: usize = 3;

/// The directory below `.kernwerk/` for the data sets of `resource`.
pub(crate) fn directory(resource: Resource) -> Result<&'static str, Error> {
    match resource {
        Resource::Table => Ok("tables"),
        Resource::Corpus => Ok("corpora"),
        Resource::FeatureView
        | Resource::File
        | Resource::Model
        | Resource::Artifact
        | Resource::Suite
        | Resource::Evaluation => Err(Error::NotADataset { resource }),
    }
}

/// Checks that `name` may name a data set: it becomes part of a path and of SQL.
pub(crate) fn check(name: &str) -> Result<(), Error> {
    let bad = |reason| Err(Error::BadName { name: name.to_owned(), reason });
    let Some(first) = name.chars().next() else {
        return bad("it is empty");
    };
    if !(first.is_ascii_alphabetic() || first == '_') {
        return bad("it does not begin with a letter or `_`");
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') {
        return bad("it has characters other than letters, digits, `_` and `-`");
    }
    if name.len() > LONGEST {
        return bad("it is longer than 64 characters");
    }
    Ok(())
}

/// Those of `candidates` that look like `wanted`, best first.
pub fn near<'a>(wanted: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let lower = wanted.to_lowercase();
    let mut scored: Vec<(usize, &str)> = candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= (wanted.chars().count() / 3).max(1))
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(MOST_NEAR).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_their_directory() {
        for good in ["rides", "_x", "a-b_9", "A"] {
            check(good).expect(good);
        }
        for bad in ["", "9a", "-a", "a/b", "..", "a.b", "ä", "a b", &"a".repeat(65)] {
            check(bad).expect_err(bad);
        }
    }

    #[test]
    fn near_names_come_best_first() {
        assert_eq!(near("ride", ["rides", "bride", "unrelated"]), ["bride", "rides"]);
        assert_eq!(near("Rides", ["rides"]), ["rides"]);
        assert_eq!(near("riedse", ["rides"]), ["rides"]);
        assert!(near("x", ["rides"]).is_empty());
    }
}
