//! `%promote diff`: what differs between two artifacts.

use kernwerk_core::Problem;
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Reference, Which};

use super::HISTORY;
use crate::difference::report;
use crate::place::{Guarded, check_ending};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Diff {
    /// Such as `fares@1`; a name alone is the version in production, or the one before the latest
    #[arg(value_name = "ARTIFACT")]
    first: String,
    /// What to compare it with; else the latest version
    #[arg(value_name = "ARTIFACT")]
    second: Option<String>,
    /// Write the report as one page of HTML
    #[arg(long, value_name = "FILE")]
    html: Option<String>,
}

impl Verb for Diff {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "diff";
    const ABOUT: &'static str =
        "what differs between two artifacts: cells, settings, data, results, scores, cost; nothing of them is run";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "what the second version changed",
            line: "%promote diff fares@1 fares@2",
            body: None,
            setup: HISTORY,
        },
        Example {
            about: "the same as a page for somebody who reviews it",
            line: "%promote diff fares --html fares.html",
            body: None,
            setup: HISTORY,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab()?;
        let first: Reference = self.first.parse().map_err(Problem::from)?;
        let second: Option<Reference> = self.second.as_deref().map(str::parse).transpose().map_err(Problem::from)?;
        let (before, after) = kernwerk_promote::compared(&lab, &first, second.as_ref())?;
        if let Some(file) = &self.html {
            check_ending("--html", file, &["html", "htm"])?;
            let sides = [&before, &after].map(|side| {
                let which = Which::Version(side.version);
                kernwerk_promote::show(&lab, &Reference { name: side.name.clone(), which })
            });
            context.check_place("--html", file, &Guarded::of_all(&lab, sides.iter().flatten()))?;
        }
        let diff = context.block_on(kernwerk_promote::diff(&lab, &before, &after, context.work()))?;
        let mut output = report(&diff)?;
        if let Some(file) = &self.html {
            let page = kernwerk_render::page(&format!("{before} and {after}"), &output);
            let path = context.save(file, page.as_bytes())?;
            output = output.with_note(format!("written to {}", path.display()));
        }
        Ok(output.volatile().into())
    }
}
