//! A golden set as the columns of a table, and back.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Builder, ListArray, ListBuilder, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::error::ArrowError;
use kernwerk_core::Question;

use super::Item;

/// In the metadata of the table's schema: what it was imported from. Its presence makes a table a golden set.
const SOURCE: &str = "kernwerk.golden.source";

/// What a golden set was imported from; none for other tables.
pub(super) fn source(schema: &Schema) -> Option<String> {
    schema.metadata().get(SOURCE).cloned()
}

fn schema(source: &str) -> SchemaRef {
    let list = |item: DataType| DataType::List(Arc::new(Field::new("item", item, true)));
    let fields = vec![
        Field::new("query", DataType::Utf8, false),
        Field::new("question", DataType::Utf8, false),
        Field::new("answers", list(DataType::Utf8), true),
        Field::new("documents", list(DataType::Utf8), true),
        Field::new("gains", list(DataType::Int64), true),
    ];
    Arc::new(Schema::new_with_metadata(fields, HashMap::from([(SOURCE.to_owned(), source.to_owned())])))
}

/// The rows of a golden set.
pub(super) fn batch(items: &[Item], source: &str) -> Result<RecordBatch, ArrowError> {
    let (mut answers, mut documents) = (ListBuilder::new(StringBuilder::new()), ListBuilder::new(StringBuilder::new()));
    let mut gains = ListBuilder::new(Int64Builder::new());
    for item in items {
        answers.values().extend(item.answers.iter().flatten().map(Some));
        answers.append(item.answers.is_some());
        for (document, gain) in item.judged.iter().flatten() {
            documents.values().append_value(document);
            gains.values().append_value(*gain);
        }
        documents.append(item.judged.is_some());
        gains.append(item.judged.is_some());
    }
    let text = |of: fn(&Item) -> &str| Arc::new(StringArray::from_iter_values(items.iter().map(of)));
    RecordBatch::try_new(
        schema(source),
        vec![
            text(|item| &item.question.id),
            text(|item| &item.question.text),
            Arc::new(answers.finish()),
            Arc::new(documents.finish()),
            Arc::new(gains.finish()),
        ],
    )
}

/// The items that rows stand for, or why they stand for none.
pub(super) fn items(batches: &[RecordBatch]) -> Result<Vec<Item>, String> {
    let mut items = Vec::new();
    for batch in batches {
        let (ids, questions) = (texts(batch, "query")?, texts(batch, "question")?);
        let (answers, documents, gains) =
            (lists(batch, "answers")?, lists(batch, "documents")?, lists(batch, "gains")?);
        for row in 0..batch.num_rows() {
            let judged = match (listed_texts(documents, row)?, listed_numbers(gains, row)?) {
                (Some(documents), Some(gains)) if documents.len() == gains.len() => {
                    Some(documents.into_iter().zip(gains).collect())
                }
                (None, None) => None,
                _ => return Err(format!("question `{}` has not as many gains as documents", ids.value(row))),
            };
            items.push(Item {
                question: Question { id: ids.value(row).to_owned(), text: questions.value(row).to_owned() },
                answers: listed_texts(answers, row)?,
                judged,
            });
        }
    }
    Ok(items)
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, String> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt());
    column.ok_or_else(|| format!("it has no texts in a column `{name}`"))
}

fn lists<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ListArray, String> {
    let column = batch.column_by_name(name).and_then(|column| column.as_list_opt());
    column.ok_or_else(|| format!("it has no lists in a column `{name}`"))
}

fn listed_texts(lists: &ListArray, row: usize) -> Result<Option<Vec<String>>, String> {
    if lists.is_null(row) {
        return Ok(None);
    }
    let values = lists.value(row);
    let values: &StringArray = values.as_string_opt().ok_or("a list of texts has other values")?;
    Ok(Some(values.iter().flatten().map(str::to_owned).collect()))
}

fn listed_numbers(lists: &ListArray, row: usize) -> Result<Option<Vec<i64>>, String> {
    if lists.is_null(row) {
        return Ok(None);
    }
    let values = lists.value(row);
    let values = values.as_primitive_opt::<Int64Type>().ok_or("a list of gains has other values")?;
    Ok(Some(values.iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_stays_apart_from_what_is_nothing() {
        let item = |id: &str, answers: Option<&[&str]>, judged: Option<&[(&str, i64)]>| Item {
            question: Question { id: id.to_owned(), text: format!("what is {id}?") },
            answers: answers.map(|answers| answers.iter().map(|text| (*text).to_owned()).collect()),
            judged: judged.map(|judged| judged.iter().map(|(name, gain)| ((*name).to_owned(), *gain)).collect()),
        };
        let golden = vec![
            item("1", None, Some(&[("a", 2), ("b", 0)])),
            item("2", Some(&[]), None),
            item("3", Some(&["one", "two"]), Some(&[])),
        ];
        let batch = batch(&golden, "a.jsonl").expect("rows");
        assert_eq!(source(&batch.schema()).as_deref(), Some("a.jsonl"));
        assert_eq!(items(&[batch.slice(0, 1), batch.slice(1, 2)]), Ok(golden));
    }

    #[test]
    fn other_rows_are_told() {
        let batch = batch(&[], "a.jsonl").expect("rows").project(&[0, 1]).expect("two columns");
        assert_eq!(items(&[batch]), Err("it has no lists in a column `answers`".to_owned()));
    }
}
