//! Windows: several slots of a class in a row, and the blocks that are for them.

use super::{ClassSymbol, Symbol, SymbolError, other_kind, slot};
use crate::when::HourText;
use std::fmt;
use std::str::FromStr;
use types::{BLOCK_SLOTS_MAX, Class, ContractId, Hour};

/// The longest window in hours: a leap year, as far as any class's contracts exist.
pub const WINDOW_HOURS_MAX: u16 = 8_784;

/// Several consecutive slots of a class: `H100SXM-USE-20261122T14Z-6H`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WindowSymbol {
    /// The class.
    pub class: ClassSymbol,
    /// When the first slot starts.
    pub start: Hour,
    /// How long all slots are together, in hours: 1 to [`WINDOW_HOURS_MAX`].
    pub hours: u16,
}

/// What a block is for, as the exchange says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block {
    /// The contract of the first slot.
    pub first: ContractId,
    /// How many slots in a row, 2 to [`BLOCK_SLOTS_MAX`].
    pub slots: u16,
}

impl WindowSymbol {
    /// The symbol of `slots` slots of `class` from `first` on. Longer than [`WINDOW_HOURS_MAX`], which no block of a
    /// listed class is, it says that.
    #[must_use]
    pub fn of(class: &Class, first: ContractId, slots: u16) -> WindowSymbol {
        let hours = slots.saturating_mul(u16::from(class.spec.slot_hours)).clamp(1, WINDOW_HOURS_MAX);
        WindowSymbol { class: ClassSymbol::of(&class.spec), start: first.start(), hours }
    }

    /// The contracts of the window in time order, which must be of `class`. One is enough.
    ///
    /// # Errors
    /// [`SymbolError::OtherClass`], [`SymbolError::NotASlot`], [`SymbolError::NotWholeSlots`].
    pub fn contracts(self, class: &Class) -> Result<Vec<ContractId>, SymbolError> {
        let symbol = Symbol::Window(self);
        let slots = u32::from(self.slots(class)?);
        let slot_hours = u32::from(class.spec.slot_hours);
        (0..slots).map(|at| slot(symbol, class, self.class, self.start.plus(at * slot_hours))).collect()
    }

    /// The block over the window, which must be of `class`. Whether it is to come is for the exchange to say.
    ///
    /// # Errors
    /// As [`WindowSymbol::contracts`], and [`SymbolError::OneSlot`], [`SymbolError::TooManySlots`],
    /// [`SymbolError::BeyondHorizon`].
    pub fn block(self, class: &Class) -> Result<Block, SymbolError> {
        let symbol = Symbol::Window(self);
        let WindowSymbol { class: of, start, hours } = self;
        let slots = self.slots(class)?;
        let first = slot(symbol, class, of, start)?;
        let (slot_hours, horizon_hours) = (class.spec.slot_hours, class.spec.horizon_hours);
        if slots < 2 {
            return Err(SymbolError::OneSlot { symbol, slot_hours, contract: of.at(start) });
        }
        if slots > BLOCK_SLOTS_MAX {
            let hours_max = u32::from(BLOCK_SLOTS_MAX) * u32::from(slot_hours);
            return Err(SymbolError::TooManySlots { symbol, class: of, slots, hours_max });
        }
        if hours > horizon_hours {
            return Err(SymbolError::BeyondHorizon { symbol, class: of, hours, horizon_hours });
        }
        slot(symbol, class, of, start.plus(u32::from(hours) - u32::from(slot_hours)))?;
        Ok(Block { first, slots })
    }

    /// How many slots of `class` are as long as the window.
    fn slots(self, class: &Class) -> Result<u16, SymbolError> {
        let WindowSymbol { class: of, hours, .. } = self;
        if of != ClassSymbol::of(&class.spec) {
            let class = ClassSymbol::of(&class.spec);
            return Err(SymbolError::OtherClass { symbol: Symbol::Window(self), class });
        }
        let slot_hours = class.spec.slot_hours;
        match hours.checked_div(u16::from(slot_hours)) {
            Some(slots) if slots * u16::from(slot_hours) == hours => Ok(slots),
            _ => {
                Err(SymbolError::NotWholeSlots { symbol: Symbol::Window(self), class: of, slot_hours, hours })
            }
        }
    }
}

impl FromStr for WindowSymbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<WindowSymbol, SymbolError> {
        match text.parse()? {
            Symbol::Window(window) => Ok(window),
            symbol => Err(other_kind(symbol, "window", "H100SXM-USE-20261122T14Z-6H")),
        }
    }
}

impl fmt::Display for WindowSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}-{}H", self.class, HourText(self.start), self.hours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::{ClassNo, ClassSpec};

    fn class(slot_hours: u8) -> Class {
        Class { no: ClassNo(5), spec: ClassSpec { slot_hours, ..ClassSpec::example() } }
    }

    fn window(text: &str) -> WindowSymbol {
        text.parse().unwrap()
    }

    #[test]
    fn a_window_is_whole_slots() {
        let window = window("H100SXM-USE-20261122T12Z-8H");
        let starts: Vec<u32> =
            window.contracts(&class(4)).unwrap().iter().map(|contract| contract.start().0).collect();
        assert_eq!(starts, [window.start.0, window.start.0 + 4]);
        let uneven = WindowSymbol { hours: 6, ..window };
        assert!(uneven.contracts(&class(4)).unwrap_err().to_string().contains("a multiple of that, not 6 h"));
        let askew = WindowSymbol { start: window.start.plus(1), ..window };
        assert!(matches!(askew.contracts(&class(4)), Err(SymbolError::NotASlot { .. })));
        let last = WindowSymbol { start: Hour((1 << 21) - 4), ..window };
        assert!(matches!(last.contracts(&class(4)), Err(SymbolError::NotASlot { .. })), "beyond 21 bits");
        assert!(matches!(last.block(&class(4)), Err(SymbolError::NotASlot { .. })), "beyond 21 bits");
        let one = WindowSymbol { hours: 4, ..window };
        assert_eq!(one.contracts(&class(4)).map(|contracts| contracts.len()), Ok(1));
    }

    #[test]
    fn what_no_block_can_be_for_is_told_with_what_was_expected() {
        let said = |text: &str, class: Class| window(text).block(&class).unwrap_err().to_string();
        let short = Class { spec: ClassSpec { horizon_hours: 48, ..class(1).spec }, ..class(1) };
        for (text, class, expected) in [
            (
                "H100SXM-USE-20261122T12Z-6H",
                class(4),
                "'H100SXM-USE-20261122T12Z-6H': slots of H100SXM-USE are 4 h long: expected a multiple of that, not 6 h",
            ),
            (
                "H100SXM-USE-20261122T14Z-8H",
                class(4),
                "'H100SXM-USE-20261122T14Z-8H': slots of H100SXM-USE are 4 h long: expected a start such as 20261122T12Z",
            ),
            (
                "H100SXM-USE-20261122T14Z-1H",
                class(1),
                "'H100SXM-USE-20261122T14Z-1H' is one slot of 1 h: a window of one slot is an order for the contract \
                 H100SXM-USE-20261122T14Z",
            ),
            (
                "H100SXM-USE-20261122T14Z-337H",
                class(1),
                "'H100SXM-USE-20261122T14Z-337H' is 337 slots: a block has at most 336, which are 336 h of H100SXM-USE",
            ),
            (
                "H100SXM-USE-20261122T14Z-49H",
                short,
                "'H100SXM-USE-20261122T14Z-49H' is 49 h long: contracts of H100SXM-USE exist for 48 h ahead",
            ),
            (
                "A100-USE-20261122T14Z-6H",
                class(1),
                "'A100-USE-20261122T14Z-6H' is not of the class H100SXM-USE",
            ),
        ] {
            assert_eq!(said(text, class), expected);
        }
    }

    proptest! {
        #[test]
        fn blocks_come_back_as_their_windows(
            slot_hours in 1u8..=168, slot in 0u32..4_000, slots in 2..=BLOCK_SLOTS_MAX,
        ) {
            let class = class(slot_hours);
            let spec = ClassSpec { horizon_hours: WINDOW_HOURS_MAX, ..class.spec };
            let class = Class { spec, ..class };
            let first = class.contract(Hour(slot * u32::from(slot_hours))).unwrap();
            prop_assume!(slots * u16::from(slot_hours) <= WINDOW_HOURS_MAX);
            let symbol = WindowSymbol::of(&class, first, slots);
            let read: WindowSymbol = symbol.to_string().parse().unwrap();
            prop_assert_eq!(read, symbol);
            prop_assert_eq!(read.block(&class), Ok(Block { first, slots }));
            let contracts: Vec<_> = class.window(first, slots).collect();
            prop_assert_eq!(read.contracts(&class), Ok(contracts));
        }

        #[test]
        fn a_window_is_a_block_or_refused(
            start in 0u32..1 << 21, hours in 1..=WINDOW_HOURS_MAX, slot_hours: u8, horizon_hours: u16,
        ) {
            let class = class(slot_hours);
            let class = Class { spec: ClassSpec { horizon_hours, ..class.spec }, ..class };
            let window = WindowSymbol { class: ClassSymbol::of(&class.spec), start: Hour(start), hours };
            if let Ok(Block { first, slots }) = window.block(&class) {
                prop_assert!((2..=BLOCK_SLOTS_MAX).contains(&slots));
                prop_assert_eq!(WindowSymbol::of(&class, first, slots), window);
            }
        }
    }
}
