//! A lab with a notebook that has run, and short ways to promote from it.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kernwerk_core::Work;
use kernwerk_promote::{
    Error, InstalledModel, Level, PlanSpec, PublishSpec, Published, Replay, ReplaySpec, publish, replay,
};
use kernwerk_store::Lab;
use tempfile::TempDir;

use crate::kernel::{Kernel, MiniRunner, WEIGHTS, wait};

pub const NOTEBOOK: &str = "notebooks/sums.ipynb";

/// A checkout with a lab in it.
pub struct Place {
    pub home: TempDir,
    pub lab: Lab,
}

impl Place {
    /// A lab with `data/numbers.txt` (1, 2, 3), `data/more.txt` (10) and a directory for notebooks.
    pub fn new() -> Self {
        let home = TempDir::new().expect("a temporary directory");
        let root = home.path().join("project");
        std::fs::create_dir_all(root.join("notebooks")).expect("a directory");
        std::fs::create_dir_all(root.join("data")).expect("a directory");
        std::fs::write(root.join("data/numbers.txt"), "1\n2\n3\n").expect("a file");
        std::fs::write(root.join("data/more.txt"), "10\n").expect("a file");
        // They were there long before the cells: a cell that ran within a tick of the write might be their writer.
        for name in ["data/numbers.txt", "data/more.txt"] {
            let file = std::fs::File::options().append(true).open(root.join(name)).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("its time can be set");
        }
        let lab = Lab::init(&root).expect("a lab");
        Self { home, lab }
    }

    /// A place whose notebook has run these cells.
    pub fn after(cells: &[&str]) -> Self {
        let place = Self::new();
        place.run(cells);
        place
    }

    /// Runs cells in a fresh kernel.
    pub fn run(&self, cells: &[&str]) {
        let mut kernel = self.kernel();
        cells.iter().for_each(|cell| _ = kernel.execute(NOTEBOOK, cell));
    }

    pub fn kernel(&self) -> Kernel {
        Kernel::new(&self.lab, &self.path("notebooks"))
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.lab.root().join(relative)
    }

    /// The same repository elsewhere: all files but the lab's data.
    pub fn checkout(&self) -> Self {
        let home = TempDir::new().expect("a temporary directory");
        let root = home.path().join("elsewhere/under/another/name");
        copy(self.lab.root(), &root);
        let lab = Lab::init(&root).expect("a lab");
        Self { home, lab }
    }

    /// The place with its settings read anew.
    pub fn reopened(self) -> Self {
        let lab = Lab::open(self.lab.root()).expect("a lab");
        Self { lab, ..self }
    }

    /// The place with these settings.
    pub fn with_settings(self, toml: &str) -> Self {
        std::fs::write(self.path("kernwerk.toml"), toml).expect("a file");
        self.reopened()
    }

    pub fn publish(&self, target: &str) -> Result<Published, Error> {
        self.publish_with(target, &MiniRunner::default())
    }

    pub fn publish_with(&self, target: &str, runner: &MiniRunner) -> Result<Published, Error> {
        wait(publish(&self.lab, &spec(target), runner, &Work::silent()))
    }

    /// Publishes with something else that was measured, in `attestations/scores.json`.
    pub fn publish_with_scores(&self, target: &str, scores: serde_json::Value) -> Published {
        let mut attested = spec(target);
        attested.attestations.insert("scores".to_owned(), scores);
        wait(publish(&self.lab, &attested, &MiniRunner::default(), &Work::silent())).expect("published")
    }

    pub fn replay(&self, reference: &str) -> Replay {
        self.replay_with(reference, None, &MiniRunner::default())
    }

    pub fn replay_with(&self, reference: &str, level: Option<Level>, runner: &MiniRunner) -> Replay {
        let spec =
            ReplaySpec { reference: reference.parse().expect("a reference"), level, toolchain: None, live: false };
        let models = |_: &str| Ok(InstalledModel::Digest(WEIGHTS.to_owned()));
        wait(replay(&self.lab, &spec, &models, runner, &Work::silent())).expect("the artifact is there")
    }

    pub fn try_replay(&self, reference: &str) -> Result<Replay, Error> {
        let reference = reference.parse().expect("a reference");
        let spec = ReplaySpec { reference, level: None, toolchain: None, live: false };
        let models = |_: &str| Ok(InstalledModel::Digest(WEIGHTS.to_owned()));
        wait(replay(&self.lab, &spec, &models, &MiniRunner::default(), &Work::silent()))
    }

    /// The directories and files of an artifact, sorted.
    pub fn files(&self, artifact: &str) -> Vec<String> {
        let root = self.path(artifact);
        let entries = walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().flatten();
        let files = entries.filter(|entry| entry.file_type().is_file());
        files.map(|entry| entry.path().strip_prefix(&root).expect("below").display().to_string()).collect()
    }

    /// Lists what lies in the `attestations/` of an artifact anew, as somebody does who hides what he did there.
    pub fn list_attested(&self, artifact: &str) {
        let root = self.path(artifact);
        let digest = |path: &Path| blake3::hash(&std::fs::read(path).expect("a file")).to_hex().to_string();
        let (directory, list) = (root.join("attestations"), root.join("attestations/MANIFEST.json"));
        let entries = std::fs::read_dir(directory).expect("a directory").flatten();
        let files: serde_json::Map<_, _> = entries
            .filter(|entry| entry.path() != list)
            .map(|entry| (format!("attestations/{}", entry.file_name().display()), digest(&entry.path()).into()))
            .collect();
        let files = serde_json::to_string_pretty(&files).expect("JSON").replace('\n', "\n  ");
        let identity = digest(&root.join("MANIFEST.json"));
        let listed = format!("{{\n  \"format\": 1,\n  \"artifact\": \"{identity}\",\n  \"files\": {files}\n}}\n");
        std::fs::write(list, listed).expect("written");
    }

    /// Nothing is left of runs and drafts.
    pub fn assert_clean(&self) {
        let left: Vec<_> = walkdir::WalkDir::new(self.path(".kernwerk/tmp"))
            .into_iter()
            .flatten()
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| entry.path().display().to_string())
            .collect();
        assert_eq!(left, Vec::<String>::new());
    }
}

pub fn spec(target: &str) -> PublishSpec {
    PublishSpec {
        name: "sums".to_owned(),
        plan: PlanSpec {
            keep: Default::default(),
            notebook: NOTEBOOK.to_owned(),
            process: None,
            directory: "notebooks".to_owned(),
            target: target.parse().expect("a target"),
            declared: Vec::new(),
            parameters: |_| Vec::new(),
        },
        live: false,
        record: false,
        ignored_headers: std::collections::BTreeSet::new(),
        level: Level::Bytes,
        principal: None,
        toolchain: Some("rustc 1.95.0".to_owned()),
        value: None,
        known: kernwerk_promote::Known::default(),
        lock: None,
        attestations: std::collections::BTreeMap::new(),
        gates: kernwerk_promote::GateSpec::default(),
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().filter_entry(|entry| entry.file_name() != ".kernwerk") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(target).expect("a directory");
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}
