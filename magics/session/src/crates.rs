//! What this machine knows of crates: the licences that stand in their own manifests, where cargo has unpacked them.

use std::path::PathBuf;

/// No manifest is larger.
const LARGEST: u64 = 4 << 20;

/// The licence of a crate, as an SPDX expression as a rule; none where cargo has not unpacked it here.
pub(crate) fn crate_license(name: &str, version: &str) -> Option<String> {
    let is_plain = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c))
            && !text.starts_with('.')
    };
    if !is_plain(name) || !is_plain(version) {
        return None;
    }
    let registries = std::fs::read_dir(cargo_home()?.join("registry").join("src")).ok()?;
    registries.flatten().find_map(|registry| {
        let manifest = registry.path().join(format!("{name}-{version}")).join("Cargo.toml");
        manifest.metadata().ok().filter(|metadata| metadata.is_file() && metadata.len() <= LARGEST)?;
        let manifest: toml::Table = std::fs::read_to_string(manifest).ok()?.parse().ok()?;
        Some(manifest.get("package")?.get("license")?.as_str()?.to_owned())
    })
}

fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_have_no_licence() {
        for (name, version) in [("../x", "1.0.0"), ("x", "../1"), ("", "1"), ("..", "1"), ("x/y", "1")] {
            assert_eq!(crate_license(name, version), None);
        }
    }
}
