//! Points in time: reading them from text, and making instants of local times that carry no zone. Ambiguous and impossible local
//! times are decided here, and counted.

use kernwerk_core::{did_you_mean, near};
use std::str::FromStr;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{
    ArrowTimestampType, DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use chrono::{DateTime, Duration, MappedLocalTime, NaiveDate, NaiveDateTime, Offset, TimeZone};

use crate::Error;

/// The label of every time column that the lab stores: instants, shown in UTC.
pub(crate) const UTC: &str = "UTC";

const SECONDS_A_DAY: i64 = 86_400;

/// The type of a stored time column.
pub(crate) fn instant_type(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, Some(UTC.into()))
}

/// How many of `unit` a second has.
pub(crate) fn a_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Where local times were taken: a named zone or a fixed offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Named(chrono_tz::Tz),
    /// Seconds east of UTC.
    Fixed(i32),
}

impl Zone {
    pub const UTC: Self = Self::Fixed(0);

    /// Seconds east of UTC at a local time, and whether that took a decision.
    fn offset_at(self, local: NaiveDateTime) -> (i64, Reading) {
        let zone = match self {
            Self::Fixed(seconds) => return (seconds.into(), Reading::Plain),
            Self::Named(zone) => zone,
        };
        let seconds = |offset: &<chrono_tz::Tz as TimeZone>::Offset| i64::from(offset.fix().local_minus_utc());
        match zone.offset_from_local_datetime(&local) {
            MappedLocalTime::Single(offset) => (seconds(&offset), Reading::Plain),
            // The clock was put back and showed this time twice: the first time counts.
            MappedLocalTime::Ambiguous(first, _) => (seconds(&first), Reading::Repeated),
            // The clock was put forward over this time: it is read as if the clock had not been touched yet. Gaps are an hour
            // as a rule and a day at most (Samoa, 2011), so the search ends.
            MappedLocalTime::None => {
                let before = (1..=25)
                    .find_map(|hours| zone.offset_from_local_datetime(&(local - Duration::hours(hours))).latest())
                    .map_or(0, |offset| seconds(&offset));
                (before, Reading::Skipped)
            }
        }
    }
}

impl FromStr for Zone {
    type Err = Error;

    /// Reads `UTC`, names such as `America/New_York`, and offsets such as `+02:00`.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.eq_ignore_ascii_case("utc") || text == "Z" {
            return Ok(Self::UTC);
        }
        if let Some(offset) = parse_offset(text.as_bytes()) {
            return Ok(Self::Fixed(offset));
        }
        text.parse().map(Self::Named).map_err(|_| Error::Option {
            option: "--timezone",
            message: format!("`{text}` is no time zone"),
            hint: did_you_mean(&near(text, chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name())))
                .or_else(|| Some("use a name such as Europe/Berlin, or an offset such as +02:00".to_owned())),
        })
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Named(zone) => formatter.write_str(zone.name()),
            Self::UTC => formatter.write_str(UTC),
            Self::Fixed(seconds) => {
                let sign = if seconds < 0 { '-' } else { '+' };
                write!(formatter, "{sign}{:02}:{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Plain,
    Repeated,
    Skipped,
}

/// Local times that took a decision, counted, with the first of each kind as it stood in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decisions {
    repeated: u64,
    first_repeated: Option<NaiveDateTime>,
    skipped: u64,
    first_skipped: Option<NaiveDateTime>,
}

impl Decisions {
    fn count(&mut self, reading: Reading, local: NaiveDateTime) {
        match reading {
            Reading::Plain => {}
            Reading::Repeated => {
                self.repeated += 1;
                self.first_repeated.get_or_insert(local);
            }
            Reading::Skipped => {
                self.skipped += 1;
                self.first_skipped.get_or_insert(local);
            }
        }
    }

    /// What was decided, in words; nothing when nothing was.
    pub(crate) fn notes(&self, zone: Zone) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(first) = self.first_repeated {
            notes.push(format!(
                "{} local time{} happened twice in {zone} (the clock was put back; the first is {first}): the earlier reading was taken",
                self.repeated,
                if self.repeated == 1 { "" } else { "s" },
            ));
        }
        if let Some(first) = self.first_skipped {
            notes.push(format!(
                "{} local time{} never happened in {zone} (the clock was put forward; the first is {first}): read with the offset from before the change",
                self.skipped,
                if self.skipped == 1 { "" } else { "s" },
            ));
        }
        notes
    }
}

/// A point in time as a text spells it: local to its offset, or to nowhere when it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrittenTime {
    /// Seconds since 1970 on the local clock.
    local_seconds: i64,
    nanos: u32,
    offset: Option<i32>,
    /// Digits of the fraction that were written.
    pub(crate) fraction_digits: u8,
}

impl WrittenTime {
    /// Reads `2019-03-23`, `2019-03-23 20:21`, `2019-03-23T20:21:09.5Z`, `2019-03-23 20:21:09+02:00`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let days = i64::from(parse_date(bytes.get(..10)?)?);
        let mut time = Self { local_seconds: days * SECONDS_A_DAY, nanos: 0, offset: None, fraction_digits: 0 };
        let rest = &bytes[10..];
        if rest.is_empty() {
            return Some(time);
        }
        if !matches!(rest[0], b' ' | b'T' | b't') || rest.get(3) != Some(&b':') {
            return None;
        }
        let hour = two_digits(rest.get(1..3)?, 23)?;
        let minute = two_digits(rest.get(4..6)?, 59)?;
        let mut rest = &rest[6..];
        let mut second = 0;
        if rest.first() == Some(&b':') {
            second = two_digits(rest.get(1..3)?, 59)?;
            rest = &rest[3..];
            if rest.first() == Some(&b'.') {
                let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
                if !(1..=9).contains(&digits) {
                    return None;
                }
                time.nanos =
                    std::str::from_utf8(&rest[1..=digits]).ok()?.parse::<u32>().ok()? * 10_u32.pow(9 - digits as u32);
                time.fraction_digits = digits as u8;
                rest = &rest[1 + digits..];
            }
        }
        time.local_seconds += i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        let zone = rest.strip_prefix(b" ").unwrap_or(rest);
        time.offset = match zone {
            [] if rest.is_empty() => None,
            b"Z" | b"z" | b"UTC" => Some(0),
            offset => Some(parse_offset(offset)?),
        };
        Some(time)
    }

    /// The instant in `unit` since 1970 in UTC; none where that does not fit.
    pub(crate) fn instant(self, unit: TimeUnit, zone: Zone, decisions: &mut Decisions) -> Option<i64> {
        let offset = match self.offset {
            Some(offset) => i64::from(offset),
            None if zone == Zone::UTC => 0,
            None => {
                let local = DateTime::from_timestamp(self.local_seconds, self.nanos)?.naive_utc();
                let (offset, reading) = zone.offset_at(local);
                decisions.count(reading, local);
                offset
            }
        };
        let part = i64::from(self.nanos) / (1_000_000_000 / a_second(unit));
        (self.local_seconds - offset).checked_mul(a_second(unit))?.checked_add(part)
    }
}

/// Days since 1970 of a date written `2019-03-23`.
pub(crate) fn parse_date(bytes: &[u8]) -> Option<i32> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *bytes else {
        return None;
    };
    let year = i32::from(two_digits(&[y0, y1], 99)?) * 100 + i32::from(two_digits(&[y2, y3], 99)?);
    let date = NaiveDate::from_ymd_opt(year, two_digits(&[m0, m1], 12)?.into(), two_digits(&[d0, d1], 31)?.into())?;
    Some(date.to_epoch_days())
}

fn two_digits(bytes: &[u8], most: u8) -> Option<u8> {
    let [tens, ones] = *bytes else { return None };
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    let value = (tens - b'0') * 10 + (ones - b'0');
    (value <= most).then_some(value)
}

/// Seconds east of UTC of `+02`, `+0200` or `-05:30`.
fn parse_offset(bytes: &[u8]) -> Option<i32> {
    let (sign, rest) = match bytes.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match *rest {
        [a, b] => (two_digits(&[a, b], 23)?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (two_digits(&[a, b], 23)?, two_digits(&[c, d], 59)?),
        _ => return None,
    };
    Some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

/// A column of local times as instants: naive timestamps and dates (midnight) are read in `zone`; what already carries a zone keeps
/// its instants. None for columns that hold no times. Errors name the first time that does not fit its type.
pub(crate) fn localize(array: &ArrayRef, zone: Zone, decisions: &mut Decisions) -> Result<Option<ArrayRef>, Error> {
    let unit = match array.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            return Ok(Some(arrow::compute::cast(array, &instant_type(*unit))?));
        }
        DataType::Timestamp(unit, None) => *unit,
        DataType::Date32 | DataType::Date64 => TimeUnit::Microsecond,
        _ => return Ok(None),
    };
    let naive = match array.data_type() {
        // Date64 holds milliseconds; only its day counts.
        DataType::Date64 => arrow::compute::cast(array, &DataType::Date32)?,
        _ => array.clone(),
    };
    let naive = match naive.data_type() {
        DataType::Date32 => {
            let days = naive.as_primitive::<Date32Type>();
            let micros: PrimitiveArray<TimestampMicrosecondType> =
                days.unary(|day| i64::from(day) * SECONDS_A_DAY * a_second(TimeUnit::Microsecond));
            std::sync::Arc::new(micros)
        }
        _ => naive,
    };
    Ok(Some(match unit {
        TimeUnit::Second => shift::<TimestampSecondType>(&naive, zone, decisions)?,
        TimeUnit::Millisecond => shift::<TimestampMillisecondType>(&naive, zone, decisions)?,
        TimeUnit::Microsecond => shift::<TimestampMicrosecondType>(&naive, zone, decisions)?,
        TimeUnit::Nanosecond => shift::<TimestampNanosecondType>(&naive, zone, decisions)?,
    }))
}

fn shift<T: ArrowTimestampType>(array: &ArrayRef, zone: Zone, decisions: &mut Decisions) -> Result<ArrayRef, Error> {
    let second = a_second(T::UNIT);
    let mut to_utc = |value: i64| {
        if zone == Zone::UTC {
            return Ok(value);
        }
        let out_of_range = || Error::Option {
            option: "--timezone",
            message: format!("the time {value} ({second} a second) is out of range"),
            hint: None,
        };
        let local = DateTime::from_timestamp(value.div_euclid(second), 0).ok_or_else(out_of_range)?.naive_utc();
        let (offset, reading) = zone.offset_at(local);
        decisions.count(reading, local);
        value.checked_sub(offset * second).ok_or_else(out_of_range)
    };
    let shifted = array.as_primitive::<T>().iter().map(|value| value.map(&mut to_utc).transpose());
    let shifted = shifted.collect::<Result<PrimitiveArray<T>, Error>>()?;
    Ok(std::sync::Arc::new(shifted.with_timezone(UTC)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str, zone: &str) -> Option<i64> {
        let zone = zone.parse().expect("a zone");
        WrittenTime::parse(text)?.instant(TimeUnit::Microsecond, zone, &mut Decisions::default())
    }

    #[test]
    fn written_times_are_read() {
        let day = 1_553_299_200_000_000; // 2019-03-23 in UTC
        assert_eq!(micros("2019-03-23", "UTC"), Some(day));
        assert_eq!(micros("2019-03-23 20:21", "UTC"), Some(day + 73_260_000_000));
        assert_eq!(micros("2019-03-23T20:21:09.25Z", "Europe/Berlin"), Some(day + 73_269_250_000));
        assert_eq!(micros("2019-03-23 20:21:09 +02:00", "UTC"), Some(day + 66_069_000_000));
        assert_eq!(micros("2019-03-23 20:21:09-0530", "UTC"), Some(day + 93_069_000_000));
        assert_eq!(micros("2019-03-23 20:21:09", "America/New_York"), Some(day + 87_669_000_000));
        for wrong in [
            "2019-02-30",
            "2019-3-2",
            "2019-03-23 24:00",
            "2019-03-23 20:21:60",
            "2019-03-23 20:21:09 ",
            "2019-03-23x",
            "23.03.2019",
            "",
        ] {
            assert_eq!(micros(wrong, "UTC"), None, "{wrong}");
        }
    }

    #[test]
    fn clock_changes_are_decided_and_counted() {
        let zone: Zone = "America/New_York".parse().expect("a zone");
        let mut decisions = Decisions::default();
        let mut read =
            |text: &str| WrittenTime::parse(text).expect("a time").instant(TimeUnit::Second, zone, &mut decisions);
        // 02:30 was skipped on 10 March 2019: read with winter's offset of five hours.
        assert_eq!(read("2019-03-10 02:30:00"), Some(1_552_203_000));
        // 01:30 happened twice on 3 November 2019: the first was in summer time, four hours behind.
        assert_eq!(read("2019-11-03 01:30:00"), Some(1_572_759_000));
        assert_eq!(decisions.notes(zone).len(), 2);
        assert_eq!((decisions.repeated, decisions.skipped), (1, 1));
    }

    #[test]
    fn a_skipped_day_is_read_with_the_offset_before_it() {
        // Samoa had no 30 December 2011: it went from UTC-10 to UTC+14.
        assert_eq!(micros("2011-12-30 12:00:00", "Pacific/Apia"), micros("2011-12-30 22:00:00Z", "UTC"));
    }

    #[test]
    fn unknown_zones_get_a_hint() {
        let error = "Europe/Berln".parse::<Zone>().expect_err("no such zone");
        assert_eq!(kernwerk_core::Problem::from(error).hint.as_deref(), Some("did you mean `Europe/Berlin`?"));
    }
}
