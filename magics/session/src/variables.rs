//! Where a session finds the values of variables: in its own memory, or in that of the face.

use kernwerk_core::{Problem, Table};
use kernwerk_store::content_digest;

/// The variables of a face whose cells run in this process. What a name means is decided there and asked anew each time.
pub trait Variables: Send + Sync {
    /// The table that the variable `name` holds; none where there is no such variable, or it holds no table.
    ///
    /// # Errors
    /// The variable says that it holds a table and cannot give it.
    fn table(&self, name: &str) -> Result<Option<Table>, Problem>;

    /// What the variable `name` holds, in the form that promotion compares; none where there is no such variable.
    ///
    /// # Errors
    /// It holds what has no such form.
    fn value(&self, name: &str) -> Result<Option<CanonicalValue>, Problem>;

    /// The names of the variables that hold tables.
    fn names(&self) -> Vec<String>;
}

/// Asks a face whose cells run in another process for what the variable `name` holds now, in the form that promotion compares; none where there is
/// no such variable, where it has no such form, or where the cells are at work.
pub type Evaluate = dyn Fn(&str) -> Result<Option<CanonicalValue>, Problem> + Send + Sync;

/// A value in the one form that all equal values have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalValue {
    /// A file suffix that says what the bytes are: `arrow`, `json`, `npy`.
    pub format: &'static str,
    pub bytes: Vec<u8>,
    /// Of a table the digest of its content, else blake3 of the bytes; hexadecimal.
    pub digest: String,
}

impl CanonicalValue {
    /// A table. Its batches are no part of its digest.
    ///
    /// # Errors
    /// It has columns that an Arrow file cannot hold.
    pub fn of_table(table: &Table) -> Result<Self, Problem> {
        let digest = content_digest(&table.schema, &table.batches);
        Ok(Self { format: "arrow", bytes: kernwerk_render::arrow_file(table)?, digest })
    }

    /// Anything else, in bytes that are the same for equal values.
    pub fn of_bytes(format: &'static str, bytes: Vec<u8>) -> Self {
        let digest = blake3::hash(&bytes).to_hex().to_string();
        Self { format, bytes, digest }
    }
}
