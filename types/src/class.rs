//! Classes: a model in a region, with the terms all its contracts share.

use crate::code::Code;
use crate::ids::{ClassNo, ContractId};
use crate::money::{FEE_PPM_MAX, Money, UNITS_MAX, Units};
use crate::time::{Hour, Timestamp};

/// The longest slot: one week.
pub const SLOT_HOURS_MAX: u8 = 168;
/// The widest price band: as much again as the price it is around, in parts per million.
pub const BAND_PPM_MAX: u32 = 1_000_000;
/// The longest call of a reopening auction, and the longest random part of any auction, in seconds.
pub const AUCTION_SECONDS_MAX: u16 = 3_600;

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
    /// What one unit computes, if that is stated.
    pub performance: Option<Performance>,
    /// How many minutes a contract that has come within the horizon only gathers orders, before its opening auction
    /// begins; more than 0 only if there is one.
    pub preopen_minutes: u16,
    /// How many minutes the call of the opening auction lasts; 0: contracts open continuous. The gate comes later.
    pub opening_minutes: u16,
    /// How many seconds the call of a reopening auction lasts, after an interruption or a halt; 0 to
    /// [`AUCTION_SECONDS_MAX`]. 0: a halt ends without an auction, and the class has no bands.
    pub auction_seconds: u16,
    /// By how many seconds at most an auction ends later than its call is long; 0 to [`AUCTION_SECONDS_MAX`].
    pub random_seconds: u16,
    /// How far from the reference price an order may be priced and a trade may be, in parts per million; 0: as far
    /// as it likes; at most [`BAND_PPM_MAX`].
    pub static_band_ppm: u32,
    /// How far from the last price a trade may be, in parts per million; 0: as far as it likes; at most
    /// [`BAND_PPM_MAX`].
    pub dynamic_band_ppm: u32,
    /// The most units of one order, 1 to [`UNITS_MAX`].
    pub order_units_max: Units,
}

/// What one unit computes, so that prices of models compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Performance {
    /// Billions of operations a second at most, dense; at least 1.
    pub gflops: u32,
    /// At which precision: `FP16`, `BF16`, `FP8`.
    pub precision: Code,
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
            && self.performance.is_none_or(|performance| performance.gflops > 0)
            && self.are_auctions_valid()
            && (1..=UNITS_MAX).contains(&self.order_units_max)
    }

    /// An opening auction is over before the gate; bands need an auction to reopen by.
    fn are_auctions_valid(&self) -> bool {
        let opening = u32::from(self.preopen_minutes) + u32::from(self.opening_minutes);
        // A contract comes within the horizon when the hour begins in which its slot starts less than that ahead.
        let open = (u32::from(self.horizon_hours) - 1) * 60;
        let random = u32::from(self.random_seconds).div_ceil(60);
        let is_over = opening == 0 || opening + random + u32::from(self.gate_minutes) < open;
        let has_bands = self.static_band_ppm > 0 || self.dynamic_band_ppm > 0;
        is_over
            && (self.preopen_minutes == 0 || self.opening_minutes > 0)
            && self.static_band_ppm <= BAND_PPM_MAX
            && self.dynamic_band_ppm <= BAND_PPM_MAX
            && self.auction_seconds <= AUCTION_SECONDS_MAX
            && self.random_seconds <= AUCTION_SECONDS_MAX
            && (!has_bands || self.auction_seconds > 0)
    }

    /// `H100SXM-USE` in US dollars: hourly slots up to 14 days ahead, gate closure at the start of the slot,
    /// ticks of 0.0001 dollars, a fee of 10 basis points, no auctions and no bands. For examples and tests.
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
            performance: None,
            preopen_minutes: 0,
            opening_minutes: 0,
            auction_seconds: 0,
            random_seconds: 0,
            static_band_ppm: 0,
            dynamic_band_ppm: 0,
            order_units_max: UNITS_MAX,
        }
    }

    /// The same with all that it leaves out: 989 TFLOP/s at BF16, an opening auction of 10 minutes after 5 of pre-open,
    /// reopening ones of 2 minutes, up to 30 s at random, bands of 50 % and 10 %, and at most 1,000 units an order.
    #[must_use]
    pub fn full_example() -> ClassSpec {
        let precision = "BF16".parse().expect("a code in its form");
        ClassSpec {
            performance: Some(Performance { gflops: 989_000, precision }),
            preopen_minutes: 5,
            opening_minutes: 10,
            auction_seconds: 120,
            random_seconds: 30,
            static_band_ppm: 500_000,
            dynamic_band_ppm: 100_000,
            order_units_max: 1_000,
            ..ClassSpec::example()
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

    /// When `contract` comes within the horizon: its pre-open begins, or its opening auction, or its trading.
    #[must_use]
    pub fn comes_in(&self, contract: ContractId) -> Timestamp {
        Hour((contract.start().0 + 1).saturating_sub(u32::from(self.spec.horizon_hours))).starts()
    }

    /// When the call of the opening auction of `contract` begins.
    #[must_use]
    pub fn opening_from(&self, contract: ContractId) -> Timestamp {
        self.comes_in(contract).plus_minutes(self.spec.preopen_minutes)
    }

    /// When it has been as long as it is at least.
    #[must_use]
    pub fn opening_until(&self, contract: ContractId) -> Timestamp {
        self.opening_from(contract).plus_minutes(self.spec.opening_minutes)
    }

    /// The `slots` contracts in a row of which `first` is the first.
    pub fn window(&self, first: ContractId, slots: u16) -> impl Iterator<Item = ContractId> + use<> {
        let (no, start, hours) = (first.class(), first.start(), u32::from(self.spec.slot_hours));
        (0..u32::from(slots)).map(move |slot| ContractId::new(no, start.plus(slot * hours)))
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
            ClassSpec { performance: Some(Performance { gflops: 0, precision: good.currency }), ..good },
            ClassSpec { preopen_minutes: 5, ..good },
            ClassSpec { opening_minutes: 335 * 60, ..good },
            ClassSpec { opening_minutes: 335 * 60 - 1, random_seconds: 1, ..good },
            ClassSpec { static_band_ppm: 1, ..good },
            ClassSpec { dynamic_band_ppm: BAND_PPM_MAX + 1, auction_seconds: 60, ..good },
            ClassSpec { auction_seconds: AUCTION_SECONDS_MAX + 1, ..good },
            ClassSpec { order_units_max: 0, ..good },
        ] {
            assert!(!bad.is_valid(), "{bad:?}");
        }
        assert!(ClassSpec::full_example().is_valid());
    }

    #[test]
    fn a_contract_opens_when_it_comes_within_the_horizon() {
        let spec = ClassSpec { preopen_minutes: 5, opening_minutes: 10, ..ClassSpec::example() };
        let class = Class { no: ClassNo(3), spec };
        let contract = class.contract(Hour(1_000)).unwrap();
        let comes_in = class.comes_in(contract);
        assert_eq!(comes_in, Hour(1_000 - 335).starts());
        assert!(class.is_within_horizon(contract, comes_in));
        assert!(!class.is_within_horizon(contract, Timestamp(comes_in.0 - 1)));
        assert_eq!(class.opening_until(contract), comes_in.plus_minutes(15));
    }

    #[test]
    fn a_window_is_contracts_in_a_row() {
        let class = Class { no: ClassNo(3), spec: ClassSpec { slot_hours: 4, ..ClassSpec::example() } };
        let first = class.contract(Hour(12)).unwrap();
        let starts: Vec<u32> = class.window(first, 3).map(|contract| contract.start().0).collect();
        assert_eq!(starts, [12, 16, 20]);
    }
}
