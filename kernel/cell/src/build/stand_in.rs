//! Stands in for cargo and rustup where evcxr and rust-analyzer call them, but for builds, which the cell host does itself (see `courier.rs`).

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
        _ => pass_on(home, &arguments),
    };
    let _ = std::fs::remove_file(home.build_mark());
    std::process::exit(code)
}

/// `cargo metadata` for the cell's package, with the versions that were chosen before.
fn metadata(home: &Home, arguments: &[String]) -> i32 {
    let cache = Cache::at(&home.cache, &home.sources);
    lock::fill(&cache, &home.package());
    let code = pass_on(home, arguments);
    lock::keep(&cache, &home.package());
    lock::fill(&cache, &home.package());
    code
}

fn pass_on(home: &Home, arguments: &[String]) -> i32 {
    match home.command(&home.cargo).args(arguments).env("RUSTC", &home.rustc).status() {
        Ok(status) => status.code().unwrap_or(FAILED),
        Err(error) => {
            eprintln!("error: cargo could not be started: {error}");
            FAILED
        }
    }
}
