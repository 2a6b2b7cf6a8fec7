//! What another program found or answered, read from files.

use std::collections::HashMap;
use std::path::Path;

use kernwerk_core::{Answered, Answerer, Basis, Problem, Question, Ranked, Resource, Retrieved, Retriever, Work};

use crate::Error;
use crate::files::{Line, TextFile};

/// A TREC run: lines of `QUERY Q0 DOCUMENT RANK SCORE NAME`. What it has on questions that nobody asks does not count.
pub struct RunFile {
    found: HashMap<String, Vec<Ranked>>,
    basis: Basis,
}

impl RunFile {
    /// Reads the file, which records and errors call `name`.
    pub fn read(path: &Path, name: &str) -> Result<Self, Error> {
        let file = TextFile::read(path, name)?;
        let mut found: HashMap<String, Vec<Ranked>> = HashMap::new();
        let mut seen = HashMap::new();
        for line in file.lines() {
            let (query, document, score) = columns(&line)?;
            if let Some(first) = seen.insert((query, document), line.number) {
                return Err(line.wrong(format!("query `{query}` has document `{document}` on line {first} already")));
            }
            found.entry(query.to_owned()).or_default().push(Ranked { document: document.to_owned(), score });
        }
        Ok(Self { found, basis: basis(&file, name) })
    }
}

fn columns<'a>(line: &Line<'a>) -> Result<(&'a str, &'a str, f32), Error> {
    let columns: Vec<&str> = line.text.split_whitespace().collect();
    let [query, _, document, _, score, _] = columns.as_slice() else {
        let message = format!("there are {} columns; a run has QUERY Q0 DOCUMENT RANK SCORE NAME", columns.len());
        return Err(line.wrong(message));
    };
    // By way of double precision, as `trec_eval` reads it.
    let number = score.parse::<f64>().ok().map(|score| score as f32).filter(|score| score.is_finite());
    Ok((query, document, number.ok_or_else(|| line.wrong(format!("the score `{score}` is no number")))?))
}

impl Retriever for RunFile {
    fn retrieve(&self, questions: &[Question], limit: usize, _work: &Work) -> Result<Retrieved, Problem> {
        let documents = questions.iter().map(|question| {
            let mut found = self.found.get(&question.id).cloned().unwrap_or_default();
            found.sort_by(|left, right| right.score.total_cmp(&left.score));
            found.truncate(limit);
            found
        });
        Ok(Retrieved { documents: documents.collect(), basis: vec![self.basis.clone()] })
    }
}

/// Answers: JSON lines with `_id` and `answer`. A question that has no line is not answered.
pub struct AnswersFile {
    answers: HashMap<String, String>,
    basis: Basis,
}

impl AnswersFile {
    /// Reads the file, which records and errors call `name`.
    pub fn read(path: &Path, name: &str) -> Result<Self, Error> {
        let file = TextFile::read(path, name)?;
        let mut answers = HashMap::new();
        for line in file.lines() {
            let object = line.object()?;
            let id = object.id()?.ok_or_else(|| object.line.wrong(format!("there is no `_id`; {}", object.names())))?;
            let answer = match object.get(&["answer"]) {
                // Null says that the target does not know.
                None if object.has("answer") => continue,
                Some((_, serde_json::Value::String(answer))) => answer.clone(),
                _ => return Err(object.line.wrong(format!("there is no text `answer`; {}", object.names()))),
            };
            if answers.insert(id.clone(), answer).is_some() {
                return Err(object.line.wrong(format!("question `{id}` has an answer already")));
            }
        }
        Ok(Self { answers, basis: basis(&file, name) })
    }
}

impl Answerer for AnswersFile {
    fn answer(&self, questions: &[Question], _work: &Work) -> Result<Answered, Problem> {
        let answers = questions.iter().map(|question| self.answers.get(&question.id).cloned()).collect();
        Ok(Answered { answers, basis: vec![self.basis.clone()] })
    }
}

fn basis(file: &TextFile, name: &str) -> Basis {
    Basis { resource: Resource::File, name: name.to_owned(), version: None, digest: file.digest.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("a text");
        file
    }

    fn run_error(text: &str) -> String {
        let file = file(text);
        let error = RunFile::read(file.path(), "run").err().expect("a wrong run").to_string();
        error.split_once(", line ").map_or(error.clone(), |(_, rest)| rest.to_owned())
    }

    #[test]
    fn a_run_is_read_as_trec_reads_it() {
        let file = file("1 Q0 b 1 0.5 x\n\n1\tQ0\ta  2 1e1 x\n2 Q0 a 1 1 x\n");
        let run = RunFile::read(file.path(), "some.trec").expect("a run");
        let question = |id: &str| Question { id: id.to_owned(), text: "?".to_owned() };
        let retrieved = run.retrieve(&[question("1"), question("3")], 10, &Work::silent()).expect("documents");
        let ranked = |document: &str, score| Ranked { document: document.to_owned(), score };
        assert_eq!(retrieved.documents, [vec![ranked("a", 10.0), ranked("b", 0.5)], vec![]]);
        assert_eq!(retrieved.basis[0].name, "some.trec");
    }

    #[test]
    fn a_wrong_run_is_named_with_its_line() {
        assert_eq!(run_error("1 Q0 a 1 0.5"), "1: there are 5 columns; a run has QUERY Q0 DOCUMENT RANK SCORE NAME");
        assert_eq!(run_error("1 Q0 a 1 0.5 x\n1 Q0 a 2 0.4 x"), "2: query `1` has document `a` on line 1 already");
        for score in ["high", "NaN", "inf", "1e99"] {
            assert_eq!(run_error(&format!("1 Q0 a 1 {score} x")), format!("1: the score `{score}` is no number"));
        }
    }

    #[test]
    fn answers_are_read_by_question() {
        let file = file("{\"_id\": \"1\", \"answer\": \"\"}\n{\"_id\": 2, \"answer\": null}\n");
        let answers = AnswersFile::read(file.path(), "answers.jsonl").expect("answers");
        let questions = ["1", "2", "3"].map(|id| Question { id: id.to_owned(), text: "?".to_owned() });
        let answered = answers.answer(&questions, &Work::silent()).expect("answers");
        assert_eq!(answered.answers, [Some(String::new()), None, None]);
    }
}
