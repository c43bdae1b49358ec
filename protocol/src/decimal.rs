//! Decimals as people write them, and the whole numbers the exchange counts in: prices in ticks, money in
//! millionths. Everything is exact: what does not fit is refused, never rounded.

use rust_decimal::Decimal;
use std::fmt;
use std::str::FromStr;
use types::{ClassSpec, Money, PRICE_MAX, Ticks, UNITS_MAX, Units};

/// Decimal places of money, and the most a price can have.
const PLACES: u32 = 6;
const MILLION: i128 = 1_000_000;

/// Why a decimal is no price of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// It lies between two ticks.
    #[error("the price {price} is off the tick of {tick}: the nearest prices are {below} and {above}")]
    OffTick {
        /// The price.
        price: Decimal,
        /// One tick.
        tick: Decimal,
        /// The next price below.
        below: Decimal,
        /// The next price above.
        above: Decimal,
    },
    /// It is below one tick or above the highest price.
    #[error("the price {price} is out of range: expected {lowest} to {highest}")]
    OutOfRange {
        /// The price.
        price: Decimal,
        /// One tick.
        lowest: Decimal,
        /// The highest price of the class.
        highest: Decimal,
    },
}

/// Why a decimal is no amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// It has more than six decimal places.
    #[error("the amount {0} has more than {PLACES} decimal places")]
    TooFine(Decimal),
    /// It does not fit.
    #[error("the amount {0} is too large: expected less than 9.2 million million")]
    TooLarge(Decimal),
}

/// Why a text is no decimal, number of units, or units at a price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// No decimal.
    #[error("'{0}' is no decimal number: expected digits and a point, such as 2.10")]
    Decimal(String),
    /// No number of units.
    #[error("'{0}' is no number of units: expected a whole number from 1 to {UNITS_MAX}, such as 8")]
    Units(String),
    /// Not in the form `UNITS@PRICE`.
    #[error("'{0}' is no order: expected units@price, such as 8@2.10")]
    UnitsAtPrice(String),
}

/// So many units at a price: `8@2.10`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitsAtPrice {
    /// How many units, 1 to [`UNITS_MAX`].
    pub units: Units,
    /// The price per accelerator-hour.
    pub price: Decimal,
}

/// The price in ticks of a class, whose terms must be valid.
///
/// # Errors
/// [`PriceError::OutOfRange`] below one tick or above [`PRICE_MAX`] ticks, [`PriceError::OffTick`].
pub fn to_ticks(price: Decimal, spec: &ClassSpec) -> Result<Ticks, PriceError> {
    let (lowest, highest) = (from_ticks(1, spec), from_ticks(PRICE_MAX, spec));
    if price < lowest || price > highest {
        return Err(PriceError::OutOfRange { price, lowest, highest });
    }
    // In millionths, both as fractions over 10^scale: below 8e34 by 1e37, so 128 bits hold all of it.
    let numerator = price.mantissa() * MILLION;
    let denominator = 10i128.pow(price.scale()) * tick(spec);
    let ticks = Ticks::try_from(numerator / denominator).expect("checked to be at most PRICE_MAX ticks");
    if numerator % denominator != 0 {
        let (below, above) = (from_ticks(ticks, spec), from_ticks(ticks + 1, spec));
        return Err(PriceError::OffTick { price, tick: lowest, below, above });
    }
    Ok(ticks)
}

/// The price that is so many ticks of a class, whose terms must be valid; with as many decimal places as the
/// tick needs.
#[must_use]
pub fn from_ticks(ticks: Ticks, spec: &ClassSpec) -> Decimal {
    let mut places = PLACES;
    let mut divisor = 1;
    while places > 0 && tick(spec) % (divisor * 10) == 0 {
        places -= 1;
        divisor *= 10;
    }
    let value = i128::from(ticks) * (tick(spec) / divisor);
    Decimal::try_from_i128_with_scale(value, places).expect("2^63 ticks of 10^9 are below 2^96")
}

/// The amount in whole millionths.
///
/// # Errors
/// [`MoneyError::TooFine`] with more than six decimal places, [`MoneyError::TooLarge`].
pub fn to_money(amount: Decimal) -> Result<Money, MoneyError> {
    let exact = amount.normalize();
    let Some(missing) = PLACES.checked_sub(exact.scale()) else { return Err(MoneyError::TooFine(amount)) };
    let millionths = exact.mantissa() * 10i128.pow(missing);
    Money::try_from(millionths).map_err(|_| MoneyError::TooLarge(amount))
}

/// Money as a decimal of two to six places.
#[must_use]
pub fn from_money(money: Money) -> Decimal {
    let mut amount = Decimal::new(money, PLACES).normalize();
    amount.rescale(amount.scale().max(2));
    amount
}

/// Reads a decimal such as `2.10` or `-3`.
///
/// # Errors
/// [`NumberError::Decimal`] for anything but digits with one point at most, or more digits than are kept.
pub fn parse_decimal(text: &str) -> Result<Decimal, NumberError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
    let decimal = Decimal::from_str_exact(text).ok().filter(|_| plain);
    decimal.ok_or_else(|| NumberError::Decimal(text.to_owned()))
}

/// Reads a number of units, 1 to [`UNITS_MAX`].
///
/// # Errors
/// [`NumberError::Units`].
pub fn parse_units(text: &str) -> Result<Units, NumberError> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let units = text.parse().ok().filter(|units| plain && (1..=UNITS_MAX).contains(units));
    units.ok_or_else(|| NumberError::Units(text.to_owned()))
}

/// One tick in millionths.
fn tick(spec: &ClassSpec) -> i128 {
    i128::from(spec.tick.clamp(1, 1_000_000_000))
}

impl FromStr for UnitsAtPrice {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<UnitsAtPrice, NumberError> {
        let (units, price) =
            text.split_once('@').ok_or_else(|| NumberError::UnitsAtPrice(text.to_owned()))?;
        Ok(UnitsAtPrice { units: parse_units(units)?, price: parse_decimal(price)? })
    }
}

impl fmt::Display for UnitsAtPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.units, self.price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decimal(text: &str) -> Decimal {
        parse_decimal(text).unwrap()
    }

    fn in_ticks_of(tick: Money) -> ClassSpec {
        ClassSpec { tick, ..ClassSpec::example() }
    }

    #[test]
    fn a_price_has_the_places_its_tick_needs() {
        for (tick, ticks, price) in [
            (100, 21_000, "2.1000"),
            (10_000, 210, "2.10"),
            (250_000, 3, "0.75"),
            (1, 1, "0.000001"),
            (20_000_000, 2, "40"),
            (1_000_000_000, Ticks::MAX, "9223372036854775807000"),
        ] {
            assert_eq!(from_ticks(ticks, &in_ticks_of(tick)).to_string(), price);
        }
    }

    #[test]
    fn a_price_off_the_tick_is_told_its_neighbours() {
        let spec = in_ticks_of(250_000);
        assert_eq!(to_ticks(decimal("2.50"), &spec), Ok(10));
        assert_eq!(to_ticks(decimal("2.5000000000000000000000000000"), &spec), Ok(10));
        let error = to_ticks(decimal("2.60"), &spec).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the price 2.60 is off the tick of 0.25: the nearest prices are 2.50 and 2.75"
        );
        for out in ["0", "-2.50", "0.24", "250000000.25", "79228162514264337593543950335"] {
            let error = to_ticks(decimal(out), &spec).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("the price {out} is out of range: expected 0.25 to 250000000.00")
            );
        }
    }

    #[test]
    fn money_is_exact_or_refused() {
        assert_eq!(to_money(decimal("33.60")), Ok(33_600_000));
        assert_eq!(to_money(decimal("-0.0000010000")), Ok(-1));
        assert_eq!(to_money(decimal("0.0000001")), Err(MoneyError::TooFine(decimal("0.0000001"))));
        let large = decimal("9223372036854.775808");
        assert_eq!(to_money(large), Err(MoneyError::TooLarge(large)));
        assert_eq!(to_money(Decimal::MIN), Err(MoneyError::TooLarge(Decimal::MIN)));
        assert_eq!(from_money(33_600_000).to_string(), "33.60");
        assert_eq!(from_money(5_000_001).to_string(), "5.000001");
        assert_eq!(from_money(-7_000_000).to_string(), "-7.00");
        assert_eq!(from_money(0).to_string(), "0.00");
    }

    #[test]
    fn units_at_a_price_are_read() {
        let said: UnitsAtPrice = "8@2.10".parse().unwrap();
        assert_eq!((said.units, said.price), (8, decimal("2.1")));
        assert_eq!(said.to_string(), "8@2.10");
        for (text, error) in [
            ("8", NumberError::UnitsAtPrice("8".to_owned())),
            ("0@2.10", NumberError::Units("0".to_owned())),
            ("+8@2.10", NumberError::Units("+8".to_owned())),
            ("1000001@2.10", NumberError::Units("1000001".to_owned())),
            ("8@", NumberError::Decimal(String::new())),
            ("8@2,10", NumberError::Decimal("2,10".to_owned())),
            ("8@1_0", NumberError::Decimal("1_0".to_owned())),
            ("8@1e3", NumberError::Decimal("1e3".to_owned())),
            ("8@2.10@3", NumberError::Decimal("2.10@3".to_owned())),
        ] {
            assert_eq!(text.parse::<UnitsAtPrice>(), Err(error));
        }
        assert!(parse_decimal(&"9".repeat(40)).is_err());
    }

    proptest! {
        #[test]
        fn ticks_come_back(ticks in 1..=PRICE_MAX, tick in 1i64..=1_000_000_000) {
            let spec = in_ticks_of(tick);
            prop_assert_eq!(to_ticks(from_ticks(ticks, &spec), &spec), Ok(ticks));
        }

        #[test]
        fn a_price_is_on_a_tick_or_between_two(mantissa: i64, scale in 0u32..=28, tick in 1i64..=1_000_000_000) {
            let (price, spec) = (Decimal::new(mantissa, scale), in_ticks_of(tick));
            match to_ticks(price, &spec) {
                Ok(ticks) => prop_assert_eq!(from_ticks(ticks, &spec), price),
                Err(PriceError::OffTick { below, above, tick, .. }) => {
                    prop_assert!(below < price && price < above && above - below == tick);
                }
                Err(PriceError::OutOfRange { lowest, highest, .. }) => {
                    prop_assert!(price < lowest || price > highest);
                }
            }
        }

        #[test]
        fn money_comes_back(money: Money) {
            prop_assert_eq!(to_money(from_money(money)), Ok(money));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+.@_0-9a-z]{0,12}|.*") {
            let _ = text.parse::<UnitsAtPrice>();
            let _ = parse_decimal(&text);
        }
    }
}
