//! Icebergs, rule by rule.

use types::{CancelReason, MarketBody, NewOrder, RejectCode, Side};

use super::market::{ANNA, BEN, Market, PIA};

#[test]
fn a_new_clip_queues_last_at_its_level() {
    let mut market = Market::new();
    market.trade(10, 190);
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    let plain = market.sell(BEN, 2, 200);
    market.buy(ANNA, 4, 200);
    assert_eq!(market.trades(), [(iceberg, 200, 3), (plain, 200, 1)]);
    assert_eq!(market.shown(Side::Sell), [(plain, 200, 1), (iceberg, 200, 3)]);
    assert_eq!(market.resting(Side::Sell), [(plain, 200, 1), (iceberg, 200, 7)]);
    let [MarketBody::Trade(_), MarketBody::Add(clip), MarketBody::Trade(_)] = market.told()[..] else {
        panic!("the clip is shown at once: {:?}", market.told())
    };
    assert_eq!((clip.order, clip.units), (iceberg, 3));
}

#[test]
fn a_sweep_meets_clip_after_clip() {
    let mut market = Market::new();
    market.trade(10, 190);
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    let plain = market.sell(BEN, 2, 200);
    market.buy(ANNA, 9, 200);
    let trades = [(iceberg, 200, 3), (plain, 200, 2), (iceberg, 200, 3), (iceberg, 200, 1)];
    assert_eq!(market.trades(), trades);
    assert_eq!((market.resting(Side::Sell), market.shown(Side::Sell)[0].2), (vec![(iceberg, 200, 3)], 2));
    market.buy(ANNA, 3, 200);
    assert_eq!(market.trades(), [(iceberg, 200, 2), (iceberg, 200, 1)], "the last clip is what is left");
    assert_eq!(market.resting(Side::Sell), []);
}

#[test]
fn an_iceberg_shows_at_least_a_hundredth() {
    let mut market = Market::new();
    for (units, shown, refused) in [(1_000, 9, true), (1_000, 10, false), (5, 6, true), (5, 5, false)] {
        market.place(ANNA, NewOrder { shown, ..market.bid(units, 1) });
        let expected = refused.then_some((RejectCode::ShownOutOfRange, i64::from(shown)));
        assert_eq!(market.refused(), expected);
    }
}

#[test]
fn an_iceberg_comes_in_whole() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 6, 200);
    let bid = market.place(ANNA, NewOrder { shown: 3, ..market.bid(10, 200) });
    assert_eq!(market.trades(), [(ask, 200, 6)]);
    assert_eq!(
        (market.shown(Side::Buy), market.resting(Side::Buy)),
        (vec![(bid, 200, 3)], vec![(bid, 200, 4)])
    );
    // 4 units at 2.00 and a thousandth of that: the hidden one is held too.
    assert_eq!(market.cash(ANNA).1, 8_008_000);
}

#[test]
fn a_replaced_iceberg_gives_up_hidden_units_first() {
    let mut market = Market::new();
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    let plain = market.sell(PIA, 1, 200);
    market.replace(PIA, iceberg, 8, 200);
    assert_eq!((market.kept_priority(), market.told()), (Some(true), vec![]), "nobody sees it");
    market.buy(ANNA, 1, 200);
    market.replace(PIA, iceberg, 3, 200);
    // 1 of 3 is filled: 2 are left, and they are shown.
    assert_eq!((market.kept_priority(), market.told()), (Some(true), vec![]));
    assert_eq!(market.resting(Side::Sell), [(iceberg, 200, 2), (plain, 200, 1)]);
    market.replace(PIA, iceberg, 2, 200);
    assert_eq!(market.refused(), Some((RejectCode::ShownOutOfRange, 3)), "less than it said it would show");
}

#[test]
fn a_replaced_iceberg_shows_less_when_nothing_is_hidden() {
    let mut market = Market::new();
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    market.buy(ANNA, 4, 200);
    assert_eq!(market.shown(Side::Sell), [(iceberg, 200, 2)]);
    market.replace(PIA, iceberg, 5, 200);
    assert_eq!(market.kept_priority(), Some(true));
    assert!(matches!(market.told()[..], [MarketBody::Reduce(entry)] if entry.units == 1));
    assert_eq!(market.resting(Side::Sell), [(iceberg, 200, 1)]);
}

#[test]
fn a_replaced_iceberg_that_loses_its_place_shows_a_new_clip() {
    let mut market = Market::new();
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    market.buy(ANNA, 2, 200);
    assert_eq!(market.shown(Side::Sell), [(iceberg, 200, 1)]);
    market.replace(PIA, iceberg, 12, 200);
    let [MarketBody::Delete(gone), MarketBody::Add(come)] = market.told()[..] else { panic!() };
    assert_eq!((gone.units, come.units), (1, 3));
    assert_eq!(market.resting(Side::Sell), [(iceberg, 200, 10)]);
}

#[test]
fn a_cancelled_iceberg_ends_whole() {
    let mut market = Market::new();
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 200) });
    market.cancel(PIA, iceberg);
    assert_eq!(market.ended(), [(iceberg, 10, CancelReason::Owner)]);
    assert!(matches!(market.told()[..], [MarketBody::Delete(entry)] if entry.units == 3));
    assert_eq!(market.units(PIA), (100, 0));
}
