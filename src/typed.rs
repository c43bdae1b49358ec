//! What people type: arguments, times, units, prices and amounts, each refused with a code of its own.

use crate::fail::Failure;
use clap::error::ErrorKind;
use protocol::decimal::{self, MoneyError, NumberError, PriceError, UnitsAtPrice};
use protocol::symbol::{ClassSymbol, SymbolError};
use rust_decimal::Decimal;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use types::{BAND_PPM_MAX, Class, Code, Money, Performance, Ticks, Timestamp, Units, Why, check_grace};

/// `8@2.10`.
pub(crate) fn units_at_price(text: &str) -> Result<UnitsAtPrice, Failure> {
    text.parse().map_err(number_failure)
}

/// A number of units: `8`.
pub(crate) fn units(text: &str) -> Result<Units, Failure> {
    decimal::parse_units(text).map_err(number_failure)
}

/// A price per accelerator-hour: `2.10`.
pub(crate) fn price(text: &str) -> Result<Decimal, Failure> {
    decimal::parse_decimal(text).map_err(number_failure)
}

/// A price in ticks of the class.
pub(crate) fn ticks(price: Decimal, class: &Class) -> Result<Ticks, Failure> {
    decimal::to_ticks(price, &class.spec).map_err(|error| match error {
        PriceError::OffTick { .. } => Failure::usage("off-tick", error),
        PriceError::OutOfRange { .. } => Failure::usage("price-out-of-range", error),
    })
}

/// A positive amount of money.
pub(crate) fn money(text: &str) -> Result<Money, Failure> {
    let amount = decimal::parse_decimal(text).map_err(number_failure)?;
    if amount <= Decimal::ZERO {
        return Err(Failure::usage("bad-amount", format!("the amount {text} is not above zero")));
    }
    decimal::to_money(amount).map_err(|error| match error {
        MoneyError::TooFine(_) | MoneyError::TooLarge(_) => Failure::usage("bad-amount", error),
    })
}

/// How much a unit computes, in multiples of a billion operations a second.
pub(crate) fn gflops(text: &str, each: u32, unit: &str) -> Result<u32, Failure> {
    let number = decimal::parse_decimal(text).map_err(number_failure)?;
    let gflops = number.checked_mul(Decimal::from(each)).filter(|gflops| gflops.is_integer());
    let gflops = gflops.and_then(|gflops| u32::try_from(gflops).ok()).filter(|gflops| *gflops > 0);
    gflops.ok_or_else(|| {
        let (least, most) =
            (Decimal::ONE / Decimal::from(each), Decimal::from(u32::MAX) / Decimal::from(each));
        let message = format!("{text} {unit} a unit: expected a multiple of {least} up to {most}");
        Failure::usage("bad-performance", message)
    })
}

/// What one unit computes, in TFLOP/s, and at which precision.
pub(crate) fn performance(tflops: &str, precision: &str) -> Result<Performance, Failure> {
    let gflops = gflops(tflops, 1_000, "TFLOP/s")?;
    Ok(Performance { gflops, precision: precision_code(precision)? })
}

/// A precision: `BF16`.
pub(crate) fn precision_code(text: &str) -> Result<Code, Failure> {
    text.parse().map_err(|error| Failure::usage("bad-precision", error))
}

/// A price band such as `10%`, in parts per million.
pub(crate) fn band(text: &str) -> Result<u32, Failure> {
    let parts = text.strip_suffix('%').and_then(|percent| decimal::parse_decimal(percent).ok());
    let parts = parts.and_then(|percent| percent.checked_mul(Decimal::from(10_000)));
    let parts = parts.filter(Decimal::is_integer).and_then(|parts| u32::try_from(parts).ok());
    parts.filter(|parts| *parts <= BAND_PPM_MAX).ok_or_else(|| {
        let message = format!("'{text}' is no band: expected 0% to 100%, in steps of 0.0001%, such as 10%");
        Failure::usage("bad-band", message)
    })
}

/// An operator's reason.
pub(crate) fn why(text: &str) -> Result<Why, Failure> {
    text.parse().map_err(|error| Failure::usage("bad-reason", error))
}

/// For how long a key may be without a session, such as `30s`, or `off`; for clap.
pub(crate) fn grace(text: &str) -> Result<u32, String> {
    if text == "off" {
        return Ok(0);
    }
    let seconds = duration(text).map_err(|wrong| format!("{wrong}, or off"))?.as_secs();
    let grace = u32::try_from(seconds).unwrap_or(u32::MAX);
    check_grace(grace).map_err(|(code, value)| code.sentence(value))?;
    Ok(grace)
}

pub(crate) fn class_symbol(text: &str) -> Result<ClassSymbol, Failure> {
    text.parse().map_err(symbol_failure)
}

pub(crate) fn symbol_failure(error: SymbolError) -> Failure {
    let code = match &error {
        SymbolError::NotASlot { .. } | SymbolError::NotWholeSlots { .. } => "not-a-slot",
        SymbolError::OneSlot { .. }
        | SymbolError::TooManySlots { .. }
        | SymbolError::BeyondHorizon { .. } => "bad-window",
        _ => "bad-symbol",
    };
    Failure::usage(code, error)
}

pub(crate) fn number_failure(error: NumberError) -> Failure {
    let code = match &error {
        NumberError::Decimal(_) => "bad-number",
        NumberError::Units(_) => "bad-units",
        NumberError::UnitsAtPrice(_) => "bad-order",
    };
    Failure::usage(code, error)
}

/// True if somebody asked for help or the version, or typed nothing and is told what there is.
pub(crate) fn is_help(error: &clap::Error) -> bool {
    !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
}

/// What is wrong with a command line: the sentence that clap says first, and what was probably meant.
pub(crate) fn usage_failure(error: &clap::Error) -> Failure {
    let code = match error.kind() {
        ErrorKind::UnknownArgument => "unknown-argument",
        ErrorKind::InvalidSubcommand => "unknown-command",
        ErrorKind::ArgumentConflict => "conflicting-arguments",
        ErrorKind::MissingRequiredArgument | ErrorKind::MissingSubcommand => "missing-argument",
        _ => "bad-argument",
    };
    let text = error.to_string();
    let one_line = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut parts = text.split("\n\n").map(one_line);
    let what = parts.next().unwrap_or_default();
    let what = what.trim_start_matches("error: ");
    match parts.find(|part| part.starts_with("tip: a similar")) {
        Some(tip) => Failure::usage(code, format!("{what}: {}", tip.trim_start_matches("tip: "))),
        None => Failure::usage(code, what),
    }
}

/// This machine's clock: people's times are relative to it.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A span of time such as `30s`, `5m` or `1h`; for clap.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("'{text}' is no span of time: expected a whole number above 0 and s, m or h, such as 30s");
    let (unit_at, unit) = text.char_indices().next_back().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(wrong()),
    };
    let count = text[..unit_at].parse::<u32>().ok().filter(|&count| count > 0).ok_or_else(wrong)?;
    Ok(Duration::from_secs(u64::from(count) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn graces_are_a_day_at_most_or_off() {
        assert_eq!((grace("off"), grace("30s"), grace("24h")), (Ok(0), Ok(30), Ok(86_400)));
        assert!(grace("25h").unwrap_err().contains("90000 s is too long"));
        assert!(grace("0s").unwrap_err().contains("or off"));
    }

    #[test]
    fn bands_and_performance_are_read_or_refused() {
        assert_eq!((band("10%").unwrap(), band("0%").unwrap(), band("0.0001%").unwrap()), (100_000, 0, 1));
        for bad in ["10", "101%", "-1%", "ten%", "0.00001%", "%"] {
            assert!(band(bad).unwrap_err().message.contains(bad), "{bad}");
        }
        let bf16 = Performance { gflops: 989_500, precision: "BF16".parse().unwrap() };
        assert_eq!(performance("989.5", "BF16").unwrap(), bf16);
        assert_eq!(gflops("0.9", 1_000_000, "PFLOP/s").unwrap(), 900_000);
        for bad in ["0", "-1", "0.0001", "9999999"] {
            assert_eq!(performance(bad, "BF16").unwrap_err().code, "bad-performance", "{bad}");
        }
        assert_eq!(performance("989.5", "bf16").unwrap_err().code, "bad-precision");
    }

    #[test]
    fn spans_are_read_or_refused() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        for bad in ["", "s", "0s", "-1s", "30", "1.5m", "3ä"] {
            assert!(duration(bad).unwrap_err().contains(bad), "{bad}");
        }
    }
}
