//! The magic line: how a cell is split, how a line is read, and what help and completion are made of.
//!
//! A verb is declared once, with clap; parsing, `--help`, "did you mean", completion and the reference page all come from
//! that declaration. This crate knows the machinery and no single verb.

mod complete;
mod language;
mod lexer;
mod reference;
mod split;

pub use complete::{Candidate, Catalogue, Completions, NameKind};
pub use language::{BodyUse, Example, Language, MagicSpec, Parsed, VerbSpec};
pub use lexer::{LineError, MagicLine};
pub use split::{Segment, split};
