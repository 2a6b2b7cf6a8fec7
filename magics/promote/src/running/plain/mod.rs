//! A value of Python as people and other programs read it. Runs compare values in a form of their own, in which a mark such as `{"!tuple": […]}`
//! tells apart what JSON does not; here the marks are gone. Numbers keep the digits that they were written with.

mod marks;
mod read;
mod write;

use read::{Reader, unescaped};

/// A value without marks.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plain {
    Null,
    Boolean(bool),
    /// As JSON writes it.
    Number(String),
    /// `NaN` or `Infinity`, which JSON has not.
    NoNumber(String),
    Text(String),
    /// Bytes of Python: within other values as base64.
    Bytes(Vec<u8>),
    List(Vec<Self>),
    /// In the order of the keys.
    Object(Vec<(String, Self)>),
}

impl Plain {
    /// Reads the form that is compared; none where this is none.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text.trim() };
        let value = reader.value(0)?;
        reader.rest.is_empty().then(|| value.opened())
    }

    /// Reads a value of Rust as `{:#?}` writes it, where that is a text, a number or a truth value; none where it is more.
    pub fn of_rust(text: &str) -> Option<Self> {
        match text {
            "true" => Some(Self::Boolean(true)),
            "false" => Some(Self::Boolean(false)),
            text if text.starts_with('"') => unescaped(text).map(Self::Text),
            text => match Reader::number(text)? {
                (number, "") => Some(Self::Number(number.to_owned())),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        Plain::read(text).expect(text).json().trim_end().to_owned()
    }

    #[test]
    fn marks_become_what_they_stand_for() {
        for (compared, plain) in [
            ("11.125", "11.125"),
            ("{\"!tuple\": [1, {\"!tuple\": []}]}", "[\n  1,\n  []\n]"),
            ("{\"!set\": [1, 2]}", "[1, 2]"),
            (
                "{\"!dict\": [[1, \"a\"], [{\"!tuple\": [1, \"b\"]}, null]]}",
                "{\n  \"1\": \"a\",\n  \"(1, b)\": null\n}",
            ),
            // As texts they would be one key.
            ("{\"!dict\": [[1, \"a\"], [\"1\", \"b\"]]}", "[\n  [1, \"a\"],\n  [\"1\", \"b\"]\n]"),
            ("{\"!date\": \"2026-01-31\"}", "\"2026-01-31\""),
            ("{\"!bytes\": \"00ff\"}", "\"AP8=\""),
            ("{\"!complex\": [\"1.0\", \"-2.0\"]}", "\"1.0-2.0j\""),
            ("{\"!range\": [0, 10, 2]}", "\"range(0, 10, 2)\""),
            ("{\"!timedelta\": [-1, 86399, 500000]}", "\"-P0DT0.5S\""),
            ("{\"!timedelta\": [2, 5, 0]}", "\"P2DT5S\""),
            ("{\"!Decimal\": \"1.10\"}", "1.10"),
            ("{\"!Decimal\": \"NaN\"}", "\"NaN\""),
            ("{\"!numpy\": [\"<f8\", [], \"000000000000f83f\"]}", "1.5"),
            ("{\"!numpy\": [\"<i4\", [2, 1], \"0100000002000000\"]}", "[\n  [1],\n  [2]\n]"),
            ("{\"a\": {\"!set\": []}, \"b\": 1}", "{\n  \"a\": [],\n  \"b\": 1\n}"),
        ] {
            assert_eq!(json(compared), plain, "{compared}");
        }
    }

    #[test]
    fn numbers_keep_their_digits_and_what_is_none_is_null() {
        for digits in ["1000000000000000000000000000000", "0.1", "1e-07", "-0.0", "2.2250738585072014e-308"] {
            assert_eq!(json(digits), digits);
        }
        assert_eq!(json("[NaN, -Infinity]"), "[null, null]");
        assert_eq!(Plain::read("NaN").map(|value| value.text()).as_deref(), Some("NaN\n"));
    }

    #[test]
    fn texts_and_numbers_of_rust_are_read() {
        for text in ["", "plain", "say \"hi\"\n\t\\", "é\u{1}\u{1F600}'", "\0"] {
            assert_eq!(Plain::of_rust(&format!("{text:#?}")), Some(Plain::Text(text.to_owned())), "{text:?}");
        }
        assert_eq!(Plain::of_rust("1.5"), Some(Plain::Number("1.5".to_owned())));
        for more in ["Point { x: 1 }", "\"a\": \"b\"", "NaN", "[1]", "\"", "1 bytes"] {
            assert_eq!(Plain::of_rust(more), None, "{more}");
        }
    }

    #[test]
    fn texts_are_themselves() {
        let text = |text: &str| Plain::read(text).map(|value| value.text());
        assert_eq!(text("\"say \\\"hi\\\"\\n\"\n").as_deref(), Some("say \"hi\"\n"));
        assert_eq!(text("\"back\\\\\"").as_deref(), Some("back\\"));
        for wrong in ["", "\"open", "[1", "[1 2]", "{\"a\" 1}", "1 2", "nul", "{1: 2}"] {
            assert_eq!(Plain::read(wrong), None, "{wrong}");
        }
        assert_eq!(Plain::read(&"[".repeat(100_000)), None);
    }
}
