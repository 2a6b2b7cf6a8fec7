//! A lab to work in, a target that finds what it is told, and short ways to call what is tested.

use std::future::Future;
use std::path::PathBuf;

use kernwerk_core::{Answered, Answerer, Basis, Problem, Question, Ranked, Resource, Retrieved, Retriever, Work};
use kernwerk_eval::{Error, Golden, ImportSpec, Imported, Run, Sides, StoredSuite, import, measure};
use kernwerk_store::{Lab, Principal};

/// A lab in a directory of its own.
pub struct Place {
    pub lab: Lab,
    directory: tempfile::TempDir,
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("threads").block_on(future)
}

impl Place {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { lab: Lab::init(directory.path()).expect("a lab"), directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    pub fn try_import(&self, name: &str, path: &str, split: Option<&str>) -> Result<Imported, Error> {
        let spec = ImportSpec {
            name: name.to_owned(),
            path: self.path(path),
            label: path.to_owned(),
            split: split.map(str::to_owned),
        };
        wait(import(&self.lab, &spec, &Work::silent()))
    }

    #[track_caller]
    pub fn import(&self, name: &str, path: &str) -> Imported {
        self.try_import(name, path, None).expect("a golden set")
    }

    /// What is wrong with a file, and what to do about it.
    #[track_caller]
    pub fn import_error(&self, path: &str) -> (String, String) {
        let error = self.try_import("golden", path, None).expect_err("a wrong file");
        (error.to_string(), error.hint().unwrap_or_default())
    }

    pub fn golden(&self, name: &str) -> Golden {
        wait(Golden::load(&self.lab, name)).expect("a golden set")
    }

    #[track_caller]
    pub fn suite(&self, name: &str, yaml: &str) -> StoredSuite {
        StoredSuite::define(&self.lab, name, yaml).expect("a suite")
    }

    /// Measures a suite by `target` and keeps the run for `principal`.
    #[track_caller]
    pub fn run(&self, suite: &StoredSuite, target: &Told, principal: &Principal) -> Run {
        let golden = self.golden(&suite.suite.golden);
        let sides =
            Sides { retriever: Some(target), answerer: target.answers.is_some().then_some(target as &dyn Answerer) };
        let measured = measure(suite, &golden, sides, &Work::silent()).expect("scores");
        Run::record(&self.lab, principal, suite, &golden, &measured).expect("a run")
    }
}

/// A target that finds and answers what it is told.
#[derive(Default)]
pub struct Told {
    /// Documents for each question, best first.
    pub documents: Vec<Vec<&'static str>>,
    pub answers: Option<Vec<Option<&'static str>>>,
}

impl Told {
    fn basis() -> Vec<Basis> {
        vec![Basis { resource: Resource::Model, name: "told".to_owned(), version: None, digest: "0".to_owned() }]
    }
}

impl Retriever for Told {
    fn retrieve(&self, questions: &[Question], limit: usize, _work: &Work) -> Result<Retrieved, Problem> {
        assert_eq!(questions.len(), self.documents.len());
        let ranked = |(place, document): (usize, &&'static str)| Ranked {
            document: (*document).to_owned(),
            score: -(place as f32),
        };
        let documents =
            self.documents.iter().map(|found| found.iter().take(limit).enumerate().map(ranked).collect()).collect();
        Ok(Retrieved { documents, basis: Self::basis() })
    }
}

impl Answerer for Told {
    fn answer(&self, questions: &[Question], _work: &Work) -> Result<Answered, Problem> {
        let answers = self.answers.as_ref().expect("answers are asked for only where there are some");
        assert_eq!(questions.len(), answers.len());
        let answers = answers.iter().map(|answer| answer.map(str::to_owned)).collect();
        Ok(Answered { answers, basis: Self::basis() })
    }
}
