//! The preludes write and read JSON without a library: what they write is understood here, and the other way round.

#[path = "../../prelude/src/json.rs"]
#[allow(dead_code)]
mod json;

use json::{Json, object};
use kernwerk_wire::{Call, Given, Wanted};

const TEXT: &str = "%%feature sql\nSELECT 'a\\b', \"ä\", '\u{1}\t\u{7f}' -- 𝄞 </script>";

#[test]
fn calls_of_cells_are_understood() {
    let read = |fields: &[(&str, &str)]| serde_json::from_str::<Call>(&object(fields)).expect("a call").wanted;
    assert_eq!(read(&[("token", "t"), ("wanted", "magic"), ("text", TEXT)]), Wanted::Magic { text: TEXT.to_owned() });
    assert_eq!(
        read(&[("token", "t"), ("wanted", "table"), ("name", "rides")]),
        Wanted::Table { name: "rides".to_owned() }
    );
    assert_eq!(
        read(&[("token", "t"), ("wanted", "give"), ("name", "spine"), ("path", "/x/\"1\".arrow")]),
        Wanted::Give { name: "spine".to_owned(), path: "/x/\"1\".arrow".into() }
    );
    assert_eq!(read(&[("token", "t"), ("wanted", "tables")]), Wanted::Tables);
    assert_eq!(read(&[("token", "t"), ("wanted", "lab")]), Wanted::Lab);
    assert!(serde_json::from_str::<Call>(&object(&[("wanted", "lab")])).is_err(), "without a token there is no call");
}

#[test]
fn answers_are_understood_by_cells() {
    let told = |given: &Given| Json::read(&serde_json::to_string(given).expect("JSON")).expect("JSON of the prelude's");
    let answer = told(&Given::Magic {
        text: TEXT.to_owned(),
        html: "<b>\"</b>".to_owned(),
        verdict: "passed".to_owned(),
        volatile: true,
        frame: Some("/lab/\"1\".arrow".into()),
    });
    assert_eq!(answer.text("answer"), Some("magic"));
    assert_eq!((answer.text("text"), answer.text("html")), (Some(TEXT), Some("<b>\"</b>")));
    assert_eq!((answer.text("frame"), answer.text("verdict")), (Some("/lab/\"1\".arrow"), Some("passed")));
    assert_eq!(answer.get("volatile"), Some(&Json::Word("true".to_owned())));
    let answer = told(&Given::Tables { names: vec!["a".to_owned(), "b".to_owned()] });
    let texts = |names: &[&str]| Json::List(names.iter().map(|name| Json::Text((*name).to_owned())).collect());
    assert_eq!((answer.text("answer"), answer.get("names")), (Some("tables"), Some(&texts(&["a", "b"]))));
    let answer = told(&Given::Refused { name: "NoLab".to_owned(), message: "none".to_owned(), hint: None });
    assert_eq!((answer.text("answer"), answer.get("hint")), (Some("refused"), Some(&Json::Null)));
    for (given, name) in [(Given::Table { path: "/t".into() }, "table"), (Given::Lab { path: "/l".into() }, "lab")] {
        assert_eq!((told(&given).text("answer"), told(&given).text("path").is_some()), (Some(name), true));
    }
}
