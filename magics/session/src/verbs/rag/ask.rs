//! `%rag ask`: what documents answer, in their own words.

use std::path::Path;

use kernwerk_core::{Access, Body, CitedAnswer, Embedder, Output, Problem, Resource, Value};
use kernwerk_lang::{BodyUse, Example};
use kernwerk_rag::{AskRequest, Language};
use kernwerk_store::{Lab, Principal};

use super::{digest_of, reader};
use crate::{Answer, Context, Verb};

#[derive(clap::Args)]
pub(crate) struct Ask {
    #[arg(value_name = "CORPUS")]
    corpus: String,
    /// What to answer
    #[arg(value_name = "QUESTION", required_unless_present = "questions", conflicts_with = "questions")]
    question: Option<String>,
    /// Most sentences of the answer
    #[arg(short = 'n', long, value_name = "N", default_value_t = 3)]
    sentences: usize,
    /// From 0 to 1: how sure a sentence must be; without it what tells questions with an answer from others best
    #[arg(long, value_name = "SCORE")]
    threshold: Option<f64>,
    /// Only documents in this language, such as `de`
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Many questions: JSON lines with `_id` and `text`
    #[arg(long, value_name = "FILE", requires = "answers")]
    questions: Option<String>,
    /// Where the answers to many questions go, as JSON lines
    #[arg(long, value_name = "FILE", requires = "questions")]
    answers: Option<String>,
}

impl Verb for Ask {
    const MAGIC: &'static str = "rag";
    const NAME: &'static str = "ask";
    const ABOUT: &'static str = "answer a question in sentences of the documents that you may read, each with where it stands, or say that none does";
    const BODY: BodyUse = BodyUse::None;
    const EXAMPLES: &'static [Example] = &[
        Example {
            about: "an answer of three sentences at most, without any language model",
            line: "%rag ask handbook \"What does a replay compare?\"",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
        Example {
            about: "the one best sentence, however unsure, for a later cell",
            line: "%rag ask handbook \"What does a replay compare?\" -n 1 --threshold 0 -> answer",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
        Example {
            about: "many questions at once, for a program that measures",
            line: "%rag ask handbook --questions queries.jsonl --answers answers.jsonl",
            body: None,
            setup: &["%rag ingest handbook docs"],
        },
    ];

    fn run(self, context: &Context<'_>, _body: Option<&str>) -> Result<Answer, Problem> {
        let (lab, principal) = (context.lab()?, context.principal()?);
        let request = AskRequest {
            corpus: self.corpus,
            language: self.lang.as_deref().map(Language::parse).transpose()?,
            sentences: self.sentences,
            threshold: self.threshold,
        };
        let embedder = context.embedder()?;
        let asking =
            Asking { context, lab: &lab, principal: &principal, request: &request, embedder: embedder.as_ref() };
        match (&self.questions, &self.answers) {
            (Some(questions), Some(answers)) => asking.many(&context.path(questions), &context.path(answers)),
            _ => asking.one(self.question.as_deref().unwrap_or_default()),
        }
    }
}

struct Asking<'a> {
    context: &'a Context<'a>,
    lab: &'a Lab,
    principal: &'a Principal,
    request: &'a AskRequest,
    embedder: &'a dyn Embedder,
}

impl Asking<'_> {
    fn ask(&self, questions: &[&str]) -> Result<kernwerk_rag::Answers, Problem> {
        let (context, request) = (self.context, self.request);
        let ask = kernwerk_rag::ask(self.lab, self.principal, request, questions, self.embedder, context.work());
        let answers = context.block_on(ask)?;
        let digest = Some(answers.digest.clone());
        context.effect(Access::Read, Resource::Corpus, &answers.corpus, Some(answers.version), digest);
        Ok(answers)
    }

    fn one(&self, question: &str) -> Result<Answer, Problem> {
        let found = self.ask(&[question])?;
        let Some(answer) = found.answers.into_iter().next() else {
            return Err(Problem::new("Internal", "a question got no answer, not even that there is none"));
        };
        let table = kernwerk_render::answer_table(&answer)?;
        let is_known = !answer.sentences.is_empty();
        let mut output = Output::new(Body::Answer(answer)).with_title(question);
        if !is_known {
            let searched = super::counted(found.searched, "chunk");
            output = output.with_note(format!("looked in the {searched} that {} may read", reader(self.principal)));
        }
        Ok(Answer::binding(output, table))
    }

    fn many(&self, questions: &Path, target: &Path) -> Result<Answer, Problem> {
        let (context, lab) = (self.context, self.lab);
        let queries = kernwerk_rag::read_queries(questions)?;
        let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
        let found = self.ask(&texts)?;
        let lines = queries.iter().zip(&found.answers).map(|(query, answer)| line(&query.id, answer));
        let text: String = lines.collect();
        lab.atomic_write(target, text.as_bytes())?;
        let file = lab.relative(target);
        context.effect(Access::Read, Resource::File, &lab.relative(questions), None, digest_of(questions));
        let written = blake3::hash(text.as_bytes()).to_hex().to_string();
        context.effect(Access::Write, Resource::File, &file, None, Some(written));
        let answered = found.answers.iter().filter(|answer| !answer.sentences.is_empty()).count();
        let output = Output::record([
            ("corpus", Value::from(found.corpus)),
            ("questions", Value::from(queries.len())),
            ("answered", Value::from(answered)),
            ("chunks searched", Value::from(found.searched)),
            ("answers", Value::from(file)),
        ]);
        Ok(output.into())
    }
}

/// An answer as a line of a file.
fn line(id: &str, answer: &CitedAnswer) -> String {
    let mut object = serde_json::Map::new();
    object.insert("_id".to_owned(), id.into());
    if let serde_json::Value::Object(answer) = kernwerk_render::answer_json(answer) {
        object.extend(answer);
    }
    format!("{}\n", serde_json::Value::Object(object))
}
