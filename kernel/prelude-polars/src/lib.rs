//! What Rust cells find under the name `kernwerk` after `:dep polars`: the preludes below, with frames as Polars data frames.

mod bind;
mod pools;
mod rows;
mod show;
mod spill;

pub use bind::{AsDataFrame, ToPolars, bind, lab, magic};
// Everything; what is defined here comes first where both have a name.
pub use kernwerk_prelude_plotters::*;
pub use pools::{kernwerk_begin_pools, kernwerk_end_runtime, kernwerk_renew_pools};
pub use show::Show;
pub use spill::{SpilledByPolars, SpilledBySerde};

/// What a cell may name without `kernwerk::`. Names of the cell's own come first.
pub mod cells {
    pub use crate::{lab, magic, progress, show};
}

/// Runs a magic. The text is a format text: `magic!("rag search docs {question:?}")?`.
#[macro_export]
macro_rules! magic {
    ($($text:tt)+) => {
        $crate::magic(&::std::format!($($text)+))
    };
}

/// Shows a value as a trailing expression would be shown, anywhere in a cell.
#[macro_export]
macro_rules! show {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use $crate::{Debugged as _, Show as _};
        (&($value)).evcxr_display()
    }};
}
