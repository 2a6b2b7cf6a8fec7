//! Questions to the user of the notebook.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use crate::display::send;

/// How often an answer is looked for.
const PATIENCE: Duration = Duration::from_millis(20);

/// Asks the user for a line.
///
/// # Errors
/// Nobody can be asked: the notebook runs by itself.
pub fn input(prompt: &str) -> Result<String> {
    ask("application/x-kernwerk-input", prompt)
}

/// Asks the user for a line that is not shown while it is typed.
///
/// # Errors
/// Nobody can be asked: the notebook runs by itself.
pub fn password(prompt: &str) -> Result<String> {
    ask("application/x-kernwerk-password", prompt)
}

pub(crate) fn ask(kind: &str, prompt: &str) -> Result<String> {
    let nobody = || Error::new(ErrorKind::Unsupported, "nobody can be asked here");
    let file = std::env::var_os("KERNWERK_ANSWER").ok_or_else(nobody)?;
    send(kind, prompt);
    loop {
        match std::fs::read_to_string(&file) {
            Ok(answer) => {
                std::fs::remove_file(&file)?;
                return answer.strip_prefix('+').map(str::to_owned).ok_or_else(nobody);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => std::thread::sleep(PATIENCE),
            Err(error) => return Err(error),
        }
    }
}
