//! What a table that is loaded anew keeps of what was declared when it was loaded before.

use crate::roles::Origin;
use crate::{Error, Roles};

use super::SourceSpec;

/// What was declared for a table, where the new load says nothing else.
#[derive(Debug, Default)]
pub(super) struct Kept {
    roles: Roles,
    timezone: Option<String>,
    /// Roles whose columns the new file does not have, in words.
    gone: Vec<String>,
}

impl Kept {
    /// What is kept of `there`: whatever `spec` does not say itself.
    pub(super) fn of(there: &Origin, spec: &SourceSpec) -> Self {
        if spec.forget_roles {
            return Self::default();
        }
        let Roles { event_time, created, key } = there.roles.clone();
        Self {
            roles: Roles {
                event_time: event_time.filter(|_| spec.roles.event_time.is_none()),
                created: created.filter(|_| spec.roles.created.is_none()),
                key: if spec.roles.key.is_empty() { key } else { Vec::new() },
            },
            timezone: there.timezone.clone().filter(|_| spec.timezone.is_none()),
            gone: Vec::new(),
        }
    }

    /// The load as it would have been said in full.
    pub(super) fn completed(&self, spec: &SourceSpec) -> SourceSpec {
        let mut spec = spec.clone();
        let Roles { event_time, created, key } = self.roles.clone();
        spec.roles.event_time = spec.roles.event_time.or(event_time);
        spec.roles.created = spec.roles.created.or(created);
        if spec.roles.key.is_empty() {
            spec.roles.key = key;
        }
        spec.timezone = spec.timezone.or_else(|| self.timezone.clone());
        spec
    }

    /// Gives up the role whose column the file does not have; false where that role is none of the kept ones.
    pub(super) fn give_up(&mut self, error: &Error) -> bool {
        let Error::UnknownColumn { option, column, .. } = error else {
            return false;
        };
        let (role, was_kept) = match *option {
            "--event-time" => ("event time", self.roles.event_time.take().is_some()),
            "--created" => ("created time", self.roles.created.take().is_some()),
            "--key" => ("key", !std::mem::take(&mut self.roles.key).is_empty()),
            _ => return false,
        };
        if was_kept {
            self.gone.push(format!(
                "the table had the {role} `{column}`, a column that this file does not have: it has none now"
            ));
        }
        was_kept
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.roles == Roles::default() && self.timezone.is_none()
    }

    /// What is to be said of it.
    pub(super) fn notes(self) -> Vec<String> {
        let mut notes = self.gone;
        let times = [("--event-time", self.roles.event_time), ("--created", self.roles.created)];
        let key = (!self.roles.key.is_empty()).then(|| self.roles.key.join(","));
        let options = times.into_iter().chain([("--key", key), ("--timezone", self.timezone)]);
        let kept: Vec<String> = options.filter_map(|(option, value)| Some(format!("{option} {}", value?))).collect();
        if !kept.is_empty() {
            notes.push(format!("kept from the version before: `{}`; `--forget-roles` would not", kept.join(" ")));
        }
        notes
    }
}
