//! evcxr's context: runs a cell, and says in our words how it ended.

use std::collections::HashSet;
use std::sync::Arc;

use evcxr::{CommandContext, CompilationError, Error as EvcxrError, EvalContext};
use kernwerk_wire::{Bundle, Candidate, CellText, Completed, Ended, Event, Kept, Question, Response, Variable};

use super::diagnostics::{SourceMap, is_generated};
use super::link::{Link, State};
use super::suggestions::corrected;
use crate::analyse::analyse;
use crate::build::{Cache, Loaded};
use crate::error::Error;
use crate::home::Home;
use crate::text::{Plan, header, unfinished};

/// Compile errors that are shown at most.
const SHOWN_ERRORS: usize = 20;
/// Begins evcxr's words when cargo failed.
const NO_PARSABLE: &str = "Compilation failed, but no parsable errors were found. STDERR:\n";
/// Stands above a cell that rustc would accept more of.
const OFFER: &str = "\u{1b}[1mthe Rust of this cell with what rustc suggests, to copy\u{1b}[0m:\n";
/// Names that are evcxr's or ours and no completions.
const HIDDEN: &[&str] = &["evcxr_", "kernwerk_trailing", "KernwerkTrailing", "EvcxrUserCodeError"];

/// The state of a notebook's Rust.
pub(super) struct Context {
    evcxr: CommandContext,
    link: Arc<Link>,
    home: Home,
    loaded: Loaded,
}

impl Context {
    /// Starts evcxr, which compiles and runs its first cell.
    pub(super) fn start(home: &Home, link: &Arc<Link>) -> Result<Self, Error> {
        let worker = std::process::Command::new(&home.program);
        let (context, outputs) =
            EvalContext::with_subprocess_command(worker).map_err(|error| Error::Start(error.to_string()))?;
        // Cells' outputs do not come this way; what does is the supervisor's own complaint.
        std::thread::spawn(move || outputs.stderr.iter().for_each(|line| eprintln!("{line}")));
        Ok(Self {
            evcxr: CommandContext::with_eval_context(context),
            link: Arc::clone(link),
            home: home.clone(),
            loaded: Loaded::default(),
        })
    }

    /// Runs a cell.
    pub(super) fn execute(&mut self, cell: &CellText) -> Result<Ended, Error> {
        let cache = Cache::at(&self.home.cache, &self.home.sources);
        let plan = Plan::new(cell, self.loaded, &cache.pinned(), &self.home.directory)?;
        // Behind the plan, which refuses what is too large to be read.
        if let Some(ended) = unfinished_cell(cell)? {
            return Ok(ended);
        }
        self.forget_gone();
        let leaves_old = self.redefines_types(&cell.code);
        // What an earlier question about the code left concerns no cell.
        self.home.take_unlocked();
        {
            let mut state = self.link.state();
            state.at_work = true;
            state.stopwatch.begin();
        }
        let (outcome, part) = self.run(&plan);
        // Nothing of the cell runs any more, however it ended.
        self.link.runs_no_more();
        let state = std::mem::take(&mut *self.link.state());
        {
            let mut after = self.link.state();
            (after.worker, after.forgets) = (state.worker, state.forgets);
        }
        // A kernel that is gone is noticed by the answer.
        let _ = self.link.tell(&Event::Timing(state.stopwatch.phases()));
        self.link.state().forgets |= leaves_old && outcome.is_ok();
        self.forget_gone();
        if outcome.is_err()
            && !state.interrupted
            && let Some(words) = self.home.take_unlocked()
        {
            return Err(Error::Unlocked(words));
        }
        let ended = self.ended(outcome, state, &part, cell);
        if matches!(ended, Ended::Ok { .. }) {
            let _ = self.link.tell(&Event::Variables(self.variables_in(&cell.code)));
        }
        Ok(ended)
    }

    /// Whether the code defines a type anew of which there are variables: evcxr loses these in the next cell.
    fn redefines_types(&self, code: &str) -> bool {
        let Some(rust) = analyse(code).rust else { return false };
        let is_of = |type_name: &str| type_name.split(|c| !is_word(c)).any(|word| rust.structures.contains_key(word));
        !rust.structures.is_empty() && self.evcxr.variables_and_types().any(|(_, type_name)| is_of(type_name))
    }

    /// Lets evcxr find out which variables are gone. It does with the next code that it runs, and forgets with them what that code makes under the
    /// same names: so this is code that makes nothing.
    fn forget_gone(&mut self) {
        if std::mem::take(&mut self.link.state().forgets) {
            let _ = std::fs::remove_file(self.home.stop_mark());
            // What fails here is found out by the next cell.
            let _ = self.evcxr.execute("();");
        }
    }

    /// Runs the parts of a plan; gives also the part that it came to.
    fn run(&mut self, plan: &Plan) -> (Result<(), EvcxrError>, Plan) {
        let (commands, code) = plan.parts();
        // Dependencies are a step of their own. So they stay when the code fails, and while it runs evcxr's manifest is what it
        // will be afterwards: see `questions`.
        if !commands.text.is_empty() {
            if let Err(error) = self.evcxr.execute(&commands.text) {
                return (Err(error), commands);
            }
            self.loaded = plan.loaded;
            if self.link.was_interrupted() {
                return (Err(EvcxrError::Message("interrupted".to_owned())), commands);
            }
            self.link.state().stopwatch.go_on();
        }
        (self.evcxr.execute(&code.text).map(|_| ()), code)
    }

    fn ended(&self, outcome: Result<(), EvcxrError>, state: State, plan: &Plan, cell: &CellText) -> Ended {
        // A cell that was kept from beginning counts as panicked. One that came to its end in spite of the interrupt did.
        if state.interrupted && (outcome.is_err() || state.died.is_some() || state.panic.is_some()) {
            return Ended::Interrupted { kept: state.died.map_or(Kept::All, |(_, kept)| kept) };
        }
        if let Some((reason, kept)) = state.died {
            return Ended::Crashed { reason: format!("the process that runs cells {reason}"), kept };
        }
        match outcome {
            Err(error) => self.compile_error(error, plan, cell),
            Ok(()) => match (state.panic, state.failed) {
                (Some(panic), _) => {
                    let generated = state.source.unwrap_or_default();
                    let map = SourceMap::new(&plan.text, &plan.places, &generated);
                    let line = if is_generated(&panic.file) { map.line(panic.line) } else { None };
                    Ended::Panic { message: panic.message, line }
                }
                (None, Some(message)) => Ended::Failed { message },
                (None, None) => Ended::Ok { result: state.result.filter(|bundle| !is_unit(bundle)) },
            },
        }
    }

    fn compile_error(&self, error: EvcxrError, plan: &Plan, cell: &CellText) -> Ended {
        match error {
            EvcxrError::CompilationErrors(errors) => {
                let generated = self.evcxr.last_source().unwrap_or_default();
                let map = SourceMap::new(&plan.text, &plan.places, &generated);
                let mut messages = Vec::new();
                let mut line = None;
                for error in errors.iter().filter(|error| error.level() != "warning") {
                    let (message, at) = told(error, &map, plan);
                    line = line.or(at);
                    if !messages.contains(&message) {
                        messages.push(message);
                    }
                }
                let more = messages.len().saturating_sub(SHOWN_ERRORS);
                messages.truncate(SHOWN_ERRORS);
                if more > 0 {
                    messages.push(format!("… and {more} more errors"));
                }
                let json = errors.iter().filter(|error| error.level() != "warning").map(|error| &error.json);
                if let Some(text) = corrected(&cell.code, cell.line, json, &map) {
                    messages.push(format!("{OFFER}\n{text}"));
                }
                Ended::CompileError { message: legible(&messages.join("\n\n")), line }
            }
            other => {
                let message = other.to_string();
                let words = match cargo_words(&message).trim() {
                    "" => {
                        "error: the compiler was stopped from outside before it had said anything; run the cell again"
                    }
                    words => words,
                };
                Ended::CompileError { message: words.to_owned(), line: None }
            }
        }
    }

    /// Answers a question about the code of the cells that have run.
    pub(super) fn respond(&mut self, question: Question) -> Response {
        match question {
            Question::Complete { code, cursor } => Response::Completed(self.complete(&code, cursor)),
            Question::Inspect { code, cursor } => Response::Inspected(self.inspect(&code, cursor)),
            Question::Variables => Response::Variables(self.variables()),
            Question::Lock => Response::Lock(std::fs::read_to_string(self.home.compiled_lock()).ok()),
        }
    }

    /// The variables, by name.
    fn variables(&self) -> Vec<Variable> {
        let variables = self.evcxr.variables_and_types();
        let mut variables: Vec<Variable> = variables
            .map(|(name, type_name)| Variable { name: name.to_owned(), type_name: type_name.to_owned() })
            .collect();
        variables.sort();
        variables
    }

    /// The variables that a text names.
    fn variables_in(&self, text: &str) -> Vec<Variable> {
        let named: HashSet<&str> = text.split(|character| !is_word(character)).collect();
        let mut variables = self.variables();
        variables.retain(|variable| named.contains(variable.name.trim_start_matches("r#")));
        variables
    }

    /// What may stand at `cursor`, a byte offset.
    fn complete(&mut self, code: &str, cursor: usize) -> Completed {
        let nothing = Completed { start: cursor, end: cursor, matches: Vec::new() };
        let Some((text, shift)) = without_header(code) else { return nothing };
        if cursor < code.len() - (text.len() - shift) || !code.is_char_boundary(cursor) {
            return nothing;
        }
        let offset = cursor + text.len() - code.len();
        let Ok(found) = self.evcxr.completions(&text, offset) else { return self.names_at(code, cursor) };
        let back = |at: usize| (at + code.len()).saturating_sub(text.len()).min(code.len());
        let mut matches: Vec<Candidate> = found
            .completions
            .into_iter()
            .filter_map(|completion| candidate(&completion.code, completion.kind, completion.label))
            .collect();
        matches.sort();
        // Several functions of one name differ in their labels alone, where a front end has no use for them.
        matches.dedup_by(|one, other| one.text == other.text);
        Completed { start: back(found.start_offset), end: back(found.end_offset), matches }
    }

    /// The names of the cells that begin with the word at `cursor`, for where rust-analyzer does not find its way.
    fn names_at(&self, code: &str, cursor: usize) -> Completed {
        let before = &code[..cursor];
        let start = before
            .rfind(|character: char| !is_word(character))
            .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
        let word = &before[start..];
        let mut matches = Vec::new();
        // What stands behind a dot or two colons is no name of a cell.
        if !before[..start].ends_with(['.', ':']) {
            let named = |kind: &'static str| {
                move |name: &str| Candidate { text: name.to_owned(), kind: kind.to_owned(), label: name.to_owned() }
            };
            let variables = self.evcxr.variables_and_types().map(|(name, _)| name);
            matches.extend(variables.filter(|name| name.starts_with(word)).map(named("instance")));
            matches
                .extend(self.evcxr.defined_item_names().filter(|name| name.starts_with(word)).map(named("function")));
        }
        matches.sort();
        matches.dedup_by(|one, other| one.text == other.text);
        Completed { start, end: cursor, matches }
    }

    /// What is known of the name at `cursor`, a byte offset: plain text and HTML.
    fn inspect(&mut self, code: &str, cursor: usize) -> Option<(String, String)> {
        let end =
            cursor + code.get(cursor..)?.find(|character: char| !is_word(character)).unwrap_or(code.len() - cursor);
        let (text, _) = without_header(code.get(..end)?)?;
        let (plain, html) = self.evcxr.hover_at(&text, text.len()).ok()?;
        let found = !plain.trim().is_empty() && plain != "No documentation found";
        found.then_some((plain, html))
    }
}

/// The end of a cell that was sent half written: nothing of it runs.
///
/// # Errors
/// The cell has a command that is none.
fn unfinished_cell(cell: &CellText) -> Result<Option<Ended>, Error> {
    let header = header(&cell.code, cell.line)?;
    Ok(unfinished(header.body(&cell.code)).map(|found| {
        let line = cell.line + header.lines + found.line + 1;
        let message =
            format!("error: the cell is not finished: {}\n --> cell:{line}:{}", found.words, found.column + 1);
        Ended::CompileError { message, line: Some(line) }
    }))
}

/// A completion as a front end can use it. The analyser offers calls such as `swap(x, y)`, whose placeholders would stay in the cell.
fn candidate(code: &str, kind: &str, label: String) -> Option<Candidate> {
    let text = code.split(['(', '[', '{', ' ']).next().unwrap_or_default();
    let hidden = text.is_empty() || HIDDEN.iter().any(|hidden| text.starts_with(hidden));
    (!hidden).then(|| Candidate { text: text.to_owned(), kind: kind.to_owned(), label })
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Code without the lines above its Rust, behind what keeps evcxr from finding any; and how many bytes that is.
fn without_header(code: &str) -> Option<(String, usize)> {
    let header = header(code, 0).ok()?;
    let start = "/**/";
    Some((format!("{start}{}", header.body(code)), start.len()))
}

/// rustc's colours where they can be told from the red ground that front ends give to errors, in a light and in a dark theme: its bold red, green and
/// yellow are shown as dark shades, its blue and cyan not at all.
fn legible(message: &str) -> String {
    let shades = [("91", "31"), ("92", "32"), ("93", "33")];
    let mut message = message.to_owned();
    for (bright, plain) in shades {
        message = message.replace(&format!("\u{1b}[1m\u{1b}[{bright}m"), &format!("\u{1b}[{plain}m"));
        message = message.replace(&format!("\u{1b}[{bright}m"), &format!("\u{1b}[{plain}m"));
    }
    ["94", "96"].iter().fold(message, |message, pale| message.replace(&format!("\u{1b}[{pale}m"), ""))
}

/// An error in rustc's own words, with the cell's lines; and the first line that it is about.
fn told(error: &CompilationError, map: &SourceMap, plan: &Plan) -> (String, Option<usize>) {
    let rendered = error.rendered();
    if !rendered.is_empty() {
        let spans = error.json["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
        let primary = spans.iter().find(|span| span["is_primary"] == true);
        let line =
            primary.and_then(|span| usize::try_from(span["line_start"].as_u64()?).ok()).and_then(|line| map.line(line));
        return (map.rewrite(&rendered), line);
    }
    // An error that evcxr found by itself, or one within another: its lines are those of the text that it was given.
    let span = error.primary_spanned_message().and_then(|message| message.span);
    let place = span.and_then(|span| Some((plan.places.get(span.start_line.checked_sub(1)?)?, span)));
    let words = error.message();
    let said: Vec<&str> = cargo_words(&words).lines().filter(|line| !is_progress(line)).collect();
    let said = said.join("\n");
    let message = said.trim().trim_start_matches("error: ");
    match place.and_then(|(place, span)| Some((place.line? + 1, place.column + span.start_column))) {
        Some((line, column)) => (format!("error: {message}\n --> cell:{line}:{column}"), Some(line)),
        None => (format!("error: {message}"), None),
    }
}

/// What cargo said, without evcxr's words around it.
fn cargo_words(message: &str) -> &str {
    let words = message.strip_prefix(NO_PARSABLE).unwrap_or(message);
    words.split_once("\nSTDOUT:").map_or(words, |(words, _)| words)
}

/// Whether a line only says what cargo was doing before it failed.
fn is_progress(line: &str) -> bool {
    ["Updating ", "Locking ", "Adding ", "Blocking ", "Downloading "]
        .iter()
        .any(|word| line.trim_start().starts_with(word))
}

fn is_unit(bundle: &Bundle) -> bool {
    matches!(bundle.as_slice(), [(mime, text)] if mime == "text/plain" && text == "()")
}
