//! Moments and hours, as people write them.

use super::words;
use crate::{Target, Trace};
use protocol::when::{HourText, TimeError, TimeText, hour_from, parse_hour, parse_time};
use std::mem::discriminant;
use types::{HOUR_NANOS, Timestamp};

/// An input is the moment from which it is seen (8 bytes), and a text.
const HEAD: usize = 8;

pub(super) const TIMES: Target = Target {
    name: "times",
    holds: "any text is a moment or is refused with a reason; a moment comes back from its text, seen from whenever",
    seeds: || {
        let moments = ["now", "+90m", "+6h", "+2d", "today 14:00", "tomorrow 09:00"];
        let dates =
            ["20261122T14Z", "2026-11-22T15:00:00+01:00", "2026-11-22T14:00:00.000000001Z", "2553-12-31"];
        let seed = |text: &&str| [&1_795_132_800_000_000_000u64.to_le_bytes(), text.as_bytes()].concat();
        moments.iter().chain(&dates).map(seed).collect()
    },
    words: || {
        words(&[
            "+",
            "today ",
            "tomorrow ",
            "T",
            "Z",
            "h",
            "d",
            "m",
            ":",
            "-",
            "24:00",
            "20260229",
            "[UTC]",
            ".",
            "99999999999",
        ])
    },
    mend: None,
    start: || Box::new(attempt),
};

fn attempt(input: &[u8]) -> Trace {
    let (now, text) = super::take::<HEAD>(input);
    let now = Timestamp(u64::from_le_bytes(now));
    let text = String::from_utf8_lossy(text);
    assert_eq!(parse_time(&TimeText(now).to_string(), Timestamp(0)), Ok(now));
    let rounded = hour_from(now);
    assert!(rounded.starts() >= now || rounded.starts().0 > u64::MAX - HOUR_NANOS, "{now:?}");

    let hour = parse_hour(&text);
    if let Some(hour) = hour {
        assert_eq!(HourText(hour).to_string(), text, "an hour has one way to be written");
        assert_eq!(parse_time(&text, now), Ok(hour.starts()));
    }
    match parse_time(&text, now) {
        Ok(time) => {
            assert_eq!(parse_time(&TimeText(time).to_string(), now), Ok(time), "{text:?}");
            Trace::of((hour.is_some(), text.starts_with('+'), text.starts_with('t'), text.len()))
        }
        Err(error) => {
            let (TimeError::Form(said) | TimeError::Range(said)) = &error;
            assert_eq!(*said, text, "{error}");
            Trace::of((hour.is_some(), discriminant(&error)))
        }
    }
}
