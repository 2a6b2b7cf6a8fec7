//! The variables that evcxr counts on, and which compiled cell can move each from one worker to another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernwerk_wire::Spilled;

use crate::build;

/// The variables there are.
#[derive(Debug, Default)]
pub(super) struct Variables {
    places: BTreeMap<String, Place>,
    /// Variables that are gone, and of which evcxr has not heard yet.
    gone: Vec<String>,
}

/// The compiled cell that made a variable, and the variable's number in it.
#[derive(Clone, Debug)]
struct Place {
    library: PathBuf,
    index: usize,
}

impl Variables {
    /// A compiled cell has run to its end: there are the variables that it lists, or, if it `failed`, those of them that were there before.
    pub(super) fn ran(&mut self, library: &Path, listed: &build::Variables, failed: bool) {
        if listed.untouched {
            return;
        }
        let mut places = BTreeMap::new();
        for name in &listed.others {
            if let Some(place) = self.places.remove(name) {
                places.insert(name.clone(), place);
            }
        }
        for (index, made) in listed.made.iter().enumerate().filter(|_| !failed) {
            places.insert(made.name.clone(), Place { library: library.to_owned(), index });
        }
        self.places = places;
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    /// How each can be moved, by way of a file below `directory`.
    pub(super) fn to_move(&self, directory: &Path) -> Vec<Spilled> {
        let places = self.places.iter().enumerate();
        let moved = places.map(|(number, (name, place))| Spilled {
            name: name.clone(),
            library: place.library.clone(),
            index: place.index,
            file: directory.join(number.to_string()),
        });
        moved.collect()
    }

    /// Only these are left. Gives the names of the others.
    pub(super) fn keep(&mut self, names: &[String]) -> Vec<String> {
        let mut gone = self.names();
        gone.retain(|name| !names.contains(name));
        self.places.retain(|name, _| names.contains(name));
        self.gone.extend(gone.iter().cloned());
        gone
    }

    /// What evcxr has to be told is gone.
    pub(super) fn take_gone(&mut self) -> Vec<String> {
        std::mem::take(&mut self.gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(made: &[&str], others: &[&str]) -> build::Variables {
        let made = made.iter().map(|name| build::Made { name: (*name).to_owned(), type_name: "u8".to_owned() });
        build::Variables {
            made: made.collect(),
            others: others.iter().map(|name| (*name).to_owned()).collect(),
            untouched: false,
        }
    }

    #[test]
    fn a_variable_is_moved_by_the_cell_that_made_it() {
        let mut variables = Variables::default();
        variables.ran(Path::new("/1.so"), &listed(&["a", "b"], &[]), false);
        variables.ran(Path::new("/2.so"), &listed(&["b"], &["a"]), false);
        let moved = variables.to_move(Path::new("/d"));
        let places: Vec<_> =
            moved.iter().map(|moved| (moved.name.as_str(), moved.library.to_str().unwrap(), moved.index)).collect();
        assert_eq!(places, [("a", "/1.so", 0), ("b", "/2.so", 0)]);
        assert_eq!(variables.keep(&["b".to_owned()]), ["a"]);
        assert_eq!((variables.names(), variables.take_gone()), (vec!["b".to_owned()], vec!["a".to_owned()]));
        assert!(variables.take_gone().is_empty());
    }

    #[test]
    fn a_cell_that_does_nothing_with_variables_leaves_them() {
        let mut variables = Variables::default();
        variables.ran(Path::new("/1.so"), &listed(&["a"], &[]), false);
        variables.ran(Path::new("/2.so"), &build::Variables { untouched: true, ..Default::default() }, false);
        assert_eq!(variables.names(), ["a"]);
    }

    #[test]
    fn a_cell_that_failed_has_made_nothing_and_may_have_taken_something() {
        let mut variables = Variables::default();
        variables.ran(Path::new("/1.so"), &listed(&["a", "b"], &[]), false);
        variables.ran(Path::new("/2.so"), &listed(&["c"], &["a"]), true);
        assert_eq!(variables.names(), ["a"]);
    }
}
