//! Whether data sets are still what was written.

use std::path::{Path, PathBuf};

use kernwerk_core::{Resource, Work};
use kernwerk_store::{Damage, Intact, WriteMode};

use crate::common::{Place, files_below, rows, run};

impl Place {
    fn directory_of(&self, name: &str) -> PathBuf {
        self.root().join(".kernwerk/tables").join(format!("{name}.lance"))
    }

    fn intact(&self) -> Vec<Intact> {
        run(self.lab.intact(&Work::silent())).unwrap()
    }

    /// What is wrong with the only table.
    fn damages(&self) -> Vec<Damage> {
        let [table] = self.intact().try_into().unwrap();
        table.damages
    }
}

fn copy(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(Path::new(&file).strip_prefix(from).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
}

fn data_files(directory: &Path) -> Vec<String> {
    files_below(&directory.join("data"))
}

#[test]
fn all_that_was_written_is_compared() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1, 2, 3], "a"));
    place.write("rides", WriteMode::Append, rows([4], "a"));
    run(place.lab.rewrite(Resource::Table, "rides", Some("number = 2".into()), vec![rows([5], "b")], &Work::silent()))
        .unwrap();
    let [table] = place.intact().try_into().unwrap();
    assert_eq!((table.name.as_str(), table.recorded.unwrap().0, table.damages), ("rides", 3, vec![]));
    // Three manifests, three files of rows, and what the deletion wrote.
    assert_eq!(table.compared, 7);
}

#[test]
fn a_table_that_is_gone_is_lost() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1], "a"));
    std::fs::remove_dir_all(place.directory_of("rides")).unwrap();
    assert_eq!(place.damages(), [Damage::Lost]);
    // Made anew it begins anew.
    place.write("rides", WriteMode::Create, rows([2], "a"));
    assert_eq!(place.damages(), []);
}

/// The bytes of another table are as valid as its own, and Lance reads them without a word.
#[test]
fn other_valid_bytes_are_found() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1, 2], "a"));
    let [file] = data_files(&place.directory_of("rides")).try_into().unwrap();
    let other = Place::new();
    other.write("rides", WriteMode::Create, rows([8, 9], "a"));
    let [stranger] = data_files(&other.directory_of("rides")).try_into().unwrap();
    std::fs::copy(stranger, &file).unwrap();
    assert_eq!(place.numbers("rides"), [8, 9], "it reads as if nothing had happened");
    assert!(matches!(&place.damages()[..], [Damage::Changed { path }] if path.starts_with("data/")));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(&place.damages()[..], [Damage::Missing { path }] if path.starts_with("data/")));
}

#[test]
fn an_older_copy_is_found() {
    let place = Place::new();
    place.write("rides", WriteMode::Create, rows([1], "a"));
    let (directory, backup) = (place.directory_of("rides"), place.root().join("backup"));
    copy(&directory, &backup);
    place.write("rides", WriteMode::Replace, rows([2], "a"));
    std::fs::remove_dir_all(&directory).unwrap();
    copy(&backup, &directory);
    let damages = place.damages();
    assert_eq!(damages[0], Damage::Older { found: 1 });
    assert_eq!(damages.len(), 3, "and the files of the newer version are gone: {damages:?}");
}

#[test]
fn what_no_record_names_is_told_apart() {
    let place = Place::new();
    let other = Place::new();
    other.write("rides", WriteMode::Create, rows([1], "a"));
    copy(&other.directory_of("rides"), &place.directory_of("rides"));
    let [table] = place.intact().try_into().unwrap();
    assert_eq!((table.recorded, table.compared, table.damages), (None, 0, vec![]));
}
