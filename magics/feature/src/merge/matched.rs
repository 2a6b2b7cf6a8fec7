//! The result of a merge: where each spine row's features are, and why it has none.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::interleave;
use arrow::datatypes::SchemaRef;

use super::Outcome;
use super::slots::Place;
use crate::Error;

/// A view's features for every row of the spine.
pub struct Matched {
    schema: SchemaRef,
    kept: Vec<RecordBatch>,
    places: Vec<Option<Place>>,
    outcomes: Vec<Outcome>,
}

impl Matched {
    pub(super) fn new(
        schema: SchemaRef,
        kept: Vec<RecordBatch>,
        places: Vec<Option<Place>>,
        outcomes: Vec<Outcome>,
    ) -> Self {
        Self { schema, kept, places, outcomes }
    }

    /// What became of each row of the spine, in its order.
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// A feature for a range of the spine's rows: null where nothing was found.
    pub fn feature(&self, column: usize, rows: Range<usize>) -> Result<ArrayRef, Error> {
        let missing = new_null_array(self.schema.field(column).data_type(), 1);
        let mut arrays: Vec<&dyn Array> = vec![missing.as_ref()];
        arrays.extend(self.kept.iter().map(|batch| batch.column(column).as_ref()));
        let places: Vec<Place> =
            self.places[rows].iter().map(|place| place.map_or((0, 0), |(batch, row)| (batch + 1, row))).collect();
        Ok(interleave(&arrays, &places)?)
    }
}
