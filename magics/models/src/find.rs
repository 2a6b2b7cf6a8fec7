//! Where an installed model lies: named by the user, in the environment, or beside the running program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::Error;

/// The variable that names the model's directory, or one that holds it.
pub(crate) const VARIABLE: &str = "KERNWERK_MODELS";

/// A model as its package installs it.
pub(crate) struct Package {
    pub name: &'static str,
    /// Path of the model below `site-packages`.
    pub module: &'static str,
    /// The file whose presence makes a directory the model's.
    pub file: &'static str,
}

/// Values of environment variables by name.
type Variables = Box<dyn Fn(&str) -> Option<OsString>>;

/// What the search depends on, so that tests can set it.
pub(crate) struct Surroundings {
    pub variable: Variables,
    /// Paths under which the running program is known.
    pub programs: Vec<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub(crate) fn of_process() -> Self {
        Self {
            variable: Box::new(|name| std::env::var_os(name).filter(|value| !value.is_empty())),
            programs: program_paths(),
        }
    }
}

impl Package {
    /// The model's directory. A place that somebody named must hold it; only otherwise is it searched for.
    pub(crate) fn find(&self, explicit: Option<&Path>, surroundings: &Surroundings) -> Result<PathBuf, Error> {
        let named = explicit.map(Path::to_path_buf).or_else(|| (surroundings.variable)(VARIABLE).map(PathBuf::from));
        let places = match named {
            Some(named) => self.below_named(&named),
            None => self.below_prefixes(surroundings),
        };
        match places.iter().find(|place| place.join(self.file).is_file()) {
            Some(found) => Ok(found.clone()),
            None => Err(Error::NotFound { name: self.name, looked: places }),
        }
    }

    /// The active virtual environment, and the installation that the running program belongs to.
    fn below_prefixes(&self, surroundings: &Surroundings) -> Vec<PathBuf> {
        let environment = (surroundings.variable)("VIRTUAL_ENV").map(PathBuf::from);
        let beside = surroundings.programs.iter().filter_map(|program| Some(program.parent()?.parent()?.to_path_buf()));
        let mut places = Vec::new();
        for place in environment.into_iter().chain(beside).flat_map(|prefix| self.below_prefix(&prefix)) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// A named directory may be the model's own, a virtual environment, or one in which packages or models lie.
    fn below_named(&self, named: &Path) -> Vec<PathBuf> {
        let mut places = vec![named.to_path_buf(), named.join(self.name), named.join(self.module)];
        places.extend(self.below_prefix(named).into_iter().filter(|place| place.is_dir()));
        places
    }

    /// `lib/python3*/site-packages` of an installation prefix; the pattern itself where there is none, for the error.
    fn below_prefix(&self, prefix: &Path) -> Vec<PathBuf> {
        let library = prefix.join("lib");
        let mut pythons: Vec<_> = std::fs::read_dir(&library)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.file_name())
            .filter(|name| name.to_string_lossy().starts_with("python3"))
            .collect();
        pythons.sort();
        if pythons.is_empty() {
            pythons.push("python3".into());
        }
        pythons.into_iter().map(|python| library.join(python).join("site-packages").join(self.module)).collect()
    }
}

/// The running program as the system knows it, and as it was called: a virtual environment's `python` or `kernwerk` may be
/// a link whose target lies elsewhere.
fn program_paths() -> Vec<PathBuf> {
    let called = std::env::args_os().next().map(PathBuf::from);
    let called = called.and_then(|called| {
        if called.components().count() > 1 {
            std::path::absolute(called).ok()
        } else {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|directory| directory.join(&called)).find(|program| program.is_file())
        }
    });
    called.into_iter().chain(std::env::current_exe()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGE: Package = Package { name: "tiny", module: "tiny_package/model", file: "weights" };

    /// Makes the package's directory in `site-packages` of `prefix`.
    fn install(prefix: &Path, python: &str) -> PathBuf {
        let place = prefix.join("lib").join(python).join("site-packages").join(PACKAGE.module);
        put(&place);
        place
    }

    fn put(place: &Path) {
        std::fs::create_dir_all(place).unwrap();
        std::fs::write(place.join(PACKAGE.file), "").unwrap();
    }

    fn nothing() -> Surroundings {
        Surroundings { variable: Box::new(|_| None), programs: Vec::new() }
    }

    fn with(name: &'static str, value: &Path) -> Surroundings {
        let value = value.to_path_buf();
        let variable = move |asked: &str| (asked == name).then(|| value.clone().into_os_string());
        Surroundings { variable: Box::new(variable), programs: Vec::new() }
    }

    #[test]
    fn a_named_place_may_be_the_model_a_virtual_environment_or_a_shelf_of_models() {
        let root = tempfile::tempdir().unwrap();
        let installed = install(root.path(), "python3.11");
        let shelf = root.path().join("shelf");
        put(&shelf.join("tiny"));
        let site_packages = root.path().join("lib/python3.11/site-packages");
        for (named, found) in [
            (installed.as_path(), installed.clone()),
            (root.path(), installed.clone()),
            (&site_packages, installed.clone()),
            (&shelf, shelf.join("tiny")),
        ] {
            assert_eq!(PACKAGE.find(Some(named), &nothing()).unwrap(), found);
            assert_eq!(PACKAGE.find(None, &with(VARIABLE, named)).unwrap(), found);
        }
    }

    #[test]
    fn a_named_place_is_not_replaced_by_another() {
        let root = tempfile::tempdir().unwrap();
        install(root.path(), "python3.11");
        let empty = root.path().join("empty");
        let mut surroundings = with("VIRTUAL_ENV", root.path());
        assert!(PACKAGE.find(None, &surroundings).is_ok());
        let Err(Error::NotFound { looked, .. }) = PACKAGE.find(Some(&empty), &surroundings) else { panic!() };
        assert!(looked.iter().all(|place| place.starts_with(&empty)));
        surroundings.variable = with(VARIABLE, &empty).variable;
        assert!(PACKAGE.find(None, &surroundings).is_err());
    }

    #[test]
    fn it_lies_beside_the_running_program() {
        let root = tempfile::tempdir().unwrap();
        let installed = install(root.path(), "python3.12");
        let programs = vec!["/nowhere/bin/python".into(), root.path().join("bin/kernwerk")];
        assert_eq!(PACKAGE.find(None, &Surroundings { programs, ..nothing() }).unwrap(), installed);
    }

    #[test]
    fn the_error_names_each_place_once() {
        let root = tempfile::tempdir().unwrap();
        let mut surroundings = with("VIRTUAL_ENV", root.path());
        surroundings.programs = vec![root.path().join("bin/a"), root.path().join("bin/b")];
        let Err(Error::NotFound { looked, .. }) = PACKAGE.find(None, &surroundings) else { panic!() };
        assert_eq!(looked, [root.path().join("lib/python3/site-packages/tiny_package/model")]);
        let Err(error) = PACKAGE.find(None, &nothing()) else { panic!() };
        assert_eq!(error.to_string(), "the embedding model tiny was not found: there is no place to look in");
    }
}
