//! Colours of terminals in texts (ANSI escape sequences), as rustc writes them.

/// Cuts a text into pieces: escape sequences, and what stands between them.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let is_escape = rest.starts_with("\u{1b}[");
        let end = if is_escape {
            // A sequence ends with a letter.
            rest[2..].find(|character: char| character.is_ascii_alphabetic()).map_or(rest.len(), |at| at + 3)
        } else {
            rest.find("\u{1b}[").unwrap_or(rest.len())
        };
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some((is_escape, piece))
    })
}

/// The text without colours.
pub fn plain(text: &str) -> String {
    pieces(text).filter(|(is_escape, _)| !is_escape).map(|(_, piece)| piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: é\u{1b}[0m\n"), "error: é\n");
        assert_eq!(plain("é\u{1b}[1"), "é");
        assert_eq!(plain("nothing to do \u{1b}"), "nothing to do \u{1b}");
        assert_eq!(plain(""), "");
    }
}
