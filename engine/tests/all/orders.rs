//! Entry, matching and cancels, rule by rule.

use types::{CancelReason, Command, Lane, OrderRef, RejectCode, Role, Side};

use super::market::{ANNA, BEN, Market, PIA, Who};
use super::reference::RIGHT_HINT;

#[test]
fn best_price_first_then_first_come() {
    let mut market = Market::new();
    let dear = market.sell(PIA, 5, 210);
    let first = market.sell(PIA, 4, 200);
    let second = market.sell(PIA, 3, 200);
    market.buy(ANNA, 8, 210);
    assert_eq!(market.trades(), [(first, 200, 4), (second, 200, 3), (dear, 210, 1)]);
    assert_eq!(market.resting(Side::Sell), [(dear, 210, 4)]);
}

#[test]
fn a_trade_is_at_the_makers_price() {
    let mut market = Market::new();
    let bid = market.buy(ANNA, 10, 200);
    market.sell(PIA, 4, 180);
    assert_eq!(market.trades(), [(bid, 200, 4)]);
    assert_eq!(market.resting(Side::Buy), [(bid, 200, 6)]);
    market.cancel(ANNA, bid);
    let ask = market.sell(PIA, 10, 200);
    market.buy(ANNA, 4, 250);
    assert_eq!(market.trades(), [(ask, 200, 4)]);
    assert_eq!(market.resting(Side::Sell), [(ask, 200, 6)]);
}

#[test]
fn orders_that_do_not_cross_rest() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 5, 201);
    let bid = market.buy(ANNA, 5, 200);
    assert_eq!(market.trades(), []);
    assert_eq!(market.resting(Side::Buy), [(bid, 200, 5)]);
    assert_eq!(market.resting(Side::Sell), [(ask, 201, 5)]);
}

#[test]
fn a_cancel_ends_what_is_left() {
    let mut market = Market::new();
    let bid = market.buy(ANNA, 10, 200);
    market.sell(PIA, 4, 200);
    market.cancel(ANNA, bid);
    assert_eq!(market.ended(), [(bid, 6, CancelReason::Owner)]);
    // 4 units at 2.00 are paid for, with a fee of a thousandth; nothing is reserved any more.
    assert_eq!(market.cash(ANNA), (991_992_000, 0));
}

#[test]
fn an_order_is_named_by_id_and_slot_or_by_number() {
    let mut market = Market::new();
    let by_slot = market.buy(ANNA, 1, 200);
    let by_number = market.buy(ANNA, 1, 201);
    let number = market.number(ANNA, Lane::Orders);
    market.send(ANNA, Command::Cancel(OrderRef::Id { order: by_slot, slot: RIGHT_HINT + 1 }));
    assert_eq!(market.refused(), Some((RejectCode::UnknownOrder, 0)));
    market.send(ANNA, Command::Cancel(OrderRef::Id { order: by_slot, slot: RIGHT_HINT }));
    assert_eq!(market.ended(), [(by_slot, 1, CancelReason::Owner)]);
    market.send(ANNA, Command::Cancel(OrderRef::Number(number)));
    assert_eq!(market.ended(), [(by_number, 1, CancelReason::Owner)]);
}

#[test]
fn another_key_of_the_account_may_cancel_by_id_but_not_by_number() {
    let mut market = Market::new();
    let order = market.buy(ANNA, 1, 200);
    let number = market.number(ANNA, Lane::Orders);
    market.register(ANNA.account, 77, Role::Broker);
    let other_key = Who { account: ANNA.account, key: types::KeyNo(5) };
    market.send(other_key, Command::Cancel(OrderRef::Number(number)));
    assert_eq!(market.refused(), Some((RejectCode::UnknownOrder, 0)));
    market.cancel(other_key, order);
    assert_eq!(market.ended(), [(order, 1, CancelReason::Owner)]);
}

#[test]
fn unknown_foreign_and_ended_orders_get_one_answer() {
    let mut market = Market::new();
    let filled = market.buy(ANNA, 2, 200);
    market.sell(PIA, 2, 200);
    let cancelled = market.buy(ANNA, 2, 200);
    market.cancel(ANNA, cancelled);
    let foreign = market.buy(BEN, 2, 200);
    for order in [filled, cancelled, foreign, 999] {
        market.cancel(ANNA, order);
        assert_eq!(market.refused(), Some((RejectCode::UnknownOrder, 0)));
        market.replace(ANNA, order, 1, 200);
        assert_eq!(market.refused(), Some((RejectCode::UnknownOrder, 0)));
    }
    assert_eq!(market.resting(Side::Buy), [(foreign, 200, 2)]);
}

#[test]
fn contracts_do_not_meet_each_other() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 5, 200);
    let (here, next) = (market.contract, types::ContractId(market.contract.0 + 1));
    market.contract = next;
    let bid = market.buy(ANNA, 5, 200);
    assert_eq!(market.trades(), []);
    assert_eq!(market.resting(Side::Buy), [(bid, 200, 5)]);
    market.contract = here;
    assert_eq!(market.resting(Side::Sell), [(ask, 200, 5)]);
}
