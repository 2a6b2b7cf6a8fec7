//! Many queries in a file: JSON lines with `_id` and `text`, as in BEIR.

use std::collections::HashMap;
use std::path::Path;

use kernwerk_index::words;

use crate::{Error, read};

/// A query with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub id: String,
    pub text: String,
}

/// Reads a file of queries.
///
/// # Errors
///
/// [`Error::BadRecord`] names the line; no queries at all are an error, too.
pub fn read_queries(path: &Path) -> Result<Vec<Query>, Error> {
    let mut queries: Vec<Query> = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for line in read::json_lines(path)? {
        let Some(id) = line.id()? else {
            return Err(line.wrong(format!("there is no `_id`; {}", line.fields())));
        };
        let Some(text) = line.text("text")? else {
            return Err(line.wrong(format!("there is no `text`; {}", line.fields())));
        };
        if words(text).is_empty() {
            return Err(line.wrong("the query has no words"));
        }
        if let Some(first) = seen.insert(id.clone(), line.number) {
            return Err(line.wrong(format!("query `{id}` stands on line {first} already")));
        }
        queries.push(Query { id, text: text.to_owned() });
    }
    if queries.is_empty() {
        return Err(Error::NoQueries { path: path.to_owned() });
    }
    Ok(queries)
}
