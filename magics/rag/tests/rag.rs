//! Retrieval from outside: what an ingest stores, what a search finds, and what nobody may learn.

mod rag {
    pub mod answers;
    pub mod asking;
    pub mod changes;
    pub mod documents;
    pub mod leaks;
    pub mod runs;
    pub mod support;
    pub mod updates;
}
