//! The Python face: the extension module `kernwerk._kernwerk`, on top of the session. What is not in the session's words
//! (IPython's magics, display) is Python, in `python/kernwerk`.

mod cell;
mod frame;
mod problem;
mod reply;
mod request;
mod session;
mod variables;
mod watch;

/// The engine behind the package `kernwerk`.
#[pyo3::pymodule]
mod _kernwerk {
    #[pymodule_export]
    use crate::cell::Cell;
    #[pymodule_export]
    use crate::frame::Frame;
    #[pymodule_export]
    use crate::reply::Result;
    #[pymodule_export]
    use crate::request::{Request, told};
    #[pymodule_export]
    use crate::session::{Session, bound_by, magics, notebook};
}
