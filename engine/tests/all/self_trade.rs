//! Self-trade prevention, rule by rule. In most of these tests Pia meets an ask of her own.

use types::{CancelReason, MarketBody, NewOrder, OrderId, ReportBody, SelfTrade, Side, TimeInForce};

use super::market::{ANNA, BEN, Market, PIA};

#[test]
fn an_order_ends_where_it_meets_its_own_account() {
    let mut market = Market::new();
    market.sell(PIA, 10, 190);
    market.buy(BEN, 10, 190);
    let other = market.sell(BEN, 2, 200);
    let own = market.sell(PIA, 5, 205);
    let order = market.buy(PIA, 4, 210);
    assert_eq!(market.trades(), [(other, 200, 2)]);
    assert_eq!(market.ended(), [(order, 2, CancelReason::SelfTrade)]);
    assert_eq!(market.resting(Side::Sell), [(own, 205, 5)]);
    assert_eq!(market.resting(Side::Buy), []);
}

#[test]
fn a_fok_counts_nothing_from_its_own_order_on() {
    let mut market = Market::new();
    market.sell(PIA, 10, 190);
    market.buy(BEN, 10, 190);
    let before = market.sell(BEN, 2, 200);
    market.sell(PIA, 5, 205);
    market.sell(BEN, 5, 205);
    let order = market.place(PIA, fok(market.bid(3, 210)));
    assert_eq!(market.ended(), [(order, 3, CancelReason::Fok)]);
    market.place(PIA, fok(market.bid(2, 210)));
    assert_eq!(market.trades(), [(before, 200, 2)]);
}

#[test]
fn a_replaced_order_ends_where_it_meets_its_own_account() {
    let mut market = Market::new();
    let own = market.sell(PIA, 5, 200);
    let bid = market.buy(PIA, 5, 190);
    market.replace(PIA, bid, 5, 200);
    assert_eq!(market.ended(), [(bid, 5, CancelReason::SelfTrade)]);
    assert_eq!(market.resting(Side::Sell), [(own, 200, 5)]);
    assert_eq!(market.cash(PIA), (1_000_000_000, 0));
}

#[test]
fn cancel_resting_ends_the_resting_order() {
    let (mut market, own, other) = pia_asks_before_ben();
    let order = market.place(PIA, NewOrder { self_trade: SelfTrade::CancelResting, ..market.bid(7, 210) });
    assert_eq!(market.ended(), [(own, 5, CancelReason::SelfTrade)]);
    assert_eq!(market.trades(), [(other, 205, 4)]);
    assert_eq!(market.resting(Side::Buy), [(order, 210, 3)]);
    assert_eq!(market.out.reports[1].answers, None, "the resting order's own command is not this one");
}

#[test]
fn cancel_both_ends_both() {
    let (mut market, own, other) = pia_asks_before_ben();
    let order = market.place(PIA, NewOrder { self_trade: SelfTrade::CancelBoth, ..market.bid(7, 210) });
    assert_eq!(market.ended(), [(own, 5, CancelReason::SelfTrade), (order, 7, CancelReason::SelfTrade)]);
    assert_eq!(market.trades(), []);
    assert_eq!((market.resting(Side::Buy), market.resting(Side::Sell)), (vec![], vec![(other, 205, 4)]));
}

#[test]
fn cancel_incoming_ends_the_incoming_order() {
    let (mut market, own, other) = pia_asks_before_ben();
    let order = market.buy(PIA, 7, 210);
    assert_eq!(market.ended(), [(order, 7, CancelReason::SelfTrade)]);
    assert_eq!(market.resting(Side::Sell), [(own, 200, 5), (other, 205, 4)]);
}

#[test]
fn decrement_takes_the_smaller_from_both() {
    let (mut market, own, other) = pia_asks_before_ben();
    let order = market.place(PIA, NewOrder { self_trade: SelfTrade::Decrement, ..market.bid(7, 210) });
    assert_eq!(market.ended(), [(own, 5, CancelReason::SelfTrade), (order, 5, CancelReason::SelfTrade)]);
    assert_eq!(market.trades(), [(other, 205, 2)]);
    assert_eq!(market.resting(Side::Sell), [(other, 205, 2)]);
    // A total of 7 less 5, of which 2 are filled now.
    assert_eq!(market.resting(Side::Buy), []);
    assert_eq!((market.cash(PIA).1, market.units(PIA).1), (0, 0));

    let (mut market, own, _) = pia_asks_before_ben();
    market.place(PIA, NewOrder { self_trade: SelfTrade::Decrement, ..market.bid(2, 210) });
    assert_eq!(market.resting(Side::Sell)[0], (own, 200, 3), "it keeps its place");
    assert_eq!(market.open()[0].terms.units, 3, "and its total is less");
    assert!(matches!(market.told()[..], [MarketBody::Reduce(entry)] if entry.units == 3));
    let lost = |body| match body {
        ReportBody::Cancelled { units, left, .. } => Some((units, left)),
        _ => None,
    };
    let lost: Vec<_> = market.out.reports.iter().filter_map(|report| lost(report.body)).collect();
    assert_eq!(lost, [(2, 3), (2, 0)]);
}

#[test]
fn decrement_takes_what_an_iceberg_shows() {
    let mut market = Market::new();
    let own = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    let order = market.place(PIA, NewOrder { self_trade: SelfTrade::Decrement, ..market.bid(4, 200) });
    let lost = |order, units| (order, units, CancelReason::SelfTrade);
    assert_eq!(market.ended(), [lost(own, 3), lost(order, 3), lost(own, 1), lost(order, 1)]);
    assert!(matches!(
        market.told()[..],
        [MarketBody::Delete(gone), MarketBody::Add(clip), MarketBody::Reduce(less)]
            if (gone.units, clip.units, less.units) == (3, 3, 2)
    ));
    assert_eq!((market.resting(Side::Sell), market.shown(Side::Sell)[0].2), (vec![(own, 200, 6)], 2));
}

#[test]
fn a_replaced_order_keeps_its_instruction() {
    let mut market = Market::new();
    let own = market.sell(PIA, 5, 200);
    let terms = NewOrder { self_trade: SelfTrade::CancelResting, ..market.bid(5, 190) };
    let bid = market.place(PIA, terms);
    market.replace(PIA, bid, 5, 200);
    assert_eq!(market.ended(), [(own, 5, CancelReason::SelfTrade)]);
    assert_eq!(market.resting(Side::Buy), [(bid, 200, 5)]);
}

#[test]
fn the_instruction_of_the_resting_order_does_not_matter() {
    let mut market = Market::new();
    let own = market.place(PIA, NewOrder { self_trade: SelfTrade::CancelResting, ..market.ask(5, 200) });
    let order = market.buy(PIA, 5, 200);
    assert_eq!(market.ended(), [(order, 5, CancelReason::SelfTrade)]);
    assert_eq!(market.resting(Side::Sell), [(own, 200, 5)]);
}

#[test]
fn a_dead_order_of_ones_own_is_no_self_trade() {
    let mut market = Market::new();
    let moment = Market::after(10);
    let terms = NewOrder { time_in_force: TimeInForce::Gtd(moment), ..market.ask(5, 200) };
    let own = market.place(PIA, terms);
    market.time = moment;
    let order = market.buy(PIA, 5, 200);
    assert_eq!(market.ended(), [(own, 5, CancelReason::Expired)]);
    assert_eq!(market.resting(Side::Buy), [(order, 200, 5)]);
    market.cancel(PIA, order);
    market.sell(PIA, 5, 200);
    market.buy(ANNA, 5, 200);
    assert_eq!(market.trades().len(), 1);
}

/// Pia's ask of 5 at 2.00 comes before Ben's of 4 at 2.05.
fn pia_asks_before_ben() -> (Market, OrderId, OrderId) {
    let mut market = Market::new();
    market.trade(10, 190);
    let own = market.sell(PIA, 5, 200);
    let other = market.sell(BEN, 4, 205);
    (market, own, other)
}

fn fok(terms: NewOrder) -> NewOrder {
    NewOrder { time_in_force: TimeInForce::Fok, ..terms }
}
