//! Secrets stay out of what is recorded: what a secret looks like, for the ledger, which knows nothing of them.

use std::path::PathBuf;

use kernwerk_promote::{mask, masked};
use kernwerk_store::{Lab, Screen, Screened, promotion_rules};

use crate::gates::environment;

/// Finds secrets by their look and by the environment of this process, but for those that the lab's settings allow.
struct Secrets {
    /// The lab's.
    root: PathBuf,
}

impl Screen for Secrets {
    fn screened(&self, text: &str) -> Option<Screened> {
        // Where the file has become unreadable, nothing is allowed.
        let allowed = || promotion_rules(&self.root).unwrap_or_default().gates.allow;
        let recorded = mask(text, &environment(), allowed);
        if recorded == text {
            return None;
        }
        let marks = masked(&recorded).into_iter();
        let secrets = marks.map(|(what, fingerprint)| format!("{what} (fingerprint {fingerprint})")).collect();
        Some(Screened { secrets, text: recorded.into_owned() })
    }
}

/// Lets nothing into the lab's ledger that holds a secret.
pub(crate) fn keep_out(lab: &Lab) {
    lab.ledger().screen_with(Box::new(Secrets { root: lab.root().to_owned() }));
}
