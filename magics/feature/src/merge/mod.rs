//! The as-of merge: for every row of a spine, the latest row of a view that was known at its time. It knows neither lab nor SQL.
//!
//! A view's row is known from `max(event time, created time)` on. What is known at a time only grows as time goes on, so the best
//! row known at `T` is the running maximum, by (event time, created time, place in the ingest order), over all rows known by `T`; and
//! when the best one is older than the ttl allows, so are all others. The spine is sorted once by key and time. Each row of the view
//! then finds, by its key and a binary search, the first spine row that knows it, and competes for that row's slot; a running
//! maximum over each key's slots gives every spine row its match. The view is read once, in any order, and only rows that lead
//! a slot are kept: memory is bounded by the spine, not by the view.

mod instants;
mod keys;
mod matched;
mod slots;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::DataType;

use crate::Error;

pub use keys::common_key_type;
pub use matched::Matched;
pub use slots::PointInTime;

use instants::{Instant, UNKNOWN};
use keys::KeyEncoder;

/// What became of a spine row in one view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// A row of the view was known and fresh enough.
    Found,
    /// The spine row's key or time is null.
    NullKey,
    /// The view has no row with this key.
    NoKey,
    /// Rows with this key were known, but all were older than the ttl allows.
    Expired,
    /// All rows with this key happened, or became known, only later.
    Future,
}

impl Outcome {
    /// In words, as reports name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NullKey => "null",
            Self::NoKey => "no key",
            Self::Expired => "expired",
            Self::Future => "future",
        }
    }
}

/// Some rows of a spine, in order: its key columns, in the order of the view's entity, and its event times.
pub struct Spine {
    pub keys: Vec<ArrayRef>,
    pub times: ArrayRef,
}

/// Some rows of a view, in ingest order.
pub struct ViewRows {
    /// The entity's columns, in the order of the spine's.
    pub keys: Vec<ArrayRef>,
    pub event_times: ArrayRef,
    /// When each row was made; the later of two rows with the same event time wins.
    pub created: Option<ArrayRef>,
    pub features: RecordBatch,
}

/// A spine made ready for views with one kind of key: its rows with a key and a time, by key and then by time.
pub struct SpineIndex {
    encoder: KeyEncoder,
    /// Where the slots of each key begin, and behind the last the end.
    starts: Vec<usize>,
    /// Event time of each slot.
    times: Vec<Instant>,
    /// Spine row of each slot.
    rows: Vec<usize>,
    /// Rows of the spine, those without a key or a time included.
    len: usize,
}

impl SpineIndex {
    /// Indexes a spine. `types` are the common types of its key columns and the view's; no key columns make one key of all rows.
    pub fn new(types: &[DataType], spine: &[Spine]) -> Result<Self, Error> {
        let mut encoder = KeyEncoder::new(types)?;
        let mut entries: Vec<(u32, Instant, usize)> = Vec::new();
        let mut len = 0;
        for chunk in spine {
            let times = instants::instants(&chunk.times)?;
            let ids = encoder.learn(&chunk.keys, times.len())?;
            let known = ids.into_iter().zip(&times).enumerate();
            entries.extend(known.filter_map(|(row, (id, time))| (*time != UNKNOWN).then_some((id?, *time, len + row))));
            len += times.len();
        }
        // Spine rows break ties of key and time, so that the order is the same in every run.
        entries.sort_unstable();
        let mut starts = vec![0; encoder.keys() + 1];
        for (id, ..) in &entries {
            starts[*id as usize + 1] += 1;
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Ok(Self {
            encoder,
            starts,
            times: entries.iter().map(|(_, time, _)| *time).collect(),
            rows: entries.iter().map(|(.., row)| *row).collect(),
            len,
        })
    }

    /// Rows of the spine.
    pub fn rows(&self) -> usize {
        self.len
    }

    /// The first slot of a key whose time is not before `time`, if there is one.
    fn slot(&self, key: u32, time: Instant) -> Option<usize> {
        let (start, end) = (self.starts[key as usize], self.starts[key as usize + 1]);
        let slot = start + self.times[start..end].partition_point(|slot_time| *slot_time < time);
        (slot < end).then_some(slot)
    }
}

/// Joins a view that is at hand as a whole; for tests and small views.
pub fn join(
    index: &Arc<SpineIndex>,
    view: &[ViewRows],
    ttl: crate::Ttl,
    created_cutoff: bool,
) -> Result<Matched, Error> {
    let schema =
        view.first().map_or_else(|| Arc::new(arrow::datatypes::Schema::empty()), |rows| rows.features.schema());
    let mut merge = PointInTime::new(index.clone(), schema, ttl, created_cutoff);
    for rows in view {
        merge.push(rows)?;
    }
    merge.finish()
}
