//! A replay as a report that is a file: for people as one page or as a notebook, for programs as JSON.

mod lines;
mod notebook;
mod page;

use kernwerk_core::Verdict;
use serde_json::{Value, json};

pub use notebook::report_notebook;
pub use page::report_page;

/// What a replay found, with all that cells gave.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was replayed, such as `fares@1`.
    pub artifact: String,
    /// What the expected results are called, such as `published`.
    pub expected: &'static str,
    /// The verdict in a sentence.
    pub title: String,
    pub verdict: Verdict,
    /// What there is to know of the artifact and of the run: names and values, in the order to show them.
    pub facts: Vec<(String, String)>,
    /// What is wrong, one sentence each.
    pub findings: Vec<String>,
    pub notes: Vec<String>,
    pub cells: Vec<ReportCell>,
}

/// A cell of a [`Report`].
#[derive(Clone, Debug)]
pub struct ReportCell {
    /// Its place in the artifact, from 1.
    pub step: u32,
    /// What else it is called, such as `In[7]`.
    pub label: Option<String>,
    pub code: String,
    /// Whether the code is Python; else it is Rust and magics.
    pub is_python: bool,
    pub standing: Standing,
    /// How it agrees, in words.
    pub agreement: String,
    pub difference: Option<String>,
    /// What it gave that was not compared, in words.
    pub not_compared: Vec<String>,
    pub wall_seconds: f64,
    pub results: Vec<ReportResult>,
}

/// How a cell or a result stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As it was, as well as was asked for.
    Agrees,
    /// There was nothing to compare.
    Silent,
    Differs,
}

/// Something that a cell gave: as it was published, and as it was found.
#[derive(Clone, Debug)]
pub struct ReportResult {
    /// Such as `output 1 (result, txt)`.
    pub place: String,
    /// A file suffix.
    pub format: String,
    pub expected: Option<Vec<u8>>,
    pub found: Option<Vec<u8>>,
    pub agrees: bool,
    /// Both are the same bytes.
    pub identical: bool,
}

impl ReportCell {
    /// Such as `cell 3` or `cell 3, In[7]`.
    fn name(&self) -> String {
        let label = self.label.iter().map(|label| format!(", {label}"));
        format!("cell {}{}", self.step, label.collect::<String>())
    }
}

impl Standing {
    fn word(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Silent => "silent",
            Self::Differs => "differs",
        }
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "agrees",
        Verdict::Failed => "differs",
        Verdict::Undecided => "undecided",
    }
}

/// The report for programs. Results that are text stand in it as text; of others their sizes do.
pub fn report_json(report: &Report) -> String {
    let bytes = |bytes: &Option<Vec<u8>>| match bytes {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!({"text": text}),
            Err(_) => json!({"bytes": bytes.len()}),
        },
    };
    let cells = report.cells.iter().map(|cell| {
        let results = cell.results.iter().map(|result| {
            json!({
                "place": result.place,
                "format": result.format,
                "agrees": result.agrees,
                "identical": result.identical,
                "expected": bytes(&result.expected),
                "found": bytes(&result.found),
            })
        });
        json!({
            "step": cell.step,
            "label": cell.label,
            "code": cell.code,
            "standing": cell.standing.word(),
            "agreement": cell.agreement,
            "difference": cell.difference,
            "not_compared": cell.not_compared,
            "wall_seconds": cell.wall_seconds,
            "results": results.collect::<Vec<_>>(),
        })
    });
    let facts: serde_json::Map<String, Value> =
        report.facts.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let report = json!({
        "artifact": report.artifact,
        "verdict": verdict_word(report.verdict),
        "title": report.title,
        "facts": facts,
        "findings": report.findings,
        "notes": report.notes,
        "cells": cells.collect::<Vec<_>>(),
    });
    format!("{report:#}\n")
}
