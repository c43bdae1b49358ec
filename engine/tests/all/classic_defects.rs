//! The classic defects of matching engines, each by name: what has to do with the book alone on the core book in
//! both of its forms, the rest on the exchange. Those of client ids are tested on the challenge's shim.

use types::{CancelReason, NewOrder, OrderId, RejectCode, Side, SlotHint, Ticks, TimeInForce, Units};

use super::core_book::Hand;
use super::market::{ANNA, BEN, Market, PIA};

#[test]
fn best_price_first_then_first_come() {
    Hand::both(|mut hand| {
        for (price, units) in [(11, 1), (10, 2), (10, 3), (12, 4)] {
            hand.rest(Side::Sell, price, units);
        }
        assert_eq!(hand.take(Side::Buy, 12, 10), (vec![(2, 10, 2), (3, 10, 3), (1, 11, 1), (4, 12, 4)], 0));
    });
}

#[test]
fn a_limit_never_trades_past_its_own_price() {
    Hand::both(|mut hand| {
        hand.rest(Side::Sell, 10, 1);
        hand.rest(Side::Sell, 12, 1);
        hand.rest(Side::Buy, 9, 1);
        hand.rest(Side::Buy, 7, 1);
        assert_eq!(hand.take(Side::Buy, 11, 5), (vec![(1, 10, 1)], 4));
        assert_eq!(hand.take(Side::Sell, 8, 5), (vec![(3, 9, 1)], 4));
        assert_eq!((hand.book.best(Side::Buy), hand.book.best(Side::Sell)), (Some(7), Some(12)));
    });
}

/// Cancels some of five orders at one price; a sweep then meets the others in their order.
fn five_less(gone: &[usize]) {
    Hand::both(|mut hand| {
        let slots: Vec<SlotHint> = (0..5).map(|_| hand.rest(Side::Buy, 7, 1)).collect();
        gone.iter().for_each(|&gone| hand.remove(slots[gone]));
        let left: Vec<(OrderId, Ticks, Units)> =
            (0..5).filter(|at| !gone.contains(at)).map(|at| (at as OrderId + 1, 7, 1)).collect();
        let depth = hand.book.depth_at(&hand.slab, Side::Buy, 7);
        assert_eq!(depth, left.len() as u64);
        assert_eq!(hand.take(Side::Sell, 7, 9), (left, 4 + u32::try_from(gone.len()).unwrap()), "{gone:?}");
    });
}

#[test]
fn cancel_of_the_head_of_a_level_then_a_sweep() {
    five_less(&[0]);
}

#[test]
fn cancel_of_the_middle_of_a_level_then_a_sweep() {
    five_less(&[2]);
}

#[test]
fn cancel_of_the_tail_of_a_level_then_a_sweep() {
    five_less(&[4]);
}

#[test]
fn cancel_of_head_middle_and_tail_in_any_order_then_a_sweep() {
    for gone in [[0, 2, 4], [4, 2, 0], [2, 0, 4], [0, 1, 2], [4, 3, 2], [1, 3, 2]] {
        five_less(&gone);
    }
}

#[test]
fn scattered_cancels_in_a_deep_level_leave_the_others_in_order() {
    let mut hand = Hand::default();
    let slots: Vec<SlotHint> = (0..1_000).map(|_| hand.rest(Side::Sell, 7, 1)).collect();
    let gone = |at: usize| at.is_multiple_of(3) || at.is_multiple_of(7);
    (0..1_000).filter(|&at| gone(at)).for_each(|at| hand.remove(slots[at]));
    let left: Vec<_> = (0..1_000).filter(|&at| !gone(at)).map(|at| (at as OrderId + 1, 7, 1)).collect();
    assert_eq!(hand.take(Side::Buy, 7, 1_000).0, left);
}

#[test]
fn a_sweep_over_several_levels_that_ends_exactly_on_a_boundary() {
    Hand::both(|mut hand| {
        for away in 0..3 {
            hand.rest(Side::Sell, 10 + away, 5);
        }
        assert_eq!(hand.take(Side::Buy, 12, 10), (vec![(1, 10, 5), (2, 11, 5)], 0));
        assert_eq!(hand.book.best(Side::Sell), Some(12));
        assert_eq!(hand.book.depth_at(&hand.slab, Side::Sell, 11), 0);
        assert_eq!(hand.take(Side::Buy, 12, 5), (vec![(3, 12, 5)], 0));
        assert_eq!(hand.take(Side::Buy, 12, 1), (vec![], 1));
    });
}

#[test]
fn the_rest_of_a_sweep_becomes_the_new_best_and_can_be_hit() {
    Hand::both(|mut hand| {
        hand.rest(Side::Sell, 10, 5);
        hand.rest(Side::Buy, 8, 1);
        let (fills, left) = hand.take(Side::Buy, 11, 8);
        assert_eq!((fills, left), (vec![(1, 10, 5)], 3));
        hand.rest(Side::Buy, 11, left);
        assert_eq!(hand.book.best(Side::Buy), Some(11));
        assert_eq!(hand.take(Side::Sell, 1, 4), (vec![(3, 11, 3), (2, 8, 1)], 0));
    });
}

#[test]
fn a_partly_filled_maker_keeps_its_place_across_commands() {
    Hand::both(|mut hand| {
        hand.rest(Side::Sell, 5, 10);
        hand.rest(Side::Sell, 5, 10);
        assert_eq!(hand.take(Side::Buy, 5, 3), (vec![(1, 5, 3)], 0));
        hand.rest(Side::Sell, 5, 10);
        assert_eq!(hand.take(Side::Buy, 5, 3), (vec![(1, 5, 3)], 0));
        assert_eq!(hand.take(Side::Buy, 5, 5), (vec![(1, 5, 4), (2, 5, 1)], 0));
    });
}

#[test]
fn a_partial_fill_then_a_reduction_in_place_or_a_cancel() {
    Hand::both(|mut hand| {
        let first = hand.rest(Side::Sell, 5, 10);
        let second = hand.rest(Side::Sell, 5, 10);
        hand.take(Side::Buy, 5, 3);
        hand.book.reduce(&mut hand.slab, first, 4);
        assert_eq!(hand.book.depth_at(&hand.slab, Side::Sell, 5), 14);
        assert_eq!(hand.take(Side::Buy, 5, 5), (vec![(1, 5, 4), (2, 5, 1)], 0));
        hand.remove(second);
        assert_eq!(hand.take(Side::Buy, 5, 1), (vec![], 1));
    });
}

#[test]
fn a_best_level_that_empties_by_cancel_is_gone_at_once() {
    for side in [Side::Buy, Side::Sell] {
        Hand::both(|mut hand| {
            let (best, next) = if side == Side::Buy { (9, 8) } else { (8, 9) };
            let first = hand.rest(side, best, 1);
            let second = hand.rest(side, best, 1);
            hand.rest(side, next, 1);
            hand.remove(first);
            assert_eq!(hand.book.best(side), Some(best));
            hand.remove(second);
            assert_eq!(hand.book.best(side), Some(next));
            assert_eq!(hand.take(side.opposite(), best, 1), (vec![], 1));
        });
    }
}

#[test]
fn trades_are_at_the_makers_price_on_both_sides() {
    Hand::both(|mut hand| {
        hand.rest(Side::Sell, 20, 2);
        hand.rest(Side::Buy, 10, 2);
        assert_eq!(hand.take(Side::Buy, 25, 1), (vec![(1, 20, 1)], 0));
        assert_eq!(hand.take(Side::Sell, 5, 1), (vec![(2, 10, 1)], 0));
    });
}

#[test]
fn prices_at_both_ends_of_the_range() {
    Hand::both(|mut hand| {
        hand.rest(Side::Buy, i64::MIN, 1);
        hand.rest(Side::Sell, i64::MAX, 2);
        assert_eq!(hand.book.depth_at(&hand.slab, Side::Buy, i64::MIN), 1);
        assert_eq!(hand.book.depth_at(&hand.slab, Side::Sell, i64::MAX), 2);
        assert_eq!(hand.take(Side::Buy, i64::MAX, 100).0.last(), Some(&(2, i64::MAX, 2)));
        assert_eq!(hand.take(Side::Sell, i64::MIN, 100).0.last(), Some(&(1, i64::MIN, 1)));
        assert!(hand.book.is_empty() && hand.slab.is_empty());
    });
}

#[test]
fn five_thousand_fills_in_one_sweep() {
    let mut hand = Hand::default();
    for at in 0..5_000 {
        hand.rest(Side::Sell, at / 3, 1);
    }
    let (fills, left) = hand.take(Side::Buy, 5_000, 5_001);
    assert_eq!((fills.len(), left), (5_000, 1));
    assert!(fills.iter().zip(1..).all(|(fill, id)| fill.0 == id) && hand.book.is_empty());
}

#[test]
fn a_replace_into_the_cross_trades_at_the_makers_price_both_ways_also_when_priced_past_the_maker() {
    for past in [0, 7] {
        let mut market = Market::new();
        let bid = market.buy(ANNA, 5, 190);
        let ask = market.sell(PIA, 3, 200);
        market.replace(ANNA, bid, 5, 200 + past);
        assert_eq!(market.trades(), [(ask, 200, 3)]);
        assert_eq!(market.resting(Side::Buy), [(bid, 200 + past, 2)]);

        let mut market = Market::new();
        let ask = market.sell(PIA, 5, 220);
        let bid = market.buy(ANNA, 3, 200);
        market.replace(PIA, ask, 5, 200 - past);
        assert_eq!(market.trades(), [(bid, 200, 3)]);
        assert_eq!(market.resting(Side::Sell), [(ask, 200 - past, 2)]);
    }
}

#[test]
fn replacing_one_of_two_at_a_level_leaves_the_other() {
    let mut market = Market::new();
    let first = market.buy(ANNA, 5, 200);
    let second = market.buy(BEN, 6, 200);
    market.replace(ANNA, first, 5, 201);
    assert_eq!(market.resting(Side::Buy), [(first, 201, 5), (second, 200, 6)]);
    market.replace(ANNA, first, 7, 200);
    assert_eq!(market.resting(Side::Buy), [(second, 200, 6), (first, 200, 7)]);
    market.sell(PIA, 8, 200);
    assert_eq!(market.trades(), [(second, 200, 6), (first, 200, 2)]);
}

#[test]
fn a_partial_fill_then_cancel_or_replace_acts_on_what_is_left() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 9, 200);
    market.buy(ANNA, 4, 200);
    market.cancel(PIA, ask);
    assert_eq!(market.ended(), [(ask, 5, CancelReason::Owner)]);
    assert_eq!(market.resting(Side::Sell), []);

    let ask = market.sell(PIA, 9, 200);
    market.buy(ANNA, 4, 200);
    market.replace(PIA, ask, 10, 201);
    assert_eq!(market.resting(Side::Sell), [(ask, 201, 6)]);
    market.replace(PIA, ask, 6, 201);
    assert_eq!((market.kept_priority(), market.resting(Side::Sell)), (Some(true), vec![(ask, 201, 2)]));
}

#[test]
fn cancel_or_replace_of_what_was_filled_cancelled_or_never_seen_is_refused() {
    let mut market = Market::new();
    let filled = market.sell(PIA, 3, 200);
    market.buy(ANNA, 3, 200);
    let cancelled = market.sell(PIA, 3, 200);
    market.cancel(PIA, cancelled);
    let bystander = market.sell(PIA, 3, 200);
    for order in [filled, cancelled, 999_999, u64::MAX, 0] {
        market.cancel(PIA, order);
        assert_eq!(market.refused(), Some((RejectCode::UnknownOrder, 0)));
        market.replace(PIA, order, 4, 201);
        assert_eq!(market.refused(), Some((RejectCode::UnknownOrder, 0)));
    }
    assert_eq!(market.resting(Side::Sell), [(bystander, 200, 3)]);
}

#[test]
fn an_ioc_remainder_never_rests() {
    let mut market = Market::new();
    let ask = market.sell(PIA, 2, 200);
    let ioc = NewOrder { time_in_force: TimeInForce::Ioc, ..market.bid(5, 210) };
    let order = market.place(ANNA, ioc);
    assert_eq!((market.trades(), market.ended()), (vec![(ask, 200, 2)], vec![(order, 3, CancelReason::Ioc)]));
    assert_eq!(market.resting(Side::Buy), []);
    market.sell(PIA, 1, 200);
    assert_eq!(market.trades(), []);
}
