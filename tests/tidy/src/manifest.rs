//! What a crate's `Cargo.toml` says, as far as the rules ask.

use std::collections::BTreeSet;

use toml::{Table, Value};

/// A crate's manifest.
pub struct Manifest {
    /// The crate's directory, relative to the repository's root.
    pub directory: String,
    pub name: String,
    /// What it is built from: dependencies and build dependencies, for any target.
    pub dependencies: BTreeSet<String>,
    /// What only its tests use.
    pub dev_dependencies: BTreeSet<String>,
    /// Whether it takes the workspace's lints.
    pub inherits_lints: bool,
}

impl Manifest {
    /// Reads a manifest that describes a package; nothing for a workspace's root.
    pub fn parse(directory: &str, text: &str) -> Result<Option<Self>, toml::de::Error> {
        let whole: Table = text.parse()?;
        let Some(name) = string_at(&whole, &["package", "name"]) else {
            return Ok(None);
        };
        let mut dependencies = names_in(&whole, "dependencies");
        dependencies.extend(names_in(&whole, "build-dependencies"));
        let mut dev_dependencies = names_in(&whole, "dev-dependencies");
        let targets = whole.get("target").and_then(Value::as_table);
        for target in targets.into_iter().flat_map(Table::values).filter_map(Value::as_table) {
            dependencies.extend(names_in(target, "dependencies"));
            dependencies.extend(names_in(target, "build-dependencies"));
            dev_dependencies.extend(names_in(target, "dev-dependencies"));
        }
        let lints = whole.get("lints").and_then(Value::as_table);
        Ok(Some(Self {
            directory: directory.to_owned(),
            name: name.to_owned(),
            dependencies,
            dev_dependencies,
            inherits_lints: lints.and_then(|lints| lints.get("workspace")).and_then(Value::as_bool).unwrap_or(false),
        }))
    }
}

fn string_at<'a>(table: &'a Table, path: &[&str; 2]) -> Option<&'a str> {
    table.get(path[0])?.get(path[1])?.as_str()
}

/// The packages under a table of dependencies; `package = "…"` tells the real name of a renamed one.
fn names_in(table: &Table, section: &str) -> BTreeSet<String> {
    let section = table.get(section).and_then(Value::as_table);
    section
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            let renamed = value.get("package").and_then(Value::as_str);
            renamed.unwrap_or(key).to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_dependency_is_seen() {
        let text = r#"
            [package]
            name = "kernwerk-x"
            [lints]
            workspace = true
            [dependencies]
            a.workspace = true
            hidden = { package = "b", version = "1" }
            [build-dependencies]
            c = "1"
            [dev-dependencies]
            d = "1"
            [target.'cfg(unix)'.dependencies]
            e = "1"
        "#;
        let manifest = Manifest::parse("magics/x", text).unwrap().unwrap();
        assert_eq!(manifest.dependencies, ["a", "b", "c", "e"].map(String::from).into());
        assert_eq!(manifest.dev_dependencies, ["d"].map(String::from).into());
        assert!(manifest.inherits_lints);
    }

    #[test]
    fn a_workspace_root_is_no_crate() {
        assert!(Manifest::parse("", "[workspace]\nmembers = []").unwrap().is_none());
    }
}
