//! The merge of one view: rows of the view compete for the slots of the spine.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::{interleave, take};
use arrow::datatypes::SchemaRef;

use super::instants::{Instant, UNKNOWN, instants};
use super::matched::Matched;
use super::{Outcome, SpineIndex, ViewRows};
use crate::{Error, Ttl};

/// Kept rows beyond twice the slots at which those that lead no slot any more are dropped.
const SLACK: usize = 262_144;

/// A merge under way: rows of the view are pushed in ingest order, then the matches are taken.
pub struct PointInTime {
    index: Arc<SpineIndex>,
    ttl: Ttl,
    created_cutoff: bool,
    schema: SchemaRef,
    /// The best row known first at each slot's time.
    slots: Vec<Candidate>,
    /// Whether the view has a row with each of the spine's keys.
    seen: Vec<bool>,
    /// Features of the rows that lead or led a slot.
    kept: Vec<RecordBatch>,
    kept_rows: usize,
}

/// A row of the view: what it competes by, and where its features are kept.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    event: Instant,
    created: Instant,
    place: Place,
}

/// A row among the kept ones: which batch, which row of it.
pub(super) type Place = (usize, usize);

const NOBODY: Candidate = Candidate { event: UNKNOWN, created: UNKNOWN, place: (0, 0) };

impl Candidate {
    fn is_somebody(&self) -> bool {
        self.event != UNKNOWN
    }

    fn rank(&self) -> (Instant, Instant) {
        (self.event, self.created)
    }
}

impl PointInTime {
    /// A merge of a view with these features. With `created_cutoff` a row counts only from its created time on (never, if
    /// that is null), where the view has one; without, the created time only orders rows of the same event time.
    pub fn new(index: Arc<SpineIndex>, features: SchemaRef, ttl: Ttl, created_cutoff: bool) -> Self {
        Self {
            slots: vec![NOBODY; index.times.len()],
            seen: vec![false; index.encoder.keys()],
            index,
            ttl,
            created_cutoff,
            schema: features,
            kept: Vec::new(),
            kept_rows: 0,
        }
    }

    /// Takes the next rows of the view.
    pub fn push(&mut self, rows: &ViewRows) -> Result<(), Error> {
        let events = instants(&rows.event_times)?;
        let created = rows.created.as_ref().map(instants).transpose()?;
        let keys = self.index.encoder.find(&rows.keys, events.len())?;
        let batch = self.kept.len();
        let mut led = Vec::new();
        for (row, (key, event)) in keys.into_iter().zip(events).enumerate() {
            let Some(key) = key.filter(|_| event != UNKNOWN) else {
                continue;
            };
            self.seen[key as usize] = true;
            let created = created.as_ref().map_or(UNKNOWN, |created| created[row]);
            let known_from = match (&rows.created, self.created_cutoff) {
                (Some(_), true) if created == UNKNOWN => continue,
                (Some(_), true) => event.max(created),
                _ => event,
            };
            let Some(slot) = self.index.slot(key, known_from) else {
                continue;
            };
            let candidate = Candidate { event, created, place: (batch, row) };
            // Not less: the last of equal rows in ingest order wins.
            if candidate.rank() >= self.slots[slot].rank() {
                self.slots[slot] = candidate;
                led.push((slot, row));
            }
        }
        self.keep(batch, &led, &rows.features)
    }

    /// Keeps the features of those rows of a batch that still lead their slots.
    fn keep(&mut self, batch: usize, led: &[(usize, usize)], features: &RecordBatch) -> Result<(), Error> {
        let leaders: Vec<(usize, usize)> =
            led.iter().copied().filter(|(slot, row)| self.slots[*slot].place == (batch, *row)).collect();
        if leaders.is_empty() {
            return Ok(());
        }
        let rows = leaders.iter().map(|(_, row)| u32::try_from(*row)).collect::<Result<Vec<_>, _>>();
        let rows = UInt32Array::from(rows.map_err(|error| arrow::error::ArrowError::ComputeError(error.to_string()))?);
        let columns =
            features.columns().iter().map(|column| take(column, &rows, None)).collect::<Result<Vec<_>, _>>()?;
        for (kept, (slot, _)) in leaders.iter().enumerate() {
            self.slots[*slot].place = (batch, kept);
        }
        self.kept.push(self.batch(columns, leaders.len())?);
        self.kept_rows += leaders.len();
        if self.kept_rows > 2 * self.slots.len() + SLACK {
            self.compact()?;
        }
        Ok(())
    }

    /// Drops kept rows that lead no slot any more.
    fn compact(&mut self) -> Result<(), Error> {
        let leading: Vec<usize> = (0..self.slots.len()).filter(|slot| self.slots[*slot].is_somebody()).collect();
        let places: Vec<Place> = leading.iter().map(|slot| self.slots[*slot].place).collect();
        let columns = (0..self.schema.fields().len())
            .map(|column| {
                let arrays: Vec<&dyn arrow::array::Array> =
                    self.kept.iter().map(|batch| batch.column(column).as_ref()).collect();
                interleave(&arrays, &places)
            })
            .collect::<Result<Vec<_>, _>>()?;
        self.kept = vec![self.batch(columns, leading.len())?];
        self.kept_rows = leading.len();
        for (kept, slot) in leading.into_iter().enumerate() {
            self.slots[slot].place = (0, kept);
        }
        Ok(())
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, Error> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }

    /// What every row of the spine gets.
    pub fn finish(self) -> Result<Matched, Error> {
        let mut outcomes = vec![Outcome::NullKey; self.index.len];
        let mut places: Vec<Option<Place>> = vec![None; self.index.len];
        for key in 0..self.seen.len() {
            let mut best = NOBODY;
            for slot in self.index.starts[key]..self.index.starts[key + 1] {
                if self.slots[slot].rank() > best.rank() {
                    best = self.slots[slot];
                }
                let row = self.index.rows[slot];
                outcomes[row] = self.outcome(key, &best, self.index.times[slot]);
                places[row] = (outcomes[row] == Outcome::Found).then_some(best.place);
            }
        }
        Ok(Matched::new(self.schema, self.kept, places, outcomes))
    }

    fn outcome(&self, key: usize, best: &Candidate, time: Instant) -> Outcome {
        if best.is_somebody() {
            let expired = self.ttl.nanos().is_some_and(|ttl| best.event < time - ttl);
            if expired { Outcome::Expired } else { Outcome::Found }
        } else if self.seen[key] {
            Outcome::Future
        } else {
            Outcome::NoKey
        }
    }
}
