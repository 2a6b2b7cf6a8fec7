//! Code that may give something else each time although nothing that a key knows has changed: it asks the network, another
//! program, the environment or the calendar. What it gave is not taken for what it gives.

use std::collections::BTreeSet;

use crate::pipeline::StepRecord;

/// Words of Rust and Python that have to do with these. Chance and the clock within a day are left to the proof run, which sees them.
const WORDS: &[&str] = &[
    // The network.
    "TcpStream",
    "UdpSocket",
    "UnixStream",
    "aiohttp",
    "curl",
    "http",
    "httpx",
    "hyper",
    "net",
    "requests",
    "reqwest",
    "socket",
    "ureq",
    "urllib",
    "urlopen",
    // Other programs.
    "Command",
    "Popen",
    "popen",
    "subprocess",
    "system",
    // The environment.
    "env",
    "environ",
    "getenv",
    // The calendar.
    "Local",
    "SystemTime",
    "asctime",
    "ctime",
    "gmtime",
    "localtime",
    "strftime",
    "time_ns",
    "Utc",
    "now",
    "today",
    "utcnow",
];

/// For each step, why its results are not to be taken from another run; none where they may be. What such a step gives
/// reaches the steps that need it.
pub(super) fn outside(steps: &[StepRecord], texts: &[String]) -> Vec<Option<String>> {
    let mut found: Vec<Option<String>> = Vec::new();
    for (step, text) in steps.iter().zip(texts) {
        let own = if step.magics { None } else { reason(text) };
        let needed = || step.needs.iter().find(|need| found.get(index(**need)).is_some_and(Option::is_some));
        found.push(own.or_else(|| needed().map(|need| format!("it needs cell {need}, which runs each time"))));
    }
    found
}

fn index(step: u32) -> usize {
    step.saturating_sub(1) as usize
}

fn reason(text: &str) -> Option<String> {
    if text.lines().any(|line| line.trim_start().starts_with('!')) {
        return Some("it runs a command, so it runs each time".to_owned());
    }
    let words: BTreeSet<&str> =
        text.split(|character: char| !character.is_alphanumeric() && character != '_').collect();
    let word = WORDS.iter().find(|word| words.contains(*word))?;
    Some(format!("it has to do with `{word}`, so it runs each time"))
}
