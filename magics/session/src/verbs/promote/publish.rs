//! `%promote publish`: the slice of a target becomes an artifact, once a fresh process has shown that it runs.

use kernwerk_core::{Access, Output, Problem, Resource, Verdict, Work};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_promote::{Level, Location, PublishSpec, SigningKey, Vendored, is_signed};
use kernwerk_store::Lab;

use super::{More, cell_table, gate_notes, header_name, plan_spec, publish_spec};
use crate::crates::{cargo_home, crate_sources};
use crate::person::{Keys, in_words};
use crate::verbs::eval::{HANDBOOK, QUALITY, QUESTIONS};
use crate::{Answer, Context, Verb};

/// Runs the cells behind a target in a fresh process that sees nothing but their declared inputs, and no network.
///
/// Cells that ask services over HTTP are published with `--record`: they run once with the network, through a proxy that writes down what was asked
/// and answered into `cassette.json`. The fresh run then has its answers from there, as have all replays and runs, and must give what the recording
/// gave. Where a service answers otherwise than it did in the notebook, the artifact holds the recording; cells that need no answer must agree with the
/// notebook as always. Clients go by `HTTP_PROXY`, with the password in it, `HTTPS_PROXY` and `SSL_CERT_FILE`, as most do. Values of secrets in the
/// environment are replaced by their names.
///
/// A recorded answer is given to a request with the same method, URL, body and headers, but for headers that clients set by themselves or that are new
/// with each request. `--ignore-header` leaves out another one.
#[derive(clap::Args)]
pub(crate) struct Publish {
    /// The artifact's name
    #[arg(value_name = "NAME")]
    name: String,
    /// A variable, or a cell by its number in `In [7]`
    #[arg(long, value_name = "TARGET")]
    target: String,
    /// The notebook, where it is not this one: its latest session
    #[arg(long, value_name = "FILE")]
    notebook: Option<String>,
    #[command(flatten)]
    more: More,
    /// How well replays must agree: bytes, canonical, pixels or tolerance
    #[arg(long, value_name = "LEVEL", default_value = "bytes")]
    level: Level,
    /// A suite whose gate has to pass first
    #[arg(long = "gate", value_name = "SUITE")]
    gates: Vec<String>,
    /// Put its crates beside it, for replays without a network
    #[arg(long)]
    vendor: bool,
    /// The cells use the network; replays then need it, too
    #[arg(long, conflicts_with = "record")]
    live: bool,
    /// The cells ask services over HTTP: what these answer is recorded, and replays need no network
    #[arg(long)]
    record: bool,
    /// A header that changes from run to run and says nothing of what is asked; may be repeated
    #[arg(long = "ignore-header", value_name = "HEADER", requires = "record", value_parser = header_name)]
    ignored_headers: Vec<String>,
    /// Whose key signs it; else that of the machine's user, where there is one
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    #[command(flatten)]
    keys: Keys,
}

/// Signs what was published, and says in one line who did or what to do.
fn signed(
    lab: &Lab,
    location: &Location,
    key: Option<&SigningKey>,
    work: &Work,
) -> Result<String, kernwerk_promote::Error> {
    let Some(key) = key else {
        return Ok(match (is_signed(location), lab.promotion_rules()?.keys.is_empty()) {
            (true, _) => "signed before: `%promote verify` says by whom".to_owned(),
            (false, true) => {
                format!("unsigned: `%promote key NAME` makes a key, `%promote sign {location} --key NAME` signs it")
            }
            (false, false) => format!(
                "unsigned, so that nobody replays, runs or stages it here yet: `%promote sign {location} --key NAME`"
            ),
        });
    };
    match kernwerk_promote::sign(lab, &location.reference(), key, work) {
        // It is published all the same.
        Err(error @ kernwerk_promote::Error::NotSound { .. }) => {
            Ok(format!("not signed with {}: {error}", in_words(lab, key)?))
        }
        Err(error) => Err(error),
        Ok(_) => Ok(format!("signed with {}", in_words(lab, key)?)),
    }
}

impl Verb for Publish {
    const MAGIC: &'static str = "promote";
    const NAME: &'static str = "publish";
    const ABOUT: &'static str =
        "run a target's cells in a fresh process and, when they agree and the gates pass, write the artifact";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "a table and the cells behind it, as version 1",
            line: "%promote publish fares --target fares",
            body: None,
            setup: &[
                "%feature source rides rides.csv --event-time pickup",
                "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
            ],
        },
        Example {
            about: "the same with its crates beside it, for replays without a network",
            line: "%promote publish fares --target fares --vendor",
            body: None,
            setup: &[
                "%feature source rides rides.csv --event-time pickup",
                "%feature sql \"SELECT zone, avg(fare) AS fare FROM rides GROUP BY zone ORDER BY zone\" -> fares",
            ],
        },
        Example {
            about: "what a search finds, provided that its suite passes",
            line: "%promote publish answers --target hits --gate quality",
            body: None,
            setup: &[
                HANDBOOK,
                "%rag search handbook replay --mode text -> hits",
                QUESTIONS,
                QUALITY,
                "%eval run quality",
            ],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab_for_writing()?;
        let key = self.keys.of(context, self.key)?;
        let plan = plan_spec(context, &self.target, self.notebook.as_deref(), self.more)?;
        let spec = publish_spec(context, self.name, plan, &self.gates)?;
        let ignored_headers = self.ignored_headers.into_iter().collect();
        let spec = PublishSpec { level: self.level, live: self.live, record: self.record, ignored_headers, ..spec };
        let runner = context.runner()?;
        let published = context.block_on(kernwerk_promote::publish(&lab, &spec, runner.as_ref(), context.work()))?;
        let sources = crate_sources();
        let described = kernwerk_promote::describe(&lab, &published.location, &sources, context.work());
        let described = context.block_on(described);
        let name = published.location.to_string();
        context.effect(Access::Write, Resource::Artifact, &name, None, Some(published.id.clone()));
        let title = if published.unchanged {
            format!("{name} holds these cells and results already")
        } else {
            match published.cells.len() {
                1 => format!("{name} is published: 1 cell"),
                count => format!("{name} is published: {count} cells"),
            }
        };
        let mut output = Output::table(cell_table(&published.cells)?).with_title(title);
        output = output.with_note(format!("identity {}", published.id));
        output = gate_notes(&published.gates).into_iter().fold(output, Output::with_note);
        output = published.notes.into_iter().fold(output, Output::with_note);
        if self.vendor {
            output = vendored(context, &lab, &published.location, output)?;
        }
        // It is published all the same, and `card` and `sbom` make them anew.
        output = output.with_note(match described {
            Err(error) => format!("its card and its bill of materials were not written, and it is not signed: {error}"),
            Ok(()) => signed(&lab, &published.location, key.as_ref(), context.work())?,
        });
        Ok(output.volatile().into())
    }
}

/// Puts the crates beside the artifact, and says so. Where that cannot be, the artifact is published all the same, and the verb fails.
fn vendored(context: &Context<'_>, lab: &Lab, location: &Location, output: Output) -> Result<Output, Problem> {
    let home =
        cargo_home().ok_or_else(|| Problem::new("NoCargoHome", "there is no directory where cargo keeps crates"))?;
    match kernwerk_promote::vendor(lab, location, &home, context.work()) {
        Ok(Vendored { crates: 0, .. }) => Ok(output.with_note("its cells need no crates")),
        Ok(Vendored { crates, added, bytes }) => {
            let size = bytes.div_ceil(1024);
            let words = format!(
                "{crates} crates lie beside it ({added} of them new, {size} KiB together): replays need no network"
            );
            Ok(output.with_note(words))
        }
        Err(error) => {
            let problem = Problem::from(error);
            if problem.is_interrupt() {
                return Err(problem);
            }
            let output = output.with_verdict(Verdict::Failed).with_note(problem.message);
            Ok(problem.hint.into_iter().fold(output, Output::with_note))
        }
    }
}
