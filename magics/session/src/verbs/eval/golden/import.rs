//! `%eval golden import`: questions with what is known to be right become a golden set.

use kernwerk_core::{Access, Output, Problem, Resource, Value};
use kernwerk_eval::ImportSpec;
use kernwerk_feature::View;
use kernwerk_lang::{BodyUse, Example};

use super::super::record_basis;
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Import {
    /// The golden set; it is a table of the lab, and each import of something else is a version
    #[arg(value_name = "GOLDEN")]
    name: String,
    /// A directory in the layout of BEIR (queries.jsonl with `_id`, `text` and perhaps `answers`; qrels.tsv or qrels/*.tsv), or a
    /// file of JSON lines with `question`, and `answers`, `relevant` or both
    #[arg(value_name = "PATH")]
    path: String,
    /// Which of the files in qrels/, such as `test`
    #[arg(long, value_name = "NAME")]
    split: Option<String>,
}

impl Verb for Import {
    const MAGIC: &'static str = "eval";
    const NAME: &'static str = "golden import";
    const ABOUT: &'static str = "take questions with relevant documents, right answers or both into a golden set";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "a file of questions with their answers and relevant documents",
            line: "%eval golden import questions questions.jsonl",
            body: None,
            setup: &[],
        },
        Example {
            about: "a collection in the layout of BEIR, with the judgements of its test split",
            line: "%eval golden import collection collection --split test",
            body: None,
            setup: &[],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let lab = context.lab_for_writing()?;
        if View::find(&lab, &self.name)?.is_some() {
            return Err(Problem::new("NameTaken", format!("`{}` is already a feature view", self.name))
                .with_hint("golden sets are tables, and share their names with feature views: choose another"));
        }
        let spec = ImportSpec { name: self.name, path: context.path(&self.path), label: self.path, split: self.split };
        let imported = context.block_on(kernwerk_eval::import(&lab, &spec, context.work()))?;
        for file in &imported.files {
            record_basis(context, file);
        }
        let golden = &imported.golden;
        let (version, digest) = (Some(golden.version), Some(golden.digest.clone()));
        context.effect(Access::Write, Resource::Table, &golden.name, version, digest);
        // The version counts the imports of this lab; a replay in another one has its own count, and compares no notes.
        let version = match imported.changed {
            true => format!("`{}` is now version {}", golden.name, golden.version),
            false => format!("`{}` holds these questions already: version {} stays", golden.name, golden.version),
        };
        let judgements: usize = golden.items.iter().flat_map(|item| &item.judged).map(|judged| judged.len()).sum();
        let output = Output::record([
            ("golden set", Value::from(golden.name.as_str())),
            ("questions", Value::from(golden.items.len())),
            ("with judged documents", Value::from(golden.judged())),
            ("judged documents", Value::from(judgements)),
            ("with answers", Value::from(golden.answered())),
        ]);
        Ok(imported.notes.into_iter().fold(output.with_note(version), Output::with_note).into())
    }
}
