//! Answers in cited sentences: as text, as HTML, as JSON, and as a table of sentences.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};
use kernwerk_core::{Citation, CitedAnswer, CitedSentence, Problem, Table};

use crate::cells::float_text;
use crate::html::escape;

const QUIET: &str = "color:var(--jp-ui-font-color2,inherit);opacity:.85;font-size:12px";
const RULE: &str = "var(--jp-border-color2,rgba(128,128,128,.35))";
const ACCENT: &str = "var(--jp-brand-color1,#1976d2)";

/// The sentences, then what they cite, a line each.
pub(crate) fn text(answer: &CitedAnswer) -> String {
    let Some(sentences) = answer.cited_text() else {
        return format!("{}\n{}", CitedAnswer::UNKNOWN, unknown(answer));
    };
    let citations = answer.citations.iter().map(|citation| format!("[{}] {}", citation.number, citation.place()));
    let mut lines = vec![sentences];
    lines.extend(citations);
    lines.join("\n")
}

/// Why there is no answer.
fn unknown(answer: &CitedAnswer) -> String {
    let threshold = float_text(answer.threshold);
    match answer.confidence {
        None => "no sentence that could be an answer was found".to_owned(),
        Some(confidence) => {
            format!(
                "the best sentence found is sure to {}, and an answer begins at {threshold}",
                two_digits(confidence)
            )
        }
    }
}

pub(crate) fn html(answer: &CitedAnswer) -> String {
    if answer.sentences.is_empty() {
        return format!(
            "<div style=\"padding:2px 0 4px\">{}</div><div style=\"{QUIET}\">{}</div>",
            escape(CitedAnswer::UNKNOWN),
            escape(&unknown(answer))
        );
    }
    let sentences: Vec<String> = answer.sentences.iter().map(sentence).collect();
    let citations: String = answer.citations.iter().map(citation).collect();
    format!(
        "<div style=\"border-left:3px solid {ACCENT};padding:2px 0 2px 12px;margin:2px 0 8px;max-width:52em;\
         font-size:14px;line-height:1.55\">{}</div>\
         <div style=\"border-top:1px solid {RULE};padding-top:5px;max-width:52em\">{citations}</div>",
        sentences.join(" ")
    )
}

fn sentence(sentence: &CitedSentence) -> String {
    let score = two_digits(sentence.score);
    format!(
        "<span title=\"sure to {score}\">{}</span><sup style=\"color:{ACCENT};padding-left:1px\">[{}]</sup>",
        escape(&sentence.line()),
        sentence.citation
    )
}

fn citation(citation: &Citation) -> String {
    format!(
        "<div style=\"{QUIET}\"><span style=\"color:{ACCENT};font-variant-numeric:tabular-nums\">[{}]</span> {}</div>",
        citation.number,
        escape(&citation.place())
    )
}

fn two_digits(score: f64) -> String {
    format!("{score:.2}")
}

/// The answer for programs, as an object.
pub fn json(answer: &CitedAnswer) -> serde_json::Value {
    let sentences = answer.sentences.iter().map(|sentence| {
        serde_json::json!({
            "text": sentence.text,
            "score": sentence.score,
            "citation": sentence.citation,
            "span": [sentence.span.0, sentence.span.1],
        })
    });
    let citations = answer.citations.iter().map(|citation| {
        let cited = answer.sentences.iter().filter(|sentence| sentence.citation == citation.number);
        let spans: Vec<[usize; 2]> = cited.map(|sentence| [sentence.span.0, sentence.span.1]).collect();
        serde_json::json!({
            "number": citation.number,
            "doc_id": citation.doc_id,
            "source": citation.source,
            "title": citation.title,
            "section": citation.section,
            "ordinal": citation.ordinal,
            "spans": spans,
        })
    });
    serde_json::json!({
        "question": answer.question,
        "known": !answer.sentences.is_empty(),
        "answer": answer.text(),
        "confidence": answer.confidence,
        "threshold": answer.threshold,
        "sentences": sentences.collect::<Vec<_>>(),
        "citations": citations.collect::<Vec<_>>(),
    })
}

/// The sentences as rows, each with what it cites.
pub fn answer_table(answer: &CitedAnswer) -> Result<Table, Problem> {
    let sentences = &answer.sentences;
    let texts = |of: &dyn Fn(&CitedSentence) -> Option<String>| -> ArrayRef {
        Arc::new(sentences.iter().map(|sentence| Some(of(sentence).unwrap_or_default())).collect::<StringArray>())
    };
    let numbers = |of: &dyn Fn(&CitedSentence) -> usize| -> ArrayRef {
        let number = |sentence| i64::try_from(of(sentence)).unwrap_or(i64::MAX);
        Arc::new(Int64Array::from_iter_values(sentences.iter().map(number)))
    };
    let cited = |sentence: &CitedSentence| answer.citation(sentence.citation);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("sentence", texts(&|sentence| Some(sentence.text.clone()))),
        ("score", Arc::new(Float64Array::from_iter_values(sentences.iter().map(|sentence| sentence.score)))),
        ("citation", numbers(&|sentence| sentence.citation)),
        ("doc_id", texts(&|sentence| Some(cited(sentence)?.doc_id.clone()))),
        ("source", texts(&|sentence| Some(cited(sentence)?.source.clone()))),
        ("section", texts(&|sentence| Some(cited(sentence)?.section.clone()))),
        ("ordinal", numbers(&|sentence| cited(sentence).map_or(0, |citation| citation.ordinal as usize))),
        ("span_start", numbers(&|sentence| sentence.span.0)),
        ("span_end", numbers(&|sentence| sentence.span.1)),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), false)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, column)| column).collect())
        .map_err(|error| Problem::new("Internal", error.to_string()))?;
    Ok(Table::new(schema, vec![batch]))
}
