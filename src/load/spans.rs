//! What `cuex load` is asked for in words: short times, shapes and steps.

use simulator::load::Shape;
use std::time::Duration;

/// A time above 0, such as `800us`, `5ms`, `30s`, `5m` or `1h`.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    span_or_none(text).ok().filter(|span| !span.is_zero()).ok_or_else(|| {
        format!(
            "'{text}' is no span of time: expected a whole number above 0 and us, ms, s, m or h, such as 30s"
        )
    })
}

/// The same, or 0.
pub(super) fn span_or_none(text: &str) -> Result<Duration, String> {
    let units = [("us", 1), ("ms", 1_000), ("s", 1_000_000), ("m", 60_000_000), ("h", 3_600_000_000u64)];
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let micros = units.iter().find(|(unit, _)| *unit == &text[digits.len()..]).map(|(_, micros)| *micros);
    let count =
        digits.parse::<u32>().ok().filter(|_| digits.starts_with(|first: char| first.is_ascii_digit()));
    match (count, micros) {
        (Some(count), Some(micros)) => Ok(Duration::from_micros(u64::from(count) * micros)),
        _ => Err(format!(
            "'{text}' is no span of time: expected a whole number and us, ms, s, m or h, such as 30s"
        )),
    }
}

/// `steady`, `poisson` or `bursts:64`.
pub(super) fn shape(text: &str) -> Result<Shape, String> {
    match text.split_once(':') {
        None if text == "steady" => Ok(Shape::Steady),
        None if text == "poisson" => Ok(Shape::Poisson),
        Some(("bursts", size)) if size.parse::<u32>().is_ok() => Ok(Shape::Bursts(size.parse().unwrap_or(0))),
        _ => Err(format!("'{text}' is no shape of arrivals: expected steady, poisson or bursts:64")),
    }
}

/// A rate, and perhaps a time: `10000` or `10000:20s`.
pub(super) fn step(text: &str) -> Result<(u32, Option<Duration>), String> {
    let (rate, lasts) = text.split_once(':').map_or((text, None), |(rate, lasts)| (rate, Some(lasts)));
    let rate = rate
        .parse()
        .map_err(|_| format!("'{text}' is no step: expected a rate such as 10000 or 10000:20s"))?;
    Ok((rate, lasts.map(span).transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_understood_or_named() {
        assert_eq!(span("800us"), Ok(Duration::from_micros(800)));
        assert_eq!(span("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(span("2h"), Ok(Duration::from_secs(7_200)));
        assert_eq!(span_or_none("0s"), Ok(Duration::ZERO));
        for bad in ["", "s", "0s", "-1s", "+1s", "30", "1.5m", "3ä", "1d"] {
            assert!(span(bad).unwrap_err().contains(&format!("'{bad}'")), "{bad}");
        }
        assert_eq!(shape("bursts:64"), Ok(Shape::Bursts(64)));
        assert_eq!((shape("steady"), shape("poisson")), (Ok(Shape::Steady), Ok(Shape::Poisson)));
        for bad in ["", "bursts", "bursts:", "bursts:x", "steady:3"] {
            assert!(shape(bad).unwrap_err().contains(&format!("'{bad}'")), "{bad}");
        }
        assert_eq!(step("100"), Ok((100, None)));
        assert_eq!(step("100:20s"), Ok((100, Some(Duration::from_secs(20)))));
        assert!(step("x").is_err() && step("1:").is_err() && step("1:2").is_err());
    }
}
