//! What magics bound, tables with `-> name` and parameters, waiting for the Rust cell that names it.

use std::collections::BTreeMap;

use kernwerk_cell::{Binding, BoundTo};
use kernwerk_core::{Names, ParameterValue};

/// What a name is bound to, and whether Rust has it already.
struct Bound {
    to: BoundTo,
    handed: bool,
}

/// The variables that magics bound in this session. A `let` for one stands in front of the first Rust code that names it, so
/// that the binding costs no compile of its own.
#[derive(Default)]
pub(super) struct Scope {
    bound: BTreeMap<String, Bound>,
}

impl Scope {
    /// A magic bound `name`.
    pub fn bind(&mut self, name: &str, to: BoundTo) {
        self.bound.insert(name.to_owned(), Bound { to, handed: false });
    }

    /// The names that magics bound.
    pub fn names(&self) -> Vec<String> {
        self.bound.keys().cloned().collect()
    }

    /// The names that magics bound to tables.
    pub fn tables(&self) -> Vec<String> {
        let tables = self.bound.iter().filter(|(_, bound)| matches!(bound.to, BoundTo::Frame(_)));
        tables.map(|(name, _)| name.clone()).collect()
    }

    /// The names that magics bound to values, with their types in Rust.
    pub fn values(&self) -> Vec<(String, String)> {
        let typed = |(name, bound): (&String, &Bound)| match &bound.to {
            BoundTo::Value { kind, .. } => Some((name.clone(), kind.clone())),
            BoundTo::Frame(_) => None,
        };
        self.bound.iter().filter_map(typed).collect()
    }

    /// Whether a magic bound this name and no Rust cell has taken it over.
    pub fn holds(&self, name: &str) -> bool {
        self.bound.contains_key(name)
    }

    /// What must be bound in front of Rust code that touches `names`.
    pub fn needed_by(&self, names: &Names, code: &str) -> Vec<Binding> {
        self.bound
            .iter()
            .filter(|(name, bound)| !bound.handed && touches(names, code, name))
            .map(|(name, bound)| Binding { name: name.clone(), to: bound.to.clone() })
            .collect()
    }

    /// Rust has these now.
    pub fn handed<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        for name in names {
            if let Some(bound) = self.bound.get_mut(name) {
                bound.handed = true;
            }
        }
    }

    /// Rust code made variables of these names: they hide what magics bound.
    pub fn hidden_by(&mut self, names: &Names) {
        self.bound.retain(|name, _| !names.defines.contains(name));
    }

    /// Rust lost the variables of these names: what magics bound can be bound again.
    pub fn lost(&mut self, is_lost: impl Fn(&str) -> bool) {
        for (_, bound) in self.bound.iter_mut().filter(|(name, _)| is_lost(name)) {
            bound.handed = false;
        }
    }
}

/// A parameter as Rust sees it. A date is text in ISO 8601's form, of which every crate for dates makes its own.
pub(super) fn rust_value(value: &ParameterValue) -> BoundTo {
    let (kind, expression) = match value {
        ParameterValue::Integer(number) => ("i64", number.to_string()),
        ParameterValue::Float(number) => ("f64", format!("{number:?}")),
        ParameterValue::Boolean(value) => ("bool", value.to_string()),
        ParameterValue::Date(text) | ParameterValue::Text(text) => ("String", format!("String::from({text:?})")),
    };
    BoundTo::Value { kind: kind.to_owned(), expression }
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
        scope.bind("df", BoundTo::Frame("df.arrow".into()));
        assert!(scope.needed_by(&using("other"), "other").is_empty());
        assert_eq!(scope.needed_by(&using("df"), "df").len(), 1);
        scope.handed(["df"]);
        assert!(scope.needed_by(&using("df"), "df").is_empty());
        scope.lost(|_| true);
        assert_eq!(scope.needed_by(&using("df"), "df").len(), 1);
    }

    #[test]
    fn a_parameter_is_an_expression_of_its_type() {
        for (value, kind, expression) in [
            (ParameterValue::Integer(-7), "i64", "-7"),
            (ParameterValue::Float(1.0), "f64", "1.0"),
            (ParameterValue::Boolean(true), "bool", "true"),
            (ParameterValue::Date("2026-01-31".to_owned()), "String", "String::from(\"2026-01-31\")"),
            (ParameterValue::Text("a \"b\"\n".to_owned()), "String", "String::from(\"a \\\"b\\\"\\n\")"),
        ] {
            let expected = BoundTo::Value { kind: kind.to_owned(), expression: expression.to_owned() };
            assert_eq!(rust_value(&value), expected);
        }
    }

    #[test]
    fn rust_hides_what_a_magic_bound() {
        let mut scope = Scope::default();
        scope.bind("df", BoundTo::Frame("df.arrow".into()));
        scope.hidden_by(&Names { defines: ["df".to_owned()].into(), ..Names::default() });
        scope.lost(|_| true);
        assert!(!scope.holds("df"));
    }

    #[test]
    fn unreadable_code_gets_what_its_words_name() {
        let mut scope = Scope::default();
        scope.bind("df", BoundTo::Frame("df.arrow".into()));
        let barrier = Names { barrier: true, ..Names::default() };
        assert_eq!(scope.needed_by(&barrier, "!@ (df)").len(), 1);
        assert!(scope.needed_by(&barrier, "!@ (df2)").is_empty());
    }
}
