//! Passes on what supervisor and builds report.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use kernwerk_wire::{Answer, Bundle, Event, Kept, Report};

use super::link::{Link, Panic};
use crate::home::Home;

/// Listens for supervisors (there is a new one after each crash) and for builds.
pub(super) fn listen(home: &Home, link: &Arc<Link>) -> io::Result<()> {
    let listener = UnixListener::bind(home.socket())?;
    let (link, home) = (Arc::clone(link), home.clone());
    std::thread::spawn(move || {
        for line in listener.incoming().map_while(Result::ok) {
            let (link, home) = (Arc::clone(&link), home.clone());
            // A line that breaks is a process that died; evcxr notices by itself.
            std::thread::spawn(move || relay(&link, &home, line));
        }
    });
    Ok(())
}

fn relay(link: &Link, home: &Home, mut line: UnixStream) -> io::Result<()> {
    while let Some(report) = kernwerk_wire::read(&mut line)? {
        if let Some(answer) = pass_on(link, home, report)? {
            kernwerk_wire::write(&mut line, &answer)?;
        }
    }
    Ok(())
}

fn pass_on(link: &Link, home: &Home, report: Report) -> io::Result<Option<Answer>> {
    match report {
        Report::Ready { supervisor, worker } => {
            link.state().worker = Some(worker);
            link.tell(&Event::Processes(vec![std::process::id(), supervisor, worker]))?;
        }
        Report::Running => link.runs(home),
        Report::Loaded => link.state().stopwatch.running(),
        Report::Stdout(text) => link.tell(&Event::Stdout(text))?,
        Report::Stderr(text) => link.tell(&Event::Stderr(text))?,
        Report::Display(bundle) => show(link, bundle)?,
        Report::Trailing => link.state().trailing = true,
        Report::Input { prompt, password } => {
            return link.ask(prompt, password).map(|answer| Some(Answer::Input(answer)));
        }
        Report::Failed { message } => link.state().failed = Some(message),
        Report::Panicked { message, file, line } => {
            link.state().panic = Some(Panic { message, file, line: line as usize })
        }
        Report::Note(text) => link.tell(&Event::Note(text))?,
        Report::Progress { task, done, total } => link.tell(&Event::Progress { task, done, total })?,
        Report::Done => {
            link.runs_no_more();
            return Ok(Some(Answer::Seen));
        }
        Report::Died { reason } => {
            link.runs_no_more();
            let mut state = link.state();
            state.worker = None;
            state.died = Some((reason, Kept::Nothing));
            return Ok(Some(Answer::Seen));
        }
        Report::Replaced { supervisor, worker, in_cell, reason, kept } => {
            link.runs_no_more();
            link.tell(&Event::Processes(vec![std::process::id(), supervisor, worker]))?;
            {
                let mut state = link.state();
                state.worker = Some(worker);
                state.forgets |= matches!(kept, Kept::Some { .. });
                if in_cell {
                    state.died = Some((reason, kept));
                    return Ok(Some(Answer::Seen));
                }
            }
            // Nobody asked for anything: it is told with the next cell.
            link.tell(&Event::Replaced { reason, kept })?;
            return Ok(Some(Answer::Seen));
        }
    }
    Ok(None)
}

/// Shows an output; the last one of the trailing expression is the cell's result.
fn show(link: &Link, bundle: Bundle) -> io::Result<()> {
    let earlier = {
        let mut state = link.state();
        if !state.at_work {
            // evcxr runs a cell of its own when it starts.
            None
        } else if state.trailing {
            state.result.replace(bundle)
        } else {
            Some(bundle)
        }
    };
    earlier.map_or(Ok(()), |bundle| link.tell(&Event::Display(bundle)))
}
