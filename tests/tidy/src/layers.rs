//! The table of layers: which of our crates may know which. `docs/architecture.md` explains it.

use crate::Finding;
use crate::manifest::Manifest;

/// A crate, and the crates of ours that it may be built from.
pub struct Layer {
    pub name: &'static str,
    pub may_know: &'static [&'static str],
}

const fn layer(name: &'static str, may_know: &'static [&'static str]) -> Layer {
    Layer { name, may_know }
}

/// From the bottom up: a crate may know only what stands above it in this list, and of that only what is named.
pub const LAYERS: &[Layer] = &[
    layer("kernwerk-core", &[]),
    layer("kernwerk-wire", &[]),
    layer("kernwerk-prelude", &["kernwerk-wire"]),
    layer("kernwerk-prelude-plotters", &["kernwerk-wire", "kernwerk-prelude"]),
    layer("kernwerk-prelude-polars", &["kernwerk-wire", "kernwerk-prelude-plotters"]),
    layer("kernwerk-lang", &["kernwerk-core"]),
    layer("kernwerk-digest", &[]),
    layer("kernwerk-detect", &[]),
    layer("kernwerk-cassette", &["kernwerk-detect"]),
    layer("kernwerk-store", &["kernwerk-core", "kernwerk-digest"]),
    layer("kernwerk-models", &["kernwerk-core"]),
    layer("kernwerk-render", &["kernwerk-core"]),
    layer("kernwerk-feature", CAPABILITY),
    layer("kernwerk-index", &["kernwerk-core"]),
    layer("kernwerk-rag", &["kernwerk-core", "kernwerk-store", "kernwerk-index"]),
    layer("kernwerk-eval", CAPABILITY),
    layer("kernwerk-promote", &["kernwerk-core", "kernwerk-store", "kernwerk-detect"]),
    layer("kernwerk-cost", CAPABILITY),
    layer(
        "kernwerk-session",
        &[
            "kernwerk-cassette",
            "kernwerk-core",
            "kernwerk-lang",
            "kernwerk-store",
            "kernwerk-models",
            "kernwerk-render",
            "kernwerk-feature",
            "kernwerk-rag",
            "kernwerk-eval",
            "kernwerk-promote",
            "kernwerk-cost",
        ],
    ),
    layer("kernwerk-python", &["kernwerk-core", "kernwerk-lang", "kernwerk-render", "kernwerk-session"]),
    layer("kernwerk-cell", &["kernwerk-core", "kernwerk-wire"]),
    layer(
        "kernwerk-server",
        &["kernwerk-core", "kernwerk-wire", "kernwerk-lang", "kernwerk-render", "kernwerk-session", "kernwerk-cell"],
    ),
    layer(
        "kernwerk-cli",
        &["kernwerk-core", "kernwerk-lang", "kernwerk-render", "kernwerk-session", "kernwerk-cell", "kernwerk-server"],
    ),
    layer("kernwerk-tidy", &[]),
];

/// What a capability may know: never another capability.
const CAPABILITY: &[&str] = &["kernwerk-core", "kernwerk-store"];

/// What tests may use beside their crate's own layer: real models in place of test doubles.
const TESTS_MAY_KNOW: &[&str] = &["kernwerk-core", "kernwerk-store", "kernwerk-models"];

/// Arrows between crates that the table does not allow.
pub fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in manifests {
        let Some(layer) = LAYERS.iter().find(|layer| layer.name == manifest.name) else {
            findings.push(Finding::new(&manifest.name, "stands in no layer of the table"));
            continue;
        };
        for ours in manifest.dependencies.iter().filter(|name| is_ours(name)) {
            if !layer.may_know.contains(&ours.as_str()) {
                findings.push(Finding::new(&manifest.name, format!("may not know {ours}")));
            }
        }
        for ours in manifest.dev_dependencies.iter().filter(|name| is_ours(name)) {
            let name = ours.as_str();
            if !layer.may_know.contains(&name) && !TESTS_MAY_KNOW.contains(&name) {
                findings.push(Finding::new(&manifest.name, format!("may not know {ours}, not even in tests")));
            }
        }
    }
    findings
}

fn is_ours(name: &str) -> bool {
    name.starts_with("kernwerk-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, sections: &str) -> Manifest {
        let text = format!("[package]\nname = \"{name}\"\n{sections}");
        Manifest::parse("x", &text).unwrap().unwrap()
    }

    fn faults(name: &str, sections: &str) -> Vec<String> {
        check(&[manifest(name, sections)]).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn the_table_points_one_way() {
        for (index, layer) in LAYERS.iter().enumerate() {
            for known in layer.may_know {
                let place = LAYERS.iter().position(|other| other.name == *known);
                assert!(place.is_some_and(|place| place < index), "{} knows {known}", layer.name);
            }
        }
    }

    #[test]
    fn allowed_arrows_pass() {
        assert!(faults("kernwerk-rag", "[dependencies]\nkernwerk-store = \"1\"\narrow = \"58\"").is_empty());
        assert!(faults("kernwerk-rag", "[dev-dependencies]\nkernwerk-models = \"1\"").is_empty());
    }

    #[test]
    fn a_capability_that_knows_another_is_found() {
        assert_eq!(
            faults("kernwerk-rag", "[dependencies]\nkernwerk-feature = \"1\""),
            ["kernwerk-rag: may not know kernwerk-feature"]
        );
        assert_eq!(
            faults("kernwerk-rag", "[dev-dependencies]\nkernwerk-feature = \"1\""),
            ["kernwerk-rag: may not know kernwerk-feature, not even in tests"]
        );
    }

    #[test]
    fn an_arrow_for_one_target_or_under_another_name_is_found() {
        let sections =
            "[target.'cfg(unix)'.dependencies]\nengine = { package = \"kernwerk-session\", version = \"1\" }";
        assert_eq!(faults("kernwerk-cell", sections), ["kernwerk-cell: may not know kernwerk-session"]);
    }

    #[test]
    fn wire_and_prelude_know_nothing_above_them() {
        assert_eq!(faults("kernwerk-wire", "[dependencies]\nkernwerk-core = \"1\"").len(), 1);
        assert_eq!(faults("kernwerk-prelude", "[dependencies]\nkernwerk-core = \"1\"").len(), 1);
    }

    #[test]
    fn a_crate_outside_the_table_is_found() {
        assert_eq!(faults("kernwerk-extra", ""), ["kernwerk-extra: stands in no layer of the table"]);
    }
}
