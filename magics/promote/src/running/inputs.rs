//! What a run reads: the inputs of the pipeline as they are now, and whether the models and the Python are there that it is pinned to.

use kernwerk_core::{Environment, Resource, RunError, Runner, Verdict, Work};
use kernwerk_store::Lab;

use super::record::RunInput;
use crate::Error;
use crate::files::digest_file;
use crate::inputs::open;
use crate::pipeline::{PinnedInput, Pipeline};
use crate::reason::noun;
use crate::replay::{FindModel, InstalledModel};

/// What there is now.
pub(super) struct Present {
    /// The pipeline with its inputs as they are now.
    pub pipeline: Pipeline,
    pub inputs: Vec<RunInput>,
    pub python: Option<Environment>,
    /// What is missing or is not what the artifact is pinned to; nothing may run then.
    pub findings: Vec<String>,
    pub verdict: Verdict,
    /// What people should know, in words.
    pub notes: Vec<String>,
}

/// Looks at everything from outside.
pub(super) async fn look(
    lab: &Lab,
    pipeline: Pipeline,
    live: bool,
    models: FindModel<'_>,
    runner: &dyn Runner,
    work: &Work,
) -> Result<Present, Error> {
    let pinned = pipeline.inputs.clone();
    let mut present = Present {
        pipeline,
        inputs: Vec::new(),
        python: None,
        findings: Vec::new(),
        verdict: Verdict::Passed,
        notes: Vec::new(),
    };
    present.pipeline.inputs.clear();
    for input in pinned {
        work.check()?;
        match now(lab, &input, work).await? {
            Some(found) => {
                let RunInput { version, digest, .. } = &found;
                let now = PinnedInput { version: *version, digest: digest.clone(), ..input };
                present.pipeline.inputs.push(now);
                present.inputs.push(found);
            }
            None => {
                present.findings.push(format!("missing: {} `{}`, which is not here", noun(input.resource), input.name));
                present.verdict = Verdict::Undecided;
            }
        }
    }
    let mut missing = present.pipeline.missing_secrets(live);
    if present.pipeline.environment.network && !live {
        missing.push("not run: its cells use the network, which `--live` lets them".to_owned());
    }
    if !missing.is_empty() {
        present.verdict = Verdict::Undecided;
        present.findings.extend(missing);
    }
    look_at_models(&mut present, models)?;
    look_at_python(&mut present, runner, work)?;
    Ok(present)
}

/// An input as it is now: the latest version of a table or corpus, and of a file its content.
async fn now(lab: &Lab, input: &PinnedInput, work: &Work) -> Result<Option<RunInput>, Error> {
    let found = |version, digest, columns| {
        Some(RunInput { resource: input.resource, name: input.name.clone(), version, digest, columns })
    };
    if input.resource == Resource::File {
        let path = lab.root().join(&input.name);
        return if path.is_file() { Ok(found(None, digest_file(&path, work)?, Vec::new())) } else { Ok(None) };
    }
    match open(lab, input.resource, &input.name, None).await {
        Ok(stored) => {
            let schema = stored.schema();
            let columns = schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string()));
            Ok(found(Some(stored.version()), stored.digest().await?, columns.collect()))
        }
        Err(kernwerk_store::Error::Unknown { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Other weights give other numbers: a model is no input that changes, but a part of the pipeline.
fn look_at_models(present: &mut Present, models: FindModel<'_>) -> Result<(), Error> {
    for model in &present.pipeline.models {
        let (verdict, finding) = match models(&model.name) {
            Ok(InstalledModel::Digest(digest)) if digest == model.digest => continue,
            Ok(InstalledModel::Digest(digest)) => (
                Verdict::Failed,
                format!(
                    "changed: model `{}` has weights of the digest {digest}, and the artifact names {}",
                    model.name, model.digest
                ),
            ),
            Ok(InstalledModel::Damaged(reason)) => {
                (Verdict::Failed, format!("changed: model `{}`, {reason}", model.name))
            }
            Err(problem) if problem.is_interrupt() => return Err(kernwerk_core::Cancelled.into()),
            Err(problem) => (Verdict::Undecided, format!("missing: model `{}`, {problem}", model.name)),
        };
        if present.verdict != Verdict::Failed {
            present.verdict = verdict;
        }
        present.findings.push(finding);
    }
    Ok(())
}

fn look_at_python(present: &mut Present, runner: &dyn Runner, work: &Work) -> Result<(), Error> {
    let Some(python) = &present.pipeline.python else { return Ok(()) };
    let packages: Vec<&str> = python.packages.keys().map(String::as_str).collect();
    let missing = match runner.environment(&packages, work) {
        Ok(now) => {
            let missing = python.missing(&now).into_iter().map(|package| format!("missing: {package}")).collect();
            present.notes.extend(python.changed(&now));
            present.python = Some(now);
            missing
        }
        Err(RunError::Cancelled(cancelled)) => return Err(cancelled.into()),
        Err(error) => vec![format!("could not run: {error}")],
    };
    if !missing.is_empty() && present.verdict == Verdict::Passed {
        present.verdict = Verdict::Undecided;
    }
    present.findings.extend(missing);
    Ok(())
}
