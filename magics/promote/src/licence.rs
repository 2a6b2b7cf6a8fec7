//! What crates say of their licences: it stands in their own manifests, where cargo has unpacked them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// No manifest is larger.
const LARGEST: u64 = 4 << 20;

/// Where cargo keeps the sources of crates.
#[derive(Clone, Debug, Default)]
pub struct CrateSources {
    /// One for each registry; each holds directories called `NAME-VERSION`.
    registries: Vec<PathBuf>,
}

/// What a crate says of its licence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Licence {
    /// An SPDX expression, as a rule.
    Is(String),
    /// The crate is here and does not say.
    Unknown,
    /// The crate is not here.
    NotHere,
}

#[derive(Deserialize)]
struct Manifest {
    package: Package,
}

#[derive(Deserialize)]
struct Package {
    license: Option<String>,
}

impl CrateSources {
    /// Those in the cargo home, `~/.cargo` as a rule.
    pub fn of(cargo_home: &Path) -> Self {
        let entries = std::fs::read_dir(cargo_home.join("registry").join("src")).into_iter().flatten().flatten();
        Self { registries: entries.map(|entry| entry.path()).collect() }
    }

    /// The licence of a crate. A name that could lead elsewhere is none of a crate.
    pub(crate) fn licence(&self, name: &str, version: &str) -> Licence {
        let is_plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
        };
        if !is_plain(name) || !is_plain(version) {
            return Licence::NotHere;
        }
        let mut manifests =
            self.registries.iter().map(|registry| registry.join(format!("{name}-{version}")).join("Cargo.toml"));
        let is_manifest =
            |path: &PathBuf| path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST);
        let Some(manifest) = manifests.find(is_manifest) else { return Licence::NotHere };
        let text = std::fs::read_to_string(manifest).unwrap_or_default();
        let said = toml::from_str::<Manifest>(&text).ok().and_then(|manifest| manifest.package.license);
        said.map_or(Licence::Unknown, Licence::Is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_have_no_licence() {
        let home = tempfile::tempdir().expect("a directory");
        let crates = home.path().join("registry/src/index");
        for (directory, licence) in [("x-1.0.0", "license = \"MIT\""), ("mute-1.0.0", "")] {
            std::fs::create_dir_all(crates.join(directory)).expect("a directory");
            std::fs::write(crates.join(directory).join("Cargo.toml"), format!("[package]\nname = \"x\"\n{licence}\n"))
                .expect("a file");
        }
        let sources = CrateSources::of(home.path());
        assert_eq!(sources.licence("x", "1.0.0"), Licence::Is("MIT".to_owned()));
        assert_eq!(sources.licence("mute", "1.0.0"), Licence::Unknown);
        for (name, version) in
            [("y", "1.0.0"), ("../index/x", "1.0.0"), ("x", "../1"), ("", "1"), ("..", "1"), ("x/y", "1")]
        {
            assert_eq!(sources.licence(name, version), Licence::NotHere, "{name} {version}");
        }
    }
}
