//! Frames that a magic bound, as Polars data frames.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use kernwerk_prelude_plotters::{Answer, Frame, Frames, Lab, Problem};
use polars::prelude::{DataFrame, IpcReader, IpcWriter, PolarsResult, SerReader, SerWriter};

/// Tables come as Polars data frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsDataFrame;

impl Frames for AsDataFrame {
    type Frame = DataFrame;

    fn open(path: &Path) -> io::Result<DataFrame> {
        read(path).map_err(io::Error::other)
    }

    fn file(frame: &DataFrame, scratch: &Path) -> io::Result<PathBuf> {
        IpcWriter::new(File::create_new(scratch)?).finish(&mut frame.clone()).map_err(io::Error::other)?;
        Ok(scratch.to_owned())
    }
}

/// Runs a magic, whose tables come as Polars data frames.
///
/// # Errors
/// What the magic reports.
pub fn magic(text: &str) -> Result<Answer<AsDataFrame>, Problem> {
    Answer::of(text)
}

/// The notebook's lab, whose tables come as Polars data frames.
pub fn lab() -> Lab<AsDataFrame> {
    Lab::default()
}

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
