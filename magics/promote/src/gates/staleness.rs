//! Staleness: cells that read something which has changed since, and input tables that are older than they may be.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use kernwerk_core::{Access, Effect, Resource, Work};
use kernwerk_store::{GateRules, Lab};

use super::report::{Demand, Finding, Judged, counted};
use super::{Gate, Subject};
use crate::Error;
use crate::execution::{Execution, label};
use crate::files::digest_file;
use crate::inputs::open;
use crate::plan::{Kept, Plan};
use crate::stale::{Cause, Stale, Watch, is_same};

pub(super) struct Staleness;

impl Gate for Staleness {
    fn name(&self) -> &'static str {
        "staleness"
    }

    fn demand(&self, _: &GateRules) -> Demand {
        Demand::Require
    }

    fn remedy(&self) -> &'static str {
        "run the stale cells and those behind them again, from the first on; where the older values are meant, \
         `warn = [\"staleness\"]` below [promote.gates] of kernwerk.toml says so"
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error> {
        let Some(plan) = subject.plan else { return Ok(subject.recorded(self.name())) };
        let mut findings = stale_among(&plan.kept, &subject.stale);
        let mut looked_at = counted(plan.kept.len(), "cell");
        if let Some(most) = &subject.rules().max_age {
            let Some(most) = age(most) else {
                return Ok(Judged::unmeasured(
                    looked_at,
                    &format!("`max_age = \"{most}\"` is no age such as 30d or 12h"),
                ));
            };
            looked_at = format!("{looked_at}, the age of input tables");
            let old = subject.oldest_input.iter().filter(|(_, age)| *age > most);
            findings.extend(old.map(|(name, age)| Finding {
                place: format!("table `{name}`"),
                what: format!("data that is {} days old", age.num_days()),
                fingerprint: None,
            }));
        }
        Ok(Judged::by_findings(looked_at, findings))
    }
}

/// The kept cells that are stale. What a later kept cell writes anew was read as it was on purpose: the slice runs both.
fn stale_among(kept: &[Kept], stale: &[Stale]) -> Vec<Finding> {
    let mut found: BTreeSet<u32> = BTreeSet::new();
    let mut findings = Vec::new();
    for cell in kept {
        let count = cell.execution.execution_count;
        let Some(stale) = stale.iter().find(|stale| stale.execution_count == count) else { continue };
        let writes_later = |resource: Resource, name: &str| {
            let later = kept.iter().filter(|other| other.execution.execution_count > count);
            let mut effects = later.flat_map(|other| &other.execution.effects);
            effects
                .any(|effect| (effect.access, effect.resource, effect.name.as_str()) == (Access::Write, resource, name))
        };
        let mut causes = stale.causes.iter().filter(|cause| match cause {
            Cause::Replaced { resource, name, .. } => !writes_later(*resource, name),
            Cause::Follows { from, .. } => found.contains(from),
            Cause::RanAgain { .. } => true,
        });
        if let Some(cause) = causes.next() {
            found.insert(count);
            findings.push(Finding {
                place: label(count),
                what: format!("a stale value, for {cause}"),
                fingerprint: None,
            });
        }
    }
    findings
}

/// The executions whose inputs have changed by the record of cells alone, of those that `plan` keeps.
pub(super) async fn of_log(lab: &Lab, plan: &Plan, log: Vec<Execution>, work: &Work) -> Result<Vec<Stale>, Error> {
    let mut now: BTreeMap<(Resource, String), (Option<u64>, Option<String>)> = BTreeMap::new();
    let reads =
        plan.kept.iter().flat_map(|kept| &kept.execution.effects).filter(|effect| effect.access == Access::Read);
    for effect in reads {
        work.check()?;
        let key = (effect.resource, effect.name.clone());
        if now.contains_key(&key) {
            continue;
        }
        let state = match effect.resource {
            Resource::Table | Resource::Corpus => {
                open(lab, effect.resource, &effect.name, None).await.ok().map(|stored| (Some(stored.version()), None))
            }
            Resource::File => {
                let path = lab.root().join(&effect.name);
                digest_file(&path, work).ok().map(|digest| (None, Some(digest)))
            }
            _ => None,
        };
        now.extend(state.map(|state| (key, state)));
    }
    let mut watch = Watch::default();
    log.into_iter().for_each(|execution| watch.push(execution, None));
    let is_current = |effect: &Effect| {
        let (version, digest) = now.get(&(effect.resource, effect.name.clone()))?;
        is_same(effect, *version, digest.as_deref())
    };
    Ok(watch.stale_executions(is_current))
}

/// The oldest table or corpus among the inputs, and how old it is.
pub(super) async fn oldest_input(lab: &Lab, plan: &Plan) -> Result<Option<(String, TimeDelta)>, Error> {
    let mut oldest: Option<(String, TimeDelta)> = None;
    for input in plan.inputs.iter().filter(|input| matches!(input.resource, Resource::Table | Resource::Corpus)) {
        let history = open(lab, input.resource, &input.name, input.version).await?.history().await?;
        let written = history.into_iter().find(|info| Some(info.version) == input.version);
        let written = written.and_then(|info| chrono::DateTime::parse_from_rfc3339(&info.written_at).ok());
        let Some(age) = written.map(|written| chrono::Utc::now().signed_duration_since(written)) else { continue };
        if oldest.as_ref().is_none_or(|(_, other)| age > *other) {
            oldest = Some((input.name.clone(), age));
        }
    }
    Ok(oldest)
}

/// An age such as `30d`, `12h` or `90 minutes`.
fn age(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let count: i64 = text[..end].parse().ok()?;
    match text[end..].trim() {
        "w" | "week" | "weeks" => TimeDelta::try_weeks(count),
        "d" | "day" | "days" => TimeDelta::try_days(count),
        "h" | "hour" | "hours" => TimeDelta::try_hours(count),
        "m" | "min" | "minute" | "minutes" => TimeDelta::try_minutes(count),
        "s" | "second" | "seconds" => TimeDelta::try_seconds(count),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read() {
        assert_eq!(age("30d"), Some(TimeDelta::days(30)));
        assert_eq!(age(" 12 hours "), Some(TimeDelta::hours(12)));
        for none in ["", "d", "30", "30 fortnights", "-1d", "99999999999999999999d", "9223372036854775807w"] {
            assert_eq!(age(none), None, "{none}");
        }
    }
}
