//! How frames move to another process, should this one go down: by their files.

use std::fs;
use std::marker::PhantomData;
use std::path::Path;

use crate::frame::Frame;

/// How a variable that is a frame moves. Compiled cells ask for it by the type of each variable.
pub trait SpilledAsFrame<T> {
    /// Writes what the other process needs to a file.
    fn kernwerk_write(&self, value: &T, path: &Path) -> bool;
    /// Makes the variable of it.
    fn kernwerk_read(&self, path: &Path) -> Option<T>;
}

impl SpilledAsFrame<Frame> for &&&PhantomData<Frame> {
    fn kernwerk_write(&self, value: &Frame, path: &Path) -> bool {
        value.path().to_str().is_some_and(|file| fs::write(path, file).is_ok())
    }

    fn kernwerk_read(&self, path: &Path) -> Option<Frame> {
        Frame::open(fs::read_to_string(path).ok()?).ok()
    }
}
