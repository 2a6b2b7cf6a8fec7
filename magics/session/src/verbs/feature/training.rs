//! `%feature training`: features for every row of a spine, as they were known at the row's time.

use kernwerk_core::{Output, Problem, Resource};
use kernwerk_feature::{Coverage, Outcome, TrainingSpec, View};
use kernwerk_lang::{BodyUse, Example};

use super::{BUSY, RIDES, record_reads, rows};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Training {
    /// The rows that get features: a table, a feature view, or what an earlier `-> name` holds
    #[arg(value_name = "SPINE")]
    spine: String,
    /// Feature views, and single features as `view.feature`, with commas
    #[arg(long, value_name = "VIEW", value_delimiter = ',', required = true)]
    features: Vec<String>,
    /// The spine's points in time; without it those that the table was loaded with
    #[arg(long, value_name = "COLUMN")]
    event_time: Option<String>,
    /// Call features `view__feature`
    #[arg(long)]
    full_names: bool,
    /// Whether rows of views with a created time count only from then on; `off` lets the future leak in
    #[arg(long, value_enum, default_value_t = Switch::On, value_name = "SWITCH")]
    created_cutoff: Switch,
    /// Say for each row and view why there are no features, in columns `view__reason`
    #[arg(long)]
    reasons: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Switch {
    On,
    Off,
}

impl Verb for Training {
    const MAGIC: &'static str = "feature";
    const NAME: &'static str = "training";
    const ABOUT: &'static str = "join features to rows as they were known at each row's time";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "every ride with what was known of its zone, as a frame for later cells",
            line: "%feature training rides --features busy -> frame",
            body: None,
            setup: &[RIDES, BUSY],
        },
        Example {
            about: "one feature by its full name, and why rows have none",
            line: "%feature training rides --features busy.last_fare --full-names --reasons",
            body: None,
            setup: &[RIDES, BUSY],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let given = context.given(&self.spine);
        let is_stored = given.is_none()
            && (lab.names(Resource::Table).contains(&self.spine) || View::find(&lab, &self.spine)?.is_some());
        let is_hidden = is_stored && context.session.variable_names().contains(&self.spine);
        let spec = TrainingSpec {
            given: if given.is_some() || is_stored { given } else { context.variable(&self.spine)? },
            spine: self.spine,
            features: self.features,
            event_time: self.event_time,
            full_names: self.full_names,
            created_cutoff: self.created_cutoff == Switch::On,
            reasons: self.reasons,
        };
        let training = context.block_on(kernwerk_feature::training(&lab, &spec, context.work()))?;
        record_reads(context, &lab, &training.reads)?;
        let count = training.table.rows() as u64;
        let features = training.coverage.len();
        let title =
            format!("{}: {}, {features} feature{}", spec.spine, rows(count), if features == 1 { "" } else { "s" });
        let mut output = Output::table(training.table).with_title(title);
        for (view, outcomes) in &training.outcomes {
            output = output.with_note(matches(view, outcomes));
        }
        for coverage in training.coverage.iter().filter(|coverage| coverage.null_value > 0) {
            output = output.with_note(nulls(coverage));
        }
        if is_hidden {
            let note = format!("`{}` is the lab's table; the variable of that name was not looked at", spec.spine);
            output = output.with_note(note);
        }
        output = training.warnings.into_iter().fold(output, Output::with_note);
        if !spec.created_cutoff {
            output = output.with_note("created times were ignored: rows may have features that were not known yet");
        }
        Ok(output.into())
    }
}

/// Such as `busy: found for 8 of 10 rows; 1 no key, 1 expired`.
fn matches(view: &str, outcomes: &[Outcome]) -> String {
    let count = |wanted: Outcome| outcomes.iter().filter(|outcome| **outcome == wanted).count();
    let misses: Vec<String> = [
        (Outcome::NoKey, "no key"),
        (Outcome::Expired, "expired"),
        (Outcome::Future, "only in the future"),
        (Outcome::NullKey, "null key or time"),
    ]
    .into_iter()
    .filter(|(outcome, _)| count(*outcome) > 0)
    .map(|(outcome, words)| format!("{} {words}", count(outcome)))
    .collect();
    let found = format!("{view}: found for {} of {}", count(Outcome::Found), rows(outcomes.len() as u64));
    if misses.is_empty() { found } else { format!("{found}; {}", misses.join(", ")) }
}

fn nulls(coverage: &Coverage) -> String {
    format!("{}: null in {} of the rows found in {}", coverage.column, coverage.null_value, coverage.view)
}
