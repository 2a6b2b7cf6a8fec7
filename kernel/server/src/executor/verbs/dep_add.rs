//! `%kernel dep add`: a crate for the cells that follow.

use kernwerk_core::{Output, Problem};
use kernwerk_lang::{Example, MagicLine};

use super::{Kernel, KernelVerb, Stop};

#[derive(clap::Args)]
pub(super) struct DepAdd {
    /// A crate of the registry, as NAME or NAME@VERSION
    #[arg(value_name = "CRATE", required = true)]
    crates: Vec<String>,
    /// Features of the crate to switch on, separated by commas
    #[arg(long, value_name = "FEATURES", value_delimiter = ',')]
    features: Vec<String>,
    /// Leave the crate's default features off
    #[arg(long)]
    no_default_features: bool,
}

impl KernelVerb for DepAdd {
    const NAME: &'static str = "dep add";
    const ABOUT: &'static str = "add crates to Rust cells; they are compiled now, and kept for all notebooks";
    const EXAMPLES: &'static [Example] = &[Example {
        about: "a crate with a feature",
        line: "%kernel dep add serde@1 --features derive",
        body: None,
        setup: &[],
    }];

    fn run(self, kernel: &Kernel<'_>) -> Result<Output, Stop> {
        if self.crates.len() > 1 && (!self.features.is_empty() || self.no_default_features) {
            let problem = Problem::new("BadArguments", "which of the crates are the features for?");
            return Err(problem.with_hint("add a crate with features on a line of its own").into());
        }
        let mut lines = Vec::new();
        for given in &self.crates {
            lines.push(self.command(given)?);
        }
        let lines = lines.join("\n");
        let code = (lines.as_str(), kernel.line);
        kernel.executor.run_code(kernel.session, code, kernel.running, kernel.recorder, kernel.cancel)?;
        let names: Vec<String> = self.crates.iter().map(|given| format!("`{}`", crate_name(given))).collect();
        Ok(Output::text(format!("cells may now use {}", names.join(", "))))
    }
}

impl DepAdd {
    /// The line that the cell host reads: `:dep serde = { version = "1", features = ["derive"] }`.
    fn command(&self, given: &str) -> Result<String, Problem> {
        let (name, version) = given.split_once('@').unwrap_or((given, "*"));
        let is_name = |name: &str| {
            name.starts_with(char::is_alphabetic) && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        };
        let is_feature = |c: char| c.is_alphanumeric() || "-_+./?:".contains(c);
        let is_version = |c: char| c.is_ascii_alphanumeric() || ".*^~=<>+-, ".contains(c);
        if !is_name(name) {
            let problem = Problem::new("BadArguments", format!("`{name}` cannot be the name of a crate"));
            return Err(
                problem.with_hint("write NAME or NAME@VERSION; a crate on this disk comes with `:dep ./directory`")
            );
        }
        if version.is_empty() || !version.chars().all(is_version) {
            let problem = Problem::new("BadArguments", format!("`{version}` cannot be the version of `{name}`"));
            return Err(problem.with_hint("a version is such as `1`, `0.9.2` or `=1.0.3`"));
        }
        if let Some(feature) =
            self.features.iter().find(|feature| feature.is_empty() || !feature.chars().all(is_feature))
        {
            return Err(Problem::new("BadArguments", format!("`{feature}` cannot be the name of a feature")));
        }
        if self.features.is_empty() && !self.no_default_features {
            // Without braces it may be one of the crates that come with the kernel, ready compiled.
            return Ok(format!(":dep {name} = \"{version}\""));
        }
        let features: Vec<String> = self.features.iter().map(|feature| format!("\"{feature}\"")).collect();
        let defaults = if self.no_default_features { ", default-features = false" } else { "" };
        Ok(format!(":dep {name} = {{ version = \"{version}\", features = [{}]{defaults} }}", features.join(", ")))
    }
}

/// The name under which Rust knows the crate of NAME@VERSION.
fn crate_name(given: &str) -> String {
    given.split('@').next().unwrap_or_default().replace('-', "_")
}

/// The Rust names that a line defines: those of the crates that it adds, and of what these bring along; none where it is a line of
/// another verb.
pub(super) fn defines(line: &MagicLine) -> Vec<String> {
    let [first, second, words @ ..] = line.words.as_slice() else { return Vec::new() };
    if first != "dep" || second != "add" {
        return Vec::new();
    }
    let crates = words.iter().take_while(|word| !word.starts_with('-'));
    let commands = crates.map(|given| format!(":dep {}\n", crate_name(given))).collect::<String>();
    kernwerk_cell::analyse(&commands).defines.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(given: &str, features: &[&str], no_default_features: bool) -> Result<String, Problem> {
        let features = features.iter().map(|feature| (*feature).to_owned()).collect();
        DepAdd { crates: Vec::new(), features, no_default_features }.command(given)
    }

    #[test]
    fn a_crate_becomes_a_line_of_the_cell_host() {
        assert_eq!(command("itoa", &[], false), Ok(":dep itoa = \"*\"".to_owned()));
        assert_eq!(command("rand@0.9", &[], false), Ok(":dep rand = \"0.9\"".to_owned()));
        assert_eq!(
            command("serde@1", &["derive", "rc"], true),
            Ok(":dep serde = { version = \"1\", features = [\"derive\", \"rc\"], default-features = false }"
                .to_owned())
        );
    }

    #[test]
    fn a_line_defines_its_crates() {
        let defined = |text: &str| match kernwerk_lang::split(text).expect("a line").as_slice() {
            [kernwerk_lang::Segment::Magic(line)] => defines(line),
            other => panic!("{other:?}"),
        };
        assert_eq!(defined("%kernel dep add serde-json@1 rand --no-default-features"), ["rand", "serde_json"]);
        assert_eq!(defined("%kernel dep add polars"), ["kernwerk", "plotters", "polars"]);
        assert!(defined("%kernel vars").is_empty() && defined("%kernel dep").is_empty());
    }

    #[test]
    fn what_is_no_crate_is_refused() {
        for (given, features) in
            [("", &[][..]), ("@1", &[]), ("./mine", &[]), ("a b", &[]), ("a@", &[]), ("a@1\"", &[]), ("a", &["b\"c"])]
        {
            assert_eq!(command(given, features, false).map_err(|problem| problem.name), Err("BadArguments".to_owned()));
        }
    }
}
