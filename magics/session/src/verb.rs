//! What a verb is: one type with its arguments, its words and what it does.

use std::fmt;
use std::sync::Arc;

use clap::{ArgMatches, Command};
use kernwerk_core::{Output, Parameter, Problem, Table};
use kernwerk_lang::{BodyUse, Example, VerbSpec};

use crate::Context;

/// A verb. The type's fields are its arguments, declared with clap's derive; their doc comments are its help.
pub trait Verb: clap::Args + clap::FromArgMatches {
    /// The magic it belongs to, such as `feature`.
    const MAGIC: &'static str;
    const NAME: &'static str;
    /// One line without a full stop.
    const ABOUT: &'static str;
    const BODY: BodyUse;
    /// Each runs as a test in a fresh lab, beside the files in `kernel/cli/tests/cli/examples`.
    const EXAMPLES: &'static [Example];

    /// Does it. `body` is given exactly when [`Verb::BODY`] allows for one.
    fn run(self, context: &Context<'_>, body: Option<&str>) -> Result<Answer, Problem>;
}

/// What a verb answers.
pub struct Answer {
    pub output: Output,
    /// What `-> name` binds; without it the table of the output, if that is what it shows.
    pub bind: Option<Table>,
    /// Variables that it makes beside, each for a single value.
    pub parameters: Vec<Parameter>,
    /// Whether the answer goes on.
    pub live: Option<Live>,
}

/// An answer that a face keeps up to date after the verb has returned.
#[derive(Clone)]
pub enum Live {
    /// From now on the answer is what this gives, called from any thread, as often as the face likes. It is never to be called
    /// more than a few times a second.
    Follow(Arc<dyn Fn() -> Result<Output, Problem> + Send + Sync>),
    /// What an earlier line began ends.
    End,
}

impl fmt::Debug for Live {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Follow(_) => "Follow",
            Self::End => "End",
        })
    }
}

impl Answer {
    /// Shows what `answer` gives now, and what it gives later.
    ///
    /// # Errors
    /// What it gives the first time.
    pub fn following(answer: impl Fn() -> Result<Output, Problem> + Send + Sync + 'static) -> Result<Self, Problem> {
        Ok(Self { output: answer()?, bind: None, parameters: Vec::new(), live: Some(Live::Follow(Arc::new(answer))) })
    }

    /// Shows `output` and binds `table`, of which it may show only a part.
    pub fn binding(output: Output, table: Table) -> Self {
        Self { output, bind: Some(table), parameters: Vec::new(), live: None }
    }
}

impl From<Output> for Answer {
    fn from(output: Output) -> Self {
        Self { output, bind: None, parameters: Vec::new(), live: None }
    }
}

/// A verb as data, for the static slices that list them.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub spec: VerbSpec,
    pub run: fn(&ArgMatches, &Context<'_>, Option<&str>) -> Result<Answer, Problem>,
}

/// The entry of a verb.
pub(crate) const fn entry<V: Verb>() -> Entry {
    Entry {
        spec: VerbSpec {
            magic: V::MAGIC,
            name: V::NAME,
            about: V::ABOUT,
            body: V::BODY,
            examples: V::EXAMPLES,
            command: command::<V>,
        },
        run: run::<V>,
    }
}

fn command<V: Verb>() -> Command {
    V::augment_args(Command::new(V::NAME))
}

fn run<V: Verb>(arguments: &ArgMatches, context: &Context<'_>, body: Option<&str>) -> Result<Answer, Problem> {
    let verb = V::from_arg_matches(arguments)
        .map_err(|error| Problem::new("BadArguments", error.to_string().trim().to_owned()))?;
    verb.run(context, body)
}
