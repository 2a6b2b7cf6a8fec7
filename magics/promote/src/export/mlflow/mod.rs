//! An artifact on an MLflow server: a run with its figures and files, and a version of a registered model with its aliases.
//!
//! The server is spoken to over its REST API (version 2.0). Who sends the requests is a [`MlflowServer`]: nothing here knows the network. An
//! artifact becomes one version of the model however often it is exported: its identity stands on the version as a tag.

mod client;
mod files;
mod record;

use kernwerk_core::Work;
use kernwerk_store::Lab;
use serde_json::{Value, json};

pub use client::{Method, MlflowServer, Request, Response, Unanswered};

use self::client::{Api, Refused};
use self::record::Record;
use super::source::Source;
use crate::Error;
use crate::artifact::{self, Location, Reference};
use crate::registry::{History, Registry};

/// On runs and versions: blake3 of the manifest.
const IDENTITY: &str = "kernwerk.identity";
const ARTIFACT: &str = "kernwerk.artifact";
/// What MLflow calls a model's version that nothing is missing of.
const READY: &str = "READY";

/// What lies on the server now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    pub location: Location,
    /// blake3 of the manifest.
    pub id: String,
    pub experiment: String,
    /// The id of the run.
    pub run: String,
    /// The number that the server gave the version of the model.
    pub version: String,
    /// The stages and aliases that the version now has as aliases.
    pub aliases: Vec<String>,
    /// The version was there already.
    pub unchanged: bool,
    /// What people should know, in words.
    pub notes: Vec<String>,
}

/// Exports an artifact to an MLflow server.
///
/// # Errors
/// Those of [`super::export`] about the artifact; [`Error::Tracking`] where the server refuses or does not answer. A run that was
/// begun is marked as failed then, and the error says what is left.
pub fn track(lab: &Lab, reference: &Reference, server: &dyn MlflowServer, work: &Work) -> Result<Tracked, Error> {
    let source = Source::read(lab, reference, work)?;
    // Two exports at once would make two versions.
    let _lock = artifact::lock(lab, &format!("{}-on-mlflow", source.location.name), work)?;
    let history = History::sound(lab, &source.location.name)?;
    let api = Api { server, work };
    let name = source.location.name.clone();
    let (run, experiment, version, unchanged) = match find_version(&api, &source)? {
        Some(version) => {
            let run = text(&version, "run_id");
            let experiment = api
                .get("runs/get", &[("run_id", &run)])
                .map(|found| text(&found["run"]["info"], "experiment_id"))
                .unwrap_or_default();
            (run, experiment, text(&version, "version"), true)
        }
        None => {
            let experiment = experiment(&api, &name)?;
            let (run, version) = new_version(&api, &source, &experiment)?;
            (run, experiment, version, false)
        }
    };
    let mut notes = Vec::new();
    let aliases = set_aliases(&api, &source, &history, &version, &mut notes)?;
    Ok(Tracked { location: source.location, id: source.id, experiment, run, version, aliases, unchanged, notes })
}

fn text(value: &Value, key: &str) -> String {
    match &value[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The version of the model that is this artifact.
fn find_version(api: &Api<'_>, source: &Source) -> Result<Option<Value>, Error> {
    // Quotes cannot stand in an artifact's name.
    let filter = format!("name='{}'", source.location.name);
    let mut token = String::new();
    loop {
        let page = api.get("model-versions/search", &[("filter", &filter), ("page_token", &token)]);
        let page = page.map_err(|refused| refused.during("look for versions of the model"))?;
        let is_this = |version: &&Value| {
            let tags = version["tags"].as_array().into_iter().flatten();
            let mut identity = tags.filter(|tag| tag["key"] == IDENTITY);
            version["status"] == READY && identity.any(|tag| tag["value"] == source.id.as_str())
        };
        if let Some(found) = page["model_versions"].as_array().into_iter().flatten().find(is_this) {
            return Ok(Some(found.clone()));
        }
        token = text(&page, "next_page_token");
        if token.is_empty() {
            return Ok(None);
        }
    }
}

/// The experiment of all versions of an artifact, made where there is none.
fn experiment(api: &Api<'_>, name: &str) -> Result<String, Error> {
    let find = || api.get("experiments/get-by-name", &[("experiment_name", name)]);
    let id = |found: Value| text(&found["experiment"], "experiment_id");
    match find() {
        Ok(found) if found["experiment"]["lifecycle_stage"] == "deleted" => {
            let reason = format!("the experiment `{name}` is deleted there");
            Err(Refused::new(reason).during("find the experiment").with_hint("restore it, or delete it for good"))
        }
        Ok(found) => Ok(id(found)),
        Err(refused) if refused.is("RESOURCE_DOES_NOT_EXIST") => {
            match api.post("experiments/create", &json!({ "name": name })) {
                Ok(made) => Ok(text(&made, "experiment_id")),
                // Somebody else was faster.
                Err(refused) if refused.is("RESOURCE_ALREADY_EXISTS") => {
                    find().map(id).map_err(|refused| refused.during("find the experiment"))
                }
                Err(refused) => Err(refused.during("make the experiment")),
            }
        }
        Err(refused) => Err(refused.during("find the experiment")),
    }
}

/// Records a run and registers it as a version of the model; whatever goes wrong, no run is left open.
fn new_version(api: &Api<'_>, source: &Source, experiment: &str) -> Result<(String, String), Error> {
    let record = Record::of(source)?;
    let made = api.post(
        "runs/create",
        &json!({
            "experiment_id": experiment,
            "run_name": source.location.to_string(),
            "start_time": now(),
            "tags": record.run_tags,
        }),
    );
    let made = made.map_err(|refused| refused.during("make a run"))?;
    let run = text(&made["run"]["info"], "run_id");
    let place = text(&made["run"]["info"], "artifact_uri");
    let registered =
        fill(api, source, &record, &run, &place).and_then(|()| register(api, source, &record, &run, &place));
    match registered {
        Ok(version) => Ok((run, version)),
        Err(error) => Err(abandon(api, &run, error)),
    }
}

/// Everything that a run holds.
fn fill(api: &Api<'_>, source: &Source, record: &Record, run: &str, place: &str) -> Result<(), Error> {
    for batch in record.batches(run) {
        api.post("runs/log-batch", &batch).map_err(|refused| refused.during("record figures and parameters"))?;
    }
    for batch in record.inputs(run) {
        api.post("runs/log-inputs", &batch).map_err(|refused| refused.during("record the inputs"))?;
    }
    files::upload(api, source, run, place)?;
    let end = json!({ "run_id": run, "status": "FINISHED", "end_time": now() });
    api.post("runs/update", &end).map_err(|refused| refused.during("end the run"))?;
    Ok(())
}

fn register(api: &Api<'_>, source: &Source, record: &Record, run: &str, place: &str) -> Result<String, Error> {
    let name = &source.location.name;
    match api.post("registered-models/create", &json!({ "name": name })) {
        Ok(_) => {}
        Err(refused) if refused.is("RESOURCE_ALREADY_EXISTS") => {}
        Err(refused) => return Err(refused.during("register the model")),
    }
    let made = api.post(
        "model-versions/create",
        &json!({
            "name": name,
            "source": format!("{place}/{}", files::MODEL),
            "run_id": run,
            "description": source.title(),
            "tags": record.version_tags,
        }),
    );
    let made = made.map_err(|refused| refused.during("register the version of the model"))?;
    Ok(text(&made["model_version"], "version"))
}

/// Marks a run as failed, or as stopped by its user, and says so in the error.
fn abandon(api: &Api<'_>, run: &str, error: Error) -> Error {
    let is_stopped = matches!(error, Error::Cancelled(_));
    let status = if is_stopped { "KILLED" } else { "FAILED" };
    let marked = api.last("runs/update", &json!({ "run_id": run, "status": status, "end_time": now() }));
    let left = match marked {
        Ok(_) => format!("run {run} is marked {status} there; exporting again makes a new one"),
        Err(_) => format!(
            "run {run} could not be marked {status} and looks as if it went on; delete it there, and export again"
        ),
    };
    match error {
        Error::Tracking { doing, reason, .. } => Error::Tracking { doing, reason, hint: Some(left) },
        error => error,
    }
}

/// Gives the version the aliases that the artifact has as stages and aliases, and takes from it those that it has lost. Aliases
/// that the history never spoke of are their owners' business.
fn set_aliases(
    api: &Api<'_>,
    source: &Source,
    history: &History,
    version: &str,
    notes: &mut Vec<String>,
) -> Result<Vec<String>, Error> {
    let name = source.location.name.as_str();
    let again = "the version is registered; exporting again sets its aliases";
    let registry = Registry::of(history);
    let found = api.get("model-versions/get", &[("name", name), ("version", version)]);
    let found = found.map_err(|refused| refused.during("read the aliases").with_hint(again))?;
    let present: Vec<&str> =
        found["model_version"]["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut set = Vec::new();
    let labels: std::collections::BTreeSet<&str> = history.events.iter().map(|event| event.label.as_str()).collect();
    for label in labels {
        let holds = registry.holder(label).is_some_and(|holder| holder.identity == source.id);
        if holds && is_reserved(label) {
            notes.push(format!("MLflow has no alias `{label}`: it takes that for a version"));
        } else if holds {
            let body = json!({ "name": name, "alias": label, "version": version });
            api.post("registered-models/alias", &body)
                .map_err(|refused| refused.during("set an alias").with_hint(again))?;
            set.push(label.to_owned());
        } else if present.contains(&label) {
            api.delete("registered-models/alias", &json!({ "name": name, "alias": label }))
                .map_err(|refused| refused.during("remove an alias").with_hint(again))?;
        }
    }
    Ok(set)
}

/// What MLflow reads as a number of a version, or as the last one.
fn is_reserved(alias: &str) -> bool {
    let digits = alias.strip_prefix(['v', 'V']).unwrap_or(alias);
    alias.eq_ignore_ascii_case("latest") || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Milliseconds since 1970.
fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}
