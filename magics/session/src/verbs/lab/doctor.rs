//! `%lab doctor`: whether everything that Kernwerk needs is there and sound.

use std::process::Command;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use kernwerk_core::{Output, Problem, Resource, Table, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_models::MiniLm;
use kernwerk_store::Lab;

use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Doctor {}

/// One thing looked at.
struct Finding {
    what: String,
    state: State,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    /// Something does not work without it, and the rest does.
    Missing,
    Broken,
}

impl Verb for Doctor {
    const MAGIC: &'static str = "lab";
    const NAME: &'static str = "doctor";
    const ABOUT: &'static str = "check the lab, the models and the Rust toolchain, and say what to do";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] =
        &[Example { about: "everything that could be in the way", line: "%lab doctor", body: None, setup: &[] }];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let mut findings = Vec::new();
        match context.existing_lab()? {
            Some(lab) => lab_findings(&lab, context, &mut findings)?,
            None => findings.push(missing("lab", "there is none here; `%lab init` makes one")),
        }
        findings.push(model());
        findings.extend(toolchain());
        let broken = findings.iter().any(|finding| finding.state == State::Broken);
        let verdict = if broken { Verdict::Failed } else { Verdict::Passed };
        Ok(Output::table(table(&findings)?).with_verdict(verdict).volatile().into())
    }
}

fn lab_findings(lab: &Lab, context: &Context<'_>, findings: &mut Vec<Finding>) -> Result<(), Problem> {
    findings.push(sound("lab", lab.root().display().to_string()));
    let probe = lab.data_dir().join("doctor");
    findings.push(match lab.atomic_write(&probe, b"").map(|()| std::fs::remove_file(&probe).is_ok()) {
        Ok(_) => sound("writing", "the lab can be written to".to_owned()),
        Err(error) => broken("writing", error.to_string()),
    });
    for resource in [Resource::Table, Resource::Corpus] {
        for name in lab.names(resource) {
            context.work().check()?;
            findings.push(data_set(lab, context, resource, &name));
        }
    }
    Ok(())
}

/// Reads the whole of the data set's latest version, as its users would.
fn data_set(lab: &Lab, context: &Context<'_>, resource: Resource, name: &str) -> Finding {
    let noun = if resource == Resource::Corpus { "corpus" } else { "table" };
    let what = format!("{noun} {name}");
    let read = context.block_on(async {
        let stored = lab.dataset(resource, name).await?;
        let batches = stored.read(None, None).await?;
        // How many rows a corpus has is for those who may read them all.
        let rows = match resource {
            Resource::Corpus => String::new(),
            _ => format!("{} rows, ", batches.iter().map(RecordBatch::num_rows).sum::<usize>()),
        };
        Ok::<_, kernwerk_store::Error>(format!("version {}, {rows}all readable", stored.version()))
    });
    match read {
        Ok(detail) => Finding { what, state: State::Sound, detail },
        Err(error) => Finding { what, state: State::Broken, detail: error.to_string() },
    }
}

fn model() -> Finding {
    let found = MiniLm::find(None).and_then(|directory| MiniLm::load(&directory));
    match found {
        Ok(model) => {
            let id = kernwerk_core::Embedder::id(&model);
            sound("embedding model", format!("{}, weights {}", id.name, id.digest))
        }
        Err(error) => {
            let problem = Problem::from(error);
            missing("embedding model", &kernwerk_render::problem_text(&problem))
        }
    }
}

/// The toolchain that Rust cells are compiled with; magics need none.
fn toolchain() -> Vec<Finding> {
    let mut findings = Vec::new();
    for program in ["cargo", "rustc"] {
        findings.push(match first_line(Command::new(program).arg("--version")) {
            Some(version) => sound(program, version),
            None => {
                missing(program, "Rust cells need it; install the Rust toolchain with rustup; magics work without it")
            }
        });
    }
    let library = first_line(Command::new("rustc").args(["--print", "sysroot"]))
        .map(|root| std::path::Path::new(&root).join("lib/rustlib/src/rust/library"));
    findings.push(match library.filter(|library| library.is_dir()) {
        Some(library) => sound("rust-src", library.display().to_string()),
        None => missing("rust-src", "without it variables do not outlive their cell; `rustup component add rust-src`"),
    });
    findings
}

fn first_line(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)
}

fn sound(what: &str, detail: String) -> Finding {
    Finding { what: what.to_owned(), state: State::Sound, detail }
}

fn missing(what: &str, detail: &str) -> Finding {
    Finding { what: what.to_owned(), state: State::Missing, detail: detail.to_owned() }
}

fn broken(what: &str, detail: String) -> Finding {
    Finding { what: what.to_owned(), state: State::Broken, detail }
}

fn table(findings: &[Finding]) -> Result<Table, Problem> {
    let fields = ["what", "state", "detail"].map(|name| Field::new(name, DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let state = |finding: &Finding| match finding.state {
        State::Sound => "sound",
        State::Missing => "missing",
        State::Broken => "broken",
    };
    let columns: Vec<arrow::array::ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(findings.iter().map(|finding| &finding.what))),
        Arc::new(StringArray::from_iter_values(findings.iter().map(state))),
        Arc::new(StringArray::from_iter_values(findings.iter().map(|finding| &finding.detail))),
    ];
    let batch =
        RecordBatch::try_new(schema.clone(), columns).map_err(|error| Problem::new("Internal", error.to_string()))?;
    Ok(Table::new(schema, vec![batch]))
}
