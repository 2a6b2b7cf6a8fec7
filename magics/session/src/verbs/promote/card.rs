//! `%promote card`: what people have to know of an artifact, and what nobody has said yet.

use kernwerk_core::{Body, Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::TWO_VERSIONS;
use crate::place::{Guarded, check_ending};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Card {
    /// Such as `fares@1`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    to: Option<String>,
}

impl Verb for Card {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "card";
    const ABOUT: &'static str =
        "an artifact's model card and datasheet, from what is known, with what is missing; nothing of it is run";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example { about: "the card of a version", line: "%promote card fares@1", body: None, setup: TWO_VERSIONS },
        Example {
            about: "as the file that a hub shows",
            line: "%promote card fares@1 --to README.md",
            body: None,
            setup: TWO_VERSIONS,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let lab = context.lab()?;
        if let Some(file) = &self.to {
            check_ending("--to", file, &["md", "markdown"])?;
            context.check_place(
                "--to",
                file,
                &Guarded::of_all(&lab, kernwerk_promote::show(&lab, &reference).iter()),
            )?;
        }
        let card = context.block_on(kernwerk_promote::card(&lab, &reference, context.work()))?;
        let mut output = match &self.to {
            Some(file) => {
                let path = context.save(file, card.markdown.as_bytes())?;
                Output::text(format!("written to {}", path.display()))
            }
            None => Output::new(Body::Source { language: "markdown", text: card.markdown }),
        };
        if !card.missing.is_empty() {
            let name = &reference.name;
            output = output.with_note(format!("missing: {}", card.missing.join(", ")));
            output = output
                .with_note(format!("pipelines/{name}/card.toml, beside the versions, says what no program knows"));
        }
        Ok(output.volatile().into())
    }
}
