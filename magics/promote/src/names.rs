//! What artifacts, stages and aliases can be called: a directory on any system, and nothing that means something else already.

use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{names, versions};
use crate::registry::{PRODUCTION, registry};
use crate::sealed::is_plain_part;

/// What stands for the last version wherever a stage could be named.
pub(crate) const LATEST: &str = "latest";
/// Stages that everybody knows: an artifact of such a name would be taken for one.
const STAGES: [&str; 3] = ["staging", PRODUCTION, "archived"];
const LONGEST_NAME: usize = 64;

/// Checks that `name` may name an artifact, a key, a stage or an alias: it becomes a directory or a file, or stands behind `@`.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    match shape(name) {
        Some(reason) => Err(Error::BadName { name: name.to_owned(), reason }),
        None => Ok(()),
    }
}

/// Checks that an artifact may be published as `name`.
///
/// # Errors
/// [`Error::BadName`]; [`Error::LikeAnother`] where a file system that does not tell large letters from small ones would take it for another.
pub(crate) fn check_new_name(lab: &Lab, name: &str) -> Result<(), Error> {
    check_name(name)?;
    let bad = |reason: String| Err(Error::BadName { name: name.to_owned(), reason });
    let is = |word: &str| word.eq_ignore_ascii_case(name);
    if is(LATEST) {
        return bad("it stands for the last version of an artifact".to_owned());
    }
    if STAGES.iter().any(|word| is(word)) {
        return bad("it is the name of a stage".to_owned());
    }
    let others = names(lab);
    if let Some(other) = others.iter().find(|other| differs_in_case(other, name)) {
        let (name, other) = (name.to_owned(), other.clone());
        return Err(Error::LikeAnother { name, other, noun: "an artifact" });
    }
    if !versions(lab, name).is_empty() {
        return Ok(());
    }
    for other in others {
        // Of a history that cannot be read nobody knows; its own verbs say so.
        let registry = registry(lab, &other).unwrap_or_default();
        if registry.labels().any(|(label, _)| label == name) {
            return bad(format!("a version of `{other}` is called so"));
        }
    }
    Ok(())
}

/// Checks that a version of `artifact` may have the stage or alias `label`: neither a number nor what stands for something else.
///
/// # Errors
/// [`Error::BadLabel`]; [`Error::LikeAnother`] where it is a stage that everybody knows but for the size of its letters.
pub(crate) fn check_label(lab: &Lab, label: &str) -> Result<(), Error> {
    let bad = |reason: String| Err(Error::BadLabel { label: label.to_owned(), reason });
    if let Some(reason) = shape(label) {
        return bad(reason);
    }
    if label.eq_ignore_ascii_case(LATEST) {
        return bad("it stands for the last version".to_owned());
    }
    if names(lab).iter().any(|name| name.eq_ignore_ascii_case(label)) {
        return bad("it is the name of an artifact".to_owned());
    }
    match STAGES.iter().find(|stage| differs_in_case(stage, label)) {
        Some(stage) => Err(like(label, stage)),
        None => Ok(()),
    }
}

/// That a stage or an alias is like another but for the size of its letters.
pub(crate) fn like(label: &str, other: &str) -> Error {
    Error::LikeAnother { name: label.to_owned(), other: other.to_owned(), noun: "a stage or an alias" }
}

/// Whether two names are the same but for the size of their letters.
pub(crate) fn differs_in_case(one: &str, other: &str) -> bool {
    one != other && one.eq_ignore_ascii_case(other)
}

/// Why a name cannot be one, in words.
fn shape(name: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let first = name.chars().next();
    match first {
        None => Some("it is empty".to_owned()),
        Some(_) if name.len() > LONGEST_NAME => Some(format!("it is longer than {LONGEST_NAME} letters")),
        Some(first) if !first.is_ascii_alphabetic() => Some(format!("it begins with {first:?}")),
        Some(_) => match name.chars().find(|c| !is_part(*c)) {
            Some(strange) => Some(format!("{strange:?} stands in it")),
            None => (!is_plain_part(name)).then(|| "Windows takes it for a device".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_directory_on_any_system() {
        for good in ["fares", "Fares-2", "a", "console", "com", "a_b", &"x".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "x".repeat(101);
        for (bad, why) in [
            ("", "it is empty"),
            ("CON", "a device"),
            ("nul", "a device"),
            ("com1", "a device"),
            ("Lpt9", "a device"),
            (".git", "begins with '.'"),
            ("-x", "begins with '-'"),
            ("7", "begins with '7'"),
            ("fares.", "'.' stands in it"),
            ("../fares", "begins with '.'"),
            ("a b", "' ' stands in it"),
            ("a/b", "'/' stands in it"),
            ("größe", "'ö' stands in it"),
            (long.as_str(), "longer than 64"),
        ] {
            let error = check_name(bad).expect_err(bad).to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
