//! The price of an auction, rule by rule: most volume, least surplus, nearest to the reference price, the lower.

use types::{ClassSpec, NewOrder, OrderKind, Phase, Side, Ticks, Units};

use super::market::{ANNA, BEN, Market, PIA, auction_class, banded_class};

/// What trades in an opening of these bids of Anna's and asks of Pia's, by price and units.
fn opening(bids: &[(Units, Ticks)], asks: &[(Units, Ticks)]) -> (Ticks, Units) {
    let mut market = Market::of(auction_class());
    auction(&mut market, bids, asks, 15)
}

/// The same in a call that ends so many minutes after the examples began.
fn auction(
    market: &mut Market,
    bids: &[(Units, Ticks)],
    asks: &[(Units, Ticks)],
    minutes: u64,
) -> (Ticks, Units) {
    for &(units, price) in bids {
        market.buy(ANNA, units, price);
    }
    for &(units, price) in asks {
        market.sell(PIA, units, price);
    }
    market.clock(Market::after(minutes));
    market.check();
    let trades = market.auctioned();
    assert!(trades.iter().all(|trade| trade.0 == trades[0].0), "all at one price: {trades:?}");
    let units = trades.iter().map(|trade| trade.1).sum();
    (trades.first().map_or(0, |trade| trade.0), units)
}

/// The same after a trade at `last`, which is the reference price.
fn reopening(last: Ticks, bids: &[(Units, Ticks)], asks: &[(Units, Ticks)]) -> (Ticks, Units) {
    let mut market = Market::of(ClassSpec { auction_seconds: 120, ..super::market::example_class() });
    market.trade(1, last);
    market.call();
    auction(&mut market, bids, asks, 2)
}

#[test]
fn the_price_is_the_one_at_which_most_trades() {
    // At 2.00 5 trade, at 2.05 8, at 2.10 6.
    assert_eq!(opening(&[(6, 210), (4, 205)], &[(5, 200), (3, 205), (9, 210)]), (205, 8));
}

#[test]
fn of_the_prices_with_most_volume_the_one_with_least_surplus() {
    // From 2.00 to 2.10 5 trade. Up to 2.07 there are 2 bids too many, from 2.08 on none.
    assert_eq!(opening(&[(5, 210), (2, 207)], &[(5, 200)]), (208, 5));
    // From 2.03 on there are 2 asks too many, up to 2.02 none.
    assert_eq!(opening(&[(5, 210)], &[(5, 200), (2, 203)]), (200, 5));
    assert_eq!(reopening(300, &[(5, 210)], &[(5, 200), (2, 203)]), (202, 5));
}

#[test]
fn a_surplus_on_either_side_does_not_matter_if_no_price_is_without() {
    // Too much to buy at every price: least of all above the second bid.
    assert_eq!(opening(&[(9, 210), (3, 204)], &[(5, 200)]), (205, 5));
    // Too much to sell at every price: least of all below the second ask.
    assert_eq!(opening(&[(5, 210)], &[(9, 200), (3, 204)]), (200, 5));
    assert_eq!(reopening(300, &[(5, 210)], &[(9, 200), (3, 204)]), (203, 5));
    // Between a bid left over at 2.04 and an ask left over at 2.05 there is no price. Fewer are left over of the ask.
    assert_eq!(opening(&[(5, 210), (3, 204)], &[(5, 200), (2, 205)]), (205, 5));
    assert_eq!(opening(&[(5, 210), (2, 204)], &[(5, 200), (3, 205)]), (200, 5));
}

#[test]
fn then_the_price_nearest_to_the_reference_price() {
    // From 2.00 to 2.10 all 5 trade and nothing is left over.
    for (reference, price) in [(190, 200), (204, 204), (230, 210)] {
        assert_eq!(reopening(reference, &[(5, 210)], &[(5, 200)]), (price, 5));
    }
    // As much is left over at 2.04 as at 2.05.
    for (reference, price) in [(204, 204), (205, 205), (190, 200), (230, 210)] {
        assert_eq!(reopening(reference, &[(5, 210), (3, 204)], &[(5, 200), (3, 205)]), (price, 5));
    }
}

#[test]
fn then_the_lower_price() {
    assert_eq!(opening(&[(5, 210)], &[(5, 200)]), (200, 5));
    assert_eq!(opening(&[(5, 210), (3, 204)], &[(5, 200), (3, 205)]), (200, 5));
}

#[test]
fn one_side_alone_does_not_trade_nor_do_orders_that_do_not_cross() {
    assert_eq!(opening(&[(5, 210)], &[]), (0, 0));
    assert_eq!(opening(&[], &[(5, 210)]), (0, 0));
    assert_eq!(opening(&[(5, 209)], &[(5, 210)]), (0, 0));
    assert_eq!(opening(&[], &[]), (0, 0));
}

#[test]
fn market_orders_alone_trade_at_the_reference_price() {
    let mut market = Market::of(banded_class());
    market.trade(1, 200);
    market.call();
    let of_market = |order| NewOrder { kind: OrderKind::Market, price: 0, ..order };
    let bid = market.place(ANNA, of_market(market.bid(8, 1)));
    market.place(PIA, of_market(market.ask(5, 1)));
    // They stand at the edges of the static band, a fifth of 2.00 up and down.
    assert_eq!(market.resting(Side::Buy), [(bid, 240, 8)]);
    assert_eq!(market.resting(Side::Sell)[0].1, 160);
    market.end_call();
    assert_eq!(market.auctioned(), [(200, 5)]);
    assert_eq!(market.ended(), [(bid, 3, types::CancelReason::Market)], "what is left of them ends");
    assert_eq!(market.phases(), [Phase::Continuous]);
}

#[test]
fn a_market_order_trades_before_others_by_its_price_and_counts_as_one_at_that_price() {
    let mut market = Market::of(banded_class());
    market.trade(1, 200);
    market.call();
    let early = market.buy(BEN, 4, 220);
    let bid = market.place(ANNA, NewOrder { kind: OrderKind::Market, price: 0, ..market.bid(3, 1) });
    market.sell(PIA, 5, 190);
    market.end_call();
    // 5 trade from 1.90 to 2.20, with 2 bids too many at each price: nearest to 2.00.
    assert_eq!(market.auctioned(), [(200, 3), (200, 2)]);
    assert_eq!((market.resting(Side::Buy), market.ended()), (vec![(early, 220, 2)], vec![]));
    assert!(market.open().iter().all(|order| order.order != bid));
}

#[test]
fn prices_far_apart_are_no_matter() {
    assert_eq!(opening(&[(1, 90_000), (1, 1)], &[(1, 2), (1, 1_000_000_000)]), (2, 1));
    assert_eq!(reopening(300, &[(1, 90_000), (1, 1)], &[(1, 2), (1, 1_000_000_000)]), (300, 1));
}
