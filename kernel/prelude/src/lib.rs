//! What Rust cells find under the name `kernwerk`: frames, progress of loops, rich outputs, questions to the user.

mod arrow;
mod bar;
mod display;
mod flatbuffer;
mod frame;
mod html;
mod image;
mod input;
mod json;
mod progress;

pub use display::{
    Debugged, VOLATILE, clear_output, display, display_as, display_html, display_json, display_markdown, display_svg,
    display_text, show_svg, update_display,
};
pub use frame::{Column, Frame, Value, bind};
pub use html::{Shown, show_table};
pub use image::Image;
pub use input::{input, password};
pub use progress::{Progress, progress};

/// What a cell may name without `kernwerk::`. Names of the cell's own come first.
pub mod cells {
    pub use crate::{progress, show};
}

/// Shows a value as a trailing expression would be shown, anywhere in a cell.
#[macro_export]
macro_rules! show {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use $crate::Debugged as _;
        (&($value)).evcxr_display()
    }};
}
