//! What Rust cells find under the name `kernwerk`: magics and the lab, frames, progress of loops, rich outputs, widgets, questions to the user.

mod answer;
mod arrow;
mod bar;
mod display;
mod engine;
mod flatbuffer;
mod frame;
mod html;
mod image;
mod input;
mod json;
mod lab;
mod problem;
mod progress;
mod spill;
pub mod widgets;

pub use answer::{Answer, magic};
pub use display::{
    Debugged, VOLATILE, clear_output, display, display_as, display_html, display_json, display_markdown, display_svg,
    display_text, show_svg, update_display,
};
pub use frame::{AsFrame, Column, Frame, Frames, Value, bind};
pub use html::{Shown, show_table};
pub use image::Image;
pub use input::{input, password};
pub use lab::{Lab, lab};
pub use problem::Problem;
pub use progress::{Progress, progress};
pub use spill::SpilledAsFrame;

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
        use $crate::Debugged as _;
        (&($value)).evcxr_display()
    }};
}
