//! Files of the lab: advisory locks on them, and writes that are whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use crate::Error;

/// Opens (and makes) a lock file. Rust opens files close-on-exec, so processes that we start do not inherit the lock.
pub(crate) fn open_lock_file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    options.open(path).map_err(Error::io("open", path))
}

/// Takes the exclusive `flock` of `file` if it is free. The system frees it when the file is closed, also by death.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    flock(file, libc::LOCK_EX)
}

/// Whether somebody holds the exclusive `flock` of a file. Any number may look at once and none is taken for a holder.
pub(crate) fn is_locked(path: &Path) -> io::Result<bool> {
    match OpenOptions::new().read(true).open(path) {
        Ok(file) => Ok(!flock(&file, libc::LOCK_SH)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn flock(file: &File, kind: libc::c_int) -> io::Result<bool> {
    loop {
        // SAFETY: flock has no memory effects, and the descriptor is open for as long as `file` is borrowed.
        if unsafe { libc::flock(file.as_raw_fd(), kind | libc::LOCK_NB) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EWOULDBLOCK) => return Ok(false),
            Some(libc::EINTR) => {}
            _ => return Err(error),
        }
    }
}

/// Whether the operating system refused a write because of who asks or where it goes, rather than for want of space or such.
pub(crate) fn is_read_only(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EROFS | libc::EACCES | libc::EPERM))
}

/// Whether the file system of `path` has no room for a write. SQLite needs some even to read.
pub(crate) fn is_full(path: &Path) -> bool {
    const LEAST: u64 = 256 << 10;
    let Ok(path) = std::ffi::CString::new(path.as_os_str().as_encoded_bytes()) else {
        return false;
    };
    let mut found = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with a nul, and `found` has room for what is written.
    if unsafe { libc::statvfs(path.as_ptr(), found.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: statvfs has succeeded, so that it has written all of it.
    let found = unsafe { found.assume_init() };
    found.f_bavail.saturating_mul(found.f_frsize) < LEAST
}

/// What tells a file from another that later lies in its place: its device and number; none where there is no file.
pub(crate) fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Makes a directory and those above it.
pub(crate) fn make_directory(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(Error::io("make the directory", path))
}

/// Writes a file that belongs to no lab, whole or not at all. The directory must exist.
///
/// # Errors
/// It cannot be written, or something lies there that is no file.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
    atomic_write(directory, path, bytes)
}

/// Puts `bytes` at `path` by a temporary file in `temporary` that is synced and renamed, so that whoever reads sees the old
/// file or the new one, and what a kill leaves over lies where the next open sweeps it.
pub(crate) fn atomic_write(temporary: &Path, path: &Path, bytes: &[u8]) -> Result<(), Error> {
    // A symbolic link stays one: what it points to is replaced.
    let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A device or a pipe is not ours to replace.
    if std::fs::metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is there already, and is no regular file");
        return Err(Error::io("write", &target)(error));
    }
    let draft = write_draft(temporary, bytes)?;
    if let Ok(metadata) = std::fs::metadata(&target) {
        std::fs::set_permissions(&draft, metadata.permissions())
            .map_err(Error::io("set the permissions of", &draft))?;
    }
    let moved = match std::fs::rename(&draft, &target) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let _ = std::fs::remove_file(&draft);
            let beside = write_draft(parent(&target), bytes)?;
            std::fs::rename(&beside, &target).map_err(|error| (beside, error))
        }
        Err(error) => Err((draft, error)),
        Ok(()) => Ok(()),
    };
    if let Err((draft, error)) = moved {
        let _ = std::fs::remove_file(draft);
        return Err(Error::io("write", &target)(error));
    }
    sync_directory(parent(&target));
    Ok(())
}

/// Puts a file at `path` by a draft beside it, so that whoever reads sees the whole file. Not synced: for what is of no use once this process
/// is gone.
pub(crate) fn leave<E: From<Error>>(path: &Path, write: impl FnOnce(&mut File) -> Result<(), E>) -> Result<(), E> {
    let draft = parent(path).join(format!(".draft-{}", Uuid::new_v4().simple()));
    let written = File::create_new(&draft)
        .map_err(|error| Error::io("write", &draft)(error).into())
        .and_then(|mut file| write(&mut file))
        .and_then(|()| std::fs::rename(&draft, path).map_err(|error| Error::io("write", path)(error).into()));
    if written.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    written
}

fn write_draft(directory: &Path, bytes: &[u8]) -> Result<PathBuf, Error> {
    let draft = directory.join(format!(".draft-{}", Uuid::new_v4().simple()));
    let written = File::create_new(&draft).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written {
        let _ = std::fs::remove_file(&draft);
        return Err(Error::io("write", &draft)(error));
    }
    Ok(draft)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a rename last through a power cut where the file system can; where it cannot, the rename is atomic all the same.
fn sync_directory(directory: &Path) {
    let _ = File::open(directory).and_then(|directory| directory.sync_all());
}
