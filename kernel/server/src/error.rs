//! What can go wrong in serving a kernel, running cells in a fresh process, or installing the kernelspec.

use std::io;
use std::path::PathBuf;

use kernwerk_core::Problem;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the connection file {} cannot be read: {reason}", path.display())]
    ConnectionFile { path: PathBuf, reason: String },
    #[error("the connection file asks for signatures of scheme `{0}`; this kernel knows hmac-sha256")]
    SignatureScheme(String),
    #[error("the connection file asks for encryption (CURVE), which this kernel does not have")]
    Encryption,
    #[error("the {channel} channel cannot listen on {endpoint}: {reason}")]
    Bind { channel: &'static str, endpoint: String, reason: String },
    #[error("the kernel could not be started: {0}")]
    Start(#[source] io::Error),
    #[error("the request for cells cannot be read: {0}")]
    RunRequest(String),
    #[error("an outcome could not be written: {0}")]
    Outcome(#[source] io::Error),
    #[error("the proxy that stands between the cells and the network cannot be reached: {0}")]
    Proxy(#[source] io::Error),
    #[error("the kernelspec could not be written to {}: {reason}", path.display())]
    KernelspecWrite { path: PathBuf, reason: String },
    #[error("the kernelspec could not be removed from {}: {reason}", path.display())]
    KernelspecRemove { path: PathBuf, reason: String },
    #[error("there is no kernelspec at {}", .0.display())]
    KernelspecAbsent(PathBuf),
    #[error("the place for `--user` is unknown: neither HOME nor JUPYTER_DATA_DIR is set")]
    NoHome,
    #[error("the place for `--sys-prefix` is unknown: no virtual environment is active and {} is in none", .0.display())]
    NoSysPrefix(PathBuf),
}

impl Error {
    fn name(&self) -> &'static str {
        match self {
            Self::ConnectionFile { .. } => "ConnectionFile",
            Self::SignatureScheme(_) => "SignatureScheme",
            Self::Encryption => "Encryption",
            Self::Bind { .. } => "Bind",
            Self::Start(_) => "Start",
            Self::RunRequest(_) => "RunRequest",
            Self::Outcome(_) => "Outcome",
            Self::Proxy(_) => "Proxy",
            Self::KernelspecWrite { .. } => "KernelspecWrite",
            Self::KernelspecRemove { .. } => "KernelspecRemove",
            Self::KernelspecAbsent(_) => "KernelspecAbsent",
            Self::NoHome => "NoHome",
            Self::NoSysPrefix(_) => "NoSysPrefix",
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::ConnectionFile { .. } => Some(
                "Jupyter writes this file and starts the kernel itself: choose Kernwerk in JupyterLab, or run `jupyter console --kernel kernwerk`",
            ),
            Self::SignatureScheme(_) => {
                Some("set `c.Session.signature_scheme = \"hmac-sha256\"` in Jupyter's configuration")
            }
            Self::Encryption => Some(
                "set `c.KernelManager.transport_encryption = \"disabled\"` in Jupyter's configuration; `c.KernelManager.transport = \"ipc\"` keeps others out as well",
            ),
            Self::Bind { .. } => Some("another kernel may still hold the address: restart the kernel once more"),
            Self::KernelspecWrite { .. } | Self::KernelspecRemove { .. } => Some(
                "remove what stands there, or choose another place with `--user`, `--sys-prefix` or `--prefix DIR`",
            ),
            Self::KernelspecAbsent(_) => Some("`jupyter kernelspec list` shows where kernels are installed"),
            Self::NoHome | Self::NoSysPrefix(_) => Some("say where with `--prefix DIR`"),
            Self::Start(_) | Self::RunRequest(_) | Self::Outcome(_) | Self::Proxy(_) => None,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let problem = Self::new(error.name(), error.to_string());
        match error.hint() {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}
