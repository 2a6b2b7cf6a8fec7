//! What Rust cells find under the name `kernwerk`: frames that magics have bound, rich outputs, widgets, questions to the user.

mod arrow;
mod display;
mod flatbuffer;
mod frame;
mod html;
mod input;
mod spill;
pub mod widgets;

pub use display::{
    Debugged, clear_output, display, display_as, display_html, display_markdown, display_svg, display_text, show_svg,
    update_display,
};
pub use frame::{Column, Frame, Value, bind};
pub use html::{Shown, show_table};
pub use input::{input, password};
pub use spill::SpilledAsFrame;

/// Shows a value as a trailing expression would be shown, anywhere in a cell.
#[macro_export]
macro_rules! show {
    ($value:expr) => {{
        #[allow(unused_imports)]
        use $crate::Debugged as _;
        (&($value)).evcxr_display()
    }};
}
