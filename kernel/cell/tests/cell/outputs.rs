//! What cells show.

use std::time::Duration;

use kernwerk_cell::{CellEvent, CellRequest};

use crate::bench::Bench;

pub fn values(bench: &mut Bench) {
    assert_eq!(bench.run("\"text\"").ok(), Some("\"text\""));
    assert_eq!(bench.run("let a = 1; let b = 2; a + b // three").ok(), Some("3"));
    assert_eq!(bench.run("vec![Some(1), None]").ok(), Some("[Some(1), None]"));
    assert_eq!(bench.run("let kept = String::from(\"kept\");\nkept").ok(), Some("\"kept\""));
    assert_eq!(bench.run("kept").ok(), Some("\"kept\""), "showing does not move");
    assert_eq!(bench.run("()").ok(), None);
    assert_eq!(bench.run("if false { panic!() }").ok(), None);
    assert_eq!(bench.run("for i in 0..2 { print!(\"{i}\"); }").stdout, "01");
    let ran = bench.run("struct Shown;\nimpl Shown { fn evcxr_display(&self) { println!(\"EVCXR_BEGIN_CONTENT text/html\\n<b>shown</b>\\nEVCXR_END_CONTENT\"); } }\nShown");
    assert_eq!(ran.form("text/html"), "<b>shown</b>");
    let ran = bench.run("struct Mute;\nMute");
    let (message, _) = ran.compile_error();
    assert!(message.contains("`Mute` doesn't implement") && message.contains("Debug"), "{message}");
}

pub fn streams(bench: &mut Bench) {
    let ran = bench.run("println!(\"one\"); eprintln!(\"two\"); print!(\"three\");");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("one\nthree", "two\n"));
    assert_eq!(ran.ok(), None);
    // What one cell leaves in the line buffer belongs to it.
    let ran = bench.run("print!(\"x\"); let y = 1; y");
    assert_eq!((ran.stdout.as_str(), ran.ok()), ("x", Some("1")));
}

pub fn live(bench: &mut Bench) {
    let ran = bench
        .run("print!(\"begun\"); std::thread::sleep(std::time::Duration::from_millis(1500)); println!(\" ended\");");
    let first = ran.first_text.unwrap();
    assert!(ran.took - first > Duration::from_millis(1200), "the first text came after {first:?} of {:?}", ran.took);
    assert_eq!(ran.stdout, "begun ended\n");
}

pub fn order(bench: &mut Bench) {
    let show =
        |mime: &str, text: &str| format!("println!(\"EVCXR_BEGIN_CONTENT {mime}\\n{text}\\nEVCXR_END_CONTENT\");");
    let code = format!(
        "print!(\"a\");\n{}\n{}\nprintln!(\"b\");\n{}\n7",
        show("text/html", "<i>1</i>"),
        show("text/html", "<i>2</i>"),
        show("image/svg+xml", "<svg/>")
    );
    let ran = bench.run(&code);
    assert_eq!(ran.order, ["out:a", "display:text/html", "display:text/html", "out:b\n", "display:image/svg+xml"]);
    assert_eq!(ran.displays[1], [("text/html".to_owned(), "<i>2</i>".to_owned())]);
    assert_eq!(ran.ok(), Some("7"));
}

pub fn no_text(bench: &mut Bench) {
    let ran = bench.run("use std::io::Write;\nstd::io::stdout().write_all(&[b'a', 0xff, 0xfe, b'\\n', 0xc3]).unwrap();\nstd::io::stderr().write_all(&[0xf0, b'b']).unwrap();");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("a\u{fffd}\u{fffd}\n\u{fffd}", "\u{fffd}b"));
    assert_eq!(bench.run("1 + 1").ok(), Some("2"));
}

/// The reader takes its time; nobody may keep what it has not taken yet.
pub fn a_lot(bench: &mut Bench) {
    let code = "let line = \"0123456789\".repeat(1000);\nfor _ in 0..10_000 { print!(\"{line}\"); }";
    let request = CellRequest { code: code.to_owned(), ..CellRequest::default() };
    let (mut bytes, mut paused, mut memory) = (0, false, 0);
    let processes = bench.host.process_ids();
    bench
        .host
        .execute(&request, &mut |event| {
            if let CellEvent::Stdout(text) = event {
                bytes += text.len();
                if bytes > 1_000_000 && !paused {
                    paused = true;
                    std::thread::sleep(Duration::from_millis(500));
                    memory = processes[1..].iter().map(|process| resident(*process)).sum();
                }
            }
        })
        .unwrap();
    assert_eq!(bytes, 100_000_000);
    assert!(memory < 200 << 20, "supervisor and worker hold {} MiB", memory >> 20);
}

/// Bytes of memory that a process has of its own.
fn resident(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse::<usize>().ok()).unwrap_or(0) << 10
}

/// The first `?` of a notebook has evcxr compile the cell a second time, in another form.
pub fn first_question_mark(bench: &mut Bench) {
    let ran = bench.run(
        "struct Bold;\nimpl Bold {\n    fn evcxr_display(&self) { println!(\"EVCXR_BEGIN_CONTENT text/html\\n<b>\\nEVCXR_END_CONTENT\"); }\n}\n\
         fn bold() -> Result<Bold, String> { Ok(Bold) }\nbold()?",
    );
    assert_eq!(ran.form("text/html"), "<b>");
}
