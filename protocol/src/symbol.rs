//! Symbols: how people write classes, contracts, windows and wildcards.
//!
//! | form | example |
//! |---|---|
//! | class | `H100SXM-USE` |
//! | contract: class and the UTC hour its slot starts | `H100SXM-USE-20261122T14Z` |
//! | window: contract and the length in hours | `H100SXM-USE-20261122T14Z-6H` |
//! | wildcard: `*` for whole fields | `H100SXM-*`, `*-USE`, `*`, `H100SXM-USE-*` |

mod pattern;
mod window;

pub use pattern::Pattern;
pub use window::{Block, WINDOW_HOURS_MAX, WindowSymbol};

use crate::when::{HourText, parse_hour};
use std::fmt;
use std::str::FromStr;
use types::{BLOCK_SLOTS_MAX, Class, ClassNo, ClassSpec, Code, CodeError, ContractId, Hour};

/// A class: `H100SXM-USE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassSymbol {
    /// The accelerator's model.
    pub model: Code,
    /// Where it stands.
    pub region: Code,
}

/// A contract: `H100SXM-USE-20261122T14Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractSymbol {
    /// Its class.
    pub class: ClassSymbol,
    /// When its slot starts.
    pub start: Hour,
}

/// Any symbol without a wildcard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Symbol {
    /// A class.
    Class(ClassSymbol),
    /// A contract.
    Contract(ContractSymbol),
    /// A window.
    Window(WindowSymbol),
}

/// Why a text is no symbol, or a symbol not of the kind or class wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SymbolError {
    /// It has too few or too many fields.
    #[error(
        "'{0}' is no symbol: expected fields joined by dashes, such as H100SXM-USE or H100SXM-USE-20261122T14Z"
    )]
    Fields(String),
    /// A model or region is out of its form.
    #[error("in '{symbol}': {source}")]
    Code {
        /// The whole text.
        symbol: String,
        /// What is wrong with the field.
        source: CodeError,
    },
    /// The slot's start is out of its form.
    #[error("in '{symbol}': '{start}' is no slot start: expected a UTC hour such as 20261122T14Z")]
    Start {
        /// The whole text.
        symbol: String,
        /// The field.
        start: String,
    },
    /// The window's length is out of its form.
    #[error(
        "in '{symbol}': '{length}' is no length: expected 1H to {WINDOW_HOURS_MAX}H in whole hours, such as 6H"
    )]
    Length {
        /// The whole text.
        symbol: String,
        /// The field.
        length: String,
    },
    /// A symbol, but of another kind than wanted.
    #[error("'{symbol}' is a {found}: expected a {wanted}, such as {example}")]
    Kind {
        /// The symbol.
        symbol: Symbol,
        /// What it is.
        found: &'static str,
        /// What is wanted.
        wanted: &'static str,
        /// One of those.
        example: &'static str,
    },
    /// A symbol of another class than the one it was to be of.
    #[error("'{symbol}' is not of the class {class}")]
    OtherClass {
        /// The symbol.
        symbol: Symbol,
        /// The class it was to be of.
        class: ClassSymbol,
    },
    /// No slot of the class starts then.
    #[error(
        "'{symbol}': slots of {class} are {slot_hours} h long: expected a start such as {}",
        HourText(*nearest)
    )]
    NotASlot {
        /// The symbol.
        symbol: Symbol,
        /// Its class.
        class: ClassSymbol,
        /// How long a slot is.
        slot_hours: u8,
        /// The last hour before at which a slot starts.
        nearest: Hour,
    },
    /// The window does not end where a slot ends.
    #[error(
        "'{symbol}': slots of {class} are {slot_hours} h long: expected a multiple of that, not {hours} h"
    )]
    NotWholeSlots {
        /// The symbol.
        symbol: Symbol,
        /// Its class.
        class: ClassSymbol,
        /// How long a slot is.
        slot_hours: u8,
        /// The length asked for.
        hours: u16,
    },
    /// The window is one slot: no block is for that.
    #[error(
        "'{symbol}' is one slot of {slot_hours} h: a window of one slot is an order for the contract {contract}"
    )]
    OneSlot {
        /// The symbol.
        symbol: Symbol,
        /// How long a slot is.
        slot_hours: u8,
        /// The contract that is the slot.
        contract: ContractSymbol,
    },
    /// The window has more slots than a block may have.
    #[error(
        "'{symbol}' is {slots} slots: a block has at most {BLOCK_SLOTS_MAX}, which are {hours_max} h of {class}"
    )]
    TooManySlots {
        /// The symbol.
        symbol: Symbol,
        /// Its class.
        class: ClassSymbol,
        /// How many slots it has.
        slots: u16,
        /// How long the most slots are together, in hours.
        hours_max: u32,
    },
    /// The window is longer than contracts of its class exist ahead.
    #[error("'{symbol}' is {hours} h long: contracts of {class} exist for {horizon_hours} h ahead")]
    BeyondHorizon {
        /// The symbol.
        symbol: Symbol,
        /// Its class.
        class: ClassSymbol,
        /// The length asked for.
        hours: u16,
        /// How far ahead contracts exist.
        horizon_hours: u16,
    },
}

impl ClassSymbol {
    /// The symbol of a class.
    #[must_use]
    pub fn of(spec: &ClassSpec) -> ClassSymbol {
        ClassSymbol { model: spec.model, region: spec.region }
    }

    /// The symbol of its contract that starts at `start`.
    #[must_use]
    pub fn at(self, start: Hour) -> ContractSymbol {
        ContractSymbol { class: self, start }
    }
}

impl ContractSymbol {
    /// The symbol of a contract of `class`.
    #[must_use]
    pub fn of(class: &Class, contract: ContractId) -> ContractSymbol {
        ClassSymbol::of(&class.spec).at(contract.start())
    }

    /// The contract, which must be one of `class`.
    ///
    /// # Errors
    /// [`SymbolError::OtherClass`], [`SymbolError::NotASlot`].
    pub fn contract(self, class: &Class) -> Result<ContractId, SymbolError> {
        slot(Symbol::Contract(self), class, self.class, self.start)
    }
}

impl Symbol {
    /// Its class.
    #[must_use]
    pub fn class(self) -> ClassSymbol {
        match self {
            Symbol::Class(class) => class,
            Symbol::Contract(contract) => contract.class,
            Symbol::Window(window) => window.class,
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Symbol::Class(_) => "class",
            Symbol::Contract(_) => "contract",
            Symbol::Window(_) => "window",
        }
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Symbol, SymbolError> {
        let mut fields = text.split('-');
        let (Some(model), Some(region)) = (fields.next(), fields.next()) else {
            return Err(SymbolError::Fields(text.to_owned()));
        };
        let class = ClassSymbol { model: parse_code(text, model)?, region: parse_code(text, region)? };
        let Some(start) = fields.next() else { return Ok(Symbol::Class(class)) };
        let start = parse_start(text, start)?;
        let Some(length) = fields.next() else { return Ok(Symbol::Contract(class.at(start))) };
        let hours = parse_length(text, length)?;
        match fields.next() {
            None => Ok(Symbol::Window(WindowSymbol { class, start, hours })),
            Some(_) => Err(SymbolError::Fields(text.to_owned())),
        }
    }
}

impl FromStr for ClassSymbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<ClassSymbol, SymbolError> {
        match text.parse()? {
            Symbol::Class(class) => Ok(class),
            symbol => Err(other_kind(symbol, "class", "H100SXM-USE")),
        }
    }
}

impl FromStr for ContractSymbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<ContractSymbol, SymbolError> {
        match text.parse()? {
            Symbol::Contract(contract) => Ok(contract),
            symbol => Err(other_kind(symbol, "contract", "H100SXM-USE-20261122T14Z")),
        }
    }
}

impl fmt::Display for ClassSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.model, self.region))
    }
}

impl fmt::Display for ContractSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.class, HourText(self.start)))
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Symbol::Class(class) => class.fmt(f),
            Symbol::Contract(contract) => contract.fmt(f),
            Symbol::Window(window) => window.fmt(f),
        }
    }
}

fn parse_code(symbol: &str, field: &str) -> Result<Code, SymbolError> {
    field.parse().map_err(|source| SymbolError::Code { symbol: symbol.to_owned(), source })
}

fn parse_start(symbol: &str, field: &str) -> Result<Hour, SymbolError> {
    let start = parse_hour(field).filter(|hour| ContractId::new(ClassNo(0), *hour).start() == *hour);
    start.ok_or_else(|| SymbolError::Start { symbol: symbol.to_owned(), start: field.to_owned() })
}

fn parse_length(symbol: &str, field: &str) -> Result<u16, SymbolError> {
    let hours = field.strip_suffix('H').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let hours = hours.and_then(|digits| digits.parse().ok());
    hours
        .filter(|hours| (1..=WINDOW_HOURS_MAX).contains(hours))
        .ok_or_else(|| SymbolError::Length { symbol: symbol.to_owned(), length: field.to_owned() })
}

fn other_kind(symbol: Symbol, wanted: &'static str, example: &'static str) -> SymbolError {
    SymbolError::Kind { symbol, found: symbol.kind(), wanted, example }
}

/// The contract of `class` that starts at `start`, as a part of `symbol` of the class `of`.
fn slot(symbol: Symbol, class: &Class, of: ClassSymbol, start: Hour) -> Result<ContractId, SymbolError> {
    if of != ClassSymbol::of(&class.spec) {
        return Err(SymbolError::OtherClass { symbol, class: ClassSymbol::of(&class.spec) });
    }
    let slot_hours = class.spec.slot_hours;
    class.contract(start).ok_or_else(|| {
        let into_slot = start.0.checked_rem(u32::from(slot_hours)).unwrap_or(0);
        SymbolError::NotASlot { symbol, class: of, slot_hours, nearest: Hour(start.0 - into_slot) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CONTRACT: &str = "H100SXM-USE-20261122T14Z";

    fn class(slot_hours: u8) -> Class {
        Class { no: ClassNo(5), spec: ClassSpec { slot_hours, ..ClassSpec::example() } }
    }

    fn error<T: FromStr<Err = SymbolError>>(text: &str) -> String {
        text.parse::<T>().err().unwrap().to_string()
    }

    #[test]
    fn a_symbol_is_what_its_fields_say() {
        let class: ClassSymbol = "H100SXM-USE".parse().unwrap();
        assert_eq!(class, ClassSymbol::of(&ClassSpec::example()));
        let contract: ContractSymbol = CONTRACT.parse().unwrap();
        assert_eq!((contract.class, contract.start), (class, parse_hour("20261122T14Z").unwrap()));
        let window: WindowSymbol = "H100SXM-USE-20261122T14Z-6H".parse().unwrap();
        assert_eq!((window.class, window.start, window.hours), (class, contract.start, 6));
    }

    #[test]
    fn what_is_no_symbol_is_said_back_with_an_example() {
        assert!(error::<Symbol>("H100SXM").starts_with("'H100SXM' is no symbol: expected fields joined"));
        assert!(error::<Symbol>("A-B-20261122T14Z-6H-X").starts_with("'A-B-20261122T14Z-6H-X' is no symbol"));
        assert!(
            error::<Symbol>("h100-USE").starts_with("in 'h100-USE': 'h100' is no code: expected 1 to 12")
        );
        assert_eq!(
            error::<Symbol>("A-B-2026112T14Z"),
            "in 'A-B-2026112T14Z': '2026112T14Z' is no slot start: expected a UTC hour such as 20261122T14Z"
        );
        for late in ["A-B-99991231T23Z", "A-B-22090331T09Z"] {
            assert!(error::<Symbol>(late).contains("is no slot start"), "{late}");
        }
        for length in ["0H", "6", "6h", "8785H", "+6H", "H"] {
            let said = error::<Symbol>(&format!("{CONTRACT}-{length}"));
            assert!(said.contains(&format!("'{length}' is no length: expected 1H to 8784H")), "{said}");
        }
        assert_eq!(
            error::<ContractSymbol>("H100SXM-USE"),
            "'H100SXM-USE' is a class: expected a contract, such as H100SXM-USE-20261122T14Z"
        );
        assert!(error::<ClassSymbol>(CONTRACT).contains("is a contract: expected a class"));
        assert!(error::<WindowSymbol>(CONTRACT).contains("is a contract: expected a window"));
    }

    #[test]
    fn a_contract_must_be_a_slot_of_the_class() {
        let symbol: ContractSymbol = CONTRACT.parse().unwrap();
        let contract = symbol.contract(&class(1)).unwrap();
        assert_eq!(contract, ContractId::new(ClassNo(5), symbol.start));
        assert_eq!(ContractSymbol::of(&class(1), contract), symbol);
        assert_eq!(
            symbol.contract(&class(4)).unwrap_err().to_string(),
            "'H100SXM-USE-20261122T14Z': slots of H100SXM-USE are 4 h long: expected a start such as 20261122T12Z"
        );
        let other: ContractSymbol = "A100-USE-20261122T14Z".parse().unwrap();
        assert_eq!(
            other.contract(&class(1)).unwrap_err().to_string(),
            "'A100-USE-20261122T14Z' is not of the class H100SXM-USE"
        );
    }

    prop_compose! {
        fn any_class()(model in "[A-Z0-9]{1,12}", region in "[A-Z0-9]{1,12}") -> ClassSymbol {
            ClassSymbol { model: model.parse().unwrap(), region: region.parse().unwrap() }
        }
    }

    proptest! {
        #[test]
        fn symbols_come_back(class in any_class(), start in 0u32..1 << 21, hours in 1..=WINDOW_HOURS_MAX) {
            let start = Hour(start);
            let window = Symbol::Window(WindowSymbol { class, start, hours });
            for symbol in [Symbol::Class(class), Symbol::Contract(class.at(start)), window] {
                prop_assert_eq!(symbol.to_string().parse(), Ok(symbol));
                prop_assert_eq!(symbol.class(), class);
            }
        }

        #[test]
        fn any_text_is_a_symbol_or_refused(text in "[A-Z0-9*TZH-]{0,30}|.*") {
            let _ = text.parse::<Symbol>();
        }
    }
}
