//! Applies the house rules to this repository.

use std::collections::BTreeSet;

use kernwerk_tidy::manifest::Manifest;
use kernwerk_tidy::tree::{self, File};
use kernwerk_tidy::{Finding, documents, entries, homes, layers, notebooks, sources};

fn assert_tidy(findings: Vec<Finding>) {
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(lines.is_empty(), "{} breaches:\n{}", lines.len(), lines.join("\n"));
}

fn manifests() -> Vec<Manifest> {
    let manifests: Vec<Manifest> = tree::files()
        .iter()
        .filter_map(|file| {
            let directory = file.path.strip_suffix("/Cargo.toml")?;
            let text = file.text.as_deref().expect("manifests are UTF-8");
            Manifest::parse(directory, text).expect("manifests are TOML")
        })
        .collect();
    assert!(manifests.len() > 10, "only {} crates were found", manifests.len());
    manifests
}

fn text_of<'a>(files: &'a [File], path: &str) -> &'a str {
    files
        .iter()
        .find(|file| file.path == path)
        .and_then(|file| file.text.as_deref())
        .unwrap_or_else(|| panic!("{path} is missing"))
}

#[test]
fn crates_know_only_what_their_layer_may() {
    assert_tidy(layers::check(&manifests()));
}

#[test]
fn the_table_of_layers_names_no_crate_that_is_gone() {
    let manifests = manifests();
    let gone = layers::LAYERS
        .iter()
        .filter(|layer| !manifests.iter().any(|manifest| manifest.name == layer.name))
        .map(|layer| Finding::new(layer.name, "is in the table of layers and nowhere else"));
    assert_tidy(gone.collect());
}

#[test]
fn libraries_stay_at_home() {
    assert_tidy(homes::check(&manifests()));
}

#[test]
fn crates_take_the_lints_of_the_workspace() {
    let alone = manifests()
        .into_iter()
        // What cells import is compiled outside of the workspace.
        .filter(|manifest| !manifest.inherits_lints && !manifest.directory.starts_with("kernel/prelude"))
        .map(|manifest| Finding::new(manifest.directory, "does not take the workspace's lints"));
    assert_tidy(alone.collect());
}

#[test]
fn the_top_of_the_repository_holds_only_what_belongs_there() {
    assert_tidy(entries::check(tree::files().iter().map(|file| file.path.as_str())));
}

#[test]
fn source_files_are_tidy() {
    let mut own_paths = vec![tree::root().display().to_string()];
    own_paths.extend(std::env::var("HOME").ok().filter(|home| home.len() > 1));
    assert_tidy(tree::files().iter().flat_map(|file| sources::check(file, &own_paths)).collect());
}

#[test]
fn notebooks_are_stored_without_traces_of_a_run() {
    let files = tree::files();
    // One that a test replays needs what its cells showed.
    let stored = files.iter().filter(|file| file.has_extension("ipynb") && !file.path.contains("/tests/"));
    assert_tidy(
        stored.flat_map(|file| notebooks::check(&file.path, file.text.as_deref().unwrap_or_default())).collect(),
    );
}

#[test]
fn every_crate_is_on_the_map() {
    let files = tree::files();
    let map = text_of(&files, "docs/architecture.md");
    let manifests = manifests();
    assert_tidy(documents::crates_on_the_map(map, manifests.iter().map(|manifest| manifest.directory.as_str())));
}

#[test]
fn every_verb_is_on_the_reference_page() {
    let files = tree::files();
    let page = text_of(&files, "docs/magics.md");
    assert_tidy(documents::verbs_on_the_page(page, files.iter().map(|file| file.path.as_str())));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let files = tree::files();
    let paths: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let documents = files.iter().filter(|file| file.has_extension("md"));
    assert_tidy(
        documents
            .flat_map(|file| documents::dead_links(&file.path, file.text.as_deref().unwrap_or_default(), &paths))
            .collect(),
    );
}
