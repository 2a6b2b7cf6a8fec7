//! Completion and inspection of magic lines.

use clap::{Arg, ArgAction};

use crate::language::{Language, VerbSpec};

/// What a name on a line names; the face looks up which there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    Table,
    Corpus,
    FeatureView,
    Artifact,
    Suite,
    File,
    Variable,
}

/// Knows the names that exist now.
pub trait Catalogue {
    /// Names of `kind` that begin with `prefix`.
    fn names(&self, kind: NameKind, prefix: &str) -> Vec<String>;
}

/// What may stand in place of the text from `start` to `end` (byte offsets).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completions {
    pub start: usize,
    pub end: usize,
    pub matches: Vec<Candidate>,
}

/// One way to complete a word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    pub text: String,
    /// What it is, in one word for a person: `magic`, `verb`, `option`, `value`, or what a name names.
    pub kind: &'static str,
}

impl NameKind {
    fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Corpus => "corpus",
            Self::FeatureView => "view",
            Self::Artifact => "artifact",
            Self::Suite => "suite",
            Self::File => "path",
            Self::Variable => "variable",
        }
    }
}

impl Language {
    /// Completes the magic line in `text` on which `cursor` (a byte offset) stands; none where there is no magic line.
    pub fn complete(&self, text: &str, cursor: usize, catalogue: &dyn Catalogue) -> Option<Completions> {
        let cursor = floor_boundary(text, cursor);
        let line_start = text[..cursor].rfind('\n').map_or(0, |newline| newline + 1);
        let line = &text[line_start..cursor];
        let percents = line.trim_start();
        if !percents.starts_with('%') {
            return None;
        }
        let word_start = line.rfind(char::is_whitespace).map_or(0, |blank| blank + 1);
        let word = &line[word_start..];
        let before: Vec<&str> = line[..word_start].split_whitespace().collect();
        let matches = self.candidates(&before, word, catalogue);
        Some(Completions { start: line_start + word_start, end: cursor, matches })
    }

    fn candidates(&self, before: &[&str], word: &str, catalogue: &dyn Catalogue) -> Vec<Candidate> {
        let Some(magic) = before.first().map(|magic| magic.trim_start_matches('%')) else {
            return self.magic_candidates(word);
        };
        let words = &before[1..];
        match (self.find(magic, words), words) {
            (Some((verb, arguments)), _) => argument_candidates(&self.verbs[verb], arguments, word, catalogue),
            (None, []) => keep("verb", self.first_words(magic).map(str::to_owned), word),
            (None, [first]) => keep("verb", self.second_words(magic, first).map(str::to_owned), word),
            (None, _) => Vec::new(),
        }
    }

    fn magic_candidates(&self, word: &str) -> Vec<Candidate> {
        let percents = if word.starts_with("%%") { "%%" } else { "%" };
        keep("magic", self.magics.iter().map(|magic| format!("{percents}{}", magic.name)), word)
    }

    /// Help for the magic or verb on the line where `cursor` stands.
    pub fn inspect(&self, text: &str, cursor: usize) -> Option<String> {
        let cursor = floor_boundary(text, cursor);
        let line_start = text[..cursor].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[cursor..].find('\n').map_or(text.len(), |newline| cursor + newline);
        let mut words = text[line_start..line_end].split_whitespace();
        let magic = words.next().filter(|word| word.starts_with('%'))?;
        let magic = self.magic(magic.trim_start_matches('%')).ok()?;
        let words: Vec<&str> = words.collect();
        let verb = self.find(magic.name, &words).map(|(verb, _)| &self.verbs[verb]);
        Some(verb.map_or_else(|| self.magic_help(magic), |verb| self.verb_help(verb)))
    }
}

fn argument_candidates(verb: &VerbSpec, before: &[&str], word: &str, catalogue: &dyn Catalogue) -> Vec<Candidate> {
    let command = verb.command("%");
    let options: Vec<&Arg> = command.get_arguments().filter(|argument| !argument.is_positional()).collect();
    if word.starts_with('-') {
        let longs = options.iter().filter_map(|argument| argument.get_long());
        return keep("option", longs.map(|long| format!("--{long}")).chain(["--help".to_owned()]), word);
    }
    let pending = before.last().and_then(|last| {
        let long = last.strip_prefix("--")?;
        options.iter().find(|argument| argument.get_long() == Some(long) && takes_value(argument))
    });
    let argument = match pending {
        Some(argument) => Some(*argument),
        None => positional_at(&command, &options, before),
    };
    argument.map_or_else(Vec::new, |argument| value_candidates(argument, word, catalogue))
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

/// The positional argument that comes next after `before`; a repeatable last one comes again and again.
fn positional_at<'a>(command: &'a clap::Command, options: &[&Arg], before: &[&str]) -> Option<&'a Arg> {
    let mut given = 0;
    let mut words = before.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("--") {
            Some(long) => {
                let option = options.iter().find(|argument| argument.get_long() == Some(long));
                if option.is_some_and(|argument| takes_value(argument)) {
                    words.next();
                }
            }
            None => given += 1,
        }
    }
    let positionals: Vec<&Arg> = command.get_positionals().collect();
    positionals.get(given).copied().or_else(|| {
        let last = *positionals.last()?;
        let repeats = last.get_num_args().is_some_and(|range| range.max_values() > 1)
            || matches!(last.get_action(), ArgAction::Append);
        repeats.then_some(last)
    })
}

fn value_candidates(argument: &Arg, word: &str, catalogue: &dyn Catalogue) -> Vec<Candidate> {
    let possible = argument.get_possible_values();
    if !possible.is_empty() {
        return keep("value", possible.iter().map(|value| value.get_name().to_owned()), word);
    }
    // A list such as `a,b` is completed at its last item.
    let (head, tail) = match word.rfind(',') {
        Some(comma) if argument.get_value_delimiter() == Some(',') => word.split_at(comma + 1),
        _ => ("", word),
    };
    let of_kind = |kind: &NameKind| {
        let kind = *kind;
        let names = catalogue.names(kind, tail);
        names.into_iter().map(move |name| Candidate { text: format!("{head}{name}"), kind: kind.word() })
    };
    let mut names: Vec<Candidate> = kinds_of(argument).iter().flat_map(of_kind).collect();
    names.sort();
    names.dedup_by(|one, other| one.text == other.text);
    names
}

/// An argument's value name tells what it names.
fn kinds_of(argument: &Arg) -> &'static [NameKind] {
    let value_name = argument.get_value_names().and_then(|names| names.first()).map(|name| name.as_str());
    match value_name {
        Some("TABLE" | "GOLDEN") => &[NameKind::Table],
        Some("SPINE") => &[NameKind::Table, NameKind::Variable],
        Some("CORPUS") => &[NameKind::Corpus],
        Some("VIEW") => &[NameKind::FeatureView],
        Some("TABLE|VIEW") => &[NameKind::Table, NameKind::FeatureView],
        Some("ARTIFACT") => &[NameKind::Artifact],
        Some("SUITE" | "RUN") => &[NameKind::Suite],
        Some("TARGET") => &[NameKind::Variable],
        Some("FILE" | "PATH") => &[NameKind::File],
        _ => &[],
    }
}

fn keep(kind: &'static str, texts: impl Iterator<Item = String>, prefix: &str) -> Vec<Candidate> {
    texts.filter(|text| text.starts_with(prefix)).map(|text| Candidate { text, kind }).collect()
}

fn floor_boundary(text: &str, cursor: usize) -> usize {
    text.floor_char_boundary(cursor.min(text.len()))
}
