//! The program `kernwerk`: the verbs in a shell, the kernel and its parts.

mod confined;
mod interrupt;
mod progress;
mod shell;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use kernwerk_core::Problem;

use crate::words::Invocation;

/// The parts of the program that are no verbs.
#[derive(Parser)]
#[command(name = "kernwerk", disable_help_subcommand = true)]
enum Part {
    /// The Jupyter kernel
    #[command(subcommand)]
    Kernel(Kernel),
    /// Run cells that come as a JSON line on standard input; answers with a JSON line a cell
    #[command(hide = true)]
    RunCells,
    /// Compile and run Rust cells for a kernel
    #[command(hide = true)]
    CellHost,
    /// Print the reference page of the magics, in Markdown
    Reference,
    /// Print the version
    Version,
}

#[derive(clap::Subcommand)]
enum Kernel {
    /// Make the kernel known to Jupyter
    Install(Place),
    /// Take the kernel away from Jupyter
    Uninstall(Place),
    /// Compile what Rust cells import (frames, plots) once, for all notebooks
    Prepare,
    /// Serve a front end; Jupyter calls this
    Serve {
        /// The connection file that Jupyter wrote
        #[arg(short = 'f', long)]
        connection_file: PathBuf,
    },
}

/// Where Jupyter looks for kernels.
#[derive(clap::Args)]
#[group(multiple = false)]
struct Place {
    /// For the present user (the default)
    #[arg(long)]
    user: bool,
    /// In the Python environment that is active
    #[arg(long)]
    sys_prefix: bool,
    /// Below this directory, in share/jupyter/kernels
    #[arg(long, value_name = "DIRECTORY")]
    prefix: Option<PathBuf>,
}

fn main() -> ExitCode {
    // Cells run in this same program, called by evcxr in its own way: that must be seen before anything else.
    kernwerk_cell::runtime_hook();
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == confined::PART) {
        return confined::run(words);
    }
    match run() {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("error: {}", kernwerk_render::problem_text(&problem));
            ExitCode::from(if problem.is_interrupt() { 130 } else { 2 })
        }
    }
}

fn run() -> Result<ExitCode, Problem> {
    let invocation = Invocation::read(std::env::args_os().skip(1))?;
    match invocation.words.first().map(String::as_str) {
        None | Some("--help" | "-h" | "help") => {
            println!("{}", shell::overview());
            Ok(ExitCode::SUCCESS)
        }
        Some("kernel" | "run-cells" | "cell-host" | "reference" | "version" | "--version" | "-V") => {
            part(&invocation.words)
        }
        Some(_) => shell::run(invocation),
    }
}

fn part(words: &[String]) -> Result<ExitCode, Problem> {
    let words = words.iter().map(|word| match word.as_str() {
        "--version" | "-V" => "version",
        other => other,
    });
    match Part::parse_from(["kernwerk"].into_iter().chain(words)) {
        Part::RunCells => kernwerk_server::run_cells(program()?)?,
        Part::CellHost => kernwerk_cell::serve(),
        Part::Reference => print!("{}", kernwerk_server::language().reference()),
        Part::Version => println!("kernwerk {}", env!("CARGO_PKG_VERSION")),
        Part::Kernel(Kernel::Serve { connection_file }) => kernwerk_server::serve_kernel(&connection_file, program()?)?,
        Part::Kernel(Kernel::Prepare) => prepare()?,
        Part::Kernel(Kernel::Install(place)) => {
            let path = kernwerk_server::install(&place.into(), &program()?)?;
            eprintln!("the kernel is installed in {}", path.display());
        }
        Part::Kernel(Kernel::Uninstall(place)) => {
            let path = kernwerk_server::uninstall(&place.into())?;
            eprintln!("the kernel is gone from {}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl From<Place> for kernwerk_server::Place {
    fn from(place: Place) -> Self {
        match (place.prefix, place.sys_prefix) {
            (Some(prefix), _) => Self::Prefix(prefix),
            (None, true) => Self::SysPrefix,
            (None, false) => Self::User,
        }
    }
}

fn program() -> Result<PathBuf, Problem> {
    std::env::current_exe()
        .map_err(|error| Problem::new("NoProgram", format!("this program's own path cannot be found: {error}")))
}

fn prepare() -> Result<(), Problem> {
    let cancel = interrupt::cancel_on_interrupt();
    let work = kernwerk_core::Work::new(cancel, std::sync::Arc::new(progress::Terminal::new()));
    kernwerk_cell::prepare(&program()?, &work)
}
