//! Stops, rule by rule: how they sleep, and what they are when they wake.

use types::{
    CancelReason, Command, Lane, MarketBody, NewOrder, OrderId, OrderKind, OrderRef, RejectCode, Side,
};
use types::{ReportBody, SelfTrade, TimeInForce};

use super::market::{ANNA, BEN, Market, PIA, example_class};

#[test]
fn a_stop_sleeps_until_the_contract_trades_at_its_trigger() {
    let mut market = Market::new();
    market.trade(1, 200);
    let stop = market.stop_buy(ANNA, 5, 210, 220);
    assert_eq!((market.told(), market.sleeping()), (vec![], vec![(stop, 210, 5)]), "the public sees nothing");
    // 5 units at 2.20 and a thousandth of that.
    assert_eq!((market.resting(Side::Buy), market.cash(ANNA).1), (vec![], 11_011_000));
    market.trade(1, 209);
    assert_eq!(market.woken(), []);
    let ask = market.sell(PIA, 3, 215);
    market.trade(1, 210);
    assert_eq!(market.woken(), [(stop, 5)]);
    assert_eq!(market.trades()[1..], [(ask, 215, 3)]);
    assert_eq!((market.resting(Side::Buy), market.sleeping()), (vec![(stop, 220, 2)], vec![]));
    // Its trades are told to its owner, but they answer no command of hers.
    let reports = &market.out.reports;
    let of_anna: Vec<_> = reports.iter().filter(|report| report.account == ANNA.account).collect();
    assert!(matches!(of_anna[0].body, ReportBody::Triggered { left: 5, .. }));
    assert!(of_anna.iter().all(|report| report.answers.is_none()));
}

#[test]
fn a_stop_to_sell_wakes_at_its_trigger_or_below() {
    let mut market = Market::new();
    market.trade(1, 200);
    let (lower, upper) = (market.stop_sell(PIA, 5, 185, 180), market.stop_sell(PIA, 4, 190, 180));
    market.trade(1, 191);
    assert_eq!(market.woken(), []);
    market.trade(1, 188);
    assert_eq!((market.woken(), market.sleeping()), (vec![(upper, 4)], vec![(lower, 185, 5)]));
    assert_eq!(market.resting(Side::Sell), [(upper, 180, 4)]);
}

#[test]
fn a_stop_that_is_met_already_wakes_at_once() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 1, 210);
    let early = market.stop_buy(ANNA, 1, 200, 200);
    assert_eq!(market.sleeping(), [(early, 200, 1)], "a resting order is no trade");
    market.cancel(PIA, ask);
    market.trade(1, 198);
    let stop = market.stop_buy(ANNA, 5, 198, 205);
    assert_eq!((market.woken(), market.resting(Side::Buy)), (vec![(stop, 5)], vec![(stop, 205, 5)]));
    let answers: Vec<_> = market.out.reports.iter().map(|report| report.answers.is_some()).collect();
    assert_eq!(answers, [true, true]);
    let stop = market.stop_sell(PIA, 5, 198, 215);
    assert_eq!(market.woken(), [(stop, 5)]);
}

#[test]
fn a_woken_stop_is_an_order_of_its_kind() {
    let plain = Market::new().bid(5, 210);
    let (market, stop, ask) = wake(NewOrder { kind: OrderKind::Market, ..plain });
    assert_eq!(market.trades()[1..], [(ask, 205, 3)]);
    assert_eq!(market.ended(), [(stop, 2, CancelReason::Market)]);
    let (market, stop, _) = wake(NewOrder { time_in_force: TimeInForce::Fok, ..plain });
    assert_eq!(market.ended(), [(stop, 5, CancelReason::Fok)]);
    let (market, stop, _) = wake(NewOrder { min_units: 4, ..plain });
    assert_eq!(market.ended(), [(stop, 5, CancelReason::MinUnits)]);
    let (market, stop, ask) = wake(NewOrder { shown: 1, ..plain });
    assert_eq!(market.trades()[1..], [(ask, 205, 3)]);
    assert_eq!((market.shown(Side::Buy), market.ended()), (vec![(stop, 210, 1)], vec![]));
}

#[test]
fn a_post_only_stop_ends_if_it_would_trade() {
    let plain = Market::new().bid(5, 210);
    let (market, stop, _) = wake(NewOrder { post_only: true, ..plain });
    assert_eq!(market.ended(), [(stop, 5, CancelReason::PostOnly)]);
    let (market, stop, _) = wake(NewOrder { post_only: true, price: 204, ..plain });
    assert_eq!(market.resting(Side::Buy), [(stop, 204, 5)]);
    // One that is met at entry is not refused: it was a stop, and it has woken.
    let mut market = Market::new();
    market.trade(1, 200);
    market.sell(PIA, 3, 205);
    let stop = market.place(ANNA, NewOrder { post_only: true, trigger: Some(200), ..plain });
    assert_eq!(market.ended(), [(stop, 5, CancelReason::PostOnly)]);
}

#[test]
fn a_woken_stop_does_not_trade_with_its_own_account() {
    let mut market = Market::new();
    market.trade(1, 190);
    let own = market.sell(PIA, 3, 205);
    let stop = market.stop_buy(PIA, 5, 200, 210);
    let terms = NewOrder { self_trade: SelfTrade::CancelResting, trigger: Some(200), ..market.bid(5, 210) };
    let other = market.place(PIA, terms);
    market.trade(1, 200);
    let self_trade = CancelReason::SelfTrade;
    assert_eq!(market.ended(), [(stop, 5, self_trade), (own, 3, self_trade)]);
    assert_eq!(market.resting(Side::Buy), [(other, 210, 5)]);
}

#[test]
fn a_stop_reserves_when_it_is_sent() {
    let mut market = Market::unfunded(example_class());
    market.fund(ANNA, 11_011_000);
    market.fund(BEN, 10_000_000);
    market.deposit(PIA, 10, 1);
    let stop = market.stop_buy(ANNA, 5, 210, 220);
    market.buy(ANNA, 1, 1);
    assert_eq!(market.refused().map(|refused| refused.0), Some(RejectCode::NotEnoughCash));
    let ask = market.sell(PIA, 5, 220);
    market.trade(1, 210);
    assert_eq!((market.woken(), market.trades()[1]), (vec![(stop, 5)], (ask, 220, 5)));
    assert_eq!(market.cash(ANNA), (0, 0));
}

#[test]
fn a_sleeping_stop_can_be_cancelled() {
    let mut market = Market::new();
    let by_slot = market.stop_buy(ANNA, 5, 210, 220);
    let by_number = market.stop_buy(ANNA, 6, 210, 220);
    let number = market.number(ANNA, Lane::Orders);
    market.cancel(ANNA, by_slot);
    assert_eq!((market.ended(), market.told()), (vec![(by_slot, 5, CancelReason::Owner)], vec![]));
    market.send(ANNA, Command::Cancel(OrderRef::Number(number)));
    assert_eq!(market.ended(), [(by_number, 6, CancelReason::Owner)]);
    assert_eq!(market.cash(ANNA).1, 0);
    market.trade(1, 210);
    assert_eq!(market.woken(), []);
}

#[test]
fn a_replaced_stop_sleeps_on() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 1, 225);
    let terms = NewOrder { min_units: 4, trigger: Some(210), ..market.bid(5, 220) };
    let stop = market.place(ANNA, terms);
    market.replace(ANNA, stop, 3, 230);
    assert_eq!(market.refused(), Some((RejectCode::MinUnitsOutOfRange, 4)));
    market.replace(ANNA, stop, 7, 230);
    assert_eq!((market.kept_priority(), market.told()), (Some(true), vec![]));
    assert_eq!(market.sleeping(), [(stop, 210, 7)]);
    // 7 units at 2.30 and a thousandth of that.
    assert_eq!(market.cash(ANNA).1, 16_116_100);
    market.sell(PIA, 6, 230);
    market.trade(1, 210);
    assert_eq!(market.trades()[1], (ask, 225, 1));
    assert_eq!(market.resting(Side::Buy), []);
}

#[test]
fn the_gate_ends_sleeping_stops() {
    let mut market = Market::new();
    let sells = [180, 190].map(|trigger| market.stop_sell(PIA, 1, trigger, 100));
    let buys = [220, 210, 210].map(|trigger| market.stop_buy(ANNA, 1, trigger, 220));
    let (ask, bid) = (market.sell(PIA, 1, 200), market.buy(ANNA, 1, 195));
    market.clock(market.gate());
    let ended: Vec<OrderId> = market.ended().into_iter().map(|(order, ..)| order).collect();
    assert_eq!(ended, [bid, ask, buys[1], buys[2], buys[0], sells[1], sells[0]]);
    assert!(market.ended().iter().all(|(.., reason)| *reason == CancelReason::Gate));
    assert!(matches!(
        market.told()[..],
        [MarketBody::Phase(_), MarketBody::Delete(_), MarketBody::Delete(_)]
    ));
    assert_eq!((market.cash(ANNA).1, market.units(PIA).1), (0, 0));
}

#[test]
fn a_dead_stop_does_not_wake() {
    let mut market = Market::new();
    let moment = Market::after(10);
    let time_in_force = TimeInForce::Gtd(moment);
    let stop = market.place(ANNA, NewOrder { time_in_force, trigger: Some(210), ..market.bid(5, 220) });
    market.time = moment;
    market.trade(1, 210);
    assert_eq!((market.woken(), market.ended()), (vec![], vec![(stop, 5, CancelReason::Expired)]));
}

/// Pia asks 3 at 2.05, Anna sends a stop with trigger 2.00, and then the contract trades at 2.00.
fn wake(terms: NewOrder) -> (Market, OrderId, OrderId) {
    let mut market = Market::new();
    market.trade(1, 190);
    let ask = market.sell(PIA, 3, 205);
    let stop = market.place(ANNA, NewOrder { trigger: Some(200), ..terms });
    market.trade(1, 200);
    assert_eq!(market.woken(), [(stop, terms.units)]);
    (market, stop, ask)
}
