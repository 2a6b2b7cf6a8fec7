//! Parameters: named values of a type, which a notebook declares and a run of its pipeline may set anew.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a parameter can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterType {
    Integer,
    Float,
    Boolean,
    Date,
    Text,
}

/// A value of a parameter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum ParameterValue {
    Integer(i64),
    /// Finite.
    Float(f64),
    Boolean(bool),
    /// A day of the calendar, such as `2026-01-31`.
    Date(String),
    Text(String),
}

// A float of a parameter is always a number.
impl Eq for ParameterValue {}

/// A parameter with the value that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    pub name: String,
    #[serde(flatten)]
    pub value: ParameterValue,
}

impl ParameterType {
    pub const ALL: [Self; 5] = [Self::Integer, Self::Float, Self::Boolean, Self::Date, Self::Text];

    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Text => "text",
        }
    }

    /// Reads a value of this type as people write it; none where `text` is none.
    pub fn read(self, text: &str) -> Option<ParameterValue> {
        match self {
            Self::Integer => text.parse().ok().map(ParameterValue::Integer),
            Self::Float => text.parse().ok().filter(|number: &f64| number.is_finite()).map(ParameterValue::Float),
            Self::Boolean => text.parse().ok().map(ParameterValue::Boolean),
            Self::Date => is_date(text).then(|| ParameterValue::Date(text.to_owned())),
            Self::Text => Some(ParameterValue::Text(text.to_owned())),
        }
    }

    /// How its values are written, for a sentence.
    pub fn form(self) -> &'static str {
        match self {
            Self::Integer => "a whole number such as 100",
            Self::Float => "a number such as 0.5",
            Self::Boolean => "true or false",
            Self::Date => "a day such as 2026-01-31",
            Self::Text => "any text",
        }
    }
}

impl FromStr for ParameterType {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(())
    }
}

impl fmt::Display for ParameterType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl ParameterValue {
    /// The value that `text` most likely means: an integer (`100`; with a leading zero it is text), a float (with a point or
    /// an exponent), `true` or `false`, a date (`2026-01-31`), and otherwise text.
    pub fn infer(text: &str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_number = digits.starts_with(|first: char| first.is_ascii_digit());
        let is_padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        let kinds: &[ParameterType] = match () {
            () if is_number && digits.contains('-') => &[ParameterType::Date],
            () if is_number && digits.contains(['.', 'e', 'E']) && !is_padded => &[ParameterType::Float],
            () if is_number && !is_padded => &[ParameterType::Integer],
            () => &[ParameterType::Boolean],
        };
        let inferred = kinds.iter().find_map(|kind| kind.read(text));
        // Such as 1e-3, whose exponent looks like the middle of a date.
        let small = || ParameterType::Float.read(text).filter(|_| is_number && digits.contains(['e', 'E']));
        inferred.or_else(small).unwrap_or_else(|| Self::Text(text.to_owned()))
    }

    pub fn kind(&self) -> ParameterType {
        match self {
            Self::Integer(_) => ParameterType::Integer,
            Self::Float(_) => ParameterType::Float,
            Self::Boolean(_) => ParameterType::Boolean,
            Self::Date(_) => ParameterType::Date,
            Self::Text(_) => ParameterType::Text,
        }
    }
}

/// As people write it, and as [`ParameterType::read`] reads it back.
impl fmt::Display for ParameterValue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(number) => write!(out, "{number}"),
            Self::Float(number) => write!(out, "{number:?}"),
            Self::Boolean(value) => write!(out, "{value}"),
            Self::Date(text) | Self::Text(text) => out.write_str(text),
        }
    }
}

/// Whether the text is a day of the Gregorian calendar in ISO 8601's long form.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_form = bytes.len() == 10
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    if !is_form {
        return false;
    }
    let part = |range: std::ops::Range<usize>| text[range].parse().unwrap_or(0u32);
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_value_is_can_be_seen() {
        for (text, kind) in [
            ("100", ParameterType::Integer),
            ("-7", ParameterType::Integer),
            ("0", ParameterType::Integer),
            ("0.5", ParameterType::Float),
            ("-1e-3", ParameterType::Float),
            ("1e9", ParameterType::Float),
            ("true", ParameterType::Boolean),
            ("2026-01-31", ParameterType::Date),
            ("2024-02-29", ParameterType::Date),
            ("2026-02-29", ParameterType::Text),
            ("2026-13-01", ParameterType::Text),
            ("007", ParameterType::Text),
            ("99999999999999999999", ParameterType::Text),
            ("1e999", ParameterType::Text),
            ("1.2.3", ParameterType::Text),
            ("nan", ParameterType::Text),
            ("True", ParameterType::Text),
            ("", ParameterType::Text),
            ("Harbour", ParameterType::Text),
        ] {
            let value = ParameterValue::infer(text);
            assert_eq!(value.kind(), kind, "{text}");
            assert_eq!(kind.read(&value.to_string()), Some(value), "{text} is read back");
        }
    }

    #[test]
    fn a_value_of_another_type_is_none() {
        for (kind, text) in [
            (ParameterType::Integer, "1.5"),
            (ParameterType::Float, "inf"),
            (ParameterType::Float, "x"),
            (ParameterType::Boolean, "yes"),
            (ParameterType::Date, "2026-1-1"),
            (ParameterType::Date, "2026-04-31"),
        ] {
            assert_eq!(kind.read(text), None, "{kind} {text}");
        }
        assert_eq!(ParameterType::Float.read("2"), Some(ParameterValue::Float(2.0)));
    }
}
