//! JSON, as much of it as this prelude speaks: it has no library, so that it builds in seconds.

/// Deeper values are taken for broken ones: nobody who speaks with us nests so deep.
const DEEPEST: usize = 32;

/// A value. Numbers and truth values stay as they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Text(String),
    /// A number, `true` or `false`.
    Word(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a value that is the whole of `text`; none when it is no JSON.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        let value = reader.value(0)?;
        reader.blanks();
        (reader.at == text.len()).then_some(value)
    }

    /// What an object holds under a name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(fields) => fields.iter().find(|(other, _)| other == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text that an object holds under a name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// An object of texts.
pub(crate) fn object(fields: &[(&str, &str)]) -> String {
    let mut json = String::from("{");
    for (index, (name, text)) in fields.iter().enumerate() {
        if index > 0 {
            json.push_str(", ");
        }
        push_text(&mut json, name);
        json.push_str(": ");
        push_text(&mut json, text);
    }
    json.push('}');
    json
}

/// Adds a text in quotes.
pub(crate) fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for character in text.chars() {
        match character {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            other if u32::from(other) < 0x20 => json.push_str(&format!("\\u{:04x}", u32::from(other))),
            other => json.push(other),
        }
    }
    json.push('"');
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start_matches([' ', '\n', '\t', '\r']).len();
    }

    /// Takes a sign, if it comes next behind blanks.
    fn takes(&mut self, sign: char) -> bool {
        self.blanks();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len_utf8();
        }
        found
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > DEEPEST {
            return None;
        }
        if self.takes('"') {
            return self.quoted().map(Json::Text);
        }
        if self.takes('[') {
            return self.list(depth);
        }
        if self.takes('{') {
            return self.object(depth);
        }
        let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.');
        let word: String = self.rest().chars().take_while(|character| is_part(*character)).collect();
        self.at += word.len();
        match word.as_str() {
            "null" => Some(Json::Null),
            "true" | "false" => Some(Json::Word(word)),
            number if number.parse::<f64>().is_ok_and(f64::is_finite) => Some(Json::Word(word)),
            _ => None,
        }
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        let mut values = Vec::new();
        if self.takes(']') {
            return Some(Json::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.takes(']') {
                return Some(Json::List(values));
            }
            if !self.takes(',') {
                return None;
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        let mut fields = Vec::new();
        if self.takes('}') {
            return Some(Json::Object(fields));
        }
        loop {
            if !self.takes('"') {
                return None;
            }
            let name = self.quoted()?;
            if !self.takes(':') {
                return None;
            }
            fields.push((name, self.value(depth + 1)?));
            if self.takes('}') {
                return Some(Json::Object(fields));
            }
            if !self.takes(',') {
                return None;
            }
        }
    }

    /// The rest of a text, behind its first quote.
    fn quoted(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(['"', '\\'])?;
            text.push_str(&rest[..plain]);
            let sign = rest.as_bytes()[plain];
            self.at += plain + 1;
            if sign == b'"' {
                return Some(text);
            }
            text.push(self.escaped()?);
        }
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        let sign = self.rest().chars().next()?;
        self.at += sign.len_utf8();
        Some(match sign {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let unit = self.unit()?;
                // Characters beyond the first 65536 are written as two units.
                if !(0xd800..0xdc00).contains(&unit) {
                    return char::from_u32(unit);
                }
                self.at += self.rest().strip_prefix("\\u").map(|_| 2)?;
                let low = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low)?
            }
            '"' | '\\' | '/' => sign,
            _ => return None,
        })
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let unit = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_json() {
        assert_eq!(object(&[("a", "a\"\\\n\tä"), ("b", "")]), r#"{"a": "a\"\\\n\u0009ä", "b": ""}"#);
    }

    #[test]
    fn what_is_written_is_read() {
        let text = "a\"\\\n\t\u{1}ä 𝄞";
        assert_eq!(Json::read(&object(&[("a", text)])).unwrap().text("a"), Some(text));
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let value =
            Json::read(r#" { "a" : [ "\u00e4\ud834\udd1e\/", null , true, -1.5e3 ], "b":{}, "c":[] } "#).unwrap();
        let words = |word: &str| Json::Word(word.to_owned());
        assert_eq!(
            value.get("a"),
            Some(&Json::List(vec![Json::Text("ä𝄞/".to_owned()), Json::Null, words("true"), words("-1.5e3")]))
        );
        assert_eq!((value.get("b"), value.get("c")), (Some(&Json::Object(vec![])), Some(&Json::List(vec![]))));
        assert_eq!((value.get("d"), value.text("a")), (None, None));
    }

    #[test]
    fn what_is_broken_is_not_read() {
        let deep = "[".repeat(100_000);
        let broken = [
            "",
            "{",
            "\"",
            "\"\\",
            "\"\\u12\"",
            "\"\\ud834\"",
            "\"\\ud834\\u0041\"",
            "[1,]",
            "{\"a\"}",
            "1 2",
            "nul",
            "{a:1}",
            "\"\\x\"",
            "inf",
        ];
        for text in broken.into_iter().chain([deep.as_str()]) {
            assert_eq!(Json::read(text), None, "{text:.40}");
        }
    }
}
