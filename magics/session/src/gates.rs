//! What the gates of a publication know beside the lab: suites, the environment of this process, what is stale in its notebook, and
//! what cells are built from.

use std::cell::RefCell;
use std::collections::BTreeMap;

use kernwerk_core::{Effect, Problem};
use kernwerk_models::MiniLm;
use kernwerk_promote::GateSpec;

use crate::Context;
use crate::crates::crate_sources;
use crate::verbs::eval::gate::gate_of;

impl Context<'_> {
    /// What the gates know. `suites` are asked beside those of the settings; `is_here` says whether it is about the notebook of this
    /// session.
    ///
    /// # Errors
    /// A suite that there is not, or without thresholds.
    pub(crate) fn gate_spec(&self, suites: &[String], is_here: bool) -> Result<GateSpec, Problem> {
        let lab = self.lab()?;
        let configured = lab.promotion_rules()?.gates.suites;
        let mut asked: Vec<&String> = configured.iter().collect();
        for suite in suites {
            if !asked.contains(&suite) {
                asked.push(suite);
            }
        }
        // Of what many cells read each state is looked at once.
        let known = RefCell::new(BTreeMap::new());
        let is_current = |effect: &Effect| {
            let known_already = known.borrow().get(effect).copied();
            known_already.unwrap_or_else(|| {
                let current = self.session.is_current(&lab, effect);
                known.borrow_mut().insert(effect.clone(), current);
                current
            })
        };
        let stale = is_here.then(|| self.session.watch().stale_executions(is_current));
        Ok(GateSpec {
            judged: asked.into_iter().map(|suite| gate_of(self, suite)).collect::<Result<_, _>>()?,
            environment: environment(),
            stale,
            crates: crate_sources(),
            model_licences: BTreeMap::from(
                [MiniLm::LICENCE].map(|(digest, licence)| (digest.to_owned(), licence.to_owned())),
            ),
        })
    }
}

/// The variables of this process that are text.
pub(crate) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
