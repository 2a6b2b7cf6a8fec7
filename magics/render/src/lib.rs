//! Outputs as people and programs read them: text, HTML, JSON, CSV and Arrow.

mod cells;
mod html;
mod machine;
mod progress;
mod text;

pub use html::{html, problem_html};
pub use machine::{arrow_file, arrow_stream, csv, json};
pub use progress::Progress;
pub use text::{problem_text, text};
