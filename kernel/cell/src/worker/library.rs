//! Compiled cells and the support library, opened with the system's loader. Nothing is ever unloaded.

use std::ffi::{CStr, CString, c_void};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicPtr, Ordering};

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
pub(super) struct Library(*mut c_void);

impl Library {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
        // SAFETY: the name ends with a zero; the library's initialisers are the cell's own code, which we are here to run.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) };
        if handle.is_null() { Err(last_error()) } else { Ok(Self(handle)) }
    }

    fn symbol(&self, name: &str) -> Result<*mut c_void, String> {
        let name = CString::new(name).map_err(|error| error.to_string())?;
        // SAFETY: the handle is open for ever and the name ends with a zero.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
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
