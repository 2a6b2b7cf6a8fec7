//! Where this machine has the sources of crates.

use std::path::PathBuf;

use kernwerk_promote::CrateSources;

/// The crates that cargo has unpacked here.
pub(crate) fn crate_sources() -> CrateSources {
    cargo_home().map(|home| CrateSources::of(&home)).unwrap_or_default()
}

/// Where cargo keeps what it fetches.
pub(crate) fn cargo_home() -> Option<PathBuf> {
    let named = std::env::var_os("CARGO_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(std::env::home_dir()?.join(".cargo")))
}
