//! Completion, help, and questions of cells.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kernwerk_cell::{CellEnd, CellEvent, CellRequest, Completeness};

use crate::bench::Bench;

pub fn completion(bench: &mut Bench) {
    bench.run("let words = vec![String::from(\"a\")];\n/// Counts what there is.\nfn tally(words: &[String]) -> usize { words.len() }").ok();
    let found = bench.host.complete("words.is_em", 11, None).unwrap();
    assert_eq!((found.start, found.end), (6, 11));
    assert!(found.matches.iter().any(|found| found.text == "is_empty" && found.kind == "function"), "{found:?}");
    let found = bench.host.complete(":dep nothing\nlet ü = 1;\nwor", 28, None).unwrap();
    assert!(
        found.matches.iter().any(|found| found.text == "words" && found.kind == "instance") && found.start == 25,
        "{found:?}"
    );
    assert!(bench.host.complete(":dep", 2, None).unwrap().matches.is_empty());
    let found = bench.host.complete("tal", 3, None).unwrap();
    assert!(found.matches.iter().any(|found| found.text == "tally"), "{found:?}");
    let (text, html) = bench.host.inspect("tally(&words)", 3).unwrap().unwrap();
    assert!(text.contains("fn tally") && html.contains("Counts what there is"), "{text} {html}");
    assert_eq!(bench.host.is_complete("tally("), Completeness::Incomplete { indent: "    ".to_owned() });
    assert_eq!(bench.run("tally(&words)").ok(), Some("1"), "completion leaves no trace");
}

/// While a cell runs, questions are answered with what there was before it; its output goes on meanwhile, and nothing of it changes.
pub fn while_running(bench: &mut Bench) {
    bench.run("let mut planets = vec![String::from(\"Mars\")];\nlet radius: f64 = 3.5;").ok();
    let go = bench.directory().join("go");
    std::fs::write(&go, "").unwrap();
    let code = "planets.push(String::new());\nwhile std::path::Path::new(\"go\").exists() {\n    print!(\".\");\n    std::thread::sleep(std::time::Duration::from_millis(10));\n}\npanic!(\"late\");";
    let request = CellRequest { code: code.to_owned(), ..CellRequest::default() };
    let ticks = AtomicUsize::new(0);
    let count = |event| {
        if let CellEvent::Stdout(text) = event {
            ticks.fetch_add(text.len(), Ordering::SeqCst);
        }
    };
    let host = &bench.host;
    let end = std::thread::scope(|scope| {
        let cell = scope.spawn(|| host.execute(&request, &mut { count }));
        let wait_beyond = |seen: usize| {
            let deadline = Instant::now() + Duration::from_secs(60);
            while ticks.load(Ordering::SeqCst) <= seen {
                assert!(Instant::now() < deadline && !cell.is_finished(), "the cell's output stopped");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        wait_beyond(0);
        for (code, name) in [("planets.is_em", "is_empty"), ("radius.sqr", "sqrt"), ("plan", "planets")] {
            let begun = Instant::now();
            let found = host.complete(code, code.len(), None).unwrap();
            assert!(found.matches.iter().any(|found| found.text == name), "{code}: {found:?}");
            println!("{code} took {:?}", begun.elapsed());
        }
        let (text, _) = host.inspect("radius * 2.0", 2).unwrap().expect("help");
        assert!(text.contains("f64"), "{text}");
        let variables = host.variables().unwrap().expect("variables");
        let type_of =
            |name: &str| variables.iter().find(|variable| variable.name == name).map(|found| found.type_name.as_str());
        assert_eq!((type_of("planets"), type_of("radius")), (Some("Vec<String>"), Some("f64")));
        wait_beyond(ticks.load(Ordering::SeqCst));
        assert!(!cell.is_finished(), "the cell was still running");
        std::fs::remove_file(&go).unwrap();
        cell.join().unwrap().unwrap()
    });
    assert_eq!(end, CellEnd::Panic { message: "late".to_owned(), line: Some(6) });
    assert_eq!(bench.run("(planets.len(), radius)").ok(), Some("(2, 3.5)"));
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
