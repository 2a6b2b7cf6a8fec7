//! What Rust cells find under the name `kernwerk` after `:dep polars`: the small prelude, with frames as Polars data frames.

mod bind;
mod show;

pub use bind::{ToPolars, bind};
// By name where ours differs, else everything.
pub use kernwerk_prelude::{
    Column, Debugged, Frame, Plot, Shown, Value, display, display_html, display_markdown, display_svg, display_text,
    input, password, plot, show_svg, show_table,
};
pub use show::Show;

/// Shows a value as a trailing expression would be shown, anywhere in a cell.
#[macro_export]
macro_rules! show {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use $crate::{Debugged as _, Show as _};
        (&($value)).evcxr_display()
    }};
}
