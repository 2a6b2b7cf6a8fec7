//! `%lab doctor`: whether everything that Kernwerk needs is there and sound.

use std::process::Command;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use kernwerk_core::{Output, Problem, Resource, Table, Verdict};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_models::MiniLm;
use kernwerk_store::{Damage, Intact, Lab};

use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Doctor {}

/// Damages of a data set that are told one by one.
const MOST_DAMAGES: usize = 5;

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
        Err(kernwerk_store::Error::ReadOnly { .. }) => missing("writing", "the lab can only be read"),
        Err(error) => broken("writing", error.to_string()),
    });
    for intact in context.block_on(lab.intact(context.work()))? {
        context.work().check()?;
        findings.push(data_set(lab, context, &intact));
    }
    Ok(())
}

/// What is known of a data set: whether its files are those that were written, and whether its latest version can be read.
fn data_set(lab: &Lab, context: &Context<'_>, intact: &Intact) -> Finding {
    let noun = if intact.resource == Resource::Corpus { "corpus" } else { "table" };
    let what = format!("{noun} {}", intact.name);
    if !intact.damages.is_empty() {
        return broken(&what, damages(intact));
    }
    let mut finding = read(lab, context, what, intact.resource, &intact.name);
    if finding.state == State::Sound && intact.compared > 0 {
        finding.detail += &format!(", {} with the bytes that were written", files(intact.compared));
    } else if finding.state == State::Sound {
        finding.detail += "; no record tells whether its bytes are those that were written";
    }
    finding
}

fn damages(intact: &Intact) -> String {
    let (version, written_at) = intact.recorded.clone().unwrap_or_default();
    let written = format!("version {version} was written at {written_at}");
    let found = intact.damages.iter().map(|damage| match damage {
        Damage::Lost => format!("it is lost: {written}, and nothing of it is there"),
        Damage::Older { found } => format!("{written}, and the latest that is there is version {found}"),
        Damage::Missing { path } => format!("{path} is gone"),
        Damage::Changed { path } => format!("{path} has other bytes than were written"),
    });
    let found: Vec<String> = found.collect();
    let rest = found.len().saturating_sub(MOST_DAMAGES);
    let more = if rest == 0 { String::new() } else { format!("; and {rest} more") };
    format!("{}{more}; restore it from a backup, or make it anew", found[..found.len() - rest].join("; "))
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

/// Reads the whole of the data set's latest version, as its users would.
fn read(lab: &Lab, context: &Context<'_>, what: String, resource: Resource, name: &str) -> Finding {
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
