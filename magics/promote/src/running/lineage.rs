//! A run as events of [OpenLineage 2-0-2](https://openlineage.io/spec/2-0-2/OpenLineage.json): one JSON line each in the run's directory.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use kernwerk_core::Resource;
use kernwerk_store::Lab;
use serde_json::{Map, Value, json};

use super::record::{RunInput, RunRecord, now};
use crate::Error;

const FILE: &str = "lineage.jsonl";
const PRODUCER: &str = "urn:kernwerk";
const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// What happened to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Start,
    /// It goes on after its process was gone.
    Running,
    Complete,
    Fail,
    Abort,
}

impl Happened {
    fn word(self) -> &'static str {
        match self {
            Self::Start => "START",
            Self::Running => "RUNNING",
            Self::Complete => "COMPLETE",
            Self::Fail => "FAIL",
            Self::Abort => "ABORT",
        }
    }

    fn is_end(self) -> bool {
        matches!(self, Self::Complete | Self::Fail | Self::Abort)
    }
}

/// Tells the events of one run.
pub(super) struct Lineage<'a> {
    pub lab: &'a Lab,
    /// A file that somebody collects events from.
    pub also: Option<PathBuf>,
    /// The steps' texts, and the language that most of them are in.
    pub code: Option<(&'static str, String)>,
}

impl Lineage<'_> {
    /// Adds an event, of which an end is the last. The run's own file is whole at any time.
    pub fn tell(&self, record: &RunRecord, happened: Happened, result: Option<&SchemaRef>) -> Result<(), Error> {
        let path = record.directory(self.lab).join(FILE);
        let mut told = match std::fs::read_to_string(&path) {
            Ok(told) => told,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let ends = [Happened::Complete, Happened::Fail, Happened::Abort].map(Happened::word);
        let mut events = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if events.any(|event| ends.iter().any(|end| event["eventType"] == *end)) {
            return Ok(());
        }
        let line = format!("{}\n", self.event(record, happened, result));
        told.push_str(&line);
        self.lab.atomic_write(&path, told.as_bytes())?;
        self.also.as_deref().map_or(Ok(()), |also| append(also, &line))
    }

    fn event(&self, record: &RunRecord, happened: Happened, result: Option<&SchemaRef>) -> Value {
        let parameters: Vec<Value> = record
            .parameters
            .iter()
            .map(|parameter| json!({ "key": parameter.name, "name": parameter.name, "value": parameter.value.to_string() }))
            .collect();
        let mut run = Map::new();
        run.insert(
            "processing_engine".to_owned(),
            facet(
                "1-1-1/ProcessingEngineRunFacet",
                json!({
                    "name": "Kernwerk",
                    "version": env!("CARGO_PKG_VERSION"),
                }),
            ),
        );
        if !parameters.is_empty() {
            let facet = facet("1-0-0/ExecutionParametersRunFacet", json!({ "parameters": parameters }));
            run.insert("executionParameters".to_owned(), facet);
        }
        if let Some(failure) = record.failure.as_ref().filter(|_| happened.is_end() && happened != Happened::Complete) {
            let language = self.code.as_ref().map_or("Rust", |(language, _)| *language);
            run.insert(
                "errorMessage".to_owned(),
                facet(
                    "1-0-1/ErrorMessageRunFacet",
                    json!({
                        "message": failure,
                        "programmingLanguage": language.to_uppercase(),
                    }),
                ),
            );
        }
        let mut job = Map::new();
        job.insert(
            "jobType".to_owned(),
            facet(
                "2-0-4/JobTypeJobFacet",
                json!({
                    "processingType": "BATCH",
                    "integration": "KERNWERK",
                    "jobType": "PIPELINE",
                }),
            ),
        );
        if let Some((language, code)) = self.code.as_ref().filter(|_| happened == Happened::Start) {
            let source = facet("1-0-1/SourceCodeJobFacet", json!({ "language": language, "sourceCode": code }));
            job.insert("sourceCode".to_owned(), source);
        }
        json!({
            "eventType": happened.word(),
            "eventTime": now(),
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
            "run": { "runId": record.id, "facets": run },
            "job": { "namespace": self.namespace(), "name": record.artifact_name(), "facets": job },
            "inputs": record.inputs.iter().map(|input| self.input(input)).collect::<Vec<_>>(),
            "outputs": self.outputs(record, result),
        })
    }

    /// Names of jobs and of tables are names within a lab.
    fn namespace(&self) -> String {
        format!("kernwerk://{}", self.lab.id())
    }

    fn input(&self, input: &RunInput) -> Value {
        let version = input.version.map_or_else(|| input.digest.clone(), |version| version.to_string());
        let mut facets = Map::new();
        facets.insert("version".to_owned(), version_facet(&version));
        if !input.columns.is_empty() {
            let fields = input.columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind }));
            facets.insert("schema".to_owned(), schema_facet(fields.collect()));
        }
        let (namespace, name) = match input.resource {
            Resource::File => ("file".to_owned(), absolute(self.lab, &input.name)),
            Resource::Corpus => (self.namespace(), format!("corpora/{}", input.name)),
            _ => (self.namespace(), format!("tables/{}", input.name)),
        };
        json!({ "namespace": namespace, "name": name, "facets": facets })
    }

    /// What the run gives: its result, once there is one. Tables that its steps write are no more than a way to it.
    fn outputs(&self, record: &RunRecord, result: Option<&SchemaRef>) -> Vec<Value> {
        let Some(file) = &record.result else { return Vec::new() };
        let mut facets = Map::new();
        facets.insert("version".to_owned(), version_facet(&file.digest));
        if let Some(schema) = result {
            let fields = schema
                .fields()
                .iter()
                .map(|field| json!({ "name": field.name(), "type": field.data_type().to_string() }));
            facets.insert("schema".to_owned(), schema_facet(fields.collect()));
        }
        let path = record.directory(self.lab).join(&file.file);
        vec![json!({ "namespace": "file", "name": path.to_string_lossy(), "facets": facets })]
    }
}

fn facet(schema: &str, content: Value) -> Value {
    let name = schema.rsplit('/').next().unwrap_or_default();
    let mut facet = json!({
        "_producer": PRODUCER,
        "_schemaURL": format!("https://openlineage.io/spec/facets/{schema}.json#/$defs/{name}"),
    });
    if let (Some(facet), Value::Object(content)) = (facet.as_object_mut(), content) {
        facet.extend(content);
    }
    facet
}

fn version_facet(version: &str) -> Value {
    facet("1-0-1/DatasetVersionDatasetFacet", json!({ "datasetVersion": version }))
}

fn schema_facet(fields: Vec<Value>) -> Value {
    facet("1-2-0/SchemaDatasetFacet", json!({ "fields": fields }))
}

fn absolute(lab: &Lab, name: &str) -> String {
    lab.root().join(name).to_string_lossy().into_owned()
}

/// Adds a line to a file that others may add to as well.
fn append(path: &Path, line: &str) -> Result<(), Error> {
    let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(Error::io("open", path))?;
    file.write_all(line.as_bytes()).map_err(Error::io("write", path))
}
