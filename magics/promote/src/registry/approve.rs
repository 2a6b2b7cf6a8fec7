//! Giving an approval, and taking it back.

use kernwerk_core::Work;
use kernwerk_store::Lab;

use super::{Action, Approval, Author, Change, Event, Signed};
use crate::Error;
use crate::artifact::Reference;
use crate::trust::{SigningKey, owner};

/// What became of an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Approved {
    /// It was entered into the history.
    Now(Event),
    /// The person has given it before, signed no less, and it still stands: nothing was entered.
    Before {
        /// The version, such as `fares@2`.
        artifact: String,
        approval: Approval,
    },
}

/// Says that a person wants to see a version on a stage.
///
/// # Errors
/// As [`super::stage`], but for what is about the stage's holder; [`Error::MustSign`] where `kernwerk.toml` asks for signatures.
pub fn approve(lab: &Lab, reference: &Reference, stage: &str, author: Author, work: &Work) -> Result<Approved, Error> {
    if lab.promotion_rules()?.signed_approvals {
        return Err(Error::MustSign { by: author.by });
    }
    enter(lab, Change::begin(lab, reference, stage, work)?, stage, author, None)
}

/// As [`approve`], signed with the key of who approves. It counts as signed once `kernwerk.toml` names the key as that person's.
///
/// # Errors
/// As [`approve`]; [`Error::NotTheirKey`] where the key is another's, by `kernwerk.toml` or, where that does not name it, by its own name: an
/// approval that is signed for somebody else breaks the history as soon as the key is named; [`Error::UnknownKey`] where `kernwerk.toml` asks
/// for signatures and does not name it.
pub fn approve_signed(
    lab: &Lab,
    reference: &Reference,
    stage: &str,
    author: Author,
    key: &SigningKey,
    work: &Work,
) -> Result<Approved, Error> {
    let named = owner(lab, key)?;
    let owner = named.as_deref().unwrap_or(key.name());
    if owner != author.by {
        return Err(Error::NotTheirKey { by: author.by, owner: owner.to_owned() });
    }
    if named.is_none() && lab.promotion_rules()?.signed_approvals {
        return Err(Error::UnknownKey { by: author.by, key: key.public().text() });
    }
    let signed = if named.is_some() { Signed::Yes } else { Signed::Stranger };
    enter(lab, Change::begin(lab, reference, stage, work)?, stage, author, Some((key, signed)))
}

/// Takes back that a person wants to see a version on a stage. A stage that it has taken it keeps.
///
/// # Errors
/// As [`approve`]; [`Error::NothingToWithdraw`].
pub fn withdraw(lab: &Lab, reference: &Reference, stage: &str, author: Author, work: &Work) -> Result<Event, Error> {
    let change = Change::begin(lab, reference, stage, work)?;
    if !change.registry.approvers(stage, &change.holder.identity, false).contains(author.by.as_str()) {
        let (artifact, stage) = (change.location.to_string(), stage.to_owned());
        return Err(Error::NothingToWithdraw { artifact, stage, by: author.by });
    }
    change.append(lab, Action::Withdraw, stage, author)
}

/// Enters an approval, unless the same stands already.
fn enter(
    lab: &Lab,
    change: Change,
    stage: &str,
    author: Author,
    key: Option<(&SigningKey, Signed)>,
) -> Result<Approved, Error> {
    let signed = key.map_or(Signed::No, |(_, signed)| signed);
    let before = change.registry.standing(stage, &change.holder, &author.by);
    if let Some(approval) = before.filter(|before| before.signed >= signed) {
        return Ok(Approved::Before { artifact: change.location.to_string(), approval });
    }
    let Some(key) = key else { return change.append(lab, Action::Approve, stage, author).map(Approved::Now) };
    let Change { location, holder, history, .. } = &change;
    let event = history.append_signed(lab, &location.name, (Action::Approve, stage, holder), author, key)?;
    Ok(Approved::Now(event))
}
