//! Values of options that several verbs have.

/// How many of something an option says.
///
/// # Errors
/// It is no such number; in words what is one.
pub(crate) fn count(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("it is a whole number from 0 to {}", u32::MAX))
}
