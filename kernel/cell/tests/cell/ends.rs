//! How cells end.

use std::time::{Duration, Instant};

use kernwerk_cell::{CellEnd, CellEvent, CellRequest, Kept};

use crate::bench::{Bench, Ran};

pub fn compile_errors(bench: &mut Bench) {
    let ran = bench.run("let fine = 1;\nlet broken: i32 = \"text\";\nlet after = 2;");
    let (message, line) = ran.compile_error();
    assert_eq!(line, Some(2));
    assert!(message.starts_with("error[E0308]: mismatched types\n"), "{message}");
    assert!(
        message.contains("--> cell:2:19\n") && message.contains("\n 2 | let broken")
            || message.contains("2 | let broken"),
        "{message}"
    );
    assert!(!message.contains("lib.rs") && !message.contains("evcxr"), "{message}");
    assert!(matches!(bench.run("fine").end, CellEnd::CompileError { .. }), "nothing of it has run");

    let error = |ran: Ran| {
        let (message, line) = ran.compile_error();
        (message, line)
    };
    let (message, line) = error(bench.run("let a = 1; let b = 2; a + nowhere"));
    assert!(message.contains("--> cell:1:27\n") && line == Some(1), "{message}");
    let (message, line) = error(bench.run("fn first() {}\n\nfn second() -> i32 {\n    missing()\n}"));
    assert!(message.contains("--> cell:4:5\n") && line == Some(4), "{message}");
    let (message, line) = error(bench.run("let x = 1;\nuse std::nothing::here;"));
    assert!(message.contains("nothing") && line == Some(2), "{message}");
    let (message, _) = error(bench.run("let x = ;"));
    assert!(message.contains("expected expression"), "{message}");
    let (message, _) = error(bench.run("let text = \"never closed"));
    assert_eq!(message, "error: the cell is not finished: the text is never closed\n --> cell:1:12");
    let ran = bench.run(":dep kernwerk\nlet a = 1;;;\nfor i in 0..3 {");
    assert_eq!(
        ran.compile_error(),
        ("error: the cell is not finished: `{` is never closed\n --> cell:3:15".to_owned(), Some(3))
    );
    let (message, line) = error(bench.run("let a = 1;;; let b = "));
    assert!(message.contains("its last statement ends too early") && line == Some(1), "{message}");
    assert!(message.ends_with("--> cell:1:21"), "{message}");

    let request = CellRequest { code: "// a comment\nnowhere".to_owned(), line: 6, bindings: Vec::new() };
    let (message, line) = error(bench.try_run(&request).unwrap());
    assert!(message.contains("--> cell:8:1\n") && line == Some(8), "{message}");
    // In colours, and with what rustc is sure of worked in.
    let ran = bench.run("// a comment\nlet text: String = \"é\"; let number: u64 = 1u32;\nlet last = 3;");
    let CellEnd::CompileError { message, line: Some(2) } = &ran.end else { panic!("{ran:#?}") };
    assert!(message.contains("\u{1b}[1m") && ran.compile_error().0.contains("--> cell:2:20\n"), "{message}");
    let expected = "\n// a comment\nlet text: String = \"é\".to_string(); let number: u64 = 1u64;\nlet last = 3;";
    assert!(message.ends_with(expected), "{message}");

    let (message, _) = error(bench.run("let f = || 1;"));
    assert!(message.contains("closure"), "{message}");
}

pub fn panics(bench: &mut Bench) {
    bench.run("let survivor = vec![1];\nfn deep(n: u8) -> u8 {\n    if n == 0 { panic!(\"deep down\") } else { deep(n - 1) }\n}").ok();
    let ran = bench.run("print!(\"before\");\nlet none: Option<u8> = None;\nnone.expect(\"a value\");");
    assert_eq!(ran.end, CellEnd::Panic { message: "a value".to_owned(), line: Some(3) });
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("before", ""), "the text stands in the error alone");
    let ran = bench.run("deep(3);");
    assert_eq!(ran.end, CellEnd::Panic { message: "deep down".to_owned(), line: None }, "the line is another cell's");
    assert_eq!(bench.run("survivor").ok(), Some("[1]"));
    let ran = bench.run("let caught = std::panic::catch_unwind(|| panic!(\"caught\")).is_err(); caught");
    assert_eq!(ran.ok(), Some("true"));
    assert!(ran.stderr.contains("caught"), "{ran:#?}");
    let ran = bench.run("std::thread::spawn(|| panic!(\"elsewhere\")).join().is_err()");
    assert_eq!(ran.ok(), Some("true"));
    assert!(ran.stderr.contains("thread 'unnamed' panicked") && ran.stderr.contains("elsewhere"), "{ran:#?}");
}

pub fn failures(bench: &mut Bench) {
    let ran = bench.run("println!(\"begun\");\nlet number: i32 = \"text\".parse()?;\nprintln!(\"never\");");
    assert_eq!(ran.end, CellEnd::Failed { message: "invalid digit found in string".to_owned() });
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("begun\n", ""));
    assert_eq!(bench.run("let number: i32 = \"7\".parse()?;\nnumber").ok(), Some("7"));
    let ran = bench.run("eprintln!(\"{}\", \"plain\");\n\"8\".parse::<i32>()?");
    assert_eq!((ran.ok(), ran.stderr.as_str()), (Some("8"), "plain\n"));
    assert_eq!(bench.run("survivor").ok(), Some("[1]"));
}

pub fn refusals(bench: &mut Bench) {
    for command in [":quit", ":vars", ":help", ":clear", ":env A=1", ":efmt {:?}"] {
        let request = CellRequest { code: format!("{command}\n1"), line: 3, ..CellRequest::default() };
        let problem = bench.try_run(&request).unwrap_err();
        assert_eq!(problem.name, "UnknownCommand");
        assert!(problem.message.starts_with("line 4: "), "{problem}");
        assert!(problem.hint.is_some());
    }
    assert_eq!(bench.run("survivor").ok(), Some("[1]"), "it did not quit");
    // evcxr would run this in a shell.
    assert!(matches!(bench.run("!touch made").end, CellEnd::CompileError { .. }));
    assert!(!bench.directory().join("made").exists());
    assert_eq!(bench.run("!true").ok(), Some("false"));
}

pub fn large_cells(bench: &mut Bench) {
    let text = "x".repeat(500_000);
    assert_eq!(bench.run(&format!("\"{text}\".len()")).ok(), Some("500000"));
    let request = CellRequest { code: format!("let x = \"{}\";", "x".repeat(10_000_000)), ..CellRequest::default() };
    let problem = bench.try_run(&request).unwrap_err();
    assert_eq!(problem.name, "CellTooLarge");
    assert!(problem.hint.unwrap().contains("file"));
}

pub fn interrupted_build(bench: &mut Bench) {
    bench.run("let kept = 5;").ok();
    let slow = "#[allow(long_running_const_eval)]\nconst SLOW: u64 = { let mut i = 0; while i < 4_000_000_000 { i += 1; } i };\nSLOW";
    let interrupter = bench.host.interrupter();
    let thread = std::thread::spawn(move || {
        // The compiler takes minutes over it.
        std::thread::sleep(Duration::from_millis(1500));
        interrupter.interrupt();
        Instant::now()
    });
    let ran = bench.run(slow);
    let after = thread.join().unwrap().elapsed();
    assert_eq!(ran.end, CellEnd::Interrupted { kept: Kept::All }, "{ran:#?}");
    assert!(after < Duration::from_secs(2), "{after:?}");
    assert_eq!(bench.run("kept").ok(), Some("5"));
}

pub fn interrupted_cell(bench: &mut Bench) {
    bench
        .run("fn stays() -> u8 { 9 }\nlet mut list = vec![1];\nlet add: Box<dyn Fn(i32) -> i32> = Box::new(|n| n + 1);")
        .ok();
    for _ in 0..3 {
        let code = "list.push(2); let new = 1;\nprint!(\"on and on\"); loop { std::thread::sleep(std::time::Duration::from_millis(1)); }";
        let (end, after) = interrupt_when_it_prints(bench, code);
        assert_eq!(end, CellEnd::Interrupted { kept: Kept::All });
        assert!(after < Duration::from_secs(2), "{after:?}");
        assert_eq!(bench.run("(stays(), &list, add(1))").ok(), Some("(9, [1], 2)"), "as before the cell");
        assert!(matches!(bench.run("new").end, CellEnd::CompileError { .. }));
    }
    bench.host.interrupter().interrupt();
    assert_eq!(bench.run("1 + 1").ok(), Some("2"), "an interrupt between cells does nothing");
}

/// Runs a cell, interrupts it when it prints, and gives its end and how long that took.
fn interrupt_when_it_prints(bench: &mut Bench, code: &str) -> (CellEnd, Duration) {
    let request = CellRequest { code: code.to_owned(), ..CellRequest::default() };
    let interrupter = bench.host.interrupter();
    let mut begun = None;
    let end = bench.host.execute(&request, &mut |event| {
        if let CellEvent::Stdout(text) = event {
            assert_eq!(text, "on and on");
            begun = Some(Instant::now());
            interrupter.interrupt();
        }
    });
    (end.unwrap(), begun.expect("what it printed").elapsed())
}

pub fn crashes(bench: &mut Bench) {
    bench.run("fn remains() -> u8 { 8 }\nlet mut shared = std::rc::Rc::new(std::cell::RefCell::new(String::from(\"a\")));").ok();
    for (code, words) in [
        ("print!(\"last words\"); std::process::abort();", "abort"),
        ("print!(\"last words\"); std::process::exit(3);", "code 3"),
        (
            "print!(\"last words\"); { use std::io::Write; std::io::stdout().flush().unwrap(); }\nlet nowhere = std::hint::black_box(8_usize) as *mut u8;\nunsafe { *nowhere = 1; }",
            "signal 11",
        ),
        (
            "fn deep(n: u64) -> u64 { if n == 0 { 0 } else { 1 + std::hint::black_box(deep(n - 1)) } }\ndeep(1 << 40);",
            "signal",
        ),
    ] {
        let ran = bench.run(&format!("shared.borrow_mut().push('b');\ndrop(shared);\n{code}"));
        let CellEnd::Crashed { reason, kept } = &ran.end else { panic!("{ran:#?}") };
        assert!(reason.contains(words), "{reason}");
        assert_eq!(*kept, Kept::All);
        assert_eq!(bench.run("(shared.borrow().clone(), remains())").ok(), Some("(\"a\", 8)"), "as before the cell");
    }
}
