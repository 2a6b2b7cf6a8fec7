//! Frames, charts, and crates that cells ask for.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, StringArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::ipc::writer::FileWriter;
use arrow::record_batch::RecordBatch;
use kernwerk_cell::{CellEnd, CellEvent, CellRequest};

use crate::bench::Bench;

/// Forty rows in two batches, of many types, with missing values.
fn rides(directory: &Path) -> PathBuf {
    let batch = |rows: std::ops::Range<i32>| {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("ride", Arc::new(Int32Array::from_iter_values(rows.clone()))),
            (
                "zone",
                Arc::new(StringArray::from_iter(
                    rows.clone().map(|row| (row % 3 != 0).then(|| format!("zone <{row}>"))),
                )),
            ),
            (
                "note",
                Arc::new(StringViewArray::from_iter_values(
                    rows.clone().map(|row| "long ".repeat(1 + row as usize % 5)),
                )),
            ),
            (
                "fare",
                Arc::new(Float64Array::from_iter(rows.clone().map(|row| (row != 1).then(|| f64::from(row) / 4.0)))),
            ),
            ("paid", Arc::new(BooleanArray::from_iter(rows.clone().map(|row| Some(row % 2 == 0))))),
            ("day", Arc::new(Date32Array::from_iter_values(rows.clone().map(|row| 20_000 + row)))),
            (
                "pickup",
                Arc::new(
                    TimestampMicrosecondArray::from_iter_values(rows.map(|row| i64::from(row) * 1_500_000))
                        .with_timezone("UTC"),
                ),
            ),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    };
    let (one, other) = (batch(0..25), batch(25..40));
    let path = directory.join("rides \"1\".arrow");
    let mut writer = FileWriter::try_new(File::create(&path).unwrap(), one.schema_ref()).unwrap();
    writer.write(&one).unwrap();
    // The schema of the second differs in which columns may miss values, which the file's schema allows for.
    let other = RecordBatch::try_new(one.schema(), other.columns().to_vec()).unwrap();
    writer.write(&other).unwrap();
    writer.finish().unwrap();
    path
}

pub fn frames(bench: &mut Bench) {
    let path = rides(bench.directory());
    let ran = bench.run_with("rides", &[("rides", &path)]);
    let text = ran.ok().unwrap();
    assert!(text.contains("40 rows × 7 columns") && text.contains("… 20 more …"), "{text}");
    assert!(text.contains("1970-01-01T00:00:01.5Z") && text.contains("2024-10-04"), "{text}");
    let html = ran.form("text/html");
    assert!(html.contains("zone &lt;1&gt;") && html.contains("null"), "{html}");
    assert_eq!(
        bench.run("(rides.rows(), rides.numbers(\"fare\")?[..3].to_vec(), rides.texts(\"zone\")?[39].clone())").ok(),
        Some("(40, [Some(0.0), None, Some(0.5)], None)")
    );
    assert_eq!(bench.run("rides.texts(\"note\")?[4].clone()").ok(), Some("Some(\"long long long long long \")"));
    let ran = bench.run_with("let x = 1;\nnowhere", &[("again", &path)]);
    assert!(ran.compile_error().0.contains("--> cell:2:1\n"), "{ran:#?}");
    let ran = bench.run("kernwerk::show!(rides);\nkernwerk::display_html(\"<b>1</b>\");\nkernwerk::show!(vec![1]);\nkernwerk::show_svg(\"<svg/>\");");
    ran.ok();
    assert_eq!(
        ran.order,
        [
            "display:text/html+text/plain",
            "display:text/html+text/plain",
            "display:text/plain",
            "display:image/svg+xml+text/plain"
        ]
    );
}

pub fn local_crate(bench: &mut Bench) {
    bench.write("mine/Cargo.toml", "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    let source = bench.write("mine/src/lib.rs", "pub fn answer() -> u8 { 41 }");
    assert_eq!(bench.run(":dep mine = { path = \"mine\" }\nmine::answer()").ok(), Some("41"));
    std::fs::write(source, "pub fn answer() -> u8 { 42 }").unwrap();
    assert_eq!(bench.run("mine::answer()").ok(), Some("42"), "its sources may change");
    let ran = bench.run(":dep absent = { path = \"absent\" }\n1");
    let (message, line) = ran.compile_error();
    assert!(line == Some(1) && message.contains("absent"), "{message}");
    assert_eq!(bench.run("mine::answer()").ok(), Some("42"));
}

/// While somebody else builds into the same cache, a cell that must build waits, and says so.
pub fn another_build(bench: &mut Bench) {
    // The host has begun.
    bench.run("1").ok();
    bench.write("other/Cargo.toml", "[package]\nname = \"other\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    bench.write("other/src/lib.rs", "pub fn answer() -> u8 { 43 }");
    // As cargo locks it. Where the lock is taken, somebody does build.
    let locks: Vec<File> = in_caches("target/x86_64-unknown-linux-gnu/debug/.cargo-lock")
        .filter_map(|path| File::open(path).ok())
        .filter(|file| file.try_lock().is_ok())
        .collect();
    let (release, released) = mpsc::channel();
    // Without a word it would wait for ever.
    std::thread::spawn(move || {
        let _ = released.recv_timeout(Duration::from_secs(30));
        drop(locks);
    });
    let mut notes = Vec::new();
    let request =
        CellRequest { code: ":dep other = { path = \"other\" }\nother::answer()".to_owned(), ..CellRequest::default() };
    let end = bench.host.execute(&request, &mut |event| {
        if let CellEvent::Note(note) = event {
            notes.push(note);
            let _ = release.send(());
        }
    });
    assert_eq!(end.unwrap(), CellEnd::Ok { result: Some(vec![("text/plain".to_owned(), "43".to_owned())]) });
    assert!(notes.first().is_some_and(|note| note.starts_with("waiting for")), "{notes:?}");
}

/// The places `path` in the caches of all toolchains.
fn in_caches(path: &str) -> impl Iterator<Item = PathBuf> {
    let cache =
        std::env::var_os("XDG_CACHE_HOME").map_or_else(|| std::env::home_dir().unwrap().join(".cache"), PathBuf::from);
    let toolchains = std::fs::read_dir(cache.join("kernwerk/cells")).into_iter().flatten().flatten();
    toolchains.map(move |entry| entry.path().join(path))
}

/// Whether `prepare` has been run; compiling Polars here would take minutes.
fn is_prepared() -> bool {
    let records = in_caches("records").flat_map(|records| std::fs::read_dir(records).into_iter().flatten().flatten());
    records.map(|record| std::fs::read_to_string(record.path()).unwrap_or_default()).any(|text| {
        let names = || text.split('"').filter(|word| word.contains("libkernwerk_prelude_polars"));
        names().next().is_some()
            && names().all(|name| name.rsplit_once('=').is_some_and(|(_, path)| Path::new(path).exists()))
    })
}

pub fn charts(bench: &mut Bench) {
    if !is_prepared() {
        print!("skipped, run `kernwerk kernel prepare`; ");
        return;
    }
    let ran = bench.run(
        ":dep plotters\nuse plotters::prelude::*;\nlet chart = kernwerk::plot(320, 200, |area| {\n    area.fill(&WHITE)?;\n    Ok(())\n});\nchart",
    );
    assert!(ran.form("image/svg+xml").starts_with("<svg width=\"320\" height=\"200\""), "{ran:#?}");
    assert_eq!(ran.ok(), Some("a chart of 320 × 200 pixels"));
    assert_eq!(bench.run("mine::answer()").ok(), Some("42"));
}

pub fn polars(bench: &mut Bench) {
    if !is_prepared() {
        print!("skipped, run `kernwerk kernel prepare`; ");
        return;
    }
    // The crate in the notebook's directory would have cargo look for changes at each cell.
    *bench = Bench::new();
    bench.run("1").ok();
    let path = rides(bench.directory());
    let ran = bench.run_with(
        ":dep polars\nuse polars::prelude::*;\nlet by_day = rides.clone().lazy().filter(col(\"paid\")).select([col(\"fare\").sum()]).collect()?;\nby_day",
        &[("rides", &path)],
    );
    print!("first cell with Polars {:.1} s, ", ran.took.as_secs_f64());
    assert!(ran.ok().unwrap().contains("95"), "{ran:#?}");
    assert!(ran.form("text/html").contains("<table"), "{ran:#?}");
    let ran = bench.run("rides");
    print!("the next {:.1} s; ", ran.took.as_secs_f64());
    let text = ran.ok().unwrap();
    assert!(text.contains("40 rows × 7 columns") && text.contains("zone <1>"), "{text}");
    assert_eq!(bench.run("rides.column(\"fare\")?.f64()?.get(4)").ok(), Some("Some(1.0)"));
    assert_eq!(bench.run("kernwerk::plot(9, 9, |_| Ok(()))").ok(), Some("a chart of 9 × 9 pixels"));
    assert_eq!(bench.run("let frame = kernwerk::Frame::open(rides_path())?; fn rides_path() -> &'static str { \"rides \\\"1\\\".arrow\" }\nuse kernwerk::ToPolars;\nframe.polars()?.height()").ok(), Some("40"));
    assert!(bench.run("rides.clone().lazy()").ok().unwrap().contains("lazy frame"));
    rows(bench);
}

/// Lists of structs that serde can write, and lists of anything else.
fn rows(bench: &mut Bench) {
    bench.run(
        ":dep serde = { version = \"1\", features = [\"derive\"] }\n#[derive(Debug, serde::Serialize)]\nstruct Stop { name: &'static str, minutes: f64, #[serde(skip_serializing_if = \"Option::is_none\")] note: Option<u8>, lines: Vec<u8> }\n#[derive(Debug, serde::Serialize)]\nstruct Bare { name: String }",
    )
    .ok();
    let ran = bench.run(
        "let stops = vec![Stop { name: \"harbour <1>\", minutes: 2.5, note: None, lines: vec![1, 2] }, Stop { name: \"station\", minutes: 4.0, note: Some(7), lines: vec![] }];\nstops",
    );
    let text = "name         minutes  lines     note\ntext           float  list   integer\n───────────  ───────  ─────  ───────\nharbour <1>      2.5  [1,2]     null\nstation          4.0  []           7\n2 rows × 4 columns";
    assert_eq!(ran.ok(), Some(text));
    assert!(ran.form("text/html").contains("harbour &lt;1&gt;"), "{ran:#?}");
    let ran = bench.run("(0..100_000).map(|n| Bare { name: n.to_string() }).collect::<Vec<_>>()");
    let text = ran.ok().unwrap();
    assert!(
        text.contains("99999") && text.contains("… 99980 more …") && text.contains("100000 rows × 1 column"),
        "{text}"
    );
    for (code, text) in [
        ("vec![1, 2]", "[1, 2]"),
        ("vec![(1, \"a\")]", "[(1, \"a\")]"),
        ("Vec::<Stop>::new()", "[]"),
        ("&[1, 2][..1]", "[1]"),
        ("[Some(1.5), None]", "[Some(1.5), None]"),
        (
            "struct Mute; impl std::fmt::Debug for Mute { fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result { f.write_str(\"mute\") } }\nvec![Mute]",
            "[mute]",
        ),
    ] {
        assert_eq!(bench.run(code).ok(), Some(text), "{code}");
    }
    let ran = bench.run("kernwerk::show!(stops); kernwerk::show!(vec![1]);");
    assert_eq!(ran.order, ["display:text/html+text/plain", "display:text/plain"]);
}
