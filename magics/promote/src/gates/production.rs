//! The version in production: what of the inputs, the steps and the models is another now. It is told, and stands in nobody's way.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_store::GateRules;

use super::report::{Demand, Judged, counted};
use super::{Gate, Subject};
use crate::Error;
use crate::artifact::{Reference, Which, find};
use crate::files::digest;
use crate::pipeline::Pipeline;
use crate::registry::PRODUCTION;

pub(super) struct Production;

/// How many names a line holds.
const NAMED: usize = 5;

impl Gate for Production {
    fn name(&self) -> &'static str {
        "production"
    }

    fn demand(&self, _: &GateRules) -> Demand {
        Demand::Warn
    }

    fn remedy(&self) -> &'static str {
        "`%promote history NAME` shows what was in production and when"
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error> {
        let name = &subject.pipeline.name;
        let reference = Reference { which: Which::Label(PRODUCTION.to_owned()), ..Reference::latest(name)? };
        let location = match find(subject.lab, &reference) {
            Err(Error::UnknownArtifact { .. } | Error::UnknownLabel { .. }) => {
                return Ok(Judged::pass(format!("no version of `{name}` is in production")));
            }
            found => found?,
        };
        let then = location.pipeline()?;
        let mut cells = BTreeMap::new();
        for step in &then.steps {
            cells.insert(format!("cell {}", step.step), digest(&location.bytes(&step.file)?));
        }
        let here = |file: &str| subject.files.get(file).map(|bytes| digest(bytes)).unwrap_or_default();
        let now = subject.pipeline.steps.iter().map(|step| (format!("cell {}", step.step), here(&step.file)));
        let changes = [
            change("input", &inputs(&then), &inputs(subject.pipeline)),
            change("step", &cells, &now.collect()),
            change("model", &models(&then), &models(subject.pipeline)),
        ];
        let changes: Vec<String> = changes.into_iter().flatten().collect();
        let changes = if changes.is_empty() { vec!["nothing changes".to_owned()] } else { changes };
        Ok(Judged::pass(format!("{location}, which is in production")).with_reasons(changes))
    }
}

fn inputs(pipeline: &Pipeline) -> BTreeMap<String, String> {
    pipeline.inputs.iter().map(|input| (format!("`{}`", input.name), input.digest.clone())).collect()
}

fn models(pipeline: &Pipeline) -> BTreeMap<String, String> {
    pipeline.models.iter().map(|model| (format!("`{}`", model.name), model.digest.clone())).collect()
}

/// What is another, has come or gone, in words; none where nothing has.
fn change(noun: &str, then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Option<String> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let changed: Vec<&str> =
        names.into_iter().filter(|name| then.get(*name) != now.get(*name)).map(String::as_str).collect();
    let more = changed.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named = changed.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    (!changed.is_empty()).then(|| format!("{} changed: {named}{more}", counted(changed.len(), noun)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_counted_and_named() {
        let map = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, digest)| ((*name).to_owned(), (*digest).to_owned())).collect()
        };
        let then: BTreeMap<String, String> = map(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(change("input", &then, &then), None);
        assert_eq!(
            change("input", &then, &map(&[("a", "1"), ("b", "9"), ("d", "4")])).as_deref(),
            Some("3 inputs changed: b, c, d")
        );
    }
}
