//! Post-only, minimum quantity, all or none, and what counts as able to trade, rule by rule.

use types::{CancelReason, NewOrder, OrderId, RejectCode, SelfTrade, Side, TimeInForce};

use super::market::{ANNA, BEN, Market, PIA};

#[test]
fn a_post_only_order_rests_or_is_refused() {
    let mut market = Market::new();
    market.sell(PIA, 5, 205);
    market.place(ANNA, NewOrder { post_only: true, ..market.bid(5, 207) });
    assert_eq!(market.refused(), Some((RejectCode::WouldTrade, 205)));
    assert_eq!(market.cash(ANNA).1, 0);
    let bid = market.place(ANNA, NewOrder { post_only: true, ..market.bid(5, 204) });
    assert_eq!(market.resting(Side::Buy), [(bid, 204, 5)]);
    // At rest it is an order like any other.
    market.sell(PIA, 5, 204);
    assert_eq!(market.trades(), [(bid, 204, 5)]);
}

#[test]
fn a_post_only_order_does_not_meet_its_own_account_either() {
    let mut market = Market::new();
    market.sell(PIA, 5, 205);
    let terms = NewOrder { post_only: true, self_trade: SelfTrade::CancelResting, ..market.bid(5, 205) };
    market.place(PIA, terms);
    assert_eq!(market.refused(), Some((RejectCode::WouldTrade, 205)));
}

#[test]
fn a_replaced_post_only_order_may_not_trade() {
    let mut market = Market::new();
    market.sell(PIA, 5, 205);
    let bid = market.place(ANNA, NewOrder { post_only: true, ..market.bid(5, 204) });
    market.replace(ANNA, bid, 5, 206);
    assert_eq!(market.refused(), Some((RejectCode::WouldTrade, 205)));
    assert_eq!(market.resting(Side::Buy), [(bid, 204, 5)]);
    market.replace(ANNA, bid, 9, 203);
    assert_eq!(market.resting(Side::Buy), [(bid, 203, 9)]);
}

#[test]
fn an_order_trades_its_minimum_or_nothing() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 3, 200);
    market.sell(PIA, 5, 205);
    let order = market.place(ANNA, NewOrder { min_units: 4, ..market.bid(10, 200) });
    assert_eq!((market.trades(), market.ended()), (vec![], vec![(order, 10, CancelReason::MinUnits)]));
    let order = market.place(ANNA, NewOrder { min_units: 3, ..market.bid(10, 200) });
    assert_eq!(market.trades(), [(ask, 200, 3)]);
    // The minimum has been met: what rests has none.
    assert_eq!(market.resting(Side::Buy), [(order, 200, 7)]);
    market.sell(PIA, 1, 200);
    assert_eq!(market.trades(), [(order, 200, 1)]);
}

#[test]
fn all_or_none_at_entry() {
    let mut market = Market::new();
    let (cheap, dear) = (market.sell(PIA, 3, 200), market.sell(PIA, 5, 205));
    let order = market.place(ANNA, NewOrder { min_units: 9, ..market.bid(9, 205) });
    assert_eq!(market.ended(), [(order, 9, CancelReason::MinUnits)]);
    market.place(ANNA, NewOrder { min_units: 8, ..market.bid(8, 205) });
    assert_eq!(market.trades(), [(cheap, 200, 3), (dear, 205, 5)]);
}

#[test]
fn a_minimum_goes_with_ioc() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 3, 200);
    let time_in_force = TimeInForce::Ioc;
    let order = market.place(ANNA, NewOrder { min_units: 4, time_in_force, ..market.bid(5, 200) });
    assert_eq!(market.ended(), [(order, 5, CancelReason::MinUnits)]);
    let order = market.place(ANNA, NewOrder { min_units: 2, time_in_force, ..market.bid(5, 200) });
    assert_eq!(market.trades(), [(ask, 200, 3)]);
    assert_eq!(market.ended(), [(order, 2, CancelReason::Ioc)]);
}

#[test]
fn a_replaced_order_has_no_minimum() {
    let mut market = Market::new();
    let first = market.sell(PIA, 3, 200);
    let order = market.place(ANNA, NewOrder { min_units: 3, ..market.bid(10, 200) });
    assert_eq!(market.trades(), [(first, 200, 3)]);
    let second = market.sell(PIA, 1, 205);
    market.replace(ANNA, order, 10, 205);
    assert_eq!(market.trades(), [(second, 205, 1)]);
    assert_eq!(market.resting(Side::Buy), [(order, 205, 6)]);
}

#[test]
fn a_fok_that_ends_its_own_resting_orders_counts_past_them() {
    for self_trade in [SelfTrade::CancelResting, SelfTrade::Decrement] {
        let (mut market, first, _, last) = pia_between_ben();
        let order = market.place(PIA, NewOrder { self_trade, ..fok(market.bid(8, 210)) });
        assert_eq!(market.ended(), [(order, 8, CancelReason::Fok)], "Ben has but 7");
        market.place(PIA, NewOrder { self_trade, ..fok(market.bid(7, 210)) });
        let trades = market.trades();
        // A decrement takes 5 from both, and the 2 before them are all that trade.
        let all = self_trade == SelfTrade::CancelResting;
        assert_eq!(trades, if all { vec![(first, 200, 2), (last, 205, 5)] } else { vec![(first, 200, 2)] });
    }
}

#[test]
fn a_fok_that_its_own_order_would_end_counts_what_comes_before() {
    for self_trade in [SelfTrade::CancelIncoming, SelfTrade::CancelBoth] {
        let (mut market, first, own, _) = pia_between_ben();
        let order = market.place(PIA, NewOrder { self_trade, ..fok(market.bid(3, 210)) });
        assert_eq!(market.ended(), [(order, 3, CancelReason::Fok)]);
        market.place(PIA, NewOrder { self_trade, ..fok(market.bid(2, 210)) });
        assert_eq!(market.trades(), [(first, 200, 2)]);
        assert_eq!(market.resting(Side::Sell)[0], (own, 205, 5));
    }
}

#[test]
fn a_fok_counts_hidden_units() {
    let mut market = Market::new();
    let ask = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    let order = market.place(ANNA, fok(market.bid(11, 200)));
    assert_eq!(market.ended(), [(order, 11, CancelReason::Fok)]);
    market.place(ANNA, fok(market.bid(10, 200)));
    assert_eq!(market.trades(), [(ask, 200, 3), (ask, 200, 3), (ask, 200, 3), (ask, 200, 1)]);
}

#[test]
fn a_fok_does_not_count_clips_behind_its_own_order() {
    let mut market = Market::new();
    market.trade(20, 190);
    let iceberg = market.place(BEN, NewOrder { shown: 3, ..market.ask(10, 200) });
    let own = market.sell(PIA, 5, 200);
    let order = market.place(PIA, fok(market.bid(4, 200)));
    assert_eq!(market.ended(), [(order, 4, CancelReason::Fok)], "the next clip queues behind her own ask");
    market.place(PIA, fok(market.bid(3, 200)));
    assert_eq!(market.trades(), [(iceberg, 200, 3)]);
    assert_eq!(market.resting(Side::Sell), [(own, 200, 5), (iceberg, 200, 7)]);
}

#[test]
fn dead_orders_count_for_nothing() {
    let mut market = Market::new();
    let moment = Market::after(10);
    market.place(PIA, NewOrder { time_in_force: TimeInForce::Gtd(moment), ..market.ask(5, 200) });
    let live = market.sell(PIA, 2, 210);
    market.time = moment;
    let order = market.place(ANNA, fok(market.bid(3, 210)));
    assert_eq!(market.ended(), [(order, 3, CancelReason::Fok)], "and nobody has met the dead one yet");
    let bid = market.place(ANNA, NewOrder { post_only: true, ..market.bid(3, 205) });
    assert_eq!((market.refused(), market.ended()[0].2), (None, CancelReason::Expired));
    assert_eq!(market.resting(Side::Buy), [(bid, 205, 3)]);
    assert_eq!(market.resting(Side::Sell), [(live, 210, 2)]);
}

/// Ben asks 2 at 2.00, Pia 5 at 2.05, and behind her Ben 5 more at 2.05.
fn pia_between_ben() -> (Market, OrderId, OrderId, OrderId) {
    let mut market = Market::new();
    market.trade(10, 190);
    let first = market.sell(BEN, 2, 200);
    let own = market.sell(PIA, 5, 205);
    let last = market.sell(BEN, 5, 205);
    (market, first, own, last)
}

fn fok(terms: NewOrder) -> NewOrder {
    NewOrder { time_in_force: TimeInForce::Fok, ..terms }
}
