//! What differs between two artifacts, in words, tables and lines.

use kernwerk_core::{Body, Document, Lines, Output, Part, Pictures, Problem, Section, Side, Table, Verdict};
use kernwerk_promote::{
    Change, Diff, DiffSide, FileDiff, InputDiff, InputPin, MatchedBy, OutputDiff, StepChange, StepDiff, TableDiff,
};

use crate::columns::{numbers, table, texts};

/// So much of a digest tells two apart.
const DIGITS: usize = 12;

/// The report on a difference. Its verdict is whether there is one.
pub(crate) fn report(diff: &Diff) -> Result<Output, Problem> {
    let is_same = diff.is_same();
    let mut sections = vec![sides(diff)?];
    sections.extend(steps(&diff.steps)?);
    sections.extend(changes("Settings", &diff.settings, false)?);
    sections.extend(inputs(&diff.inputs)?);
    sections.extend(outputs(&diff.outputs)?);
    sections.extend(files(&diff.files));
    sections.extend(changes("Scores", &diff.scores, true)?);
    sections.extend(changes("Cost and time", &diff.measured, true)?);
    let data = serde_json::to_value(diff).map_err(|error| Problem::new("InternalError", error.to_string()))?;
    let mut data = data;
    data["same"] = is_same.into();
    let (before, after) = (&diff.before.artifact, &diff.after.artifact);
    let title = match is_same {
        true => format!("{before} and {after} are the same"),
        false => format!("{after} differs from {before}"),
    };
    let output = Output::new(Body::Document(Document { sections, data })).with_title(title);
    let output = output.with_verdict(if is_same { Verdict::Passed } else { Verdict::Failed });
    Ok([&diff.before, &diff.after].into_iter().fold(output, |output, side| match side.findings.len() {
        0 => output,
        1 => output.with_note(format!("{} is not as it should be: {}", side.artifact, side.findings[0])),
        count => output.with_note(format!(
            "{} is not as it should be in {count} ways: `%promote verify {}` names them",
            side.artifact, side.artifact
        )),
    }))
}

/// What is compared, and in short how it differs.
fn sides(diff: &Diff) -> Result<Section, Problem> {
    let word = |of: fn(&DiffSide) -> String| (of(&diff.before), of(&diff.after));
    let mut rows = vec![
        ("artifact", word(|side| side.artifact.clone())),
        ("in use as", word(|side| side.labels.join(", "))),
        ("published", word(|side| side.published_at.clone().unwrap_or_else(|| "not told".to_owned()))),
        ("identity", word(|side| short(&side.identity))),
    ];
    rows.retain(|(_, (before, after))| !(before.is_empty() && after.is_empty()));
    let table = table(vec![
        ("", texts(rows.iter().map(|(name, _)| Some((*name).to_owned())))),
        ("before", texts(rows.iter().map(|(_, (before, _))| Some(before.clone())))),
        ("after", texts(rows.iter().map(|(_, (_, after))| Some(after.clone())))),
    ])?;
    let counted = [
        (diff.steps.iter().filter(|step| differs(step)).count(), "step"),
        (diff.settings.len(), "setting"),
        (diff.inputs.len(), "input"),
        (diff.outputs.len(), "result"),
        (diff.files.len(), "other file"),
    ];
    let counted: Vec<String> =
        counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| plural(count, what)).collect();
    let words =
        if counted.is_empty() { "nothing differs".to_owned() } else { format!("{} differ", counted.join(", ")) };
    Ok(Section { title: "Compared".to_owned(), parts: vec![Part::Table(table), Part::Text(words)] })
}

fn differs(step: &StepDiff) -> bool {
    step.change != StepChange::Same || !step.settings.is_empty()
}

fn steps(steps: &[StepDiff]) -> Result<Option<Section>, Problem> {
    if !steps.iter().any(differs) {
        return Ok(None);
    }
    let shown = table(vec![
        ("before", numbers(steps.iter().map(|step| step.before.map(i64::from)))),
        ("after", numbers(steps.iter().map(|step| step.after.map(i64::from)))),
        ("change", texts(steps.iter().map(|step| Some(step.change.name().to_owned())))),
        ("code", texts(steps.iter().map(|step| Some(step.beginning.clone())))),
    ])?;
    let mut parts = vec![Part::Table(shown)];
    for step in steps.iter().filter(|step| differs(step)) {
        let title = match (step.before, step.after) {
            (Some(before), Some(after)) if before == after => format!("cell {after}, {}", step.change.name()),
            (Some(before), Some(after)) => format!("cell {before}, now cell {after}, {}", step.change.name()),
            (Some(number), None) | (None, Some(number)) => format!("cell {number}, {}", step.change.name()),
            (None, None) => continue,
        };
        if !step.lines.is_empty() {
            parts.push(Part::Lines(Lines { title: title.clone(), hunks: step.lines.clone() }));
        }
        if !step.settings.is_empty() {
            parts.push(Part::Text(title));
            parts.push(Part::Table(change_table(&step.settings, false)?));
        }
    }
    Ok(Some(Section { title: "Steps".to_owned(), parts }))
}

fn changes(title: &str, changes: &[Change], with_difference: bool) -> Result<Option<Section>, Problem> {
    if changes.is_empty() {
        return Ok(None);
    }
    let parts = vec![Part::Table(change_table(changes, with_difference)?)];
    Ok(Some(Section { title: title.to_owned(), parts }))
}

fn change_table(changes: &[Change], with_difference: bool) -> Result<Table, Problem> {
    let mut columns = vec![
        ("name", texts(changes.iter().map(|change| Some(change.name.clone())))),
        ("before", texts(changes.iter().map(|change| change.before.as_deref().map(readable)))),
        ("after", texts(changes.iter().map(|change| change.after.as_deref().map(readable)))),
    ];
    if with_difference {
        columns.push(("change", texts(changes.iter().map(|change| change.difference.map(signed)))));
    }
    table(columns)
}

fn inputs(inputs: &[InputDiff]) -> Result<Option<Section>, Problem> {
    if inputs.is_empty() {
        return Ok(None);
    }
    let pin = |pin: &Option<InputPin>| {
        pin.as_ref().map(|pin| match pin.version {
            Some(version) => format!("version {version}, {}", short(&pin.digest)),
            None => short(&pin.digest),
        })
    };
    let shown = table(vec![
        ("input", texts(inputs.iter().map(|input| Some(format!("{} {}", input.kind, input.name))))),
        ("before", texts(inputs.iter().map(|input| pin(&input.before)))),
        ("after", texts(inputs.iter().map(|input| pin(&input.after)))),
        ("difference", texts(inputs.iter().map(|input| Some(input.difference.clone())))),
    ])?;
    let mut parts = vec![Part::Table(shown)];
    for input in inputs {
        if let Some(diff) = &input.table {
            parts.extend(table_parts(&format!("{} `{}`", input.kind, input.name), diff)?);
        }
    }
    Ok(Some(Section { title: "Inputs".to_owned(), parts }))
}

fn outputs(outputs: &[OutputDiff]) -> Result<Option<Section>, Problem> {
    let mut parts = Vec::new();
    for output in outputs {
        let cell = match (output.before, output.after) {
            (Some(before), Some(after)) if before != after => format!("cell {before}, now cell {after}"),
            (_, Some(cell)) | (Some(cell), None) => format!("cell {cell}"),
            (None, None) => continue,
        };
        let title = format!("{cell}: {}: {}", output.name, output.difference);
        match (&output.pictures, &output.table) {
            (Some((before, after)), _) => parts.push(Part::Pictures(Pictures {
                title: title.clone(),
                before: before.clone(),
                after: after.clone(),
            })),
            (None, Some(diff)) => parts.extend(table_parts(&title, diff)?),
            (None, None) if output.lines.is_empty() => parts.push(Part::Text(title.clone())),
            (None, None) => {}
        }
        if !output.lines.is_empty() {
            parts.push(Part::Lines(Lines { title, hunks: output.lines.clone() }));
        }
    }
    Ok((!parts.is_empty()).then(|| Section { title: "Results".to_owned(), parts }))
}

fn files(files: &[FileDiff]) -> Option<Section> {
    let parts = files.iter().map(|file| {
        let words = match (&file.before, &file.after) {
            (None, _) => "is new",
            (_, None) => "is gone",
            _ => "changed",
        };
        let title = format!("{} {words}", file.path);
        if file.lines.is_empty() { Part::Text(title) } else { Part::Lines(Lines { title, hunks: file.lines.clone() }) }
    });
    let parts: Vec<Part> = parts.collect();
    (!parts.is_empty()).then(|| Section { title: "Other files".to_owned(), parts })
}

/// How a table differs: a sentence, then columns, numbers and rows.
fn table_parts(title: &str, diff: &TableDiff) -> Result<Vec<Part>, Problem> {
    let mut parts = vec![Part::Text(format!("{title}: {}", table_words(diff)))];
    if !diff.columns.is_empty() {
        parts.push(Part::Table(table(vec![
            ("column", texts(diff.columns.iter().map(|column| Some(column.name.clone())))),
            ("before", texts(diff.columns.iter().map(|column| column.before.clone()))),
            ("after", texts(diff.columns.iter().map(|column| column.after.clone()))),
        ])?));
    }
    if !diff.values.is_empty() {
        let largest = |of: fn(&kernwerk_promote::NumberChange) -> String| {
            texts(diff.values.iter().map(|value| value.largest.as_ref().map(of)))
        };
        parts.push(Part::Table(table(vec![
            ("column", texts(diff.values.iter().map(|value| Some(value.column.clone())))),
            ("rows that differ", numbers(diff.values.iter().map(|value| Some(value.rows as i64)))),
            ("largest change", largest(|largest| signed(largest.after - largest.before))),
            ("from", largest(|largest| number_text(largest.before))),
            ("to", largest(|largest| number_text(largest.after))),
            ("in", largest(|largest| largest.row.clone())),
        ])?));
    }
    if !diff.examples.is_empty() {
        parts.push(Part::Table(examples(diff)?));
    }
    Ok(parts)
}

fn table_words(diff: &TableDiff) -> String {
    let mut words = vec![match diff.rows_before == diff.rows_after {
        true => plural(diff.rows_after, "row"),
        false => format!("{} became {}", plural(diff.rows_before, "row"), diff.rows_after),
    }];
    let counted = [(diff.added, "added"), (diff.removed, "removed"), (diff.changed, "changed")];
    words.extend(counted.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    if diff.added + diff.removed + diff.changed == 0 {
        words.push("none of them differs in the columns that both have".to_owned());
    }
    words.push(match &diff.matched_by {
        MatchedBy::Columns(names) => format!("matched by {}", names.join(" and ")),
        MatchedBy::Position => "matched by their place".to_owned(),
        MatchedBy::Values => "matched by all their values".to_owned(),
    });
    if !diff.left_out.is_empty() {
        words.push(format!("not compared: {}", diff.left_out.join(", ")));
    }
    words.join(", ")
}

/// A few rows; a value that changed as `before → after`.
fn examples(diff: &TableDiff) -> Result<Table, Problem> {
    let names: Vec<&str> = diff
        .examples
        .first()
        .map(|row| row.cells.iter().map(|cell| cell.column.as_str()).collect())
        .unwrap_or_default();
    let words = |side: Side| match side {
        Side::Before => "removed",
        Side::After => "added",
        Side::Both => "changed",
    };
    let mut columns = vec![("row", texts(diff.examples.iter().map(|row| Some(words(row.side).to_owned()))))];
    for (index, name) in names.into_iter().enumerate() {
        let values = diff.examples.iter().map(|row| {
            let cell = row.cells.get(index)?;
            Some(match (&cell.before, &cell.after) {
                (Some(before), Some(after)) if before != after => format!("{before} → {after}"),
                (before, after) => after.clone().or_else(|| before.clone())?,
            })
        });
        columns.push((name, texts(values)));
    }
    table(columns)
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn signed(number: f64) -> String {
    let text = number_text(number);
    if number > 0.0 { format!("+{text}") } else { text }
}

/// A long fraction in six significant digits; other texts as they are.
fn readable(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if text.contains('.') && text.len() > 8 => number_text(number),
        _ => text.to_owned(),
    }
}

fn number_text(number: f64) -> String {
    kernwerk_render::number(number)
}

fn short(digest: &str) -> String {
    digest.chars().take(DIGITS).collect()
}
