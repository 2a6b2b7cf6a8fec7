//! Who is reading a version: readers that take their time share its lock, and who removes it must have it alone. The system frees it with
//! the process, so that nobody waits for the dead.

use std::fs::{File, TryLockError};

use kernwerk_core::{Resource, Work};
use kernwerk_store::Lab;

use crate::Error;
use crate::artifact::{LOCK_PAUSE, Location, Reference, find, location};
use crate::files::make_directory;
use crate::pipeline::PinnedInput;

/// A lock that is held; freed on drop and by death. None for who can only read the lab, and so cannot lock anything in it.
pub(crate) struct Hold(#[expect(dead_code, reason = "holds the lock until it is closed")] Option<File>);

/// Finds the artifact that `reference` names, and keeps it from being removed.
pub(crate) fn find_held(lab: &Lab, reference: &Reference, work: &Work) -> Result<(Location, Hold), Error> {
    loop {
        let location = find(lab, reference)?;
        let hold = hold(lab, &location, work)?;
        // It may have been removed, or a stage moved, between the look and the lock.
        if find(lab, reference)? == location {
            return Ok((location, hold));
        }
    }
}

/// Keeps a version from being removed.
pub(crate) fn hold(lab: &Lab, location: &Location, work: &Work) -> Result<Hold, Error> {
    share(lab, &version_lock(location), work)
}

/// Keeps the versions from being removed whose files are among `inputs`.
pub(crate) fn hold_inputs(lab: &Lab, inputs: &[PinnedInput], work: &Work) -> Result<Vec<Hold>, Error> {
    inputs.iter().filter_map(|input| pinned(lab, input)).map(|location| hold(lab, &location, work)).collect()
}

/// The version that an input is a file of; none where it is something else.
pub(crate) fn pinned(lab: &Lab, input: &PinnedInput) -> Option<Location> {
    let path = std::path::Path::new(&input.name);
    let below = path.strip_prefix(lab.root()).unwrap_or(path);
    let mut parts = below.iter().filter(|_| input.resource == Resource::File).map(|part| part.to_str());
    if parts.next()?? != "pipelines" {
        return None;
    }
    let (name, version) = (parts.next()??, parts.next()??.parse().ok()?);
    Some(location(lab, name, version))
}

/// The right to remove a version; none where somebody is reading it.
pub(crate) fn alone(lab: &Lab, location: &Location) -> Result<Option<Hold>, Error> {
    exclude(lab, &version_lock(location))
}

/// Keeps what steps of runs gave from being removed.
pub(crate) fn hold_steps(lab: &Lab, work: &Work) -> Result<Hold, Error> {
    share(lab, STEPS, work)
}

/// The right to remove what steps of runs gave; none where a run is under way.
pub(crate) fn steps_alone(lab: &Lab) -> Result<Option<Hold>, Error> {
    exclude(lab, STEPS)
}

const STEPS: &str = "steps.lock";

fn version_lock(location: &Location) -> String {
    format!("version-{}-{}.lock", location.name, location.version)
}

fn share(lab: &Lab, name: &str, work: &Work) -> Result<Hold, Error> {
    if lab.is_read_only() {
        return Ok(Hold(None));
    }
    loop {
        let (file, path) = open(lab, name)?;
        match file.try_lock_shared() {
            Ok(()) => return Ok(Hold(Some(file))),
            Err(TryLockError::WouldBlock) => work.check()?,
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
        }
        std::thread::sleep(LOCK_PAUSE);
    }
}

fn exclude(lab: &Lab, name: &str) -> Result<Option<Hold>, Error> {
    let (file, path) = open(lab, name)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Hold(Some(file)))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(Error::io("lock", &path)(source)),
    }
}

fn open(lab: &Lab, name: &str) -> Result<(File, std::path::PathBuf), Error> {
    let path = lab.data_dir().join("locks").join(name);
    make_directory(path.parent().unwrap_or(lab.data_dir()))?;
    let file = File::create(&path).map_err(Error::io("open", &path))?;
    Ok((file, path))
}
