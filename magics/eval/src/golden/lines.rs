//! One file of JSON lines: `question`, and `answers`, `relevant` or both.

use std::collections::HashMap;

use kernwerk_core::Question;
use serde_json::Value;

use super::Item;
use crate::Error;
use crate::files::{Line, Object, TextFile, kind, name};
use crate::metric::ranking::Judgements;

/// Fields that a question may have. Some are SQuAD's and BEIR's, and are not looked at.
pub(super) const FIELDS: [&str; 10] =
    ["_id", "id", "question", "text", "answers", "relevant", "title", "context", "is_impossible", "metadata"];

/// The items of a file. A question without `_id` (or `id`) is called after its line.
pub(super) fn read(file: &TextFile) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    let mut seen = HashMap::new();
    for line in file.lines() {
        let object = line.object()?;
        object.only(&FIELDS)?;
        let id = object.id()?.unwrap_or_else(|| object.line.number.to_string());
        let item = Item {
            question: Question { id, text: object.text(&["question", "text"])?.to_owned() },
            answers: answers(&object)?,
            judged: relevant(&object)?,
        };
        if item.answers.is_none() && item.judged.is_none() {
            return Err(object.line.wrong(format!("there is neither `answers` nor `relevant`; {}", object.names())));
        }
        once(&mut seen, &item.question.id, &object)?;
        items.push(item);
    }
    Ok(items)
}

/// A document's gain. Measures know of nothing that is worse than not relevant.
pub(super) fn checked_gain(line: &Line<'_>, document: &str, gain: i64) -> Result<i64, Error> {
    if gain >= 0 {
        return Ok(gain);
    }
    let message = format!("the gain of document `{document}` is {gain}, below 0");
    Err(line.wrong_with(message, Some("what is not relevant has the gain 0".to_owned())))
}

/// Fails where the question stands on an earlier line already.
pub(super) fn once(seen: &mut HashMap<String, usize>, id: &str, object: &Object<'_>) -> Result<(), Error> {
    match seen.insert(id.to_owned(), object.line.number) {
        Some(first) => Err(object.line.wrong(format!("question `{id}` stands on line {first} already"))),
        None => Ok(()),
    }
}

/// Answers as SQuAD and its kin write them: a list of texts, a list of objects with `text`, or an object whose `text` is a
/// list. A list without any says that the question has no answer.
pub(super) fn answers(object: &Object<'_>) -> Result<Option<Vec<String>>, Error> {
    let Some((field, value)) = object.get(&["answers"]) else {
        return Ok(None);
    };
    let wrong = |value: &Value| object.line.wrong(format!("`{field}` has {}, not texts", kind(value)));
    let list = match value {
        Value::Array(list) => list,
        Value::Object(fields) => match fields.get("text") {
            Some(Value::Array(list)) => list,
            _ => return Err(wrong(value)),
        },
        other => return Err(object.line.wrong(format!("`{field}` is {}, not a list", kind(other)))),
    };
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Object(fields) => match fields.get("text") {
            Some(Value::String(text)) => Ok(text.clone()),
            _ => Err(wrong(value)),
        },
        other => Err(wrong(other)),
    };
    list.iter().map(text).collect::<Result<_, _>>().map(Some)
}

/// The relevant documents: a list of their names, or their gains by name.
fn relevant(object: &Object<'_>) -> Result<Option<Judgements>, Error> {
    let Some((field, value)) = object.get(&["relevant"]) else {
        return Ok(None);
    };
    let mut judged = Judgements::new();
    match value {
        Value::Array(documents) => {
            for document in documents {
                let document = name(document).ok_or_else(|| {
                    object.line.wrong(format!("`{field}` has {}, not a document's name", kind(document)))
                })?;
                if judged.insert(document.clone(), 1).is_some() {
                    return Err(object.line.wrong(format!("`{field}` names document `{document}` twice")));
                }
            }
        }
        Value::Object(gains) => {
            for (document, gain) in gains {
                let gain = gain.as_i64().ok_or_else(|| {
                    object
                        .line
                        .wrong(format!("the gain of document `{document}` is {}, not a whole number", kind(gain)))
                })?;
                judged.insert(document.clone(), checked_gain(&object.line, document, gain)?);
            }
        }
        other => {
            let message = format!("`{field}` is {}, neither a list of documents nor their gains", kind(other));
            return Err(object.line.wrong(message));
        }
    }
    Ok(Some(judged))
}
