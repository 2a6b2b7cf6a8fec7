//! The session: where the lab comes from, what is recorded of cells, bindings, and help while typing.

use std::path::Path;

use kernwerk_core::{Body, CellStatus, Language, Names, Problem, Work};
use kernwerk_lang::{MagicLine, Segment, split};
use kernwerk_session::{CellStart, CellSummary, Options, Reply, RunningCell, Session};
use kernwerk_store::{CellRecord, Lab};
use tempfile::TempDir;

struct Notebook {
    session: Session,
    directory: TempDir,
    count: u32,
}

impl Notebook {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { session: open(directory.path()), directory, count: 0 }
    }

    fn cell(&mut self, text: &str) -> (Result<Reply, Problem>, CellSummary) {
        let cell = self.begin(text);
        let reply = self.session.run(&magic(text), &cell, &Work::silent());
        let status = if reply.is_ok() { CellStatus::Ok } else { CellStatus::Error };
        (reply, self.session.finish_cell(cell, status, &[]))
    }

    #[track_caller]
    fn ok(&mut self, text: &str) -> Reply {
        self.cell(text).0.expect("the magic runs")
    }

    /// Runs several magics in one cell.
    #[track_caller]
    fn ok_all(&mut self, lines: &[&str]) {
        let cell = self.begin(&lines.join("\n"));
        for line in lines {
            self.session.run(&magic(line), &cell, &Work::silent()).expect("the magic runs");
        }
        self.session.finish_cell(cell, CellStatus::Ok, &[]);
    }

    fn begin(&mut self, text: &str) -> RunningCell {
        self.count += 1;
        self.session.begin_cell(CellStart {
            execution_count: self.count,
            language: Language::Rust,
            text: text.to_owned(),
            names: Names::default(),
            cell: None,
        })
    }

    fn log(&self) -> Vec<CellRecord> {
        let lab = Lab::open(self.directory.path()).expect("a lab");
        lab.ledger().cells("book.ipynb").expect("the cell log")
    }
}

fn open(directory: &Path) -> Session {
    Session::open(options(directory)).expect("a session")
}

fn options(directory: &Path) -> Options {
    Options {
        directory: directory.to_owned(),
        lab: None,
        principal: None,
        notebook: Some("book.ipynb".into()),
        program: "kernwerk".into(),
        pins: Vec::new(),
        parameters: std::collections::BTreeMap::new(),
    }
}

fn magic(text: &str) -> MagicLine {
    match split(text).expect("the cell splits").remove(0) {
        Segment::Magic(line) => line,
        Segment::Code { text, .. } => panic!("no magic: {text}"),
    }
}

#[test]
fn cells_before_the_lab_are_recorded_when_it_is_made() {
    let mut notebook = Notebook::new();
    notebook.ok("%lab status");
    assert!(notebook.cell("%cost report").0.is_err_and(|problem| problem.name == "NoLab"));
    assert!(Lab::find(notebook.directory.path()).is_none(), "looking makes no lab");
    notebook.ok("%lab init");
    notebook.ok("%lab status");
    let log = notebook.log();
    let told: Vec<_> =
        log.iter().map(|record| (record.cell.execution_count, record.cell.text.as_str(), record.status())).collect();
    assert_eq!(
        told,
        [
            (1, "%lab status", CellStatus::Ok),
            (2, "%cost report", CellStatus::Error),
            (3, "%lab init", CellStatus::Ok),
            (4, "%lab status", CellStatus::Ok),
        ]
    );
    assert!(log.iter().all(|record| record.end.as_ref().is_some_and(|end| end.cpu_seconds.is_some())));
}

#[test]
fn a_query_on_the_line_keeps_its_quotes() {
    let mut notebook = Notebook::new();
    notebook.ok("%lab init");
    for line in [
        "%feature sql SELECT 'it''s' AS \"two  words\", 'a' = 'b' AS same",
        "%feature sql \"SELECT 'it''s' AS \\\"two  words\\\", 'a' = 'b' AS same\"",
    ] {
        let table = notebook.ok(line).table.expect("rows");
        assert_eq!(table.schema.field(0).name(), "two  words", "{line}");
        let told = format!("{:?}", table.batches);
        assert!(told.contains("it's") && told.contains("false"), "{told}");
    }
}

#[test]
fn a_binding_is_a_file_with_a_digest_and_a_variable_for_later_lines() {
    let mut notebook = Notebook::new();
    notebook.ok("%lab init");
    let reply = notebook.ok("%lab doctor -> findings");
    let binding = reply.binding.expect("a binding");
    assert!(binding.path.as_ref().is_some_and(|path| path.is_file()));
    assert_eq!(binding.name, "findings");
    let log = notebook.log();
    let recorded = &log.last().and_then(|record| record.end.as_ref()).expect("an end").bindings;
    assert_eq!((recorded[0].name.as_str(), &recorded[0].digest), ("findings", &binding.digest));
    let refused = notebook.cell("%lab status -> x").0.expect_err("a status is no table");
    assert_eq!(refused.name, "NothingToBind");
}

#[test]
fn a_variable_that_a_magic_reads_is_recorded_as_a_use() {
    let mut notebook = Notebook::new();
    // The first cell makes the lab, so its record is late; the others are recorded as they begin.
    let csv = "zone,pickup,fare\nHarbour,2026-03-01T08:00:00Z,12.5\n";
    std::fs::write(notebook.directory.path().join("rides.csv"), csv).expect("a file");
    notebook.ok("%feature source rides rides.csv --event-time pickup");
    notebook.ok("%%feature define view --entity zone --event-time pickup\nSELECT zone, pickup, fare FROM rides");
    let bind = "%feature sql \"SELECT zone, pickup FROM rides\" -> spine";
    notebook.ok(bind);
    let join = "%feature training spine --features view --event-time pickup";
    notebook.ok(join);
    notebook.ok_all(&[bind, join]);
    let log = notebook.log();
    let uses: Vec<Vec<&str>> =
        log.iter().map(|record| record.cell.names.uses.iter().map(String::as_str).collect()).collect();
    assert_eq!(uses, [vec![], vec![], vec![], vec!["spine"], vec![]], "what a cell bound itself is no use of another");
}

#[test]
fn a_lab_is_found_from_below_and_shared_with_another_session() {
    let mut notebook = Notebook::new();
    notebook.ok("%lab init");
    let below = notebook.directory.path().join("deep/below");
    std::fs::create_dir_all(&below).expect("directories");
    let other = open(&below);
    let cell = other.begin_cell(CellStart {
        execution_count: 1,
        language: Language::Rust,
        text: "%cost report --all".to_owned(),
        names: Names::default(),
        cell: None,
    });
    let reply = other.run(&magic("%cost report --all"), &cell, &Work::silent()).expect("a report");
    other.finish_cell(cell, CellStatus::Ok, &[]);
    let Body::Table(table) = reply.output.body else {
        panic!("a report is a table");
    };
    assert_eq!(table.rows(), 2, "the first notebook's cell and this one");
}

#[test]
fn a_wrong_principal_is_refused_at_once() {
    let mut notebook = Notebook::new();
    notebook.ok("%lab init");
    let toml = notebook.directory.path().join("kernwerk.toml");
    std::fs::write(toml, "[principals.ada]\ngroups = [\"finance\"]\n").expect("a file");
    notebook.session = open(notebook.directory.path());
    assert!(notebook.cell("%lab principal eve").0.is_err_and(|problem| problem.message.contains("eve")));
    notebook.ok("%lab principal ada");
    let Body::Record(fields) = notebook.ok("%lab status").output.body else {
        panic!("a status is a record");
    };
    assert!(fields.iter().any(|(name, value)| name == "principal" && format!("{value:?}").contains("ada")));
}

fn completions(notebook: &Notebook, text: &str) -> Vec<String> {
    let found = notebook.session.complete(text, text.len()).unwrap_or_default();
    found.matches.into_iter().map(|candidate| candidate.text).collect()
}

#[test]
fn verbs_of_two_words_and_suites_are_completed() {
    let mut notebook = Notebook::new();
    notebook.ok("%%eval suite define quality\ntarget: {corpus: docs}\ngolden: questions\nmetrics: [mrr]");
    let complete = |text: &str| completions(&notebook, text);
    assert_eq!(complete("%eval go"), ["golden"]);
    assert_eq!(complete("%eval golden im"), ["import"]);
    assert_eq!(complete("%eval golden import --s"), ["--split"]);
    for line in ["%eval gate ", "%eval run qu", "%eval suite show ", "%eval compare quality ", "%eval report "] {
        assert_eq!(complete(line), ["quality"], "{line}");
    }
}

#[test]
fn lines_are_completed_from_declarations_and_the_disk() {
    let notebook = Notebook::new();
    std::fs::write(notebook.directory.path().join("rides.csv"), "").expect("a file");
    let complete = |text: &str| completions(&notebook, text);
    assert_eq!(complete("%feat"), ["%feature"]);
    assert_eq!(complete("let x = 1;\n%cost re"), ["report"]);
    assert_eq!(complete("%cost report --b"), ["--by"]);
    assert_eq!(complete("%cost report --by "), ["cell", "model", "verb", "tag"]);
    assert_eq!(complete("%lab init ri"), ["rides.csv"]);
    assert!(complete("let x = 7 %").is_empty());
    let help = notebook.session.inspect("%cost report", 8).expect("help");
    assert!(help.contains("--by"));
}

#[test]
fn a_parameter_is_a_variable_that_sql_reads_and_the_record_knows() {
    let mut notebook = Notebook::new();
    notebook.ok("%lab init");
    let (declared, summary) =
        notebook.cell("%promote param least=2 day=2026-01-31 rate:float=1 full=true who='New York'");
    let declared = declared.expect("it is declared").parameters;
    let kinds: Vec<_> = declared.iter().map(|parameter| parameter.value.kind().name()).collect();
    assert_eq!(kinds, ["integer", "date", "float", "boolean", "text"]);
    assert_eq!((&summary.parameters, summary.bindings.len()), (&declared, 5));
    let query = "SELECT n FROM (VALUES (1), (2), (3)) AS t(n) WHERE n >= $least AND DATE '2026-02-01' > $day AND $full \
                 AND $who = 'New York' AND $rate < 2";
    let reply = notebook.ok(&format!("%feature sql {query} -> rows"));
    assert_eq!(reply.table.expect("a table").rows(), 2);
    let unknown = notebook.cell("%feature sql SELECT $leest").0.expect_err("nobody declared it");
    assert_eq!((unknown.name.as_str(), unknown.hint.as_deref()), ("UnknownParameter", Some("did you mean `least`?")));
    let log = notebook.log();
    let names: Vec<&str> = log[1].cell.names.defines.iter().map(String::as_str).collect();
    assert_eq!(names, ["day", "full", "least", "rate", "who"]);
    let uses: Vec<&str> = log[2].cell.names.uses.iter().map(String::as_str).collect();
    assert_eq!(uses, ["day", "full", "least", "rate", "who"]);
}

#[test]
fn whoever_runs_the_cells_gives_parameters_other_values_of_their_types() {
    let directory = tempfile::tempdir().expect("a directory");
    let given = [("least", "7"), ("day", "tomorrow")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = Options { parameters: given.into(), ..options(directory.path()) };
    let mut notebook = Notebook { session: Session::open(options).expect("a session"), directory, count: 0 };
    notebook.ok("%lab init");
    let reply = notebook.ok("%promote param least=2 other=1");
    let values: Vec<String> = reply.parameters.iter().map(|parameter| parameter.value.to_string()).collect();
    assert_eq!(values, ["7", "1"]);
    let wrong = notebook.cell("%promote param day=2026-01-31").0.expect_err("it is no date");
    assert!(wrong.message.contains("is of type date, and `tomorrow` is none"), "{wrong}");
}
