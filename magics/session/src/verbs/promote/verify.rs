//! `%promote verify`: whether an artifact is as it was published.

use kernwerk_core::{Output, Problem, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::approved;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Verify {
    /// Such as `fares@1`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
}

impl Verb for Verify {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "verify";
    const ABOUT: &'static str =
        "whether an artifact's files are those that were published, and who signed them; nothing of it is run";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[Example {
        about: "every file against the manifest",
        line: "%promote verify fares@1",
        body: None,
        setup: &[
            "%feature source rides rides.csv --event-time pickup",
            "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
            "%promote publish fares --target fares",
        ],
    }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let verification = kernwerk_promote::verify(&context.lab()?, &reference, context.work())?;
        let name = &verification.location;
        let (title, verdict) = match (verification.is_sound(), verification.history.is_empty()) {
            (true, true) => (format!("{name} is sound: {} files as published", verification.files), Verdict::Passed),
            (true, false) => (format!("{name} is sound, and its history is not"), Verdict::Failed),
            (false, _) => (format!("{name} is not what was published"), Verdict::Failed),
        };
        let mut output = Output::text(title).with_verdict(verdict).with_note(format!(
            "identity {}: compare it with the one that was told when it was published",
            verification.id
        ));
        for signer in &verification.trust.signers {
            output = output.with_note(format!("signed by {signer}"));
        }
        for stranger in &verification.trust.strangers {
            output = output.with_note(format!("signed with a key that kernwerk.toml does not name: {stranger}"));
        }
        if let Some(approved) = approved(&verification.approvals) {
            output = output.with_note(format!("approved {approved}"));
        }
        for event in &verification.gone {
            let words = format!(
                "an event of the history that this lab has seen is gone: {event}; `%promote history` says what to do"
            );
            output = output.with_note(words);
        }
        let findings = verification.findings().into_iter().chain(verification.history);
        Ok(findings.fold(output, Output::with_note).volatile().into())
    }
}
