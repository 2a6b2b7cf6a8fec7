//! What the marks of `kernwerk/values.py` stand for.

use std::collections::BTreeSet;

use super::Plain;
use super::read::Reader;
use crate::running::numpy;

impl Plain {
    /// The value with its marks replaced by what they stand for.
    pub(super) fn opened(self) -> Self {
        match self {
            Self::List(items) => Self::List(items.into_iter().map(Self::opened).collect()),
            Self::Object(mut fields) if fields.len() == 1 && fields[0].0.starts_with('!') => {
                let (mark, value) = fields.remove(0);
                marked(&mark, value)
            }
            Self::Object(fields) => {
                Self::Object(fields.into_iter().map(|(key, value)| (key, value.opened())).collect())
            }
            single => single,
        }
    }

    /// As the key of an object: like Python's own writer of JSON where that has a way.
    fn key(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::NoNumber(word) => word.clone(),
            Self::List(items) => format!("({})", items.iter().map(Self::key).collect::<Vec<_>>().join(", ")),
            value => value.json().trim_end().to_owned(),
        }
    }
}

/// What a mark of `kernwerk/values.py` stands for.
fn marked(mark: &str, value: Plain) -> Plain {
    match (mark, value) {
        ("!tuple" | "!set" | "!frozenset", value @ Plain::List(_)) => value.opened(),
        ("!dict", Plain::List(pairs)) => dictionary(pairs),
        ("!bytes" | "!bytearray", Plain::Text(digits)) => match numpy::bytes(&digits) {
            Some(bytes) => Plain::Bytes(bytes),
            None => Plain::Text(digits),
        },
        ("!complex", Plain::List(parts)) => match &parts[..] {
            [Plain::Text(real), Plain::Text(imaginary)] => {
                let sign = if imaginary.starts_with('-') { "" } else { "+" };
                Plain::Text(format!("{real}{sign}{imaginary}j"))
            }
            _ => Plain::List(parts),
        },
        ("!range", Plain::List(parts)) => Plain::Text(format!("range{}", Plain::List(parts).key())),
        ("!timedelta", Plain::List(parts)) => duration(&parts).map_or(Plain::List(parts), Plain::Text),
        ("!Decimal", Plain::Text(digits)) => match Reader::number(&digits) {
            Some((number, "")) => Plain::Number(number.to_owned()),
            _ => Plain::Text(digits),
        },
        ("!numpy", Plain::List(parts)) => numpy::value(&parts).unwrap_or(Plain::List(parts)),
        // Dates and times are texts already.
        (_, value) => value.opened(),
    }
}

/// A dictionary whose keys are not all texts: an object all the same, unless two keys would read alike.
fn dictionary(pairs: Vec<Plain>) -> Plain {
    let mut fields = Vec::new();
    for pair in pairs {
        let Plain::List(mut parts) = pair.opened() else { continue };
        if let (Some(value), Some(key)) = (parts.pop(), parts.pop()) {
            fields.push((key, value));
        }
    }
    let keys: BTreeSet<String> = fields.iter().map(|(key, _)| key.key()).collect();
    match keys.len() == fields.len() {
        true => Plain::Object(fields.into_iter().map(|(key, value)| (key.key(), value)).collect()),
        false => Plain::List(fields.into_iter().map(|(key, value)| Plain::List(vec![key, value])).collect()),
    }
}

/// Days, seconds and microseconds as a duration of ISO 8601.
fn duration(parts: &[Plain]) -> Option<String> {
    let whole = |part: &Plain| match part {
        Plain::Number(digits) => digits.parse::<i128>().ok(),
        _ => None,
    };
    let [days, seconds, microseconds] = parts else { return None };
    let total = (whole(days)? * 86_400 + whole(seconds)?) * 1_000_000 + whole(microseconds)?;
    let (sign, total) = (if total < 0 { "-" } else { "" }, total.abs());
    let (days, rest) = (total / 86_400_000_000, total % 86_400_000_000);
    let (seconds, fraction) = (rest / 1_000_000, format!("{:06}", rest % 1_000_000));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}P{days}DT{seconds}{point}{fraction}S"))
}
