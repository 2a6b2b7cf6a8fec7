//! Slices of Python: the environment that they are pinned to, and their form as a script.

use std::collections::{BTreeMap, BTreeSet};

use kernwerk_core::Environment;
use serde::{Deserialize, Serialize};

use crate::catalog::target;
use crate::pipeline::Pipeline;

/// The Python that the cells ran in, and the packages that they used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedPython {
    /// Such as `CPython`.
    pub implementation: String,
    /// Such as `3.11.2`.
    pub version: String,
    /// By their names, with their versions.
    pub packages: BTreeMap<String, String>,
}

impl PinnedPython {
    pub(crate) fn new(environment: Environment) -> Self {
        let Environment { implementation, version, packages, .. } = environment;
        Self { implementation, version, packages }
    }

    /// The packages that `now` lacks, in words.
    pub(crate) fn missing(&self, now: &Environment) -> Vec<String> {
        let missing = self.packages.iter().filter(|(name, _)| !now.packages.contains_key(*name));
        missing.map(|(name, version)| format!("package `{name}` {version}, which this Python does not have")).collect()
    }

    /// What has another version in `now`, in words.
    pub(crate) fn changed(&self, now: &Environment) -> Vec<String> {
        let then = format!("{} {}", self.implementation, self.version);
        let here = format!("{} {}", now.implementation, now.version);
        let python = (then != here).then(|| format!("Python is {here} here, published with {then}"));
        let packages = self.packages.iter().filter_map(|(name, version)| {
            let here = now.packages.get(name).filter(|here| *here != version)?;
            Some(format!("package `{name}` is {here} here, published with {version}"))
        });
        packages.chain(python).collect()
    }
}

/// The slice as a script for this Python with these packages (inline metadata, PEP 723). `code` is each cell as plain Python.
pub(crate) fn script(pipeline: &Pipeline, python: &PinnedPython, code: &[String]) -> String {
    let minor: Vec<&str> = python.version.split('.').take(2).collect();
    let kernwerk = format!("kernwerk[ipython]=={}", pipeline.made_with.kernwerk);
    let packages: BTreeSet<String> =
        python.packages.iter().map(|(name, version)| format!("{name}=={version}")).chain([kernwerk]).collect();
    let mut script = format!("# /// script\n# requires-python = \"=={}.*\"\n# dependencies = [\n", minor.join("."));
    for package in packages {
        script.push_str(&format!("#     {package:?},\n"));
    }
    script.push_str("# ]\n# ///\n");
    script.push_str(&format!(
        "\"\"\"{}: gives {}. The cells that were published, in their order; replay compares what they show.\"\"\"\n",
        pipeline.name,
        target(pipeline)
    ));
    if code.iter().any(|cell| cell.contains("get_ipython(")) {
        script.push_str("\nfrom kernwerk.script import get_ipython\n");
    }
    for (cell, step) in code.iter().zip(1..) {
        script.push_str(&format!("\n# %% {step}\n{}\n", cell.trim_end()));
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(version: &str, packages: &[(&str, &str)]) -> Environment {
        Environment {
            implementation: "CPython".to_owned(),
            version: version.to_owned(),
            packages: packages.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
            licences: BTreeMap::new(),
        }
    }

    #[test]
    fn what_is_missing_and_what_has_another_version_is_named() {
        let then = environment("3.11.2", &[("alpha", "1.0"), ("beta", "2.0"), ("gamma", "3.0")]);
        let pinned = PinnedPython::new(then.clone());
        assert_eq!((pinned.missing(&then), pinned.changed(&then)), (vec![], vec![]));
        let now = environment("3.12.0", &[("alpha", "1.0"), ("beta", "2.1"), ("delta", "1.0")]);
        assert_eq!(pinned.missing(&now), ["package `gamma` 3.0, which this Python does not have"]);
        let changed = pinned.changed(&now);
        assert_eq!(changed[0], "package `beta` is 2.1 here, published with 2.0");
        assert_eq!(changed[1], "Python is CPython 3.12.0 here, published with CPython 3.11.2");
    }
}
