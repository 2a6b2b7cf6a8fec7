//! Outputs as people and programs read them: text, HTML, JSON, CSV and Arrow.

mod answer;
mod board;
mod capture;
mod captures;
mod cells;
mod document;
mod forms;
mod graph;
mod html;
mod machine;
mod notebook;
mod numbers;
mod page;
mod progress;
mod report;
mod text;

pub use answer::{answer_table, json as answer_json};
pub use board::{Bar, Board};
pub use capture::capture;
pub use captures::Captures;
pub use cells::float_text as number;
pub use forms::VOLATILE;
pub use graph::{Node, graph};
pub use html::{html, problem_html};
pub use machine::{arrow_file, arrow_stream, csv, json, parquet_file, write_arrow_file};
pub use notebook::{UnreadNotebook, read_notebook};
pub use page::page;
pub use progress::Progress;
pub use report::{Report, ReportCell, ReportResult, Standing, report_json, report_notebook, report_page};
pub use text::{problem_text, text};
