//! Which type a column of written values has, judged by all of them.

use arrow::datatypes::{DataType, TimeUnit};

use crate::times::{WrittenTime, instant_type, parse_date};

/// What all values of a column could be, so far.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    boolean: bool,
    integer: bool,
    unsigned: bool,
    float: bool,
    date: bool,
    time: bool,
    fraction_digits: u8,
    /// Values that are not missing.
    values: u64,
    /// The first value that is no point in time, with its line.
    pub(crate) first_not_time: Option<(u64, String)>,
    /// The value that made a text of what had another type until then, with its line.
    pub(crate) first_odd: Option<(u64, String)>,
}

impl Default for Observed {
    fn default() -> Self {
        Self {
            boolean: true,
            integer: true,
            unsigned: true,
            float: true,
            date: true,
            time: true,
            fraction_digits: 0,
            values: 0,
            first_not_time: None,
            first_odd: None,
        }
    }
}

impl Observed {
    /// Takes one value into account; missing ones say nothing.
    pub(crate) fn see(&mut self, text: &str, line: u64) {
        let value = text.trim();
        if is_missing(value) {
            return;
        }
        let was_text = self.is_text();
        self.boolean = self.boolean && parse_bool(value).is_some();
        self.integer = self.integer && parse_integer::<i64>(value).is_some();
        self.unsigned = self.unsigned && parse_integer::<u64>(value).is_some();
        self.float = self.float && parse_float(value).is_some();
        self.date = self.date && parse_date(value.as_bytes()).is_some();
        if self.time {
            match WrittenTime::parse(value) {
                Some(time) => self.fraction_digits = self.fraction_digits.max(time.fraction_digits),
                None => {
                    self.time = false;
                    self.first_not_time = Some((line, shown(value)));
                }
            }
        }
        if self.is_text() && !was_text && self.values > 0 {
            self.first_odd = Some((line, shown(value)));
        }
        self.values += 1;
    }

    fn is_text(&self) -> bool {
        !(self.boolean || self.integer || self.unsigned || self.float || self.time)
    }

    /// The narrowest type that holds all values; text when there are none.
    pub(crate) fn data_type(&self) -> DataType {
        if self.values == 0 {
            DataType::Utf8
        } else if self.boolean {
            DataType::Boolean
        } else if self.integer {
            DataType::Int64
        } else if self.unsigned {
            DataType::UInt64
        } else if self.float {
            DataType::Float64
        } else if self.date {
            DataType::Date32
        } else if self.time {
            self.time_type()
        } else {
            DataType::Utf8
        }
    }

    /// Whether there are values and all of them are points in time.
    pub(crate) fn is_time(&self) -> bool {
        self.values > 0 && self.time
    }

    /// The type of the column as points in time: microseconds, or nanoseconds where so many digits are written.
    pub(crate) fn time_type(&self) -> DataType {
        instant_type(if self.fraction_digits > 6 { TimeUnit::Nanosecond } else { TimeUnit::Microsecond })
    }
}

/// A value as an error or remark shows it: on one line, and not too long.
pub(crate) fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(40).collect::<String>().escape_debug().to_string();
    if value.chars().nth(40).is_some() {
        text.push('…');
    }
    text
}

/// Whether a written value stands for none, in a column that is not text.
pub(crate) fn is_missing(trimmed: &str) -> bool {
    matches!(trimmed, "" | "NA" | "N/A" | "#N/A" | "n/a" | "NULL" | "null" | "None" | "NaN" | "nan")
}

pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// An integer in its plain spelling. `007` and `+49` are codes, not numbers, and `-0` is a float.
pub(crate) fn parse_integer<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if is_plain_integer(digits) && text != "-0" { text.parse().ok() } else { None }
}

fn is_plain_integer(digits: &str) -> bool {
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'))
}

/// A decimal number in its plain spelling. Integers too long for a float to hold exactly are not taken for one.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if matches!(unsigned, "inf" | "Inf" | "Infinity") {
        return text.parse().ok();
    }
    if is_plain_integer(unsigned) {
        // As an integer: the float of 2^53 + 1 is 2^53.
        let value: i64 = text.parse().ok()?;
        return (value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS).then_some(value as f64);
    }
    let whole = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if whole > 1 && unsigned.starts_with('0') {
        return None;
    }
    let allowed = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !unsigned.bytes().all(allowed)
        || !unsigned.bytes().any(|byte| byte.is_ascii_digit())
        || unsigned.starts_with('+')
    {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(values: &[&str]) -> DataType {
        let mut observed = Observed::default();
        for (line, value) in values.iter().enumerate() {
            observed.see(value, line as u64 + 2);
        }
        observed.data_type()
    }

    #[test]
    fn types_are_the_narrowest_that_hold_every_value() {
        let micros = instant_type(TimeUnit::Microsecond);
        for (values, expected) in [
            (vec!["1", "", "-3"], DataType::Int64),
            (vec!["1", "NA", "2.5"], DataType::Float64),
            (vec!["1", "18446744073709551615"], DataType::UInt64),
            (vec!["-1", "18446744073709551615"], DataType::Utf8),
            (vec!["1.5", "9007199254740993"], DataType::Utf8),
            (vec!["007", "12"], DataType::Utf8),
            (vec!["+49", "12"], DataType::Utf8),
            (vec!["-0", "1"], DataType::Float64),
            (vec!["1e3", ".5", "5."], DataType::Float64),
            (vec!["1e999"], DataType::Utf8),
            (vec!["true", "False"], DataType::Boolean),
            (vec!["true", "1"], DataType::Utf8),
            (vec!["2019-03-01", "2019-03-02"], DataType::Date32),
            (vec!["2019-03-01", "2019-03-02 10:00"], micros.clone()),
            (vec!["2019-03-01T10:00:00.5Z"], micros),
            (vec!["2019-03-01 10:00:00.123456789"], instant_type(TimeUnit::Nanosecond)),
            (vec!["", "NA"], DataType::Utf8),
            (vec![], DataType::Utf8),
            (vec!["1", "x"], DataType::Utf8),
        ] {
            assert_eq!(infer(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn the_value_that_makes_a_text_is_remembered() {
        let mut observed = Observed::default();
        for (line, value) in ["1", "2", "n. a.", "x"].iter().enumerate() {
            observed.see(value, line as u64 + 2);
        }
        assert_eq!(observed.first_odd, Some((4, "n. a.".to_owned())));
        assert_eq!(observed.first_not_time, Some((2, "1".to_owned())));
    }
}
