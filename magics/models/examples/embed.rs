//! Vectors of texts, for tests against other implementations: a JSON array of texts on standard input, one JSON array of
//! numbers a line on standard output. `embed [DIRECTORY]`, where the directory holds the model.

use std::error::Error;
use std::io::{Write, stdin, stdout};
use std::path::PathBuf;

use kernwerk_core::{Embedder, Work};
use kernwerk_models::MiniLm;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    let model = MiniLm::load(&MiniLm::find(directory.as_deref())?)?;
    let texts: Vec<String> = serde_json::from_reader(stdin().lock())?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let embedded = model.embed(&texts, &Work::silent())?;
    let mut output = stdout().lock();
    for vector in embedded.vectors.chunks_exact(model.dimensions()) {
        writeln!(output, "{}", serde_json::to_string(vector)?)?;
    }
    Ok(())
}
