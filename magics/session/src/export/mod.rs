//! What exports of artifacts need of the session: how cells are read as magics, and how a server is asked.

mod http;

use kernwerk_lang::{Segment, split};
use kernwerk_promote::Command;

pub(crate) use http::HttpServer;

/// Reads a cell as the commands that a shell has for its magics. The error says in words what else it is.
pub(crate) fn read_magics(cell: &str) -> Result<Vec<Command>, String> {
    let segments = split(cell).map_err(|error| format!("cannot be read: {error}"))?;
    segments.into_iter().filter(|segment| !is_comment(segment)).map(command).collect()
}

fn command(segment: Segment) -> Result<Command, String> {
    match segment {
        Segment::Code { .. } => Err("has code of Rust".to_owned()),
        Segment::Magic(magic) if magic.magic == "kernel" => {
            Err(format!("has `{}`, which only a kernel knows", magic.text))
        }
        Segment::Magic(magic) => Ok(Command {
            words: [magic.magic].into_iter().chain(magic.words).collect(),
            body: magic.body,
            bind: magic.bind,
        }),
    }
}

/// Whether these lines say nothing to a compiler.
fn is_comment(segment: &Segment) -> bool {
    let Segment::Code { text, .. } = segment else { return false };
    text.lines().map(str::trim).all(|line| line.is_empty() || line.starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_magics_is_read_as_commands() {
        let commands = read_magics(
            "// Fares\n%feature source rides \"my rides.csv\" \\\n  --event-time pickup\n%%feature sql -> fares\nSELECT 1",
        );
        let commands = commands.expect("magics");
        assert_eq!(commands[0].words, ["feature", "source", "rides", "my rides.csv", "--event-time", "pickup"]);
        assert_eq!((commands[1].body.as_deref(), commands[1].bind.as_deref()), (Some("SELECT 1"), Some("fares")));
    }

    #[test]
    fn what_is_no_command_is_named() {
        assert_eq!(read_magics("let x = 1;").unwrap_err(), "has code of Rust");
        assert!(read_magics("%kernel vars").unwrap_err().contains("`%kernel vars`"));
    }
}
