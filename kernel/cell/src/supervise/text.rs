//! Bytes to text, piece by piece: a character cut in two by the pipe waits for its other half, and what is no UTF-8 is replaced.

/// Decodes a stream of bytes.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a character whose end has not come yet; at most three bytes.
    begun: Vec<u8>,
}

impl Decoder {
    /// The text in `bytes`, without a character that is not complete yet.
    pub(super) fn decode(&mut self, bytes: &[u8]) -> String {
        let joined;
        let mut rest = if self.begun.is_empty() {
            bytes
        } else {
            self.begun.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.begun);
            &joined
        };
        let mut text = String::with_capacity(rest.len());
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(length) = error.error_len() else {
                        self.begun = broken.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &broken[length..];
                }
            }
        }
    }

    /// What is left when no more bytes come.
    pub(super) fn finish(&mut self) -> String {
        if std::mem::take(&mut self.begun).is_empty() { String::new() } else { char::REPLACEMENT_CHARACTER.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_characters_are_joined_and_broken_ones_replaced() {
        let bytes = "aä€😀\u{0}".as_bytes().iter().copied().chain([0xff, b'b', 0xc3]).collect::<Vec<_>>();
        for size in 1..bytes.len() {
            let mut decoder = Decoder::default();
            let mut text: String = bytes.chunks(size).map(|chunk| decoder.decode(chunk)).collect();
            text.push_str(&decoder.finish());
            assert_eq!(text, "aä€😀\u{0}\u{fffd}b\u{fffd}", "in chunks of {size}");
        }
    }
}
