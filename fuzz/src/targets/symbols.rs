//! Symbols, codes, names and public keys, as people write them.

use super::words;
use crate::{Target, Trace};
use protocol::symbol::{ClassSymbol, ContractSymbol, Pattern, Symbol, SymbolError, WindowSymbol};
use std::fmt::{Debug, Display};
use std::mem::discriminant;
use std::str::FromStr;
use types::{AccountName, Class, ClassNo, ClassSpec, Code, CodeError};

pub(super) const SYMBOLS: Target = Target {
    name: "symbols",
    holds: "any text is a symbol, code, name or key, or is refused with a reason; what is one comes back from its text",
    seeds: || {
        let contract = "H100SXM-USE-20261122T14Z";
        let texts = ["H100SXM-USE", contract, "H100SXM-USE-20261122T14Z-6H", "A-B-22090331T07Z-8784H", "*"];
        let wild = ["H100SXM-*", "*-USE", "*-*-20261122T14Z", "H100SXM-USE-*", "acme-cloud", "USD"];
        words(
            &[&texts[..], &wild, &["00ff9a00ff9a00ff9a00ff9a00ff9a00ff9a00ff9a00ff9a00ff9a00ff9a00ff"]]
                .concat(),
        )
    },
    words: || {
        words(&["-", "*", "T", "Z", "H", "-*", "20261122T14Z", "6H", "H100SXM", "USE", "\0", "+", "é", "٣"])
    },
    mend: None,
    start: || Box::new(attempt),
};

fn attempt(input: &[u8]) -> Trace {
    let text = String::from_utf8_lossy(input);
    let text: &str = &text;
    let outcomes = [
        comes_back::<Symbol>(text),
        comes_back::<ClassSymbol>(text),
        comes_back::<ContractSymbol>(text),
        comes_back::<WindowSymbol>(text),
        comes_back::<Pattern>(text),
        comes_back::<Code>(text),
        comes_back::<AccountName>(text),
        public_key(text),
    ];
    let slots = match text.parse() {
        Ok(symbol) => [1, 4, 168].map(|slot_hours| of_a_class(symbol, slot_hours)),
        Err(_) => [0; 3],
    };
    Trace::of((outcomes, slots))
}

/// What its errors are told apart by.
trait Refusal: Display {
    fn kind(&self) -> Trace;
}

impl Refusal for SymbolError {
    fn kind(&self) -> Trace {
        Trace::of(discriminant(self))
    }
}

impl Refusal for CodeError {
    fn kind(&self) -> Trace {
        Trace::of(discriminant(self))
    }
}

fn comes_back<T: FromStr<Err: Refusal> + Display + PartialEq + Debug>(text: &str) -> Option<Trace> {
    match text.parse::<T>() {
        Ok(value) => {
            let again = value.to_string();
            assert!(again.parse::<T>().is_ok_and(|again| again == value), "{text:?} is written {again:?}");
            assert!(again.len() <= text.len(), "{text:?} is written {again:?}");
            None
        }
        Err(error) => {
            // A symbol of another kind than wanted is said as it was understood.
            let understood = text.parse::<Symbol>().map(|symbol| symbol.to_string());
            let said =
                [text, understood.as_deref().unwrap_or(text)].map(|text| error.to_string().contains(text));
            assert!(said.contains(&true), "'{error}' does not say {text:?} back");
            Some(error.kind())
        }
    }
}

fn public_key(text: &str) -> Option<Trace> {
    let key = transport::parse_public_key(text).ok()?;
    assert_eq!(key.to_string(), text.to_lowercase());
    Some(Trace::of("a key"))
}

/// Looks for the symbol's contracts in a class of that name: how many there are.
fn of_a_class(symbol: Symbol, slot_hours: u8) -> usize {
    let ClassSymbol { model, region } = symbol.class();
    let class =
        Class { no: ClassNo(2_047), spec: ClassSpec { model, region, slot_hours, ..ClassSpec::example() } };
    let contracts = match symbol {
        Symbol::Class(_) => return 0,
        Symbol::Contract(contract) => contract.contract(&class).map(|contract| vec![contract]),
        Symbol::Window(window) => window.contracts(&class),
    };
    let contracts = match contracts {
        Ok(contracts) => contracts,
        Err(error) => {
            assert!(error.to_string().contains(&symbol.to_string()), "{error}");
            return 0;
        }
    };
    let step = u32::from(slot_hours);
    assert!(contracts.windows(2).all(|pair| pair[1].start().0 == pair[0].start().0 + step));
    if let Symbol::Window(window) = symbol {
        assert_eq!(contracts.len() * usize::from(slot_hours), usize::from(window.hours));
    }
    contracts.len().min(2)
}
