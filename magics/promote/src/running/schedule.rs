//! Which steps have to run: those whose results nobody kept, and those whose variables or tables one of them needs.

use std::collections::BTreeMap;

use super::steps::KeptStep;
use crate::pipeline::StepRecord;

/// What becomes of a step.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Turn {
    /// It runs; why it does.
    Run(String),
    /// Its results are there, and its tables are bound again for later steps.
    Restore(KeptStep),
    /// Its results are there, and no step that runs needs what it made.
    Skip(KeptStep),
}

/// Decides for each step, in their order. `kept` is what is known of a step whose results may be used.
pub(super) fn schedule(
    steps: &[StepRecord],
    kept: impl Fn(usize) -> Option<KeptStep>,
    unknown: impl Fn(usize) -> String,
) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    // By place: the number of a later step that runs and needs the one at the place.
    let mut needed: BTreeMap<u32, u32> = BTreeMap::new();
    for (index, step) in steps.iter().enumerate().rev() {
        let turn = match (kept(index), needed.get(&step.step)) {
            (None, _) => Turn::Run(unknown(index)),
            (Some(kept), None) => Turn::Skip(kept),
            (Some(kept), Some(_)) if step.magics && kept.is_restorable() => Turn::Restore(kept),
            (Some(_), Some(by)) => Turn::Run(format!("cell {by} needs what it makes, which is not kept")),
        };
        if matches!(turn, Turn::Run(_)) {
            needed.extend(step.needs.iter().map(|need| (*need, step.step)));
        }
        turns.push(turn);
    }
    turns.reverse();
    turns
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn step(step: u32, needs: &[u32], magics: bool) -> StepRecord {
        StepRecord {
            step,
            file: format!("cells/{step:02}.rs"),
            needs: needs.iter().copied().collect::<BTreeSet<_>>(),
            magics,
            fails: false,
            outputs: Vec::new(),
            bindings: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// Something kept: a table that was bound, or nothing that could be bound again.
    fn kept(table: bool) -> KeptStep {
        let binding = json!([{ "name": "t", "digest": "d", "value": ["arrow", "blob"] }]);
        let bindings = if table { binding } else { json!([]) };
        serde_json::from_value(json!({
            "format": 1, "run": "r", "status": "ok", "outputs": [], "bindings": bindings, "effects": [], "wall_seconds": 1.0,
        }))
        .expect("a kept step")
    }

    /// One letter a step: what becomes of it.
    fn letters(steps: &[StepRecord], known: &[Option<bool>]) -> String {
        let turns = schedule(steps, |index| known[index].map(kept), |_| "new".to_owned());
        let letter = |turn: &Turn| match turn {
            Turn::Run(_) => 'r',
            Turn::Restore(_) => 't',
            Turn::Skip(_) => 's',
        };
        turns.iter().map(letter).collect()
    }

    #[test]
    fn only_what_is_needed_runs() {
        // A source, a query bound to a table, Rust that reads it, Rust that reads the Rust.
        let steps = [step(1, &[], true), step(2, &[1], true), step(3, &[2], false), step(4, &[3], false)];
        assert_eq!(letters(&steps, &[None; 4]), "rrrr");
        assert_eq!(letters(&steps, &[Some(false), Some(true), Some(false), Some(false)]), "ssss");
        assert_eq!(
            letters(&steps, &[Some(false), Some(true), Some(false), None]),
            "strr",
            "the table is bound, its source skipped"
        );
        assert_eq!(letters(&steps, &[Some(false), Some(true), None, None]), "strr");
        assert_eq!(letters(&steps, &[Some(false), None, None, None]), "rrrr", "a query needs the table of its source");
        assert_eq!(letters(&steps, &[Some(false), Some(false), Some(false), None]), "rrrr");
    }
}
