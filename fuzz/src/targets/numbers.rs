//! Decimals as people write them: prices, money, units.

use super::words;
use crate::{Target, Trace};
use protocol::decimal::{
    MoneyError, PriceError, UnitsAtPrice, from_money, from_ticks, parse_decimal, parse_units, to_money,
    to_ticks,
};
use rust_decimal::Decimal;
use types::{ClassSpec, Money, PRICE_MAX, UNITS_MAX};

/// An input is a tick in millionths (4 bytes), a number of ticks or millionths (8 bytes), and a text.
const HEAD: usize = 12;

pub(super) const DECIMALS: Target = Target {
    name: "decimals",
    holds: "a decimal is a price, money and units exactly or not at all, and comes back as it was",
    seeds: || {
        let texts =
            ["2.10", "-3", "0.000001", "9223372036854.775807", "8@2.10", "1000000@0.0001", "2.6000000"];
        let ticks: [u32; 4] = [1, 100, 250_000, 1_000_000_000];
        let seed = |text: &str, tick: u32| {
            [&tick.to_le_bytes()[..], &21_000i64.to_le_bytes(), text.as_bytes()].concat()
        };
        texts.iter().flat_map(|text| ticks.map(|tick| seed(text, tick))).collect()
    },
    words: || {
        words(&[
            ".",
            "-",
            "@",
            "0",
            "00000000000000000000000000000",
            "79228162514264337593543950335",
            "e",
            "_",
        ])
    },
    mend: None,
    start: || Box::new(attempt),
};

fn attempt(input: &[u8]) -> Trace {
    let (head, text) = super::take::<HEAD>(input);
    let tick = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
    let number = i64::from_le_bytes(std::array::from_fn(|at| head[4 + at]));
    let spec = ClassSpec { tick: i64::from(tick).clamp(1, 1_000_000_000), ..ClassSpec::example() };
    let text = String::from_utf8_lossy(text);

    let exact = from_ticks(number, &spec);
    let in_range = (1..=PRICE_MAX).contains(&number);
    assert_eq!(to_ticks(exact, &spec).ok(), in_range.then_some(number), "{number} ticks of {}", spec.tick);
    money_comes_back(number);

    let units = parse_units(&text).inspect(|units| assert!((1..=UNITS_MAX).contains(units))).is_ok();
    let order = text.parse::<UnitsAtPrice>().inspect(|order| {
        assert_eq!(order.to_string().parse::<UnitsAtPrice>().as_ref(), Ok(order));
    });
    let Ok(decimal) = parse_decimal(&text) else { return Trace::of((in_range, units, order.is_ok())) };
    assert_eq!(parse_decimal(&decimal.to_string()), Ok(decimal), "{text:?}");
    let price = price(decimal, &spec);
    let money = money(decimal);
    Trace::of((units, order.is_ok(), price, money, decimal.scale(), decimal.is_sign_negative()))
}

/// What kind of price a decimal is.
fn price(decimal: Decimal, spec: &ClassSpec) -> u8 {
    let tick = from_ticks(1, spec);
    match to_ticks(decimal, spec) {
        Ok(ticks) => {
            assert!((1..=PRICE_MAX).contains(&ticks));
            assert_eq!(from_ticks(ticks, spec), decimal, "a price is never rounded");
            0
        }
        Err(PriceError::OffTick { price, tick: said, below, above }) => {
            assert!(price == decimal && said == tick && below < price && price < above);
            assert_eq!(above - below, tick);
            for neighbour in [below, above] {
                assert_eq!(to_ticks(neighbour, spec).is_ok(), !neighbour.is_zero(), "{neighbour}");
            }
            1
        }
        Err(PriceError::OutOfRange { lowest, highest, .. }) => {
            assert!(decimal < lowest || decimal > highest);
            2
        }
    }
}

/// What kind of money a decimal is.
fn money(decimal: Decimal) -> u8 {
    match to_money(decimal) {
        Ok(money) => {
            assert_eq!(from_money(money), decimal, "money is never rounded");
            0
        }
        Err(MoneyError::TooFine(_)) => {
            assert!(decimal.normalize().scale() > 6);
            1
        }
        Err(MoneyError::TooLarge(_)) => {
            assert!(decimal.abs() > Decimal::from(9_223_372_036_854i64));
            2
        }
    }
}

fn money_comes_back(money: Money) {
    let decimal = from_money(money);
    assert_eq!(to_money(decimal), Ok(money));
    assert!((2..=6).contains(&decimal.scale()));
    assert_eq!(parse_decimal(&decimal.to_string()), Ok(decimal));
}
