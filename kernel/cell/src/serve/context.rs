//! evcxr's context: runs a cell, and says in our words how it ended.

use std::sync::Arc;
use std::time::Instant;

use evcxr::{CommandContext, CompilationError, Error as EvcxrError, EvalContext};
use kernwerk_wire::{Bundle, CellText, Completed, Ended, Event, Phases};

use super::diagnostics::{SourceMap, is_generated};
use super::link::{Link, State};
use super::stopwatch::microseconds;
use crate::build::{Cache, Loaded};
use crate::error::Error;
use crate::home::Home;
use crate::text::{Plan, header};

/// Compile errors that are shown at most.
const SHOWN_ERRORS: usize = 20;
/// Begins evcxr's words when cargo failed.
const NO_PARSABLE: &str = "Compilation failed, but no parsable errors were found. STDERR:\n";
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
        let begun = Instant::now();
        let cache = Cache::at(&self.home.cache, &self.home.sources);
        let plan = Plan::new(cell, self.loaded, &cache.pinned(), &self.home.directory)?;
        self.link.state().at_work = true;
        let outcome = self.evcxr.execute(&plan.text);
        if outcome.is_ok() {
            self.loaded = plan.loaded;
        }
        let state = std::mem::take(&mut *self.link.state());
        self.link.state().worker = state.worker;
        let phases = state.stopwatch.phases();
        let ended = self.ended(outcome.map(|_| ()), state, &plan);
        // A kernel that is gone is noticed by the answer.
        let _ = self.link.tell(&Event::Timing(Phases { total: Some(microseconds(begun.elapsed())), ..phases }));
        Ok(ended)
    }

    fn ended(&self, outcome: Result<(), EvcxrError>, state: State, plan: &Plan) -> Ended {
        // A cell that was kept from beginning counts as panicked. One that came to its end in spite of the interrupt did.
        if state.interrupted && (outcome.is_err() || state.died.is_some() || state.panic.is_some()) {
            return Ended::Interrupted { state_lost: state.died.is_some() };
        }
        if let Some(reason) = state.died {
            return Ended::Crashed { reason: format!("the process that runs cells {reason}") };
        }
        match outcome {
            Err(error) => self.compile_error(error, plan),
            Ok(()) => match (state.panic, state.failed) {
                (Some(panic), _) => {
                    let line = if is_generated(&panic.file) { self.source_map(plan).line(panic.line) } else { None };
                    Ended::Panic { message: panic.message, line }
                }
                (None, Some(message)) => Ended::Failed { message },
                (None, None) => Ended::Ok { result: state.result.filter(|bundle| !is_unit(bundle)) },
            },
        }
    }

    fn source_map(&self, plan: &Plan) -> SourceMap {
        let generated = self.evcxr.last_source().unwrap_or_default();
        SourceMap::new(&plan.text, &plan.places, &generated)
    }

    fn compile_error(&self, error: EvcxrError, plan: &Plan) -> Ended {
        match error {
            EvcxrError::CompilationErrors(errors) => {
                let map = self.source_map(plan);
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
                Ended::CompileError { message: messages.join("\n\n"), line }
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

    /// What may stand at `cursor`, a byte offset.
    pub(super) fn complete(&mut self, code: &str, cursor: usize) -> Completed {
        let nothing = Completed { start: cursor, end: cursor, matches: Vec::new() };
        let Some((text, shift)) = without_header(code) else { return nothing };
        if cursor < code.len() - (text.len() - shift) || !code.is_char_boundary(cursor) {
            return nothing;
        }
        let offset = cursor + text.len() - code.len();
        let Ok(found) = self.evcxr.completions(&text, offset) else { return nothing };
        let back = |at: usize| (at + code.len()).saturating_sub(text.len()).min(code.len());
        let mut matches: Vec<String> = found.completions.into_iter().map(|completion| completion.code).collect();
        matches.retain(|name| !HIDDEN.iter().any(|hidden| name.starts_with(hidden)));
        matches.sort();
        matches.dedup();
        Completed { start: back(found.start_offset), end: back(found.end_offset), matches }
    }

    /// What is known of the name at `cursor`, a byte offset: plain text and HTML.
    pub(super) fn inspect(&mut self, code: &str, cursor: usize) -> Option<(String, String)> {
        let end = cursor
            + code
                .get(cursor..)?
                .find(|character: char| !(character.is_alphanumeric() || character == '_'))
                .unwrap_or(code.len() - cursor);
        let (text, _) = without_header(code.get(..end)?)?;
        let (plain, html) = self.evcxr.hover_at(&text, text.len()).ok()?;
        let found = !plain.trim().is_empty() && plain != "No documentation found";
        found.then_some((plain, html))
    }
}

/// Code without the lines above its Rust, behind what keeps evcxr from finding any; and how many bytes that is.
fn without_header(code: &str) -> Option<(String, usize)> {
    let header = header(code, 0).ok()?;
    let skipped: usize = code.split_inclusive('\n').take(header.lines).map(str::len).sum();
    let start = "/**/";
    Some((format!("{start}{}", &code[skipped..]), start.len()))
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
    let message = cargo_words(&error.message()).trim().to_owned();
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

fn is_unit(bundle: &Bundle) -> bool {
    matches!(bundle.as_slice(), [(mime, text)] if mime == "text/plain" && text == "()")
}
