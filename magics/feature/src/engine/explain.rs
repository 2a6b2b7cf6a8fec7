//! What DataFusion says about wrong SQL, in our words: where, and what was meant.

use datafusion::common::{DataFusionError, SchemaError};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use kernwerk_core::name_hint;

use crate::{Error, Position};

/// An error of planning, with its place in the SQL.
pub(super) fn explain(sql: &str, error: &DataFusionError) -> Error {
    let error = first(error);
    if let Some(schema) = schema_error(error) {
        return explain_schema(sql, schema, span(error));
    }
    let message = plain_message(error);
    if let Some(name) = between(&message, "Invalid function '", "'") {
        let meant = between(&message, "Did you mean '", "'");
        return placed(
            sql,
            format!("there is no function `{name}`"),
            span(error).or_else(|| find_word(sql, name)),
            meant.map(|meant| format!("did you mean `{meant}`?")),
        );
    }
    let position = span(error).or_else(|| written_position(&message));
    let message = message.split(" at Line: ").next().unwrap_or_default().to_owned();
    placed(sql, message, position, None)
}

/// An error while a query runs.
pub(crate) fn query_failed(error: DataFusionError) -> Error {
    if let DataFusionError::ResourcesExhausted(_) = error.find_root() {
        return Error::Query {
            message: "the query needs more memory than it is given (1 GiB), and cannot go on on disk".to_owned(),
            hint: Some("read fewer columns or rows, or do it in steps".to_owned()),
        };
    }
    Error::Query { message: plain_message(&error), hint: None }
}

/// Where a word stands in the SQL as an identifier.
pub(super) fn find_word(sql: &str, word: &str) -> Option<Position> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let wanted = word.rsplit('.').next()?;
    tokens.iter().find_map(|token| match &token.token {
        Token::Word(found) if found.value == wanted => {
            Some(Position { line: token.span.start.line, column: token.span.start.column })
        }
        _ => None,
    })
}

/// The line with the position, and a mark below the place.
pub(super) fn excerpt(sql: &str, position: Position) -> String {
    let line =
        usize::try_from(position.line.max(1) - 1).ok().and_then(|line| sql.lines().nth(line)).unwrap_or_default();
    let number = position.line.to_string();
    let gutter = " ".repeat(number.len());
    let before: String = line
        .chars()
        .take(usize::try_from(position.column.max(1) - 1).unwrap_or(0))
        .map(|char| if char == '\t' { '\t' } else { ' ' })
        .collect();
    format!("{number} | {line}\n{gutter} | {before}^")
}

fn placed(sql: &str, message: String, position: Option<Position>, hint: Option<String>) -> Error {
    Error::Sql { message, position, excerpt: position.map(|position| excerpt(sql, position)), hint }
}

fn explain_schema(sql: &str, error: &SchemaError, span: Option<Position>) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let place = field.relation.as_ref().map(|relation| format!(" in `{relation}`")).unwrap_or_default();
            let known = valid_fields
                .iter()
                .filter(|known| field.relation.is_none() || field.relation == known.relation)
                .map(|known| known.name.as_str());
            placed(
                sql,
                format!("there is no column `{}`{place}", field.name),
                span.or_else(|| find_word(sql, &field.name)),
                name_hint(&field.name, "the columns are", known),
            )
        }
        SchemaError::AmbiguousReference { field } if field.relation.is_none() => placed(
            sql,
            format!("column `{}` may be that of several tables", field.name),
            span.or_else(|| find_word(sql, &field.name)),
            Some(format!("say which, as in `table.{}`", field.name)),
        ),
        // A qualified name that is ambiguous is one that the result would have twice.
        SchemaError::AmbiguousReference { field } => several(sql, &field.name, span),
        SchemaError::DuplicateQualifiedField { name, .. } | SchemaError::DuplicateUnqualifiedField { name } => {
            several(sql, name, span)
        }
    }
}

fn several(sql: &str, name: &str, span: Option<Position>) -> Error {
    let hint = "give one of them another name with AS".to_owned();
    placed(sql, format!("there are several columns `{name}`"), span, Some(hint))
}

/// Planning may go on after an error and collect several: the first is what to correct first.
fn first(error: &DataFusionError) -> &DataFusionError {
    match error {
        DataFusionError::Collection(errors) => errors.first().map_or(error, first),
        other => other,
    }
}

fn schema_error(error: &DataFusionError) -> Option<&SchemaError> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => Some(schema),
        _ => None,
    }
}

fn span(error: &DataFusionError) -> Option<Position> {
    let start = error.diagnostic()?.span?.start;
    (start.line > 0).then_some(Position { line: start.line, column: start.column })
}

/// The parser writes its position into the message: `… at Line: 2, Column: 8`.
fn written_position(message: &str) -> Option<Position> {
    let (_, rest) = message.rsplit_once(" at Line: ")?;
    let (line, rest) = rest.split_once(", Column: ")?;
    let column: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(Position { line: line.parse().ok()?, column: column.parse().ok()? })
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(inside, _)| inside)
}

/// The message without the names of DataFusion's error kinds in front.
fn plain_message(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let mut text = text.trim();
    const KINDS: [&str; 9] = [
        "Error during planning: ",
        "Execution error: ",
        "Arrow error: ",
        "SQL error: ",
        "External error: ",
        "This feature is not implemented: ",
        "Optimizer rule ",
        "Cast error: ",
        "Invalid argument error: ",
    ];
    while let Some(rest) = KINDS.iter().find_map(|kind| text.strip_prefix(kind)) {
        text = rest;
    }
    // `ParserError("…")` is the parser's error in debug form.
    let parser = between(text, "ParserError(\"", "\")").or_else(|| between(text, "TokenizerError(\"", "\")"));
    parser.map_or_else(|| text.to_owned(), |inner| inner.replace("\\\"", "\"").replace("\\'", "'"))
}
