//! `%promote history`: what was where and when.

use kernwerk_core::{Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Action, Event, Registry, Signed};

use super::TWO_VERSIONS;
use crate::columns::{numbers, table, texts};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct History {
    /// Its name, such as `fares`
    #[arg(value_name = "NAME")]
    name: String,
    /// Forget the events that this lab has seen and that are gone: they are meant to be
    #[arg(long)]
    accept: bool,
}

impl Verb for History {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "history";
    const ABOUT: &'static str = "which version of an artifact was on which stage, since when, by whom and why";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "what was in production", line: "%promote history fares", body: None, setup: TWO_VERSIONS }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let told = kernwerk_promote::history(&lab, &self.name)?.gone;
        if self.accept {
            kernwerk_promote::accept_gone(&lab, &self.name)?;
        }
        let history = kernwerk_promote::history(&lab, &self.name)?;
        let column = |of: fn(&Event) -> Option<String>| texts(history.events.iter().map(of));
        let shown = table(vec![
            ("at", column(|event| Some(event.at.clone()))),
            ("action", column(|event| Some(event.action.name().to_owned()))),
            ("stage or alias", column(|event| Some(event.label.clone()).filter(|label| !label.is_empty()))),
            ("version", numbers(history.events.iter().map(|event| i64::from(event.version)))),
            ("by", column(|event| Some(event.by.clone()))),
            ("signed", column(signed)),
            ("why", column(|event| event.why.clone())),
            ("identity", column(|event| Some(event.identity.clone()))),
        ])?;
        let conflicts = Registry::of(&history).conflicts(&self.name);
        let is_sound = history.findings.is_empty() && conflicts.is_empty();
        let verdict = if is_sound { Verdict::Passed } else { Verdict::Failed };
        let mut output = Output::table(shown).with_verdict(verdict);
        if history.events.is_empty() {
            output = output.with_note(format!("`%promote stage {}@VERSION production` begins it", self.name));
        }
        for event in told {
            let now = if self.accept { "is forgotten" } else { "is gone" };
            output = output.with_note(format!("an event that this lab has seen {now}: {event}"));
        }
        if !history.gone.is_empty() {
            output = output.with_note(format!(
                "get its file back from version control; if it is meant to be gone, or this is another branch for good, \
                 `%promote history {} --accept`",
                self.name
            ));
        }
        Ok(history.findings.into_iter().chain(conflicts).fold(output, Output::with_note).volatile().into())
    }
}

/// How an approval is signed; nothing of what nobody signs.
fn signed(event: &Event) -> Option<String> {
    (event.action == Action::Approve).then(|| match event.signed {
        Signed::No => "no".to_owned(),
        Signed::Yes => "yes".to_owned(),
        Signed::Stranger => event.signed.to_string(),
    })
}
