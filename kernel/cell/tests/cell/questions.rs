//! Completion, help, and questions of cells.

use kernwerk_cell::{CellEnd, CellEvent, CellRequest, Completeness};

use crate::bench::Bench;

pub fn completion(bench: &mut Bench) {
    bench.run("let words = vec![String::from(\"a\")];\n/// Counts what there is.\nfn tally(words: &[String]) -> usize { words.len() }").ok();
    let found = bench.host.complete("words.is_em", 11).unwrap();
    assert_eq!((found.start, found.end), (6, 11));
    assert!(found.matches.iter().any(|name| name.starts_with("is_empty")), "{found:?}");
    let found = bench.host.complete(":dep nothing\nlet ü = 1;\nwor", 28).unwrap();
    assert!(found.matches.contains(&"words".to_owned()) && found.start == 25, "{found:?}");
    assert!(bench.host.complete(":dep", 2).unwrap().matches.is_empty());
    let found = bench.host.complete("tal", 3).unwrap();
    assert!(found.matches.iter().any(|name| name.starts_with("tally")), "{found:?}");
    let (text, html) = bench.host.inspect("tally(&words)", 3).unwrap().unwrap();
    assert!(text.contains("fn tally") && html.contains("Counts what there is"), "{text} {html}");
    assert_eq!(bench.host.is_complete("tally("), Completeness::Incomplete { indent: "    ".to_owned() });
    assert_eq!(bench.run("tally(&words)").ok(), Some("1"), "completion leaves no trace");
}

pub fn input(bench: &mut Bench) {
    let request = CellRequest { code: "let name = kernwerk::input(\"your name? \").unwrap();\nlet key = kernwerk::password(\"key: \");\n(name, key.is_err())".to_owned(), ..CellRequest::default() };
    let mut asked = Vec::new();
    let end = bench
        .host
        .execute(&request, &mut |event| {
            if let CellEvent::Input { prompt, password, answer } = event {
                answer.give(if password { None } else { Some("Ä \"B\"".to_owned()) });
                asked.push((prompt, password));
            }
        })
        .unwrap();
    assert_eq!(asked, [("your name? ".to_owned(), false), ("key: ".to_owned(), true)]);
    let CellEnd::Ok { result: Some(bundle) } = end else { panic!("{end:?}") };
    assert_eq!(bundle[0].1, "(\"Ä \\\"B\\\"\", true)");
}
