//! Files become versions of tables.

use kernwerk_feature::{Roles, SourceSpec, history};

use crate::common::{Place, columns, csv, said, source, view};

#[test]
fn loading_again_replaces_and_the_same_bytes_are_no_new_version() {
    let place = Place::new();
    let first = place.table("rides", "event,key,n\n2019-03-01,1,10\n");
    assert_eq!((first.version, first.changed, first.rows), (1, true, 1));
    // Seen to fail when the digest was not compared: a cell that runs twice must not write twice.
    let again = place.table("rides", "event,key,n\n2019-03-01,1,10\n");
    assert_eq!((again.version, again.changed, again.rows), (1, false, 1));
    assert_eq!(again.columns, first.columns);
    let other = place.table("rides", "event,key,n\n2019-03-01,1,11\n2019-03-02,1,12\n");
    assert_eq!((other.version, other.changed, other.rows), (2, true, 2));
    let options = SourceSpec {
        timezone: Some("Europe/Berlin".to_owned()),
        ..source("rides", place.file("rides.csv", "event,key,n\n2019-03-01,1,11\n2019-03-02,1,12\n"))
    };
    assert!(place.load(&options).expect("a table").changed, "other options are another reading");
}

#[test]
fn roles_and_files_are_part_of_the_version() {
    let place = Place::new();
    let loaded = place.table("rides", "event,created,key,n\n2019-03-01,2019-03-02,1,10\n");
    assert_eq!((loaded.file.as_str(), loaded.format), ("rides.csv", "csv"));
    let shown = place.wait(kernwerk_feature::show(&place.lab, "rides", &kernwerk_core::Work::silent())).expect("it");
    assert_eq!(
        shown.roles,
        Roles {
            event_time: Some("event".to_owned()),
            created: Some("created".to_owned()),
            key: vec!["key".to_owned()]
        }
    );
    assert_eq!(shown.inputs[0].digest, loaded.digest);
    assert_eq!(csv(&shown.head), "event,created,key,n\n2019-03-01 00:00:00,2019-03-02 00:00:00,1,10");
}

#[test]
fn what_was_declared_holds_for_later_loads_until_something_else_is_said() {
    let place = Place::new();
    let declared = SourceSpec {
        roles: Roles { event_time: Some("at".to_owned()), created: None, key: vec!["key".to_owned()] },
        timezone: Some("America/New_York".to_owned()),
        ..source("rides", place.file("a.csv", "at,key,n\n2019-03-01 10:00,1,10\n"))
    };
    let first = place.load(&declared).expect("a table");
    assert_eq!((first.kept_from, first.notes.iter().any(|note| note.contains("kept"))), (None, false));
    let roles = || {
        let shown = place.wait(kernwerk_feature::show(&place.lab, "rides", &kernwerk_core::Work::silent()));
        shown.expect("the table").roles
    };
    let bare = |content: &str| source("rides", place.file("b.csv", content));
    let same = place.load(&bare("at,key,n\n2019-03-01 10:00,1,10\n")).expect("the same");
    assert_eq!((same.changed, same.kept_from), (false, Some(1)));
    let second = place.load(&bare("at,key,n\n2019-03-01 11:00,1,11\n")).expect("a version");
    assert_eq!((second.version, second.kept_from, roles()), (2, Some(1), declared.roles.clone()));
    let told = "kept from the version before: `--event-time at --key key --timezone America/New_York`; `--forget-roles` would not";
    assert!(second.notes.iter().any(|note| note == told), "{:?}", second.notes);
    assert_eq!(columns(&place.sql("SELECT * FROM rides").expect("rows"), &["at"]), ["2019-03-01 16:00:00"]);
    // What is said goes before what was declared, and the rest stays.
    let other = Roles { key: vec!["n".to_owned()], ..Roles::default() };
    place.load(&SourceSpec { roles: other, ..bare("at,key,n\n2019-03-01 12:00,1,12\n") }).expect("a version");
    assert_eq!(roles(), Roles { key: vec!["n".to_owned()], ..declared.roles.clone() });
    // A column that is gone takes its role along, and says so.
    let without = place.load(&bare("at,key\n2019-03-01 12:00,1\n")).expect("a version");
    assert_eq!(roles(), Roles { key: Vec::new(), ..declared.roles.clone() });
    let told = "the table had the key `n`, a column that this file does not have: it has none now";
    assert_eq!(without.notes.iter().filter(|note| *note == told).count(), 1, "{:?}", without.notes);
    // A column that somebody names has to be there.
    let missing = Roles { event_time: Some("when".to_owned()), ..Roles::default() };
    let missing = SourceSpec { roles: missing, ..bare("at\n2019-03-01 12:00\n") };
    assert!(said(place.load(&missing)).starts_with("UnknownColumn"));
    let forgetful = SourceSpec { forget_roles: true, ..bare("at,key,n\n2019-03-01 12:00,1,13\n") };
    let forgotten = place.load(&forgetful).expect("a version");
    assert_eq!((forgotten.kept_from, roles()), (None, Roles::default()));
    assert_eq!(columns(&place.sql("SELECT * FROM rides").expect("rows"), &["at"]), ["2019-03-01 12:00:00"]);
}

#[test]
fn appending_adds_rows_once() {
    let place = Place::new();
    place.table("rides", "event,key,n\n2019-03-01,1,1.5\n");
    let more = SourceSpec { append: true, ..source("rides", place.file("more.csv", "n,key,event\n2,1,2019-03-02\n")) };
    let added = place.load(&more).expect("rows");
    assert_eq!((added.version, added.changed, added.rows, added.file_rows), (2, true, 2, 1));
    // Seen to fail when the list of files was not committed together with the rows.
    let again = place.load(&more).expect("rows");
    assert_eq!((again.version, again.changed, again.rows), (2, false, 2));
    assert_eq!(
        columns(&place.sql("SELECT * FROM rides").expect("rows"), &["event", "n"]),
        ["2019-03-01 00:00:00,1.5", "2019-03-02 00:00:00,2.0"]
    );
    let history = place.wait(history(&place.lab, "rides")).expect("versions");
    let told: Vec<(u64, Option<u64>, &str)> =
        history.iter().map(|change| (change.version, change.rows, change.what.as_str())).collect();
    assert_eq!(told, [(1, Some(1), "rides.csv"), (2, Some(2), "more.csv")]);
    let new = SourceSpec { append: true, ..source("fresh", place.file("fresh.csv", "a\n1\n")) };
    assert_eq!(place.load(&new).expect("a table").version, 1);
}

#[test]
fn appended_rows_must_fit() {
    let place = Place::new();
    place.table("rides", "event,key,n\n2019-03-01,1,10\n");
    let append = |content: &str| {
        said(place.load(&SourceSpec { append: true, ..source("rides", place.file("more.csv", content)) }))
    };
    assert_eq!(
        append("event,key,n\n2019-03-02,1,1.5\n"),
        "MalformedFile: more.csv, line 2, column `n`: expected int64, found `1.5`"
    );
    assert_eq!(
        append("event,key\n2019-03-02,1\n"),
        "SchemaDiffers: more.csv does not fit table `rides`: it has no column `n`\nhint: without --append the file replaces the table"
    );
    assert_eq!(
        append("event,key,n,m\n2019-03-02,1,1,1\n"),
        "SchemaDiffers: more.csv does not fit table `rides`: it has a column `m`, the table has none\nhint: without --append the file replaces the table"
    );
    let json = place.file("more.jsonl", "{\"event\": \"2019-03-02\", \"key\": 1, \"n\": 1.5}\n");
    assert!(
        said(place.load(&SourceSpec { append: true, ..source("rides", json) }))
            .contains("column `n` is float64, there it is int64")
    );
    let other_role = SourceSpec {
        append: true,
        roles: Roles { event_time: Some("n".to_owned()), ..Roles::default() },
        ..source("rides", place.file("more.csv", "event,key,n\n2019-03-02,1,1\n"))
    };
    assert!(said(place.load(&other_role)).starts_with("InvalidOption: --event-time: table `rides` has event"));
    assert_eq!(place.wait(history(&place.lab, "rides")).expect("versions").len(), 1, "nothing was written");
}

#[test]
fn appended_times_are_read_where_the_first_ones_were() {
    let place = Place::new();
    let first = SourceSpec {
        timezone: Some("America/New_York".to_owned()),
        ..source("rides", place.file("a.csv", "at\n2019-03-01 10:00\n"))
    };
    place.load(&first).expect("a table");
    place
        .load(&SourceSpec { append: true, ..source("rides", place.file("b.csv", "at\n2019-03-01 11:00\n")) })
        .expect("rows");
    assert_eq!(
        columns(&place.sql("SELECT * FROM rides").expect("rows"), &["at"]),
        ["2019-03-01 15:00:00", "2019-03-01 16:00:00"]
    );
}

#[test]
fn a_header_alone_is_an_empty_table() {
    let place = Place::new();
    assert_eq!(place.table("rides", "event,key,n\n").rows, 0);
    place.view("zones", "rides", "1h");
    assert_eq!(csv(&place.sql("SELECT count(*) AS n FROM rides").expect("a row")), "n\n0");
}

#[test]
fn names_are_shared_with_views() {
    let place = Place::new();
    place.table("rides", "event,key,n\n2019-03-01,1,10\n");
    place.view("zones", "rides", "1h");
    let file = place.file("a.csv", "a\n1\n");
    assert!(
        said(place.load(&source("zones", file.clone()))).starts_with("NameTaken: `zones` is already a feature view")
    );
    assert!(
        said(place.try_define(&view("rides", "SELECT * FROM rides")))
            .starts_with("NameTaken: `rides` is already a table")
    );
    assert!(said(place.load(&source("../x", file))).starts_with("BadName"));
}

#[test]
fn an_interrupt_leaves_the_table_as_it_was() {
    let place = Place::new();
    place.table("rides", "event,key,n\n2019-03-01,1,10\n");
    let work = kernwerk_core::Work::silent();
    work.cancel.cancel();
    let file = place.file("b.csv", "event,key,n\n2019-03-01,1,11\n");
    let result = place.wait(kernwerk_feature::load_source(&place.lab, &source("rides", file), &work));
    assert!(said(result).starts_with("Interrupted"));
    assert_eq!(place.wait(history(&place.lab, "rides")).expect("versions").len(), 1);
}
