//! Stops that wake together or wake each other, and what of that is left for later, rule by rule.

use types::{CancelReason, Command, OrderId, Side, Timestamp};

use super::market::{ANNA, BEN, Market, PIA};

#[test]
fn stops_met_by_one_order_wake_in_the_order_of_their_ids() {
    let mut market = Market::new();
    let [first, second, asleep] = [212, 210, 215].map(|trigger| market.stop_buy(ANNA, 1, trigger, 220));
    market.trade(1, 212);
    assert_eq!(market.woken(), [(first, 1), (second, 1)]);
    assert_eq!(market.sleeping(), [(asleep, 215, 1)]);
}

#[test]
fn one_sweep_may_meet_stops_of_both_sides() {
    let mut market = Market::new();
    market.trade(1, 210);
    let (sell, buy) = (market.stop_sell(PIA, 1, 206, 230), market.stop_buy(ANNA, 1, 214, 200));
    market.sell(PIA, 1, 205);
    market.sell(PIA, 1, 215);
    market.buy(BEN, 2, 215);
    // It traded at 2.05, which is not above 2.06, and at 2.15, which is not below 2.14.
    assert_eq!(market.woken(), [(sell, 1), (buy, 1)]);
}

#[test]
fn a_cascade_runs_on() {
    let mut market = Market::new();
    let asks = [210, 220, 230, 240].map(|price| market.sell(PIA, 1, price));
    let stops = [230, 220, 210].map(|trigger| market.stop_buy(ANNA, 1, trigger, 250));
    market.buy(BEN, 1, 210);
    let trades = [(asks[0], 210, 1), (asks[1], 220, 1), (asks[2], 230, 1), (asks[3], 240, 1)];
    assert_eq!(market.trades(), trades);
    assert_eq!(market.woken(), [(stops[2], 1), (stops[1], 1), (stops[0], 1)]);
    assert_eq!(market.cash(ANNA).1, 0);
}

#[test]
fn stops_of_an_earlier_trade_wake_before_those_of_a_later() {
    let mut market = Market::new();
    for (units, price) in [(1, 210), (1, 220), (5, 230)] {
        market.sell(PIA, units, price);
    }
    let [first, later, second] = [210, 220, 210].map(|trigger| market.stop_buy(ANNA, 1, trigger, 250));
    market.buy(BEN, 1, 210);
    // The first trades at 2.20, which meets the one with trigger 2.20: it comes after the second.
    assert_eq!(market.woken(), [(first, 1), (second, 1), (later, 1)]);
}

#[test]
fn more_stops_than_one_command_wakes() {
    let (mut market, stops) = three_hundred_stops();
    market.trade(1, 210);
    // 256 are elected, and none has woken.
    assert_eq!((market.woken().len(), market.sleeping().len()), (0, 300));
    assert!(market.checked.engine.has_pending());
    market.say(Command::Continue);
    assert_eq!((market.woken().len(), market.woken()[0]), (256 - 44, (stops[0], 1)));
    market.say(Command::Continue);
    assert_eq!((market.woken().len(), market.resting(Side::Buy).len()), (88, 300));
    assert!(!market.checked.engine.has_pending());
}

#[test]
fn an_order_goes_on_with_the_stops_that_are_left() {
    let (mut market, _) = three_hundred_stops();
    market.trade(1, 210);
    market.buy(BEN, 0, 100);
    assert_eq!((market.refused().is_some(), market.woken().len()), (true, 0), "a refused one does nothing");
    let order = market.buy(BEN, 1, 100);
    assert_eq!((market.woken().len(), market.resting(Side::Buy).last()), (212, Some(&(order, 100, 1))));
    market.replace(BEN, order, 1, 99);
    assert_eq!(market.woken().len(), 88);
}

#[test]
fn an_elected_stop_can_still_be_cancelled_or_replaced() {
    let (mut market, stops) = three_hundred_stops();
    market.trade(1, 210);
    market.cancel(ANNA, stops[0]);
    assert_eq!(market.ended(), [(stops[0], 1, CancelReason::Owner)]);
    market.replace(ANNA, stops[1], 2, 205);
    assert_eq!(market.kept_priority(), Some(true));
    assert_eq!(market.woken()[0], (stops[1], 2));
    assert_eq!(market.resting(Side::Buy).last(), Some(&(stops[1], 205, 2)));
}

#[test]
fn a_stop_does_not_wake_for_trades_before_it() {
    let (mut market, _) = three_hundred_stops();
    market.sell(PIA, 1, 190);
    market.sell(PIA, 1, 210);
    market.buy(BEN, 2, 210);
    assert!(market.checked.engine.has_pending());
    // The trade at 1.90 would meet it, but it was over when the stop came; the last one was at 2.10.
    let later = market.stop_sell(PIA, 1, 195, 300);
    market.say(Command::Continue);
    assert!(!market.checked.engine.has_pending());
    assert_eq!(market.sleeping(), [(later, 195, 1)]);
}

#[test]
fn an_elected_stop_does_not_trade_after_the_gate() {
    let (mut market, stops) = three_hundred_stops();
    market.time = Timestamp(market.gate().0 - 1);
    market.sell(PIA, 1, 211);
    market.trade(1, 210);
    market.clock(market.gate());
    let gate: Vec<_> = stops.iter().map(|&stop| (stop, 1, CancelReason::Gate)).collect();
    assert_eq!((market.woken(), market.ended()), (vec![], gate[..212].to_vec()));
    market.say(Command::Continue);
    assert_eq!(market.ended()[..88], gate[212..], "then the contract closes, and its ask ends");
    assert_eq!(market.ended().len(), 89);
}

/// Anna's stops to buy 1 at 2.11 once the contract trades at 2.10.
fn three_hundred_stops() -> (Market, Vec<OrderId>) {
    let mut market = Market::new();
    let stops = (0..300).map(|_| market.stop_buy(ANNA, 1, 210, 211)).collect();
    (market, stops)
}
