//! How long orders last, rule by rule: good till cancelled, immediate or cancel, fill or kill, market orders, and
//! good till date.

use types::{
    CancelReason, MINUTE_NANOS, MarketBody, NewOrder, OrderKind, RejectCode, Side, TimeInForce, Timestamp,
};

use super::market::{ANNA, BEN, MORNING, Market, PIA};

#[test]
fn a_gtc_remainder_rests() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 3, 200);
    let bid = market.buy(ANNA, 5, 205);
    assert_eq!(market.trades(), [(ask, 200, 3)]);
    assert_eq!(market.resting(Side::Buy), [(bid, 205, 2)]);
    assert_eq!(market.resting(Side::Sell), []);
}

#[test]
fn an_ioc_remainder_ends() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 3, 200);
    let order = market.place(ANNA, NewOrder { time_in_force: TimeInForce::Ioc, ..market.bid(5, 205) });
    assert_eq!(market.trades(), [(ask, 200, 3)]);
    assert_eq!(market.ended(), [(order, 2, CancelReason::Ioc)]);
    assert_eq!(market.resting(Side::Buy), []);
    assert_eq!(market.cash(ANNA).1, 0);
}

#[test]
fn a_fok_trades_whole_or_not_at_all() {
    let mut market = Market::new();
    let cheap = market.sell(PIA, 3, 200);
    let dear = market.sell(PIA, 2, 206);
    let order = market.place(ANNA, fok(market.bid(5, 205)));
    assert_eq!(market.trades(), []);
    assert_eq!(market.ended(), [(order, 5, CancelReason::Fok)]);
    market.place(ANNA, fok(market.bid(5, 206)));
    assert_eq!(market.trades(), [(cheap, 200, 3), (dear, 206, 2)]);
    assert_eq!(market.ended(), []);
}

#[test]
fn a_market_order_trades_up_to_its_protection_price() {
    let mut market = Market::new();
    let cheap = market.sell(PIA, 3, 200);
    let dearer = market.sell(PIA, 4, 210);
    let too_dear = market.sell(PIA, 5, 230);
    let order = market.place(ANNA, NewOrder { kind: OrderKind::Market, ..market.bid(10, 220) });
    assert_eq!(market.trades(), [(cheap, 200, 3), (dearer, 210, 4)]);
    assert_eq!(market.ended(), [(order, 3, CancelReason::Market)]);
    assert_eq!((market.resting(Side::Buy), market.resting(Side::Sell)), (vec![], vec![(too_dear, 230, 5)]));
    assert_eq!(market.cash(ANNA).1, 0);
}

#[test]
fn a_market_order_without_protection_is_refused() {
    let mut market = Market::new();
    market.place(ANNA, NewOrder { kind: OrderKind::Market, ..market.bid(10, 0) });
    assert_eq!(market.refused(), Some((RejectCode::NoProtection, 0)));
    market.place(ANNA, market.bid(10, 0));
    assert_eq!(market.refused(), Some((RejectCode::PriceOutOfRange, 0)), "a limit order needs a limit");
}

#[test]
fn a_market_order_ends_as_one_whatever_it_says_of_time() {
    let mut market = Market::new();
    for time_in_force in [TimeInForce::Gtc, TimeInForce::Gtd(Market::after(5)), TimeInForce::Ioc] {
        let terms = NewOrder { kind: OrderKind::Market, time_in_force, ..market.bid(10, 220) };
        let order = market.place(ANNA, terms);
        assert_eq!(market.ended(), [(order, 10, CancelReason::Market)]);
    }
    let terms = NewOrder { kind: OrderKind::Market, ..fok(market.bid(10, 220)) };
    let order = market.place(ANNA, terms);
    assert_eq!(market.ended(), [(order, 10, CancelReason::Fok)], "it never came to match");
}

#[test]
fn a_gtd_order_is_dead_from_its_moment_on() {
    let mut market = Market::new();
    let moment = Market::after(10);
    let bid = market.place(ANNA, till(moment, market.bid(5, 200)));
    market.time = Timestamp(moment.0 - 1);
    market.sell(PIA, 2, 200);
    assert_eq!(market.trades(), [(bid, 200, 2)]);
    // No clock command has come yet: the stamp alone decides.
    market.time = moment;
    let ask = market.sell(PIA, 2, 200);
    assert_eq!(market.trades(), []);
    assert_eq!(market.ended(), [(bid, 3, CancelReason::Expired)]);
    let [MarketBody::Delete(gone), MarketBody::Add(come)] = market.told()[..] else { panic!() };
    assert_eq!((gone.order, gone.units, come.order, come.units), (bid, 3, ask, 2));
    assert_eq!((market.resting(Side::Buy), market.resting(Side::Sell)), (vec![], vec![(ask, 200, 2)]));
    assert_eq!(market.cash(ANNA).1, 0);
}

#[test]
fn the_clock_ends_orders_by_moment_then_by_id() {
    let mut market = Market::new();
    let [early, late] = [Market::after(10), Market::after(20)];
    let first = market.place(ANNA, till(late, market.bid(1, 200)));
    let second = market.place(ANNA, till(early, market.bid(2, 190)));
    let third = market.place(BEN, till(early, market.bid(3, 195)));
    let fourth = market.place(BEN, NewOrder { trigger: Some(210), ..till(early, market.bid(4, 220)) });
    market.buy(BEN, 5, 180);
    assert_eq!(market.checked.engine.next_deadline(), Some(early));
    market.clock(late);
    let expired = |order, units| (order, units, CancelReason::Expired);
    assert_eq!(
        market.ended(),
        [expired(second, 2), expired(third, 3), expired(fourth, 4), expired(first, 1)]
    );
    assert_eq!(market.resting(Side::Buy).len(), 1);
    assert_eq!(market.checked.engine.next_deadline(), Some(market.gate()));
}

#[test]
fn a_gtd_order_needs_a_moment_to_come() {
    let mut market = Market::new();
    let seconds = i64::try_from(MORNING.0 / 1_000_000_000).unwrap();
    for moment in [MORNING, Timestamp(MORNING.0 - 1)] {
        market.place(ANNA, till(moment, market.bid(5, 200)));
        let value = i64::try_from(moment.0 / 1_000_000_000).unwrap();
        assert_eq!(market.refused(), Some((RejectCode::ExpiryPassed, value)));
        assert!(value == seconds || value == seconds - 1);
    }
    market.place(ANNA, till(Timestamp(MORNING.0 + 1), market.bid(5, 200)));
    assert_eq!(market.refused(), None);
}

#[test]
fn a_dead_order_can_be_cancelled_but_not_replaced() {
    let mut market = Market::new();
    let moment = Market::after(10);
    let bid = market.place(ANNA, till(moment, market.bid(5, 200)));
    market.time = moment;
    market.replace(ANNA, bid, 4, 200);
    let seconds = i64::try_from(moment.0 / 1_000_000_000).unwrap();
    assert_eq!(market.refused(), Some((RejectCode::ExpiryPassed, seconds)));
    market.cancel(ANNA, bid);
    assert_eq!(market.ended(), [(bid, 5, CancelReason::Owner)]);
}

#[test]
fn a_replaced_gtd_order_keeps_its_moment() {
    let mut market = Market::new();
    let moment = Market::after(10);
    let bid = market.place(ANNA, till(moment, market.bid(5, 200)));
    market.replace(ANNA, bid, 9, 205);
    market.clock(moment);
    assert_eq!(market.ended(), [(bid, 9, CancelReason::Expired)]);
}

#[test]
fn the_gate_comes_before_a_later_moment() {
    let mut market = Market::new();
    let moment = Timestamp(market.gate().0 + MINUTE_NANOS);
    let bid = market.place(ANNA, till(moment, market.bid(5, 200)));
    market.clock(market.gate());
    assert_eq!(market.ended(), [(bid, 5, CancelReason::Gate)]);
    market.clock(moment);
    assert!(market.out.is_empty());
}

#[test]
fn many_orders_of_one_moment_end_in_several_commands() {
    let mut market = Market::new();
    let moment = Market::after(10);
    for _ in 0..300 {
        market.place(ANNA, till(moment, market.bid(1, 100)));
    }
    market.clock(moment);
    assert_eq!((market.ended().len(), market.resting(Side::Buy).len()), (256, 44));
    assert!(market.checked.engine.has_pending());
    // Those that are left trade no more than the others did.
    market.sell(PIA, 1, 100);
    assert_eq!((market.trades(), market.ended().len()), (vec![], 44));
    assert!(!market.checked.engine.has_pending());
}

fn fok(terms: NewOrder) -> NewOrder {
    NewOrder { time_in_force: TimeInForce::Fok, ..terms }
}

fn till(moment: Timestamp, terms: NewOrder) -> NewOrder {
    NewOrder { time_in_force: TimeInForce::Gtd(moment), ..terms }
}
