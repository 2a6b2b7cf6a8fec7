//! Cursor positions: Jupyter counts characters (Unicode code points), Rust counts bytes.

/// The byte offset of the `characters`-th character, or the end of the text.
pub(super) fn to_bytes(text: &str, characters: usize) -> usize {
    text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
}

/// How many characters stand before the byte offset.
pub(super) fn to_characters(text: &str, bytes: usize) -> usize {
    text[..text.floor_char_boundary(bytes)].chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_beyond_the_basic_plane_as_one() {
        let text = "a😀é.";
        assert_eq!(to_bytes(text, 2), 5);
        assert_eq!(to_characters(text, 5), 2);
        assert_eq!(to_bytes(text, 99), text.len());
        assert_eq!(to_characters(text, 99), 4);
    }
}
