//! What the analyser reads of the standard library: its sources as rustup installs them, by links, without what would cost seconds before the first
//! cell (the vendor intrinsics are half of all sources), and with one thing that rustup does not install. The tables behind `HashMap` are a crate
//! of others; where its types cannot be found, nothing that comes out of a map has a type, and no variable can hold it.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::cache::scratch;
use super::toolchain::Toolchain;
use crate::error::Error;

/// The crates that the analyser is shown.
const CRATES: &[&str] = &["alloc", "core", "panic_abort", "panic_unwind", "proc_macro", "unwind"];

/// The types of `hashbrown` that the standard library names, without what they do: only signatures count. A module of the standard library itself.
const TABLES: &str = "
pub enum TryReserveError { CapacityOverflow, AllocError { layout: crate::alloc::Layout } }

pub mod hash_map {
    use core::marker::PhantomData;
    pub struct HashMap<K, V, S = (), A = ()>(PhantomData<(K, V)>, S, A);
    pub struct Iter<'a, K, V>(PhantomData<&'a (K, V)>);
    pub struct IterMut<'a, K, V>(PhantomData<&'a mut (K, V)>);
    pub struct IntoIter<K, V, A = ()>(PhantomData<(K, V)>, A);
    pub struct Drain<'a, K, V, A = ()>(PhantomData<&'a mut (K, V, A)>);
    pub struct ExtractIf<'a, K, V, F, A = ()>(PhantomData<&'a mut (K, V, A)>, F);
    pub enum RustcEntry<'a, K, V, A = ()> { Occupied(RustcOccupiedEntry<'a, K, V, A>), Vacant(RustcVacantEntry<'a, K, V, A>) }
    pub struct RustcOccupiedEntry<'a, K, V, A = ()>(PhantomData<&'a mut (K, V, A)>);
    pub struct RustcVacantEntry<'a, K, V, A = ()>(K, PhantomData<&'a mut (K, V, A)>);
}

pub mod hash_set {
    use core::marker::PhantomData;
    pub struct HashSet<T, S = (), A = ()>(PhantomData<T>, S, A);
    pub struct Iter<'a, T>(PhantomData<&'a T>);
    pub struct IntoIter<T, A = ()>(PhantomData<T>, A);
    pub struct Drain<'a, T, A = ()>(PhantomData<&'a mut (T, A)>);
    pub struct ExtractIf<'a, T, F, A = ()>(PhantomData<&'a mut (T, A)>, F);
    pub enum Entry<'a, T, S = (), A = ()> { Occupied(OccupiedEntry<'a, T, S, A>), Vacant(VacantEntry<'a, T, S, A>) }
    pub struct OccupiedEntry<'a, T, S = (), A = ()>(PhantomData<&'a mut (T, S, A)>);
    pub struct VacantEntry<'a, T, S = (), A = ()>(T, PhantomData<&'a mut (T, S, A)>);
}
";

/// Where the sources are shown, below the directory of a toolchain. Named by what is put into them.
pub(crate) fn place(cache: &Path) -> PathBuf {
    cache.join(format!("library-{}", &blake3::hash(TABLES.as_bytes()).to_hex()[..16]))
}

/// Makes the directory of sources, unless it is there.
pub(super) fn make(cache: &Path, toolchain: &Toolchain) -> Result<(), Error> {
    let place = place(cache);
    if place.is_dir() {
        return Ok(());
    }
    let sources = toolchain.library_sources()?;
    let made = scratch(cache)?;
    show(&sources, made.path()).map_err(Error::file("write to", made.path()))?;
    // Another host may have been quicker; what counts is that it is there.
    match fs::rename(made.path(), &place) {
        Err(_) if place.is_dir() => Ok(()),
        renamed => renamed.map_err(Error::file("make", &place)),
    }
}

fn show(sources: &Path, to: &Path) -> io::Result<()> {
    for name in CRATES.iter().filter(|name| sources.join(name).is_dir()) {
        symlink(sources.join(name), to.join(name))?;
    }
    let (std, shown) = (sources.join("std/src"), to.join("std/src"));
    for path in ["", "collections", "collections/hash"] {
        link_all(&std.join(path), &shown.join(path))?;
    }
    fs::write(shown.join("hashbrown.rs"), TABLES)?;
    let root = fs::read_to_string(std.join("lib.rs"))?;
    replace(&shown.join("lib.rs"), &format!("{root}\nmod hashbrown;\n"))?;
    for file in ["collections/hash/map.rs", "collections/hash/set.rs"] {
        let text = fs::read_to_string(std.join(file))?;
        replace(&shown.join(file), &text.replace("hashbrown::", "crate::hashbrown::"))?;
    }
    Ok(())
}

/// Makes a directory in place of the link to it, if there is one, with links to all that is in the original.
fn link_all(original: &Path, shown: &Path) -> io::Result<()> {
    if shown.is_symlink() {
        fs::remove_file(shown)?;
    }
    fs::create_dir_all(shown)?;
    for entry in fs::read_dir(original)? {
        let entry = entry?;
        symlink(entry.path(), shown.join(entry.file_name()))?;
    }
    Ok(())
}

/// Puts a file in place of the link to one.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    fs::remove_file(path)?;
    fs::write(path, text)
}
