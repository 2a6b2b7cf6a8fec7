//! The plain data that every room of the house shares: outputs, events, cancellation, usage, cell records, and the traits
//! behind which models, runners and targets of evaluation stand. No I/O, no runtime, no wire types.

mod answer;
mod cancel;
mod cell;
mod document;
mod event;
mod model;
mod near;
mod output;
mod parameter;
mod problem;
mod run;
mod rust;
mod shown;
mod surroundings;
mod target;
mod usage;

pub use answer::{Citation, CitedAnswer, CitedSentence};
pub use cancel::{Cancel, Cancelled};
pub use cell::{
    Access, Captured, CellId, CellStatus, Channel, Effect, Language, Names, PythonNames, Resource, Sharing,
};
pub use document::{Document, Hunk, Line, Lines, Part, Picture, Pictures, Section, Side};
pub use event::{Event, Events, Silent, Work};
pub use model::{Embedded, Embedder, ModelError, ModelId};
pub use near::{did_you_mean, listed, name_hint, near};
pub use output::{Body, Output, Table, Value, Verdict};
pub use parameter::{Parameter, ParameterType, ParameterValue};
pub use problem::Problem;
pub use run::{
    BoundValue, Cassette, CellOutcome, CrateLock, Environment, Exchanged, GivenTable, Pin, ProgramRequest, ProgramTold,
    ProxyAddress, PythonTold, RunCell, RunError, RunRequest, RunResult, Runner, RustTold, Unanswered,
};
pub use rust::{Implementation, Receiver, RustNames, Touch};
pub use shown::{Shown, ShownForm, StoredCell, StoredNotebook};
pub use surroundings::{Network, Surroundings};
pub use target::{Answered, Answerer, Basis, Question, Ranked, Retrieved, Retriever};
pub use usage::Usage;
