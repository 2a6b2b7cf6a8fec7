//! Stands in for cargo and rustup where evcxr and rust-analyzer call them, but for builds, which the cell host does itself (see `courier.rs`).

use std::process::Stdio;

use super::cache::Cache;
use super::lock;
use crate::home::Home;
use crate::process;

/// Exit code of a build that was interrupted.
const INTERRUPTED: i32 = 130;
/// cargo's exit code of a build that failed.
const FAILED: i32 = 101;

/// Answers as rustup: where the tools are, and no to everything else.
pub(crate) fn rustup(home: &Home) -> ! {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('+')).collect();
    let code = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["which", "cargo"] => {
            println!("{}", home.tools().join("bin/cargo").display());
            0
        }
        ["which", "rustc"] => {
            println!("{}", home.rustc.display());
            0
        }
        _ => 1,
    };
    std::process::exit(code)
}

/// Answers as cargo.
pub(crate) fn cargo(home: &Home) -> ! {
    process::lead_group();
    if home.stop_mark().exists() {
        std::process::exit(INTERRUPTED);
    }
    // Without the mark an interrupt waits for the build to end.
    let _ = std::fs::write(home.build_mark(), std::process::id().to_string());
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let code = match arguments.iter().find(|argument| !argument.starts_with(['-', '+'])).map(String::as_str) {
        Some("metadata") => metadata(home, &arguments),
        _ => pass_on(home, &arguments).0,
    };
    let _ = std::fs::remove_file(home.build_mark());
    std::process::exit(code)
}

/// `cargo metadata` for the cell's package, with the versions that were chosen before, or those that the host is bound to. It fetches all crates
/// that there are to be: what cannot be had, or would be another version, is found here, and nothing is compiled.
fn metadata(home: &Home, arguments: &[String]) -> i32 {
    let (cache, package, bound) = (Cache::at(&home.cache, &home.sources), home.package(), home.lock.as_ref());
    lock::fill(&cache, bound, &package);
    let (code, words) = pass_on(home, arguments);
    let chosen = std::fs::read_to_string(lock::file(&package)).unwrap_or_default();
    lock::keep(&cache, bound, &package);
    lock::fill(&cache, bound, &package);
    if code != 0 {
        if bound.is_some_and(|bound| bound.is_exact) {
            home.leave_unlocked(&words);
        }
        return code;
    }
    match lock::check(bound, &chosen) {
        Ok(()) => 0,
        Err(words) => {
            home.leave_unlocked(&words);
            eprintln!("error: {words}");
            FAILED
        }
    }
}

/// Runs cargo in our place; its exit code, and what it said of errors, which is passed on as well.
fn pass_on(home: &Home, arguments: &[String]) -> (i32, String) {
    let mut cargo = home.command(&home.cargo);
    cargo
        .args(arguments)
        .args(home.vendored.iter().flat_map(|file| ["--config".as_ref(), file.as_os_str()]))
        .env("RUSTC", &home.rustc)
        .stdin(Stdio::inherit())
        .stdout(Stdio::inherit());
    match cargo.stderr(Stdio::piped()).spawn().and_then(|child| child.wait_with_output()) {
        Ok(output) => {
            let words = String::from_utf8_lossy(&output.stderr).into_owned();
            eprint!("{words}");
            (output.status.code().unwrap_or(FAILED), words)
        }
        Err(error) => {
            eprintln!("error: cargo could not be started: {error}");
            (FAILED, String::new())
        }
    }
}
