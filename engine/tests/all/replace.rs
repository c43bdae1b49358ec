//! Replacing orders, rule by rule.

use types::{CancelReason, MarketBody, RejectCode, ReportBody, Side};

use super::market::{ANNA, BEN, Market, PIA, example_class};

#[test]
fn a_replace_for_less_keeps_its_place() {
    let mut market = Market::new();
    let first = market.buy(ANNA, 5, 200);
    let second = market.buy(BEN, 5, 200);
    market.replace(ANNA, first, 3, 200);
    assert_eq!(market.kept_priority(), Some(true));
    assert!(matches!(market.out.events[..], [event] if matches!(event.body, MarketBody::Reduce(_))));
    assert_eq!(market.resting(Side::Buy), [(first, 200, 3), (second, 200, 5)]);
    // 3 units at 2.00, and a thousandth of that.
    assert_eq!(market.cash(ANNA).1, 6_006_000);
}

#[test]
fn a_replace_that_changes_nothing_is_told_to_the_owner_alone() {
    let mut market = Market::new();
    let first = market.buy(ANNA, 5, 200);
    let second = market.buy(BEN, 5, 200);
    market.replace(ANNA, first, 5, 200);
    assert_eq!((market.kept_priority(), market.out.events.len()), (Some(true), 0));
    assert_eq!(market.resting(Side::Buy), [(first, 200, 5), (second, 200, 5)]);
}

#[test]
fn a_replace_for_more_or_another_price_goes_to_the_end() {
    let mut market = Market::new();
    let first = market.buy(ANNA, 5, 200);
    let second = market.buy(BEN, 5, 200);
    market.replace(ANNA, first, 6, 200);
    assert_eq!(market.kept_priority(), Some(false));
    assert_eq!(market.resting(Side::Buy), [(second, 200, 5), (first, 200, 6)]);
    market.replace(BEN, second, 5, 199);
    market.replace(BEN, second, 5, 200);
    assert_eq!(market.resting(Side::Buy), [(first, 200, 6), (second, 200, 5)]);
}

#[test]
fn a_replace_states_the_total() {
    let mut market = Market::new();
    let bid = market.buy(ANNA, 10, 200);
    market.sell(PIA, 4, 200);
    market.replace(ANNA, bid, 4, 200);
    assert_eq!(market.refused(), Some((RejectCode::AlreadyFilled, 4)));
    market.replace(ANNA, bid, 7, 200);
    assert_eq!(market.kept_priority(), Some(true));
    assert_eq!(market.resting(Side::Buy), [(bid, 200, 3)]);
    market.replace(ANNA, bid, 10, 200);
    assert_eq!(market.kept_priority(), Some(false), "6 left is more than 3");
    assert_eq!(market.resting(Side::Buy), [(bid, 200, 6)]);
}

#[test]
fn a_replace_into_the_cross_trades_at_the_makers_price() {
    let mut market = Market::new();
    let bid = market.buy(ANNA, 5, 190);
    let ask = market.sell(PIA, 3, 200);
    market.replace(ANNA, bid, 5, 210);
    assert_eq!(market.trades(), [(ask, 200, 3)]);
    assert_eq!(market.resting(Side::Buy), [(bid, 210, 2)]);
    let ask = market.sell(PIA, 4, 220);
    market.replace(PIA, ask, 4, 205);
    assert_eq!(market.trades(), [(bid, 210, 2)]);
    assert_eq!(market.resting(Side::Sell), [(ask, 205, 2)]);
    let said: Vec<_> = market.out.reports.iter().map(|report| report.body).collect();
    assert!(matches!(said[..], [ReportBody::Replaced { .. }, ReportBody::Filled { .. }, ..]));
}

#[test]
fn a_replace_refused_for_funds_leaves_the_order() {
    let mut market = Market::unfunded(example_class());
    // 10 units at 2.00 with the fee, and 0.50 more.
    market.fund(ANNA, 20_520_000);
    market.fund(BEN, 20_020_000);
    let first = market.buy(ANNA, 10, 200);
    let second = market.buy(BEN, 10, 200);
    // 10 at 2.06 with the fee are 20.6206: 0.6006 more.
    market.replace(ANNA, first, 10, 206);
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughCash, 600_600)));
    assert_eq!(market.resting(Side::Buy), [(first, 200, 10), (second, 200, 10)]);
    assert_eq!(market.cash(ANNA), (500_000, 20_020_000));
    // 10 at 2.04 are 20.4204: 0.4004 more, which is there.
    market.replace(ANNA, first, 10, 204);
    assert_eq!(market.resting(Side::Buy), [(first, 204, 10), (second, 200, 10)]);
    assert_eq!(market.cash(ANNA), (99_600, 20_420_400));
}

#[test]
fn a_replaced_ask_needs_only_the_units_it_adds() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 60, 200);
    market.replace(PIA, ask, 101, 200);
    assert_eq!(market.refused(), Some((RejectCode::NotEnoughUnits, 40)));
    market.replace(PIA, ask, 100, 200);
    assert_eq!(market.units(PIA), (0, 100));
    market.replace(PIA, ask, 1, 300);
    assert_eq!(market.units(PIA), (99, 1));
}

#[test]
fn a_replaced_order_keeps_its_id_and_number() {
    let mut market = Market::new();
    let bid = market.buy(ANNA, 5, 190);
    let number = market.number(ANNA, types::Lane::Orders);
    market.replace(ANNA, bid, 9, 195);
    market.send(ANNA, types::Command::Cancel(types::OrderRef::Number(number)));
    assert_eq!(market.ended(), [(bid, 9, CancelReason::Owner)]);
}
