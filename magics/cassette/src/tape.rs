//! The tape: exchanges in the order in which they began, as JSON that reads well in a review.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// Rises whenever an older program could not read the file.
pub const FORMAT: u32 = 1;
/// No tape has more bytes, neither as a file nor in its contents.
pub const LARGEST_TAPE: usize = 32 << 20;

/// What was said and answered, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tape {
    pub format: u32,
    /// Headers of requests, in lower case, that are not looked at beside those that never are: whoever recorded it said so.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ignored_headers: BTreeSet<String>,
    pub exchanges: Vec<Exchange>,
}

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The step that asked, from 1; 0 is before the first.
    pub step: u32,
    pub method: String,
    /// Without a fragment, and without a name and a password.
    pub url: String,
    /// What else says what was asked, by names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub request_headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub request: Content,
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// What else says something of the content, by names in lower case.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answer_headers: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Content::is_empty")]
    pub answer: Content,
}

/// The bytes of a body: text as text, a line a string where there are several; all else in base64.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Content(pub Vec<u8>);

/// A body as the file has it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Line(String),
    Lines(Vec<String>),
    Bytes { base64: String },
}

/// A file that is no tape.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    #[error("it is no cassette that can be read: {0}")]
    Unreadable(#[from] serde_json::Error),
    #[error("it is of a newer kind (format {found}, this one reads up to {FORMAT})")]
    Newer { found: u32 },
    #[error("it has {bytes} bytes, and no cassette has more than {LARGEST_TAPE}")]
    TooLarge { bytes: usize },
}

impl Tape {
    pub(crate) fn new(ignored_headers: BTreeSet<String>, exchanges: Vec<Exchange>) -> Self {
        Self { format: FORMAT, ignored_headers, exchanges }
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// They are no tape, or one that this cannot read.
    pub fn read(bytes: &[u8]) -> Result<Self, TapeError> {
        if bytes.len() > LARGEST_TAPE {
            return Err(TapeError::TooLarge { bytes: bytes.len() });
        }
        let tape: Self = serde_json::from_slice(bytes)?;
        if tape.format > FORMAT { Err(TapeError::Newer { found: tape.format }) } else { Ok(tape) }
    }

    /// The file's bytes.
    pub fn write(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).expect("plain structures serialise");
        text.push(b'\n');
        text
    }

    /// The steps that asked something.
    pub fn steps(&self) -> BTreeSet<u32> {
        self.exchanges.iter().map(|exchange| exchange.step).collect()
    }
}

impl Content {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Content> for Written {
    fn from(Content(bytes): Content) -> Self {
        let is_strange = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
        match String::from_utf8(bytes) {
            Ok(text) if text.contains(is_strange) => Self::Bytes { base64: STANDARD.encode(text) },
            Ok(text) if text.trim_end_matches('\n').contains('\n') => {
                Self::Lines(text.split_inclusive('\n').map(str::to_owned).collect())
            }
            Ok(text) => Self::Line(text),
            Err(error) => Self::Bytes { base64: STANDARD.encode(error.as_bytes()) },
        }
    }
}

impl TryFrom<Written> for Content {
    type Error = base64::DecodeError;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        Ok(Self(match written {
            Written::Line(text) => text.into_bytes(),
            Written::Lines(lines) => lines.concat().into_bytes(),
            Written::Bytes { base64 } => STANDARD.decode(base64)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(request: &[u8], answer: &[u8]) -> Exchange {
        Exchange {
            step: 2,
            method: "POST".to_owned(),
            url: "http://service/ask".to_owned(),
            request_headers: BTreeMap::from([("accept-language".to_owned(), "en".to_owned())]),
            request: Content(request.to_vec()),
            status: 200,
            content_type: Some("application/json".to_owned()),
            answer_headers: BTreeMap::new(),
            answer: Content(answer.to_vec()),
        }
    }

    #[test]
    fn bodies_come_back_as_they_were() {
        for body in [
            &b""[..],
            b"one line",
            b"{\n  \"a\": 1\n}\n",
            b"\r\n\r\n",
            b"\n",
            b"\xff\xfe\0",
            b"a\0b",
            b"\x1b[1m",
            "größer".as_bytes(),
        ] {
            let tape = Tape::new(BTreeSet::new(), vec![exchange(body, body)]);
            assert_eq!(Tape::read(&tape.write()).expect("a tape"), tape, "{body:?}");
        }
    }

    #[test]
    fn a_tape_reads_well() {
        let text = String::from_utf8(Tape::new(BTreeSet::new(), vec![exchange(b"", b"{\n  \"a\": 1\n}\n")]).write())
            .expect("text");
        let wanted = r#"{
  "format": 1,
  "exchanges": [
    {
      "step": 2,
      "method": "POST",
      "url": "http://service/ask",
      "request_headers": {
        "accept-language": "en"
      },
      "status": 200,
      "content_type": "application/json",
      "answer": [
        "{\n",
        "  \"a\": 1\n",
        "}\n"
      ]
    }
  ]
}
"#;
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_is_no_tape_says_so() {
        let words = |bytes: &[u8]| Tape::read(bytes).expect_err("no tape").to_string();
        assert!(words(b"[]").starts_with("it is no cassette"));
        assert!(words(br#"{"format": 9, "exchanges": []}"#).contains("newer kind (format 9"));
        let bad = br#"{"format": 1, "exchanges": [{"step": 1, "method": "GET", "url": "u", "status": 200, "answer": {"base64": "?"}}]}"#;
        assert!(words(bad).starts_with("it is no cassette"));
    }
}
