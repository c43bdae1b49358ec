//! What people type: arguments, symbols, times, units, prices and amounts, each refused with a code of its own.

use crate::fail::Failure;
use clap::error::ErrorKind;
use protocol::decimal::{self, MoneyError, NumberError, PriceError, UnitsAtPrice};
use protocol::symbol::{ClassSymbol, ContractSymbol, Symbol, SymbolError};
use protocol::when::{hour_from, parse_time};
use rust_decimal::Decimal;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use types::{Class, ContractId, Money, Ticks, Timestamp, Units, Why, check_grace};

/// A symbol as typed; with `at`, a class and a moment instead of a contract's full symbol: the first slot that
/// starts then or later.
pub(crate) fn symbol(text: &str, at: Option<&str>) -> Result<(Symbol, Option<Timestamp>), Failure> {
    let symbol: Symbol = text.parse().map_err(symbol_failure)?;
    let at =
        at.map(|at| parse_time(at, now()).map_err(|error| Failure::usage("bad-time", error))).transpose()?;
    match (symbol, at) {
        (Symbol::Contract(_) | Symbol::Window(_), Some(_)) => {
            Err(Failure::usage("bad-symbol", format!("'{text}' says when already: leave out --at")))
        }
        _ => Ok((symbol, at)),
    }
}

/// The contracts that a symbol and a moment mean in a class: one, or those of a window.
pub(crate) fn contracts(
    symbol: Symbol,
    at: Option<Timestamp>,
    class: &Class,
) -> Result<Vec<ContractId>, Failure> {
    match (symbol, at) {
        (Symbol::Contract(contract), _) => {
            contract.contract(class).map(|one| vec![one]).map_err(symbol_failure)
        }
        (Symbol::Window(window), _) => window.contracts(class).map_err(symbol_failure),
        (Symbol::Class(of), Some(at)) => {
            let slot_hours = u32::from(class.spec.slot_hours).max(1);
            let start = types::Hour(hour_from(at).0.next_multiple_of(slot_hours));
            of.at(start).contract(class).map(|one| vec![one]).map_err(symbol_failure)
        }
        (Symbol::Class(of), None) => {
            let message = format!("'{of}' is a class: say which slot, as in {of}-20261122T14Z or --at +6h");
            Err(Failure::usage("bad-symbol", message))
        }
    }
}

/// The same where one contract is wanted.
pub(crate) fn contract(symbol: Symbol, at: Option<Timestamp>, class: &Class) -> Result<ContractId, Failure> {
    match contracts(symbol, at, class)?[..] {
        [one] => Ok(one),
        _ => {
            let message =
                format!("'{symbol}' is a window: expected one contract, such as {}", class_example(class));
            Err(Failure::usage("bad-symbol", message))
        }
    }
}

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

/// The symbol of a contract in full.
pub(crate) fn full(class: &Class, contract: ContractId) -> String {
    ContractSymbol::of(class, contract).to_string()
}

pub(crate) fn class_symbol(text: &str) -> Result<ClassSymbol, Failure> {
    text.parse().map_err(symbol_failure)
}

pub(crate) fn symbol_failure(error: SymbolError) -> Failure {
    let code = match &error {
        SymbolError::NotASlot { .. } | SymbolError::NotWholeSlots { .. } => "not-a-slot",
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

fn class_example(class: &Class) -> String {
    let slot_hours = u32::from(class.spec.slot_hours).max(1);
    let start = types::Hour((now().hour().0 + 1).next_multiple_of(slot_hours));
    ClassSymbol::of(&class.spec).at(start).to_string()
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
    fn spans_are_read_or_refused() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2h"), Ok(Duration::from_secs(7_200)));
        for bad in ["", "s", "0s", "-1s", "30", "1.5m", "3ä"] {
            assert!(duration(bad).unwrap_err().contains(bad), "{bad}");
        }
    }
}
