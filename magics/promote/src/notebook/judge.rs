//! What a cell of a notebook showed in a run, compared with what the notebook's file holds of it, form by form.

use std::path::Path;

use kernwerk_core::{CellOutcome, CellStatus, Channel, Shown, ShownForm, StoredCell};

use super::order::is_executed;
use super::settle::{Settled, at_home, settle};
use crate::compare::{Agreement, Level, compare};
use crate::judge::{CellReport, Compared, Judgement, error_text, kind, quoted, report};

/// Ends what is said of a form that the run gave and the notebook lacks.
const NOT_HELD: &str = "a form that the notebook does not hold";

/// Whether this says of a result that the notebook lacks one of its forms: an older library did not give it, or somebody took it out.
pub(super) fn is_of_lost_form(reason: &str) -> bool {
    reason.ends_with(NOT_HELD)
}

/// Where the cells ran, and the directory that it is a copy of.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub copy: &'a Path,
    pub home: &'a Path,
}

/// How the run of a cell compares with what is stored of it; `number` is its place among the cells of code, from 1.
pub(super) fn against_stored(number: u32, cell: &StoredCell, outcome: &CellOutcome, places: Places<'_>) -> CellReport {
    let mut judgement = Judgement::new();
    if !is_executed(cell) {
        judgement.not_compared.push("it was not executed when the notebook was saved".to_owned());
        return report(number, cell.source.clone(), outcome, judgement);
    }
    let failed = outcome.status != CellStatus::Ok;
    if failed != fails(cell) {
        judgement.differs(match error_text(outcome) {
            Some(text) if failed => format!("in the notebook it ended well, and now it failed: `{text}`"),
            _ if failed => "in the notebook it ended well, and now it failed".to_owned(),
            _ => "in the notebook it failed, and now it ended well".to_owned(),
        });
    }
    leave_out(&mut judgement, cell, outcome);
    let (expected, found) = (comparable(&cell.shown), comparable(&outcome.shown));
    let stream = |shown: &[&Shown]| shown.iter().copied().find(|shown| shown.channel == Channel::Stdout).cloned();
    let others = |shown: Vec<&Shown>| -> Vec<Shown> {
        shown.into_iter().filter(|shown| shown.channel != Channel::Stdout).cloned().collect()
    };
    let mut pairing = Pairing { cell, places, judgement: &mut judgement };
    let (one, other) = (stream(&expected), stream(&found));
    if one.is_some() || other.is_some() {
        pairing.pair("what it printed", one.as_ref(), other.as_ref());
    }
    let (expected, found) = (others(expected), others(found));
    for position in 0..expected.len().max(found.len()) {
        pairing.pair(&format!("output {}", position + 1), expected.get(position), found.get(position));
    }
    report(number, cell.source.clone(), outcome, judgement)
}

/// Whether a cell ended with an error when the notebook was saved.
pub(super) fn fails(cell: &StoredCell) -> bool {
    cell.shown.iter().any(|shown| shown.channel == Channel::Error)
}

/// What is the same from run to run: neither what says that it is not, nor standard error, where warnings, logs and progress go.
fn comparable(shown: &[Shown]) -> Vec<&Shown> {
    shown.iter().filter(|shown| !shown.volatile && shown.channel != Channel::Stderr).collect()
}

/// Says what there is that is not compared.
fn leave_out(judgement: &mut Judgement, cell: &StoredCell, outcome: &CellOutcome) {
    let all = || cell.shown.iter().chain(&outcome.shown);
    if all().any(|shown| shown.channel == Channel::Stderr) {
        judgement.not_compared.push("what it wrote to standard error".to_owned());
    }
    match cell.shown.iter().filter(|shown| shown.volatile).count() {
        0 => {}
        1 => judgement.not_compared.push("an output that is another in each run".to_owned()),
        many => judgement.not_compared.push(format!("{many} outputs that are others in each run")),
    }
}

struct Pairing<'a> {
    cell: &'a StoredCell,
    places: Places<'a>,
    judgement: &'a mut Judgement,
}

impl Pairing<'_> {
    fn pair(&mut self, place: &str, expected: Option<&Shown>, found: Option<&Shown>) {
        match (expected, found) {
            (Some(one), Some(other)) if one.channel == other.channel => self.compare_forms(place, one, other),
            (Some(one), Some(other)) => {
                self.show(place, Some(one), Some(other));
                let (one, other) = (name(one), name(other));
                self.judgement.differs(format!("{place} ({one}) is of another kind now: {other}"));
            }
            (Some(one), None) => {
                self.show(place, Some(one), None);
                self.judgement.differs(format!("{place} ({}) is missing", name(one)));
            }
            (None, Some(other)) => {
                self.show(place, None, Some(other));
                let words = other.forms.first().map_or_else(String::new, |form| quoted(&form.bytes));
                self.judgement.differs(format!("{place} ({}) is not in the notebook{words}", name(other)));
            }
            (None, None) => {}
        }
    }

    /// Compares the forms that both have. One that is gone differs; one that the notebook does not hold is no matter of it.
    fn compare_forms(&mut self, place: &str, one: &Shown, other: &Shown) {
        for expected in &one.forms {
            match other.forms.iter().find(|found| found.format == expected.format) {
                Some(found) => self.compare(place, one.channel, expected, found),
                None => {
                    let what = kind(one.channel, &expected.format);
                    self.judgement.differs(format!("{place} ({what}) does not have that form any more"));
                    self.judgement.results.push(Compared {
                        place: format!("{place} ({what})"),
                        format: expected.format.clone(),
                        expected: Some(expected.bytes.clone()),
                        found: None,
                        agreement: Agreement::Different,
                    });
                }
            }
        }
        for found in &other.forms {
            if one.forms.iter().all(|expected| expected.format != found.format) {
                let what = kind(one.channel, &found.format);
                self.judgement.not_compared.push(format!("{place} as {what}, {NOT_HELD}"));
            }
        }
    }

    fn compare(&mut self, place: &str, channel: Channel, expected: &ShownForm, found: &ShownForm) {
        let place = format!("{place} ({})", kind(channel, &expected.format));
        let (bytes, moved) = match std::str::from_utf8(&found.bytes) {
            Ok(text) => {
                let (text, moved) = at_home(text, self.places.copy, self.places.home);
                (text.into_bytes(), moved)
            }
            Err(_) => (found.bytes.clone(), false),
        };
        let (mut agreement, mut difference) = compare(&expected.format, &expected.bytes, &bytes);
        if agreement == Agreement::Different
            && let Some((one, other)) = self.settled(channel, &expected.bytes, &bytes)
        {
            if one.had_times && other.had_times && one.text.trim().is_empty() && other.text.trim().is_empty() {
                self.judgement.not_compared.push(format!("{place}: it tells nothing but times"));
                return;
            }
            (agreement, difference) = compare(&expected.format, one.text.as_bytes(), other.text.as_bytes());
            agreement = agreement.max(Agreement::At(Level::Canonical));
        }
        if moved {
            agreement = agreement.max(Agreement::At(Level::Canonical));
            difference = difference.or_else(|| Some("paths are those of the copy in which it ran".to_owned()));
        }
        self.judgement.add(agreement, difference.map(|difference| format!("{place}, {difference}")));
        self.judgement.results.push(Compared {
            place,
            format: expected.format.clone(),
            expected: Some(expected.bytes.clone()),
            found: Some(bytes),
            agreement,
        });
    }

    /// Both texts without what means nothing, where there is something of that.
    fn settled(&self, channel: Channel, expected: &[u8], found: &[u8]) -> Option<(Settled, Settled)> {
        let (expected, found) = (std::str::from_utf8(expected).ok()?, std::str::from_utf8(found).ok()?);
        let source = &self.cell.source;
        let (one, other) = (settle(source, channel, expected), settle(source, channel, found));
        (one.text != expected || other.text != found).then_some((one, other))
    }

    /// Keeps for the report what has nothing beside it.
    fn show(&mut self, place: &str, expected: Option<&Shown>, found: Option<&Shown>) {
        let form = |shown: Option<&Shown>| shown.and_then(|shown| shown.forms.first()).cloned();
        let (expected, found) = (form(expected), form(found));
        let format = expected.as_ref().or(found.as_ref()).map_or("txt", |form| &form.format).to_owned();
        self.judgement.results.push(Compared {
            place: place.to_owned(),
            format,
            expected: expected.map(|form| form.bytes),
            found: found.map(|form| form.bytes),
            agreement: Agreement::Different,
        });
    }
}

fn name(shown: &Shown) -> String {
    kind(shown.channel, shown.forms.first().map_or("no form", |form| &form.format))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(channel: Channel, forms: &[(&str, &str)]) -> Shown {
        let form =
            |(format, text): &(&str, &str)| ShownForm { format: (*format).to_owned(), bytes: text.as_bytes().to_vec() };
        Shown { channel, forms: forms.iter().map(form).collect(), volatile: false }
    }

    fn judged(source: &str, stored: Vec<Shown>, found: Vec<Shown>) -> CellReport {
        let failed = found.iter().any(|shown| shown.channel == Channel::Error);
        let outcome = CellOutcome {
            ordinal: 1,
            status: if failed { CellStatus::Error } else { CellStatus::Ok },
            outputs: Vec::new(),
            bindings: Vec::new(),
            effects: Vec::new(),
            parameters: Vec::new(),
            shown: found,
            wall_seconds: 0.0,
        };
        let cell = StoredCell { source: source.to_owned(), execution_count: Some(1), shown: stored };
        let places = Places { copy: Path::new("/tmp/run/nb"), home: Path::new("/home/ada/nb") };
        against_stored(1, &cell, &outcome, places)
    }

    fn agreement(stored: &[(&str, &str)], found: &[(&str, &str)]) -> (Agreement, usize) {
        let report = judged("x", vec![shown(Channel::Result, stored)], vec![shown(Channel::Result, found)]);
        (report.agreement, report.compared)
    }

    #[test]
    fn each_form_is_compared() {
        let both = [("txt", "1"), ("html", "<b>1</b>")];
        assert_eq!(agreement(&both, &both), (Agreement::IDENTICAL, 2));
        assert_eq!(agreement(&both, &[("txt", "1"), ("html", "<b>2</b>")]), (Agreement::Different, 2));
        assert_eq!(agreement(&both, &both[..1]), (Agreement::Different, 2));
        assert_eq!(agreement(&both[..1], &both), (Agreement::IDENTICAL, 1));
        let close =
            agreement(&[("json", "{\"a\": 0.1, \"b\": 2}")], &[("json", "{\"b\": 2, \"a\": 0.10000000000000001}")]);
        assert_eq!(close, (Agreement::At(Level::Canonical), 1));
        let moved = agreement(&[("txt", "/home/ada/nb/a.csv")], &[("txt", "/tmp/run/nb/a.csv")]);
        assert_eq!(moved, (Agreement::At(Level::Canonical), 1));
    }

    #[test]
    fn what_is_missing_or_more_or_of_another_kind_is_told() {
        let result = || shown(Channel::Result, &[("txt", "1")]);
        let display = || shown(Channel::Display, &[("png", "1")]);
        let text = || Shown::text(Channel::Stdout, "a\n");
        for (stored, found, words) in [
            (vec![result()], vec![], "output 1 (result, txt) is missing"),
            (vec![], vec![display()], "output 1 (display, png) is not in the notebook"),
            (vec![result()], vec![display()], "output 1 (result, txt) is of another kind now: display, png"),
            (vec![text(), result()], vec![result()], "what it printed (standard output, txt) is missing"),
            (vec![], vec![Shown::text(Channel::Error, "E: no")], "in the notebook it ended well, and now it failed"),
            (vec![Shown::text(Channel::Error, "E: no")], vec![], "in the notebook it failed, and now it ended well"),
        ] {
            let report = judged("x", stored, found);
            assert_eq!(report.agreement, Agreement::Different);
            assert!(report.difference.as_deref().is_some_and(|difference| difference.starts_with(words)), "{report:?}");
        }
    }

    #[test]
    fn what_is_not_compared_is_told_and_no_agreement() {
        let warning = Shown::text(Channel::Stderr, "at 12:00");
        let bar = |text: &str| Shown { volatile: true, ..shown(Channel::Display, &[("txt", text)]) };
        let report = judged("x", vec![warning.clone(), bar("1 s")], vec![bar("2 s")]);
        assert_eq!((report.compared, report.not_compared.len()), (0, 2));
        let times = |text: &str| vec![Shown::text(Channel::Stdout, text)];
        let report = judged("%time f()", times("Wall time: 1 s\n"), times("Wall time: 2 s\n"));
        assert_eq!((report.compared, report.not_compared.len()), (0, 1));
        let report = judged("%time f()", times("Wall time: 1 s\n7"), times("Wall time: 2 s\n7"));
        assert_eq!((report.compared, report.agreement), (1, Agreement::At(Level::Canonical)));
        let report = judged("%time f()", times("Wall time: 1 s\n7"), times("Wall time: 2 s\n8"));
        assert_eq!(report.agreement, Agreement::Different);
    }
}
