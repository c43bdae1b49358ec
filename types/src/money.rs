//! Money, prices and units, and the formulas everybody must compute alike.

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
#[inline]
pub fn value_of(class: &Class, price: Ticks, units: Units) -> Option<Money> {
    // If the value of so many units fits, so does every product on the way to it, unless they are none.
    let hours = Money::from(class.spec.slot_hours) * Money::from(units);
    price.checked_mul(class.spec.tick).and_then(|tick| tick.checked_mul(hours)).or((units == 0).then_some(0))
}

/// The fee on a traded value, rounded down to a whole millionth, in the participant's favour. So the fees of
/// the parts of an order never add up to more than the fee of the whole that was reserved.
#[must_use]
#[inline]
pub fn fee_of(class: &Class, value: Money) -> Money {
    let ppm = Money::from(class.spec.fee_ppm);
    if let Some(product) = value.checked_mul(ppm) {
        return product / 1_000_000;
    }
    // In two parts, so that nothing exceeds 64 bits at a rate of at most FEE_PPM_MAX.
    let (whole, rest) = (value / 1_000_000, value % 1_000_000);
    whole * ppm + rest * ppm / 1_000_000
}

/// What a buy order with `units` left reserves: their value at its limit and the worst fee on it. `None` if
/// it does not fit in [`Money`].
#[must_use]
#[inline]
pub fn reserve_of(class: &Class, limit: Ticks, units: Units) -> Option<Money> {
    let value = value_of(class, limit, units)?;
    value.checked_add(fee_of(class, value))
}

/// What `units` in each of `slots` slots cost at `price` on average, exact. `None` if it does not fit in [`Money`].
#[must_use]
pub fn value_of_window(class: &Class, price: Ticks, units: Units, slots: u16) -> Option<Money> {
    value_of(class, price, units)?.checked_mul(Money::from(slots))
}

/// What a block that buys reserves with `units` left in each of its `slots` slots: the value of all of them at its limit,
/// and the worst fee on that. The fees of its parts never add up to more. `None` if it does not fit in [`Money`].
#[must_use]
pub fn reserve_of_window(class: &Class, limit: Ticks, units: Units, slots: u16) -> Option<Money> {
    let value = value_of_window(class, limit, units, slots)?;
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

    /// What the formulas say in 128 bits.
    fn exact(class: &Class, price: Ticks, units: Units) -> Option<(Money, Money)> {
        let spec = &class.spec;
        let per_unit = i128::from(price) * i128::from(spec.tick) * i128::from(spec.slot_hours);
        let value = per_unit * i128::from(units);
        let fee = value * i128::from(spec.fee_ppm) / 1_000_000;
        Some((Money::try_from(value).ok()?, Money::try_from(fee).ok()?))
    }

    #[test]
    fn formulas_are_exact_over_their_whole_range() {
        // Numbers of every length: a random one, cut to a random number of bits.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut below = |most: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bits = 1 + state % 40;
            let number = (state >> 20) & ((1 << bits) - 1);
            i64::try_from(number).unwrap().min(most)
        };
        let mut fitting = 0;
        for _ in 0..200_000 {
            let tick = below(1_000_000_000).max(1);
            let hours = u8::try_from(below(168).max(1)).unwrap();
            let class = class(tick, hours, u32::try_from(below(i64::from(FEE_PPM_MAX))).unwrap());
            let (price, units) = (below(PRICE_MAX), Units::try_from(below(i64::from(UNITS_MAX))).unwrap());
            let expected = exact(&class, price, units);
            fitting += u32::from(expected.is_some());
            let value = value_of(&class, price, units);
            assert_eq!(value, expected.map(|expected| expected.0), "{class:?} {price} {units}");
            assert_eq!(value.map(|value| fee_of(&class, value)), expected.map(|expected| expected.1));
        }
        assert!((1_000..199_000).contains(&fitting), "{fitting} of the values fit");
        let dearest = class(1_000_000_000, 168, FEE_PPM_MAX);
        assert_eq!(value_of(&dearest, PRICE_MAX, 0), Some(0));
        assert_eq!(fee_of(&dearest, Money::MAX), Money::MAX / 10);
    }

    #[test]
    fn the_formulas_of_a_window_are_exact_over_their_whole_range() {
        let mut fitting = [0, 0];
        for (tick, hours, fee_ppm) in [(1, 1, 0), (7, 2, 33_333), (1_000_000_000, 168, FEE_PPM_MAX)] {
            let class = class(tick, hours, fee_ppm);
            for price in [1, 3, 1_001, 999_999_937, PRICE_MAX] {
                for units in [0, 1, 17, 999_983, UNITS_MAX] {
                    for slots in [1, 2, 6, 335, crate::BLOCK_SLOTS_MAX] {
                        let all = [price, tick, i64::from(hours), i64::from(units), i64::from(slots)];
                        let value = all.into_iter().map(i128::from).product::<i128>();
                        let reserve = value + value * i128::from(fee_ppm) / 1_000_000;
                        let exact = [value, reserve].map(|exact| Money::try_from(exact).ok());
                        let found = [value_of_window, reserve_of_window]
                            .map(|formula| formula(&class, price, units, slots));
                        assert_eq!(found, exact, "{class:?} {price} {units} {slots}");
                        fitting[usize::from(exact[0].is_some())] += 1;
                    }
                }
            }
        }
        assert!(fitting.iter().all(|&count| count > 20), "{fitting:?} of the values fit and do not");
        let plain = class(100, 1, 1_000);
        assert_eq!(value_of_window(&plain, 21_000, 8, 1), value_of(&plain, 21_000, 8));
        assert_eq!(reserve_of_window(&plain, 21_000, 8, 1), reserve_of(&plain, 21_000, 8));
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
