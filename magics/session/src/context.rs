//! What a verb may ask of the session while it runs.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use std::collections::BTreeMap;

use kernwerk_core::{
    Access, CellId, Effect, Embedder, Parameter, ParameterValue, Problem, Resource, Runner, Table, Work,
};
use kernwerk_promote::{Known, is_published};
use kernwerk_store::{Lab, Principal};

use crate::cells::RunningCell;
use crate::session::Session;
use crate::variables::CanonicalValue;

/// A verb's view of the session: the lab, the models behind their meter, and the record of its cell.
pub struct Context<'a> {
    pub(crate) session: &'a Session,
    pub(crate) cell: &'a RunningCell,
    pub(crate) work: &'a Work,
    /// Such as `rag search`; usage is recorded under it.
    pub(crate) verb: &'a str,
}

impl Context<'_> {
    /// The existing lab, or an error that says how to make one.
    pub fn lab(&self) -> Result<Lab, Problem> {
        self.session.existing_lab()
    }

    /// The lab if there is one.
    pub fn existing_lab(&self) -> Result<Option<Lab>, Problem> {
        self.session.lab()
    }

    /// The lab, made now if there is none. What ran before is in its record then.
    pub fn lab_for_writing(&self) -> Result<Lab, Problem> {
        let lab = self.session.lab_for_writing()?;
        self.session.cell_id(&lab, self.cell);
        Ok(lab)
    }

    /// The lab that holds an artifact, for writing. It is made for one that lies where a lab would be, as in a checkout without
    /// `kernwerk.toml`, and not for a name that is none.
    pub fn lab_with(&self, artifact: &str) -> Result<Lab, Problem> {
        if self.existing_lab()?.is_none() && !is_published(&self.session.place_for_lab()?, artifact) {
            return self.lab();
        }
        self.lab_for_writing()
    }

    /// The cell that runs the verb, in the record of cells; none where it cannot be recorded.
    pub fn cell_id(&self, lab: &Lab) -> Option<CellId> {
        self.session.cell_id(lab, self.cell)
    }

    /// Makes a lab at `root` and uses it from now on.
    pub(crate) fn make_lab(&self, root: &Path) -> Result<Lab, Problem> {
        self.session.make_lab(root)
    }

    /// How to be stopped, and whom to tell.
    pub fn work(&self) -> &Work {
        self.work
    }

    /// The notebook's directory.
    pub fn directory(&self) -> &Path {
        self.session.directory()
    }

    /// The path that `given` means, against the notebook's directory.
    pub fn path(&self, given: &str) -> PathBuf {
        self.session.directory().join(given)
    }

    /// Writes a file that the user asked for, whole or not at all, and records that the cell wrote it. Its directory is there:
    /// [`Context::check_place`] has looked.
    pub fn save(&self, given: &str, bytes: &[u8]) -> Result<PathBuf, Problem> {
        let path = self.path(given);
        let name = match self.existing_lab()? {
            Some(lab) => {
                lab.atomic_write(&path, bytes)?;
                lab.relative(&path)
            }
            None => {
                kernwerk_store::write_whole(&path, bytes)?;
                path.display().to_string()
            }
        };
        self.effect(Access::Write, Resource::File, &name, None, None);
        Ok(path)
    }

    /// For whom the session works; nobody unless somebody was named.
    pub fn principal(&self) -> Result<Principal, Problem> {
        let name = self.session.principal_name();
        Ok(self.lab()?.principal(name.as_deref())?)
    }

    /// What a variable of the notebook holds, in the form that promotion compares; none where there is no such variable, or where variables are
    /// not in this process.
    ///
    /// # Errors
    /// It holds what has no such form.
    pub fn value(&self, name: &str) -> Result<Option<CanonicalValue>, Problem> {
        self.session.value(name)
    }

    /// What is still known of what cells showed, and of this variable, whose value is given where it was asked for.
    pub(crate) fn known(&self, name: Option<&str>, value: Option<CanonicalValue>) -> Known {
        self.session.known(name, value)
    }

    pub(crate) fn principal_name(&self) -> Option<String> {
        self.session.principal_name()
    }

    pub(crate) fn set_principal(&self, name: Option<String>) {
        self.session.set_principal(name);
    }

    /// The embedding model, behind the meter.
    pub fn embedder(&self) -> Result<Arc<dyn Embedder>, Problem> {
        self.session.embedder(self.cell, self.verb)
    }

    /// Runs cells in a fresh process.
    pub fn runner(&self) -> Result<Arc<dyn Runner>, Problem> {
        Ok(self.session.runner())
    }

    /// The notebook whose cells are recorded here, relative to the lab; `shell` in a shell.
    pub fn notebook(&self) -> String {
        self.session.notebook()
    }

    /// Whether the face is a Python's.
    pub(crate) fn is_python(&self) -> bool {
        self.session.is_python()
    }

    /// The number of the cell that runs the verb.
    pub fn execution_count(&self) -> u32 {
        self.cell.execution_count()
    }

    /// The process whose cells are recorded here.
    pub fn process(&self) -> uuid::Uuid {
        self.session.process()
    }

    /// The text of the `Cargo.lock` with which the cells that are recorded here were compiled; none where none was.
    pub fn crate_lock(&self) -> Option<String> {
        self.session.crate_lock()
    }

    /// The program that this is, for what an artifact says of its making.
    pub fn program(&self) -> &Path {
        self.session.program()
    }

    /// Waits for `future` on the session's runtime.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.session.block_on(future)
    }

    /// Records that the cell accessed a resource.
    pub fn effect(&self, access: Access, resource: Resource, name: &str, version: Option<u64>, digest: Option<String>) {
        self.cell.effect(Effect { access, resource, name: name.to_owned(), version, digest });
    }

    /// The value that whoever runs the cells has given to a parameter, in place of the one in its cell.
    pub fn given_parameter(&self, name: &str) -> Option<&str> {
        self.session.given_parameter(name)
    }

    /// Declares a parameter: from now on it is a variable of the notebook, and has its value in SQL as `$name`.
    pub fn declare(&self, parameter: &Parameter) {
        self.session.set_parameter(parameter);
        self.cell.declares(parameter);
    }

    /// The parameters that cells have declared.
    pub fn parameters(&self) -> BTreeMap<String, ParameterValue> {
        self.session.parameters()
    }

    /// Records that the cell used variables of these names.
    pub fn uses(&self, names: &[String]) {
        names.iter().for_each(|name| self.cell.uses(name));
    }

    /// A table that was given to the cell by whoever runs it: it goes before the lab's.
    pub fn given(&self, name: &str) -> Option<Table> {
        self.cell.given(name).cloned()
    }

    /// A table that a variable of the notebook holds, and records that the cell uses it.
    ///
    /// # Errors
    /// The face has a variable of that name that cannot give its table.
    pub fn variable(&self, name: &str) -> Result<Option<Table>, Problem> {
        let table = self.session.variable(name)?;
        if table.is_some() {
            self.cell.uses(name);
        }
        Ok(table)
    }
}
