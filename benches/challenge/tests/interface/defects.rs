//! The classic defects of matching engines, each by name, through the C interface.

use crate::library::{Ask, Engine, Queue};
use crate::naive::Told;

const BUY: u8 = 0;
const SELL: u8 = 1;

const ACK: u8 = 0;
const CANCEL_ACK: u8 = 2;
const MODIFY_ACK: u8 = 3;
const CANCEL_REJECT: u8 = 4;
const MODIFY_REJECT: u8 = 5;

fn buy(id: u64, price: i64, units: u32) -> Ask {
    Ask::New { id, side: BUY, price, units }
}

fn sell(id: u64, price: i64, units: u32) -> Ask {
    Ask::New { id, side: SELL, price, units }
}

/// Kind, order, and of a trade price, units and maker.
type Line = (u8, u64, Option<(i64, u32, u64)>);

/// What is told of a message that is not a trade.
fn says(kind: u8, id: u64) -> Line {
    (kind, id, None)
}

/// A trade of the incoming order: price, units, maker.
fn trade(id: u64, price: i64, units: u32, maker: u64) -> Line {
    (1, id, Some((price, units, maker)))
}

/// An engine that has been asked something, the reports thrown away.
fn after(asks: &[Ask]) -> Engine {
    let mut engine = Engine::start(Queue::Own);
    engine.ask(asks);
    engine.reports();
    engine
}

fn told(engine: &mut Engine, asks: &[Ask]) -> Vec<Line> {
    engine.ask(asks);
    engine.reports().iter().map(Told::of).map(|told| (told.kind, told.id, told.trade)).collect()
}

#[test]
fn a_freed_id_is_reusable_at_once() {
    let mut engine = after(&[buy(1, 10, 5)]);
    assert_eq!(
        told(&mut engine, &[Ask::Cancel { id: 1 }, buy(1, 11, 6)]),
        [says(CANCEL_ACK, 1), says(ACK, 1)]
    );
    // Freed by a fill.
    assert_eq!(told(&mut engine, &[sell(2, 11, 6)]), [says(ACK, 2), trade(2, 11, 6, 1)]);
    assert_eq!(told(&mut engine, &[sell(1, 12, 1)]), [says(ACK, 1)]);
    assert_eq!(engine.best(), (i64::MIN, 12));
    // Freed as an order of which nothing may rest.
    let ioc = Ask::Ioc { id: 3, side: BUY, price: 5, units: 1 };
    assert_eq!(
        told(&mut engine, &[ioc, ioc]),
        [says(ACK, 3), says(CANCEL_ACK, 3), says(ACK, 3), says(CANCEL_ACK, 3)]
    );
    assert_eq!(told(&mut engine, &[Ask::Cancel { id: 1 }]), [says(CANCEL_ACK, 1)]);
}

#[test]
fn cancel_or_modify_of_what_was_filled_cancelled_or_never_seen_is_refused() {
    let mut engine = after(&[buy(1, 10, 5), sell(2, 10, 5), buy(4, 9, 1), Ask::Cancel { id: 4 }]);
    for id in [1, 2, 3, 4, u64::MAX - 1, u64::MAX] {
        let modify = Ask::Modify { id, side: SELL, price: 9, units: 1 };
        let refused = [says(CANCEL_REJECT, id), says(MODIFY_REJECT, id)];
        assert_eq!(told(&mut engine, &[Ask::Cancel { id }, modify]), refused);
    }
    assert_eq!(engine.best(), (i64::MIN, i64::MAX));
}

#[test]
fn a_modify_into_the_cross_trades_at_the_makers_price_both_ways_also_when_priced_past_the_maker() {
    for past in [0, 5] {
        let mut engine = after(&[sell(1, 20, 5), buy(2, 10, 3)]);
        let up = Ask::Modify { id: 2, side: BUY, price: 20 + past, units: 4 };
        assert_eq!(told(&mut engine, &[up]), [says(MODIFY_ACK, 2), trade(2, 20, 4, 1)]);
        assert_eq!(engine.depth_at(20, SELL), 1);
        drop(engine);

        let mut engine = after(&[buy(1, 10, 5), sell(2, 20, 3)]);
        let down = Ask::Modify { id: 2, side: SELL, price: 10 - past, units: 9 };
        assert_eq!(told(&mut engine, &[down]), [says(MODIFY_ACK, 2), trade(2, 10, 5, 1)]);
        // Its remainder rests at its own price and can be hit.
        assert_eq!(engine.best(), (i64::MIN, 10 - past));
        assert_eq!(told(&mut engine, &[buy(3, 11, 4)]), [says(ACK, 3), trade(3, 10 - past, 4, 2)]);
    }
}

#[test]
fn a_modify_of_one_of_two_at_a_level_leaves_the_other_and_goes_behind_it() {
    let mut engine = after(&[buy(1, 10, 5), buy(2, 10, 6)]);
    let modify = Ask::Modify { id: 1, side: BUY, price: 10, units: 5 };
    assert_eq!(told(&mut engine, &[modify]), [says(MODIFY_ACK, 1)]);
    assert_eq!(engine.depth_at(10, BUY), 11);
    let fills = [says(ACK, 3), trade(3, 10, 6, 2), trade(3, 10, 1, 1)];
    assert_eq!(told(&mut engine, &[sell(3, 10, 7)]), fills);
}

#[test]
fn trades_are_at_the_makers_price_on_both_sides() {
    let mut engine = after(&[sell(1, 20, 2), buy(2, 10, 2)]);
    assert_eq!(told(&mut engine, &[buy(3, 25, 1)]), [says(ACK, 3), trade(3, 20, 1, 1)]);
    assert_eq!(told(&mut engine, &[sell(4, 5, 1)]), [says(ACK, 4), trade(4, 10, 1, 2)]);
}

#[test]
fn an_ioc_remainder_never_rests() {
    let mut engine = after(&[sell(1, 20, 2)]);
    let ioc = Ask::Ioc { id: 2, side: BUY, price: 20, units: 5 };
    assert_eq!(told(&mut engine, &[ioc]), [says(ACK, 2), trade(2, 20, 2, 1), says(CANCEL_ACK, 2)]);
    assert_eq!(engine.best(), (i64::MIN, i64::MAX));
    assert_eq!(told(&mut engine, &[sell(3, 1, 1)]), [says(ACK, 3)]);
}

#[test]
fn a_partial_fill_then_cancel_or_modify_acts_on_what_is_left() {
    let mut engine = after(&[sell(1, 20, 9), buy(2, 20, 4)]);
    assert_eq!(engine.depth_at(20, SELL), 5);
    assert_eq!(told(&mut engine, &[Ask::Cancel { id: 1 }]), [says(CANCEL_ACK, 1)]);
    assert_eq!((engine.depth_at(20, SELL), engine.best()), (0, (i64::MIN, i64::MAX)));
    drop(engine);

    let mut engine = after(&[sell(1, 20, 9), buy(2, 20, 4)]);
    let modify = Ask::Modify { id: 1, side: SELL, price: 21, units: 6 };
    assert_eq!(told(&mut engine, &[modify]), [says(MODIFY_ACK, 1)]);
    assert_eq!((engine.depth_at(20, SELL), engine.depth_at(21, SELL)), (0, 6));
}

#[test]
fn the_prices_at_both_ends_are_legal() {
    let mut engine = after(&[buy(1, i64::MIN + 1, 1), sell(2, i64::MAX - 1, 1), buy(3, 5, 1)]);
    assert_eq!(engine.best(), (5, i64::MAX - 1));
    assert_eq!(engine.depth_at(i64::MIN + 1, BUY), 1);
    let all = [says(ACK, 4), trade(4, 5, 1, 3), trade(4, i64::MIN + 1, 1, 1)];
    assert_eq!(told(&mut engine, &[sell(4, i64::MIN, 2)]), all);
    assert_eq!(told(&mut engine, &[buy(5, i64::MAX, 1)]), [says(ACK, 5), trade(5, i64::MAX - 1, 1, 2)]);
}

#[test]
fn five_thousand_fills_in_one_sweep() {
    let resting: Vec<Ask> = (0..5_000).map(|at| sell(at, i64::try_from(at / 3).unwrap(), 1)).collect();
    let mut engine = after(&resting);
    let fills = told(&mut engine, &[buy(9_000, 5_000, 5_001)]);
    assert_eq!((fills.len(), fills[0]), (5_001, says(ACK, 9_000)));
    for (at, fill) in fills[1..].iter().enumerate() {
        let at = at as u64;
        assert_eq!(*fill, trade(9_000, i64::try_from(at / 3).unwrap(), 1, at));
    }
    assert_eq!(engine.best(), (5_000, i64::MAX));
}
