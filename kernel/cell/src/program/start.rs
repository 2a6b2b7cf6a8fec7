//! The beginning of the program: what it reads is what was published, and the cells find their files where they name them.

use std::path::{Path, PathBuf};

/// Digests of what the program reads, and the directory of the cells.
const DIGESTS: &str = include_str!("../inputs/digests.txt");
const DIRECTORY: &str = include_str!("../inputs/directory.txt");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A table that a magic bound.
pub fn input(file: &str) -> PathBuf {
    root().join("inputs").join(file)
}

/// Checks what the program reads, and enters the directory of the cells.
pub fn start() {
    for line in DIGESTS.lines() {
        let Some((digest, file)) = line.split_once("  ") else { continue };
        match std::fs::read(root().join(file)) {
            Ok(bytes) if format!("{:016x}", fnv(&bytes)) == digest => {}
            Ok(_) => stop(&format!("{file} is not what the cells were published with")),
            Err(error) => stop(&format!("{file}: {error}")),
        }
    }
    let directory = root().join("lab").join(DIRECTORY.trim());
    if let Err(error) = std::fs::create_dir_all(&directory).and_then(|()| std::env::set_current_dir(&directory)) {
        stop(&format!("{}: {error}", directory.display()));
    }
}

fn stop(message: &str) -> ! {
    eprintln!("error: {message}");
    std::process::exit(2);
}

/// The digest FNV-1a, 64 bits: against mistakes, not against people.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |digest, byte| (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
