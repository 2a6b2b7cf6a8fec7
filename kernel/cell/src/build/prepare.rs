//! Compiling what the preludes need ahead of time, so that no notebook waits for it.

use std::path::Path;
use std::process::Command;

use kernwerk_core::{Problem, Work};

use super::cache::{self, Cache, scratch};
use super::cargo::{Dependencies, Failure, Sign};
use super::linker::Linker;
use super::made::Companions;
use super::record::{self, Record};
use super::sources::Loaded;
use super::toolchain::Toolchain;
use crate::error::Error;
use crate::home;

/// evcxr's manifest of a cell, which decides how everything is compiled; a test of the cell host notices when it changes.
const MANIFEST: &str = r#"
[package]
name = "ctx"
version = "1.0.0"
edition = "2024"

[lib]
crate-type = ["cdylib"]
path = "src/lib.rs"

[profile.dev]
opt-level = 2
debug = false
strip = "debuginfo"
rpath = true
lto = false
debug-assertions = true
codegen-units = 16
panic = 'unwind'
incremental = true
overflow-checks = true

[dependencies]
"#;

/// What is built, from small to large.
const SETS: &[(&str, Loaded)] = &[
    ("cells without dependencies", Loaded { prelude: false, plotters: false, polars: false }),
    ("the prelude", Loaded { prelude: true, plotters: false, polars: false }),
    ("plotters", Loaded { prelude: true, plotters: true, polars: false }),
    ("polars", Loaded { prelude: true, plotters: true, polars: true }),
];

/// Compiles everything that cells with plots and Polars frames need into the cache of this machine's user. Takes minutes the first time and
/// seconds after that. `program` is this program, which stands in for rustc where a cell itself would be compiled.
///
/// # Errors
/// There is no toolchain, a dependency cannot be fetched or does not compile, or the work was stopped; what is compiled by then stays.
pub fn prepare(program: &Path, work: &Work) -> Result<(), Problem> {
    Ok(build_all(program, work, &cache::default_root())?)
}

fn build_all(program: &Path, work: &Work, root: &Path) -> Result<(), Error> {
    let directory = std::env::current_dir().unwrap_or_else(|_| root.to_owned());
    let toolchain = Toolchain::find(&directory)?;
    let cache = Cache::open(root, &toolchain)?;
    cache.library(&toolchain)?;
    Companions::find(&cache, &toolchain)?;
    Linker::find(&cache, &toolchain);
    for (task, loaded) in SETS {
        work.check()?;
        build_set(program, work, &toolchain, &cache, task, *loaded)?;
    }
    Ok(())
}

fn build_set(
    program: &Path,
    work: &Work,
    toolchain: &Toolchain,
    cache: &Cache,
    task: &str,
    loaded: Loaded,
) -> Result<(), Error> {
    let mut manifest = MANIFEST.to_owned();
    for (name, specification) in cache.pinned().dependencies(loaded) {
        manifest.push_str(&format!("{name} = {specification}\n"));
    }
    let scratch = scratch(&cache.directory)?;
    let package = scratch.path();
    let write = |name: &str, text: &str| {
        let path = package.join(name);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(Error::file("write", &path))
    };
    write("Cargo.toml", &manifest)?;
    write("src/lib.rs", "")?;
    let record = package.join("record.new");
    let dependencies = Dependencies {
        cache,
        program,
        rustc: &toolchain.rustc,
        target: &toolchain.target,
        package,
        record: &record,
        lock: None,
        vendored: None,
    };
    let mut cargo = Command::new(&toolchain.cargo);
    home::clean(&mut cargo);
    let mut tell = |sign: Sign| {
        match sign {
            Sign::Step { done, total } => {
                work.progress(&format!("compiling {task} for Rust cells"), done, Some(total), "crates");
            }
            Sign::Waits => work.note("waiting for a notebook, or another such step, which compiles its dependencies"),
            Sign::Quiet => {}
        }
        !work.cancel.is_cancelled()
    };
    dependencies.build(cargo, &mut tell).map_err(|failure| match failure {
        Failure::Stopped => Error::Cancelled(kernwerk_core::Cancelled),
        Failure::Unlocked(words) => Error::Unlocked(words),
        Failure::Failed { messages, words } => Error::Build(first_messages(&messages, &words)),
    })?;
    let records = cache.records();
    let file = records.join(format!("{}.json", record::key(&manifest, &toolchain.target)));
    std::fs::create_dir_all(&records).map_err(Error::file("make", &records))?;
    std::fs::rename(&record, &file).map_err(Error::file("write", &file))?;
    match Record::read(&file) {
        Some(_) => Ok(()),
        None => Err(Error::Build("cargo built the dependencies, but not where it said".to_owned())),
    }
}

/// The compiler's own words where it has said something, else cargo's.
pub(super) fn first_messages(messages: &[String], words: &str) -> String {
    let rendered = messages.iter().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(message["message"]["rendered"].as_str()?.trim_end().to_owned())
    });
    let rendered: Vec<String> = rendered.take(3).collect();
    if rendered.is_empty() { words.trim_end().to_owned() } else { rendered.join("\n") }
}
