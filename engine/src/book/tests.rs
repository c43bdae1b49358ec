//! The book against a naive one, and the classic defects by name.

#![allow(clippy::cast_possible_truncation, reason = "the numbers drawn here are small")]

use super::*;
use std::fmt::Debug;

/// A book as plain as can be: orders in the order they came.
#[derive(Default)]
struct Naive(Vec<Order>);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Order {
    id: OrderId,
    slot: SlotHint,
    owner: u32,
    side: Side,
    price: Ticks,
    left: Units,
}

impl Naive {
    /// Where the first order of a side is, best price first.
    fn first(&self, side: Side) -> Option<usize> {
        let orders = self.0.iter().enumerate().filter(|(_, order)| order.side == side);
        orders.min_by_key(|(at, order)| (!key(side, order.price), *at)).map(|(at, _)| at)
    }

    fn take(&mut self, side: Side, limit: Ticks, units: Units, owner: u32) -> (Vec<Fill>, Taken) {
        let (mut fills, mut left) = (Vec::new(), units);
        while left > 0
            && let Some(at) = self.first(side.opposite())
        {
            let maker = &mut self.0[at];
            if key(maker.side, maker.price) < key(maker.side, limit) {
                break;
            }
            if maker.owner == owner {
                return (fills, Taken { left, met_own: true });
            }
            let traded = left.min(maker.left);
            maker.left -= traded;
            left -= traded;
            let Order { id, slot, owner, price, left: rest, .. } = *maker;
            fills.push(Fill { maker: id, slot, owner, price, units: traded, left: rest });
            if rest == 0 {
                self.0.remove(at);
            }
        }
        (fills, Taken { left, met_own: false })
    }

    fn depth_at(&self, side: Side, price: Ticks) -> u64 {
        let there = self.0.iter().filter(|order| order.side == side && order.price == price);
        there.map(|order| u64::from(order.left)).sum()
    }

    fn slots(&self, side: Side) -> Vec<SlotHint> {
        let mut orders: Vec<&Order> = self.0.iter().filter(|order| order.side == side).collect();
        orders.sort_by_key(|order| !key(side, order.price));
        orders.iter().map(|order| order.slot).collect()
    }
}

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn units(&mut self, bound: u64) -> Units {
        Units::try_from(1 + self.below(bound)).unwrap()
    }
}

/// The two books side by side.
struct Pair {
    seed: u64,
    rng: Rng,
    book: Book,
    slab: Slab,
    naive: Naive,
    next: OrderId,
    /// The middle of the prices, how far they spread, how the middle walks, and how many orders are wanted.
    middle: i64,
    spread: u64,
    step: i64,
    wanted: usize,
    /// How often the book was seen hot, thin, and with levels outside of its window.
    seen: [u64; 3],
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let mut slab = Slab::new();
        // Another book's order, so that slots and ids do not coincide.
        Book::default().rest(&mut slab, u64::MAX, 0, Side::Buy, 1, 1);
        let (rng, naive) = (Rng(seed), Naive::default());
        Pair {
            seed,
            rng,
            book: Book::default(),
            slab,
            naive,
            next: 0,
            middle: 0,
            spread: 1,
            step: 0,
            wanted: 1,
            seen: [0; 3],
        }
    }

    fn same<T: PartialEq + Debug>(&self, what: &str, is: T, should: T) {
        assert_eq!(is, should, "{what}: seed {}, order {}", self.seed, self.next);
    }

    /// Another kind of market.
    fn turn(&mut self) {
        let any = self.rng.next().cast_signed();
        self.middle = match self.rng.below(8) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => any,
            3 => any >> 20,
            _ => self.middle,
        };
        self.spread = [1, 4, 40, 300, 5_000, 200_000, 400_000, 1 << 40, u64::MAX][self.rng.below(9) as usize];
        self.step = [0, 0, 1, -1, 50, -50, 3_000, -3_000, 1 << 33][self.rng.below(9) as usize];
        self.wanted = [0, 3, 6, 12, 40, 150, 300][self.rng.below(7) as usize];
    }

    fn price(&mut self) -> Ticks {
        let away = self.rng.next() % self.spread;
        self.middle.wrapping_add_unsigned(away)
    }

    fn act(&mut self) {
        self.middle = self.middle.saturating_add(self.step);
        let many = self.naive.0.len() > self.wanted;
        match self.rng.below(20) {
            0..2 => self.reduce(),
            2..12 if many => self.remove(),
            2..8 => self.order(false),
            8..10 => self.order(true),
            10..12 => self.remove(),
            _ => self.order(many),
        }
        self.compare();
    }

    fn order(&mut self, sweeps: bool) {
        let side = [Side::Buy, Side::Sell][self.rng.below(2) as usize];
        let (price, units) = (self.price(), self.rng.units(if sweeps { 300 } else { 20 }));
        let owner = self.rng.units(12);
        self.next += 1;
        let reach = self.naive_reach(side, price, owner);
        for (own, reach) in [(Own::Stops, reach[0]), (Own::Absent, reach[1])] {
            let can = self.book.can_fill(&self.slab, side, price, units, owner, own);
            self.same("can be filled", can, reach >= u64::from(units));
        }
        let mut fills = Vec::new();
        let taken = self.book.take(&mut self.slab, side, price, units, owner, &mut fills);
        let should = self.naive.take(side, price, units, owner);
        self.same("fills", (fills, taken), should);
        if taken.left > 0 && !taken.met_own {
            let slot = self.book.rest(&mut self.slab, self.next, owner, side, price, taken.left);
            let order = Order { id: self.next, slot, owner, side, price, left: taken.left };
            self.same("a free slot", self.naive.0.iter().any(|other| other.slot == slot), false);
            self.naive.0.push(order);
        }
    }

    /// How many units are there until the first own order, and in all without own ones.
    fn naive_reach(&self, side: Side, limit: Ticks, owner: u32) -> [u64; 2] {
        let against = side.opposite();
        let mut reach = [0; 2];
        let mut met = false;
        for slot in self.naive.slots(against) {
            let order = self.naive.0.iter().find(|order| order.slot == slot).unwrap();
            if key(against, order.price) < key(against, limit) {
                break;
            }
            met |= order.owner == owner;
            if order.owner != owner {
                reach[1] += u64::from(order.left);
                reach[0] += if met { 0 } else { u64::from(order.left) };
            }
        }
        reach
    }

    fn pick(&mut self) -> Option<usize> {
        let count = self.naive.0.len() as u64;
        (count > 0).then(|| self.rng.below(count) as usize)
    }

    fn remove(&mut self) {
        let Some(at) = self.pick() else { return };
        let order = self.naive.0.remove(at);
        let node = *self.slab.get(order.slot, order.id).expect("it rests");
        let is = Order {
            id: node.id,
            slot: order.slot,
            owner: node.owner,
            side: node.side(),
            price: node.price,
            left: node.left,
        };
        self.same("the order", is, order);
        self.book.remove(&mut self.slab, order.slot);
        self.same("gone", self.slab.get(order.slot, order.id).is_none(), true);
    }

    fn reduce(&mut self) {
        let Some(at) = self.pick() else { return };
        let left = self.rng.units(u64::from(self.naive.0[at].left));
        self.naive.0[at].left = left;
        self.book.reduce(&mut self.slab, self.naive.0[at].slot, left);
    }

    fn compare(&mut self) {
        for side in [Side::Buy, Side::Sell] {
            let first = self.naive.first(side).map(|at| self.naive.0[at]);
            self.same("best", self.book.best(side), first.map(|order| order.price));
            self.same("first", self.book.first(side), first.map(|order| order.slot));
        }
        self.same("how many", self.book.len(), self.naive.0.len());
        self.same("how many rest", self.slab.len(), self.naive.0.len() + 1);
        match &self.book.0 {
            Form::Thin(_) => self.seen[0] += 1,
            Form::Hot(hot) => {
                self.seen[1] += 1;
                self.seen[2] += u64::from(hot.has_far());
            }
        }
        if self.rng.below(16) == 0 {
            self.compare_all();
        }
    }

    fn compare_all(&mut self) {
        self.same("in order", self.book.check(&self.slab), Ok(()));
        for side in [Side::Buy, Side::Sell] {
            let slots: Vec<SlotHint> = self.book.slots(&self.slab, side).collect();
            self.same("queue", slots, self.naive.slots(side));
            let at = self.pick().map(|at| self.naive.0[at].price);
            let price = at.unwrap_or_else(|| self.price());
            let depth = self.book.depth_at(&self.slab, side, price);
            self.same("depth", depth, self.naive.depth_at(side, price));
        }
    }
}

/// How many operations, in streams of 20,000.
const OPERATIONS: u64 = 1_000_000;

#[test]
fn does_what_a_naive_book_does() {
    let mut seen = [0; 3];
    for seed in 0..OPERATIONS / 20_000 {
        let mut pair = Pair::new(seed);
        for op in 0..20_000 {
            if op % 400 == 0 {
                pair.turn();
            }
            pair.act();
        }
        (0..3).for_each(|form| seen[form] += pair.seen[form]);
    }
    let few = OPERATIONS / 100;
    assert!(seen.iter().all(|&times| times > few), "thin, hot and far were seen only {seen:?} times");
}

/// A book to be driven by hand: owners all differ.
#[derive(Default)]
struct Hand {
    book: Book,
    slab: Slab,
    next: OrderId,
}

impl Hand {
    /// In both forms: thin, and hot because orders far away rest as well.
    fn both(test: impl Fn(Hand)) {
        test(Hand::default());
        let mut hot = Hand::default();
        for away in 0..10 {
            hot.book.rest(&mut hot.slab, 1_000 + away, 0, Side::Buy, -1_000_000 - away.cast_signed(), 1);
            hot.book.rest(&mut hot.slab, 2_000 + away, 0, Side::Sell, 1_000_000 + away.cast_signed(), 1);
        }
        assert!(matches!(hot.book.0, Form::Hot(_)));
        test(hot);
    }

    fn rest(&mut self, side: Side, price: Ticks, units: Units) -> SlotHint {
        self.next += 1;
        let owner = u32::try_from(self.next).unwrap();
        self.book.rest(&mut self.slab, self.next, owner, side, price, units)
    }

    fn remove(&mut self, slot: SlotHint) {
        self.book.remove(&mut self.slab, slot);
        self.book.check(&self.slab).unwrap();
    }

    /// Maker, price and units of each fill, and what is left.
    fn take(&mut self, side: Side, limit: Ticks, units: Units) -> (Vec<(OrderId, Ticks, Units)>, Units) {
        let mut fills = Vec::new();
        let taken = self.book.take(&mut self.slab, side, limit, units, u32::MAX, &mut fills);
        self.book.check(&self.slab).unwrap();
        (fills.iter().map(|fill| (fill.maker, fill.price, fill.units)).collect(), taken.left)
    }
}

#[test]
fn best_price_first_then_first_come_and_never_past_the_limit() {
    Hand::both(|mut hand| {
        for (price, units) in [(11, 1), (10, 2), (10, 3), (12, 4)] {
            hand.rest(Side::Sell, price, units);
        }
        assert_eq!(hand.take(Side::Buy, 11, 7), (vec![(2, 10, 2), (3, 10, 3), (1, 11, 1)], 1));
        assert_eq!(hand.book.best(Side::Sell), Some(12));
    });
}

#[test]
fn head_middle_and_tail_of_a_level_can_go_before_a_sweep() {
    Hand::both(|mut hand| {
        let slots: Vec<SlotHint> = (0..5).map(|_| hand.rest(Side::Buy, 7, 1)).collect();
        [0, 2, 4].into_iter().for_each(|gone| hand.remove(slots[gone]));
        assert_eq!(hand.take(Side::Sell, 7, 9), (vec![(2, 7, 1), (4, 7, 1)], 7));
    });
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
fn a_sweep_may_end_exactly_on_a_boundary_and_its_rest_becomes_the_best() {
    Hand::both(|mut hand| {
        for away in 0..3 {
            hand.rest(Side::Sell, 10 + away, 5);
        }
        assert_eq!(hand.take(Side::Buy, 12, 10).1, 0);
        assert_eq!(hand.book.best(Side::Sell), Some(12));
        let (fills, left) = hand.take(Side::Buy, 12, 8);
        assert_eq!((fills, left), (vec![(3, 12, 5)], 3));
        hand.rest(Side::Buy, 12, left);
        assert_eq!(hand.book.best(Side::Buy), Some(12));
        assert_eq!(hand.take(Side::Sell, 1, 2), (vec![(4, 12, 2)], 0));
    });
}

#[test]
fn a_partly_filled_or_reduced_maker_keeps_its_place() {
    Hand::both(|mut hand| {
        let first = hand.rest(Side::Sell, 5, 10);
        hand.rest(Side::Sell, 5, 10);
        hand.book.reduce(&mut hand.slab, first, 4);
        assert_eq!(hand.book.depth_at(&hand.slab, Side::Sell, 5), 14);
        assert_eq!(hand.take(Side::Buy, 5, 3), (vec![(1, 5, 3)], 0));
        assert_eq!(hand.take(Side::Buy, 5, 3), (vec![(1, 5, 1), (2, 5, 2)], 0));
    });
}

#[test]
fn a_best_level_that_empties_by_cancel_is_gone_at_once() {
    Hand::both(|mut hand| {
        let best = hand.rest(Side::Buy, 9, 1);
        hand.rest(Side::Buy, 8, 1);
        hand.remove(best);
        assert_eq!(hand.book.best(Side::Buy), Some(8));
        assert_eq!(hand.take(Side::Sell, 9, 1), (vec![], 1));
    });
}

#[test]
fn an_order_stops_before_its_own() {
    Hand::both(|mut hand| {
        hand.rest(Side::Sell, 5, 1);
        let own = hand.rest(Side::Sell, 5, 1);
        let mut fills = Vec::new();
        let taken = hand.book.take(&mut hand.slab, Side::Buy, 5, 2, 2, &mut fills);
        assert_eq!((taken, fills.len()), (Taken { left: 1, met_own: true }, 1));
        assert_eq!(hand.book.first(Side::Sell), Some(own));
    });
}

#[test]
fn prices_at_both_ends_of_the_range() {
    Hand::both(|mut hand| {
        hand.rest(Side::Buy, i64::MIN, 1);
        hand.rest(Side::Sell, i64::MAX, 2);
        assert_eq!(hand.book.depth_at(&hand.slab, Side::Buy, i64::MIN), 1);
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
fn a_book_is_96_bytes() {
    assert_eq!(size_of::<Book>(), 96);
}
