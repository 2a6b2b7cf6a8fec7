//! Secrets stay out of all tables of the ledger: what happened is recorded with marks, what is looked up later is refused.

use kernwerk_core::{Access, BoundValue, Effect, Names, Resource, Work};
use kernwerk_store::{BudgetScope, Call, Error, NewCell, Screen, Screened, Unit, WriteMode};
use rusqlite::Connection;
use serde_json::json;

use crate::budgets::{allow, bound, reserve, usage};
use crate::common::{Place, rows, run};
use crate::ledger::{end, new_cell};

const SECRET: &str = "quay_9_north_wind";
const MARK: &str = "[secret]";

struct Marks;

impl Screen for Marks {
    fn screened(&self, text: &str) -> Option<Screened> {
        let secrets = vec!["the word of the harbour".to_owned()];
        text.contains(SECRET).then(|| Screened { text: text.replace(SECRET, MARK), secrets })
    }
}

/// The columns of all tables that hold a text somewhere.
fn columns_with(place: &Place, text: &str) -> Vec<String> {
    let ledger = Connection::open(place.root().join(".kernwerk/ledger.sqlite")).unwrap();
    let names = |select: &str| -> Vec<String> {
        let mut statement = ledger.prepare(select).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let mut found = Vec::new();
    for table in names("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
        for column in names(&format!("SELECT name FROM pragma_table_info('{table}')")) {
            let select = format!("SELECT count(*) FROM {table} WHERE instr(CAST({column} AS TEXT), ?1) > 0");
            let count: i64 = ledger.query_row(&select, [text], |row| row.get(0)).unwrap();
            if count > 0 {
                found.push(format!("{table}.{column}"));
            }
        }
    }
    found
}

fn with(words: &str) -> String {
    format!("{words} {SECRET}.ipynb")
}

/// Writes to each table what a notebook could make it write; what is refused is told.
fn write_everything(place: &Place) -> Vec<Error> {
    let (lab, ledger) = (&place.lab, place.lab.ledger());
    let notebook = with("work");
    let mut names = Names { defines: [SECRET.to_owned()].into(), ..Names::default() };
    names.uses.insert(format!("{SECRET}_too"));
    let cell = NewCell { text: format!("push(\"{SECRET}\")"), names: names.clone(), ..new_cell(&notebook, 1) };
    let id = ledger.begin_cell(&cell).unwrap();
    let file = Effect {
        access: Access::Write,
        resource: Resource::File,
        name: format!("data/{SECRET}.csv"),
        version: None,
        digest: None,
    };
    let mut ended = end();
    ended.effects.push(file);
    ended.bindings.push(BoundValue { name: SECRET.to_owned(), digest: "d".to_owned() });
    ledger.finish_cell(id, &names, &ended).unwrap();
    assert_eq!(ledger.cells(&notebook).unwrap().len(), 1, "it is found by its name");

    ledger.set_setting("principal", &with("ada")).unwrap();
    ledger.add_run("evaluation", &with("suite"), &with("reader"), &json!({ "answers": [{ "text": SECRET }] })).unwrap();
    assert!(ledger.run("evaluation", &with("suite"), &with("reader"), Some(1)).unwrap().is_some());
    ledger.change_tags(&notebook, &["fine".to_owned()], &[]).unwrap();
    assert_eq!(ledger.tags(&notebook).unwrap(), ["fine"]);
    let call = Call { cell: Some(id), notebook: Some(notebook.clone()), verb: "rag ask".to_owned() };
    ledger.set_budget(&allow(Unit::Tokens, BudgetScope::Notebook(notebook.clone()), 100)).unwrap();
    ledger.add_usage(&call, &usage("m", 40, 1.0), None).unwrap();
    reserve(lab, &call, &bound(60)).unwrap().settle(&usage("m", 60, 1.0), None).unwrap();
    assert!(reserve(lab, &call, &bound(1)).is_err(), "the budget is of that notebook");
    assert_eq!(ledger.usage().unwrap()[0].tags, ["fine"]);

    let mut refused = Vec::new();
    let view = json!({ "sql": format!("SELECT * FROM rides WHERE token = '{SECRET}'") });
    refused.extend(ledger.define("feature-view", "busy", &view).err());
    refused.extend(ledger.define("feature-view", SECRET, &json!({})).err());
    refused.extend(ledger.change_tags("a.ipynb", &[SECRET.to_owned()], &[]).err());
    refused.extend(ledger.set_budget(&allow(Unit::Tokens, BudgetScope::Tag(SECRET.to_owned()), 1)).err());
    refused.extend(lab.begin("publish", SECRET).err());
    let work = Work::silent();
    let write = lab.write(Resource::Table, SECRET, WriteMode::Create, vec![rows([1], "a")], &work);
    refused.extend(run(write).err());
    refused
}

#[test]
fn no_table_of_the_ledger_holds_a_secret() {
    let place = Place::new();
    place.lab.ledger().screen_with(Box::new(Marks));
    let refused = write_everything(&place);
    assert_eq!(columns_with(&place, SECRET), Vec::<String>::new());
    let marked = columns_with(&place, MARK);
    for column in [
        "budget.subject",
        "cell.bindings",
        "cell.effects",
        "cell.names",
        "cell.notebook",
        "cell.text",
        "run.body",
        "run.name",
        "run.reader",
        "setting.value",
        "tag.notebook",
        "usage.notebook",
    ] {
        assert!(marked.iter().any(|marked| marked == column), "{column}: {marked:?}");
    }
    assert_eq!(refused.len(), 6, "{refused:?}");
    for error in refused {
        assert!(matches!(error, Error::HoldsSecret { .. }), "{error}");
        let words = format!("{error} {}", error.hint().unwrap_or_default());
        assert!(words.contains("the word of the harbour") && !words.contains(SECRET), "{words}");
    }
    assert!(!place.root().join(format!(".kernwerk/tables/{SECRET}.lance")).exists());
}

/// So the test above can fail.
#[test]
fn without_a_screen_the_same_is_recorded_as_it_is() {
    let place = Place::new();
    assert!(write_everything(&place).is_empty());
    let found = columns_with(&place, SECRET);
    for column in
        ["cell.text", "definition.body", "definition.name", "dataset.name", "tag.tag", "usage.notebook", "run.body"]
    {
        assert!(found.iter().any(|found| found == column), "{column}: {found:?}");
    }
}
