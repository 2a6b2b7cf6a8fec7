//! How parameters are written: `NAME=VALUE` or `NAME:TYPE=VALUE`; and which names a magic line makes.

use kernwerk_core::{Parameter, ParameterType, ParameterValue, Problem, name_hint};
use kernwerk_lang::{MagicLine, Segment, split};

use crate::session::Session;

/// Words that cannot be the names of variables in Rust or in Python, in which a notebook may use the parameter.
const RESERVED: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "const", "continue", "crate", "def", "del", "dyn",
    "elif", "else", "enum", "except", "extern", "false", "finally", "fn", "for", "from", "gen", "global", "if", "impl",
    "import", "in", "is", "lambda", "let", "loop", "match", "mod", "move", "mut", "nonlocal", "not", "or", "pass",
    "pub", "raise", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "unsafe",
    "use", "where", "while", "with", "yield",
];

/// Functions and classes that every cell of Python finds (`builtins`): a variable of the name takes them from all later cells.
const PYTHON: &[&str] = &[
    "abs",
    "aiter",
    "all",
    "anext",
    "any",
    "ascii",
    "bin",
    "bool",
    "breakpoint",
    "bytearray",
    "bytes",
    "callable",
    "chr",
    "classmethod",
    "compile",
    "complex",
    "copyright",
    "credits",
    "delattr",
    "dict",
    "dir",
    "display",
    "divmod",
    "enumerate",
    "eval",
    "exec",
    "exit",
    "filter",
    "float",
    "format",
    "frozenset",
    "get_ipython",
    "getattr",
    "globals",
    "hasattr",
    "hash",
    "help",
    "hex",
    "id",
    "input",
    "int",
    "isinstance",
    "issubclass",
    "iter",
    "len",
    "license",
    "list",
    "locals",
    "map",
    "max",
    "memoryview",
    "min",
    "next",
    "object",
    "oct",
    "open",
    "ord",
    "pow",
    "print",
    "property",
    "quit",
    "range",
    "repr",
    "reversed",
    "round",
    "set",
    "setattr",
    "slice",
    "sorted",
    "staticmethod",
    "str",
    "sum",
    "super",
    "tuple",
    "vars",
    "zip",
];

/// Functions and variants that every cell of Rust finds: the standard prelude's, and those of ours.
const RUST: &[&str] =
    &["Err", "None", "Ok", "Some", "align_of", "align_of_val", "drop", "lab", "progress", "size_of", "size_of_val"];

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

/// The names of the parameters that the text of a cell declares, in whichever face it ran.
pub(crate) fn parameters_in(text: &str) -> Vec<String> {
    if !text.contains("%promote") {
        return Vec::new();
    }
    let of = |segments: Vec<Segment>| -> Vec<String> {
        let lines = segments.iter().filter_map(|segment| match segment {
            Segment::Magic(line) => Some(parameters_of(line)),
            Segment::Code { .. } => None,
        });
        lines.flatten().collect()
    };
    match split(text).map(of) {
        Ok(names) if !names.is_empty() => names,
        // Code of Python may read as an open text of Rust: its magics stand in lines of their own.
        _ => text.lines().filter_map(|line| split(line.trim()).ok()).flat_map(of).collect(),
    }
}

/// That cells of the face can have a variable of this name beside what they call; `is_python` is whether they are of Python.
///
/// # Errors
/// It is the name of something that cells find without asking for it.
pub(crate) fn check_free(name: &str, is_python: bool) -> Result<(), Problem> {
    let (taken, language) = if is_python { (PYTHON, "Python") } else { (RUST, "Rust") };
    // Exceptions and warnings, such as `ValueError`.
    let is_exception =
        is_python && name.starts_with(char::is_uppercase) && (name.ends_with("Error") || name.ends_with("Warning"));
    if !is_exception && !taken.contains(&name) {
        return Ok(());
    }
    let message =
        format!("`{name}` is a name that {language} has in every cell: a parameter of that name would take it away");
    Err(Problem::new("BadParameter", message).with_hint("choose another name"))
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

impl Session {
    /// Sets parameters, each written as `NAME=VALUE` or `NAME:TYPE=VALUE`, for verbs that are no part of a notebook.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn set_parameters(&self, written: &[String]) -> Result<(), Problem> {
        for word in written {
            self.set_parameter(&Written::read(word)?.parameter()?);
        }
        Ok(())
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
    fn what_cells_call_keeps_its_name() {
        for (name, is_python) in [("print", true), ("id", true), ("ValueError", true), ("Some", false), ("lab", false)]
        {
            assert!(check_free(name, is_python).is_err_and(|problem| problem.message.contains(name)), "{name}");
        }
        for (name, is_python) in [("rows", true), ("print", false), ("drop", true), ("Error", false)] {
            assert!(check_free(name, is_python).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_parameters_of_a_cell_are_found_in_any_language() {
        assert_eq!(parameters_in("// Rust\n%promote param rows=1 day=2026-01-01\nlet x = rows;"), ["rows", "day"]);
        assert_eq!(parameters_in("text = 'it''s \"'\n  %promote param rows:text=\"a b\"\nprint(rows)"), ["rows"]);
        assert!(parameters_in("let x = \"%promote param rows=1\";").is_empty());
        assert!(parameters_in("%promote run fares --param rows=1").is_empty());
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
