//! Libraries that have one home: wire formats, storage and models stay behind the crate that owns them.

use crate::Finding;
use crate::manifest::Manifest;

/// A library, and the only crates that may be built from it.
struct Home {
    library: &'static str,
    crates: &'static [&'static str],
}

const fn home(library: &'static str, crates: &'static [&'static str]) -> Home {
    Home { library, crates }
}

const SERVER: &[&str] = &["kernwerk-server"];
const STORE: &[&str] = &["kernwerk-store"];
const MODELS: &[&str] = &["kernwerk-models"];

const HOMES: &[Home] = &[
    home("zeromq", SERVER),
    home("jupyter-zmq-client", SERVER),
    home("jupyter-protocol", SERVER),
    home("pyo3", &["kernwerk-python"]),
    // The program calls evcxr's hook first thing in main.
    home("evcxr", &["kernwerk-cell", "kernwerk-cli"]),
    home("lance", STORE),
    home("lance-index", STORE),
    home("rusqlite", STORE),
    home("candle-core", MODELS),
    home("candle-nn", MODELS),
    home("candle-transformers", MODELS),
    home("tokenizers", MODELS),
    home("anyhow", &["kernwerk-cli"]),
];

/// Crates that do no I/O and have no runtime.
const QUIET: &[&str] = &["kernwerk-core", "kernwerk-lang", "kernwerk-render", "kernwerk-wire", "kernwerk-tidy"];
const LOUD_LIBRARIES: &[&str] = &["tokio", "futures", "async-trait", "tempfile", "libc"];

/// Libraries outside of their home.
pub fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests {
        let name = manifest.name.as_str();
        for library in &manifest.dependencies {
            if let Some(home) = HOMES.iter().find(|home| home.library == library)
                && !home.crates.contains(&name)
            {
                findings.push(Finding::new(
                    name,
                    format!("may not use {library}, which is at home in {}", home.crates.join(", ")),
                ));
            }
            if QUIET.contains(&name) && LOUD_LIBRARIES.contains(&library.as_str()) {
                findings
                    .push(Finding::new(name, format!("does no I/O and has no runtime, so it may not use {library}")));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(name: &str, library: &str) -> Vec<String> {
        let text = format!("[package]\nname = \"{name}\"\n[dependencies]\n{library} = \"1\"");
        let manifest = Manifest::parse("x", &text).unwrap().unwrap();
        check(&[manifest]).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_library_at_home_passes() {
        assert!(faults("kernwerk-server", "zeromq").is_empty());
        assert!(faults("kernwerk-python", "pyo3").is_empty());
        assert!(faults("kernwerk-rag", "tokio").is_empty());
    }

    #[test]
    fn a_library_abroad_is_found() {
        assert_eq!(
            faults("kernwerk-cell", "zeromq"),
            ["kernwerk-cell: may not use zeromq, which is at home in kernwerk-server"]
        );
        assert_eq!(faults("kernwerk-server", "pyo3").len(), 1);
        assert_eq!(faults("kernwerk-feature", "lance").len(), 1);
    }

    #[test]
    fn a_runtime_in_core_is_found() {
        assert_eq!(
            faults("kernwerk-core", "tokio"),
            ["kernwerk-core: does no I/O and has no runtime, so it may not use tokio"]
        );
    }
}
