//! Rust cells through a real cell host, in order, since starting one takes seconds. This program is also that host: it has a `main` of its own.

#[path = "cell/bench.rs"]
mod bench;
#[path = "cell/dependencies.rs"]
mod dependencies;
#[path = "cell/ends.rs"]
mod ends;
#[path = "cell/kept.rs"]
mod kept;
#[path = "cell/life.rs"]
mod life;
#[path = "cell/outputs.rs"]
mod outputs;
#[path = "cell/questions.rs"]
mod questions;

use std::time::Instant;

use bench::Bench;

/// A test: its name, and what it does with a host that others have used before.
type Test = (&'static str, fn(&mut Bench));

/// Those that end the process of the cells come last.
const TESTS: &[Test] = &[
    ("the first cell, beside a stray evcxr.toml", life::first_cell),
    ("trivial cells are quick", life::trivial_cells),
    ("what was compiled before is not compiled again", life::unchanged_cells),
    ("types of the standard library", life::types_of_the_standard_library),
    ("variables that a cell does not name", life::unnamed_variables),
    ("a cell sees the notebook's directory and environment", life::surroundings),
    ("a first question mark", outputs::first_question_mark),
    ("values at the end", outputs::values),
    ("what is printed", outputs::streams),
    ("output is live", outputs::live),
    ("outputs come in order", outputs::order),
    ("output that is no text", outputs::no_text),
    ("a hundred megabytes", outputs::a_lot),
    ("compile errors name the cell's lines", ends::compile_errors),
    ("panics", ends::panics),
    ("errors that `?` meets", ends::failures),
    ("what is refused", ends::refusals),
    ("large cells", ends::large_cells),
    ("a program with main", life::program),
    ("completion and help", questions::completion),
    ("completion and help while a cell runs", questions::while_running),
    ("questions to the user", questions::input),
    ("frames of magics", dependencies::frames),
    ("a crate of the user's", dependencies::local_crate),
    ("another build is waited for", dependencies::another_build),
    ("charts", dependencies::charts),
    ("Polars", dependencies::polars),
    ("a build is interrupted", ends::interrupted_build),
    ("a cell is interrupted", ends::interrupted_cell),
    ("crashes", ends::crashes),
    ("a kill between cells", kept::killed_while_idle),
    ("crashes beside threads", kept::crashes_beside_threads),
    ("pipes", kept::pipes),
    ("crashes with frames", kept::frames),
    ("many lives", kept::many_lives),
    ("crashes with frames and threads", kept::frames_beside_threads),
    ("a copy goes down", kept::copy_goes_down),
    ("the host is killed", life::killed_host),
    ("nothing is left behind", life::shutdown),
];

fn main() {
    kernwerk_cell::runtime_hook();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("cell-host") => kernwerk_cell::serve(),
        Some("prepare") => return life::prepare(),
        Some("without-toolchain") => return life::without_toolchain(),
        Some("--list") => return,
        _ => {}
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let mut bench = Bench::new();
    for (name, test) in TESTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            let begun = Instant::now();
            print!("{name} … ");
            std::io::Write::flush(&mut std::io::stdout()).expect("the test can print");
            test(&mut bench);
            println!("ok, {:.1} s", begun.elapsed().as_secs_f64());
        }
    }
}
