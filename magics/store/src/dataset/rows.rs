//! Rows on their way into a data set: brought into the form that is stored, compared with what is there, handed over in pieces.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;
use kernwerk_core::{Resource, Work};

use crate::Error;

/// Rows between two looks at the cancel flag and two words of progress.
const PIECE: usize = 65_536;

/// Rows in the form that is stored.
pub(super) struct Rows {
    pub(super) schema: SchemaRef,
    pub(super) batches: Vec<RecordBatch>,
}

impl Rows {
    /// Brings batches into the stored form. Lance keeps text and bytes in the plain layout; views, which DataFusion likes to
    /// make, become that. Metadata is gathered over all batches; of two values for a key the later one counts.
    pub(super) fn new(resource: Resource, name: &str, batches: Vec<RecordBatch>) -> Result<Option<Self>, Error> {
        let Some(first) = batches.first() else {
            return Ok(None);
        };
        if first.num_columns() == 0 {
            return Err(Error::NoColumns { resource, name: name.to_owned() });
        }
        let mut metadata = first.schema().metadata().clone();
        for batch in &batches {
            metadata.extend(batch.schema().metadata().clone());
        }
        let fields: Vec<FieldRef> = first.schema().fields().iter().map(stored_field).collect();
        let fields = loosen(fields, &batches);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let batches = batches.into_iter().map(|batch| {
            if let Some(difference) = difference(&schema, &stored_schema(&batch.schema())) {
                return Err(Error::SchemaDiffers { resource, name: name.to_owned(), difference });
            }
            convert(&batch, &schema).map_err(|error| Error::lance(resource, name)(error.into()))
        });
        Ok(Some(Self { batches: batches.collect::<Result<_, _>>()?, schema }))
    }

    /// Gives the rows the columns of a data set that is there, or says what differs.
    pub(super) fn fit(&mut self, there: &Schema) -> Result<(), String> {
        if let Some(difference) = difference(there, &self.schema) {
            return Err(difference);
        }
        let fields = there.fields().clone();
        for field in fields.iter().filter(|field| !field.is_nullable()) {
            let has_nulls =
                |batch: &RecordBatch| batch.column_by_name(field.name()).is_some_and(|column| column.null_count() > 0);
            if self.batches.iter().any(has_nulls) {
                return Err(format!("column `{}` has nulls and must not", field.name()));
            }
        }
        self.schema = Arc::new(Schema::new_with_metadata(fields, self.schema.metadata().clone()));
        for batch in &mut self.batches {
            *batch = convert(batch, &self.schema).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        self.batches.iter().map(|batch| batch.num_rows() as u64).sum()
    }

    /// The rows in pieces. The iterator ends with an error once the work is cancelled, and reports progress on the way.
    pub(super) fn pieces(
        self,
        name: &str,
        work: &Work,
    ) -> impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + use<> {
        let (total, work, task) = (self.count(), work.clone(), format!("writing {name}"));
        let pieces = self.batches.into_iter().flat_map(|batch| {
            let starts = (0..batch.num_rows().max(1)).step_by(PIECE);
            starts.map(move |start| batch.slice(start, PIECE.min(batch.num_rows() - start)))
        });
        let mut done = 0;
        pieces.map(move |piece| {
            work.check().map_err(|cancelled| ArrowError::ExternalError(Box::new(cancelled)))?;
            done += piece.num_rows() as u64;
            if total > PIECE as u64 {
                work.progress(&task, done, Some(total), "rows");
            }
            Ok(piece)
        })
    }
}

/// What differs between the columns that are there and those that are given, or none: names, order and types count; whether
/// a column may hold nulls does not, its rows decide.
fn difference(there: &Schema, given: &Schema) -> Option<String> {
    for field in there.fields() {
        match given.field_with_name(field.name()) {
            Err(_) => return Some(format!("column `{}` is missing", field.name())),
            Ok(other) if !field.data_type().equals_datatype(other.data_type()) => {
                let (name, wanted, found) = (field.name(), field.data_type(), other.data_type());
                return Some(format!("column `{name}` is {found}, not {wanted}"));
            }
            Ok(_) => {}
        }
    }
    for field in given.fields() {
        if there.field_with_name(field.name()).is_err() {
            return Some(format!("column `{}` is new", field.name()));
        }
    }
    let order =
        |schema: &Schema| schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(", ");
    let (wanted, found) = (order(there), order(given));
    (wanted != found).then(|| format!("the columns are in the order {found}, not {wanted}"))
}

/// A column may hold nulls when it does in any of the batches: each batch of a query can say something else.
fn loosen(fields: Vec<FieldRef>, batches: &[RecordBatch]) -> Vec<FieldRef> {
    let nullable = |index: usize, field: &Field| {
        field.is_nullable()
            || batches.iter().any(|batch| {
                let schema = batch.schema();
                let same = schema.fields().get(index).filter(|other| other.name() == field.name());
                same.is_some_and(|other| other.is_nullable())
            })
    };
    let indexed = fields.into_iter().enumerate();
    indexed
        .map(|(index, field)| {
            let nullable = nullable(index, &field);
            Arc::new(field.as_ref().clone().with_nullable(nullable))
        })
        .collect()
}

fn stored_schema(schema: &Schema) -> Schema {
    Schema::new(schema.fields().iter().map(stored_field).collect::<Vec<_>>())
}

fn stored_field(field: &FieldRef) -> FieldRef {
    Arc::new(field.as_ref().clone().with_data_type(stored_type(field.data_type())))
}

fn stored_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::List(item) | DataType::ListView(item) => DataType::List(stored_field(item)),
        DataType::LargeList(item) | DataType::LargeListView(item) => DataType::LargeList(stored_field(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(stored_field(item), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(stored_field).collect()),
        DataType::Map(entries, sorted) => DataType::Map(stored_field(entries), *sorted),
        other => other.clone(),
    }
}

fn convert(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() { Ok(column.clone()) } else { cast(column, field.data_type()) }
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema.clone(), columns)
}
