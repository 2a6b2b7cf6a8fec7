//! Compiled cells and the support library, opened with the system's loader. Nothing is ever unloaded.
//!
//! A compiled cell has, beside its own code, functions that write the variables it made to files, and read them; see [`crate::build`].

use std::ffi::{CStr, CString, c_void};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicPtr, Ordering};

use kernwerk_wire::Spilled;

use super::pools::Pools;
use crate::process;

/// What cells have kept: evcxr's store of variables, handed from cell to cell.
static VARIABLES: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// Text that comes from the cells' standard library; laid out as in `support.rs`.
#[repr(C)]
pub(super) struct Text {
    bytes: *const u8,
    length: usize,
}

impl fmt::Display for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the support library hands over the parts of a `&str` that lives until its call returns.
        let bytes = unsafe { std::slice::from_raw_parts(self.bytes, self.length) };
        formatter.write_str(&String::from_utf8_lossy(bytes))
    }
}

pub(super) type Listen = extern "C" fn(Text, Text, u32, u32, bool, Text);

/// An opened library.
pub(super) struct Library {
    path: PathBuf,
    handle: *mut c_void,
}

impl Library {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: the name ends with a zero; the library's initialisers are the cell's own code, which we are here to run.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() { Err(last_error()) } else { Ok(Self { path: path.to_owned(), handle }) }
    }

    pub(super) fn symbol(&self, name: &str) -> Result<*mut c_void, String> {
        let name = CString::new(name).map_err(|error| error.to_string())?;
        // SAFETY: the handle is open for ever and the name ends with a zero.
        let symbol = unsafe { libc::dlsym(self.handle, name.as_ptr()) };
        if symbol.is_null() { Err(last_error()) } else { Ok(symbol) }
    }

    /// Calls a cell's entry, which takes the store of variables and gives it back.
    pub(super) fn call(&self, function: &str) -> Result<(), String> {
        let symbol = self.symbol(function)?;
        // SAFETY: evcxr generates each cell's entry with this very signature.
        let entry = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(*mut c_void) -> *mut c_void>(symbol) };
        VARIABLES.store(entry(VARIABLES.load(Ordering::SeqCst)), Ordering::SeqCst);
        Ok(())
    }

    /// Has a variable written or read, by the function of that name.
    fn moves(&self, function: &str, variable: &Spilled) -> bool {
        let Ok(symbol) = self.symbol(function) else { return false };
        // SAFETY: the stand-in for cargo generates both functions with this signature.
        let act = unsafe { std::mem::transmute::<*mut c_void, Move>(symbol) };
        let path = variable.file.as_os_str().as_bytes();
        let mut variables = VARIABLES.load(Ordering::SeqCst);
        let done = act(&mut variables, variable.index, path.as_ptr(), path.len());
        VARIABLES.store(variables, Ordering::SeqCst);
        done
    }
}

/// A compiled cell's functions for variables on their way: see `spill` of the stand-in for cargo.
const SPILL: &str = "kernwerk_spill";
const RESTORE: &str = "kernwerk_restore";
/// A variable may take so long to be written. What hangs waits for a thread that is not there.
const PATIENCE: i32 = 60_000;
/// So often a variable is tried whose copy of the process goes down.
const TRIES: usize = 3;

/// Takes the store of variables, which of the cell's variables it is about, and a path. Answers whether it could be done.
type Move = extern "C" fn(*mut *mut c_void, usize, *const u8, usize) -> bool;

/// Writes variables to files, each in a process of its own, so that one that fails or hangs does no harm to the others. The names of those
/// that were written.
pub(super) fn spill(variables: &[Spilled], libraries: &[Library]) -> Vec<String> {
    let spilled = variables.iter().filter(|variable| {
        let library = libraries.iter().find(|library| library.path == variable.library);
        library.is_some_and(|library| {
            // A copy that went down may have met threads of a pool that were just beginning.
            let tries = std::iter::repeat_with(|| process::in_copy(PATIENCE, || library.moves(SPILL, variable)));
            tries.take(TRIES).find_map(|written| written).unwrap_or(false)
        })
    });
    spilled.map(|variable| variable.name.clone()).collect()
}

/// Reads variables from files. The names of those that could be.
pub(super) fn restore(variables: &[Spilled], libraries: &mut Vec<Library>, pools: &mut Pools) -> Vec<String> {
    let mut names = Vec::new();
    for variable in variables {
        if !libraries.iter().any(|library| library.path == variable.library)
            && let Ok(library) = Library::open(&variable.library)
        {
            pools.begin(&library);
            libraries.push(library);
        }
        let library = libraries.iter().find(|library| library.path == variable.library);
        if library.is_some_and(|library| library.moves(RESTORE, variable)) {
            names.push(variable.name.clone());
        }
    }
    names
}

/// The functions of `support.rs`.
pub(super) struct Support {
    pub(super) flush: extern "C" fn(),
    listen: extern "C" fn(Listen),
}

impl Support {
    pub(super) fn load(path: &Path) -> Result<Self, String> {
        let library = Library::open(path)?;
        let (flush, listen) = (library.symbol("kernwerk_flush")?, library.symbol("kernwerk_listen")?);
        // SAFETY: `support.rs` defines both with these signatures.
        unsafe {
            Ok(Self {
                flush: std::mem::transmute::<*mut c_void, extern "C" fn()>(flush),
                listen: std::mem::transmute::<*mut c_void, extern "C" fn(Listen)>(listen),
            })
        }
    }

    /// Has panics told to `listen` from now on.
    pub(super) fn listen(&self, listen: Listen) {
        (self.listen)(listen);
    }
}

fn last_error() -> String {
    // SAFETY: `dlerror` gives a null pointer or text that stays until the next call of the loader on this thread.
    unsafe {
        let error = libc::dlerror();
        if error.is_null() {
            "the loader does not say why".to_owned()
        } else {
            CStr::from_ptr(error).to_string_lossy().into_owned()
        }
    }
}
