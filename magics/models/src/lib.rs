//! The models that run in this process: weights and tensors by candle, arithmetic of our own. On the CPU for now.

mod batch;
mod bert;
mod error;
mod files;
mod find;
mod kernel;
mod minilm;
mod tokens;
mod weights;

pub use error::Error;
pub use minilm::MiniLm;
