//! Processes and what the dead among them left: found by their locks, which die with them, swept at the next open.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use crate::dataset::sweep::{self, Swept};
use crate::error::noun;
use crate::ledger::Intent;
use crate::{Error, Lab, files};

/// Drafts that belong to no process are made and renamed at once; this old, they are left over.
const OLD_DRAFT: Duration = Duration::from_secs(60);

/// This process as a lab knows it. A lock file with a fresh name says that it lives: unlike a process number it is never
/// used again, and it tells the truth across containers that share a lab.
pub(crate) struct Process {
    id: Uuid,
    number: u32,
    /// The `.kernwerk` that it is registered in.
    data: PathBuf,
    /// Locked for as long as the process lives.
    _alive: File,
}

/// The registrations of this process, one a lab. They are kept to its end: exchange files must outlive a handle of the lab.
static REGISTERED: Mutex<Vec<Arc<Process>>> = Mutex::new(Vec::new());

impl Process {
    /// Registers this process with the lab; a second time it is the same registration. The caller holds the lab's door.
    pub(crate) fn register(data: &Path) -> Result<Arc<Self>, Error> {
        let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
        let number = std::process::id();
        // A fork has the parent's registrations, which are not its own; a lab may have been removed and made again.
        registered.retain(|process| process.number == number && process.lock_path().exists());
        if let Some(process) = registered.iter().find(|process| process.data == data) {
            return Ok(process.clone());
        }
        let id = Uuid::new_v4();
        let path = lock_path(data, id);
        let alive = files::open_lock_file(&path)?;
        files::try_lock(&alive).map_err(Error::io("lock", &path))?;
        let process = Arc::new(Self { id, number, data: data.to_owned(), _alive: alive });
        registered.push(process.clone());
        Ok(process)
    }

    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// The operating system's number of the process.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Where its drafts lie.
    pub(crate) fn temporary(&self, data: &Path) -> PathBuf {
        data.join("tmp").join(self.id.simple().to_string())
    }

    /// Where its Arrow files for cells lie.
    pub(crate) fn exchange(&self, data: &Path) -> PathBuf {
        data.join("exchange").join(self.id.simple().to_string())
    }

    fn lock_path(&self) -> PathBuf {
        lock_path(&self.data, self.id)
    }
}

fn lock_path(data: &Path, id: Uuid) -> PathBuf {
    data.join("locks").join(format!("process-{}.lock", id.simple()))
}

/// Sweeps what dead processes left and says what they were cut off in. The caller holds the lab's door. Done twice it does
/// no harm, so that it may itself be cut off.
pub(crate) fn recover(lab: &Lab) -> Result<Vec<String>, Error> {
    let living = living(lab)?;
    let intents = lab.ledger().intents()?;
    let cut_off: Vec<Intent> = intents.into_iter().filter(|intent| !living.contains(&intent.process)).collect();
    let lines = describe(lab, &cut_off)?;
    lab.ledger().charge_all_but(&living)?;
    for part in ["tmp", "exchange"] {
        sweep_directory(&lab.data_dir().join(part), &living);
    }
    sweep_locks(lab, &living);
    Ok(lines)
}

/// Whether a process that was registered still runs. What cannot be told counts as running.
pub(crate) fn is_alive(data: &Path, process: Uuid) -> bool {
    files::is_locked(&lock_path(data, process)).unwrap_or(true)
}

/// The processes whose lock is held.
fn living(lab: &Lab) -> Result<BTreeSet<Uuid>, Error> {
    let own = lab.process()?.id();
    let mut living = BTreeSet::from([own]);
    for (id, path) in process_locks(lab) {
        if id == own {
            continue;
        }
        if files::is_locked(&path).map_err(Error::io("lock", &path))? {
            living.insert(id);
        }
    }
    Ok(living)
}

fn process_locks(lab: &Lab) -> Vec<(Uuid, PathBuf)> {
    let entries = std::fs::read_dir(lab.data_dir().join("locks"));
    let paths = entries.into_iter().flatten().flatten().map(|entry| entry.path());
    paths
        .filter_map(|path| {
            let id = path.file_name()?.to_str()?.strip_prefix("process-")?.strip_suffix(".lock")?;
            Some((Uuid::try_parse(id).ok()?, path))
        })
        .collect()
}

/// One line for each operation, or for each write that no operation of the same process explains.
fn describe(lab: &Lab, cut_off: &[Intent]) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let mut told: BTreeSet<Uuid> = BTreeSet::new();
    for intent in cut_off.iter().filter(|intent| intent.dataset.is_none()) {
        let writes = cut_off.iter().filter(|write| write.process == intent.process && write.dataset.is_some());
        let mut done = Vec::new();
        for write in writes.filter(|write| told.insert(write.id)) {
            done.extend(tidy(lab, write)?);
        }
        if done.is_empty() {
            done.push("nothing of it was half written".to_owned());
        }
        lines.push(line(intent, &done));
        lab.ledger().end_intent(intent.id)?;
    }
    for write in cut_off.iter().filter(|intent| intent.dataset.is_some()) {
        if told.insert(write.id) {
            let done: Vec<String> = tidy(lab, write)?.into_iter().collect();
            lines.push(line(write, &done));
        }
    }
    Ok(lines)
}

fn line(intent: &Intent, done: &[String]) -> String {
    let Intent { operation, subject, process_number, begun_at, .. } = intent;
    let done = done.join("; ");
    format!("`{operation}` of `{subject}` was cut off (process {process_number}, begun {begun_at}): {done}")
}

/// Removes what a cut-off write left in its data set, and says how the data set is. Where somebody else is writing it, the
/// intent stays for the next open.
fn tidy(lab: &Lab, intent: &Intent) -> Result<Option<String>, Error> {
    let Some((resource, name)) = &intent.dataset else {
        return Ok(None);
    };
    let noun = noun(*resource);
    let words = match sweep::sweep(lab, *resource, name) {
        Ok(Swept::Busy) => {
            return Ok(Some(format!("{noun} `{name}` is being written by another process, which goes on")));
        }
        Ok(Swept::Absent) => format!("{noun} `{name}` was not there before and is not there now"),
        Ok(Swept::At { version, bytes: 0 }) => format!("{noun} `{name}` is whole, at version {version}"),
        Ok(Swept::At { version, bytes }) => {
            format!("{noun} `{name}` is whole, at version {version}; {bytes} bytes of unfinished files were removed")
        }
        // A data set that cannot be tidied must not keep the rest of the lab from opening.
        Err(error) => error.to_string(),
    };
    lab.ledger().end_intent(intent.id)?;
    Ok(Some(words))
}

/// Removes the directories of processes that do not live. What cannot be removed now is tried again at the next open.
fn sweep_directory(directory: &Path, living: &BTreeSet<Uuid>) {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| Uuid::try_parse(name).ok());
        match owner {
            Some(owner) if !living.contains(&owner) => {
                let _ = std::fs::remove_dir_all(entry.path());
            }
            None if is_old_draft(&entry) => {
                let _ = std::fs::remove_file(entry.path());
            }
            _ => {}
        }
    }
}

fn is_old_draft(entry: &std::fs::DirEntry) -> bool {
    let age = entry.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
    entry.file_name().to_string_lossy().starts_with(".draft-") && age.is_some_and(|age| age > OLD_DRAFT)
}

fn sweep_locks(lab: &Lab, living: &BTreeSet<Uuid>) {
    for (id, path) in process_locks(lab) {
        if !living.contains(&id) {
            let _ = std::fs::remove_file(path);
        }
    }
}
