//! Frames that a magic bound, as Polars data frames.

use std::fs::File;
use std::path::Path;

use kernwerk_prelude_plotters::Frame;
use polars::prelude::{DataFrame, IpcReader, PolarsResult, SerReader};

/// Opens the frame that a magic bound. The file is mapped, not copied.
///
/// # Panics
/// The file is gone or broken.
pub fn bind(path: impl AsRef<Path>) -> DataFrame {
    let path = path.as_ref();
    read(path).unwrap_or_else(|error| {
        panic!("the frame in {} cannot be read: {error}; run the magic that makes it again", path.display())
    })
}

fn read(path: &Path) -> PolarsResult<DataFrame> {
    let reader = IpcReader::new(File::open(path)?);
    // SAFETY: files of the exchange directory are written once, under a name that no other content gets.
    unsafe { reader.memory_mapped(Some(path.to_owned())) }.finish()
}

/// A frame as a Polars data frame.
pub trait ToPolars {
    /// # Errors
    /// The file is gone or broken.
    fn polars(&self) -> PolarsResult<DataFrame>;
}

impl ToPolars for Frame {
    fn polars(&self) -> PolarsResult<DataFrame> {
        read(self.path())
    }
}
