//! Training sets over a lab: which columns, which rows, which versions, and what is said of requests that make no sense.

use kernwerk_core::Resource;
use kernwerk_feature::{Coverage, ReadFrom, TrainingSpec, ViewSpec};

use crate::common::{Place, columns, csv, features, said, view};

/// Rides of two zones, fares known some time later, and weather without a key.
fn place() -> Place {
    let place = Place::new();
    place.table(
        "rides",
        "event,key,rider\n\
         2019-03-01 12:00,a,4\n\
         2019-03-01 10:00,b,3\n\
         2019-03-01 12:00,a,4\n\
         2019-03-01 09:00,c,2\n\
         ,a,1\n\
         2019-03-01 12:00,,0\n\
         2019-03-01 20:00,b,7\n",
    );
    place.table(
        "fares",
        "event,created,key,fare,tip\n\
         2019-03-01 10:00,2019-03-01 10:05,a,5.0,1\n\
         2019-03-01 11:00,2019-03-01 13:00,a,6.0,2\n\
         2019-03-01 11:30,2019-03-01 11:30,a,7.0,\n\
         2019-03-01 10:00,2019-03-01 10:00,b,8.0,4\n\
         2019-03-01 10:00,2019-03-01 10:00,b,9.0,5\n",
    );
    place.table("weather", "event,rain\n2019-03-01 00:00,0.5\n2019-03-01 11:59,0.7\n");
    place.view("zone", "fares", "2h");
    place.view("sky", "weather", "none");
    place
}

#[test]
fn features_stand_behind_the_spine() {
    let place = place();
    let training = place.train(&features("rides", &["zone", "sky.rain"])).expect("a training set");
    assert_eq!(
        csv(&training.table),
        "event,key,rider,fare,tip,rain\n\
         2019-03-01 12:00:00,a,4,7.0,-,0.7\n\
         2019-03-01 10:00:00,b,3,9.0,5,0.5\n\
         2019-03-01 12:00:00,a,4,7.0,-,0.7\n\
         2019-03-01 09:00:00,c,2,-,-,0.5\n\
         -,a,1,-,-,-\n\
         2019-03-01 12:00:00,-,0,-,-,0.7\n\
         2019-03-01 20:00:00,b,7,-,-,0.7"
    );
    let tip = Coverage {
        view: "zone".to_owned(),
        feature: "tip".to_owned(),
        column: "tip".to_owned(),
        found: 1,
        null_value: 2,
        null_key: 2,
        no_key: 1,
        expired: 1,
        future: 0,
    };
    assert_eq!(training.coverage[1], tip);
    let read = |resource, name: &str| ReadFrom { resource, name: name.to_owned(), version: 1 };
    assert_eq!(
        training.reads,
        [
            read(Resource::Table, "fares"),
            read(Resource::Table, "rides"),
            read(Resource::Table, "weather"),
            read(Resource::FeatureView, "sky"),
            read(Resource::FeatureView, "zone"),
        ]
    );
}

#[test]
fn reasons_can_be_seen_row_by_row() {
    let place = place();
    let spec = TrainingSpec { reasons: true, ..features("rides", &["zone.fare"]) };
    let training = place.train(&spec).expect("a training set");
    assert_eq!(
        columns(&training.table, &["fare", "zone__reason"]),
        ["7.0,-", "9.0,-", "7.0,-", "-,no key", "-,null", "-,null", "-,expired"]
    );
}

#[test]
fn the_cut_off_can_be_lifted() {
    let place = place();
    place.view("slow", "fares", "1h");
    let spec = |cutoff| TrainingSpec { created_cutoff: cutoff, ..features("rides", &["slow.fare"]) };
    let fares = |cutoff| columns(&place.train(&spec(cutoff)).expect("a training set").table, &["fare"]);
    assert_eq!(fares(true)[..2], ["7.0", "9.0"]);
    place.table("fares", "event,created,key,fare\n2019-03-01 11:00,2019-03-01 13:00,a,6.0\n");
    place.view("slow", "fares", "1h");
    // Seen to fail when the option did not reach the merge.
    assert_eq!((fares(true)[0].as_str(), fares(false)[0].as_str()), ("-", "6.0"));
}

#[test]
fn features_are_asked_for_in_several_ways() {
    let place = place();
    let names = |spec: &TrainingSpec| -> Vec<String> {
        let schema = place.train(spec).expect("a training set").table.schema;
        schema.fields().iter().skip(3).map(|field| field.name().clone()).collect()
    };
    assert_eq!(names(&features("rides", &["zone__tip", "sky", "zone.fare"])), ["tip", "rain", "fare"]);
    let full = TrainingSpec { full_names: true, ..features("rides", &["zone", "sky"]) };
    assert_eq!(names(&full), ["zone__fare", "zone__tip", "sky__rain"]);
}

#[test]
fn names_that_clash_are_an_error() {
    let place = place();
    place.view("again", "fares", "2h");
    assert_eq!(
        said(place.train(&features("rides", &["zone", "again"]))),
        "InvalidTraining: two views have a feature `fare`\nhint: --full-names calls features view__feature"
    );
    let full = TrainingSpec { full_names: true, ..features("rides", &["zone", "again"]) };
    assert_eq!(place.train(&full).expect("a training set").coverage.len(), 4);
    assert!(said(place.train(&features("rides", &["zone", "zone.fare"]))).contains("`zone.fare` is asked for twice"));
    place.define(&ViewSpec {
        entity: vec!["key".to_owned()],
        ..view("riders", "SELECT key, event, fare AS rider FROM fares")
    });
    assert!(
        said(place.train(&features("rides", &["riders"]))).contains("`rider` is a feature and a column of `rides`")
    );
}

#[test]
fn wrong_requests_say_what_is_meant() {
    let place = place();
    let wrong = |spec: TrainingSpec| said(place.train(&spec));
    assert_eq!(
        wrong(features("rides", &["zones"])),
        "UnknownView: there is no feature view `zones`\nhint: did you mean `zone`?"
    );
    assert_eq!(
        wrong(features("rides", &["zone.fair"])),
        "UnknownFeature: there is no feature `zone.fair`\nhint: did you mean `fare`?"
    );
    assert!(wrong(features("rides", &["zone.event"])).contains("`event` is the view's event time, not a feature"));
    assert!(wrong(features("ride", &["zone"])).contains("there is no table `ride`"));
    assert!(wrong(features("rides", &[])).contains("no features were asked for"));
    assert_eq!(
        wrong(features("weather", &["zone"])),
        "InvalidTraining: view `zone` is joined on `key`, which `weather` does not have\nhint: the columns are `event` and `rain` (a view with another name for its key: SELECT … AS name)"
    );
    let at = |column: &str| TrainingSpec { event_time: Some(column.to_owned()), ..features("rides", &["zone"]) };
    assert!(wrong(at("evnt")).contains("did you mean `event`?"));
    assert!(wrong(at("rider")).contains("column `rider` of `rides` is int64, not a point in time"));
    place.define(&ViewSpec {
        entity: vec!["key".to_owned()],
        ..view("numbers", "SELECT event, length(key) AS key, fare FROM fares")
    });
    let told = wrong(features("rides", &["numbers"]));
    assert!(told.contains("joined on `key`, which is int32 there and text in `rides`"), "{told}");
}

#[test]
fn a_view_may_be_a_spine() {
    let place = place();
    place.define(&ViewSpec {
        ..view("noon", "SELECT * FROM rides WHERE event = '2019-03-01 12:00:00' AND key IS NOT NULL")
    });
    let training = place.train(&features("noon", &["zone.fare"])).expect("a training set");
    assert_eq!(columns(&training.table, &["key", "fare"]), ["a,7.0", "a,7.0"]);
}

#[test]
fn a_spine_may_be_given() {
    let place = place();
    let rows = place.sql("SELECT * FROM rides WHERE key = 'a' AND event IS NOT NULL").expect("rows");
    let spec = TrainingSpec { given: Some(rows), ..features("frame", &["zone.fare"]) };
    assert!(said(place.train(&spec)).contains("`frame` has no event time"));
    let training = place.train(&TrainingSpec { event_time: Some("event".to_owned()), ..spec }).expect("a training set");
    assert_eq!(columns(&training.table, &["rider", "fare"]), ["4,7.0", "4,7.0"]);
    assert!(training.reads.iter().all(|read| read.name != "frame"));
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let place = place();
    place.define(&ViewSpec {
        entity: vec!["key".to_owned()],
        ..view(
            "sums",
            "SELECT key, event, sum(fare) OVER (PARTITION BY key ORDER BY event) AS total, avg(fare) OVER (PARTITION BY key) AS mean FROM fares",
        )
    });
    let digest = || {
        let table = place.train(&features("rides", &["sums", "sky"])).expect("a training set").table;
        kernwerk_store::content_digest(&table.schema, &table.batches)
    };
    let first = digest();
    assert!((0..5).all(|_| digest() == first));
}

#[test]
fn an_empty_spine_gives_no_rows() {
    let place = place();
    place.table("nobody", "event,key\n");
    let training = place.train(&features("nobody", &["sky"])).expect("a training set");
    assert_eq!(csv(&training.table), "event,key,rain");
}

#[test]
fn an_empty_view_gives_nulls() {
    let place = place();
    place.table("blank", "event,key,x\n");
    place.view("nothing", "blank", "1h");
    let training = place.train(&features("rides", &["nothing"])).expect("a training set");
    assert!(columns(&training.table, &["x"]).iter().all(|value| value == "-"));
}
