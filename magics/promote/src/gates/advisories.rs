//! Known vulnerabilities of what the cells are built from: advisories in the OSV format (`https://ossf.github.io/osv-schema/`), from files.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kernwerk_store::GateRules;
use serde::Deserialize;
use serde_json::Value;

use super::dependencies::{Dependencies, Dependency, Registry};
use super::report::{Demand, Finding, Judged};
use super::{Gate, Subject};
use crate::Error;
use crate::files::read_file;

pub(super) struct Advisories;

/// What RustSec says of a crate that is no vulnerability: it is told.
const NO_VULNERABILITIES: [&str; 2] = ["unmaintained", "notice"];

impl Gate for Advisories {
    fn name(&self) -> &'static str {
        "advisories"
    }

    fn demand(&self, rules: &GateRules) -> Demand {
        if rules.advisories.is_some() { Demand::Require } else { Demand::Warn }
    }

    fn remedy(&self) -> &'static str {
        "take a version in which it is fixed and run the cells again"
    }

    fn judge(&self, subject: &Subject<'_>) -> Result<Judged, Error> {
        let dependencies = Dependencies::of(subject);
        if dependencies.known.is_empty() && dependencies.unknown.is_empty() {
            return Ok(Judged::pass(dependencies.counted()));
        }
        let Some(place) = &subject.rules().advisories else {
            let reason = "no advisories are given: `advisories = \"FILE\"` below [promote.gates] names a file or directory in the OSV format";
            return Ok(Judged::unmeasured(dependencies.counted(), reason));
        };
        let path = subject.lab.root().join(place);
        let files = match files(&path) {
            Ok(files) => files,
            Err(reason) => return Ok(Judged::unmeasured(dependencies.counted(), &reason)),
        };
        let (mut findings, mut unknown, mut told, mut count) =
            (Vec::new(), dependencies.unknown.clone(), Vec::new(), 0);
        for file in files {
            subject.work.check()?;
            let advisories = match read(&file) {
                Ok(advisories) => advisories,
                Err(reason) => {
                    unknown.push(reason);
                    continue;
                }
            };
            count += advisories.len();
            for advisory in advisories.iter().filter(|advisory| advisory.withdrawn.is_none()) {
                for dependency in &dependencies.known {
                    match advisory.says(dependency) {
                        Says::Nothing => {}
                        Says::Unclear => unknown.push(format!("{} is not clear about {dependency}", advisory.id)),
                        Says::Told(word) => told.push(format!("{dependency} is {word} ({})", advisory.id)),
                        Says::Affected(fixed) => findings.push(Finding {
                            place: dependency.to_string(),
                            what: format!("{}: {}; {fixed}", advisory.id, advisory.words()),
                            fingerprint: None,
                        }),
                    }
                }
            }
        }
        if count == 0 && unknown.is_empty() {
            unknown.push(format!("{} holds no advisory", path.display()));
        }
        let looked_at = format!("{} against {count} advisories", dependencies.counted());
        Ok(Judged::by_findings(looked_at, findings).with_unknown(unknown).with_reasons(told))
    }
}

/// The JSON files that a path stands for, in their order.
fn files(path: &Path) -> Result<Vec<PathBuf>, String> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.is_dir() {
        return Err(format!("there are no advisories at {}", path.display()));
    }
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        let entry = entry.map_err(|error| error.to_string())?;
        if entry.file_type().is_file() && entry.path().extension().is_some_and(|extension| extension == "json") {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// Reads one advisory, or a list of them.
fn read(file: &Path) -> Result<Vec<Advisory>, String> {
    let named = |error: &dyn std::fmt::Display| format!("{} cannot be read: {error}", file.display());
    let bytes = read_file(file).map_err(|error| named(&error))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| named(&error))?;
    let list = match value {
        Value::Array(list) => list,
        one => vec![one],
    };
    list.into_iter().map(|one| serde_json::from_value(one).map_err(|error| named(&error))).collect()
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    summary: Option<String>,
    details: Option<String>,
    /// When it was taken back.
    withdrawn: Option<String>,
    #[serde(default)]
    affected: Vec<Affected>,
}

#[derive(Deserialize)]
struct Affected {
    package: Option<Package>,
    #[serde(default)]
    ranges: Vec<Range>,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
}

#[derive(Deserialize)]
struct Range {
    r#type: String,
    #[serde(default)]
    events: Vec<Event>,
}

/// One of the fields is set.
#[derive(Deserialize)]
struct Event {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

/// What an advisory says of a package.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    Nothing,
    /// In words, where it is fixed.
    Affected(String),
    /// Something that is no vulnerability.
    Told(String),
    /// A version cannot be read.
    Unclear,
}

impl Advisory {
    fn words(&self) -> &str {
        let details = self.details.as_deref().and_then(|details| details.lines().find(|line| !line.trim().is_empty()));
        self.summary.as_deref().or(details).unwrap_or("no summary").trim().trim_start_matches("# ")
    }

    fn says(&self, dependency: &Dependency) -> Says {
        let affected = self.affected.iter().filter(|affected| affected.is_about(dependency));
        let mut says = Says::Nothing;
        for affected in affected {
            let version = match Version::read(dependency.registry, &dependency.version) {
                Some(version) => version,
                None => return Says::Unclear,
            };
            match affected.holds(&version, &dependency.version) {
                None => says = Says::Unclear,
                Some(false) => {}
                Some(true) => {
                    let kind = affected.database_specific["informational"].as_str();
                    return match kind.filter(|kind| NO_VULNERABILITIES.contains(kind)) {
                        Some(kind) => Says::Told(kind.to_owned()),
                        None => Says::Affected(affected.fixed(&version)),
                    };
                }
            }
        }
        says
    }
}

impl Affected {
    fn is_about(&self, dependency: &Dependency) -> bool {
        let Some(package) = &self.package else { return false };
        let ecosystem = package.ecosystem.split(':').next().unwrap_or_default();
        ecosystem == dependency.registry.ecosystem()
            && normal(dependency.registry, &package.name) == normal(dependency.registry, &dependency.name)
    }

    /// Whether the version is one of the affected ones, by the schema's algorithm; none where that cannot be told.
    fn holds(&self, version: &Version, text: &str) -> Option<bool> {
        let is_listed = self
            .versions
            .iter()
            .any(|listed| listed == text || Version::read(version.registry(), listed).as_ref() == Some(version));
        if is_listed {
            return Some(true);
        }
        let mut is_clear = true;
        for range in self.ranges.iter().filter(|range| range.r#type != "GIT") {
            match range.holds(version) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => is_clear = false,
            }
        }
        is_clear.then_some(false)
    }

    /// The next version in which it is fixed, in words.
    fn fixed(&self, version: &Version) -> String {
        let events = self.ranges.iter().filter(|range| range.r#type != "GIT").flat_map(|range| &range.events);
        let fixed = events.filter_map(|event| event.fixed.as_deref());
        let later = fixed.filter_map(|text| Some((Version::read(version.registry(), text)?, text)));
        let next = later.filter(|(fixed, _)| fixed > version).min_by(|one, other| one.0.cmp(&other.0));
        next.map_or("no fixed version is known".to_owned(), |(_, text)| format!("fixed in {text}"))
    }
}

impl Range {
    fn holds(&self, version: &Version) -> Option<bool> {
        let read = |text: &str| Version::bound(version.registry(), text);
        let mut events = Vec::new();
        for event in &self.events {
            // At the same version what begins comes before what ends.
            let (order, text) = match event {
                Event { introduced: Some(text), .. } => (0, text),
                Event { fixed: Some(text), .. } => (1, text),
                Event { last_affected: Some(text), .. } => (2, text),
                Event { limit: Some(text), .. } if text != "*" => (3, text),
                _ => continue,
            };
            events.push((read(text)?, order));
        }
        events.sort();
        let mut is_affected = false;
        for (bound, order) in events {
            let reached = bound.is_reached(version);
            match order {
                0 if reached => is_affected = true,
                1 | 3 if reached => is_affected = false,
                2 if reached && !bound.is(version) => is_affected = false,
                _ => {}
            }
        }
        Some(is_affected)
    }
}

/// A version in the order of its registry.
#[derive(Clone, Debug)]
enum Version {
    Crate(semver::Version),
    Python(pep440_rs::Version),
}

impl Version {
    fn read(registry: Registry, text: &str) -> Option<Self> {
        match registry {
            Registry::Crates => semver::Version::parse(text).ok().map(Self::Crate),
            Registry::Python => pep440_rs::Version::from_str(text).ok().map(Self::Python),
        }
    }

    /// Where a range begins or ends; `0` is before every version.
    fn bound(registry: Registry, text: &str) -> Option<Bound> {
        if text == "0" {
            return Some(Bound::Before);
        }
        Self::read(registry, text).map(Bound::At)
    }

    fn registry(&self) -> Registry {
        match self {
            Self::Crate(_) => Registry::Crates,
            Self::Python(_) => Registry::Python,
        }
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // What was built how is no part of the order.
            (Self::Crate(one), Self::Crate(other)) => one.cmp_precedence(other),
            (Self::Python(one), Self::Python(other)) => one.cmp(other),
            (one, other) => one.registry().cmp(&other.registry()),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bound {
    Before,
    At(Version),
}

impl Bound {
    fn is_reached(&self, version: &Version) -> bool {
        match self {
            Self::Before => true,
            Self::At(bound) => version >= bound,
        }
    }

    fn is(&self, version: &Version) -> bool {
        matches!(self, Self::At(bound) if bound == version)
    }
}

/// The form of a name of which a registry knows one.
fn normal(registry: Registry, name: &str) -> String {
    match registry {
        Registry::Crates => name.replace('_', "-"),
        Registry::Python => name.to_lowercase().replace(['_', '.'], "-"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn dependency(registry: Registry, name: &str, version: &str) -> Dependency {
        Dependency { registry, name: name.to_owned(), version: version.to_owned(), is_indirect: false }
    }

    fn advisory(ecosystem: &str, ranges: &Value) -> Advisory {
        let affected = json!([{ "package": { "ecosystem": ecosystem, "name": "some_thing" }, "ranges": ranges, "versions": ["9.9.9"] }]);
        serde_json::from_value(json!({ "id": "X-1", "summary": "it breaks", "affected": affected }))
            .expect("an advisory")
    }

    #[test]
    fn ranges_of_crates_follow_the_order_of_semver() {
        let ranges = json!([{ "type": "SEMVER", "events": [
            { "introduced": "0.0.0-0" }, { "fixed": "1.2.3" }, { "introduced": "2.0.0-rc.1" }, { "last_affected": "2.1.0" },
        ] }]);
        let advisory = advisory(Registry::Crates.ecosystem(), &ranges);
        let says = |version: &str| advisory.says(&dependency(Registry::Crates, "some-thing", version));
        for (version, fixed) in
            [("0.1.0", "fixed in 1.2.3"), ("1.2.3-alpha", "fixed in 1.2.3"), ("2.0.0", "no fixed version is known")]
        {
            assert_eq!(says(version), Says::Affected(fixed.to_owned()), "{version}");
        }
        assert_eq!(says("2.1.0+build.7"), Says::Affected("no fixed version is known".to_owned()));
        assert_eq!(says("9.9.9"), Says::Affected("no fixed version is known".to_owned()), "it is listed");
        for version in ["1.2.3", "1.10.0", "2.0.0-alpha", "2.1.1"] {
            assert_eq!(says(version), Says::Nothing, "{version}");
        }
        assert_eq!(says("not a version"), Says::Unclear);
        assert_eq!(
            advisory.says(&dependency(Registry::Python, "some-thing", "0.1.0")),
            Says::Nothing,
            "of another registry"
        );
        assert_eq!(advisory.says(&dependency(Registry::Crates, "something", "0.1.0")), Says::Nothing, "another crate");
    }

    #[test]
    fn ranges_of_python_follow_pep_440() {
        let ranges = json!([
            { "type": "GIT", "events": [{ "introduced": "0" }] },
            { "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "1.10" }] },
        ]);
        let advisory = advisory("PyPI", &ranges);
        let says = |version: &str| advisory.says(&dependency(Registry::Python, "Some.Thing", version));
        for version in ["1.9", "1.10rc1", "1.10.dev3", "0.1.post2"] {
            assert_eq!(says(version), Says::Affected("fixed in 1.10".to_owned()), "{version}");
        }
        for version in ["1.10", "1.10.0", "1.10.post1", "1!0.1", "2.0"] {
            assert_eq!(says(version), Says::Nothing, "{version}");
        }
    }

    #[test]
    fn what_is_no_vulnerability_is_told() {
        let advisory: Advisory = serde_json::from_value(json!({ "id": "RUSTSEC-1", "affected": [{
            "package": { "ecosystem": Registry::Crates.ecosystem(), "name": "old" },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0.0.0-0" }] }],
            "database_specific": { "informational": "unmaintained" },
        }] }))
        .expect("an advisory");
        assert_eq!(advisory.says(&dependency(Registry::Crates, "old", "1.0.0")), Says::Told("unmaintained".to_owned()));
    }
}
