//! A verb in a shell: results on standard output, words and progress on standard error.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kernwerk_core::{Cancel, CellStatus, Language, Names, Output, Problem, Verdict, Work};
use kernwerk_lang::{BodyUse, MagicLine};
use kernwerk_session::{CellStart, Live, Options, Reply, RunningCell, Session, language};

use crate::interrupt::cancel_on_interrupt;
use crate::progress::Terminal;
use crate::words::{Format, Invocation};

/// How often an answer that is followed is asked again.
const PACE: Duration = Duration::from_secs(1);
/// How often who follows looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// What `kernwerk` says of itself.
pub fn overview() -> String {
    let magics: Vec<String> =
        language().magics.iter().map(|magic| format!("  {:10} {}", magic.name, magic.about)).collect();
    format!(
        "Kernwerk: features, retrieval, evaluation, promotion and cost, where the work happens.\n\n\
         Usage: kernwerk MAGIC VERB [arguments] [--options]\n\n{}\n  {:10} the Jupyter kernel: install, uninstall, prepare\n\n\
         Every verb takes\n  --lab DIR         the lab's root; else it is searched from here upwards\n  \
         --principal NAME  for whom to work; else for nobody\n  --format FORMAT   text, json, csv, arrow or html\n  \
         --body FILE       the body of a verb that has one; else it is read from standard input\n  \
         --with NAME=VALUE a value for `$NAME` in SQL; NAME:TYPE=VALUE says its type\n  \
         --bind NAME=FILE  a variable: the table in an Arrow file, such as `--format arrow` writes\n\n\
         `kernwerk MAGIC --help` lists the verbs of a magic, `kernwerk MAGIC VERB --help` tells all of one.",
        magics.join("\n"),
        "kernel"
    )
}

/// Runs the verb that `invocation` names.
pub fn run(invocation: Invocation) -> Result<ExitCode, Problem> {
    let line = magic_line(&invocation)?;
    let directory = std::env::current_dir()
        .map_err(|error| Problem::new("NoDirectory", format!("the working directory cannot be read: {error}")))?;
    let session = Session::open(Options {
        lab: invocation.lab.as_ref().map(|lab| absolute(&directory, lab)),
        directory,
        principal: invocation.principal.clone(),
        notebook: None,
        program: crate::program()?,
        pins: Vec::new(),
        parameters: std::collections::BTreeMap::new(),
    })?;
    session.set_parameters(&invocation.with)?;
    let work = Work::new(cancel_on_interrupt(), Arc::new(Terminal::new()));
    let cell = session.begin_cell(CellStart {
        execution_count: 1,
        language: Language::Rust,
        text: line.text.clone(),
        names: Names::default(),
        cell: None,
    });
    let result = bind(&invocation.bind, &session, &cell).and_then(|()| session.run(&line, &cell, &work));
    session.finish_cell(cell, status(&result), &[]);
    for warning in session.take_warnings() {
        eprintln!("{warning}");
    }
    let Reply { output, live, .. } = result?;
    let is_read = write(&output, invocation.format)?;
    if let Some(Live::Follow(answer)) = live {
        if is_read {
            follow(output, answer.as_ref(), invocation.format, &work.cancel)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    Ok(match output.verdict {
        Verdict::Passed => ExitCode::SUCCESS,
        Verdict::Failed => ExitCode::from(1),
        Verdict::Undecided => ExitCode::from(2),
    })
}

/// Gives the verb the variables of the command line.
fn bind(words: &[String], session: &Session, cell: &RunningCell) -> Result<(), Problem> {
    for word in words {
        let parts = word.split_once('=').filter(|(name, file)| !name.is_empty() && !file.is_empty());
        let (name, file) = parts.ok_or_else(|| {
            Problem::new("BadArguments", format!("`--bind {word}` names no file for a variable"))
                .with_hint("write NAME=FILE, such as `--bind rides=rides.arrow`")
        })?;
        session.give(name, &session.directory().join(file), cell)?;
    }
    Ok(())
}

/// Writes the answer again whenever it has changed, until somebody interrupts: that is how it ends, and no failure.
fn follow(
    mut shown: Output,
    answer: &(dyn Fn() -> Result<Output, Problem> + Send + Sync),
    format: Format,
    cancel: &Cancel,
) -> Result<(), Problem> {
    let mut asked = Instant::now();
    while !cancel.is_cancelled() {
        std::thread::sleep(LOOK);
        if asked.elapsed() < PACE {
            continue;
        }
        asked = Instant::now();
        let now = answer()?;
        if now != shown {
            if !write(&now, format)? {
                return Ok(());
            }
            shown = now;
        }
    }
    Ok(())
}

fn status<T>(result: &Result<T, Problem>) -> CellStatus {
    match result {
        Ok(_) => CellStatus::Ok,
        Err(problem) if problem.is_interrupt() => CellStatus::Interrupted,
        Err(_) => CellStatus::Error,
    }
}

/// A lab's root as it will be found: with links resolved where it exists.
fn absolute(directory: &Path, lab: &Path) -> std::path::PathBuf {
    let path = directory.join(lab);
    path.canonicalize().unwrap_or(path)
}

/// The command line as the magic line that a notebook would hold.
fn magic_line(invocation: &Invocation) -> Result<MagicLine, Problem> {
    let mut words = invocation.words.iter().cloned();
    let magic = words.next().unwrap_or_default();
    let words: Vec<String> = words.collect();
    let verb = language().find(&magic, &words).map(|(verb, _)| &language().verbs[verb]);
    let asks_help = words.iter().any(|word| word == "--help" || word == "-h");
    let body = match (&invocation.body, verb.map(|verb| verb.body)) {
        (Some(file), _) if file != Path::new("-") => Some(body_file(file)?),
        (Some(_), _) => Some(standard_input()?),
        (None, Some(BodyUse::Required(_))) if !asks_help => Some(standard_input()?),
        _ => None,
    };
    let percents = if body.is_some() { "%%" } else { "%" };
    let quoted: Vec<String> = words.iter().map(|word| quote(word)).collect();
    let text = format!("{percents}{magic} {}", quoted.join(" "));
    // The shell has taken its own quotes off, and what is left is meant.
    Ok(MagicLine { text, magic, written: words.clone(), words, bind: None, body, line: 0 })
}

fn quote(word: &str) -> String {
    if !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '"' || c == '\'') {
        return word.to_owned();
    }
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

fn body_file(file: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(file)
        .map_err(|error| Problem::new("UnreadableBody", format!("{}: {error}", file.display())))
}

fn standard_input() -> Result<String, Problem> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Problem::new("UnreadableBody", format!("standard input: {error}")))?;
    Ok(text)
}

/// Writes a result to standard output; whether somebody still reads there.
fn write(output: &Output, format: Format) -> Result<bool, Problem> {
    let bytes = match format {
        Format::Text => with_newline(kernwerk_render::text(output)),
        Format::Html => with_newline(kernwerk_render::html(output)),
        Format::Json => with_newline(kernwerk_render::json(output)?),
        Format::Csv => kernwerk_render::csv(output)?.into_bytes(),
        Format::Arrow => kernwerk_render::arrow_stream(output)?,
    };
    if !matches!(format, Format::Text | Format::Html) {
        for words in output.title.iter().chain(&output.notes) {
            eprintln!("{words}");
        }
    }
    match std::io::stdout().write_all(&bytes).and_then(|()| std::io::stdout().flush()) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        other => {
            other.map(|()| true).map_err(|error| Problem::new("UnwritableOutput", format!("standard output: {error}")))
        }
    }
}

fn with_newline(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    if !bytes.is_empty() {
        bytes.push(b'\n');
    }
    bytes
}
