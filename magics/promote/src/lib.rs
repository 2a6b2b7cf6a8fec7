//! Promotion: from the record of a notebook's cells to a versioned artifact that anybody can run again.
//!
//! - [`plan`] slices the record backwards from a target: which cells it needs and for what, and what comes from outside.
//! - [`publish`] proves the slice by running it in a fresh process that sees nothing but its declared inputs, and writes
//!   `pipelines/NAME/VERSION/`: plain files, whose digests are the artifact's identity.
//! - [`stage`], [`rollback`] and their like say which version is in use, in a history that only grows.
//! - [`export`] gives an artifact the form of another tool.
//! - [`replay`] runs an artifact again and says cell by cell at which level its outputs agree.
//!
//! Nothing here runs code: that is the part of a [`kernwerk_core::Runner`].

mod artifact;
mod bundle;
mod catalog;
mod compare;
mod disk;
mod error;
mod execution;
mod export;
mod files;
mod inputs;
mod judge;
mod mirror;
mod pipeline;
mod plan;
mod proof;
mod publish;
mod python;
mod reason;
mod recover;
mod registry;
mod replay;
mod run;
mod slice;
mod stale;
mod target;
mod trust;
mod verify;

pub use artifact::{Location, Manifest, ManifestFile, Reference, Which};
pub use catalog::{Listed, Shown, Summary, list, references, show, target};
pub use compare::{Agreement, Level};
pub use disk::{Disk, FileState, file_version};
pub use error::Error;
pub use execution::Execution;
pub use export::{
    Command, ExportSpec, Exported, Form, Method, MlflowServer, ReadMagics, Request, Response, Tracked, Unanswered,
    export, export_crate, track,
};
pub use judge::CellReport;
pub use pipeline::{BindingReference, MadeWith, OutputReference, PinnedInput, Pipeline, StepRecord, TargetStep, Trace};
pub use plan::{Input, Kept, LeftOut, Plan, PlanSpec, Reason, plan, plan_log};
pub use proof::{Proof, ProofCell};
pub use publish::{PublishSpec, Published, publish};
pub use python::PinnedPython;
pub use reason::{Why, WhyNot};
pub use recover::{Gone, Lost, Recovery, Rerun};
pub use registry::{
    Action, Author, Event, History, Holder, PRODUCTION, Registry, alias, approve, history, registry, rollback, stage,
    unalias,
};
pub use replay::{FindModel, InstalledModel, Replay, ReplaySpec, replay, tally};
pub use stale::{Cause, Stale, StaleRead, Watch, is_same};
pub use target::Target;
pub use trust::{PublicKey, SigningKey, Trust, sign};
pub use verify::{Verification, verify};
