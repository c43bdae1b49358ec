//! Values, reservations, fees and deposits, rule by rule.

use types::{ClassSpec, Code, Command, RejectCode, ReportBody, Role, Side, UNITS_MAX, Why};

use super::market::{ANNA, BEN, DOLLARS_1000, Market, OPERATOR, PIA, dollars, example_class};

#[test]
fn a_buy_reserves_its_limit_and_the_worst_fee() {
    let mut market = Market::new();
    market.buy(ANNA, 10, 200);
    // 10 units at 2.00 for one hour are 20.00, a thousandth of that is 0.02.
    assert_eq!(market.cash(ANNA), (979_980_000, 20_020_000));
}

#[test]
fn a_value_is_price_times_units_times_hours() {
    let mut market = Market::of(ClassSpec { slot_hours: 4, ..example_class() });
    market.buy(ANNA, 10, 200);
    assert_eq!(market.cash(ANNA).1, 80_080_000);
}

#[test]
fn price_improvement_is_released_exactly() {
    let mut market = Market::new();
    market.sell(PIA, 4, 200);
    let bid = market.buy(ANNA, 10, 210);
    // 4 units cost 8.00 and 0.008; 6 at 2.10 hold 12.60 and 0.0126.
    assert_eq!(market.cash(ANNA), (1_000_000_000 - 8_008_000 - 12_612_600, 12_612_600));
    market.cancel(ANNA, bid);
    assert_eq!(market.cash(ANNA), (1_000_000_000 - 8_008_000, 0));
    // The seller gets the value less its own fee.
    assert_eq!(market.cash(PIA), (1_000_000_000 + 8_000_000 - 8_000, 0));
}

#[test]
fn an_order_beyond_the_free_cash_is_refused() {
    let mut market = Market::unfunded(example_class());
    market.fund(ANNA, 20_019_999);
    market.buy(ANNA, 10, 200);
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughCash, 20_020_000)));
    market.fund(ANNA, 1);
    market.buy(ANNA, 10, 200);
    assert_eq!(market.cash(ANNA), (0, 20_020_000));
}

#[test]
fn nobody_sells_what_they_do_not_hold() {
    let mut market = Market::new();
    market.sell(ANNA, 1, 200);
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughUnits, 0)));
    market.sell(PIA, 60, 200);
    market.sell(PIA, 41, 200);
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughUnits, 40)));
    market.sell(PIA, 40, 200);
    assert_eq!(market.units(PIA), (0, 100));
}

#[test]
fn bought_units_can_be_sold_on() {
    let mut market = Market::new();
    market.sell(PIA, 10, 200);
    market.buy(ANNA, 10, 200);
    assert_eq!(market.units(ANNA), (10, 0));
    let ask = market.sell(ANNA, 6, 220);
    assert_eq!(market.units(ANNA), (4, 6));
    market.buy(BEN, 6, 220);
    assert_eq!(market.trades(), [(ask, 220, 6)]);
    assert_eq!((market.units(ANNA), market.units(BEN)), ((4, 0), (6, 0)));
}

#[test]
fn fees_round_down_and_nothing_is_lost() {
    // Ticks of a millionth: 1,999 millionths bear a fee of 1.999, which is 1.
    let mut market = Market::of(ClassSpec { tick: 1, ..example_class() });
    let bid = market.buy(ANNA, 3, 1_999);
    assert_eq!(market.cash(ANNA).1, 3 * 1_999 + 5, "a thousandth of 5,997, rounded down");
    for _ in 0..3 {
        market.sell(PIA, 1, 1_999);
        let fees: Vec<_> = market.out.reports.iter().map(|report| fee(&report.body)).collect();
        assert_eq!(fees, [None, Some(1), Some(1)]);
        assert_eq!(market.trades(), [(bid, 1_999, 1)]);
    }
    assert_eq!(market.cash(ANNA), (DOLLARS_1000 - 3 * 2_000, 0), "the 2 that no fee took are free again");
    assert_eq!(market.cash(PIA), (DOLLARS_1000 + 3 * 1_998, 0));
    let totals = market.checked.engine.audit().unwrap().currencies[0];
    assert_eq!((totals.fees, totals.held + totals.fees), (6, totals.deposited));
}

#[test]
fn an_order_too_large_to_count_is_refused() {
    let dear = ClassSpec { tick: 1_000_000_000, slot_hours: 168, horizon_hours: 336, ..example_class() };
    let mut market = Market::of(dear);
    market.buy(ANNA, UNITS_MAX, 1_000_000_000);
    assert_eq!(market.refused(), Some((RejectCode::TooLarge, i64::from(UNITS_MAX))));
    market.fund(ANNA, i64::MAX);
    assert_eq!(market.refused(), Some((RejectCode::TooLarge, i64::MAX)), "3,000.00 are there already");
    market.fund(ANNA, i64::MAX - 3 * DOLLARS_1000);
    assert_eq!(market.refused(), None);
    assert_eq!(market.cash(ANNA), (i64::MAX - 2 * DOLLARS_1000, 0));
}

#[test]
fn a_contract_holds_no_more_units_than_can_be_counted() {
    let mut market = Market::new();
    let fits = (u32::MAX - 100) / UNITS_MAX;
    for external in 0..fits {
        market.deposit(PIA, UNITS_MAX, 10 + u64::from(external));
        assert_eq!(market.refused(), None);
    }
    market.deposit(PIA, UNITS_MAX, 9_999);
    assert_eq!(market.refused(), Some((RejectCode::TooLarge, i64::from(UNITS_MAX))));
    assert_eq!(market.units(PIA), (100 + fits * UNITS_MAX, 0));
}

#[test]
fn a_deposit_made_twice_is_one_deposit() {
    let mut market = Market::unfunded(example_class());
    let command = Command::DepositCash {
        account: ANNA.account,
        currency: dollars(),
        amount: 5_000_000,
        external: 17,
        why: Why::NONE,
    };
    for credited in [5_000_000, 0] {
        market.send(OPERATOR, command.clone());
        let said = market.out.reports.last().unwrap();
        assert!(matches!(said.body, ReportBody::CashCredited { amount, .. } if amount == credited));
        assert_eq!(market.cash(ANNA), (5_000_000, 0));
    }
    for credited in [8, 0] {
        market.deposit(PIA, 8, 3);
        let said = market.out.reports.last().unwrap();
        assert!(matches!(said.body, ReportBody::CapacityDeposited { units, .. } if units == credited));
        assert_eq!(market.units(PIA), (8, 0));
    }
}

#[test]
fn a_deposit_that_differs_is_refused() {
    let mut market = Market::unfunded(example_class());
    market.send(
        OPERATOR,
        Command::DefineClass {
            spec: Box::new(ClassSpec { region: code("CNNX"), currency: code("CNY"), ..example_class() }),
            why: Why::NONE,
        },
    );
    let cash = |amount, currency: &str| Command::DepositCash {
        account: ANNA.account,
        currency: code(currency),
        amount,
        external: 17,
        why: Why::NONE,
    };
    market.send(OPERATOR, cash(5_000_000, "USD"));
    for other in [cash(5_000_001, "USD"), cash(5_000_000, "CNY")] {
        market.send(OPERATOR, other);
        assert_eq!(market.refused(), Some((RejectCode::DepositDiffers, 5_000_000)));
    }
    market.deposit(PIA, 8, 3);
    market.deposit(PIA, 9, 3);
    assert_eq!(market.refused(), Some((RejectCode::DepositDiffers, 8)));
    assert_eq!((market.cash(ANNA), market.units(PIA)), ((5_000_000, 0), (8, 0)));
}

#[test]
fn deposits_of_two_accounts_do_not_meet() {
    let mut market = Market::new();
    market.send(
        OPERATOR,
        Command::OpenAccount { name: "rio".parse().unwrap(), role: Role::Provider, why: Why::NONE },
    );
    market.register(types::AccountId(5), 55, Role::Provider);
    let rio = super::market::Who { account: types::AccountId(5), key: types::KeyNo(5) };
    market.deposit(rio, 9, 1);
    assert_eq!((market.refused(), market.units(rio), market.units(PIA)), (None, (9, 0), (100, 0)));
    market.sell(rio, 9, 200);
    assert_eq!(market.resting(Side::Sell).len(), 1);
}

#[test]
fn cash_comes_in_amounts_of_at_least_one_and_in_a_known_currency() {
    let mut market = Market::new();
    let cash = |amount, currency: &str| Command::DepositCash {
        account: ANNA.account,
        currency: code(currency),
        amount,
        external: 17,
        why: Why::NONE,
    };
    market.send(OPERATOR, cash(0, "USD"));
    assert_eq!(market.refused(), Some((RejectCode::BadField, 0)));
    market.send(OPERATOR, cash(1, "EUR"));
    assert_eq!(market.refused(), Some((RejectCode::UnknownCurrency, 0)));
}

fn code(text: &str) -> Code {
    text.parse().unwrap()
}

fn fee(body: &ReportBody) -> Option<i64> {
    match body {
        ReportBody::Filled { fee, .. } => Some(*fee),
        _ => None,
    }
}
