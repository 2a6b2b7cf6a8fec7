//! Evaluation from outside: what an import takes, what a run keeps, and for whom.

mod eval {
    pub mod importing;
    pub mod runs;
    pub mod support;
}
