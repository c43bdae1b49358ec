//! Price bands and volatility interruptions, rule by rule.

use types::{
    CancelReason, ClassSpec, ContractId, MarketBody, NewOrder, OrderKind, Phase, RejectCode, SelfTrade, Side,
    Ticks, TimeInForce, Timestamp,
};

use super::market::{ANNA, BEN, Market, PIA, banded_class};

/// A market whose last price is 2.00: orders from 1.60 to 2.40, trades from 1.80 to 2.20.
fn banded() -> Market {
    let mut market = Market::of(banded_class());
    market.trade(1, 200);
    market
}

#[test]
fn an_order_outside_the_static_band_is_refused() {
    let mut market = Market::of(banded_class());
    let far = market.buy(ANNA, 1, 1);
    assert_eq!(market.refused(), None, "before the first trade there is no band");
    market.cancel(ANNA, far);
    market.trade(1, 200);
    for (side, price, nearest) in [(Side::Buy, 241, 240), (Side::Buy, 159, 160), (Side::Sell, 300, 240)] {
        market.place(PIA, NewOrder { side, ..market.bid(1, price) });
        assert_eq!(market.refused(), Some((RejectCode::OutsideBand, nearest)));
    }
    market.stop_buy(ANNA, 1, 500, 241);
    assert_eq!(market.refused(), Some((RejectCode::OutsideBand, 240)), "so is a stop with such a limit");
    market.place(ANNA, NewOrder { kind: OrderKind::Market, ..market.bid(1, 241) });
    assert_eq!(market.refused(), Some((RejectCode::OutsideBand, 240)), "and such a protection price");
    let bid = market.buy(ANNA, 1, 160);
    market.replace(ANNA, bid, 1, 159);
    assert_eq!(market.refused(), Some((RejectCode::OutsideBand, 160)));
    assert_eq!(market.resting(Side::Buy), [(bid, 160, 1)]);
}

#[test]
fn a_market_order_that_names_no_price_is_protected_by_the_static_band() {
    let mut market = Market::of(banded_class());
    let naked = NewOrder { kind: OrderKind::Market, price: 0, ..market.bid(5, 1) };
    market.place(ANNA, naked);
    assert_eq!(
        market.refused(),
        Some((RejectCode::NoProtection, 0)),
        "there is nothing to put a band around"
    );
    market.trade(1, 200);
    let ask = market.sell(PIA, 2, 215);
    market.place(ANNA, naked);
    let terms = market.out.reports.iter().find_map(|report| match report.body {
        types::ReportBody::Accepted { terms, .. } => Some(terms),
        _ => None,
    });
    assert_eq!(terms.map(|terms| terms.price), Some(240), "it is told at which price it came in");
    assert_eq!(market.trades(), [(ask, 215, 2)]);
    assert_eq!(market.ended().len(), 1);
}

/// The highest price at which a new order is taken.
fn highest(market: &mut Market) -> Ticks {
    market.buy(BEN, 1, types::PRICE_MAX);
    match market.refused() {
        Some((RejectCode::OutsideBand, nearest)) => nearest,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_reference_price_is_the_last_auctions_else_the_last_trades_else_the_index() {
    let mut market = banded();
    assert_eq!(highest(&mut market), 240);
    market.trade(1, 210);
    assert_eq!(highest(&mut market), 252, "no auction: the last trade");
    market.call();
    market.buy(ANNA, 2, 190);
    market.sell(PIA, 2, 190);
    market.end_call();
    assert_eq!(market.auctioned(), [(190, 2)]);
    assert_eq!(highest(&mut market), 228);
    market.trade(1, 205);
    assert_eq!(highest(&mut market), 228, "the last auction, whatever trades later");
    // What traded: 1 at 2.00, 1 at 2.10, 2 at 1.90, 1 at 2.05, on average 1.99.
    market.contract = ContractId(market.contract.0 + 1);
    assert_eq!(highest(&mut market), 199 + 39, "a contract without a price: the class's index");
}

#[test]
fn the_index_is_of_this_hour_and_the_23_before() {
    let mut market = banded();
    market.clock(Market::after(70));
    market.trade(1, 210);
    let other = ContractId(market.contract.0 + 20);
    market.contract = other;
    assert_eq!(highest(&mut market), 205 + 41, "from 00:00 to 01:59");
    market.time = Timestamp(Market::after(24 * 60).0 - 1);
    market.contract = ContractId(other.0 + 3);
    assert_eq!(highest(&mut market), 246);
    market.time = Market::after(24 * 60);
    assert_eq!(highest(&mut market), 252, "the trades of 00:00 to 00:59 are a day old");
    market.time = Market::after(25 * 60);
    market.contract = ContractId(other.0 + 4);
    market.buy(BEN, 1, 900);
    assert_eq!(market.refused(), None, "nothing has traded for a day");
}

#[test]
fn a_trade_outside_the_band_interrupts_trading() {
    let mut market = banded();
    let [near, edge, far] = [210, 220, 221].map(|price| market.sell(PIA, 2, price));
    let bid = market.buy(ANNA, 7, 230);
    assert_eq!(market.trades(), [(near, 210, 2), (edge, 220, 2)]);
    assert_eq!(market.phases(), [Phase::Auction]);
    assert_eq!(market.told().last(), Some(&MarketBody::Phase(Phase::Auction)));
    // It rests across the ask it may not trade with, and others gather.
    assert_eq!(market.resting(Side::Buy), [(bid, 230, 3)]);
    assert_eq!(market.resting(Side::Sell), [(far, 221, 2)]);
    market.sell(PIA, 1, 225);
    assert_eq!(market.trades(), []);
    market.end_call();
    // From 2.25 to 2.30 3 trade; the reference price is 2.20, that of the last trade.
    assert_eq!((market.auctioned(), market.phases()), (vec![(225, 2), (225, 1)], vec![Phase::Continuous]));
    // The dynamic band is around 2.25 now.
    let ask = market.sell(PIA, 1, 247);
    market.buy(ANNA, 1, 247);
    assert_eq!((market.trades(), market.phases()), (vec![(ask, 247, 1)], vec![]));
}

#[test]
fn a_remainder_that_may_not_rest_ends_and_trading_is_interrupted() {
    for (terms, reason) in [
        (NewOrder { time_in_force: TimeInForce::Ioc, ..banded().bid(5, 230) }, CancelReason::Ioc),
        (NewOrder { kind: OrderKind::Market, ..banded().bid(5, 230) }, CancelReason::Market),
    ] {
        let mut market = banded();
        market.sell(PIA, 2, 210);
        market.sell(PIA, 9, 225);
        let order = market.place(ANNA, terms);
        assert_eq!(market.ended(), [(order, 3, reason)]);
        assert_eq!((market.trades().len(), market.phases()), (1, vec![Phase::Auction]));
    }
}

#[test]
fn an_order_that_is_done_within_the_band_does_not_interrupt() {
    let mut market = banded();
    market.sell(PIA, 2, 210);
    market.sell(PIA, 9, 225);
    market.buy(ANNA, 2, 230);
    assert_eq!((market.trades().len(), market.phases()), (1, vec![]), "nothing is left of it");
    market.buy(ANNA, 2, 224);
    assert_eq!((market.trades().len(), market.phases()), (0, vec![]), "nothing outside is within its limit");
}

#[test]
fn a_fok_or_a_minimum_counts_only_what_is_within_the_band() {
    let mut market = banded();
    market.sell(PIA, 2, 210);
    market.sell(PIA, 9, 225);
    let fok = market.place(ANNA, NewOrder { time_in_force: TimeInForce::Fok, ..market.bid(3, 230) });
    assert_eq!((market.ended(), market.phases()), (vec![(fok, 3, CancelReason::Fok)], vec![]));
    let least = market.place(ANNA, NewOrder { min_units: 3, ..market.bid(5, 230) });
    assert_eq!((market.ended(), market.phases()), (vec![(least, 5, CancelReason::MinUnits)], vec![]));
    market.place(ANNA, NewOrder { min_units: 2, ..market.bid(5, 230) });
    assert_eq!((market.trades().len(), market.phases()), (1, vec![Phase::Auction]));
}

#[test]
fn an_order_better_than_the_band_is_outside_it_too() {
    let mut market = Market::of(ClassSpec { static_band_ppm: 0, dynamic_band_ppm: 20_000, ..banded_class() });
    market.trade(1, 300);
    market.call();
    let ask = market.sell(PIA, 9, 200);
    market.buy(ANNA, 5, 210);
    market.end_call();
    // Of the prices from 2.00 to 2.10 the nearest to 3.00. What is left is asked at less than 2.10 less a fiftieth.
    assert_eq!((market.auctioned(), market.resting(Side::Sell)), (vec![(210, 5)], vec![(ask, 200, 4)]));
    let fok = market.place(ANNA, NewOrder { time_in_force: TimeInForce::Fok, ..market.bid(1, 210) });
    assert_eq!((market.ended(), market.phases()), (vec![(fok, 1, CancelReason::Fok)], vec![]));
    market.buy(ANNA, 1, 210);
    assert_eq!((market.trades(), market.phases()), (vec![], vec![Phase::Auction]));
}

#[test]
fn orders_of_ones_own_and_dead_ones_outside_the_band_are_no_reason() {
    let mut market = banded();
    let moment = Market::after(1);
    let dead = market.place(PIA, NewOrder { time_in_force: TimeInForce::Gtd(moment), ..market.ask(2, 222) });
    let own = market.sell(PIA, 2, 223);
    market.time = moment;
    let bid = market.place(PIA, NewOrder { self_trade: SelfTrade::CancelResting, ..market.bid(5, 230) });
    assert_eq!(market.ended(), [(dead, 2, CancelReason::Expired), (own, 2, CancelReason::SelfTrade)]);
    assert_eq!((market.phases(), market.resting(Side::Buy)), (vec![], vec![(bid, 230, 5)]));
    let own = market.sell(BEN, 1, 240);
    assert_eq!(market.refused().map(|refused| refused.0), None, "Ben holds the unit that he bought");
    market.cancel(PIA, bid);
    market.sell(PIA, 1, 239);
    let ends = market.buy(PIA, 5, 240);
    assert_eq!((market.ended(), market.phases()), (vec![(ends, 5, CancelReason::SelfTrade)], vec![]));
    assert!(market.resting(Side::Sell).contains(&(own, 240, 1)));
}

#[test]
fn stops_elected_before_an_interruption_sleep_on() {
    let mut market = banded();
    market.sell(PIA, 1, 210);
    market.sell(PIA, 9, 235);
    let first = market.stop_buy(BEN, 2, 210, 240);
    let second = market.stop_buy(BEN, 2, 209, 240);
    market.buy(ANNA, 1, 210);
    // Both are elected. The first wakes, would trade at 2.35, and rests; the second sleeps on.
    assert_eq!((market.woken(), market.phases()), (vec![(first, 2)], vec![Phase::Auction]));
    assert_eq!(
        (market.resting(Side::Buy), market.sleeping()),
        (vec![(first, 240, 2)], vec![(second, 209, 2)])
    );
    assert!(!market.checked.engine.has_pending());
    market.end_call();
    assert_eq!((market.auctioned(), market.woken()), (vec![(235, 2)], vec![(second, 2)]));
}

#[test]
fn trading_is_not_interrupted_without_bands() {
    let mut market = Market::of(ClassSpec { static_band_ppm: 0, dynamic_band_ppm: 0, ..banded_class() });
    market.trade(1, 200);
    market.sell(PIA, 1, 900);
    market.buy(ANNA, 1, 900);
    assert_eq!((market.trades().len(), market.phases()), (1, vec![]));
}
