//! Tables that magics bound with `-> name`, waiting for the Rust cell that names them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kernwerk_core::Names;

/// A table in an Arrow file, and whether Rust has it already.
struct Bound {
    path: PathBuf,
    handed: bool,
}

/// The variables that magics bound in this session. A `let` for one stands in front of the first Rust code that names it, so
/// that the binding costs no compile of its own.
#[derive(Default)]
pub(super) struct Scope {
    tables: BTreeMap<String, Bound>,
}

impl Scope {
    /// A magic bound `name` to the table in `path`.
    pub fn bind(&mut self, name: &str, path: PathBuf) {
        self.tables.insert(name.to_owned(), Bound { path, handed: false });
    }

    /// The names that magics bound.
    pub fn names(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    /// Whether a magic bound this name and no Rust cell has taken it over.
    pub fn holds(&self, name: &str) -> bool {
        self.tables.contains_key(name)
    }

    /// What must be bound in front of Rust code that touches `names`.
    pub fn needed_by(&self, names: &Names, code: &str) -> Vec<(String, PathBuf)> {
        self.tables
            .iter()
            .filter(|(name, bound)| !bound.handed && touches(names, code, name))
            .map(|(name, bound)| (name.clone(), bound.path.clone()))
            .collect()
    }

    /// Rust has these now.
    pub fn handed<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            if let Some(bound) = self.tables.get_mut(name) {
                bound.handed = true;
            }
        }
    }

    /// Rust code made variables of these names: they hide what magics bound.
    pub fn hidden_by(&mut self, names: &Names) {
        self.tables.retain(|name, _| !names.defines.contains(name));
    }

    /// Rust lost the variables of these names: what magics bound can be bound again.
    pub fn lost(&mut self, is_lost: impl Fn(&str) -> bool) {
        for (_, bound) in self.tables.iter_mut().filter(|(name, _)| is_lost(name)) {
            bound.handed = false;
        }
    }
}

/// Whether the code reads or changes `name`; where its text could not be analysed, whether the word stands in it.
fn touches(names: &Names, code: &str, name: &str) -> bool {
    if names.uses.contains(name) || names.mutates.contains(name) {
        return true;
    }
    names.barrier && words(code).any(|word| word == name)
}

/// The identifiers in a text.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn using(name: &str) -> Names {
        Names { uses: [name.to_owned()].into(), ..Names::default() }
    }

    #[test]
    fn a_table_is_bound_once_where_it_is_named() {
        let mut scope = Scope::default();
        scope.bind("df", PathBuf::from("df.arrow"));
        assert!(scope.needed_by(&using("other"), "other").is_empty());
        assert_eq!(scope.needed_by(&using("df"), "df").len(), 1);
        scope.handed(["df"]);
        assert!(scope.needed_by(&using("df"), "df").is_empty());
        scope.lost(|_| true);
        assert_eq!(scope.needed_by(&using("df"), "df").len(), 1);
    }

    #[test]
    fn rust_hides_what_a_magic_bound() {
        let mut scope = Scope::default();
        scope.bind("df", PathBuf::from("df.arrow"));
        scope.hidden_by(&Names { defines: ["df".to_owned()].into(), ..Names::default() });
        scope.lost(|_| true);
        assert!(!scope.holds("df"));
    }

    #[test]
    fn unreadable_code_gets_what_its_words_name() {
        let mut scope = Scope::default();
        scope.bind("df", PathBuf::from("df.arrow"));
        let barrier = Names { barrier: true, ..Names::default() };
        assert_eq!(scope.needed_by(&barrier, "!@ (df)").len(), 1);
        assert!(scope.needed_by(&barrier, "!@ (df2)").is_empty());
    }
}
