//! The messages between the kernel, the cell host, and the processes that run cells: plain data in length-prefixed JSON frames.

mod call;
mod frame;
mod host;
mod worker;

pub use call::{Call, ENGINE_SOCKET, ENGINE_TOKEN, Given, Wanted};
pub use frame::{LIMIT, read, write};
pub use host::{
    Binding, BoundTo, Candidate, CellStart, CellText, Completed, Confinement, CrateLock, Ended, Event, Phases, Proxy,
    Question, Request, Response, Variable,
};
pub use worker::{Answer, Command, Happened, Kept, Report, Snapshot, Spilled};

/// One output in several representations: pairs of a MIME type and its text (base64 for binary ones).
pub type Bundle = Vec<(String, String)>;
