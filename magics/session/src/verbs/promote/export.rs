//! `%promote export`: an artifact in the form of another tool, or on its server.

use std::str::FromStr;

use kernwerk_core::{Access, Output, Problem, Resource};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{ExportSpec, Exported, Form, Reference};
use kernwerk_store::Lab;

use super::TWO_VERSIONS;
use crate::export::{HttpServer, read_magics};
use crate::place::Guarded;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Export {
    /// Such as `fares@2`; without a version the latest
    #[arg(value_name = "ARTIFACT")]
    artifact: String,
    /// dagster, airflow, mlflow, crate, notebook or script
    #[arg(long, value_name = "FORM")]
    to: Goal,
    /// Where to write it; else it gets a name of its own here
    #[arg(long, value_name = "FILE")]
    output: Option<String>,
    /// The MLflow server, such as http://127.0.0.1:5000
    #[arg(long, value_name = "URI")]
    server: Option<String>,
    /// Put the sources of a crate's dependencies beside it
    #[arg(long)]
    vendor: bool,
    /// Replace what lies there, whatever it is
    #[arg(long)]
    overwrite: bool,
}

/// Where an artifact goes.
#[derive(Clone, Copy)]
enum Goal {
    File(Form),
    Mlflow,
    Crate,
}

impl FromStr for Goal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "mlflow" => Ok(Self::Mlflow),
            "crate" => Ok(Self::Crate),
            text => text.parse().map(Self::File).map_err(|error: String| format!("{error}, mlflow, crate")),
        }
    }
}

impl Verb for Export {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "export";
    const ABOUT: &'static str =
        "write an artifact in the form of another tool; it is verified first, and nothing of it is run";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "a module with an asset of Dagster that launches the artifact",
            line: "%promote export fares@2 --to dagster",
            body: None,
            setup: TWO_VERSIONS,
        },
        Example {
            about: "its cells as a notebook",
            line: "%promote export fares --to notebook --output fares.ipynb",
            body: None,
            setup: TWO_VERSIONS,
        },
        Example {
            about: "its magics as commands of a shell",
            line: "%promote export fares@1 --to script",
            body: None,
            setup: TWO_VERSIONS,
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        if self.vendor && !matches!(self.to, Goal::Crate) {
            return Err(Problem::new("BadArguments", "only `--to crate` has dependencies to `--vendor`"));
        }
        match (self.to, &self.server) {
            (Goal::File(form), None) => {
                let spec = self.spec(context)?;
                let lab = context.lab()?;
                let exported = kernwerk_promote::export(&lab, &spec, form, &read_magics, context.work())?;
                Ok(told(context, &lab, exported))
            }
            (Goal::Crate, None) => {
                let lab = context.lab_with(&self.reference()?.name)?;
                let spec = self.spec(context)?;
                let runner = context.runner()?;
                let made = kernwerk_promote::export_crate(&lab, &spec, self.vendor, runner.as_ref(), context.work());
                let exported = context.block_on(made)?;
                Ok(told(context, &lab, exported))
            }
            (Goal::Mlflow, Some(server)) if self.output.is_none() => self.to_mlflow(server, context),
            (Goal::File(_) | Goal::Crate, Some(_)) => {
                Err(Problem::new("BadArguments", "only `--to mlflow` has a `--server`"))
            }
            (Goal::Mlflow, _) => Err(Problem::new("BadArguments", "`--to mlflow` goes to a server, and to no file")
                .with_hint("name it, as in `--server http://127.0.0.1:5000`")),
        }
    }
}

impl Export {
    fn reference(&self) -> Result<Reference, Problem> {
        self.artifact.parse().map_err(Problem::from)
    }

    fn spec(&self, context: &Context<'_>) -> Result<ExportSpec, Problem> {
        if let Some(output) = &self.output {
            let lab = context.lab()?;
            let shown = kernwerk_promote::show(&lab, &self.reference()?);
            let guarded = Guarded::of_all(&lab, shown.iter());
            match (self.to, context.path(output).is_dir()) {
                (Goal::Crate, true) => context.check_guarded("--output", output, &guarded)?,
                // It gets a name of its own there.
                (_, true) => {}
                (_, false) => _ = context.check_place("--output", output, &guarded)?,
            }
        }
        Ok(ExportSpec {
            reference: self.reference()?,
            output: self.output.as_ref().map(Into::into),
            directory: context.directory().to_owned(),
            overwrite: self.overwrite,
        })
    }

    fn to_mlflow(&self, server: &str, context: &Context<'_>) -> Result<Answer, Problem> {
        let lab = context.lab_with(&self.reference()?.name)?;
        let server = HttpServer::new(context, server)?;
        let tracked = kernwerk_promote::track(&lab, &self.reference()?, &server, context.work())?;
        let artifact = &tracked.location;
        context.effect(Access::Read, Resource::Artifact, &artifact.to_string(), None, Some(tracked.id));
        let model = format!("version {} of the model `{}`", tracked.version, artifact.name);
        let words = match tracked.unchanged {
            true => format!("{artifact} is {model} there already"),
            false => format!("{artifact} is now {model}"),
        };
        let mut output =
            Output::text(words).with_note(format!("run {}, experiment {}", tracked.run, tracked.experiment));
        if !tracked.aliases.is_empty() {
            output = output.with_note(format!("aliases: {}", tracked.aliases.join(", ")));
        }
        Ok(tracked.notes.into_iter().fold(output, Output::with_note).volatile().into())
    }
}

/// Records the export with the cell, and says where it lies.
fn told(context: &Context<'_>, lab: &Lab, exported: Exported) -> Answer {
    let name = exported.location.to_string();
    context.effect(Access::Read, Resource::Artifact, &name, None, Some(exported.id));
    context.effect(Access::Write, Resource::File, &lab.relative(&exported.output), None, None);
    let place = exported.output.display();
    let words = match exported.unchanged {
        true => format!("{name} lies in {place} already"),
        false => format!("{name} is exported to {place}"),
    };
    exported.notes.into_iter().fold(Output::text(words), Output::with_note).volatile().into()
}
