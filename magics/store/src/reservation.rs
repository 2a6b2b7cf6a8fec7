//! A call of a model on its way: reserved before it runs, settled when it has ended, released when it never ran.

use kernwerk_core::Usage;
use uuid::Uuid;

use crate::ledger::{Admission, Bound, BudgetState, Call, Refusal};
use crate::recovery;
use crate::{Error, Lab, Price};

/// What [`Lab::reserve`] answers.
pub enum Reserved {
    /// The call may run; of these soft budgets it goes over.
    Admitted(Box<Reservation>, Vec<Refusal>),
    /// A hard budget would be overspent, and nothing was reserved.
    Refused(Box<Refusal>),
}

/// The right to run a call. A drop takes it back; when the process dies, the call counts as all that was reserved for it.
#[must_use = "the call counts as never run once this is dropped"]
pub struct Reservation {
    lab: Lab,
    id: i64,
    call: Call,
    bound: Bound,
    open: bool,
}

impl Lab {
    /// Asks all budgets whether a call may run that uses up no more than `bound`. The decision and its record are one step,
    /// also among processes.
    pub fn reserve(&self, call: &Call, bound: &Bound) -> Result<Reserved, Error> {
        let process = self.process()?.id();
        Ok(match self.ledger().admit(call, bound, process, &|other| self.lives(other))? {
            Admission::Refused(refusal) => Reserved::Refused(refusal),
            Admission::Admitted { id, over } => {
                let (lab, call, bound) = (self.clone(), call.clone(), bound.clone());
                Reserved::Admitted(Box::new(Reservation { lab, id, call, bound, open: true }), over)
            }
        })
    }

    /// All budgets with what counts against them now.
    pub fn budgets(&self) -> Result<Vec<BudgetState>, Error> {
        self.ledger().budgets(&|other| self.lives(other))
    }

    fn lives(&self, process: Uuid) -> bool {
        self.process().is_ok_and(|own| own.id() == process) || recovery::is_alive(self.data_dir(), process)
    }
}

impl Reservation {
    /// Asks for more while the call runs; none when that is granted.
    pub fn extend(&mut self, bound: &Bound) -> Result<Option<Refusal>, Error> {
        let process = self.lab.process()?.id();
        match self.lab.ledger().extend(self.id, &self.bound, bound, process)? {
            Admission::Refused(refusal) => Ok(Some(*refusal)),
            Admission::Admitted { .. } => {
                self.bound = bound.clone();
                Ok(None)
            }
        }
    }

    /// What it was given for.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// The call has ended and used up this much.
    pub fn settle(mut self, usage: &Usage, price: Option<&Price>) -> Result<(), Error> {
        self.open = false;
        let cost = price.and_then(|price| price.cost(usage));
        self.lab.ledger().settle(self.id, &self.call, usage, cost.as_ref())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.open {
            // What cannot be released now is charged with the process's end; there is nobody to tell here.
            let _ = self.lab.ledger().release(self.id);
        }
    }
}
