//! The book against a naive one.

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
    /// What it shows, what it keeps back, and how much it shows at a time: 0 for all.
    left: Units,
    hidden: Units,
    clip: Units,
    dated: bool,
}

impl Naive {
    /// Where the first order of a side is, best price first.
    fn first(&self, side: Side) -> Option<usize> {
        let orders = self.0.iter().enumerate().filter(|(_, order)| order.side == side);
        orders.min_by_key(|(at, order)| (!key(side, order.price), *at)).map(|(at, _)| at)
    }

    fn take(
        &mut self,
        side: Side,
        limit: Ticks,
        units: Units,
        owner: u32,
        stop_at_dated: bool,
    ) -> (Vec<Fill>, Taken) {
        let (mut fills, mut left) = (Vec::new(), units);
        while left > 0
            && let Some(at) = self.first(side.opposite())
        {
            let maker = self.0[at];
            if key(maker.side, maker.price) < key(maker.side, limit) {
                break;
            }
            if maker.owner == owner || stop_at_dated && maker.dated {
                return (fills, Taken { left, stopped: true });
            }
            let fill = self.trade(at, left);
            left -= fill.units;
            fills.push(fill);
        }
        (fills, Taken { left, stopped: false })
    }

    /// Trades with what one order shows.
    fn trade(&mut self, at: usize, wanted: Units) -> Fill {
        let Order { id: maker, slot, owner, price, .. } = self.0[at];
        let order = &mut self.0[at];
        let units = wanted.min(order.left);
        order.left -= units;
        let refilled = if order.left == 0 { order.clip.min(order.hidden) } else { 0 };
        order.left += refilled;
        order.hidden -= refilled;
        let left = order.left + order.hidden;
        if left == 0 {
            self.0.remove(at);
        } else if refilled > 0 {
            let last = self.0.remove(at);
            self.0.push(last);
        }
        Fill { maker, slot, owner, price, units, left, refilled }
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
    /// How many clips were refilled in a sweep, and by `take_first`.
    icebergs: [usize; 2],
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
            icebergs: [0; 2],
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
            0 => self.reduce(),
            1 => self.take_first(),
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
        for (own, reach) in [(Standing::Stops, reach[0]), (Standing::Absent, reach[1])] {
            let standing = |_, node: &Node| if node.owner == owner { own } else { Standing::Counts };
            let can = self.book.feasible(&self.slab, side, price, units, standing);
            self.same("can be filled", can, reach >= u64::from(units));
        }
        let stop_at_dated = self.rng.below(4) == 0;
        let mut fills = Vec::new();
        let taken = self.book.take(&mut self.slab, side, price, units, owner, stop_at_dated, &mut fills);
        self.icebergs[0] += fills.iter().filter(|fill| fill.refilled > 0).count();
        let should = self.naive.take(side, price, units, owner, stop_at_dated);
        self.same("fills", (fills, taken), should);
        if taken.left > 0 && !taken.stopped {
            self.rest(owner, side, price, taken.left);
        }
    }

    fn rest(&mut self, owner: u32, side: Side, price: Ticks, units: Units) {
        let (id, slab) = (self.next, &mut self.slab);
        let clip = if units > 1 && self.rng.below(3) == 0 { self.rng.units(u64::from(units) - 1) } else { 0 };
        let slot = match clip {
            0 => self.book.rest(slab, id, owner, side, price, units),
            _ => self.book.rest_iceberg(slab, id, owner, side, price, units, clip),
        };
        let dated = self.rng.below(8) == 0;
        if dated {
            self.slab.mark_dated(slot);
        }
        let left = if clip == 0 { units } else { clip };
        let order = Order { id, slot, owner, side, price, left, hidden: units - left, clip, dated };
        self.same("a free slot", self.naive.0.iter().any(|other| other.slot == slot), false);
        self.naive.0.push(order);
    }

    /// Trades with the first order of a side, whoever's it is.
    fn take_first(&mut self) {
        let side = [Side::Buy, Side::Sell][self.rng.below(2) as usize];
        let Some(at) = self.naive.first(side) else { return };
        let units = self.rng.units(30);
        let fill = self.book.take_first(&mut self.slab, side, units);
        self.icebergs[1] += usize::from(fill.refilled > 0);
        let should = self.naive.trade(at, units);
        self.same("the first", fill, should);
    }

    /// How many units are there until the first own order, and in all without own ones.
    fn naive_reach(&self, side: Side, limit: Ticks, owner: u32) -> [u64; 2] {
        [true, false].map(|stops| {
            let mut book = Naive(self.naive.0.clone());
            if !stops {
                book.0.retain(|order| order.owner != owner);
            }
            let (fills, _) = book.take(side, limit, Units::MAX, owner, false);
            fills.iter().map(|fill| u64::from(fill.units)).sum()
        })
    }

    fn pick(&mut self) -> Option<usize> {
        let count = self.naive.0.len() as u64;
        (count > 0).then(|| self.rng.below(count) as usize)
    }

    fn remove(&mut self) {
        let Some(at) = self.pick() else { return };
        let order = self.naive.0.remove(at);
        let is = self.order_at(order.slot);
        self.same("the order", is, Some(order));
        self.book.remove(&mut self.slab, order.slot);
        self.same("gone", self.slab.get(order.slot, order.id).is_none(), true);
    }

    /// The order at a slot as the book knows it.
    fn order_at(&self, slot: SlotHint) -> Option<Order> {
        let node = self.slab.get(slot, self.slab.at(slot).id)?;
        Some(Order {
            id: node.id,
            slot,
            owner: node.owner,
            side: node.side(),
            price: node.price,
            left: node.left,
            hidden: self.slab.hidden(slot),
            clip: self.slab.clip(slot),
            dated: node.is_dated(),
        })
    }

    fn reduce(&mut self) {
        let Some(at) = self.pick() else { return };
        let Order { slot, left: shown, hidden, .. } = self.naive.0[at];
        let left = self.rng.units(u64::from(shown + hidden));
        self.naive.0[at].left = left.min(shown);
        self.naive.0[at].hidden = left.saturating_sub(shown);
        self.book.reduce(&mut self.slab, slot, left);
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
            for &slot in &slots {
                let should = self.naive.0.iter().find(|order| order.slot == slot).copied();
                self.same("each order", self.order_at(slot), should);
            }
            let after = |slot: &SlotHint| self.book.after(&self.slab, *slot);
            let walked: Vec<SlotHint> = std::iter::successors(self.book.first(side), after).collect();
            self.same("walk", &walked, &slots);
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
    let (mut seen, mut icebergs) = ([0; 3], [0; 2]);
    for seed in 0..OPERATIONS / 20_000 {
        let mut pair = Pair::new(seed);
        for op in 0..20_000 {
            if op % 400 == 0 {
                pair.turn();
            }
            pair.act();
        }
        (0..3).for_each(|form| seen[form] += pair.seen[form]);
        (0..2).for_each(|way| icebergs[way] += pair.icebergs[way]);
    }
    let few = OPERATIONS / 100;
    assert!(seen.iter().all(|&times| times > few), "thin, hot and far were seen only {seen:?} times");
    let enough = icebergs.iter().all(|&times| times as u64 > few / 4);
    assert!(enough, "refills were seen only {icebergs:?} times");
}

#[test]
fn a_book_is_96_bytes() {
    assert_eq!(size_of::<Book>(), 96);
}
