//! Classes: a model in a region, with the terms all its contracts share.

use crate::code::Code;
use crate::ids::{ClassNo, ContractId};
use crate::money::{FEE_PPM_MAX, Money};
use crate::time::{Hour, Timestamp};

/// The longest slot: one week.
pub const SLOT_HOURS_MAX: u8 = 168;

/// The terms of a class, fixed once it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassSpec {
    /// The accelerator's model.
    pub model: Code,
    /// Where it stands.
    pub region: Code,
    /// What prices are in.
    pub currency: Code,
    /// One tick, in millionths of the currency per accelerator-hour; 1 to 1,000,000,000.
    pub tick: Money,
    /// The length of a slot in hours, 1 to [`SLOT_HOURS_MAX`]; slot starts are multiples of it since 1970.
    pub slot_hours: u8,
    /// Gate closure: how many minutes before the slot starts its contract stops trading.
    pub gate_minutes: u16,
    /// How far ahead contracts exist: a contract trades while its slot starts less than this many hours
    /// from now; 1 to 8,784 (a leap year), at least one slot.
    pub horizon_hours: u16,
    /// The fee each side pays, in parts per million of the traded value; at most [`FEE_PPM_MAX`].
    pub fee_ppm: u32,
}

/// A listed class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its number.
    pub no: ClassNo,
    /// Its terms.
    pub spec: ClassSpec,
}

impl ClassSpec {
    /// True if every field is in its range.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        (1..=1_000_000_000).contains(&self.tick)
            && (1..=SLOT_HOURS_MAX).contains(&self.slot_hours)
            && (1..=8_784).contains(&self.horizon_hours)
            && self.horizon_hours >= u16::from(self.slot_hours)
            && self.fee_ppm <= FEE_PPM_MAX
            && u32::from(self.gate_minutes) < u32::from(self.horizon_hours) * 60
    }

    /// `H100SXM-USE` in US dollars: hourly slots up to 14 days ahead, gate closure at the start of the slot,
    /// ticks of 0.0001 dollars, a fee of 10 basis points. For examples and tests.
    #[must_use]
    pub fn example() -> ClassSpec {
        let code = |text: &str| text.parse().expect("a code in its form");
        ClassSpec {
            model: code("H100SXM"),
            region: code("USE"),
            currency: code("USD"),
            tick: 100,
            slot_hours: 1,
            gate_minutes: 0,
            horizon_hours: 336,
            fee_ppm: 1_000,
        }
    }
}

impl Class {
    /// The contract whose slot starts at `start`; `None` if no slot of this class starts then.
    #[must_use]
    pub fn contract(&self, start: Hour) -> Option<ContractId> {
        let contract = ContractId::new(self.no, start);
        (self.is_aligned(start) && contract.start() == start).then_some(contract)
    }

    /// True if a slot starts at `start`.
    #[must_use]
    #[inline]
    pub fn is_aligned(&self, start: Hour) -> bool {
        start.0.is_multiple_of(u32::from(self.spec.slot_hours))
    }

    /// When `contract` stops trading.
    #[must_use]
    #[inline]
    pub fn gate(&self, contract: ContractId) -> Timestamp {
        contract.start().starts().minus_minutes(self.spec.gate_minutes)
    }

    /// When the slot of `contract` is over.
    #[must_use]
    pub fn end(&self, contract: ContractId) -> Timestamp {
        contract.start().plus(u32::from(self.spec.slot_hours)).starts()
    }

    /// True once `contract` has come within the horizon at `now`.
    #[must_use]
    #[inline]
    pub fn is_within_horizon(&self, contract: ContractId, now: Timestamp) -> bool {
        contract.start() < now.hour().plus(u32::from(self.spec.horizon_hours))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_aligned_and_gated() {
        let spec = ClassSpec { slot_hours: 4, gate_minutes: 30, ..ClassSpec::example() };
        let class = Class { no: ClassNo(3), spec };
        assert_eq!(class.contract(Hour(10)), None);
        let contract = class.contract(Hour(12)).unwrap();
        assert_eq!(class.gate(contract), Hour(12).starts().minus_minutes(30));
        assert_eq!(class.end(contract), Hour(16).starts());
        assert!(class.is_within_horizon(contract, Hour(0).starts()));
        assert!(!class.is_within_horizon(class.contract(Hour(336)).unwrap(), Hour(0).starts()));
    }

    #[test]
    fn a_spec_out_of_range_is_not_valid() {
        let good = ClassSpec::example();
        assert!(good.is_valid());
        for bad in [
            ClassSpec { tick: 0, ..good },
            ClassSpec { slot_hours: 0, ..good },
            ClassSpec { slot_hours: 169, ..good },
            ClassSpec { horizon_hours: 0, ..good },
            ClassSpec { fee_ppm: FEE_PPM_MAX + 1, ..good },
            ClassSpec { gate_minutes: 336 * 60, ..good },
        ] {
            assert!(!bad.is_valid(), "{bad:?}");
        }
    }
}
