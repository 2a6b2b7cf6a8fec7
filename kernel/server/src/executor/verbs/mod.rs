//! `%kernel`, the magic of the kernel alone: one file for each verb. A new verb is one new file and one line in [`VERBS`].

mod dep_add;
mod recover;
mod stale;
mod timing;
mod vars;

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use clap::{ArgMatches, Command};
use kernwerk_core::{Cancel, Output, Problem, Table};
use kernwerk_lang::{BodyUse, Example, Language, MagicLine, MagicSpec, Parsed, VerbSpec};
use kernwerk_session::{RunningCell, Session};

use super::recorder::Recorder;
use super::{Executor, Stop};

/// The magic's name.
pub(super) const NAME: &str = "kernel";

static VERBS: &[Entry] = &[
    entry::<vars::Vars>(),
    entry::<timing::Timing>(),
    entry::<stale::Stale>(),
    entry::<recover::Recover>(),
    entry::<dep_add::DepAdd>(),
];

static LANGUAGE: LazyLock<Language> = LazyLock::new(|| {
    let shared = kernwerk_session::language();
    let about = "the kernel's variables, times, stale cells, recovery and dependencies (in the kernel alone: neither in Python nor in a shell)";
    let ours = MagicSpec { name: NAME, about };
    Language {
        magics: shared.magics.iter().copied().chain([ours]).collect(),
        verbs: shared.verbs.iter().copied().chain(VERBS.iter().map(|entry| entry.spec)).collect(),
    }
});

/// The language of the kernel: the one that all faces share, and `%kernel`.
pub fn language() -> &'static Language {
    &LANGUAGE
}

/// A verb of `%kernel`. The type's fields are its arguments, declared with clap's derive; their doc comments are its help.
trait KernelVerb: clap::Args + clap::FromArgMatches {
    const NAME: &'static str;
    /// One line without a full stop.
    const ABOUT: &'static str;
    /// Each runs as a test in a fresh lab.
    const EXAMPLES: &'static [Example];

    fn run(self, kernel: &Kernel<'_>) -> Result<Output, Stop>;
}

/// What a verb may ask of the kernel while it runs.
pub(super) struct Kernel<'a> {
    pub executor: &'a Executor,
    pub session: &'a Session,
    pub running: &'a RunningCell,
    pub recorder: &'a Arc<Recorder>,
    pub cancel: &'a Cancel,
    /// The line of the cell on which the verb stands, from 0.
    pub line: usize,
}

/// A verb as data.
struct Entry {
    spec: VerbSpec,
    run: fn(&ArgMatches, &Kernel<'_>) -> Result<Output, Stop>,
}

const fn entry<V: KernelVerb>() -> Entry {
    Entry {
        spec: VerbSpec {
            magic: NAME,
            name: V::NAME,
            about: V::ABOUT,
            body: BodyUse::None,
            examples: V::EXAMPLES,
            command: command::<V>,
        },
        run: run_verb::<V>,
    }
}

fn command<V: KernelVerb>() -> Command {
    V::augment_args(Command::new(V::NAME))
}

fn run_verb<V: KernelVerb>(arguments: &ArgMatches, kernel: &Kernel<'_>) -> Result<Output, Stop> {
    let verb = V::from_arg_matches(arguments)
        .map_err(|error| Problem::new("BadArguments", error.to_string().trim().to_owned()))?;
    verb.run(kernel)
}

/// Runs a line of `%kernel`.
pub(super) fn run(line: &MagicLine, kernel: &Kernel<'_>) -> Result<Output, Stop> {
    let (verb, arguments) = match language().parse(line)? {
        Parsed::Help(text) => return Ok(Output::text(text).volatile()),
        Parsed::Call { verb, arguments } => (verb, arguments),
    };
    if let Some(name) = &line.bind {
        let message = format!("`%{NAME}` speaks of this kernel alone, and gives no table that `{name}` could hold");
        return Err(Problem::new("NothingToBind", message).with_hint("leave `-> name` away").into());
    }
    let ours = verb.checked_sub(kernwerk_session::language().verbs.len()).and_then(|index| VERBS.get(index));
    let entry = ours.ok_or_else(|| Problem::new("UnknownVerb", format!("`{}` cannot be run here", line.text)))?;
    // What a kernel says of itself changes from run to run.
    Ok((entry.run)(&arguments, kernel)?.volatile())
}

/// The Rust names that a line of `%kernel` defines: the crates that it adds.
pub(super) fn defines(line: &MagicLine) -> Vec<String> {
    dep_add::defines(line)
}

/// A table of columns in their order.
fn table(columns: Vec<(&str, ArrayRef)>) -> Result<Table, Problem> {
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, column)| column).collect())
        .map_err(|error| Problem::new("InternalError", error.to_string()))?;
    Ok(Table::new(schema, vec![batch]))
}

/// How people call the cell with this execution count: `In [7]`.
pub(super) fn label(execution_count: u32) -> String {
    format!("In [{execution_count}]")
}
