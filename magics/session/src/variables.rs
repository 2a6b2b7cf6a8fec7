//! Where a session finds the tables that `-> name` bound: in its own memory, or in that of the face.

use kernwerk_core::{Problem, Table};

/// The variables of a face whose cells run in this process. What a name means is decided there and asked anew each time.
pub trait Variables: Send + Sync {
    /// The table that the variable `name` holds; none where there is no such variable, or it holds no table.
    ///
    /// # Errors
    /// The variable says that it holds a table and cannot give it.
    fn table(&self, name: &str) -> Result<Option<Table>, Problem>;

    /// The names of the variables that hold tables.
    fn names(&self) -> Vec<String>;
}
