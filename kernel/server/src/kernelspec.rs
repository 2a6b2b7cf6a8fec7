//! Makes the kernel known to Jupyter, and takes it away again.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::Error;

/// The kernelspec's name: what notebooks store and `--kernel` takes.
const NAME: &str = "kernwerk";
const LOGO: &str = include_str!("logo.svg");

/// Where Jupyter looks for kernels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// For the present user.
    User,
    /// In the Python environment that is active, else in the one whose `bin` holds the program.
    SysPrefix,
    /// Below this directory, in `share/jupyter/kernels`.
    Prefix(PathBuf),
}

/// Writes the kernelspec, which starts `program`; returns its directory. What stood there before is replaced as a whole.
///
/// # Errors
/// The place is unknown, or cannot be written; then nothing has changed.
pub fn install(place: &Place, program: &Path) -> Result<PathBuf, Error> {
    let target = directory(place, program)?;
    let failed = |error: io::Error| Error::KernelspecWrite { path: target.clone(), reason: reason(&error) };
    if target.symlink_metadata().is_ok_and(|found| !found.is_dir()) {
        return Err(failed(io::Error::other("a file stands where the directory belongs")));
    }
    let parent = target.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).map_err(failed)?;
    let staged = tempfile::Builder::new().prefix(".kernwerk-").tempdir_in(parent).map_err(failed)?;
    write_files(staged.path(), program).map_err(failed)?;
    replace(staged, &target).map_err(failed)?;
    Ok(target)
}

/// Removes the kernelspec; returns the directory where it was.
///
/// # Errors
/// There is none, or it cannot be removed.
pub fn uninstall(place: &Place) -> Result<PathBuf, Error> {
    let program = std::env::current_exe().unwrap_or_default();
    let target = directory(place, &program)?;
    if target.symlink_metadata().is_err() {
        return Err(Error::KernelspecAbsent(target));
    }
    let failed = |error: io::Error| Error::KernelspecRemove { path: target.clone(), reason: reason(&error) };
    if !target.is_dir() {
        return Err(failed(io::Error::other("a file stands where the directory belongs")));
    }
    fs::remove_dir_all(&target).map_err(failed)?;
    Ok(target)
}

fn write_files(directory: &Path, program: &Path) -> io::Result<()> {
    let spec = json!({
        "argv": [program, "kernel", "serve", "-f", "{connection_file}"],
        "display_name": "Kernwerk (Rust)",
        "language": "rust",
        "interrupt_mode": "message",
        "kernel_protocol_version": "5.5",
        "metadata": { "debugger": false },
    });
    write(&directory.join("kernel.json"), format!("{spec:#}\n").as_bytes())?;
    write(&directory.join("logo-svg.svg"), LOGO.as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts the staged directory in the target's place. Jupyter sees the old kernelspec or the new one.
fn replace(staged: tempfile::TempDir, target: &Path) -> io::Result<()> {
    readable_by_all(staged.path())?;
    let old = if target.is_dir() {
        let aside =
            tempfile::Builder::new().prefix(".kernwerk-old-").tempdir_in(target.parent().unwrap_or(Path::new("/")))?;
        fs::rename(target, aside.path().join(NAME))?;
        Some(aside)
    } else {
        None
    };
    let staged = staged.keep();
    let result = fs::rename(&staged, target);
    if result.is_err() {
        // Back to what was there; the error that is reported is the first one.
        let _ = fs::remove_dir_all(&staged);
        if let Some(aside) = &old {
            let _ = fs::rename(aside.path().join(NAME), target);
        }
    }
    result
}

/// Temporary directories are their owner's alone; a kernelspec below a prefix is for everybody.
fn readable_by_all(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755))
}

fn directory(place: &Place, program: &Path) -> Result<PathBuf, Error> {
    let data = match place {
        Place::User => user_data_directory()?,
        Place::SysPrefix => prefix_of(program)?.join("share/jupyter"),
        Place::Prefix(prefix) => prefix.join("share/jupyter"),
    };
    Ok(data.join("kernels").join(NAME))
}

fn user_data_directory() -> Result<PathBuf, Error> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(directory) = set("JUPYTER_DATA_DIR") {
        return Ok(directory);
    }
    let home = set("HOME").ok_or(Error::NoHome)?;
    if cfg!(target_os = "macos") {
        return Ok(home.join("Library/Jupyter"));
    }
    Ok(set("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share")).join("jupyter"))
}

fn prefix_of(program: &Path) -> Result<PathBuf, Error> {
    let active = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().find_map(std::env::var_os);
    if let Some(prefix) = active.filter(|prefix| !prefix.is_empty()) {
        return Ok(PathBuf::from(prefix));
    }
    let prefix =
        program.parent().filter(|directory| directory.file_name() == Some(OsStr::new("bin"))).and_then(Path::parent);
    let is_environment = |prefix: &&Path| prefix.join("pyvenv.cfg").exists() || prefix.join("conda-meta").exists();
    prefix.filter(is_environment).map(Path::to_owned).ok_or_else(|| Error::NoSysPrefix(program.to_owned()))
}

/// An error of the operating system in words, without its number.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "there is no permission to write there".to_owned(),
        io::ErrorKind::NotADirectory => "a file stands where a directory belongs".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernelspec_is_written_replaced_and_removed() {
        let prefix = tempfile::tempdir().expect("a directory");
        let place = Place::Prefix(prefix.path().to_owned());
        let path = install(&place, Path::new("/opt/kernwerk/bin/kernwerk")).expect("installed");
        assert_eq!(path, prefix.path().join("share/jupyter/kernels/kernwerk"));
        fs::write(path.join("stale"), "").expect("written");
        install(&place, Path::new("/usr/bin/kernwerk")).expect("installed again");
        let spec: serde_json::Value =
            serde_json::from_slice(&fs::read(path.join("kernel.json")).expect("there")).expect("JSON");
        assert_eq!(spec["argv"], json!(["/usr/bin/kernwerk", "kernel", "serve", "-f", "{connection_file}"]));
        assert_eq!((&spec["language"], &spec["interrupt_mode"]), (&json!("rust"), &json!("message")));
        assert!(!path.join("stale").exists());
        let beside: Vec<_> = fs::read_dir(path.parent().expect("a parent")).expect("readable").flatten().collect();
        assert_eq!(beside.len(), 1, "nothing is left over: {beside:?}");
        assert_eq!(uninstall(&place).expect("removed"), path);
        assert!(matches!(uninstall(&place), Err(Error::KernelspecAbsent(_))));
    }

    #[test]
    fn a_file_in_the_directorys_place_is_named_and_stays() {
        let prefix = tempfile::tempdir().expect("a directory");
        let place = Place::Prefix(prefix.path().to_owned());
        let kernels = prefix.path().join("share/jupyter/kernels");
        fs::create_dir_all(&kernels).expect("made");
        fs::write(kernels.join(NAME), "mine").expect("written");
        for error in [install(&place, Path::new("/x")).map(drop), uninstall(&place).map(drop)] {
            let message = error.expect_err("a file is in the way").to_string();
            assert!(message.contains("share/jupyter/kernels/kernwerk: a file stands"), "{message}");
        }
        assert_eq!(fs::read_to_string(kernels.join(NAME)).expect("there"), "mine");
        let blocked = tempfile::tempdir().expect("a directory");
        fs::write(blocked.path().join("share"), "").expect("written");
        let error =
            install(&Place::Prefix(blocked.path().to_owned()), Path::new("/x")).expect_err("a file is in the way");
        assert!(error.to_string().contains("a file stands where a directory belongs"), "{error}");
    }
}
