//! Side effects: which calls of a cell read and write files or change the process, as far as its text tells; and the cells that wrote
//! the files that a slice reads.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::{Access, Effect, Resource};

use super::scan::Token;
use super::{Outside, Slicer, Step, Why};
use crate::disk::{Fit, may_have_written};

/// Functions that read what they are given the path of.
const READ: [&str; 8] =
    ["read_to_string", "read", "metadata", "symlink_metadata", "read_dir", "exists", "try_exists", "canonicalize"];
/// Macros that read what they are given the path of.
const INCLUDE: [&str; 3] = ["include_str", "include_bytes", "include"];
/// Methods of a path that read.
const OF_PATH: [&str; 9] =
    ["exists", "try_exists", "metadata", "is_file", "is_dir", "read_dir", "display", "file_name", "extension"];
/// Names of what writes files, or may.
const WRITE: [&str; 25] = [
    "write",
    "write_all",
    "write_all_at",
    "write_at",
    "create",
    "create_new",
    "create_dir",
    "create_dir_all",
    "OpenOptions",
    "rename",
    "copy",
    "remove_file",
    "remove_dir",
    "remove_dir_all",
    "hard_link",
    "symlink",
    "set_len",
    "set_modified",
    "set_permissions",
    "save",
    "persist",
    "present",
    "Command",
    "BitMapBackend",
    "SVGBackend",
];
/// Methods that write into texts.
const INTO_TEXTS: [&str; 3] = ["write_str", "write_char", "write_fmt"];

/// Calls that change the process itself, which every later cell may notice.
const PROCESS: [&str; 3] = ["set_var", "remove_var", "set_current_dir"];

/// What runs magics and reaches the lab from code.
const MAGICS: [&str; 2] = ["magic", "lab"];

/// What code does with files and with the process, as far as its text tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SideEffects {
    /// String literals that could be paths.
    pub literals: BTreeSet<String>,
    /// Those of them that are only given to functions that read files.
    pub read_only: BTreeSet<String>,
    /// Those of them that are only given to functions that make files anew, whatever was in them.
    pub made_anew: BTreeSet<String>,
    /// May write files: it calls what does.
    pub writes: bool,
    /// Reads files whose names do not stand in the call.
    pub reads_hidden: bool,
    /// Changes the process itself: its environment or its directory.
    pub process: bool,
    /// Calls magics, so that which of them run depends on what it computes.
    pub magics: bool,
}

impl SideEffects {
    /// Adds what other code does that runs with this.
    pub fn join(&mut self, other: &Self) {
        let written = |own: &Self, text: &str| own.literals.contains(text) && !own.read_only.contains(text);
        let built_on = |own: &Self, text: &str| written(own, text) && !own.made_anew.contains(text);
        let both = |own: &BTreeSet<String>, others: &BTreeSet<String>, but: &dyn Fn(&str) -> bool| {
            own.union(others).filter(|text| !but(text)).cloned().collect()
        };
        let read_only = both(&self.read_only, &other.read_only, &|text| written(self, text) || written(other, text));
        let made_anew = both(&self.made_anew, &other.made_anew, &|text| built_on(self, text) || built_on(other, text));
        (self.read_only, self.made_anew) = (read_only, made_anew);
        self.literals.extend(other.literals.iter().cloned());
        self.writes |= other.writes;
        self.reads_hidden |= other.reads_hidden;
        self.process |= other.process;
        self.magics |= other.magics;
    }
}

/// Reads what tokens of Rust say of them.
pub(super) fn read(tokens: &[Token<'_>]) -> SideEffects {
    let mut found = SideEffects::default();
    let mut written: BTreeSet<&str> = BTreeSet::new();
    let mut built_on: BTreeSet<&str> = BTreeSet::new();
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Text(text) => {
                found.literals.insert((*text).to_owned());
                if is_read(tokens, index) {
                    found.read_only.insert((*text).to_owned());
                    continue;
                }
                written.insert(text);
                if is_made_anew(tokens, index) {
                    found.made_anew.insert((*text).to_owned());
                } else {
                    built_on.insert(text);
                }
            }
            Token::Word(word) => {
                let is_macro = tokens.get(index + 1) == Some(&Token::Mark('!'));
                let writes = WRITE.contains(word) || word.ends_with("Writer") || word.starts_with("sink_");
                let into_file = word.starts_with("write_") && !INTO_TEXTS.contains(word);
                found.writes |= !is_macro && (writes || into_file);
                found.process |= PROCESS.contains(word);
                let is_called = matches!(tokens.get(index + 1), Some(Token::Mark('!' | '(')));
                found.magics |= is_called && MAGICS.contains(word);
                found.reads_hidden |= reads_hidden(tokens, index, word);
            }
            Token::Mark(_) => {}
        }
    }
    found.read_only.retain(|text| !written.contains(text.as_str()));
    found.made_anew.retain(|text| !built_on.contains(text.as_str()));
    found
}

/// Whether the string literal at `index` is the path of a file that a call makes anew.
fn is_made_anew(tokens: &[Token<'_>], index: usize) -> bool {
    let before = |back: usize| index.checked_sub(back).map(|at| tokens[at]);
    let owner = matches!(before(5), Some(Token::Word("fs" | "File")));
    owner
        && before(1) == Some(Token::Mark('('))
        && matches!(before(2), Some(Token::Word("create" | "create_new" | "write")))
}

/// Whether the string literal at `index` is what a call reads.
fn is_read(tokens: &[Token<'_>], index: usize) -> bool {
    let before = |back: usize| index.checked_sub(back).map(|at| tokens[at]);
    let borrowed = usize::from(before(1) == Some(Token::Mark('&')));
    if before(borrowed + 1) != Some(Token::Mark('(')) {
        return false;
    }
    let is_path_of = |word: &str| {
        let owner = before(borrowed + 5);
        before(borrowed + 3) == Some(Token::Mark(':')) && owner == Some(Token::Word(word))
    };
    match before(borrowed + 2) {
        Some(Token::Mark('!')) => matches!(before(borrowed + 3), Some(Token::Word(word)) if INCLUDE.contains(&word)),
        Some(Token::Word("open")) => is_path_of("File"),
        Some(Token::Word("new")) if is_path_of("Path") => {
            let method = (tokens.get(index + 1), tokens.get(index + 2), tokens.get(index + 3));
            matches!(method, (Some(Token::Mark(')')), Some(Token::Mark('.')), Some(Token::Word(word))) if OF_PATH.contains(word))
        }
        Some(Token::Word(word)) => READ.contains(&word),
        _ => false,
    }
}

/// Whether the word at `index` calls what reads a file, and the file's name does not stand there.
fn reads_hidden(tokens: &[Token<'_>], index: usize, word: &str) -> bool {
    let at = |ahead: usize| tokens.get(index + ahead).copied();
    let before = |back: usize| index.checked_sub(back).map(|at| tokens[at]);
    let is_method = before(1) == Some(Token::Mark('.'));
    let is_of_file = word == "open" && before(1) == Some(Token::Mark(':')) && before(3) == Some(Token::Word("File"));
    // What a handle has methods for as well tells nothing.
    let of_path = is_method && ["exists", "try_exists", "read_dir"].contains(&word);
    let by_word = !is_method && (READ.contains(&word) || word.starts_with("scan_") || is_of_file);
    let by_reader = word == "new" && matches!(before(3), Some(Token::Word(owner)) if owner.ends_with("Reader"));
    if at(1) != Some(Token::Mark('(')) {
        return false;
    }
    let is_named = matches!((at(2), at(3)), (Some(Token::Text(_)), _) | (Some(Token::Mark('&')), Some(Token::Text(_))));
    // The path that the method is called on may stand before it.
    let is_literal = of_path && tokens[..index].iter().rev().take(6).any(|token| matches!(token, Token::Text(_)));
    (by_word || by_reader || of_path) && !is_named && !is_literal
}

impl<'a> Slicer<'a> {
    /// Keeps what wrote the content of a file that `effect` read.
    pub(super) fn file(&mut self, user: usize, effect: &Effect) {
        let is_same = |write: &Effect| match (&effect.digest, &write.digest) {
            (Some(read), Some(written)) => read == written,
            _ => true,
        };
        let traced = self.writes(user, Resource::File, &effect.name).next().filter(|(_, write)| is_same(write));
        let modified = effect.version.or_else(|| self.disk.modified(&effect.name, effect.digest.as_deref()));
        let untraced = self.untraced_writers(user, &effect.name, &self.ran_at(modified));
        if let Some((writer, _)) = traced {
            self.keep(writer, Some(user), Why::wrote(effect));
        } else if !untraced {
            let own = self.log[user].effects.iter();
            let mut own = own.filter(|other| {
                other.access == Access::Write && other.resource == Resource::File && other.name == effect.name
            });
            if !own.any(is_same) {
                self.outside(user, effect);
            }
        }
    }

    /// The executions that may write files without a trace and ran when a file was last written.
    fn ran_at(&self, modified: Option<u64>) -> BTreeMap<usize, Fit> {
        let untraced = self.before(self.log.len()).filter(|(_, step)| step.is_untraced());
        untraced.filter_map(|(index, _)| Some((index, may_have_written(&self.log[index], modified?)?))).collect()
    }

    /// Keeps the cells before `user` that may have written the file without a trace: those in `fits`, which ran when it was
    /// last written, and then also those whose text names it. Returns whether one of them did: it ran at that time, or near it
    /// and names the file.
    fn untraced_writers(&mut self, user: usize, name: &str, fits: &BTreeMap<usize, Fit>) -> bool {
        if fits.is_empty() {
            return false;
        }
        let names_it = |index: usize| self.may_write(&self.steps[index]).any(|mentioned| mentioned == name);
        // Cells follow each other faster than clocks tell apart; an earlier one that names the file settles it.
        let settled = fits.iter().any(|(index, fit)| (*fit == Fit::Within || *index < user) && names_it(*index));
        // Of those near by, one that has no call that writes did not write while there is one that has.
        // In Python any function may write, whatever its name is.
        let may_write = |step: &Step| step.writes_files() || step.has_one_namespace;
        let one_writes = fits.keys().any(|index| may_write(&self.steps[*index]));
        let writers: Vec<(usize, Why)> = self
            .before(user)
            .filter_map(|(index, step)| match fits.get(&index) {
                Some(Fit::Within) => Some((index, Why::RanWhenWritten(name.to_owned()))),
                Some(Fit::Near) if !settled && (may_write(step) || !one_writes) => {
                    Some((index, Why::RanWhenWritten(name.to_owned())))
                }
                _ => names_it(index).then(|| (index, Why::Mentions(name.to_owned()))),
            })
            .collect();
        // What has a call that writes and ran within what clocks may be wrong by is likelier than somebody else at that moment.
        let wrote = |index: usize, fit: Fit| fit == Fit::Within || names_it(index) || self.steps[index].writes_files();
        let one_did = fits.range(..user).any(|(index, fit)| wrote(*index, *fit));
        for (index, why) in writers {
            self.keep(index, Some(user), why);
            self.handles(index, user);
        }
        one_did
    }

    /// Keeps what was written by way of the variables with which the cell `writer` writes to files, until the cell `user`.
    fn handles(&mut self, writer: usize, user: usize) {
        for name in &self.steps[writer].handles {
            for index in writer + 1..user {
                let step = &self.steps[index];
                if step.ran && step.changes.contains(name) {
                    self.keep(index, Some(user), Why::Changes(name.clone()));
                }
                if step.defines.contains(name) && step.is_variable(name) {
                    break;
                }
            }
        }
    }

    /// Keeps the cells before `user` that write files, where it reads one whose name is put together.
    pub(super) fn hidden_files(&mut self, user: usize) {
        if self.steps[user].facts.effects.reads_hidden {
            let writers: Vec<usize> =
                self.before(user).filter(|(_, step)| step.writes_files()).map(|(index, _)| index).collect();
            for writer in writers {
                self.keep(writer, Some(user), Why::MayWrite);
                self.handles(writer, user);
            }
        }
    }

    /// Keeps the cells before `user` that write files whose names do not stand in their texts.
    fn hidden_writers(&mut self, user: usize) {
        let is_hidden = |step: &Step| step.writes_files() && self.may_write(step).next().is_none();
        let writers: Vec<usize> =
            self.before(user).filter(|(_, step)| is_hidden(step)).map(|(index, _)| index).collect();
        for writer in writers {
            self.keep(writer, Some(user), Why::MayWrite);
        }
    }

    /// The files that a cell names and may write.
    fn may_write(&self, step: &'a Step) -> impl Iterator<Item = &'a str> + use<'a> {
        let disk = self.disk;
        let literals = step.is_untraced().then_some(&step.facts.effects.literals);
        let literals = literals.into_iter().flatten().filter(|word| !step.facts.effects.read_only.contains(*word));
        literals.filter_map(|word| disk.mentions.get(word).map(String::as_str))
    }

    /// The files that words in the text of a cell mean, where the cell may access them without a trace.
    pub(super) fn mentions(&self, step: &'a Step) -> impl Iterator<Item = &'a str> + use<'a> {
        let disk = self.disk;
        let literals = step.is_untraced().then_some(&step.facts.effects.literals);
        literals.into_iter().flatten().filter_map(|word| disk.mentions.get(word).map(String::as_str))
    }

    /// Treats every file that the code of the cell names as one that it reads.
    pub(super) fn mentioned_files(&mut self, user: usize) {
        let names: BTreeSet<&str> = self.mentions(&self.steps[user]).collect();
        for name in names {
            let traced = self.writes(user, Resource::File, name).next();
            let modified = self.disk.files.get(name).map(|file| file.modified);
            let fits = self.ran_at(modified);
            let literals = &self.steps[user].facts.effects.made_anew;
            let is_made_anew =
                literals.iter().any(|word| self.disk.mentions.get(word).is_some_and(|mentioned| mentioned == name));
            // Where it was written again since, its time does not tell who wrote it before.
            if !is_made_anew && fits.range(user..).next().is_some() {
                self.hidden_writers(user);
            }
            let untraced = self.untraced_writers(user, name, &fits);
            if let Some((writer, write)) = traced {
                self.keep(writer, Some(user), Why::wrote(write));
            } else if !untraced && !fits.iter().any(|(index, fit)| *fit == Fit::Within || *index == user) {
                self.slice.outside.insert(Outside {
                    resource: Resource::File,
                    name: name.to_owned(),
                    version: None,
                    digest: None,
                    by: user,
                    mentioned: true,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scan::scan;

    #[test]
    fn texts_that_are_only_read_are_told_from_others() {
        for code in [
            "std::fs::read_to_string(\"a\")?",
            "let file = File::open(&\"a\")?;",
            "Path::new(\"a\").exists()",
            "include_str!(\"a\")",
            "std::fs::metadata(\"a\")?.len()",
        ] {
            let effects = scan(code).effects;
            assert!(effects.read_only.contains("a") && !effects.writes && !effects.reads_hidden, "{code}");
        }
        for code in ["File::create(\"a\")", "load(\"a\")", "fs::read(\"a\"); fs::write(\"a\", \"b\")", "\"a\""] {
            assert!(!scan(code).effects.read_only.contains("a"), "{code}");
        }
        let facts = scan("std::fs::write(\"a\", \"b\")?; OpenOptions::new().append(true).open(\"c\")?;");
        assert_eq!(facts.effects.made_anew, ["a".to_owned()].into());
    }

    #[test]
    fn calls_that_write_and_that_read_what_is_not_named_are_seen() {
        for code in ["std::fs::write(&name, x)?", "file.write_all(b\"x\")?", "CsvWriter::new(f)", "frame.sink_csv(p)"] {
            assert!(scan(code).effects.writes, "{code}");
        }
        for code in ["write!(text, \"x\")?", "text.write_str(\"x\")?", "list.len()"] {
            assert!(!scan(code).effects.writes, "{code}");
        }
        for code in ["fs::read_to_string(&name)?", "File::open(path)?", "BufReader::new(f)", "path.exists()"] {
            assert!(scan(code).effects.reads_hidden, "{code}");
        }
        for code in ["file.read_to_string(&mut text)?", "handle.metadata()?", "reader.lines()"] {
            assert!(!scan(code).effects.reads_hidden, "{code}");
        }
    }
}
