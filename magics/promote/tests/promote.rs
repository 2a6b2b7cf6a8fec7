//! The tests of promotion. Cells are run by interpreters of tiny languages, which stand in for the kernel.

#[path = "promote/approving.rs"]
mod approving;
#[path = "promote/attesting.rs"]
mod attesting;
#[path = "promote/diffing.rs"]
mod diffing;
#[path = "promote/gates.rs"]
mod gates;
#[path = "promote/kernel.rs"]
mod kernel;
#[path = "promote/locking.rs"]
mod locking;
#[path = "promote/malicious.rs"]
mod malicious;
#[path = "promote/model.rs"]
mod model;
#[path = "promote/naming.rs"]
mod naming;
#[path = "promote/notebooks.rs"]
mod notebooks;
#[path = "promote/place.rs"]
mod place;
#[path = "promote/publishing.rs"]
mod publishing;
#[path = "promote/python.rs"]
mod python;
#[path = "promote/registry.rs"]
mod registry;
#[path = "promote/replaying.rs"]
mod replaying;
#[path = "promote/retention.rs"]
mod retention;
#[path = "promote/running.rs"]
mod running;
#[path = "promote/slicing.rs"]
mod slicing;
#[path = "promote/trust.rs"]
mod trust;
