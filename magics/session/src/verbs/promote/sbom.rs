//! `%promote sbom`: what an artifact is made of, in the form that other tools read.

use kernwerk_core::{Body, Output, Problem};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::Reference;

use super::TWO_VERSIONS;
use crate::crates::crate_sources;
use crate::place::{Guarded, check_ending};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Sbom {
    /// Such as `fares@1`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    to: Option<String>,
}

impl Verb for Sbom {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "sbom";
    const ABOUT: &'static str = "an artifact's bill of materials: programs, crates, packages, models and data (CycloneDX 1.6); nothing of it is run";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example { about: "what a version is made of", line: "%promote sbom fares@1", body: None, setup: TWO_VERSIONS },
        Example {
            about: "as a file for a scanner",
            line: "%promote sbom fares@1 --to fares.cdx.json",
            body: None,
            setup: TWO_VERSIONS,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let reference: Reference = self.artifact.parse().map_err(Problem::from)?;
        let lab = context.lab()?;
        if let Some(file) = &self.to {
            check_ending("--to", file, &["json"])?;
            context.check_place(
                "--to",
                file,
                &Guarded::of_all(&lab, kernwerk_promote::show(&lab, &reference).iter()),
            )?;
        }
        let bill = context.block_on(kernwerk_promote::sbom(&lab, &reference, &crate_sources(), context.work()))?;
        let output = match &self.to {
            Some(file) => {
                let path = context.save(file, &bill)?;
                Output::text(format!("written to {}", path.display()))
            }
            None => Output::new(Body::Source { language: "json", text: String::from_utf8_lossy(&bill).into_owned() }),
        };
        Ok(output.volatile().into())
    }
}
