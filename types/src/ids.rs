//! Ids: what names an account, a key, a class, a contract, an order.

use crate::time::Hour;
use std::fmt;

/// A command's place in the one total order. The first is 1; 0 means "none yet".
pub type Sequence = u64;

/// An order's id: the sequence of the command that made it, so it is never used twice.
pub type OrderId = Sequence;

/// Where an order lies in the engine's slab. A hint, told to the owner in every report: a cancel that brings
/// both id and hint needs no look-up. It holds as long as the order rests.
pub type SlotHint = u32;

/// An account. Given out by the engine in rising order from 1 (the first is the genesis operator).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub u32);

/// A registered key. Given out by the engine in rising order from 1 and never used for another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyNo(pub u32);

/// An Ed25519 public key: how a client is known on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// How many classes one exchange can list: the class number has 11 bits in a contract id.
pub const CLASSES_MAX: u16 = 1 << 11;

/// A class's number, below [`CLASSES_MAX`]. Given out by the engine in rising order from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassNo(pub u16);

/// A contract: class number in the upper 11 bits, slot start in hours since 1970 in the lower 21.
/// Computed, never stored in a table or reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractId(pub u32);

const HOUR_BITS: u32 = 21;
const HOUR_MASK: u32 = (1 << HOUR_BITS) - 1;

impl ContractId {
    /// The contract of `class` whose slot starts at `start`. Only the lower 21 bits of the hour are kept
    /// (they last until the year 2209).
    #[must_use]
    #[inline]
    pub fn new(class: ClassNo, start: Hour) -> ContractId {
        ContractId(u32::from(class.0) << HOUR_BITS | (start.0 & HOUR_MASK))
    }

    /// The class part.
    #[must_use]
    #[inline]
    pub fn class(self) -> ClassNo {
        ClassNo(u16::try_from(self.0 >> HOUR_BITS).expect("32 - 21 = 11 bits fit in 16"))
    }

    /// The start of the slot.
    #[must_use]
    #[inline]
    pub fn start(self) -> Hour {
        Hour(self.0 & HOUR_MASK)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for KeyNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_id_holds_class_and_start() {
        let id = ContractId::new(ClassNo(2047), Hour(498_542));
        assert_eq!((id.class(), id.start()), (ClassNo(2047), Hour(498_542)));
        assert_eq!(ContractId::new(ClassNo(1), Hour(2)).0, 1 << 21 | 2);
    }
}
