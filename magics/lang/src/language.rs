//! The whole language as data: magics, verbs and their clap declarations; reading a line against them, and help.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command};
use kernwerk_core::{Problem, did_you_mean, listed, near};

use crate::lexer::MagicLine;

/// Most words of a verb's name.
const LONGEST_NAME: usize = 2;

/// A magic, the group of verbs about one concern.
#[derive(Clone, Copy, Debug)]
pub struct MagicSpec {
    pub name: &'static str,
    pub about: &'static str,
}

/// Whether a verb takes a body: the lines below a `%%magic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyUse {
    None,
    /// May have one, in this language (`sql`, `yaml`, …).
    Optional(&'static str),
    /// Must have one, in this language.
    Required(&'static str),
}

/// An example of a verb. Examples are shown in help and run as tests.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// What it shows, such as `a table from a CSV file`.
    pub about: &'static str,
    pub line: &'static str,
    pub body: Option<&'static str>,
    /// Lines that have to run before it, without being shown; body magics as `line\nbody`.
    pub setup: &'static [&'static str],
}

/// A verb as data.
#[derive(Clone, Copy)]
pub struct VerbSpec {
    pub magic: &'static str,
    /// One word, or two with a blank between: what is done, and what it is done to before it (`budget set`).
    pub name: &'static str,
    pub about: &'static str,
    pub body: BodyUse,
    pub examples: &'static [Example],
    /// The clap declaration of its arguments.
    pub command: fn() -> Command,
}

/// All magics and verbs of a face.
pub struct Language {
    pub magics: Vec<MagicSpec>,
    pub verbs: Vec<VerbSpec>,
}

/// What a line turned out to be.
#[derive(Debug)]
pub enum Parsed {
    /// The verb's index in [`Language::verbs`], and its arguments.
    Call { verb: usize, arguments: ArgMatches },
    /// Somebody asked for help.
    Help(String),
}

impl Language {
    /// Reads a line: finds the verb, checks the arguments and the body.
    pub fn parse(&self, line: &MagicLine) -> Result<Parsed, Problem> {
        let magic = self.magic(&line.magic)?;
        if line.words.first().is_none_or(|word| is_help(word)) {
            return Ok(Parsed::Help(self.magic_help(magic)));
        }
        let Some((index, arguments)) = self.find(magic.name, &line.words) else {
            return self.group(magic, &line.words).map(Parsed::Help);
        };
        let verb = &self.verbs[index];
        let name = &line.words[..line.words.len() - arguments.len()];
        if name.iter().any(|word| word.ends_with('?')) || arguments.iter().any(|word| word == "?") {
            return Ok(Parsed::Help(self.verb_help(verb)));
        }
        // Words that may stand in place of a body are a text of their own language, to which quotes belong.
        let arguments = match verb.body {
            BodyUse::Optional(_) if line.body.is_none() && arguments.len() > 1 => &line.written[name.len()..],
            _ => arguments,
        };
        match verb.command("%").try_get_matches_from(arguments) {
            Ok(arguments) => {
                check_body(verb, line.body.as_deref())?;
                Ok(Parsed::Call { verb: index, arguments })
            }
            Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                Ok(Parsed::Help(self.verb_help(verb)))
            }
            Err(error) => Err(argument_problem(verb, &error)),
        }
    }

    pub(crate) fn magic(&self, name: &str) -> Result<&MagicSpec, Problem> {
        let name = name.trim_end_matches('?');
        self.magics.iter().find(|magic| magic.name == name).ok_or_else(|| {
            let names = self.magics.iter().map(|magic| magic.name);
            Problem::new("UnknownMagic", format!("there is no magic `%{name}`")).with_hint(meant(name, names, "%"))
        })
    }

    /// The verb that `words` begin with, as an index of [`Language::verbs`], and the words behind its name. A name of two
    /// words (`budget set`) goes before one of one word.
    pub fn find<'a, Word: AsRef<str>>(&self, magic: &str, words: &'a [Word]) -> Option<(usize, &'a [Word])> {
        (1..=LONGEST_NAME.min(words.len())).rev().find_map(|length| {
            let (name, arguments) = words.split_at(length);
            let name: Vec<&str> = name.iter().map(|word| word.as_ref().trim_end_matches('?')).collect();
            let name = name.join(" ");
            let index = self.verbs.iter().position(|verb| verb.magic == magic && verb.name == name)?;
            Some((index, arguments))
        })
    }

    /// Help where `words` name the first word of verbs and nothing or a question behind it; else what is wrong with them.
    fn group(&self, magic: &MagicSpec, words: &[String]) -> Result<String, Problem> {
        let first = words[0].trim_end_matches('?');
        let seconds: Vec<&str> = self.second_words(magic.name, first).collect();
        let unknown = |place: String, given: &str, hint: String| {
            Err(Problem::new("UnknownVerb", format!("`{place}` has no verb `{given}`")).with_hint(hint))
        };
        match words.get(1) {
            _ if seconds.is_empty() => {
                let hint = meant(first, self.first_words(magic.name), "");
                unknown(format!("%{}", magic.name), first, hint)
            }
            Some(second) if !is_help(second) && !words[0].ends_with('?') => {
                let hint = meant(second, seconds.into_iter(), "");
                unknown(format!("%{} {first}", magic.name), second, hint)
            }
            _ => {
                let name = format!("{} {first}", magic.name);
                let lead = format!("{first} ");
                Ok(verbs_help(&name, self.verbs_of(magic.name).filter(|verb| verb.name.starts_with(&lead))))
            }
        }
    }

    /// The first words of a magic's verbs, each once.
    pub(crate) fn first_words(&self, magic: &str) -> impl Iterator<Item = &'static str> {
        let mut words: Vec<&'static str> = Vec::new();
        for verb in self.verbs_of(magic) {
            let word = verb.name.split(' ').next().unwrap_or_default();
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words.into_iter()
    }

    /// The second words of the verbs of two words that begin with `first`.
    pub(crate) fn second_words(&self, magic: &str, first: &str) -> impl Iterator<Item = &'static str> {
        let first = first.to_owned();
        self.verbs_of(magic).filter_map(move |verb| verb.name.strip_prefix(first.as_str())?.strip_prefix(' '))
    }

    /// The verbs of a magic, in the order of their declaration.
    pub fn verbs_of(&self, magic: &str) -> impl Iterator<Item = &VerbSpec> {
        let magic = magic.to_owned();
        self.verbs.iter().filter(move |verb| verb.magic == magic)
    }

    /// What `%magic --help` shows.
    pub fn magic_help(&self, magic: &MagicSpec) -> String {
        let verbs = verbs_help(magic.name, self.verbs_of(magic.name));
        format!("%{} – {}\n\n{verbs}", magic.name, magic.about)
    }

    /// What `%magic verb --help` shows: about, usage, arguments, examples.
    pub fn verb_help(&self, verb: &VerbSpec) -> String {
        let mut help = verb.command("%").render_long_help().to_string().trim_end().to_owned();
        if !verb.examples.is_empty() {
            help.push_str("\n\nExamples:");
        }
        for example in verb.examples {
            help.push_str(&format!("\n  # {}\n  {}", example.about, example.line));
            for line in example.body.unwrap_or_default().lines() {
                help.push_str(&format!("\n  {line}"));
            }
        }
        help
    }
}

impl VerbSpec {
    /// The clap command under which a face reads the verb: `prefix` is `%` in a notebook, `kernwerk ` in a shell.
    pub fn command(&self, prefix: &str) -> Command {
        let prefix = match self.body {
            BodyUse::Required(_) if prefix == "%" => "%%",
            _ => prefix,
        };
        (self.command)()
            .bin_name(format!("{prefix}{} {}", self.magic, self.name))
            .about(self.about)
            .no_binary_name(true)
            .disable_version_flag(true)
    }
}

/// A list of verbs; `name` is that of their magic, with their first word where they share it.
fn verbs_help<'a>(name: &str, verbs: impl Iterator<Item = &'a VerbSpec>) -> String {
    let verbs: Vec<&VerbSpec> = verbs.collect();
    let width = verbs.iter().map(|verb| verb.name.len()).max().unwrap_or(0);
    let lines: Vec<String> = verbs.iter().map(|verb| format!("  {:width$}  {}", verb.name, verb.about)).collect();
    format!("{}\n\n`%{name} VERB --help` tells more of one.", lines.join("\n"))
}

fn is_help(word: &str) -> bool {
    matches!(word, "--help" | "-h" | "help" | "?")
}

fn check_body(verb: &VerbSpec, body: Option<&str>) -> Result<(), Problem> {
    let filled = body.is_some_and(|body| !body.trim().is_empty());
    match verb.body {
        BodyUse::Required(language) if !filled => Err(Problem::new(
            "MissingBody",
            format!("`%%{} {}` needs {} on the lines below it", verb.magic, verb.name, article(language)),
        )
        .with_hint(format!(
            "begin the line with `%%{} {}` and write below it; in a shell give it on standard input",
            verb.magic, verb.name
        ))),
        BodyUse::None if filled => {
            Err(Problem::new("UnexpectedBody", format!("`%{} {}` takes no body", verb.magic, verb.name)).with_hint(
                format!(
                    "write `%{} {}` with one percent sign; what follows is then a cell of its own",
                    verb.magic, verb.name
                ),
            ))
        }
        _ => Ok(()),
    }
}

fn article(language: &str) -> String {
    match language {
        "sql" => "SQL".to_owned(),
        "yaml" => "YAML".to_owned(),
        other => other.to_owned(),
    }
}

/// Turns clap's report into a message and a hint.
fn argument_problem(verb: &VerbSpec, error: &clap::Error) -> Problem {
    let rendered = error.render().to_string();
    let message = rendered.lines().take_while(|line| !line.trim().is_empty()).collect::<Vec<_>>().join("\n");
    let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
    let mut hints = Vec::new();
    for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedValue] {
        match error.get(kind) {
            Some(ContextValue::String(text)) => hints.push(format!("did you mean `{text}`?")),
            Some(ContextValue::Strings(texts)) if !texts.is_empty() => {
                hints.push(format!("did you mean `{}`?", texts.join("` or `")));
            }
            _ => {}
        }
    }
    hints.push(format!("`%{} {} --help` shows its arguments", verb.magic, verb.name));
    Problem::new("BadArguments", format!("%{} {}: {message}", verb.magic, verb.name)).with_hint(hints.join(" "))
}

/// "Did you mean" for the nearest of `names`, else all of them.
pub(crate) fn meant(given: &str, names: impl Iterator<Item = &'static str>, prefix: &str) -> String {
    let prefixed = |names: Vec<&str>| names.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>();
    let names: Vec<&str> = names.collect();
    let near = near(given, names.iter().copied());
    did_you_mean(&prefixed(near.iter().map(String::as_str).collect()))
        .unwrap_or_else(|| format!("there are {}", listed(&prefixed(names), "and")))
}
