//! What the disk says of files that cells read without a trace of who wrote them: when each was last written, and which file
//! a word in a cell's text means. The slicer is given this; it looks at no disk itself.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::execution::Execution;

/// File systems stamp writes with a clock that may lag behind by a tick: 1 to 10 ms.
const EARLY_NANOSECONDS: u64 = 10_000_000;
/// The record of a cell's end lacks the milliseconds that its beginning took to record.
const LATE_NANOSECONDS: u64 = 50_000_000;

/// A file as it lies on the disk now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileState {
    /// When its content was last written; see [`file_version`].
    pub modified: u64,
    /// blake3 of its content, where somebody needed it.
    pub digest: Option<String>,
}

/// What is known of the files that a log speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// By the name under which effects record a file.
    pub files: BTreeMap<String, FileState>,
    /// The names of files that words in the texts of cells mean.
    pub mentions: BTreeMap<String, String>,
}

impl Disk {
    /// When the content with this digest was written, if that content is still there.
    pub(crate) fn modified(&self, name: &str, digest: Option<&str>) -> Option<u64> {
        let state = self.files.get(name)?;
        let is_same = match (digest, &state.digest) {
            (Some(read), Some(found)) => read == found,
            _ => true,
        };
        is_same.then_some(state.modified)
    }
}

/// The version under which an effect records the read of a file: when the file was last written, in nanoseconds since 1970.
/// From it the slicer infers which cell wrote the file, for code in cells writes files without a trace.
pub fn file_version(modified: SystemTime) -> u64 {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How well the time of a write fits into an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// Within what clocks may be wrong by.
    Near,
    /// Between its beginning and its end.
    Within,
}

/// Whether a file that was last written at `modified` (see [`file_version`]) may have been written by this execution.
pub(crate) fn may_have_written(execution: &Execution, modified: u64) -> Option<Fit> {
    let ended = execution.ended.unwrap_or(u64::MAX);
    if (execution.began..=ended).contains(&modified) {
        return Some(Fit::Within);
    }
    let from = execution.began.saturating_sub(EARLY_NANOSECONDS);
    (from..=ended.saturating_add(LATE_NANOSECONDS)).contains(&modified).then_some(Fit::Near)
}
