//! Words to numbers: the model's WordPiece tokens, at most as many as the model reads.

use tokenizers::Tokenizer;

/// The first look at a long text, in bytes; 254 tokens of running text take about 1,300.
const FIRST_LOOK: usize = 4096;

/// The model's tokenizer with its own truncation and padding switched off.
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    first: u32,
    last: u32,
    most: usize,
}

impl Tokens {
    /// Reads a `tokenizer.json`; sequences will have at most `most` tokens.
    pub(crate) fn parse(json: &[u8], most: usize) -> tokenizers::Result<Self> {
        let mut tokenizer = Tokenizer::from_bytes(json)?;
        tokenizer.with_truncation(None)?.with_padding(None);
        let id = |token: &str| tokenizer.token_to_id(token).ok_or_else(|| format!("it has no token {token}"));
        Ok(Self { first: id("[CLS]")?, last: id("[SEP]")?, tokenizer, most })
    }

    /// Ids of the text between `[CLS]` and `[SEP]`, cut off after `most`.
    pub(crate) fn ids(&self, text: &str) -> tokenizers::Result<Vec<u32>> {
        let room = self.most - 2;
        let mut look = FIRST_LOOK;
        loop {
            let prefix = prefix(text, look);
            let encoding = self.tokenizer.encode_fast(prefix, false)?;
            let ids = encoding.get_ids();
            if ids.len() < room && prefix.len() < text.len() {
                look = prefix.len().saturating_mul(4);
                continue;
            }
            let mut sequence = Vec::with_capacity(ids.len().min(room) + 2);
            sequence.push(self.first);
            sequence.extend(ids.iter().take(room));
            sequence.push(self.last);
            return Ok(sequence);
        }
    }

    /// Byte ranges of all tokens of the text, without special ones, in order and without overlap: a character that
    /// becomes several tokens (a ligature, a decomposed letter) belongs to the first, and the others are empty.
    pub(crate) fn spans(&self, text: &str) -> tokenizers::Result<Vec<(usize, usize)>> {
        let encoding = self.tokenizer.encode(text, false)?;
        let mut reached = 0;
        let in_order = |&(start, end): &(usize, usize)| {
            let start = start.max(reached);
            reached = end.max(start);
            (start, reached)
        };
        Ok(encoding.get_offsets().iter().map(in_order).collect())
    }
}

/// At least `length` bytes of the text, up to a blank: what stands after a blank changes no token before it.
fn prefix(text: &str, length: usize) -> &str {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    match text.as_bytes().get(length..).and_then(|rest| rest.iter().position(blank)) {
        // A blank is one byte and never part of another character.
        Some(further) => &text[..length + further],
        None => text,
    }
}
