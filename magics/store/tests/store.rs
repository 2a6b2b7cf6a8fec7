//! Tests of the lab: what it stores, what survives a kill, and what several processes do to it at once.

#[path = "store/budgets.rs"]
mod budgets;
#[path = "store/child.rs"]
mod child;
#[path = "store/common.rs"]
mod common;
#[path = "store/datasets.rs"]
mod datasets;
#[path = "store/digests.rs"]
mod digests;
#[path = "store/embeddings.rs"]
mod embeddings;
#[path = "store/intact.rs"]
mod intact;
#[path = "store/kill.rs"]
mod kill;
#[path = "store/labs.rs"]
mod labs;
#[path = "store/ledger.rs"]
mod ledger;
#[path = "store/many.rs"]
mod many;
#[path = "store/pinned.rs"]
mod pinned;
#[path = "store/read_only.rs"]
mod read_only;
#[path = "store/rewrite.rs"]
mod rewrite;
#[path = "store/screen.rs"]
mod screen;
