//! What is kept of the variables when the process that runs cells dies.

use kernwerk_cell::{CellEnd, Kept};

use crate::bench::{Bench, Ran};

/// A copy of a process has one thread: where there were others, what can be written down is moved to a fresh process.
pub fn crashes_beside_threads(bench: &mut Bench) {
    bench.run("let beside = std::thread::spawn(|| -> () { loop { std::thread::sleep(std::time::Duration::from_secs(1)) } });").ok();
    bench
        .run(
            "let number = 1.5_f32; let text = String::from(\"grüße\"); let fixed = \"fixed\";\n\
             let mut pairs: std::collections::BTreeMap<String, Vec<Option<(u8, char)>>> = [(\"a\".to_owned(), vec![None, Some((1, '😀'))])].into();\n\
             let counts: std::collections::HashMap<i64, bool> = [(-1, true)].into();\n\
             struct Point { x: u8 }\nlet point = Point { x: 1 };\nlet add: Box<dyn Fn(i32) -> i32> = Box::new(|n| n + 1);",
        )
        .ok();
    let ran = bench.run("pairs.clear(); std::process::abort();");
    let CellEnd::Crashed { kept: Kept::Some { kept, gone }, .. } = &ran.end else { panic!("{ran:#?}") };
    for name in ["counts", "fixed", "number", "pairs", "text"] {
        assert!(kept.iter().any(|kept| kept == name), "{name} in {kept:?}");
    }
    for name in ["add", "beside", "point"] {
        assert!(gone.iter().any(|gone| gone == name), "{name} in {gone:?}");
    }
    let values = bench.run("(number, &text, fixed, &pairs, &counts)");
    assert_eq!(values.ok(), Some("(1.5, \"grüße\", \"fixed\", {\"a\": [None, Some((1, '😀'))]}, {-1: true})"));
    bench.run("let add = |n: i32| n + 1; let add: Box<dyn Fn(i32) -> i32> = Box::new(add);").ok();
    assert_eq!(bench.run("add(1)").ok(), Some("2"), "made anew, it is not taken for the one that is gone");
    assert!(matches!(bench.run("point.x").end, CellEnd::CompileError { .. }), "it is gone");
    assert_eq!(bench.run("let point = Point { x: 3 };\npoint.x").ok(), Some("3"), "its type is not");
    // They were moved: the next crash, with one thread now, keeps all.
    let ran = bench.run("drop(point); std::process::abort();");
    assert!(matches!(&ran.end, CellEnd::Crashed { kept: Kept::All, .. }), "{ran:#?}");
    assert_eq!(bench.run("(point.x, number)").ok(), Some("(3, 1.5)"));
}

/// A copy that goes down while it takes over has left another one behind, which still writes variables down.
pub fn copy_goes_down(bench: &mut Bench) {
    bench.host.shutdown();
    // What a prelude with pools has; here by the user, and of a kind that fails.
    bench
        .run(
            "#[repr(C)]\npub struct Census { threads: *const i32, thread_count: usize, descriptors: *const i32, descriptor_count: usize }\n\
             #[unsafe(no_mangle)]\npub extern \"C\" fn kernwerk_begin_pools() -> Census { let none = std::ptr::NonNull::dangling().as_ptr(); Census { threads: none, thread_count: 0, descriptors: none, descriptor_count: 0 } }\n\
             #[unsafe(no_mangle)]\npub extern \"C\" fn kernwerk_renew_pools() -> Census { std::process::abort() }\n\
             let number = 4; let add: Box<dyn Fn(i32) -> i32> = Box::new(|n| n + 1);",
        )
        .ok();
    let Kept::Some { kept, gone } = all_or_some(&bench.run("std::process::abort();")) else { panic!("it took over") };
    assert_eq!((kept, gone), (vec!["number".to_owned()], vec!["add".to_owned()]));
    assert_eq!(bench.run("number").ok(), Some("4"));
    bench.host.shutdown();
}

/// A copy that holds a pipe open would keep its other side from seeing the end.
pub fn pipes(bench: &mut Bench) {
    bench
        .run(
            "use std::io::Read;\nlet mut cat = std::process::Command::new(\"cat\").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();\n\
             let input = cat.stdin.take();",
        )
        .ok();
    assert_eq!(bench.run("drop(input); cat.wait().unwrap().success()").ok(), Some("true"), "it sees the end");
    // It holds another pipe, beside which a copy cannot take over.
    bench.run("drop(cat);").ok();
}

/// Between cells somebody kills the process that runs them, or memory does.
pub fn killed_while_idle(bench: &mut Bench) {
    bench.run("let idle: Box<dyn Fn() -> u8> = Box::new(|| 3);").ok();
    for _ in 0..2 {
        let worker = kill_worker(bench);
        assert_eq!(bench.run("idle()").ok(), Some("3"));
        assert_ne!(bench.host.process_ids()[2], worker);
    }
}

/// Polars' threads sleep between cells, and are made anew in the copy: frames, closures over them, everything is kept, and Polars goes on.
pub fn frames(bench: &mut Bench) {
    bench
        .run(
            ":dep polars\nuse polars::prelude::*;\nlet mut frame = df!(\"key\" => (0..200_000).map(|n| n % 7).collect::<Vec<i64>>(), \"value\" => vec![0.5; 200_000])?;\n\
             let sum = frame.clone().lazy().group_by([col(\"key\")]).agg([col(\"value\").sum()]).sort([\"key\"], Default::default());\n\
             let held = frame.clone();\nlet height: Box<dyn Fn() -> usize> = Box::new(move || held.height());",
        )
        .ok();
    let summed = "let summed = sum.clone().collect()?; summed.column(\"value\")?.f64()?.get(0)";
    let threads = "std::fs::read_dir(\"/proc/self/task\")?.flatten().filter(|task| std::fs::read_to_string(task.path().join(\"comm\")).unwrap().starts_with(\"polars-\")).count() > 0";
    for end in [
        "std::process::abort();",
        "std::process::Command::new(\"kill\").args([\"-9\", &std::process::id().to_string()]).status()?; loop {}",
    ] {
        assert_eq!(bench.run(summed).ok(), Some("Some(14286.0)"));
        assert_eq!(bench.run(threads).ok(), Some("true"), "Polars has threads, or this shows nothing");
        let ran = bench.run(&format!("frame = frame.head(Some(1));\n{end}"));
        assert_eq!(all_or_some(&ran), Kept::All);
        let kept = format!("assert_eq!((height(), frame.height()), (200_000, 200_000));\n{summed}");
        assert_eq!(bench.run(&kept).ok(), Some("Some(14286.0)"));
    }
}

/// Copies of copies, with pools that were begun anew each time.
pub fn many_lives(bench: &mut Bench) {
    for _ in 0..20 {
        kill_worker(bench);
        assert_eq!(bench.run("(summed.height(), height())").ok(), Some("(7, 200000)"));
        assert_eq!(bench.run("sum.clone().collect()?.column(\"value\")?.f64()?.get(0)").ok(), Some("Some(14286.0)"));
    }
}

/// Beside a thread of the user's, frames and what serde knows are moved.
pub fn frames_beside_threads(bench: &mut Bench) {
    bench
        .run(
            ":dep serde = { version = \"1\", features = [\"derive\"] }\n#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]\nstruct Ride { id: u32, note: Option<String> }\n\
             let rides = vec![Ride { id: 7, note: None }];\n\
             let wide = df!(\"n\" => (0..100_000).collect::<Vec<i64>>(), \"t\" => vec![Some(\"x\"); 100_000])?;\n\
             let series = Series::new(\"s\".into(), [1_u8, 2]);\n\
             let beside = std::thread::spawn(|| -> () { loop { std::thread::sleep(std::time::Duration::from_secs(1)) } });",
        )
        .ok();
    let ran = bench.run("std::process::abort();");
    let Kept::Some { kept, gone } = all_or_some(&ran) else { panic!("{ran:#?}") };
    for name in ["rides", "wide", "series", "frame"] {
        assert!(kept.iter().any(|kept| kept == name), "{name} in {kept:?}");
    }
    for name in ["beside", "height", "sum"] {
        assert!(gone.iter().any(|gone| gone == name), "{name} in {gone:?}");
    }
    let values = "let total: i64 = wide.column(\"n\")?.i64()?.sum().unwrap_or(0);\n(total, wide.height(), series.sum::<u64>()?, rides.clone())";
    assert_eq!(bench.run(values).ok(), Some("(4999950000, 100000, 3, [Ride { id: 7, note: None }])"));
}

#[track_caller]
fn all_or_some(ran: &Ran) -> Kept {
    match &ran.end {
        CellEnd::Crashed { kept, .. } => kept.clone(),
        _ => panic!("{ran:#?}"),
    }
}

/// Kills the process that runs cells, and gives its number.
fn kill_worker(bench: &Bench) -> u32 {
    let worker = bench.host.process_ids()[2];
    assert!(std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap().success());
    worker
}
