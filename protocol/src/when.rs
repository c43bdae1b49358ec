//! Moments as people write them: `now`, `+6h`, `tomorrow 09:00`, RFC 3339, and the hours in symbols. All of
//! them are UTC unless an offset is given. Nobody here reads a clock.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use std::fmt;
use types::{HOUR_NANOS, Hour, MINUTE_NANOS, Timestamp};

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// It has none of the forms.
    #[error(
        "'{0}' is no time: expected now, +6h, today 14:00, tomorrow 09:00, 20261122T14Z or 2026-11-22T14:00:00Z \
         (UTC unless an offset is given)"
    )]
    Form(String),
    /// It is before 1970 or beyond what a stamp holds.
    #[error("'{0}' is out of range: expected a time from the year 1970 to 2553")]
    Range(String),
}

/// An hour as it stands in symbols: `20261122T14Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourText(pub Hour);

/// A moment in full: `2026-11-22T14:00:00Z`, with a fraction of the second where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeText(pub Timestamp);

/// Reads a moment, seen from `now`: `now`, `+90m`, `+6h`, `+2d`, `today 14:00`, `tomorrow 09:00`,
/// `20261122T14Z`, or RFC 3339 as in `2026-11-22T14:00:00Z` and `2026-11-22T15:00:00+01:00`.
///
/// # Errors
/// [`TimeError`] with the text and what was expected.
pub fn parse_time(text: &str, now: Timestamp) -> Result<Timestamp, TimeError> {
    let form = || TimeError::Form(text.to_owned());
    let range = || TimeError::Range(text.to_owned());
    if text == "now" {
        return Ok(now);
    }
    if let Some(span) = text.strip_prefix('+') {
        let nanos = span_nanos(span).ok_or_else(form)?;
        let later = u64::try_from(nanos).ok().and_then(|nanos| now.0.checked_add(nanos));
        return later.map(Timestamp).ok_or_else(range);
    }
    if let Some(hour) = parse_hour(text) {
        return Ok(hour.starts());
    }
    let moment = match text.split_once(' ') {
        Some((day @ ("today" | "tomorrow"), time)) => {
            let today = Offset::UTC.to_datetime(moment(now)).date();
            let date = if day == "today" { today } else { today.tomorrow().map_err(|_| range())? };
            let time = parse_clock(time).ok_or_else(form)?;
            Offset::UTC.to_timestamp(DateTime::from_parts(date, time)).map_err(|_| range())?
        }
        _ => text.parse().map_err(|_| form())?,
    };
    u64::try_from(moment.as_nanosecond()).map(Timestamp).map_err(|_| range())
}

/// Reads an hour as it stands in symbols, `20261122T14Z`, from 1970 on; `None` for anything else.
#[must_use]
pub fn parse_hour(text: &str) -> Option<Hour> {
    let digits = text.strip_suffix('Z')?;
    let (date, hour) = digits.split_once('T')?;
    let all_digits = |text: &str, len| text.len() == len && text.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits(date, 8) || !all_digits(hour, 2) {
        return None;
    }
    let date = Date::new(date[..4].parse().ok()?, date[4..6].parse().ok()?, date[6..].parse().ok()?).ok()?;
    let time = Time::new(hour.parse().ok()?, 0, 0, 0).ok()?;
    let moment = Offset::UTC.to_timestamp(DateTime::from_parts(date, time)).ok()?;
    u32::try_from(moment.as_second() / 3_600).ok().filter(|_| moment.as_second() >= 0).map(Hour)
}

/// The first hour that starts at `time` or after it.
#[must_use]
pub fn hour_from(time: Timestamp) -> Hour {
    let hour = time.hour();
    if hour.starts() < time { hour.plus(1) } else { hour }
}

/// Nanoseconds of `90m`, `6h` or `2d`.
fn span_nanos(text: &str) -> Option<u128> {
    let (unit_at, unit) = text.char_indices().next_back()?;
    let count = &text[..unit_at];
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = match unit {
        'm' => MINUTE_NANOS,
        'h' => HOUR_NANOS,
        'd' => 24 * HOUR_NANOS,
        _ => return None,
    };
    Some(u128::from(count.parse::<u64>().ok()?) * u128::from(nanos))
}

/// A time of day such as `09:00`.
fn parse_clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

fn moment(time: Timestamp) -> jiff::Timestamp {
    jiff::Timestamp::from_nanosecond(time.0.into()).expect("2^64 ns end in the year 2554, jiff in 9999")
}

impl fmt::Display for HourText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Hours beyond the year 9999 have no such form; no contract starts then.
        let Ok(moment) = jiff::Timestamp::from_second(i64::from(self.0.0) * 3_600) else {
            return write!(f, "hour {} since 1970", self.0.0);
        };
        let at = Offset::UTC.to_datetime(moment);
        write!(f, "{:04}{:02}{:02}T{:02}Z", at.year(), at.month(), at.day(), at.hour())
    }
}

impl fmt::Display for TimeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", moment(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        parse_time("2026-11-22T14:20:30Z", Timestamp(0)).unwrap()
    }

    #[test]
    fn people_say_times_in_many_ways() {
        for (said, meant) in [
            ("now", "2026-11-22T14:20:30Z"),
            ("+90m", "2026-11-22T15:50:30Z"),
            ("+6h", "2026-11-22T20:20:30Z"),
            ("+2d", "2026-11-24T14:20:30Z"),
            ("today 14:00", "2026-11-22T14:00:00Z"),
            ("tomorrow 09:00", "2026-11-23T09:00:00Z"),
            ("20261122T14Z", "2026-11-22T14:00:00Z"),
            ("2026-11-22T15:00:00+01:00", "2026-11-22T14:00:00Z"),
        ] {
            let time = parse_time(said, now()).unwrap();
            assert_eq!(TimeText(time).to_string(), meant, "{said}");
        }
    }

    #[test]
    fn what_is_no_time_is_said_back() {
        let bad = ["", "+", "+h", "+6", "+6w", "+-6h", "noon", "today", "today 24:00", "today 9:00", "now "];
        for text in bad.into_iter().chain(["20261322T14Z", "20261122T24Z", "2026-11-22T14:00:00", "+é"]) {
            assert_eq!(parse_time(text, now()), Err(TimeError::Form(text.to_owned())));
        }
        for text in ["+999999999999d", "1969-12-31T23:00:00Z", "9000-01-01T00:00:00Z"] {
            assert_eq!(parse_time(text, now()), Err(TimeError::Range(text.to_owned())));
        }
        let said = TimeError::Form("noon".to_owned()).to_string();
        assert!(said.starts_with("'noon' is no time: expected now, +6h"), "{said}");
    }

    #[test]
    fn hours_round_up() {
        assert_eq!(hour_from(Hour(7).starts()), Hour(7));
        assert_eq!(hour_from(Timestamp(Hour(7).starts().0 + 1)), Hour(8));
    }

    #[test]
    fn an_hour_out_of_the_calendar_still_prints() {
        assert_eq!(HourText(Hour(u32::MAX)).to_string(), "hour 4294967295 since 1970");
        assert_eq!(parse_hour("19691231T23Z"), None);
        assert_eq!(parse_hour("+1970101T00Z"), None);
    }

    proptest! {
        #[test]
        fn hours_come_back(hour in 0u32..70_000_000) {
            prop_assert_eq!(parse_hour(&HourText(Hour(hour)).to_string()), Some(Hour(hour)));
        }

        #[test]
        fn moments_come_back(nanos: u64) {
            let text = TimeText(Timestamp(nanos)).to_string();
            prop_assert_eq!(parse_time(&text, Timestamp(0)), Ok(Timestamp(nanos)));
        }

        #[test]
        fn any_text_is_a_time_or_refused(text: String) {
            let _ = parse_time(&text, Timestamp(u64::MAX));
            let _ = parse_hour(&text);
        }
    }
}
