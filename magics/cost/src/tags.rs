//! Tags: what usage is for, beside where it was.

use kernwerk_store::Lab;

use crate::Error;

/// From now on usage of the notebook gets the tags of `add`, and no longer those of `remove`; what has those keeps them. On
/// an error nothing has changed.
///
/// # Errors
///
/// [`Error::BadTag`], and [`Error::UnknownTag`] where one to remove is not there.
pub fn change_tags(lab: &Lab, notebook: &str, add: &[String], remove: &[String]) -> Result<(), Error> {
    let add: Vec<String> = add.iter().map(|tag| checked(tag)).collect::<Result<_, _>>()?;
    let there = lab.ledger().tags(notebook)?;
    if let Some(tag) = remove.iter().find(|tag| !there.contains(tag)) {
        return Err(Error::UnknownTag { notebook: notebook.to_owned(), tag: tag.clone() });
    }
    Ok(lab.ledger().change_tags(notebook, &add, remove)?)
}

pub(crate) fn checked(tag: &str) -> Result<String, Error> {
    let is_word = !tag.is_empty() && tag.chars().all(|c| c.is_alphanumeric() || "-_./:".contains(c));
    if is_word { Ok(tag.to_owned()) } else { Err(Error::BadTag { given: tag.to_owned() }) }
}
