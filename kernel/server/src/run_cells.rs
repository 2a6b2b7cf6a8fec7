//! `kernwerk run-cells`: cells in a fresh process, one JSON line in and one JSON line a cell out.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, Write};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernwerk_cell::{Confinement, ProgramCell, ProgramPart, Proxy};
use kernwerk_core::{Cancel, CellOutcome, CellStatus, Problem, ProgramTold, RunCell, RunRequest};
use kernwerk_lang::{Segment, split};
use kernwerk_session::{Options, enter_step};
use serde::Serialize;

use crate::Error;
use crate::engine::{Cell, Engine, Unseen};
use crate::executor::{Executor, Report};
use crate::log::log;

/// How often this process looks whether its parent is still there.
const PARENT_INTERVAL: Duration = Duration::from_millis(500);

/// Reads a [`RunRequest`] from standard input, runs its cells through `program`'s parts, and writes a [`CellOutcome`] a cell to
/// standard output. Ends after the first cell that fails and may not; that is no error.
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
    let executor = Executor::confined(options, confinement(&request));
    let result =
        run_all(&executor, &request, &mut outcomes).and_then(|cells| write_program(&request, cells, &mut outcomes));
    executor.shutdown();
    result
}

/// What the cells find around them. Their home is an empty directory.
fn confinement(request: &RunRequest) -> Confinement {
    let home = request.lab.join(".kernwerk").join("home");
    let environment = request.surroundings.environment(std::env::vars_os(), &home);
    let text = |text: OsString| text.into_string().ok();
    let environment = environment.into_iter().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
    let proxy = request.proxy.as_ref();
    let proxy = proxy.map(|proxy| Proxy { socket: proxy.requests.clone(), authority: proxy.authority.clone() });
    Confinement { environment, home, network: request.surroundings.network, proxy }
}

/// Runs the cells; where a program is wanted, gives them as its parts, if all have run.
fn run_all(executor: &Executor, request: &RunRequest, outcomes: &mut impl Write) -> Result<Vec<ProgramCell>, Problem> {
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
            return Ok(Vec::new());
        }
        if request.program.is_some() {
            let parts = split(&cell.source)?.into_iter().filter_map(part).collect();
            cells.push(ProgramCell { step: cell.ordinal, parts, variables: executor.variables()? });
        }
    }
    Ok(cells)
}

/// Writes the cells as a program where one is wanted, and tells what became of it.
fn write_program(request: &RunRequest, cells: Vec<ProgramCell>, outcomes: &mut impl Write) -> Result<(), Problem> {
    let Some(wanted) = request.program.as_ref().filter(|_| cells.len() == request.cells.len()) else { return Ok(()) };
    let told = match kernwerk_cell::write_program(wanted, &cells)? {
        Ok(()) => ProgramTold::Written,
        Err(reason) => ProgramTold::Refused(reason),
    };
    tell(outcomes, &told)
}

fn part(segment: Segment) -> Option<ProgramPart> {
    match segment {
        Segment::Code { text, .. } => Some(ProgramPart::Code(text)),
        Segment::Magic(magic) => magic.bind.map(ProgramPart::Bound),
    }
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
    let Report { status, failure, outputs, summary } =
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
