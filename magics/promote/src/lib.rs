//! Promotion: from the record of a notebook's cells to a versioned artifact that anybody can run again.
//!
//! - [`plan`] slices the record backwards from a target: which cells it needs and for what, and what comes from outside.
//! - [`publish`] proves the slice by running it in a fresh process that sees nothing but its declared inputs, and writes
//!   `pipelines/NAME/VERSION/`: plain files, whose digests are the artifact's identity.
//! - Before that it asks the gates ([`GateReport`]): secrets, staleness, licences and their like. A required one that does not pass
//!   stops it, with nothing written.
//! - [`stage`], [`rollback`] and their like say which version is in use, in a history that only grows.
//! - [`prune`] removes the versions and runs that nobody relies on, and the history says so.
//! - [`export`] gives an artifact the form of another tool.
//! - [`replay`] runs an artifact again and says cell by cell at which level its outputs agree; [`replay_notebook`] does so with a
//!   notebook that nobody published.
//! - [`execute`] runs its pipeline on what its inputs are now, with other values of its parameters, and keeps a record.
//!
//! Nothing here runs code: that is the part of a [`kernwerk_core::Runner`].

mod artifact;
mod attested;
mod bundle;
mod card;
mod cassette;
mod catalog;
mod cause;
mod compare;
mod damage;
mod describe;
mod diff;
mod disk;
mod environment;
mod error;
mod execution;
mod export;
mod facts;
mod files;
mod frame;
mod gates;
mod holding;
mod inputs;
mod judge;
mod known;
mod licence;
mod lock;
mod machine;
mod mirror;
mod names;
mod network;
mod notebook;
mod parameters;
mod pipeline;
mod plan;
mod proof;
mod publish;
mod python;
mod reason;
mod recorded;
mod recording;
mod recover;
mod registry;
mod replay;
mod retention;
mod run;
mod running;
mod sbom;
mod sealed;
mod slice;
mod stale;
mod target;
mod trust;
mod vendor;
mod verify;

pub use artifact::{Location, Manifest, ManifestFile, Reference, Which, is_published};
pub use card::{Card, card};
pub use cassette::PinnedCassette;
pub use catalog::{Listed, Shown, Summary, list, references, show, target};
pub use compare::{Agreement, Level};
pub use describe::describe;
pub use diff::{
    CellChange, Change, ColumnChange, Diff, DiffSide, FileDiff, InputDiff, InputPin, MatchedBy, NumberChange,
    OutputDiff, RowChange, StepChange, StepDiff, TableDiff, ValueChange, compared, diff, readable,
};
pub use disk::{Disk, FileState, file_version};
pub use environment::PinnedEnvironment;
pub use error::Error;
pub use execution::Execution;
pub use export::{
    Command, ExportSpec, Exported, Form, Method, MlflowServer, ReadMagics, Request, Response, Tracked, Unanswered,
    export, export_crate, track,
};
pub use gates::{Demand, Finding, GateReport, GateSpec, State, judge_published, mask, masked, must_pass};
pub use inputs::is_of_lab;
pub use judge::{CellReport, Compared};
pub use known::Known;
pub use licence::CrateSources;
pub use lock::PinnedRust;
pub use machine::Machine;
pub use notebook::{CellOrder, NotebookReplay, NotebookSpec, is_notebook, replay_notebook};
pub use parameters::ReadParameters;
pub use pipeline::{
    BindingReference, MadeWith, OutputReference, PinnedInput, PinnedParameter, Pipeline, StepRecord, TargetStep, Trace,
};
pub use plan::{Aim, Input, Kept, LeftOut, Plan, PlanSpec, Reason, plan, plan_log};
pub use proof::{Proof, ProofCell};
pub use publish::{PublishSpec, Published, judge_target, publish};
pub use python::PinnedPython;
pub use reason::{Why, WhyNot};
pub use recover::{Gone, Lost, Recovery, Rerun};
pub use registry::{
    Action, Approval, Approved, Author, Event, History, Holder, PRODUCTION, Registry, Removal, Signed, accept_gone,
    alias, approve, approve_signed, history, registry, restore, rollback, stage, unalias, withdraw,
};
pub use replay::{FindModel, InstalledModel, Replay, ReplaySpec, replay, tally};
pub use retention::{Fate, PruneSpec, Pruning, prune, survey};
pub use running::{
    KeptOutput, Metrics, ResultFile, ResultKind, Run, RunCassette, RunInput, RunParameter, RunRecord, RunResult,
    RunSpec, RunStatus, RunStep, StepStatus, execute, result_kind, runs,
};
pub use sbom::sbom;
pub use stale::{Cause, Stale, StaleRead, Watch, is_same};
pub use target::Target;
pub use trust::{PublicKey, SigningKey, Trust, is_signed, owner, sign};
pub use vendor::{Vendored, vendor};
pub use verify::{Verification, verify};
