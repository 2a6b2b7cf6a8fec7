//! For whom rows are read: a person with groups, or nobody.

/// The reader that stands for all, also for nobody in particular.
pub const EVERYONE: &str = "everyone";

/// Who reads. Fail-closed: nobody reads only what is for everyone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Principal {
    /// None is nobody in particular.
    pub name: Option<String>,
    pub groups: Vec<String>,
}

impl Principal {
    /// Nobody in particular, who reads only what is for everyone.
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Whether one of `readers` covers this principal. A reader is `everyone`, `user:NAME` or `group:NAME`; anything else
    /// covers nobody.
    pub fn may_read(&self, readers: &[&str]) -> bool {
        readers.iter().any(|reader| self.is_covered_by(reader))
    }

    fn is_covered_by(&self, reader: &str) -> bool {
        if reader == EVERYONE {
            return true;
        }
        let Some(name) = &self.name else {
            return false;
        };
        match reader.split_once(':') {
            Some(("user", user)) => user == name,
            Some(("group", group)) => self.groups.iter().any(|own| own == group),
            _ => false,
        }
    }
}
