//! How long a feature value counts after its event: parsing and showing durations such as `90m` or `7d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Error;

/// Time to live of a feature value, in microseconds. At a point in time `T` a value counts while `T - ttl <= event time <= T`,
/// both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ttl {
    /// A value counts for ever.
    #[default]
    Unbounded,
    /// A value counts for this many microseconds, at least one.
    Micros(i64),
}

const UNITS: [(&str, i64); 7] = [
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
];

impl Ttl {
    /// The ttl in nanoseconds, or none when it is unbounded.
    pub fn nanos(self) -> Option<i128> {
        match self {
            Self::Unbounded => None,
            Self::Micros(micros) => Some(i128::from(micros) * 1_000),
        }
    }
}

impl FromStr for Ttl {
    type Err = Error;

    /// Reads `90m`, `2h`, `7d`, `1h30m`; `0` and `none` are unbounded.
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Option {
            option: "--ttl",
            message: format!("`{text}` is not a duration"),
            hint: Some("write a number and a unit such as 90s, 90m, 2h, 7d, 1w or 1h30m; 0 is unbounded".to_owned()),
        };
        let mut rest = text.trim();
        if rest == "0" || rest.eq_ignore_ascii_case("none") {
            return Ok(Self::Unbounded);
        }
        let mut total: i64 = 0;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (_, size) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters]).ok_or_else(wrong)?;
            rest = &rest[letters..];
            total = number.checked_mul(*size).and_then(|part| total.checked_add(part)).ok_or_else(wrong)?;
        }
        match total {
            0 if text.trim().is_empty() => Err(wrong()),
            0 => Ok(Self::Unbounded),
            micros => Ok(Self::Micros(micros)),
        }
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Micros(mut rest) = *self else {
            return formatter.write_str("unbounded");
        };
        // Weeks are written as days: `14d` is what people type.
        for (unit, size) in &UNITS[1..] {
            if rest >= *size {
                write!(formatter, "{}{unit}", rest / size)?;
                rest %= size;
            }
        }
        Ok(())
    }
}

impl Serialize for Ttl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unbounded => serializer.serialize_str("none"),
            Self::Micros(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, micros, shown) in [
            ("90s", 90_000_000, "1m30s"),
            ("90m", 5_400_000_000, "1h30m"),
            ("2h", 7_200_000_000, "2h"),
            ("7d", 604_800_000_000, "7d"),
            ("1w", 604_800_000_000, "7d"),
            ("1h30m", 5_400_000_000, "1h30m"),
            ("250ms", 250_000, "250ms"),
        ] {
            let ttl: Ttl = text.parse().expect("a duration");
            assert_eq!(ttl, Ttl::Micros(micros));
            assert_eq!(ttl.to_string(), shown);
        }
        for text in ["0", "none", "None", "0s"] {
            assert_eq!(text.parse::<Ttl>().expect("unbounded"), Ttl::Unbounded);
        }
        for text in ["", " ", "7", "d", "7x", "-1h", "1.5h", "99999999999w", "1h 3"] {
            assert!(text.parse::<Ttl>().is_err(), "{text} is no duration");
        }
    }
}
