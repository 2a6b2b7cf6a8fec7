//! Loaded into the worker before any cell: it shares the standard library with the cells, and so can flush their output and hear of their
//! panics. Cells are linked with it: it keeps their variables, and knows how to write them down. The cells' own compiler builds it, once per toolchain.

pub mod runtime;
mod spill;

use std::io::Write;

pub use spill::{NotSpilled, Spill, SpilledByParts, guarded, path};

/// Text that crosses into the worker, which has a standard library of its own.
#[repr(C)]
pub struct Text {
    bytes: *const u8,
    length: usize,
}

impl Text {
    fn new(text: &str) -> Self {
        Self { bytes: text.as_ptr(), length: text.len() }
    }
}

/// Takes message, file, line, column, whether the thread is another than the one that runs cells, and that thread's name.
pub type Listen = extern "C" fn(Text, Text, u32, u32, bool, Text);

/// Writes out what `print!` left in the line buffer.
#[unsafe(no_mangle)]
pub extern "C" fn kernwerk_flush() {
    // Nobody is left to tell when the pipe is gone.
    let _ = std::io::stdout().flush();
}

/// From here on panics are told to `listen`, and are not printed. To be called by the thread that runs cells.
#[unsafe(no_mangle)]
pub extern "C" fn kernwerk_listen(listen: Listen) {
    let cells = std::thread::current().id();
    std::panic::set_hook(Box::new(move |panic| {
        let payload = panic.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a value that is no text");
        let (file, line, column) = panic.location().map_or(("", 0, 0), |place| (place.file(), place.line(), place.column()));
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("unnamed");
        listen(Text::new(message), Text::new(file), line, column, thread.id() != cells, Text::new(name));
    }));
}
