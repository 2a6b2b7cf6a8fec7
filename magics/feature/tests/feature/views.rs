//! Feature views: what is checked when they are defined, what is said of wrong SQL, and the catalogue.

use kernwerk_core::{Resource, Work};
use kernwerk_feature::{Kind, ViewSpec, history, list, show};

use crate::common::{Place, csv, said, view};

fn place() -> Place {
    let place = Place::new();
    place.table(
        "rides",
        "event,key,fare,Tip\n2019-03-01 10:00,1,7.5,1\n2019-03-01 11:00,2,8.5,2\n2019-03-01 12:00,1,9.5,3\n",
    );
    place
}

fn fares() -> ViewSpec {
    ViewSpec {
        entity: vec!["key".to_owned()],
        ttl: "2h".parse().expect("a ttl"),
        ..view("fares", "SELECT key, event, fare FROM rides")
    }
}

#[test]
fn definitions_have_versions() {
    let place = place();
    let first = place.define(&fares());
    assert_eq!((first.view.version, first.changed), (1, true));
    assert_eq!(first.view.reads, ["rides"]);
    assert_eq!((first.reads[0].resource, first.reads[0].version), (Resource::Table, 1));
    let again = place.define(&fares());
    assert_eq!((again.view.version, again.changed), (1, false));
    let other = place.define(&ViewSpec { sql: "SELECT key, event, fare, Tip AS tip FROM rides".to_owned(), ..fares() });
    assert_eq!((other.view.version, other.changed), (2, true));
    assert_eq!(other.view.features().collect::<Vec<_>>(), ["fare", "tip"]);
    let history = place.wait(history(&place.lab, "fares")).expect("versions");
    assert_eq!(history.iter().map(|change| change.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(history[0].what, "SELECT key, event, fare FROM rides");
}

#[test]
fn what_may_know_the_future_is_told() {
    let place = place();
    place.table("late", "event,created,key,fare\n2019-03-01 10:00,2019-03-01 12:00,1,7.5\n");
    let warnings = |sql: &str, created: Option<&str>| {
        let spec = ViewSpec { sql: sql.to_owned(), created: created.map(str::to_owned), ..fares() };
        place.define(&spec).warnings.join("\n")
    };
    assert_eq!(warnings("SELECT key, event, fare FROM rides", None), "");
    assert_eq!(warnings("SELECT key, event, created, fare FROM late", Some("created")), "");
    let told = warnings("SELECT key, event, fare FROM late", None);
    assert!(told.starts_with("`late` tells when rows became known, and `fares` does not"), "{told}");
    for (window, functions) in [
        ("lead(fare) OVER (PARTITION BY key ORDER BY event)", "`lead`"),
        ("avg(fare) OVER (PARTITION BY key)", "`avg`"),
        ("avg(fare) OVER (ORDER BY event ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)", "`avg`"),
    ] {
        let told = warnings(&format!("SELECT key, event, {window} AS fare FROM rides"), None);
        assert!(told.starts_with(&format!("the window of {functions} reaches past its own row")), "{told}");
    }
    for window in ["lag(fare) OVER (ORDER BY event)", "avg(fare) OVER (PARTITION BY key ORDER BY event)"] {
        assert_eq!(warnings(&format!("SELECT key, event, {window} AS fare FROM rides"), None), "");
    }
}

#[test]
fn wrong_sql_is_placed() {
    let place = place();
    let wrong = |sql: &str| said(place.sql(sql));
    assert_eq!(
        wrong("SELECT key,\n  fair\nFROM rides"),
        "InvalidSql: there is no column `fair` (line 2, column 3)\n2 |   fair\n  |   ^\nhint: did you mean `fare`?"
    );
    assert_eq!(
        wrong("SELECT tip FROM rides"),
        "InvalidSql: there is no column `tip` (line 1, column 8)\n1 | SELECT tip FROM rides\n  |        ^\nhint: did you mean `Tip`?"
    );
    assert_eq!(
        wrong("SELECT key\nFROM ride"),
        "UnknownTable: there is no table `ride` (line 2, column 6)\n2 | FROM ride\n  |      ^\nhint: did you mean `rides`?"
    );
    assert_eq!(
        wrong("SELECT key FORM rides"),
        "InvalidSql: Expected: end of statement, found: rides (line 1, column 17)\n1 | SELECT key FORM rides\n  |                 ^"
    );
    assert_eq!(
        wrong("SELECT roundd(fare) FROM rides"),
        "InvalidSql: there is no function `roundd` (line 1, column 8)\n1 | SELECT roundd(fare) FROM rides\n  |        ^\nhint: did you mean `round`?"
    );
    assert_eq!(
        wrong("SELECT key FROM rides a JOIN rides b ON a.event = b.event"),
        "InvalidSql: column `key` may be that of several tables (line 1, column 8)\n1 | SELECT key FROM rides a JOIN rides b ON a.event = b.event\n  |        ^\nhint: say which, as in `table.key`"
    );
    assert_eq!(wrong("  \n"), "InvalidSql: the SQL is empty\nhint: write a SELECT");
    assert!(wrong("SELECT 'a").starts_with("InvalidSql: Unterminated string literal (line 1, column 8)"));
    assert!(wrong("SELECT key + fare + 'a' FROM rides").starts_with("InvalidSql"));
    assert!(wrong("SELECT 1; SELECT 2").starts_with("InvalidSql"));
}

#[test]
fn queries_only_read() {
    let place = place();
    for sql in [
        "DROP TABLE rides",
        "CREATE TABLE other AS SELECT * FROM rides",
        "CREATE EXTERNAL TABLE other STORED AS CSV LOCATION '/etc/passwd'",
        "INSERT INTO rides SELECT * FROM rides",
        "DELETE FROM rides",
        "COPY rides TO '/tmp/rides.csv'",
        "SET datafusion.execution.target_partitions = 8",
    ] {
        assert!(said(place.sql(sql)).starts_with("InvalidSql: only queries are allowed here"), "{sql}");
    }
    for sql in [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM information_schema.tables",
        "SELECT * FROM datafusion.public.rides",
    ] {
        assert!(said(place.sql(sql)).starts_with("UnknownTable"), "{sql}: {}", said(place.sql(sql)));
    }
}

#[test]
fn corpora_are_never_seen() {
    let place = place();
    let rows = place.sql("SELECT fare FROM rides").expect("rows");
    let (mode, work) = (kernwerk_store::WriteMode::Create, Work::silent());
    place.wait(place.lab.write(Resource::Corpus, "docs", mode, rows.batches, &work)).expect("a corpus");
    // Seen to fail when names were looked up among corpora too.
    let told = said(place.sql("SELECT * FROM docs"));
    assert!(told.starts_with("UnknownTable: there is no table `docs`"), "{told}");
    assert!(told.contains("`docs` is a corpus"), "{told}");
}

#[test]
fn definitions_are_checked_at_once() {
    let place = place();
    let wrong = |spec: ViewSpec| said(place.try_define(&spec));
    let sql = |sql: &str| ViewSpec { sql: sql.to_owned(), ..fares() };
    assert_eq!(
        wrong(sql("SELECT key, fare FROM rides")),
        "UnknownColumn: --event-time: the SQL has no column `event`\nhint: the columns are `key` and `fare`"
    );
    assert!(
        wrong(sql("SELECT event, fare FROM rides")).starts_with("UnknownColumn: --entity: the SQL has no column `key`")
    );
    assert_eq!(
        wrong(sql("SELECT key, event, fare AS event FROM rides")),
        "InvalidSql: there are several columns `event`\nhint: give one of them another name with AS"
    );
    assert_eq!(
        wrong(sql("SELECT key, event, count(*) FROM rides GROUP BY key, event")),
        "InvalidDefinition: feature view `fares`: column 3 is called `count(*)`\nhint: give it a name with AS"
    );
    assert_eq!(
        wrong(ViewSpec { event_time: "fare".to_owned(), ..fares() }),
        "InvalidDefinition: feature view `fares`: --event-time: `fare` is float64, not a point in time\nhint: cast it in the SQL, for instance with to_timestamp()"
    );
    assert!(
        wrong(ViewSpec { created: Some("event".to_owned()), ..fares() }).contains("both --event-time and --created")
    );
    assert!(wrong(ViewSpec { entity: vec!["event".to_owned()], ..fares() }).contains("both --entity and --event-time"));
    for clock in ["now()", "random()", "current_date", "uuid()"] {
        let told = wrong(sql(&format!("SELECT key, event, {clock} AS x FROM rides")));
        assert!(told.contains("would not be repeatable"), "{clock}: {told}");
    }
    assert!(wrong(ViewSpec { name: "a b".to_owned(), ..fares() }).starts_with("InvalidOption"));
    assert!(said(place.sql("SELECT * FROM fares")).starts_with("UnknownTable"), "nothing was stored");
}

#[test]
fn views_read_views_but_never_themselves() {
    let place = place();
    place.define(&fares());
    place.define(&ViewSpec {
        sql: "SELECT key, event, fare * 2 AS twice FROM fares".to_owned(),
        name: "twice".to_owned(),
        ..fares()
    });
    assert_eq!(
        csv(&place.sql("SELECT key, twice FROM twice ORDER BY event").expect("rows")),
        "key,twice\n1,15.0\n2,17.0\n1,19.0"
    );
    let told =
        said(place.try_define(&ViewSpec { sql: "SELECT key, event, twice AS fare FROM twice".to_owned(), ..fares() }));
    // Seen to fail (by an endless recursion) when only direct readers were looked at.
    assert!(told.contains("it reads itself: fares -> twice -> fares"), "{told}");
}

#[test]
fn a_view_whose_table_changed_says_so() {
    let place = place();
    place.define(&fares());
    place.table("rides", "event,key,price\n2019-03-01 10:00,1,7.5\n");
    let told = said(place.sql("SELECT * FROM fares"));
    assert!(
        told.starts_with("InvalidSql: in feature view `fares`: there is no column `fare` (line 1, column 20)"),
        "{told}"
    );
}

#[test]
fn the_catalogue_tells_what_there_is() {
    let place = place();
    place.define(&fares());
    let entries = place.wait(list(&place.lab)).expect("entries");
    let told: Vec<(&str, u64, usize)> =
        entries.iter().map(|entry| (entry.name.as_str(), entry.version, entry.columns)).collect();
    assert_eq!(told, [("rides", 1, 4), ("fares", 1, 3)]);
    assert_eq!(entries[0].kind, Kind::Table { rows: 3 });
    assert_eq!(entries[1].kind, Kind::View { ttl: "2h".parse().expect("a ttl") });
    let shown = place.wait(show(&place.lab, "fares", &Work::silent())).expect("a view");
    assert_eq!(shown.sql.as_deref(), Some("SELECT key, event, fare FROM rides"));
    assert_eq!(shown.columns[0].role, Some("key"));
    assert_eq!(csv(&shown.head).lines().count(), 4);
    assert!(said(place.wait(show(&place.lab, "fare", &Work::silent()))).contains("did you mean `fares`?"));
    assert!(said(place.wait(history(&place.lab, "nothing"))).starts_with("UnknownTable"));
}

#[test]
fn a_query_can_be_interrupted() {
    let place = place();
    let work = Work::silent();
    let cancel = work.cancel.clone();
    let started = std::time::Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        cancel.cancel();
    });
    let sql = "SELECT sum(a.value * b.value) FROM range(0, 1000000) a CROSS JOIN range(0, 1000000) b";
    let result = place.wait(kernwerk_feature::sql(&place.lab, sql, &std::collections::BTreeMap::new(), &work));
    assert_eq!(said(result), "Interrupted: interrupted\nhint: the lab is as it was before");
    assert!(started.elapsed() < std::time::Duration::from_secs(20));
}
