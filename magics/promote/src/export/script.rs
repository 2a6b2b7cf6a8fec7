//! A script: of a slice of Python its form as a script, of a slice of magics a shell script of `kernwerk` commands. Parameters are its arguments, as
//! NAME=VALUE.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kernwerk_core::Parameter;

use super::launch::python_text;
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
        let script = source.location.text(SCRIPT)?;
        let text = format!("{}\n# {MARK}\n", with_parameters(source, script.trim_end()));
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

/// The script of Python, which takes its parameters before its first cell.
fn with_parameters(source: &Source, script: &str) -> String {
    if source.pipeline.parameters.is_empty() {
        return script.to_owned();
    }
    let declared = source.pipeline.parameters.iter().map(|pinned| {
        let Parameter { name, value } = &pinned.parameter;
        let (kind, text) = (python_text(value.kind().name()), python_text(&value.to_string()));
        format!("        {}: ({kind}, {text}),\n", python_text(name))
    });
    let taken = format!(
        "from kernwerk.script import parameters\n\nparameters(\n    {},\n    {{\n{}    }},\n)\n",
        python_text(&source.title()),
        declared.collect::<String>()
    );
    match script.split_once("\n# %% 1\n") {
        Some((head, cells)) => format!("{}\n\n{taken}\n# %% 1\n{cells}", head.trim_end()),
        None => format!("{script}\n\n{taken}"),
    }
}

fn shell(source: &Source, commands: &[(u32, Command)], output: &Path) -> String {
    let directory = way(output, &source.lab.join(&source.pipeline.directory));
    let mut text = format!(
        "#!/bin/sh\n# {}\n# Identity {}\n# {MARK}\nset -eu\n{}cd \"$(dirname \"$0\")\"/{}\n",
        one_line(&source.title()),
        source.id,
        arguments(source),
        quote(&directory.to_string_lossy())
    );
    let mut last = 0;
    let mut bound: BTreeSet<&str> = BTreeSet::new();
    for (step, command) in commands.iter().filter(|(_, command)| !declares(command)) {
        if *step != last {
            text.push_str(&format!("\n# cell {step}\n"));
            last = *step;
        }
        text.push_str("kernwerk");
        for word in &command.words {
            text.push(' ');
            text.push_str(&quote(word));
        }
        text.push_str(&values_for(source, command));
        if let Some(principal) = &source.pipeline.principal {
            text.push_str(&format!(" --principal {}", quote(principal)));
        }
        // What the shell keeps of a variable is the file that its command left.
        let read: Vec<&str> =
            bound.iter().copied().filter(|name| command.words.iter().any(|word| word == name)).collect();
        read.iter().for_each(|name| text.push_str(&format!(" --bind {name}={name}.arrow")));
        // The shell empties a file before a command reads it.
        let is_replaced = command.bind.as_deref().is_some_and(|name| read.contains(&name));
        if let Some(name) = &command.bind {
            text.push_str(&format!(" --format arrow > {name}.arrow{}", if is_replaced { ".new" } else { "" }));
        }
        match &command.body {
            Some(body) => {
                let end = end_of(body);
                text.push_str(&format!(" --body - <<'{end}'\n{body}\n{end}\n"));
            }
            None => text.push('\n'),
        }
        if let Some(name) = &command.bind {
            bound.insert(name);
            if is_replaced {
                text.push_str(&format!("mv {name}.arrow.new {name}.arrow\n"));
            }
        }
    }
    text
}

/// Whether the command declares parameters, which a shell does not keep from one command to the next.
fn declares(command: &Command) -> bool {
    matches!(&command.words[..], [magic, verb, ..] if magic == "promote" && verb == "param")
}

/// The options that give a command the parameters that its words or its body name.
fn values_for(source: &Source, command: &Command) -> String {
    let texts = || command.words.iter().chain(&command.body);
    let named = numbered(source).filter(|(_, parameter)| texts().any(|text| names(text, &parameter.name)));
    let option = |(number, Parameter { name, value }): (usize, &Parameter)| {
        // What stands between the quotes of the shell is a name and a type, and no more.
        format!(" --with \"{name}:{}=$p{number}\"", value.kind())
    };
    named.map(option).collect()
}

/// Whether a text of SQL names the parameter.
fn names(text: &str, name: &str) -> bool {
    text.match_indices('$').any(|(at, _)| {
        let rest = text[at + 1..].strip_prefix(name);
        rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    })
}

/// The parameters with their numbers: names may have letters that a shell's variables have not.
fn numbered(source: &Source) -> impl Iterator<Item = (usize, &Parameter)> {
    (1..).zip(source.pipeline.parameters.iter().map(|pinned| &pinned.parameter))
}

/// Shell code that reads the arguments, and checks them before anything runs.
fn arguments(source: &Source) -> String {
    let mut help = format!("{}\n\n", one_line(&source.title()));
    let (mut defaults, mut cases, mut checks) = (String::new(), String::new(), String::new());
    if source.pipeline.parameters.is_empty() {
        help.push_str("It has no parameters.");
    } else {
        help.push_str("Parameters, as arguments NAME=VALUE:");
    }
    for (number, Parameter { name, value }) in numbered(source) {
        help.push_str(&format!("\n  {name}={value}  ({})", value.kind()));
        defaults.push_str(&format!("p{number}={}\n", quote(&value.to_string())));
        cases.push_str(&format!("        {name}=*) p{number}=${{argument#*=}} ;;\n"));
        checks.push_str(&format!(" \"{name}:{}=$p{number}\"", value.kind()));
    }
    if !checks.is_empty() {
        checks = format!("kernwerk promote param{checks} > /dev/null\n");
    }
    let end = end_of(&help);
    format!(
        "{defaults}for argument in \"$@\"; do\n    case $argument in\n        -h | --help)\n            cat <<'{end}'\n{help}\n{end}\n            \
         exit 0 ;;\n{cases}        *)\n            echo \"error: $argument gives no parameter a value; --help lists them\" >&2\n            \
         exit 2 ;;\n    esac\ndone\n{checks}"
    )
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
    fn a_parameter_is_named_by_its_whole_name() {
        assert!(names("SELECT * FROM t WHERE x > $least", "least") && names("$a+$least)", "least"));
        assert!(!names("$leasty", "least") && !names("least", "least") && !names("$least_of", "least"));
    }

    #[test]
    fn a_here_document_ends_at_a_line_that_it_does_not_hold() {
        assert_eq!(end_of("select 1"), "END");
        assert_eq!(end_of("select 1\nEND\nEND1"), "END2");
    }
}
