//! `kernwerk run-cells`: cells in a fresh process, one JSON line in and one JSON line a cell out.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernwerk_cell::{Confinement, CrateLock, ProgramCell, ProgramPart, Proxy};
use kernwerk_core::{Cancel, CellOutcome, CellStatus, Parameter, Problem, ProgramTold, RunCell, RunRequest, RustTold};
use kernwerk_lang::{Segment, split};
use kernwerk_session::{Options, enter_step, parameters_of};
use serde::Serialize;

use crate::Error;
use crate::engine::{Cell, Engine, Unseen};
use crate::executor::{Executor, Report};
use crate::log::log;

/// How often this process looks whether its parent is still there.
const PARENT_INTERVAL: Duration = Duration::from_millis(500);

/// Reads a [`RunRequest`] from standard input, runs its cells through `program`'s parts, and writes a [`CellOutcome`] a cell to
/// standard output; behind the last, which crates they were compiled with. Ends after the first cell that fails and may not; that is no error.
///
/// # Errors
/// There is no such request, its directory cannot be entered, or nobody takes the outcomes.
pub fn run_cells(program: PathBuf) -> Result<(), Problem> {
    let mut outcomes = take_stdout().map_err(Error::Outcome)?;
    std::thread::spawn(end_with_parent);
    let request = read_request()?;
    std::env::set_current_dir(&request.directory).map_err(|error| {
        Error::RunRequest(format!("its directory {} cannot be entered: {error}", request.directory.display()))
    })?;
    let options = Options {
        directory: request.directory.clone(),
        lab: Some(request.lab.clone()),
        principal: request.principal.clone(),
        notebook: None,
        program,
        pins: request.pins.clone(),
        parameters: request.parameters.clone(),
    };
    let executor = Executor::confined(options, confinement(&request), lock(&request), request.shown);
    let result = run_to_the_end(&executor, &request, &mut outcomes);
    executor.shutdown();
    result
}

/// Runs the cells, and where all have run, tells what there is to tell of them as a whole.
fn run_to_the_end(executor: &Executor, request: &RunRequest, outcomes: &mut impl Write) -> Result<(), Problem> {
    let Some(cells) = run_all(executor, request, outcomes)? else { return Ok(()) };
    tell(outcomes, &RustTold { lock: executor.lock()? })?;
    write_program(request, &cells, outcomes)
}

/// The versions of crates that the cells are compiled with.
fn lock(request: &RunRequest) -> Option<CrateLock> {
    let lock = request.lock.clone()?;
    Some(CrateLock { text: lock.text, is_exact: lock.is_exact, packed: lock.packed })
}

/// What the cells find around them. Their home is an empty directory.
fn confinement(request: &RunRequest) -> Confinement {
    let home = request.lab.join(".kernwerk").join("home");
    let environment = request.surroundings.environment(std::env::vars_os(), &home);
    let text = |text: OsString| text.into_string().ok();
    let environment = environment.into_iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let proxy = request.proxy.as_ref();
    let proxy = proxy.map(|proxy| Proxy {
        socket: proxy.requests.clone(),
        authority: proxy.authority.clone(),
        password: proxy.password.clone(),
    });
    Confinement { environment, home, network: request.surroundings.network, proxy }
}

/// Runs the cells, and gives them as the parts of a program, where one is wanted; none where not all have run.
fn run_all(
    executor: &Executor,
    request: &RunRequest,
    outcomes: &mut impl Write,
) -> Result<Option<Vec<ProgramCell>>, Problem> {
    let mut given = request.given.iter().peekable();
    let mut cells = Vec::new();
    for cell in &request.cells {
        while let Some(table) = given.next_if(|table| table.ordinal <= cell.ordinal) {
            executor.give(&table.name, &table.path, table.ordinal)?;
        }
        if let Some(proxy) = &request.proxy {
            enter_step(&proxy.steps, cell.ordinal).map_err(Error::Proxy)?;
        }
        let outcome = run_one(executor, cell)?;
        tell(outcomes, &outcome)?;
        if outcome.status != CellStatus::Ok && !cell.may_fail {
            return Ok(None);
        }
        if request.program.is_some() {
            let mut parts = Vec::new();
            for segment in split(&cell.source)? {
                parts.extend(parts_of(segment, &outcome.parameters, &request.cells));
            }
            cells.push(ProgramCell { step: cell.ordinal, parts, variables: executor.variables()? });
        }
    }
    Ok(Some(cells))
}

/// Writes the cells as a program where one is wanted, and tells what became of it.
fn write_program(request: &RunRequest, cells: &[ProgramCell], outcomes: &mut impl Write) -> Result<(), Problem> {
    let Some(wanted) = &request.program else { return Ok(()) };
    let told = match kernwerk_cell::write_program(wanted, cells, lock(request).as_ref())? {
        Ok(()) => ProgramTold::Written,
        Err(reason) => ProgramTold::Refused(reason),
    };
    tell(outcomes, &told)
}

/// What a program has of a part of a cell, which declared these parameters.
fn parts_of(segment: Segment, parameters: &[Parameter], cells: &[RunCell]) -> Vec<ProgramPart> {
    match segment {
        Segment::Code { text, .. } => vec![ProgramPart::Code(text)],
        Segment::Magic(magic) => {
            let names = parameters_of(&magic);
            let declared = parameters.iter().filter(|parameter| names.contains(&parameter.name));
            let declared = declared.map(|parameter| {
                let is_fixed = cells.iter().any(|cell| is_asked(&cell.source, &parameter.name));
                ProgramPart::Parameter { parameter: parameter.clone(), is_fixed }
            });
            declared.chain(magic.bind.map(ProgramPart::Bound)).collect()
        }
    }
}

/// Whether a cell has a magic that reads the parameter, as SQL does by `$name`.
fn is_asked(source: &str, name: &str) -> bool {
    let reads = |text: &String| {
        let places = text.match_indices('$').map(|(at, _)| &text[at + 1..]);
        places
            .filter_map(|rest| rest.strip_prefix(name))
            .any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    };
    split(source).unwrap_or_default().iter().any(|segment| match segment {
        Segment::Magic(magic) => magic.words.iter().chain(&magic.body).any(reads),
        Segment::Code { .. } => false,
    })
}

fn tell(outcomes: &mut impl Write, what: &impl Serialize) -> Result<(), Problem> {
    let mut line = serde_json::to_string(what).map_err(|error| Error::Outcome(error.into()))?;
    line.push('\n');
    outcomes.write_all(line.as_bytes()).and_then(|()| outcomes.flush()).map_err(Error::Outcome)?;
    Ok(())
}

/// A cell's failure is part of its outcome; only where there was no session to run it in is it an error of the run.
fn run_one(executor: &Executor, cell: &RunCell) -> Result<CellOutcome, Problem> {
    let to_run = Cell { code: &cell.source, execution_count: cell.ordinal, id: None };
    let Report { status, failure, outputs, shown, summary } =
        executor.run_cell_for(to_run, &cell.values, Arc::new(Unseen { note: |line| log(line) }), &Cancel::new());
    if let Some(failure) = &failure {
        log(format!("cell {}: {}: {}", cell.ordinal, failure.name, failure.message));
    }
    match (summary, failure) {
        (Some(summary), _) => Ok(CellOutcome {
            ordinal: cell.ordinal,
            status,
            outputs,
            bindings: summary.bindings,
            effects: summary.effects,
            parameters: summary.parameters,
            shown,
            wall_seconds: summary.wall_seconds,
        }),
        (None, Some(failure)) => Err(Problem::new(failure.name, failure.message)),
        (None, None) => Err(Problem::new("InternalError", "a cell ended without an outcome")),
    }
}

fn read_request() -> Result<RunRequest, Error> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(|error| Error::RunRequest(error.to_string()))?;
    serde_json::from_str(&line).map_err(|error| Error::RunRequest(error.to_string()))
}

/// Who asked for the cells is gone, so nobody takes the rest: ends this process, and with it the cell host below it.
fn end_with_parent() {
    let parent = parent_id();
    while parent_id() == parent {
        std::thread::sleep(PARENT_INTERVAL);
    }
    std::process::exit(1);
}

/// Standard output, for the outcomes alone: whatever else this process or its children print goes to standard error.
fn take_stdout() -> io::Result<File> {
    let checked = |result: i32| if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) };
    // SAFETY: the calls take and return file descriptors and touch no memory. The new descriptor belongs to nobody else.
    unsafe {
        let outcomes = checked(libc::fcntl(io::stdout().as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3))?;
        let outcomes = File::from_raw_fd(outcomes);
        checked(libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO))?;
        Ok(outcomes)
    }
}
