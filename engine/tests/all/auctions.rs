//! Auctions, rule by rule: openings, what gathers in a call, and how it ends.

use engine::{INDICATIVE_ORDERS_MAX, WORK_PER_COMMAND};
use types::{
    CancelReason, ClassSpec, Command, ContractId, Hour, MarketBody, MarketEntry, NewOrder, OrderKind, Phase,
    RejectCode, ReportBody, SECOND_NANOS, Scope, SelfTrade, Side, TimeInForce, Timestamp,
};

use super::market::{ANNA, BEN, MORNING, Market, PIA, auction_class, banded_class, example_class};

#[test]
fn a_contract_opens_by_an_auction() {
    let mut market = Market::unfunded(auction_class());
    for who in [ANNA, BEN, PIA] {
        market.fund(who, super::market::DOLLARS_1000);
    }
    assert_eq!(
        market.checked.engine.next_deadline(),
        None,
        "an opening that nobody has touched costs nothing"
    );
    market.deposit(PIA, 100, 1);
    assert_eq!(market.phases(), [Phase::PreOpen]);
    let (bid, ask) = (market.buy(ANNA, 10, 210), market.sell(PIA, 6, 190));
    assert_eq!((market.resting(Side::Buy), market.trades()), (vec![(bid, 210, 10)], vec![]));
    assert_eq!(market.checked.engine.next_deadline(), Some(Market::after(5)));
    market.clock(Market::after(5));
    assert_eq!(market.phases(), [Phase::Auction]);
    market.clock(Timestamp(Market::after(15).0 - 1));
    assert_eq!((market.phases(), market.indicated()), (vec![], vec![(190, 6)]));
    market.clock(Market::after(15));
    let told = market.told();
    let (price, units) = (190, 6);
    let entry = |order, side, price, units| MarketEntry { order, side, price, units };
    assert_eq!(
        told,
        [
            MarketBody::AuctionTrade { price, units },
            MarketBody::Reduce(entry(bid, Side::Buy, 210, 4)),
            MarketBody::Delete(entry(ask, Side::Sell, 190, 6)),
            MarketBody::Phase(Phase::Continuous),
        ]
    );
    let fills = market.out.reports.iter().map(|report| match report.body {
        ReportBody::Filled { order, price, units, left, fee, maker, .. } => {
            (order, price, units, left, fee, maker)
        }
        other => panic!("{other:?}"),
    });
    // The value is 11.40, a thousandth of it 0.0114; the buyer is told first, and both rested.
    assert_eq!(fills.collect::<Vec<_>>(), [(bid, 190, 6, 4, 11_400, true), (ask, 190, 6, 0, 11_400, true)]);
    // 4 at 2.10 and a thousandth of that are held.
    assert_eq!(market.cash(ANNA), (1_000_000_000 - 11_411_400 - 8_408_400, 8_408_400));
    assert_eq!(market.cash(PIA).0, 1_000_000_000 + 11_400_000 - 11_400);
}

#[test]
fn a_contract_touched_after_its_opening_is_continuous() {
    let mut market = Market::unfunded(auction_class());
    market.time = Market::after(15);
    market.deposit(PIA, 100, 1);
    assert_eq!(market.phases(), []);
    assert_eq!(market.checked.engine.next_deadline(), Some(market.gate()));
    let mut market = Market::unfunded(auction_class());
    market.time = Timestamp(Market::after(15).0 - 1);
    market.deposit(PIA, 100, 1);
    assert_eq!(market.phases(), [Phase::Auction]);
    assert_eq!(market.checked.engine.next_deadline(), Some(Market::after(15)));
}

#[test]
fn one_jump_of_the_clock_goes_through_an_opening() {
    let mut market = Market::of(auction_class());
    market.buy(ANNA, 1, 200);
    market.sell(PIA, 1, 200);
    market.clock(Market::after(20));
    assert_eq!(market.phases(), [Phase::Auction, Phase::Continuous]);
    assert_eq!(market.auctioned(), [(200, 1)]);
}

#[test]
fn in_a_call_only_orders_that_can_gather_are_taken() {
    let mut market = Market::of(auction_class());
    let plain = market.bid(10, 200);
    let moment = Market::after(60);
    for phase in [Phase::PreOpen, Phase::Auction] {
        for bad in [
            NewOrder { time_in_force: TimeInForce::Ioc, ..plain },
            NewOrder { time_in_force: TimeInForce::Fok, ..plain },
            NewOrder { min_units: 1, ..plain },
            NewOrder { shown: 5, ..plain },
            NewOrder { post_only: true, ..plain },
            NewOrder { trigger: Some(210), ..plain },
            NewOrder { kind: OrderKind::Market, time_in_force: TimeInForce::Ioc, ..plain },
        ] {
            market.place(ANNA, bad);
            assert_eq!(
                market.refused(),
                Some((RejectCode::WrongPhase, i64::from(phase.number()))),
                "{bad:?}"
            );
        }
        for good in [
            plain,
            NewOrder { time_in_force: TimeInForce::Gtd(moment), ..plain },
            NewOrder { kind: OrderKind::Market, ..plain },
            NewOrder { self_trade: SelfTrade::Decrement, ..plain },
        ] {
            market.place(ANNA, good);
            assert_eq!(market.refused(), None, "{good:?}");
        }
        market.clock(Market::after(5));
    }
}

#[test]
fn orders_can_be_cancelled_and_replaced_in_a_call() {
    let mut market = Market::of(auction_class());
    let (first, second) = (market.buy(ANNA, 5, 200), market.buy(BEN, 5, 200));
    market.sell(PIA, 6, 190);
    market.replace(ANNA, first, 6, 200);
    assert_eq!((market.kept_priority(), market.trades()), (Some(false), vec![]), "nothing matches");
    market.replace(BEN, second, 4, 200);
    assert_eq!(market.kept_priority(), Some(true));
    assert_eq!(market.resting(Side::Buy), [(second, 200, 4), (first, 200, 6)]);
    market.cancel(BEN, second);
    assert_eq!(market.ended(), [(second, 4, CancelReason::Owner)]);
    market.clock(Market::after(15));
    assert_eq!(market.auctioned(), [(190, 6)]);
}

#[test]
fn an_order_of_another_kind_can_only_be_cancelled_in_a_call() {
    let mut market = Market::of(banded_class());
    market.trade(1, 200);
    let iceberg = market.place(ANNA, NewOrder { shown: 2, ..market.bid(9, 190) });
    let stop = market.stop_buy(ANNA, 5, 210, 215);
    market.call();
    for order in [iceberg, stop] {
        market.replace(ANNA, order, 8, 191);
        assert_eq!(market.refused(), Some((RejectCode::WrongPhase, 1)));
        market.cancel(ANNA, order);
        assert_eq!(market.refused(), None);
    }
}

#[test]
fn a_trade_in_an_auction_is_by_price_then_time() {
    let mut market = Market::of(auction_class());
    let [late, early, best] = [(ANNA, 4, 200), (BEN, 4, 200), (ANNA, 2, 210)]
        .map(|(who, units, price)| market.buy(who, units, price));
    market.replace(ANNA, late, 5, 200);
    let asks = [(3, 195), (4, 190)].map(|(units, price)| market.sell(PIA, units, price));
    market.clock(Market::after(15));
    // 7 trade from 1.95 to 2.00, with bids left over at each of them.
    let fills = market.out.reports.iter().filter_map(|report| match report.body {
        ReportBody::Filled { order, counter, units, side: Side::Buy, .. } => Some((order, counter, units)),
        _ => None,
    });
    assert_eq!(
        fills.collect::<Vec<_>>(),
        [(best, asks[1], 2), (early, asks[1], 2), (early, asks[0], 2), (late, asks[0], 1)]
    );
    assert_eq!(market.auctioned(), [2, 2, 2, 1].map(|units| (195, units)));
    assert_eq!(market.resting(Side::Buy), [(late, 200, 4)]);
}

#[test]
fn icebergs_take_part_with_all_they_have() {
    let mut market = Market::of(banded_class());
    market.trade(1, 200);
    let iceberg = market.place(PIA, NewOrder { shown: 3, ..market.ask(10, 205) });
    let behind = market.sell(PIA, 5, 205);
    market.call();
    market.buy(ANNA, 8, 205);
    market.end_call();
    // It keeps its place, gives up hidden units first, and the public sees less of it only at last.
    assert_eq!(market.auctioned(), [(205, 8)]);
    assert_eq!(market.shown(Side::Sell), [(iceberg, 205, 2), (behind, 205, 5)]);
    let reduced = MarketEntry { order: iceberg, side: Side::Sell, price: 205, units: 2 };
    assert!(market.told().contains(&MarketBody::Reduce(reduced)));
}

#[test]
fn an_account_trades_with_itself_in_an_auction() {
    let mut market = Market::of(auction_class());
    market.buy(PIA, 5, 200);
    let ask = market.place(PIA, NewOrder { self_trade: SelfTrade::CancelBoth, ..market.ask(7, 200) });
    market.clock(Market::after(15));
    assert_eq!((market.auctioned(), market.resting(Side::Sell)), (vec![(200, 5)], vec![(ask, 200, 2)]));
    // She has paid the fee twice, and her units are her own again.
    assert_eq!((market.cash(PIA), market.units(PIA)), ((1_000_000_000 - 20_000, 0), (98, 2)));
}

#[test]
fn an_order_takes_part_if_its_moment_is_later_than_the_end_of_the_call() {
    let mut market = Market::of(auction_class());
    let till = |moment| TimeInForce::Gtd(moment);
    let end = Market::after(15);
    let over = market.place(ANNA, NewOrder { time_in_force: till(end), ..market.bid(2, 210) });
    market.place(ANNA, NewOrder { time_in_force: till(Timestamp(end.0 + 1)), ..market.bid(3, 200) });
    market.sell(PIA, 5, 200);
    market.clock(end);
    assert_eq!(market.ended(), [(over, 2, CancelReason::Expired)]);
    assert_eq!(market.auctioned(), [(200, 3)]);
}

#[test]
fn stops_sleep_in_a_call_and_wake_by_its_price() {
    let mut market = Market::of(banded_class());
    market.trade(1, 200);
    let met = market.stop_buy(BEN, 2, 205, 215);
    let not_met = market.stop_buy(BEN, 2, 206, 215);
    market.call();
    market.buy(ANNA, 5, 205);
    market.sell(PIA, 6, 205);
    market.end_call();
    assert_eq!((market.auctioned(), market.phases()), (vec![(205, 5)], vec![Phase::Continuous]));
    // It wakes after the auction and buys what is left.
    assert_eq!((market.woken(), market.trades().len()), (vec![(met, 2)], 1));
    assert_eq!(market.sleeping(), [(not_met, 206, 2)]);
}

#[test]
fn a_large_auction_takes_several_commands_and_freezes_its_contract() {
    let mut market = Market::of(auction_class());
    market.deposit(PIA, 1_000, 2);
    let bids: Vec<_> = (0..300).map(|_| market.buy(ANNA, 1, 200)).collect();
    for _ in 0..300 {
        market.sell(PIA, 1, 200);
    }
    let market_order = NewOrder { kind: OrderKind::Market, ..market.bid(1, 199) };
    let left = market.place(ANNA, market_order);
    market.clock(Market::after(15));
    // Two phases, and 254 of 300 pairs are weighed.
    assert_eq!((market.auctioned().len(), market.checked.engine.has_pending()), (0, true));
    let frozen = Some((RejectCode::Uncrossing, i64::from(market.contract.0)));
    market.buy(ANNA, 1, 200);
    assert_eq!(market.refused(), frozen);
    market.replace(ANNA, bids[7], 2, 200);
    assert_eq!(market.refused(), frozen);
    market.cancel(ANNA, bids[7]);
    assert_eq!(market.refused(), frozen);
    // A mass cancel does what comes before it: 46 pairs, the price, 209 trades.
    market.mass_cancel(ANNA, Scope::All, None);
    assert_eq!((market.auctioned().len(), market.ended().len()), (209, 0));
    // 91 trades, the end of the market order, the last step; then the mass cancel finds nothing.
    market.say(Command::Continue);
    assert_eq!((market.auctioned().len(), market.ended()), (91, vec![(left, 1, CancelReason::Market)]));
    assert_eq!((market.phases(), market.done()), (vec![Phase::Continuous], vec![0]));
    assert!(!market.checked.engine.has_pending());
}

#[test]
fn orders_elsewhere_go_on_with_an_auction() {
    let mut market = Market::of(auction_class());
    for _ in 0..WORK_PER_COMMAND + 40 {
        market.deposit(PIA, 2, 100 + market.number(PIA, types::Lane::Orders));
        market.buy(ANNA, 1, 200);
        market.sell(PIA, 1, 200);
    }
    market.clock(Market::after(15));
    let one = market.contract;
    market.contract = ContractId(one.0 - 1);
    market.buy(BEN, 1, 200);
    // 42 pairs, the price, 213 trades.
    assert_eq!((market.refused(), market.auctioned().len()), (None, 213));
}

#[test]
fn after_the_gate_no_auction_is_held() {
    let mut market = Market::of(auction_class());
    let (bid, ask) = (market.buy(ANNA, 5, 210), market.sell(PIA, 5, 200));
    market.clock(market.gate());
    assert_eq!((market.phases(), market.auctioned()), (vec![Phase::Closed], vec![]));
    assert_eq!(market.ended(), [(bid, 5, CancelReason::Gate), (ask, 5, CancelReason::Gate)]);
}

#[test]
fn an_auction_under_way_at_the_gate_is_dropped() {
    let mut market = Market::of(ClassSpec { auction_seconds: 120, ..example_class() });
    market.deposit(PIA, 1_000, 2);
    market.time = Timestamp(market.gate().0 - 121 * SECOND_NANOS);
    market.call();
    for _ in 0..300 {
        market.buy(ANNA, 1, 200);
        market.sell(PIA, 1, 200);
    }
    market.end_call();
    assert!(market.checked.engine.has_pending() && market.auctioned().is_empty());
    market.time = market.gate();
    market.say(Command::Continue);
    assert_eq!((market.auctioned(), market.checked.engine.has_pending()), (vec![], false));
    market.clock(market.gate());
    assert_eq!((market.phases(), market.ended().len()), (vec![Phase::Closed], 255));
}

#[test]
fn a_call_cut_short_by_the_gate_brings_nothing_about() {
    let mut market = Market::of(ClassSpec { auction_seconds: 120, ..example_class() });
    market.time = Timestamp(market.gate().0 - 60 * SECOND_NANOS);
    market.call();
    market.buy(ANNA, 1, 200);
    market.sell(PIA, 1, 200);
    assert_eq!(market.checked.engine.next_deadline(), Some(Timestamp(market.time.0 + SECOND_NANOS)));
    market.clock(market.gate());
    assert_eq!((market.phases(), market.auctioned()), (vec![Phase::Closed], vec![]));
}

/// When the opening of the contract that starts so many hours after ours ends, if it is touched in its call.
fn opening_end(seed: u64, hours: u32) -> Timestamp {
    let spec = ClassSpec { random_seconds: 30, ..auction_class() };
    let mut market = Market::seeded(spec, seed);
    market.contract = market.class.contract(Hour(market.contract.start().0 + hours)).unwrap();
    market.time = Timestamp(market.class.opening_from(market.contract).0);
    market.deposit(PIA, 1, 1);
    assert_eq!(market.phases(), [Phase::Auction]);
    market.checked.engine.next_deadline().unwrap()
}

#[test]
fn the_end_of_a_call_is_random_and_follows_from_the_seed() {
    let ends: Vec<Timestamp> = (0..20).map(|hours| opening_end(77, hours)).collect();
    assert_eq!(ends, (0..20).map(|hours| opening_end(77, hours)).collect::<Vec<_>>());
    let late = |hours: u32, end: Timestamp| end.0 - Hour(MORNING.hour().0 + hours).starts().0;
    let parts: std::collections::BTreeSet<u64> =
        (0..).zip(&ends).map(|(hours, end)| late(hours, *end)).collect();
    let least = 15 * types::MINUTE_NANOS;
    assert!(parts.len() == 20 && parts.iter().all(|part| (least..=least + 30 * SECOND_NANOS).contains(part)));
    assert_ne!(opening_end(78, 0), ends[0]);
    assert_eq!(opening_end(0, 0), Market::after(15), "no seed, no random part");
}

#[test]
fn indicative_prices_are_told_a_second_after_a_change() {
    let mut market = Market::of(auction_class());
    market.buy(ANNA, 5, 210);
    market.clock(Market::after(5));
    let second = |number: u64| Timestamp(Market::after(5).0 + number * SECOND_NANOS);
    assert_eq!(market.checked.engine.next_deadline(), Some(second(1)));
    market.clock(second(1));
    assert_eq!(market.indicated(), [(0, 0)]);
    // Nothing changes, nothing is told.
    market.clock(second(9));
    assert_eq!(
        (market.indicated(), market.checked.engine.next_deadline()),
        (vec![], Some(Market::after(15)))
    );
    market.sell(PIA, 3, 200);
    market.time = Timestamp(second(9).0 + 7);
    market.sell(PIA, 1, 200);
    assert_eq!(market.checked.engine.next_deadline(), Some(second(10)));
    market.clock(second(10));
    assert_eq!(
        (market.indicated(), market.checked.engine.next_deadline()),
        (vec![(200, 4)], Some(Market::after(15)))
    );
}

#[test]
fn an_indicative_price_that_takes_too_long_is_none() {
    let mut market = Market::of(ClassSpec { fee_ppm: 0, ..auction_class() });
    market.deposit(PIA, 20_000, 2);
    let most = INDICATIVE_ORDERS_MAX;
    market.sell(PIA, most + 5, 1);
    for _ in 0..most + 5 {
        market.buy(ANNA, 1, 1);
    }
    market.clock(Market::after(5));
    market.clock(Timestamp(Market::after(5).0 + SECOND_NANOS));
    assert_eq!(market.indicated(), [(0, most)]);
}
