//! Which contract or window somebody types: a full symbol, or a class with a moment and, for a window, a length.

use crate::fail::Failure;
use crate::typed::{now, symbol_failure};
use clap::Args;
use protocol::symbol::{Block, ClassSymbol, ContractSymbol, Symbol, WINDOW_HOURS_MAX, WindowSymbol};
use protocol::when::{hour_from, parse_time};
use types::{Class, ContractId, Hour, Timestamp};

/// The arguments that say it.
#[derive(Debug, Args)]
pub(crate) struct SymbolArguments {
    /// A contract (H100SXM-USE-20261122T14Z), a window (H100SXM-USE-20261122T14Z-6H), or a class with --at.
    symbol: String,
    /// When the slot, or the first of a window, starts: now, +6h, tomorrow 09:00, 2026-11-22T14:00:00Z. The first slot
    /// that starts then or later.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// A window of so many hours from there on.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=i64::from(WINDOW_HOURS_MAX)))]
    hours: Option<u16>,
}

/// The same as read, before anybody is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    symbol: Symbol,
    at: Option<Timestamp>,
    hours: Option<u16>,
}

/// One contract, or the window of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Contract(ContractId),
    Window(Block),
}

impl SymbolArguments {
    pub(crate) fn read(&self) -> Result<Wanted, Failure> {
        Wanted::read(&self.symbol, self.at.as_deref(), self.hours)
    }
}

impl Wanted {
    /// Reads a symbol and what is said beside it.
    pub(crate) fn read(text: &str, at: Option<&str>, hours: Option<u16>) -> Result<Wanted, Failure> {
        let symbol: Symbol = text.parse().map_err(symbol_failure)?;
        let at = at.map(|at| parse_time(at, now()).map_err(|error| Failure::usage("bad-time", error)));
        let at = at.transpose()?;
        match (symbol, at, hours) {
            (Symbol::Contract(_) | Symbol::Window(_), Some(_), _) => {
                Err(Failure::usage("bad-symbol", format!("'{text}' says when already: leave out --at")))
            }
            (Symbol::Window(_), _, Some(_)) => {
                let message = format!("'{text}' says how long already: leave out --hours");
                Err(Failure::usage("bad-symbol", message))
            }
            _ => Ok(Wanted { symbol, at, hours }),
        }
    }

    /// The class it is of.
    pub(crate) fn class(&self) -> ClassSymbol {
        self.symbol.class()
    }

    /// What it means in its class: a contract or a window.
    fn symbol(&self, class: &Class) -> Result<Symbol, Failure> {
        let contract = match (self.symbol, self.at) {
            (Symbol::Contract(contract), _) => contract,
            (Symbol::Window(_), _) => return Ok(self.symbol),
            (Symbol::Class(of), Some(at)) => {
                let slot_hours = u32::from(class.spec.slot_hours).max(1);
                of.at(Hour(hour_from(at).0.next_multiple_of(slot_hours)))
            }
            (Symbol::Class(of), None) => {
                let message =
                    format!("'{of}' is a class: say which slot, as in {of}-20261122T14Z or --at +6h");
                return Err(Failure::usage("bad-symbol", message));
            }
        };
        let ContractSymbol { class, start } = contract;
        Ok(match self.hours {
            Some(hours) => Symbol::Window(WindowSymbol { class, start, hours }),
            None => Symbol::Contract(contract),
        })
    }

    /// The contract, or the window of at least two slots that a block can be for.
    pub(crate) fn span(&self, class: &Class) -> Result<Span, Failure> {
        match self.symbol(class)? {
            Symbol::Window(window) => window.block(class).map(Span::Window).map_err(symbol_failure),
            symbol => Ok(Span::Contract(one(symbol, class)?)),
        }
    }

    /// The one contract, or those of a window of any length.
    pub(crate) fn contracts(&self, class: &Class) -> Result<Vec<ContractId>, Failure> {
        match self.symbol(class)? {
            Symbol::Window(window) => window.contracts(class).map_err(symbol_failure),
            symbol => Ok(vec![one(symbol, class)?]),
        }
    }

    /// The same where one contract is wanted.
    pub(crate) fn contract(&self, class: &Class) -> Result<ContractId, Failure> {
        let symbol = self.symbol(class)?;
        if let Symbol::Window(WindowSymbol { class, start, .. }) = symbol {
            let message =
                format!("'{symbol}' is a window: expected one contract, such as {}", class.at(start));
            return Err(Failure::usage("bad-symbol", message));
        }
        one(symbol, class)
    }
}

impl Span {
    /// The first contract, and how many slots.
    pub(crate) fn slots(self) -> (ContractId, u16) {
        match self {
            Span::Contract(contract) => (contract, 1),
            Span::Window(Block { first, slots }) => (first, slots),
        }
    }
}

/// The symbol in full of a contract, or of a window if there are more slots than one.
pub(crate) fn full(class: &Class, first: ContractId, slots: u16) -> String {
    if slots > 1 {
        WindowSymbol::of(class, first, slots).to_string()
    } else {
        ContractSymbol::of(class, first).to_string()
    }
}

fn one(symbol: Symbol, class: &Class) -> Result<ContractId, Failure> {
    match symbol {
        Symbol::Contract(contract) => contract.contract(class).map_err(symbol_failure),
        other => Err(Failure::usage("bad-symbol", format!("'{other}' is no contract"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ClassNo, ClassSpec};

    fn class(slot_hours: u8) -> Class {
        Class { no: ClassNo(0), spec: ClassSpec { slot_hours, ..ClassSpec::example() } }
    }

    #[test]
    fn a_window_is_said_by_its_symbol_or_by_start_and_hours() {
        let class = class(4);
        let span = |text, at, hours| Wanted::read(text, at, hours).and_then(|wanted| wanted.span(&class));
        let window = span("H100SXM-USE-20261122T12Z-8H", None, None).unwrap();
        let Span::Window(Block { first, slots: 2 }) = window else { panic!("{window:?}") };
        assert_eq!(span("H100SXM-USE-20261122T12Z", None, Some(8)).unwrap(), window);
        // The first slot that starts then or later.
        assert_eq!(span("H100SXM-USE", Some("2026-11-22T09:30:00Z"), Some(8)).unwrap(), window);
        assert_eq!(full(&class, first, 2), "H100SXM-USE-20261122T12Z-8H");
        let one = span("H100SXM-USE", Some("20261122T12Z"), None).unwrap();
        assert_eq!(one, Span::Contract(first));
        assert_eq!(full(&class, first, 1), "H100SXM-USE-20261122T12Z");
    }

    #[test]
    fn what_says_too_much_or_too_little_is_refused() {
        let class = class(4);
        for (text, at, hours, code, said) in [
            ("H100SXM-USE-20261122T12Z-8H", Some("+6h"), None, "bad-symbol", "leave out --at"),
            ("H100SXM-USE-20261122T12Z-8H", None, Some(8), "bad-symbol", "leave out --hours"),
            ("H100SXM-USE", None, Some(8), "bad-symbol", "say which slot"),
            ("H100SXM-USE", Some("noon"), None, "bad-time", "'noon'"),
            ("H100SXM-USE-20261122T12Z-6H", None, None, "not-a-slot", "not 6 h"),
            ("H100SXM-USE-20261122T14Z-8H", None, None, "not-a-slot", "20261122T12Z"),
            ("H100SXM-USE-20261122T12Z", None, Some(4), "bad-window", "order for the contract"),
            ("H100SXM-USE-20261122T12Z-340H", None, None, "bad-window", "336 h ahead"),
        ] {
            let failure = Wanted::read(text, at, hours).and_then(|wanted| wanted.span(&class)).unwrap_err();
            assert_eq!(failure.code, code, "{text}: {}", failure.message);
            assert!(failure.message.contains(said), "{text}: {}", failure.message);
        }
        let window = Wanted::read("H100SXM-USE-20261122T12Z-8H", None, None).unwrap();
        assert!(window.contract(&class).unwrap_err().message.contains("H100SXM-USE-20261122T12Z"));
        assert_eq!(window.contracts(&class).unwrap().len(), 2);
    }
}
