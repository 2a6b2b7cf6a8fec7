//! The report says what was measured, leaves unmeasured what was not, and never takes unpriced for free.

use kernwerk_core::{CellId, CellStatus, Language, ModelId, Names, Usage};
use kernwerk_cost::{Group, PriceRequest, Row, Scope, add_price, change_tags, prices, report, totals};
use kernwerk_store::{Call, CellEnd, Lab, NewCell, Price};
use tempfile::TempDir;
use uuid::Uuid;

struct Ledger {
    lab: Lab,
    process: Uuid,
    _directory: TempDir,
}

impl Ledger {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { lab: Lab::init(directory.path()).expect("a lab"), process: Uuid::now_v7(), _directory: directory }
    }

    fn cell(&self, notebook: &str, process: Uuid, text: &str, end: Option<(f64, Option<f64>)>) -> CellId {
        let cell = NewCell {
            notebook: notebook.to_owned(),
            process,
            execution_count: 1,
            language: Language::Rust,
            text: text.to_owned(),
            names: Names::default(),
        };
        let id = self.lab.ledger().begin_cell(&cell).expect("a cell begins");
        if let Some((wall_seconds, cpu_seconds)) = end {
            let end = CellEnd {
                status: CellStatus::Ok,
                effects: Vec::new(),
                bindings: Vec::new(),
                outputs: Vec::new(),
                wall_seconds,
                cpu_seconds,
            };
            self.lab.ledger().finish_cell(id, &cell.names, &end).expect("a cell ends");
        }
        id
    }

    fn call(
        &self,
        cell: CellId,
        verb: &str,
        model: &str,
        tokens_in: u64,
        cpu_seconds: Option<f64>,
        price: Option<Price>,
    ) {
        let usage = Usage {
            model: Some(ModelId { name: model.to_owned(), digest: "0".to_owned() }),
            tokens_in,
            tokens_out: 0,
            wall_seconds: 0.5,
            cpu_seconds,
        };
        let call = Call { cell: Some(cell), notebook: Some("a.ipynb".to_owned()), verb: verb.to_owned() };
        self.lab.ledger().add_usage(&call, &usage, price.as_ref()).expect("a record");
    }

    fn rows(&self, group: Group) -> Vec<Row> {
        report(&self.lab, &Scope::Lab, group).expect("a report")
    }
}

fn price(million_tokens_in: f64) -> Option<Price> {
    let million_tokens_in = Some(million_tokens_in);
    Some(Price { from: None, currency: "EUR".to_owned(), million_tokens_in, million_tokens_out: None, cpu_hour: None })
}

#[test]
fn cells_sum_their_calls() {
    let ledger = Ledger::new();
    let cell = ledger.cell("a.ipynb", ledger.process, "\n%rag search docs x", Some((2.0, Some(1.5))));
    ledger.call(cell, "rag search", "mini", 100, Some(0.1), price(2.0));
    ledger.call(cell, "rag search", "mini", 50, Some(0.1), price(2.0));
    ledger.cell("a.ipynb", ledger.process, "1 + 1", Some((0.25, None)));
    let rows = ledger.rows(Group::Cell);
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].calls, rows[0].tokens_in, rows[0].text.as_str()), (2, 150, "%rag search docs x"));
    assert_eq!((rows[0].wall_seconds, rows[0].cpu_seconds), (Some(2.0), Some(1.5)));
    assert_eq!(rows[0].cost.micros.get("EUR"), Some(&300));
    assert!(rows[1].cost.is_empty());
    assert_eq!(rows[1].cpu_seconds, None);
}

#[test]
fn a_part_without_a_price_or_a_measurement_is_no_sum() {
    let ledger = Ledger::new();
    let cell = ledger.cell("a.ipynb", ledger.process, "x", None);
    ledger.call(cell, "rag ingest", "mini", 10, Some(1.0), price(1.0));
    ledger.call(cell, "rag ingest", "mini", 10, None, None);
    let rows = ledger.rows(Group::Model);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].key, "mini");
    assert_eq!(rows[0].cpu_seconds, None);
    assert_eq!(rows[0].wall_seconds, Some(1.0));
    assert_eq!((rows[0].cost.micros.get("EUR"), rows[0].cost.unpriced_calls), (Some(&10), 1));
    let cells = ledger.rows(Group::Cell);
    assert_eq!((cells[0].wall_seconds, cells[0].calls), (None, 2), "a cell that was cut off has no duration");
}

#[test]
fn a_scope_holds_one_process_of_one_notebook() {
    let ledger = Ledger::new();
    let mine = ledger.cell("a.ipynb", ledger.process, "mine", Some((1.0, None)));
    let before = ledger.cell("a.ipynb", Uuid::now_v7(), "before", Some((1.0, None)));
    let other = ledger.cell("b.ipynb", ledger.process, "other", Some((1.0, None)));
    for (cell, verb) in [(mine, "rag search"), (before, "rag ingest"), (other, "rag ask")] {
        ledger.call(cell, verb, "mini", 1, None, None);
    }
    let scope = Scope::Process { notebook: "a.ipynb".to_owned(), process: ledger.process };
    let keys = |group| -> Vec<String> {
        let rows = report(&ledger.lab, &scope, group).expect("a report");
        rows.into_iter().map(|row| if group == Group::Cell { row.text } else { row.key }).collect()
    };
    assert_eq!(keys(Group::Cell), ["mine"]);
    assert_eq!(keys(Group::Verb), ["rag search"]);
    assert_eq!(ledger.rows(Group::Verb).len(), 3);
}

#[test]
fn totals_sum_what_has_ended_and_say_since_when_a_cell_runs() {
    let ledger = Ledger::new();
    let scope = Scope::Process { notebook: "a.ipynb".to_owned(), process: ledger.process };
    let sum = || totals(&ledger.lab, &scope).expect("totals");
    assert_eq!((sum().cells, sum().cpu_seconds, sum().running_since), (0, Some(0.0), None));
    ledger.cell("a.ipynb", Uuid::now_v7(), "of another process", Some((64.0, Some(64.0))));
    let first = ledger.cell("a.ipynb", ledger.process, "first", Some((2.0, Some(1.5))));
    ledger.call(first, "rag search", "mini", 100, Some(0.1), price(2.0));
    ledger.call(first, "rag search", "mini", 50, Some(0.1), None);
    let ended = sum();
    assert_eq!((ended.cells, ended.calls, ended.tokens_in), (1, 2, 150));
    assert_eq!((ended.wall_seconds, ended.cpu_seconds, ended.running_since), (2.0, Some(1.5), None));
    assert_eq!((ended.cost.micros.get("EUR"), ended.cost.unpriced_calls), (Some(&200), 1));
    let running = ledger.cell("a.ipynb", ledger.process, "runs", None);
    ledger.call(running, "rag search", "mini", 1, None, None);
    assert_eq!((sum().cells, sum().calls, sum().wall_seconds), (1, 3, 2.0));
    assert!(sum().running_since.is_some());
    // Of a whole lab nobody knows which cells run. One that was not measured leaves the sum unmeasured.
    ledger.cell("b.ipynb", ledger.process, "elsewhere", Some((1.0, None)));
    let lab = totals(&ledger.lab, &Scope::Lab).expect("totals");
    assert_eq!((lab.cells, lab.wall_seconds, lab.cpu_seconds, lab.running_since), (3, 67.0, None, None));
}

#[test]
fn usage_counts_for_each_of_its_tags_as_they_were_when_it_began() {
    let ledger = Ledger::new();
    let cell = ledger.cell("a.ipynb", ledger.process, "x", None);
    let tags = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    ledger.call(cell, "rag search", "mini", 1, None, None);
    change_tags(&ledger.lab, "a.ipynb", &tags(&["nightly", "paper"]), &[]).expect("tags");
    ledger.call(cell, "rag search", "mini", 10, None, None);
    change_tags(&ledger.lab, "a.ipynb", &[], &tags(&["paper"])).expect("a tag less");
    ledger.call(cell, "rag search", "mini", 100, None, None);
    let rows: Vec<(String, u64)> = ledger.rows(Group::Tag).into_iter().map(|row| (row.key, row.tokens_in)).collect();
    assert_eq!(rows, [("nightly".to_owned(), 110), ("no tag".to_owned(), 1), ("paper".to_owned(), 10)]);
    // Of several tags, one of which is none, none is added and none is removed.
    assert!(change_tags(&ledger.lab, "a.ipynb", &tags(&["good", "not good"]), &tags(&["nightly"])).is_err());
    assert!(change_tags(&ledger.lab, "a.ipynb", &tags(&["good"]), &tags(&["nightly", "paper"])).is_err());
    assert_eq!(ledger.lab.ledger().tags("a.ipynb").expect("tags"), ["nightly"]);
}

#[test]
fn prices_are_listed_by_model_and_day_and_models_without_one_are_unpriced() {
    let ledger = Ledger::new();
    let cell = ledger.cell("a.ipynb", ledger.process, "x", None);
    ledger.call(cell, "rag search", "mini", 1, None, None);
    let request = PriceRequest { model: "large", million_tokens_in: Some(3.0), ..PriceRequest::default() };
    assert_eq!(add_price(&ledger.lab, &request).expect_err("no currency is known").name(), "BadCurrency");
    let since = |from| PriceRequest { currency: Some("EUR"), from: Some(from), ..request.clone() };
    add_price(&ledger.lab, &since("9999-01-01")).expect("a price to come");
    add_price(&ledger.lab, &since("2026-01-01")).expect("a price");
    // The only currency of the lab need not be said again.
    let other = PriceRequest { model: "mini", ..request.clone() };
    add_price(&ledger.lab, &other).expect("a price from today on");
    for (wrong, name) in [
        (PriceRequest { million_tokens_in: None, ..since("2027-01-01") }, "NoAmount"),
        (since("31.1.2026"), "BadDay"),
        (PriceRequest { currency: Some("euro"), ..since("2027-01-01") }, "BadCurrency"),
        (PriceRequest { cpu_hour: Some(-1.0), ..since("2027-01-01") }, "BadConfig"),
        (since("2026-01-01"), "BadConfig"),
    ] {
        assert_eq!(add_price(&ledger.lab, &wrong).expect_err(name).name(), name);
    }
    let listed = |only| -> Vec<(String, bool)> {
        let listed = prices(&ledger.lab, only).expect("prices");
        listed.into_iter().map(|priced| (priced.model, priced.is_current)).collect()
    };
    let pair = |model: &str, is_current| (model.to_owned(), is_current);
    assert_eq!(listed(None), [pair("large", true), pair("large", false), pair("mini", true)]);
    assert_eq!(listed(Some("mini")), [pair("mini", true)]);
    assert!(prices(&ledger.lab, Some("other")).expect("a line")[0].price.is_none());
}
