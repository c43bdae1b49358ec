//! Money, prices and units, and the three formulas everybody must compute alike.

use crate::class::Class;

/// Whole millionths of a currency.
pub type Money = i64;

/// A price: whole ticks per accelerator-hour, at least 1 and at most [`PRICE_MAX`] on the exchange.
pub type Ticks = i64;

/// A number of units of a contract (accelerators for the whole slot).
pub type Units = u32;

/// The highest price the exchange takes, in ticks.
pub const PRICE_MAX: Ticks = 1_000_000_000;

/// The most units one order or deposit may name.
pub const UNITS_MAX: Units = 1_000_000;

/// The highest fee rate of a class: 100,000 parts per million, a tenth.
pub const FEE_PPM_MAX: u32 = 100_000;

/// What `units` cost at `price` for the whole slot: ticks × tick × units × hours, exact. `None` if it does
/// not fit in [`Money`].
#[must_use]
pub fn value_of(class: &Class, price: Ticks, units: Units) -> Option<Money> {
    let per_unit = i128::from(price) * i128::from(class.spec.tick) * i128::from(class.spec.slot_hours);
    Money::try_from(per_unit.checked_mul(i128::from(units))?).ok()
}

/// The fee on a traded value, rounded down to a whole millionth, in the participant's favour. So the fees of
/// the parts of an order never add up to more than the fee of the whole that was reserved.
#[must_use]
pub fn fee_of(class: &Class, value: Money) -> Money {
    let fee = i128::from(value) * i128::from(class.spec.fee_ppm) / 1_000_000;
    Money::try_from(fee).expect("the rate is at most a tenth, so the fee is smaller than the value")
}

/// What a buy order with `units` left reserves: their value at its limit and the worst fee on it. `None` if
/// it does not fit in [`Money`].
#[must_use]
pub fn reserve_of(class: &Class, limit: Ticks, units: Units) -> Option<Money> {
    let value = value_of(class, limit, units)?;
    value.checked_add(fee_of(class, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ClassNo, ClassSpec};

    fn class(tick: Money, slot_hours: u8, fee_ppm: u32) -> Class {
        Class { no: ClassNo(0), spec: ClassSpec { tick, slot_hours, fee_ppm, ..ClassSpec::example() } }
    }

    #[test]
    fn a_value_is_exact() {
        // 2.10 per accelerator-hour in ticks of 0.01, 8 units, slots of 2 hours: 33.60.
        assert_eq!(value_of(&class(10_000, 2, 0), 210, 8), Some(33_600_000));
        assert_eq!(value_of(&class(1_000_000_000, 168, 0), PRICE_MAX, UNITS_MAX), None);
    }

    #[test]
    fn parts_never_cost_more_than_was_reserved() {
        let class = class(1, 1, 333);
        for units in 1..60u32 {
            let parts: Money = (0..units).map(|_| reserve_of(&class, 1_001, 1).unwrap()).sum();
            assert!(parts <= reserve_of(&class, 1_001, units).unwrap());
        }
    }
}
