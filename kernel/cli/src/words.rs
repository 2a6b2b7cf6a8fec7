//! The command line: options that every verb has, wherever they stand, and the words that are the verb's own.

use std::ffi::OsString;
use std::path::PathBuf;

use kernwerk_core::Problem;

/// In which form a result is written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Text,
    Json,
    Csv,
    Arrow,
    Html,
}

/// A command line, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invocation {
    pub lab: Option<PathBuf>,
    pub principal: Option<String>,
    pub format: Format,
    /// The file that holds the verb's body; `-` is standard input.
    pub body: Option<PathBuf>,
    /// Values of parameters, which SQL has as `$NAME`, as they are written.
    pub with: Vec<String>,
    /// Variables that verbs know by their names, each with the Arrow file that holds its table.
    pub bind: Vec<String>,
    /// Everything else.
    pub words: Vec<String>,
}

impl Invocation {
    /// Takes `--lab`, `--principal`, `--format`, `--body`, `--with` and `--bind` out of `arguments`, up to a `--`.
    pub fn read(arguments: impl Iterator<Item = OsString>) -> Result<Self, Problem> {
        let mut invocation = Self::default();
        let mut arguments = arguments.map(text);
        while let Some(argument) = arguments.next() {
            let argument = argument?;
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if argument == "--" {
                invocation.words.push(argument);
                for rest in arguments.by_ref() {
                    invocation.words.push(rest?);
                }
                break;
            }
            if !matches!(name, "--lab" | "--principal" | "--format" | "--body" | "--with" | "--bind") {
                invocation.words.push(argument);
                continue;
            }
            let value = match inline {
                Some(value) => value,
                None => arguments.next().transpose()?.ok_or_else(|| missing_value(name))?,
            };
            match name {
                "--lab" => invocation.lab = Some(PathBuf::from(value)),
                "--principal" => invocation.principal = Some(value),
                "--with" => invocation.with.push(value),
                "--bind" => invocation.bind.push(value),
                "--body" => invocation.body = Some(PathBuf::from(value)),
                _ => invocation.format = format(&value)?,
            }
        }
        Ok(invocation)
    }
}

fn text(argument: OsString) -> Result<String, Problem> {
    argument.into_string().map_err(|argument| {
        Problem::new("BadArguments", format!("the argument {argument:?} is not UTF-8"))
            .with_hint("rename the file, or reach it through a link with a plain name")
    })
}

fn missing_value(name: &str) -> Problem {
    Problem::new("BadArguments", format!("a value is missing after `{name}`"))
}

fn format(value: &str) -> Result<Format, Problem> {
    match value {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        "csv" => Ok(Format::Csv),
        "arrow" => Ok(Format::Arrow),
        "html" => Ok(Format::Html),
        other => Err(Problem::new("BadArguments", format!("there is no format `{other}`"))
            .with_hint("choose one of text, json, csv, arrow, html")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Invocation, Problem> {
        Invocation::read(words.iter().map(OsString::from))
    }

    #[test]
    fn common_options_stand_anywhere() {
        let expected = Invocation {
            lab: Some("there".into()),
            format: Format::Json,
            words: vec!["rag".into(), "search".into(), "docs".into(), "a b".into(), "-k".into(), "3".into()],
            ..Invocation::default()
        };
        let before = read(&["--lab", "there", "rag", "--format=json", "search", "docs", "a b", "-k", "3"]);
        assert_eq!(before.as_ref(), Ok(&expected));
        let after = read(&["rag", "search", "docs", "a b", "-k", "3", "--format", "json", "--lab=there"]);
        assert_eq!(after.as_ref(), Ok(&expected));
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert!(read(&["rag", "--lab"]).is_err_and(|problem| problem.message.contains("after `--lab`")));
        assert!(read(&["--format", "xml"]).is_err_and(|problem| problem.message.contains("`xml`")));
        assert_eq!(
            read(&["rag", "--", "--lab"]).map(|read| read.words),
            Ok(vec!["rag".into(), "--".into(), "--lab".into()])
        );
    }
}
