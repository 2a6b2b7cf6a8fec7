//! How hosts begin, go on and end.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use kernwerk_cell::{CellEnd, CellRequest, Host, HostConfig};
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
    let CellEnd::Crashed { reason } = &ran.end else { panic!("{ran:#?}") };
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
