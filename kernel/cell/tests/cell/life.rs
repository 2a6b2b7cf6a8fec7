//! How hosts begin, go on and end.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use kernwerk_cell::{CellEnd, CellRequest, Host, HostConfig, Kept};
use kernwerk_core::Work;

use crate::bench::Bench;

pub fn first_cell(bench: &mut Bench) {
    bench.write("evcxr.toml", "prelude = \"this does not compile\"\n[evcxr]\nopt_level = \"none of these\"\n");
    assert!(bench.host.process_ids().is_empty(), "nothing runs before the first cell");
    let ran = bench.run("let x = 40;");
    assert_eq!(ran.ok(), None);
    println!("{:.1} s from nothing to the first cell; ", ran.took.as_secs_f64());
    assert_eq!(bench.run("x + 2").ok(), Some("42"));
    assert_eq!(bench.host.process_ids().len(), 3, "host, supervisor and worker");
}

pub fn trivial_cells(bench: &mut Bench) {
    let mut times: Vec<f64> = (0..9).map(|number| bench.run(&format!("{number} + 1")).took.as_secs_f64()).collect();
    times.sort_by(f64::total_cmp);
    print!("median {:.2} s; ", times[times.len() / 2]);
}

/// What was compiled before is not compiled again; what may be different now is.
pub fn unchanged_cells(bench: &mut Bench) {
    let code = "{ use std::sync::atomic::{AtomicU32, Ordering}; static COUNT: AtomicU32 = AtomicU32::new(5); COUNT.fetch_add(1, Ordering::SeqCst) }";
    let phases = bench.run(code).phases;
    for phase in [phases.analyse, phases.cargo, phases.rustc, phases.load, phases.run, phases.total] {
        assert!(phase.is_some(), "{phases:?}");
    }
    let again = bench.run(code);
    assert_eq!(again.ok(), Some("5"), "its statics begin anew");
    assert_eq!(again.phases.rustc, None, "{:?}", again.phases);

    bench.run("let input = 1_u8;").ok();
    assert_eq!(bench.run("input").ok(), Some("1"));
    bench.run("let input = String::from(\"text\");").ok();
    assert_eq!(bench.run("input").ok(), Some("\"text\""), "another type is another cell");

    let included = bench.write("included.txt", "one");
    let code = format!("include_str!({:?})", included.display().to_string());
    assert_eq!(bench.run(&code).ok(), Some("\"one\""));
    std::fs::write(&included, "two").unwrap();
    assert_eq!(bench.run(&code).ok(), Some("\"two\""), "a file that a cell includes may change");

    // Else every cell would compile evcxr's runtime anew.
    let runtime = bench.run("std::any::type_name_of_val(&*evcxr_variable_store)");
    assert_eq!(runtime.ok(), Some("\"kernwerk_support::runtime::VariableStore\""));
}

/// The analyser has to find the type of each variable, also of what comes out of a hash map, whose tables are not among the sources that rustup installs.
pub fn types_of_the_standard_library(bench: &mut Bench) {
    bench
        .run(
            "use std::collections::*;\nlet map: HashMap<String, Vec<i32>> = [(\"a\".to_owned(), vec![1])].into();\n\
             let keys = map.keys().cloned().collect::<Vec<_>>();\nlet best = map.clone().into_iter().max_by_key(|(_, list)| list.len());\n\
             let held = map.clone().into_iter();\nlet set = keys.iter().cloned().collect::<HashSet<_>>();\nlet drained = set.clone().into_iter();\n\
             let one = map.get(\"a\").cloned(); let longest = map.values().map(|list| list.len()).max();\nlet shared = std::sync::Arc::new(std::sync::Mutex::new(BTreeMap::from([(1_u8, 'x')])));\nlet (sender, receiver) = std::sync::mpsc::channel::<u8>();\n\
             let took = std::time::Instant::now().elapsed();\nlet file = std::fs::File::open(\"/dev/null\")?;\nlet lines = std::io::BufReader::new(file);\n\
             let regions = std::env::vars().take(1).collect::<VecDeque<_>>();",
        )
        .ok();
    bench.run("sender.send(3)?;").ok();
    assert_eq!(bench.run("(one, longest)").ok(), Some("(Some([1]), Some(1))"));
    let values = "let entry = held.map(|(key, list)| (key.len(), list.len())).next();\n(keys.len(), best, entry, set.len(), drained.count(), receiver.recv()?, shared.lock().unwrap().len())";
    assert_eq!(bench.run(values).ok(), Some("(1, Some((\"a\", [1])), Some((1, 1)), 1, 1, 3, 1)"));
    bench.run("(took, lines, regions);").ok();
}

/// They stay where they are, whatever the cell does; and a type that is defined anew is noticed.
pub fn unnamed_variables(bench: &mut Bench) {
    bench.run("struct Old(u8);\nlet named = vec![1];\nlet old = Old(1);\nlet r#type = 3;\nlet texts = vec![String::from(\"a\")];").ok();
    assert!(matches!(bench.run("panic!(\"{named:?}\");").end, CellEnd::Panic { message, .. } if message == "[1]"));
    assert_eq!(bench.run("(texts.len(), r#type, old.0)").ok(), Some("(1, 3, 1)"));
    bench.run("let texts = texts;\nlet mut named = named; named.push(2);").ok();
    assert_eq!(bench.run("named").ok(), Some("[1, 2]"));
    let ran = bench.run("struct Old(u8, u8);\nlet other = 1;");
    ran.ok();
    // It is told, and is none of what the cell is compared by.
    assert!(ran.stderr.is_empty() && ran.notes.iter().any(|note| note.contains("variable old ")), "{ran:#?}");
    assert!(matches!(bench.run("old.0").end, CellEnd::CompileError { .. }), "it is gone with its type");
    assert_eq!(bench.run("(texts, other)").ok(), Some("([\"a\"], 1)"));
}

pub fn surroundings(bench: &mut Bench) {
    bench.write("data.txt", "here");
    assert_eq!(bench.run("std::fs::read_to_string(\"data.txt\").unwrap()").ok(), Some("\"here\""));
    let private = "std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with(\"EVCXR\") || name.starts_with(\"KERNWERK_CELL\")).collect::<Vec<_>>()";
    assert_eq!(bench.run(private).ok(), Some("[]"));
    let path = format!("{:?}", std::env::var("PATH").unwrap());
    assert_eq!(bench.run("std::env::var(\"PATH\").unwrap()").ok(), Some(path.as_str()));
    // Who reads the standard input finds nothing, and does not wait.
    assert_eq!(bench.run("std::io::stdin().read_line(&mut String::new()).unwrap()").ok(), Some("0"));
}

pub fn program(bench: &mut Bench) {
    bench.run("fn main() {\n    println!(\"hello\");\n}").ok();
    assert_eq!(bench.run("main();").stdout, "hello\n");
}

pub fn killed_host(bench: &mut Bench) {
    bench.run("let before = 1;").ok();
    let host = bench.host.process_ids()[0];
    assert!(Command::new("kill").args(["-9", &host.to_string()]).status().unwrap().success());
    let ran = bench.run("1 + 1");
    let CellEnd::Crashed { reason, kept: Kept::Nothing } = &ran.end else { panic!("{ran:#?}") };
    assert!(reason.contains("signal 9"), "{reason}");
    assert_eq!(bench.run("1 + 1").ok(), Some("2"), "a new host is started");
}

pub fn shutdown(bench: &mut Bench) {
    bench.run("1").ok();
    let processes = bench.host.process_ids();
    bench.host.shutdown();
    let begun = Instant::now();
    while processes.iter().any(|process| is_alive(*process)) {
        assert!(begun.elapsed().as_secs() < 5, "{processes:?} live on");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    without_toolchain_in_a_process();
}

fn is_alive(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// The same program in an environment where there is no Rust.
fn without_toolchain_in_a_process() {
    let empty = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new(program);
    command.arg("without-toolchain").env_clear().env("HOME", empty.path()).env("PATH", empty.path());
    let output = command.env("XDG_CACHE_HOME", empty.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub fn without_toolchain() {
    let host = Host::new(HostConfig {
        program: std::env::current_exe().unwrap(),
        directory: "/".into(),
        cache: None,
        environment: Vec::new(),
        confinement: None,
        lock: None,
    });
    for _ in 0..2 {
        let request = CellRequest { code: "1 + 1".to_owned(), ..CellRequest::default() };
        let problem = host.execute(&request, &mut drop).unwrap_err();
        assert_eq!(problem.name, "NoRustToolchain");
        assert!(problem.message.contains("Rust toolchain"), "{problem}");
        assert!(problem.hint.unwrap().contains("rustup"));
    }
}

/// `cell prepare` compiles what the tests with charts and Polars need, as `kernwerk kernel prepare` does.
pub fn prepare() {
    let begun = Instant::now();
    kernwerk_cell::prepare(Path::new(&std::env::current_exe().unwrap()), &Work::silent()).unwrap();
    println!("prepared in {:.0} s", begun.elapsed().as_secs_f64());
}
