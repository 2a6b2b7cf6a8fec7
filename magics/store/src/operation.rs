//! Intents: what a process is about to do, so that the next one knows what was cut off.

use kernwerk_core::Resource;
use uuid::Uuid;

use crate::ledger::Intent;
use crate::{Error, Lab};

/// An operation under way. Finished by [`Operation::done`]; a drop means that it failed and cleaned up after itself. Only
/// when the process dies in between does the next [`Lab::open`] find it.
#[must_use = "the operation counts as ended once this is dropped"]
pub struct Operation {
    lab: Lab,
    id: Uuid,
    open: bool,
}

impl Operation {
    pub(crate) fn begin(
        lab: &Lab,
        operation: &str,
        subject: &str,
        dataset: Option<(Resource, &str)>,
    ) -> Result<Self, Error> {
        let process = lab.process()?;
        let id = Uuid::new_v4();
        lab.ledger().begin_intent(&Intent {
            id,
            process: process.id(),
            process_number: process.number(),
            operation: operation.to_owned(),
            subject: subject.to_owned(),
            dataset: dataset.map(|(resource, name)| (resource, name.to_owned())),
            begun_at: String::new(),
        })?;
        Ok(Self { lab: lab.clone(), id, open: true })
    }

    /// The operation reached its end.
    pub fn done(mut self) -> Result<(), Error> {
        self.open = false;
        self.lab.ledger().end_intent(self.id)
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        if self.open {
            // An intent that cannot be removed now is swept with its process; there is nobody to tell here.
            let _ = self.lab.ledger().end_intent(self.id);
        }
    }
}
