//! Rows of a corpus to Arrow and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListBuilder, Float32Builder, ListBuilder, RecordBatch, StringArray,
    StringBuilder, UInt32Array,
};
use arrow::datatypes::{DataType, Field, Float32Type, Schema, SchemaRef, UInt32Type};

use super::{MadeWith, Row, damaged};
use crate::Readers;
use crate::{Error, Language};

/// Rows of one batch.
const BATCH: usize = 8192;

fn schema(made_with: &MadeWith) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let reader = Arc::new(Field::new("item", DataType::Utf8, false));
    let number = Arc::new(Field::new("item", DataType::Float32, true));
    let width = i32::try_from(made_with.dimensions).unwrap_or(i32::MAX);
    let fields = vec![
        text("doc_id"),
        text("source"),
        text("title"),
        text("section"),
        Field::new("ordinal", DataType::UInt32, false),
        text("text"),
        Field::new("lang", DataType::Utf8, true),
        Field::new("readers", DataType::List(reader), false),
        Field::new("vector", DataType::FixedSizeList(number, width), true),
        text("digest"),
    ];
    Arc::new(Schema::new_with_metadata(fields, made_with.metadata()))
}

/// The rows as batches; of no rows one empty batch, so that the columns are known all the same.
pub(crate) fn batches(corpus: &str, made_with: &MadeWith, rows: &[Row]) -> Result<Vec<RecordBatch>, Error> {
    let schema = schema(made_with);
    if rows.is_empty() {
        return Ok(vec![RecordBatch::new_empty(schema)]);
    }
    rows.chunks(BATCH).map(|rows| batch(corpus, &schema, made_with.dimensions, rows)).collect()
}

fn batch(corpus: &str, schema: &SchemaRef, dimensions: usize, rows: &[Row]) -> Result<RecordBatch, Error> {
    let text = |of: fn(&Row) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(of))) };
    let columns: Vec<ArrayRef> = vec![
        text(|row| &row.doc_id),
        text(|row| &row.source),
        text(|row| &row.title),
        text(|row| &row.section),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.ordinal))),
        text(|row| &row.text),
        Arc::new(rows.iter().map(|row| row.lang.map(Language::code)).collect::<StringArray>()),
        readers_column(rows),
        vector_column(rows, dimensions),
        text(|row| &row.digest),
    ];
    RecordBatch::try_new(schema.clone(), columns).map_err(|error| damaged(corpus, error.to_string()))
}

fn readers_column(rows: &[Row]) -> ArrayRef {
    let item = Field::new("item", DataType::Utf8, false);
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(item);
    for row in rows {
        for reader in row.readers.as_slice() {
            lists.values().append_value(reader);
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn vector_column(rows: &[Row], dimensions: usize) -> ArrayRef {
    let width = i32::try_from(dimensions).unwrap_or(i32::MAX);
    let mut vectors = FixedSizeListBuilder::with_capacity(Float32Builder::new(), width, rows.len());
    for row in rows {
        match &row.vector {
            Some(vector) => vectors.values().append_slice(vector),
            None => vectors.values().append_nulls(dimensions),
        }
        vectors.append(row.vector.is_some());
    }
    Arc::new(vectors.finish())
}

/// Complete rows of a batch with all columns.
pub(crate) fn rows(corpus: &str, batch: &RecordBatch) -> Result<Vec<Row>, Error> {
    let texts = Texts::of(corpus, batch)?;
    let digest = column(corpus, batch, "digest")?;
    let digest = digest.as_string_opt::<i32>().ok_or_else(|| wrong_type(corpus, "digest"))?;
    let readers = readers(corpus, batch)?;
    let vectors = vectors(corpus, batch)?;
    let rows = readers.into_iter().zip(vectors).enumerate().map(|(at, (readers, vector))| Row {
        doc_id: texts.doc_id.value(at).to_owned(),
        source: texts.source.value(at).to_owned(),
        title: texts.title.value(at).to_owned(),
        section: texts.section.value(at).to_owned(),
        ordinal: texts.ordinal.value(at),
        text: texts.text.value(at).to_owned(),
        lang: texts.language(at),
        readers,
        digest: digest.value(at).to_owned(),
        vector,
    });
    Ok(rows.collect())
}

/// The columns with words, as arrays.
pub(crate) struct Texts<'a> {
    pub doc_id: &'a StringArray,
    pub source: &'a StringArray,
    pub title: &'a StringArray,
    pub section: &'a StringArray,
    pub ordinal: &'a UInt32Array,
    pub text: &'a StringArray,
    lang: &'a StringArray,
}

impl<'a> Texts<'a> {
    pub(crate) fn of(corpus: &str, batch: &'a RecordBatch) -> Result<Self, Error> {
        let text = |name: &str| column(corpus, batch, name)?.as_string_opt().ok_or_else(|| wrong_type(corpus, name));
        let ordinal = column(corpus, batch, "ordinal")?;
        Ok(Self {
            doc_id: text("doc_id")?,
            source: text("source")?,
            title: text("title")?,
            section: text("section")?,
            ordinal: ordinal.as_primitive_opt::<UInt32Type>().ok_or_else(|| wrong_type(corpus, "ordinal"))?,
            text: text("text")?,
            lang: text("lang")?,
        })
    }

    /// None where it could not be told.
    pub(crate) fn language(&self, row: usize) -> Option<Language> {
        if self.lang.is_null(row) { None } else { Language::with_code(self.lang.value(row)) }
    }
}

/// Each row's readers.
pub(crate) fn readers(corpus: &str, batch: &RecordBatch) -> Result<Vec<Readers>, Error> {
    let lists = column(corpus, batch, "readers")?.as_list_opt::<i32>().ok_or_else(|| wrong_type(corpus, "readers"))?;
    (0..lists.len())
        .map(|row| {
            let list = lists.value(row);
            let list = list.as_string_opt::<i32>().ok_or_else(|| wrong_type(corpus, "readers"))?;
            Ok(Readers::stored(list.iter().flatten().map(str::to_owned).collect()))
        })
        .collect()
}

/// Each row's vector.
pub(crate) fn vectors(corpus: &str, batch: &RecordBatch) -> Result<Vec<Option<Vec<f32>>>, Error> {
    let lists =
        column(corpus, batch, "vector")?.as_fixed_size_list_opt().ok_or_else(|| wrong_type(corpus, "vector"))?;
    (0..lists.len())
        .map(|row| {
            if lists.is_null(row) {
                return Ok(None);
            }
            let list = lists.value(row);
            let list = list.as_primitive_opt::<Float32Type>().ok_or_else(|| wrong_type(corpus, "vector"))?;
            Ok(Some(list.values().to_vec()))
        })
        .collect()
}

fn column<'a>(corpus: &str, batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, Error> {
    batch.column_by_name(name).ok_or_else(|| damaged(corpus, format!("it has no column `{name}`")))
}

fn wrong_type(corpus: &str, name: &str) -> Error {
    damaged(corpus, format!("its column `{name}` has another type"))
}
