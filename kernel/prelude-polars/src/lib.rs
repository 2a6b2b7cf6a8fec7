//! What Rust cells find under the name `kernwerk` after `:dep polars`: the preludes below, with frames as Polars data frames.

mod bind;
mod show;

pub use bind::{ToPolars, bind};
// Everything; what is defined here comes first where both have a name.
pub use kernwerk_prelude_plotters::*;
pub use show::Show;

/// What a cell may name without `kernwerk::`. Names of the cell's own come first.
pub mod cells {
    pub use crate::{progress, show};
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
