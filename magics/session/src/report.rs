//! What a replay found as files: in which form, and what each cell says in it.

use kernwerk_core::{Network, Output, Problem};
use kernwerk_promote::{Agreement, CellReport, Compared, Level};
use kernwerk_render::{Report, ReportCell, ReportResult, Standing, report_json, report_notebook, report_page};

use crate::Context;
use crate::place::{Guarded, ending};

/// How a report is written.
type Form = fn(&Report) -> String;

/// The files that somebody wants, each with its form.
pub(crate) struct Wanted<'a>(Vec<(&'a str, Form)>);

impl<'a> Wanted<'a> {
    /// Looks at the files before anything runs; `guarded` are those that a report must not replace.
    ///
    /// # Errors
    /// The ending of one of the files says nothing of its form, it cannot be written there, or two are the same.
    pub fn new(context: &Context<'_>, files: &'a [String], guarded: &Guarded) -> Result<Self, Problem> {
        let wanted = files.iter().map(|file| {
            let form = form(file)?;
            context.check_place("--report", file, guarded)?;
            Ok((file.as_str(), form))
        });
        let wanted = wanted.collect::<Result<_, Problem>>().map(Self)?;
        context.check_distinct(&files.iter().map(|file| ("--report", file.as_str())).collect::<Vec<_>>())?;
        Ok(wanted)
    }

    /// Writes the report in each form, and says in the output where.
    pub fn write(
        &self,
        context: &Context<'_>,
        mut output: Output,
        report: impl FnOnce() -> Result<Report, Problem>,
    ) -> Result<Output, Problem> {
        if self.0.is_empty() {
            return Ok(output);
        }
        let report = report()?;
        for (file, form) in &self.0 {
            let path = context.save(file, form(&report).as_bytes())?;
            output = output.with_note(format!("report: {}", path.display()));
        }
        Ok(output)
    }
}

/// The form that the ending of a file asks for.
fn form(file: &str) -> Result<Form, Problem> {
    match ending(file).as_str() {
        "html" | "htm" => Ok(report_page),
        "ipynb" => Ok(report_notebook),
        "json" => Ok(report_json),
        _ => Err(Problem::new("BadReport", format!("`{file}` does not say what kind of report it is to be"))
            .with_hint("end it in .html, .ipynb or .json")),
    }
}

/// A cell as a report shows it, where it was to agree as well as `level`; `label` is what else it is called.
pub(crate) fn report_cell(cell: &CellReport, is_python: bool, level: Level, label: Option<String>) -> ReportCell {
    ReportCell {
        step: cell.step,
        label,
        code: cell.text.clone(),
        is_python,
        standing: match cell.agreement.reaches(level) {
            false => Standing::Differs,
            true if cell.compared == 0 => Standing::Silent,
            true => Standing::Agrees,
        },
        agreement: agreement(cell),
        difference: cell.difference.clone(),
        not_compared: cell.not_compared.clone(),
        wall_seconds: cell.wall_seconds,
        results: cell.results.iter().map(|result| report_result(result, level)).collect(),
    }
}

fn report_result(result: &Compared, level: Level) -> ReportResult {
    ReportResult {
        place: result.place.clone(),
        format: result.format.clone(),
        expected: result.expected.clone(),
        found: result.found.clone(),
        agrees: result.agreement.reaches(level),
        identical: result.agreement == Agreement::IDENTICAL,
    }
}

/// How a cell agrees, in words. What was never compared is not called identical.
pub(crate) fn agreement(cell: &CellReport) -> String {
    match (cell.compared, cell.not_compared.is_empty()) {
        (0, true) => "shows nothing to compare".to_owned(),
        (0, false) => "not compared".to_owned(),
        (_, true) => cell.agreement.to_string(),
        (_, false) => format!("{}, in part not compared", cell.agreement),
    }
}

/// What became of the network, in words.
pub(crate) fn network(network: Option<&Network>) -> String {
    match network {
        Some(Network::Off) => "kept away".to_owned(),
        Some(Network::Open) => "open".to_owned(),
        Some(Network::Unenforced(reason)) => format!("unenforced: {reason}"),
        None => "nothing ran".to_owned(),
    }
}

/// Names and values without those that say nothing.
pub(crate) fn facts(facts: Vec<(&str, String)>) -> Vec<(String, String)> {
    facts.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}
