//! The lab itself: where it is, who uses it, and the way to everything in it.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kernwerk_core::{Cancel, Pin, Resource};
use uuid::Uuid;

use crate::pins::Pins;
use crate::recovery::{self, Process};
use crate::{
    Blobs, Config, Error, Ledger, Operation, Price, Prices, Principal, PromotionRules, WriteLock, config, files, lock,
    names,
};

const DATA: &str = ".kernwerk";
/// How long [`Lab::open`] waits for another process that opens the same lab.
const LONGEST_OPEN: Duration = Duration::from_secs(60);

/// An open lab. Clones share it; they may be used from several threads at once.
#[derive(Clone)]
pub struct Lab {
    inner: Arc<Inner>,
    pins: Arc<Pins>,
}

struct Inner {
    id: Uuid,
    root: PathBuf,
    data: PathBuf,
    config: Config,
    ledger: Ledger,
    blobs: Blobs,
    /// None in a read-only lab.
    process: Option<Arc<Process>>,
    /// Which file the ledger was when it was opened; none where there was none.
    ledger_file: Option<(u64, u64)>,
    recovered: OnceLock<Vec<String>>,
    /// Lance's caches, shared by all data sets of the lab.
    session: Arc<lance::session::Session>,
}

impl Lab {
    /// The root of the lab that `start` lies in: the nearest directory upwards that holds `kernwerk.toml` or `.kernwerk/`.
    pub fn find(start: &Path) -> Option<PathBuf> {
        let start = std::path::absolute(start).ok()?;
        start.ancestors().find(|directory| is_lab(directory)).map(Path::to_owned)
    }

    /// Makes a lab in `root` (the directory too, if need be) and opens it. Opening an existing one is fine: nothing of it changes.
    pub fn init(root: &Path) -> Result<Self, Error> {
        files::make_directory(root).map_err(|error| read_only_or(error, root))?;
        let file = root.join(config::FILE);
        if !file.exists() {
            let data = root.join(DATA);
            prepare(&data)
                .and_then(|()| files::atomic_write(&data.join("tmp"), &file, config::TEMPLATE.as_bytes()))
                .map_err(|error| read_only_or(error, root))?;
        }
        Self::open(root)
    }

    /// Opens the lab in `root`. First it cleans up what processes left over that died in the middle of something; see
    /// [`Lab::recovered`]. A lab in a directory that nobody may write to, or on a full disk, opens for reading.
    pub fn open(root: &Path) -> Result<Self, Error> {
        let no_lab = || Error::NoLab { path: root.to_owned() };
        let root = std::fs::canonicalize(root).map_err(|_| no_lab())?;
        if !is_lab(&root) {
            return Err(no_lab());
        }
        let config = Config::read(&root)?;
        let data = root.join(DATA);
        match prepare(&data) {
            Ok(()) => match Self::open_for_writing(root.clone(), data.clone(), config.clone()) {
                // What is there can be read all the same.
                Err(error) if error.is_of_disk() && files::is_full(&data) => {
                    Self::open_for_reading(root, data, config).map_err(|_| error)
                }
                opened => opened,
            },
            Err(Error::Io { source, .. }) if files::is_read_only(&source) => Self::open_for_reading(root, data, config),
            Err(error) if error.is_of_disk() && files::is_full(&root) => {
                Self::open_for_reading(root, data, config).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    fn open_for_writing(root: PathBuf, data: PathBuf, config: Config) -> Result<Self, Error> {
        // One process at a time: what it finds of the dead must not be somebody's who is just being born.
        let door_path = data.join("locks").join("open.lock");
        let door = files::open_lock_file(&door_path)?;
        lock::wait_for(&door, &door_path, lock::give_up_after(LONGEST_OPEN, &root))?;
        let ledger = Ledger::open(&root, &data.join("ledger.sqlite"))?;
        if ledger.is_read_only() {
            return Self::assemble(root, data, config, ledger, None);
        }
        let process = Process::register(&data)?;
        let lab = Self::assemble(root, data, config, ledger, Some(process))?;
        let recovered = recovery::recover(&lab)?;
        lab.inner.recovered.get_or_init(|| recovered);
        Ok(lab)
    }

    fn open_for_reading(root: PathBuf, data: PathBuf, config: Config) -> Result<Self, Error> {
        let ledger = Ledger::open_for_reading(&root, &data.join("ledger.sqlite"))?;
        Self::assemble(root, data, config, ledger, None)
    }

    fn assemble(
        root: PathBuf,
        data: PathBuf,
        config: Config,
        ledger: Ledger,
        process: Option<Arc<Process>>,
    ) -> Result<Self, Error> {
        let temporary = process.as_ref().map(|process| process.temporary(&data));
        let inner = Inner {
            id: ledger.lab_id()?,
            blobs: Blobs::new(&root, data.join("blobs"), temporary),
            root,
            config,
            ledger_file: files::identity(&data.join("ledger.sqlite")),
            data,
            ledger,
            process,
            recovered: OnceLock::new(),
            session: Arc::default(),
        };
        Ok(Self { inner: Arc::new(inner), pins: Arc::default() })
    }

    /// One line for each operation that [`Lab::open`] found cut off, with what was done about it.
    pub fn recovered(&self) -> &[String] {
        self.inner.recovered.get().map_or(&[], Vec::as_slice)
    }

    /// Whether the lab's data still lies where it was opened. A file that somebody has removed goes on to be read and written
    /// by those who have it open, and is gone with the last of them.
    pub fn is_there(&self) -> bool {
        files::identity(&self.inner.data.join("ledger.sqlite")) == self.inner.ledger_file
    }

    /// The lab's identity, made with it; copies of a lab share it.
    pub fn id(&self) -> Uuid {
        self.inner.id
    }

    /// The directory of the lab, absolute and without symbolic links.
    pub fn root(&self) -> &Path {
        &self.inner.root
    }

    /// `.kernwerk` in the root.
    pub fn data_dir(&self) -> &Path {
        &self.inner.data
    }

    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// What models cost, as `kernwerk.toml` says at this moment: somebody may have written a price since the lab was opened.
    pub fn prices(&self) -> Result<BTreeMap<String, Prices>, Error> {
        Ok(Config::read(&self.inner.root)?.prices)
    }

    /// What promotion asks for, as `kernwerk.toml` says at this moment: somebody may have listed a key, or allowed a finding, since the lab
    /// was opened.
    pub fn promotion_rules(&self) -> Result<PromotionRules, Error> {
        config::promotion_rules(&self.inner.root)
    }

    /// What the use of a model costs today; none where nobody said it.
    pub fn price(&self, model: &str) -> Result<Option<Price>, Error> {
        let prices = self.prices()?;
        Ok(prices.get(model).and_then(|prices| prices.on(chrono::Utc::now().date_naive())).cloned())
    }

    /// Writes one more price of a model into `kernwerk.toml`.
    pub fn add_price(&self, model: &str, price: &Price) -> Result<(), Error> {
        self.process()?;
        let lock_path = self.inner.data.join("locks").join("settings.lock");
        let lock = files::open_lock_file(&lock_path)?;
        lock::wait_for(&lock, &lock_path, lock::give_up_after(LONGEST_OPEN, &self.inner.root))?;
        let text = Config::with_price(&self.inner.root, model, price)?;
        self.atomic_write(&self.inner.root.join(config::FILE), text.as_bytes())
    }

    /// Whether the lab can only be read; writes fail with [`Error::ReadOnly`].
    pub fn is_read_only(&self) -> bool {
        self.inner.process.is_none()
    }

    /// This lab with inputs of another: reads of a pinned data set come from the pin's place and version, until this handle
    /// or a clone of it replaces that data set by one of the lab's own.
    pub fn with_pins(self, pins: Vec<Pin>) -> Self {
        Self { inner: self.inner, pins: Arc::new(Pins::new(pins)) }
    }

    /// The path as records name it: relative to the root with `/` where it lies below, else absolute.
    pub fn relative(&self, path: &Path) -> String {
        let resolved = resolve(path);
        let Ok(below) = resolved.strip_prefix(&self.inner.root) else {
            return resolved.to_string_lossy().into_owned();
        };
        let parts: Vec<_> = below.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    }

    /// Who reads, with the groups that `kernwerk.toml` lists; none is nobody in particular. Where the file lists principals,
    /// a name that is not among them is an error; where it lists none, any name will do and has no groups.
    pub fn principal(&self, name: Option<&str>) -> Result<Principal, Error> {
        let Some(name) = name else {
            return Ok(Principal::nobody());
        };
        if name.is_empty() || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == ':' || c == ',') {
            return Err(Error::BadPrincipal { name: name.to_owned() });
        }
        let listed = &self.inner.config.principals;
        let groups = match listed.get(name) {
            Some(record) => record.groups.clone(),
            None if listed.is_empty() => Vec::new(),
            None => {
                return Err(Error::UnknownPrincipal {
                    name: name.to_owned(),
                    near: kernwerk_core::near(name, listed.keys().map(String::as_str)),
                });
            }
        };
        Ok(Principal { name: Some(name.to_owned()), groups })
    }

    /// This process's directory for Arrow files that cells map; made on demand, swept after the process is gone. A read-only
    /// lab has it among the system's temporary files.
    pub fn exchange_dir(&self) -> PathBuf {
        let directory = match &self.inner.process {
            Some(process) => process.exchange(&self.inner.data),
            None => std::env::temp_dir().join(format!("kernwerk-{}-{}", std::process::id(), self.inner.id.simple())),
        };
        // Who writes a file into it meets the error, with the path.
        let _ = std::fs::create_dir_all(&directory);
        directory
    }

    /// Leaves a file for cells in the exchange directory: whole or not at all. It is not synced, because it does not outlive this process.
    ///
    /// # Errors
    /// What `write` gives, or the file cannot be made.
    pub fn exchange_file<E: From<Error>>(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> Result<(), E>,
    ) -> Result<PathBuf, E> {
        let path = self.exchange_dir().join(name);
        files::leave(&path, write)?;
        Ok(path)
    }

    /// A new directory on the lab's file system for what is put together and then renamed into place. What is left of it is
    /// swept after the process is gone.
    pub fn staging_dir(&self) -> Result<PathBuf, Error> {
        let directory = self.temporary()?.join(Uuid::new_v4().simple().to_string());
        files::make_directory(&directory)?;
        Ok(directory)
    }

    pub fn ledger(&self) -> &Ledger {
        &self.inner.ledger
    }

    pub fn blobs(&self) -> &Blobs {
        &self.inner.blobs
    }

    /// Waits for the right to write a data set. Whoever holds it writes through it: [`Lab::write`] would wait for ever.
    pub fn lock(&self, resource: Resource, name: &str, cancel: &Cancel) -> Result<WriteLock, Error> {
        WriteLock::take(self, resource, name, cancel)
    }

    /// Notes that an operation begins, such as `source` on `rides`, so that [`Lab::recovered`] names it if this process dies
    /// in the middle.
    pub fn begin(&self, operation: &str, subject: &str) -> Result<Operation, Error> {
        Operation::begin(self, operation, subject, None)
    }

    /// Writes a file whole or not at all: a temporary file, synced, then renamed. The directory must exist. A read-only lab
    /// refuses files of its own, and not those that somebody wants elsewhere.
    pub fn atomic_write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let resolved = resolve(path);
        match resolved.parent() {
            Some(parent) if self.is_read_only() && !resolved.starts_with(&self.inner.root) => {
                files::atomic_write(parent, path, bytes)
            }
            _ => files::atomic_write(&self.temporary()?, path, bytes),
        }
    }

    /// Puts a file into [`Lab::exchange_dir`], whole or not at all, in a read-only lab as well; where it lies.
    pub fn exchange(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Error> {
        let directory = self.exchange_dir();
        let path = directory.join(name);
        files::atomic_write(&directory, &path, bytes)?;
        Ok(path)
    }

    /// Where drafts of this process lie; made on demand.
    fn temporary(&self) -> Result<PathBuf, Error> {
        let directory = self.process()?.temporary(&self.inner.data);
        files::make_directory(&directory)?;
        Ok(directory)
    }

    /// This process as the lab knows it, or the error that the lab is read-only.
    pub(crate) fn process(&self) -> Result<&Process, Error> {
        self.inner.process.as_deref().ok_or_else(|| Error::ReadOnly { path: self.inner.root.clone() })
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) fn session(&self) -> Arc<lance::session::Session> {
        self.inner.session.clone()
    }

    /// Where the lab's own data set lies or would lie.
    pub(crate) fn dataset_path(&self, resource: Resource, name: &str) -> Result<PathBuf, Error> {
        names::check(name)?;
        Ok(self.inner.data.join(names::directory(resource)?).join(format!("{name}.lance")))
    }

    pub(crate) fn lock_path(&self, resource: Resource, name: &str) -> Result<PathBuf, Error> {
        self.process()?;
        names::check(name)?;
        let directory = names::directory(resource)?;
        Ok(self.inner.data.join("locks").join(format!("{directory}-{name}.lock")))
    }
}

fn is_lab(directory: &Path) -> bool {
    directory.join(config::FILE).is_file() || directory.join(DATA).is_dir()
}

/// Makes what is missing of the data directory, and finds out whether it can be written to.
fn prepare(data: &Path) -> Result<(), Error> {
    for part in ["tables", "corpora", "blobs", "locks", "tmp", "exchange"] {
        files::make_directory(&data.join(part))?;
    }
    let ignore = data.join(".gitignore");
    if !ignore.exists() {
        files::atomic_write(&data.join("tmp"), &ignore, b"*\n")?;
    }
    files::open_lock_file(&data.join("locks").join("open.lock")).map(drop)
}

fn read_only_or(error: Error, root: &Path) -> Error {
    match error {
        Error::Io { source, .. } if files::is_read_only(&source) => Error::ReadOnly { path: root.to_owned() },
        error => error,
    }
}

/// The absolute path without symbolic links, also of what does not exist yet.
fn resolve(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let Ok(real) = std::fs::canonicalize(ancestor) {
            let rest = absolute.strip_prefix(ancestor).unwrap_or(Path::new(""));
            return without_dots(&real.join(rest));
        }
    }
    without_dots(&absolute)
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            part => plain.push(part),
        }
    }
    plain
}
