//! A script: of a slice of Python its form as a script, of a slice of magics a shell script of `kernwerk` commands.

use std::path::{Path, PathBuf};

use super::place::MARK;
use super::source::Source;
use super::{Made, ReadMagics, identifier, way};
use crate::Error;
use crate::artifact::SCRIPT;

const FORM: &str = "script";

/// A magic as a command of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Such as `feature`, `sql` and the query, quotes resolved.
    pub words: Vec<String>,
    /// The lines below a `%%magic`.
    pub body: Option<String>,
    /// The variable after `->`.
    pub bind: Option<String>,
}

/// The slice as a script that will lie where `output` says.
pub(super) fn script(source: &Source, magics: ReadMagics<'_>, output: impl Fn(&str) -> PathBuf) -> Result<Made, Error> {
    let name = |suffix: &str| format!("{}.{suffix}", identifier(&source.location));
    if source.pipeline.python.is_some() {
        let text = format!("{}\n# {MARK}\n", source.location.text(SCRIPT)?.trim_end());
        let notes = vec!["the packages that it needs stand at its top; it runs in the lab's place".to_owned()];
        return Ok(Made { name: name("py"), text, is_executable: false, notes });
    }
    let commands = commands(source, magics)?;
    let name = name("sh");
    let text = shell(source, &commands, &output(&name));
    let notes = vec!["its commands read the lab as it is when they run; a replay reads what was pinned".to_owned()];
    Ok(Made { name, text, is_executable: true, notes })
}

/// The commands of all cells, each with its step.
fn commands(source: &Source, magics: ReadMagics<'_>) -> Result<Vec<(u32, Command)>, Error> {
    let mut commands: Vec<(u32, Command)> = Vec::new();
    for (step, text) in source.pipeline.steps.iter().zip(&source.cells) {
        let number = step.step;
        if step.fails {
            let reason = format!("cell {number} fails, and a script ends there");
            return Err(source.refused(FORM, reason, "`--to notebook` keeps such a cell"));
        }
        let read = magics(text).map_err(|reason| {
            let hint = "`--to notebook` holds its cells, and `--to dagster` a module that launches it";
            source.refused(FORM, format!("cell {number} {reason}"), hint)
        })?;
        commands.extend(read.into_iter().map(|command| (number, command)));
    }
    Ok(commands)
}

fn shell(source: &Source, commands: &[(u32, Command)], output: &Path) -> String {
    let directory = way(output, &source.lab.join(&source.pipeline.directory));
    let mut text = format!(
        "#!/bin/sh\n# {}\n# Identity {}\n# {MARK}\nset -eu\ncd \"$(dirname \"$0\")\"/{}\n",
        one_line(&source.title()),
        source.id,
        quote(&directory.to_string_lossy())
    );
    let mut last = 0;
    for (step, command) in commands {
        if *step != last {
            text.push_str(&format!("\n# cell {step}\n"));
            last = *step;
        }
        text.push_str("kernwerk");
        for word in &command.words {
            text.push(' ');
            text.push_str(&quote(word));
        }
        if let Some(principal) = &source.pipeline.principal {
            text.push_str(&format!(" --principal {}", quote(principal)));
        }
        if let Some(name) = &command.bind {
            text.push_str(&format!(" --format arrow > {name}.arrow"));
        }
        match &command.body {
            Some(body) => {
                let end = end_of(body);
                text.push_str(&format!(" --body - <<'{end}'\n{body}\n{end}\n"));
            }
            None => text.push('\n'),
        }
    }
    text
}

/// A word that ends a here-document and stands on no line of it.
fn end_of(body: &str) -> String {
    let is_free = |end: &String| body.lines().all(|line| line != end);
    (0..)
        .map(|number| if number == 0 { "END".to_owned() } else { format!("END{number}") })
        .find(is_free)
        .unwrap_or_default()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A word for a POSIX shell.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+%@".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_words_as_they_are() {
        for (word, expected) in [
            ("sql", "sql"),
            ("", "''"),
            ("SELECT $x", "'SELECT $x'"),
            ("it's `here` \"and\" \\ there", "'it'\\''s `here` \"and\" \\ there'"),
        ] {
            assert_eq!(quote(word), expected);
        }
    }

    #[test]
    fn a_here_document_ends_at_a_line_that_it_does_not_hold() {
        assert_eq!(end_of("select 1"), "END");
        assert_eq!(end_of("select 1\nEND\nEND1"), "END2");
    }
}
