//! What the cells are built from: the crates of `:dep` lines with all that these need, and the packages of Python.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use super::Subject;

/// Where a package comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Registry {
    Crates,
    Python,
}

impl Registry {
    /// As advisories call it (OSV).
    pub fn ecosystem(self) -> &'static str {
        match self {
            // A word of the format, and not an address.
            Self::Crates => concat!("crates", ".io"),
            Self::Python => "PyPI",
        }
    }

    pub fn noun(self) -> &'static str {
        match self {
            Self::Crates => "crate",
            Self::Python => "package",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dependency {
    pub registry: Registry,
    /// It is there because others need it; those that cells name themselves come first.
    pub is_indirect: bool,
    pub name: String,
    pub version: String,
}

impl std::fmt::Display for Dependency {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} `{}` {}", self.registry.noun(), self.name, self.version)
    }
}

/// What the cells depend on, and in words what of it could not be told.
#[derive(Default)]
pub(super) struct Dependencies {
    pub known: BTreeSet<Dependency>,
    pub unknown: Vec<String>,
}

impl Dependencies {
    pub fn of(subject: &Subject<'_>) -> Self {
        let mut dependencies = Self::default();
        match &subject.pipeline.python {
            Some(python) => {
                let packages = python.packages.iter().map(|(name, version)| Dependency {
                    registry: Registry::Python,
                    name: name.clone(),
                    version: version.clone(),
                    is_indirect: false,
                });
                dependencies.known.extend(packages);
            }
            None => dependencies.add_crates(subject),
        }
        dependencies
    }

    fn add_crates(&mut self, subject: &Subject<'_>) {
        let steps = subject.pipeline.steps.iter();
        let cells = steps.filter_map(|step| std::str::from_utf8(subject.files.get(&step.file)?).ok());
        let wanted: BTreeSet<Wanted> = cells.flat_map(str::lines).filter_map(wanted).collect();
        if wanted.is_empty() {
            return;
        }
        let lock = subject.spec.lock.as_ref().and_then(|find| find());
        let Some(lock) = lock.and_then(|lock| toml::from_str::<Lock>(&lock).ok()) else {
            self.unknown.push("which versions of crates cells are built with is not known here".to_owned());
            return;
        };
        for crate_ in wanted {
            let Wanted { name, requirement, elsewhere } = crate_;
            if elsewhere {
                self.unknown.push(format!("crate `{name}` comes from a path or a repository"));
                continue;
            }
            let fits =
                |version: &semver::Version| requirement.as_ref().is_none_or(|requirement| requirement.matches(version));
            let found = lock.packages(&name).filter(|package| package.parsed().is_some_and(|version| fits(&version)));
            match found.max_by_key(|package| package.parsed()) {
                Some(package) => self.add_closure(&lock, package),
                None => self.unknown.push(format!("crate `{name}` was never built for cells here")),
            }
        }
    }

    /// A package with all that it is built from.
    fn add_closure(&mut self, lock: &Lock, package: &Package) {
        let crate_ = |package: &Package, is_indirect| Dependency {
            registry: Registry::Crates,
            name: package.name.clone(),
            version: package.version.clone(),
            is_indirect,
        };
        self.known.remove(&crate_(package, true));
        self.known.insert(crate_(package, false));
        let mut left = vec![package];
        let mut seen = BTreeSet::from([(package.name.clone(), package.version.clone())]);
        while let Some(package) = left.pop() {
            for needed in package.dependencies.iter().flat_map(|dependency| lock.resolve(dependency)) {
                if seen.insert((needed.name.clone(), needed.version.clone())) {
                    left.push(needed);
                    if !self.known.contains(&crate_(needed, false)) {
                        self.known.insert(crate_(needed, true));
                    }
                }
            }
        }
    }

    /// How many of each, in words.
    pub fn counted(&self) -> String {
        let count = |registry| self.known.iter().filter(|dependency| dependency.registry == registry).count();
        let counts = [Registry::Crates, Registry::Python].map(|registry| (registry, count(registry)));
        let words: Vec<String> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(registry, count)| super::report::counted(count, registry.noun()))
            .collect();
        if words.is_empty() { "no crates and no packages".to_owned() } else { words.join(", ") }
    }
}

/// A crate that a `:dep` line asks for.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    name: String,
    requirement: Option<Requirement>,
    /// It is not from the registry.
    elsewhere: bool,
}

/// A requirement in an order of its own, so that sets hold it.
#[derive(Debug, PartialEq, Eq)]
struct Requirement(semver::VersionReq);

impl Requirement {
    fn matches(&self, version: &semver::Version) -> bool {
        self.0.matches(version)
    }
}

impl PartialOrd for Requirement {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Requirement {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.to_string().cmp(&other.0.to_string())
    }
}

/// Reads a `:dep` line, as evcxr does: a name, or a name with what stands behind it in `Cargo.toml`.
fn wanted(line: &str) -> Option<Wanted> {
    let rest = line.trim().strip_prefix(":dep")?.strip_prefix(char::is_whitespace)?;
    let (name, specification) = rest.split_once('=').map_or((rest, None), |(name, behind)| (name, Some(behind)));
    let name = name.trim().to_owned();
    if specification.is_none() && name.contains(['/', '.']) {
        return Some(Wanted { name, requirement: None, elsewhere: true });
    }
    let value: Option<toml::Value> =
        specification.and_then(|behind| format!("it = {behind}").parse::<toml::Table>().ok()?.remove("it"));
    let field = |field: &str| value.as_ref()?.get(field)?.as_str().map(str::to_owned);
    let version = value.as_ref().and_then(toml::Value::as_str).map(str::to_owned).or_else(|| field("version"));
    Some(Wanted {
        name: field("package").unwrap_or(name),
        requirement: version.and_then(|version| semver::VersionReq::parse(&version).ok()).map(Requirement),
        elsewhere: field("path").is_some() || field("git").is_some(),
    })
}

/// A `Cargo.lock`.
#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Package {
    fn parsed(&self) -> Option<semver::Version> {
        semver::Version::parse(&self.version).ok()
    }
}

impl Lock {
    /// The versions of a crate; `-` and `_` are the same to cells.
    fn packages(&self, name: &str) -> impl Iterator<Item = &Package> {
        let plain = |name: &str| name.replace('_', "-");
        let wanted = plain(name);
        self.package.iter().filter(move |package| plain(&package.name) == wanted)
    }

    /// What a line of `dependencies` names. Where it does not say which version, or that was replaced by a compatible one, all that
    /// it may be are meant: better one too many than one too few.
    fn resolve(&self, dependency: &str) -> Vec<&Package> {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        let all: Vec<&Package> = self.package.iter().filter(|package| package.name == name).collect();
        let Some(version) = version else { return all };
        match all.iter().find(|package| package.version == version) {
            Some(package) => vec![package],
            None => {
                let compatible = semver::VersionReq::parse(&format!("^{version}")).ok();
                let fits = |package: &&Package| {
                    let version = package.parsed();
                    version.zip(compatible.as_ref()).is_some_and(|(version, compatible)| compatible.matches(&version))
                };
                let fitting: Vec<&Package> = all.iter().copied().filter(fits).collect();
                if fitting.is_empty() { all } else { fitting }
            }
        }
    }
}

/// The directories that hold the sources of crates, by `NAME-VERSION`.
pub(super) fn sources(subject: &Subject<'_>) -> Vec<PathBuf> {
    let root = subject.spec.cargo_home.as_ref().map(|home| home.join("registry").join("src"));
    let entries = root.and_then(|root| std::fs::read_dir(root).ok()).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n\
        [[package]]\nname = \"a\"\nversion = \"1.2.0\"\nsource = \"r\"\ndependencies = [\"b 0.2.1\", \"c\"]\n\n\
        [[package]]\nname = \"a\"\nversion = \"2.0.0\"\nsource = \"r\"\n\n\
        [[package]]\nname = \"b\"\nversion = \"0.1.9\"\nsource = \"r\"\n\n\
        [[package]]\nname = \"b\"\nversion = \"0.2.4\"\nsource = \"r\"\ndependencies = [\"a 1.2.0\"]\n\n\
        [[package]]\nname = \"c\"\nversion = \"3.0.0\"\nsource = \"r\"\n";

    #[test]
    fn lines_are_read_as_cargo_reads_them() {
        let read = |line: &str| {
            wanted(line).map(|wanted| {
                (wanted.name, wanted.requirement.map(|requirement| requirement.0.to_string()), wanted.elsewhere)
            })
        };
        assert_eq!(read(":dep rand"), Some(("rand".to_owned(), None, false)));
        assert_eq!(read(" :dep rand = \"0.9\""), Some(("rand".to_owned(), Some("^0.9".to_owned()), false)));
        assert_eq!(
            read(":dep r = { package = \"rand\", version = \"=0.9.1\", features = [\"std\"] }"),
            Some(("rand".to_owned(), Some("=0.9.1".to_owned()), false))
        );
        assert_eq!(read(":dep mine = { path = \"lib\" }"), Some(("mine".to_owned(), None, true)));
        assert_eq!(read(":dep ./lib"), Some(("./lib".to_owned(), None, true)));
        assert_eq!((read(":depend"), read("let a = 1;"), read("// :dep x")), (None, None, None));
    }

    #[test]
    fn a_crate_comes_with_what_it_needs() {
        let lock: Lock = toml::from_str(LOCK).expect("a lock file");
        let mut dependencies = Dependencies::default();
        dependencies.add_closure(&lock, &lock.package[0]);
        let known: Vec<(String, bool)> = dependencies
            .known
            .iter()
            .map(|known| (format!("{} {}", known.name, known.version), known.is_indirect))
            .collect();
        let expected = [("a 1.2.0", false), ("b 0.2.4", true), ("c 3.0.0", true)];
        assert_eq!(known, expected.map(|(name, is_indirect)| (name.to_owned(), is_indirect)));
    }
}
