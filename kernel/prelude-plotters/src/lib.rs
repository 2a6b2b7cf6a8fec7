//! What Rust cells find under the name `kernwerk` after `:dep plotters`: the small prelude, and charts.

mod plot;

pub use kernwerk_prelude::*;
pub use plot::{Plot, plot};
