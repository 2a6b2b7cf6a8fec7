//! Names of data sets: which are allowed, and which look alike.

use kernwerk_core::Resource;

use crate::Error;

const LONGEST: usize = 64;

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
}
