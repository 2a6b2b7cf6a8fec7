//! What the kernel says of itself.

use jupyter_protocol::ConnectionInfo;
use serde_json::{Value, json};

use super::message::PROTOCOL_VERSION;

/// The content of `kernel_info_reply`. Nothing in it asks the toolchain, so that it is there at once.
pub(super) fn kernel_info() -> Value {
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL_VERSION,
        "implementation": "kernwerk",
        "implementation_version": env!("CARGO_PKG_VERSION"),
        "language_info": {
            "name": "rust",
            "version": env!("CARGO_PKG_RUST_VERSION"),
            "mimetype": "text/rust",
            "file_extension": ".rs",
            // Not `kernwerk`: where that lexer is not installed, nbconvert would show cells without any colour.
            "pygments_lexer": "rust",
            // JupyterLab looks for the name, which the wheel's extension brings, then for the type, which is Rust's.
            "codemirror_mode": { "name": "kernwerk", "mime": "text/x-rustsrc" },
            "nbconvert_exporter": "script",
        },
        "banner": concat!(
            "Kernwerk ", env!("CARGO_PKG_VERSION"), "\n",
            "Rust cells and magics; `%lab status` says where you are, `%feature --help` what a magic can do.",
        ),
        "debugger": false,
        "help_links": [
            { "text": "The Rust book", "url": "https://doc.rust-lang.org/book/" },
            { "text": "Rust's standard library", "url": "https://doc.rust-lang.org/std/" },
        ],
        "supported_features": [],
    })
}

/// The content of `connect_reply`.
pub(super) fn ports(info: &ConnectionInfo) -> Value {
    json!({
        "status": "ok",
        "shell_port": info.shell_port,
        "iopub_port": info.iopub_port,
        "stdin_port": info.stdin_port,
        "hb_port": info.hb_port,
        "control_port": info.control_port,
    })
}
