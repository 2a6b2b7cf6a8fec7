//! Words for whoever runs the program: lines on standard error.

use std::io::Write;

/// Writes one line. `eprintln!` panics where nobody reads any more, which is exactly when a kernel has to end in order.
pub(crate) fn log(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", line.as_ref());
}
