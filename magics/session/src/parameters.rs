//! How parameters are written: `NAME=VALUE` or `NAME:TYPE=VALUE`; and which names a magic line makes.

use kernwerk_core::{Parameter, ParameterType, ParameterValue, Problem, name_hint};
use kernwerk_lang::MagicLine;

/// Words that cannot be the names of variables in Rust or in Python, in which a notebook may use the parameter.
const RESERVED: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "const", "continue", "crate", "def", "del", "dyn",
    "elif", "else", "enum", "except", "extern", "false", "finally", "fn", "for", "from", "gen", "global", "if", "impl",
    "import", "in", "is", "lambda", "let", "loop", "match", "mod", "move", "mut", "nonlocal", "not", "or", "pass",
    "pub", "raise", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "unsafe",
    "use", "where", "while", "with", "yield",
];

/// The verb that declares parameters.
const MAGIC: (&str, &str) = ("promote", "param");

/// The names that a magic line makes variables of: the one behind `->`, and those of the parameters that it declares.
pub fn bound_by(line: &MagicLine) -> Vec<String> {
    line.bind.iter().cloned().chain(parameters_of(line)).collect()
}

/// The names of the parameters that a magic line declares.
pub fn parameters_of(line: &MagicLine) -> Vec<String> {
    if line.magic != MAGIC.0 || line.words.first().is_none_or(|verb| verb != MAGIC.1) {
        return Vec::new();
    }
    line.words[1..].iter().filter_map(|word| Written::read(word).ok()).map(|written| written.name).collect()
}

/// A parameter as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub name: String,
    /// Where it was said.
    pub kind: Option<ParameterType>,
    pub text: String,
}

impl Written {
    /// Reads `NAME=VALUE` or `NAME:TYPE=VALUE`.
    pub fn read(word: &str) -> Result<Self, Problem> {
        let form = || "write NAME=VALUE, such as `rows=100`, or NAME:TYPE=VALUE, such as `code:text=007`";
        let bad = |message: String| Problem::new("BadParameter", message);
        let (left, text) = word
            .split_once('=')
            .ok_or_else(|| bad(format!("`{word}` gives no parameter a value")).with_hint(form()))?;
        let (name, kind) = left.split_once(':').map_or((left, None), |(name, kind)| (name, Some(kind)));
        let is_name = name.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && name.chars().all(|character| character.is_alphanumeric() || character == '_');
        if !is_name || name == "_" {
            return Err(bad(format!("`{name}` cannot be the name of a parameter"))
                .with_hint("use letters, digits and underscores, and no digit first"));
        }
        if RESERVED.contains(&name) || ["None", "Self", "True", "False"].contains(&name) {
            return Err(bad(format!("`{name}` is a word of Rust or Python and cannot be the name of a parameter"))
                .with_hint("choose another name"));
        }
        let kind = kind.map(read_kind).transpose()?;
        Ok(Self { name: name.to_owned(), kind, text: text.to_owned() })
    }

    /// The parameter with its value.
    pub fn parameter(&self) -> Result<Parameter, Problem> {
        let value = match self.kind {
            None => ParameterValue::infer(&self.text),
            Some(kind) => read_value(&self.name, kind, &self.text)?,
        };
        Ok(Parameter { name: self.name.clone(), value })
    }
}

/// A value of a type.
pub(crate) fn read_value(name: &str, kind: ParameterType, text: &str) -> Result<ParameterValue, Problem> {
    kind.read(text).ok_or_else(|| {
        Problem::new("BadParameter", format!("parameter `{name}` is of type {kind}, and `{text}` is none"))
            .with_hint(format!("write {}", kind.form()))
    })
}

fn read_kind(name: &str) -> Result<ParameterType, Problem> {
    let names = ParameterType::ALL.map(ParameterType::name);
    let unknown = || Problem::new("BadParameter", format!("there is no type `{name}`"));
    name.parse().map_err(|()| unknown().with_hint_if(name_hint(name, "the types are", names)))
}

#[cfg(test)]
mod tests {
    use kernwerk_lang::{Segment, split};

    use super::*;

    #[test]
    fn a_type_is_said_or_inferred() {
        let read = |word: &str| Written::read(word).and_then(|written| written.parameter());
        assert_eq!(read("rows=100").expect("one").value, ParameterValue::Integer(100));
        assert_eq!(read("rows:float=100").expect("one").value, ParameterValue::Float(100.0));
        assert_eq!(read("code:text=007").expect("one").value, ParameterValue::Text("007".to_owned()));
        assert_eq!(read("query=a=b").expect("one").value, ParameterValue::Text("a=b".to_owned()));
        for (word, wrong) in [
            ("rows", "gives no parameter a value"),
            ("1rows=1", "cannot be the name"),
            ("match=1", "is a word of Rust or Python"),
            ("rows:integr=1", "there is no type `integr`"),
            ("rows:integer=1.5", "is of type integer, and `1.5` is none"),
            ("day:date=2026-02-30", "is of type date"),
        ] {
            let problem = read(word).expect_err(word);
            assert!(problem.message.contains(wrong) && problem.hint.is_some(), "{word}: {problem:?}");
        }
    }

    #[test]
    fn lines_say_what_they_bind() {
        let bound = |text: &str| match split(text).expect("a line").remove(0) {
            Segment::Magic(line) => bound_by(&line),
            Segment::Code { .. } => panic!("no magic: {text}"),
        };
        assert_eq!(bound("%promote param rows=1 day=2026-01-01"), ["rows", "day"]);
        assert_eq!(bound("%feature sql SELECT 1 -> one"), ["one"]);
        assert!(bound("%promote run fares --param rows=1").is_empty());
    }
}
