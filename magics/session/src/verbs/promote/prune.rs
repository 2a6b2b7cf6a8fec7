//! `%promote prune`: versions and runs go that nobody relies on.

use kernwerk_core::{Output, Problem, Table};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Fate, PruneSpec, Pruning};
use kernwerk_store::RetentionRules;
use serde_json::json;

use super::TWO_VERSIONS;
use crate::arguments::count;
use crate::columns::{table, texts};
use crate::person::Signature;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Prune {
    /// An artifact's name, such as `fares`; all of them unless given
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// So many of the last versions of an artifact stay
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    keep_versions: Option<u32>,
    /// What is younger stays, and what was in use within so many days
    #[arg(long, value_name = "DAYS", allow_negative_numbers = true, value_parser = count)]
    keep_days: Option<u32>,
    /// So many of the last runs of an artifact stay, with what their steps gave
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    keep_runs: Option<u32>,
    /// So many versions stay on each stage that a rollback can go back to; else all
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = count)]
    keep_rollbacks: Option<u32>,
    /// Remove what is shown; without it nothing is removed
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    signature: Signature,
}

impl Verb for Prune {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "prune";
    const ABOUT: &'static str = "show which old versions and runs nobody relies on, by `[promote.retention]` or the options; with `--apply` remove them";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "what would go",
            line: "%promote prune --keep-versions 5 --keep-days 90 --keep-runs 20",
            body: None,
            setup: TWO_VERSIONS,
        },
        Example {
            about: "it goes",
            line: "%promote prune fares --keep-versions 1 --apply --why \"the disk is full\"",
            body: None,
            setup: TWO_VERSIONS,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = match &self.name {
            Some(name) if self.apply => context.lab_with(name)?,
            _ => context.lab()?,
        };
        let settings = lab.promotion_rules()?.retention;
        let rules = RetentionRules {
            keep_versions: self.keep_versions.or(settings.keep_versions),
            keep_days: self.keep_days.or(settings.keep_days),
            keep_runs: self.keep_runs.or(settings.keep_runs),
            keep_rollbacks: self.keep_rollbacks.or(settings.keep_rollbacks),
        };
        let spec = PruneSpec { name: self.name, rules };
        let pruning = match self.apply {
            true => kernwerk_promote::prune(&lab, &spec, &self.signature.author(context)?, context.work())?,
            false => kernwerk_promote::survey(&lab, &spec, context.work())?,
        };
        let output = Output::table(fates(&pruning, self.apply)?).with_title(title(&pruning, self.apply));
        let output = notes(&pruning, &rules, self.apply).into_iter().fold(output, Output::with_note);
        Ok(output.with_machine(machine(&pruning, self.apply)).volatile().into())
    }
}

/// Everything that was looked at, what goes first.
fn fates(pruning: &Pruning, applied: bool) -> Result<Table, Problem> {
    let word = |fate: &Fate| match (fate.goes, applied) {
        (false, _) => "stays",
        (true, false) => "goes",
        (true, true) => "gone",
    };
    let all = || pruning.versions.iter().chain(&pruning.runs);
    let rows: Vec<&Fate> = all().filter(|fate| fate.goes).chain(all().filter(|fate| !fate.goes)).collect();
    table(vec![
        ("what", texts(rows.iter().map(|fate| Some(fate.what.clone())))),
        ("fate", texts(rows.iter().map(|fate| Some(word(fate).to_owned())))),
        ("why", texts(rows.iter().map(|fate| Some(fate.why.clone())))),
        ("size", texts(rows.iter().map(|fate| Some(bytes(fate.bytes))))),
    ])
}

fn title(pruning: &Pruning, applied: bool) -> String {
    let count = |fates: &[Fate]| fates.iter().filter(|fate| fate.goes).count();
    let mut parts = Vec::new();
    for (number, noun) in
        [(count(&pruning.versions), "version"), (count(&pruning.runs), "run"), (pruning.steps, "kept result of steps")]
    {
        match number {
            0 => {}
            1 => parts.push(format!("1 {noun}")),
            number if noun.starts_with("kept") => parts.push(format!("{number} kept results of steps")),
            number => parts.push(format!("{number} {noun}s")),
        }
    }
    let done = if applied { "removed" } else { "would be removed" };
    match parts.is_empty() {
        true => format!("nothing {done}"),
        false => format!("{done}: {}; {} freed", parts.join(", "), bytes(pruning.bytes())),
    }
}

fn notes(pruning: &Pruning, rules: &RetentionRules, applied: bool) -> Vec<String> {
    let mut notes = pruning.notes.clone();
    // A table has no room for what is wrong with a version.
    let all = pruning.versions.iter().chain(&pruning.runs).filter(|fate| !fate.goes && fate.why.contains(": "));
    notes.extend(all.map(|fate| format!("{} stays: {}", fate.what, fate.why)));
    if *rules == RetentionRules::default() {
        notes.push("no rule says what may go: `--keep-versions N`, `--keep-days DAYS` and `--keep-runs N`, or [promote.retention] in kernwerk.toml".to_owned());
    }
    let has_versions = pruning.versions.iter().any(|fate| fate.goes);
    if !applied && !pruning.is_empty() {
        notes.push("nothing was removed; the same with `--apply` removes it".to_owned());
    } else if applied && has_versions {
        notes.push(
            "commit what went and the history with it: `%promote history NAME` shows when, by whom and why".to_owned(),
        );
    }
    notes
}

fn machine(pruning: &Pruning, applied: bool) -> serde_json::Value {
    let list = |fates: &[Fate]| -> Vec<serde_json::Value> {
        let one = |fate: &Fate| json!({ "what": fate.what, "goes": fate.goes, "why": fate.why, "bytes": fate.bytes });
        fates.iter().map(one).collect()
    };
    json!({
        "applied": applied,
        "versions": list(&pruning.versions),
        "runs": list(&pruning.runs),
        "steps": pruning.steps,
        "bytes": pruning.bytes(),
    })
}

/// A size as people read it, such as `3.4 MB`.
fn bytes(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut size = bytes as f64;
    let mut unit = "B";
    for larger in units {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") }
}
