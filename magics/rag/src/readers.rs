//! Who may read a document, as it is given and stored.

use kernwerk_store::{EVERYONE, Principal};

use crate::Error;

/// Readers in the form that is stored: sorted, none twice, and `everyone` alone where it is among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Readers(Vec<String>);

impl Readers {
    /// Everyone, also nobody in particular.
    pub fn everyone() -> Self {
        Self(vec![EVERYONE.to_owned()])
    }

    /// Reads a list such as `user:anna,group:editors`.
    ///
    /// # Errors
    ///
    /// [`Error::BadReader`]; an empty list, too, is an error, for it would hide the documents from all.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let given: Result<Vec<String>, Error> = text.split(',').map(|reader| checked(reader.trim())).collect();
        Ok(Self::stored(given?))
    }

    /// Readers as a corpus has them.
    pub(crate) fn stored(mut readers: Vec<String>) -> Self {
        if readers.iter().any(|reader| reader == EVERYONE) {
            return Self::everyone();
        }
        readers.sort();
        readers.dedup();
        Self(readers)
    }

    /// Whether the principal is among them.
    pub(crate) fn include(&self, principal: &Principal) -> bool {
        let readers: Vec<&str> = self.0.iter().map(String::as_str).collect();
        principal.may_read(&readers)
    }

    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

fn checked(reader: &str) -> Result<String, Error> {
    let is_name =
        |name: &str| !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == ':');
    let is_good = match reader.split_once(':') {
        Some(("user" | "group", name)) => is_name(name),
        _ => reader == EVERYONE,
    };
    if is_good { Ok(reader.to_owned()) } else { Err(Error::BadReader { given: reader.to_owned() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_brought_into_one_form() {
        let form = |text: &str| Readers::parse(text).map(|readers| readers.as_slice().join(",")).expect(text);
        assert_eq!(form("user:bo, group:x,user:anna,user:bo"), "group:x,user:anna,user:bo");
        assert_eq!(form("user:bo,everyone"), "everyone");
    }

    #[test]
    fn other_words_are_no_readers() {
        for bad in ["", "anna", "user:", "user:a b", "role:x", "user:a,", "Everyone"] {
            assert!(matches!(Readers::parse(bad), Err(Error::BadReader { .. })), "{bad}");
        }
    }
}
