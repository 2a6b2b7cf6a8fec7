//! `%promote list`: the artifacts of a lab.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{BodyUse, Example};

use crate::columns::{table, texts};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct List {}

impl Verb for List {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "list";
    const ABOUT: &'static str = "the artifacts of this lab, with their versions";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "what was published here", line: "%promote list", body: None, setup: &["%lab init"] }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let listed = kernwerk_promote::list(&context.lab()?);
        let summary = |of: fn(&kernwerk_promote::Summary) -> Option<String>| {
            texts(listed.iter().map(|artifact| artifact.summary.as_ref().ok().and_then(of)))
        };
        let shown = table(vec![
            ("artifact", texts(listed.iter().map(|artifact| Some(artifact.location.to_string())))),
            (
                "in use as",
                texts(
                    listed.iter().map(|artifact| Some(artifact.labels.join(", ")).filter(|labels| !labels.is_empty())),
                ),
            ),
            ("target", summary(|summary| Some(summary.target.clone()))),
            ("cells", summary(|summary| Some(summary.cells.to_string()))),
            ("inputs", summary(|summary| Some(summary.inputs.to_string()))),
            ("published", summary(|summary| summary.published_at.clone())),
            ("identity", summary(|summary| Some(summary.id.clone()))),
        ])?;
        let mut output = Output::table(shown);
        if listed.is_empty() {
            output = output.with_note("nothing was published yet; `%promote publish NAME --target TARGET` does");
        }
        for artifact in &listed {
            if let Err(reason) = &artifact.summary {
                output = output.with_note(reason);
            }
        }
        Ok(output.volatile().into())
    }
}
