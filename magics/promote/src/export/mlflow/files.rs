//! The artifact's files among those of a run, through the server's own door to them.

use serde_json::json;

use super::super::source::Source;
use super::client::{Api, Refused, encoded};
use crate::Error;
use crate::files::read_file;

/// The model among the run's files: the artifact where a lab would have it, and what MLflow reads of a model.
pub(super) const MODEL: &str = "model";
const SCHEME: &str = "mlflow-artifacts:";
/// Where the server takes files.
const DOOR: &str = "/api/2.0/mlflow-artifacts/artifacts/";

/// Sends the artifact, each file of it, to `place`, the run's own among the server's artifacts.
pub(super) fn upload(api: &Api<'_>, source: &Source, run: &str, place: &str) -> Result<(), Error> {
    let doing = "send the files";
    let Some(below) = below_door(place) else {
        let reason = format!("it keeps the files of runs at {place}, and takes none by itself");
        return Err(Refused::new(reason).during(doing));
    };
    let location = &source.location;
    let home = format!("pipelines/{}/{}", location.name, location.version);
    let mut files = vec![("MLmodel".to_owned(), ml_model(source, run).into_bytes())];
    for entry in walkdir::WalkDir::new(&location.directory).sort_by_file_name() {
        let entry = entry.map_err(|error| Error::io("list", &location.directory)(error.into()))?;
        let relative = entry.path().strip_prefix(&location.directory).unwrap_or(entry.path());
        if entry.file_type().is_file() && !relative.starts_with(".ipynb_checkpoints") {
            let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
            files.push((format!("{home}/{}", parts.join("/")), read_file(entry.path())?));
        }
    }
    let total = files.len() as u64;
    for ((path, bytes), done) in files.into_iter().zip(1..) {
        let path = format!("{below}/{MODEL}/{path}");
        let path: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(encoded).collect();
        api.put(format!("{DOOR}{}", path.join("/")), bytes).map_err(|refused| refused.during(doing))?;
        api.work.progress("export", done, Some(total), "files");
    }
    Ok(())
}

/// The path below the server's door, where the run's files are behind it.
fn below_door(place: &str) -> Option<&str> {
    let below = place.strip_prefix(SCHEME)?;
    // With a host, it may be another server.
    (!below.starts_with("//")).then(|| below.trim_matches('/'))
}

/// What MLflow reads of a model: its flavour is ours, which only `kernwerk` loads. JSON is YAML.
fn ml_model(source: &Source, run: &str) -> String {
    let model = json!({
        "artifact_path": MODEL,
        "run_id": run,
        "utc_time_created": chrono::Utc::now().format("%Y-%m-%d %H:%M:%S.%6f").to_string(),
        "flavors": {
            "kernwerk": {
                "artifact": source.location.to_string(),
                "identity": source.id,
                "kernwerk_version": source.pipeline.made_with.kernwerk,
            },
        },
    });
    format!("{model:#}\n")
}
