//! The program as its users call it: examples of all verbs, formats, exit codes, and the reference page.

#[path = "cli/examples.rs"]
mod examples;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/reference.rs"]
mod reference;
#[path = "cli/shell.rs"]
mod shell;
