//! The core book: the resting orders of one contract, matched in price-time order.
//!
//! It knows prices (any i64), units, owners and slots, and nothing of accounts, money or time. Orders lie in
//! a [`Slab`] shared by all books; a level is a first-come list threaded through it. The levels of a side are
//! an array sorted by a key that rises towards the best price, so the best is the last element, one code
//! serves both sides, and a thin book costs a few dozen bytes.

use crate::slab::{NIL, Node, Slab};
use types::{OrderId, Side, SlotHint, Ticks, Units};

/// One contract's bids and asks.
#[derive(Clone, Debug, Default)]
pub struct Book {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

/// The orders at one price.
#[derive(Clone, Copy, Debug)]
struct Level {
    /// The price as a number that rises towards the best: see [`key`].
    key: i64,
    /// All units in the list.
    units: u64,
    head: u32,
    tail: u32,
}

/// A resting order met by an incoming one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The resting order.
    pub maker: OrderId,
    /// Where it lies, or lay if nothing is left of it.
    pub slot: SlotHint,
    /// Whose it is.
    pub owner: u32,
    /// Its price, at which the units trade.
    pub price: Ticks,
    /// How many units trade.
    pub units: Units,
    /// What is left of the resting order.
    pub left: Units,
}

/// How an incoming order came out of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is left of it.
    pub left: Units,
    /// True if it stopped before a resting order of its own owner.
    pub met_own: bool,
}

/// The price as a number that rises towards the best of its side: bids as they are, asks with all bits turned
/// (which reverses the order of every i64 and never overflows).
fn key(side: Side, price: Ticks) -> i64 {
    match side {
        Side::Buy => price,
        Side::Sell => !price,
    }
}

impl Book {
    /// Matches an incoming order against the other side: best price first, then first come, at the resting
    /// order's price, never past `limit`. Stops before the first order of the same owner. Appends to `fills`;
    /// resting orders with nothing left are out of the book and the slab.
    pub fn take(
        &mut self,
        slab: &mut Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        owner: u32,
        fills: &mut Vec<Fill>,
    ) -> Taken {
        let against = side.opposite();
        let worst = key(against, limit);
        let levels = self.levels_mut(against);
        let mut left = units;
        while let Some(level) = levels.last_mut().filter(|level| left > 0 && level.key >= worst) {
            while left > 0 && level.head != NIL {
                let slot = level.head;
                let node = slab.at_mut(slot);
                if node.owner == owner {
                    return Taken { left, met_own: true };
                }
                let traded = left.min(node.left);
                left -= traded;
                node.left -= traded;
                level.units -= u64::from(traded);
                let (price, rest) = (node.price, node.left);
                fills.push(Fill {
                    maker: node.id,
                    slot,
                    owner: node.owner,
                    price,
                    units: traded,
                    left: rest,
                });
                if rest == 0 {
                    level.head = node.next;
                    slab.remove(slot);
                    match level.head {
                        NIL => level.tail = NIL,
                        head => slab.at_mut(head).prev = NIL,
                    }
                }
            }
            if level.head == NIL {
                levels.pop();
            }
        }
        Taken { left, met_own: false }
    }

    /// True if `units` could be taken whole at `limit` or better without meeting an order of the same owner.
    #[must_use]
    pub fn can_fill(&self, slab: &Slab, side: Side, limit: Ticks, units: Units, owner: u32) -> bool {
        let against = side.opposite();
        let worst = key(against, limit);
        let reachable = self.levels(against).iter().rev().take_while(|level| level.key >= worst);
        let mut wanted = u64::from(units);
        // The sums tell in most cases, without a look at the orders.
        if !reaches(reachable.clone().map(|level| level.units), wanted) {
            return false;
        }
        for level in reachable {
            let mut slot = level.head;
            while slot != NIL {
                let node = slab.at(slot);
                if node.owner == owner {
                    return false;
                }
                wanted = wanted.saturating_sub(u64::from(node.left));
                if wanted == 0 {
                    return true;
                }
                slot = node.next;
            }
        }
        false
    }

    /// Rests an order at the end of the queue at its price and says where it lies.
    pub fn rest(
        &mut self,
        slab: &mut Slab,
        id: OrderId,
        owner: u32,
        side: Side,
        price: Ticks,
        units: Units,
    ) -> SlotHint {
        let slot = slab.insert(Node { id, price, left: units, owner, side, next: NIL, prev: NIL });
        let key = key(side, price);
        let levels = self.levels_mut(side);
        let at = find(levels, key);
        if levels.get(at).is_none_or(|level| level.key != key) {
            levels.insert(at, Level { key, units: u64::from(units), head: slot, tail: slot });
            return slot;
        }
        let level = &mut levels[at];
        level.units += u64::from(units);
        slab.at_mut(level.tail).next = slot;
        slab.at_mut(slot).prev = level.tail;
        level.tail = slot;
        slot
    }

    /// Lowers a resting order to `left`, at least 1 and at most what it has; it keeps its place.
    pub fn reduce(&mut self, slab: &mut Slab, slot: SlotHint, left: Units) {
        let node = slab.at_mut(slot);
        debug_assert!((1..=node.left).contains(&left), "a reduction leaves something and adds nothing");
        let gone = u64::from(node.left - left);
        node.left = left;
        let key = key(node.side, node.price);
        let levels = self.levels_mut(node.side);
        let at = find(levels, key);
        levels[at].units -= gone;
    }

    /// Takes a resting order out.
    pub fn remove(&mut self, slab: &mut Slab, slot: SlotHint) {
        let node = *slab.at(slot);
        let levels = self.levels_mut(node.side);
        let at = find(levels, key(node.side, node.price));
        let level = &mut levels[at];
        level.units -= u64::from(node.left);
        match node.prev {
            NIL => level.head = node.next,
            prev => slab.at_mut(prev).next = node.next,
        }
        match node.next {
            NIL => level.tail = node.prev,
            next => slab.at_mut(next).prev = node.prev,
        }
        if level.head == NIL {
            levels.remove(at);
        }
        slab.remove(slot);
    }

    /// The best price of a side and the units there.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<(Ticks, u64)> {
        self.levels(side).last().map(|level| (key(side, level.key), level.units))
    }

    /// The units at one price of a side.
    #[must_use]
    pub fn depth_at(&self, side: Side, price: Ticks) -> u64 {
        let (levels, key) = (self.levels(side), key(side, price));
        levels.get(find(levels, key)).filter(|level| level.key == key).map_or(0, |level| level.units)
    }

    /// The first order of the best level of a side.
    #[must_use]
    pub fn first(&self, side: Side) -> Option<SlotHint> {
        self.levels(side).last().map(|level| level.head)
    }

    /// The slots of a side's orders: best price first, then first come.
    pub fn slots<'a>(&'a self, slab: &'a Slab, side: Side) -> impl Iterator<Item = SlotHint> + 'a {
        self.levels(side).iter().rev().flat_map(|level| {
            std::iter::successors(Some(level.head), |&slot| {
                Some(slab.at(slot).next).filter(|&next| next != NIL)
            })
        })
    }

    /// True if no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// Checks every invariant of the book by a full scan: levels sorted and not empty, sums right, lists
    /// whole, nothing crossed. Returns the first thing that is wrong. For tests and audits.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub fn check(&self, slab: &Slab) -> Result<(), String> {
        for side in [Side::Buy, Side::Sell] {
            let levels = self.levels(side);
            if !levels.windows(2).all(|pair| pair[0].key < pair[1].key) {
                return Err(format!("the {side:?} levels are out of order"));
            }
            levels.iter().try_for_each(|level| level.check(slab, side))?;
        }
        match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some((bid, _)), Some((ask, _))) if bid >= ask => {
                Err(format!("crossed at rest: bid {bid}, ask {ask}"))
            }
            _ => Ok(()),
        }
    }

    fn levels(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn levels_mut(&mut self, side: Side) -> &mut Vec<Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

impl Level {
    fn check(&self, slab: &Slab, side: Side) -> Result<(), String> {
        let price = key(side, self.key);
        let (mut units, mut before, mut slot) = (0, NIL, self.head);
        while slot != NIL {
            let node = slab.at(slot);
            if node.id == 0
                || node.left == 0
                || node.prev != before
                || node.price != price
                || node.side != side
            {
                return Err(format!("order {} does not belong where it lies, at {side:?} {price}", node.id));
            }
            units += u64::from(node.left);
            (before, slot) = (slot, node.next);
        }
        if self.head == NIL || self.tail != before || units != self.units {
            return Err(format!("the {side:?} level {price} says {} units and has {units}", self.units));
        }
        Ok(())
    }
}

/// True if the amounts add up to `wanted`; looks no further than it must.
fn reaches(mut amounts: impl Iterator<Item = u64>, wanted: u64) -> bool {
    let mut sum = 0;
    amounts.any(|amount| {
        sum += amount;
        sum >= wanted
    })
}

/// Where the level with this key is, or belongs. Most are near the best, which is last.
fn find(levels: &[Level], key: i64) -> usize {
    const NEAR: usize = 8;
    let from = levels.len().saturating_sub(NEAR);
    if from == 0 || levels[from].key <= key {
        return from + levels[from..].iter().take_while(|level| level.key < key).count();
    }
    levels[..from].partition_point(|level| level.key < key)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        book: Book,
        slab: Slab,
        next: OrderId,
    }

    impl Bench {
        fn new() -> Bench {
            Bench { book: Book::default(), slab: Slab::new(), next: 0 }
        }

        fn rest(&mut self, side: Side, price: Ticks, units: Units) -> SlotHint {
            self.next += 1;
            self.book.rest(
                &mut self.slab,
                self.next,
                100 + u32::try_from(self.next).unwrap(),
                side,
                price,
                units,
            )
        }

        fn take(&mut self, side: Side, limit: Ticks, units: Units) -> (Vec<(OrderId, Ticks, Units)>, Units) {
            let mut fills = Vec::new();
            let taken = self.book.take(&mut self.slab, side, limit, units, 1, &mut fills);
            self.book.check(&self.slab).unwrap();
            (fills.iter().map(|fill| (fill.maker, fill.price, fill.units)).collect(), taken.left)
        }
    }

    #[test]
    fn best_price_first_then_first_come() {
        let mut bench = Bench::new();
        for (price, units) in [(11, 1), (10, 2), (10, 3), (12, 4)] {
            bench.rest(Side::Sell, price, units);
        }
        assert_eq!(bench.take(Side::Buy, 11, 7), (vec![(2, 10, 2), (3, 10, 3), (1, 11, 1)], 1));
        assert_eq!(bench.book.best(Side::Sell), Some((12, 4)));
    }

    #[test]
    fn prices_at_both_ends_of_the_range() {
        let mut bench = Bench::new();
        bench.rest(Side::Buy, i64::MIN, 1);
        bench.rest(Side::Sell, i64::MAX, 2);
        assert_eq!(bench.book.best(Side::Buy), Some((i64::MIN, 1)));
        assert_eq!(bench.book.best(Side::Sell), Some((i64::MAX, 2)));
        assert_eq!(bench.take(Side::Buy, i64::MAX, 2), (vec![(2, i64::MAX, 2)], 0));
        assert_eq!(bench.take(Side::Sell, i64::MIN, 2), (vec![(1, i64::MIN, 1)], 1));
        assert!(bench.book.is_empty());
    }

    #[test]
    fn head_middle_and_tail_of_a_level_can_go() {
        let mut bench = Bench::new();
        let slots: Vec<SlotHint> = (0..5).map(|_| bench.rest(Side::Buy, 7, 1)).collect();
        for gone in [0, 2, 4] {
            bench.book.remove(&mut bench.slab, slots[gone]);
            bench.book.check(&bench.slab).unwrap();
        }
        assert_eq!(bench.take(Side::Sell, 7, 9), (vec![(2, 7, 1), (4, 7, 1)], 7));
    }

    #[test]
    fn a_reduced_order_keeps_its_place_and_a_partly_filled_one_too() {
        let mut bench = Bench::new();
        let first = bench.rest(Side::Sell, 5, 10);
        bench.rest(Side::Sell, 5, 10);
        bench.book.reduce(&mut bench.slab, first, 4);
        assert_eq!(bench.book.depth_at(Side::Sell, 5), 14);
        assert_eq!(bench.take(Side::Buy, 5, 3), (vec![(1, 5, 3)], 0));
        assert_eq!(bench.take(Side::Buy, 5, 3), (vec![(1, 5, 1), (2, 5, 2)], 0));
    }

    #[test]
    fn an_order_stops_before_its_own() {
        let mut bench = Bench::new();
        bench.rest(Side::Sell, 5, 1);
        let own = bench.rest(Side::Sell, 5, 1);
        bench.slab.at_mut(own).owner = 1;
        assert!(bench.book.can_fill(&bench.slab, Side::Buy, 5, 1, 1));
        assert!(!bench.book.can_fill(&bench.slab, Side::Buy, 5, 2, 1));
        assert!(bench.book.can_fill(&bench.slab, Side::Buy, 5, 2, 9));
        let mut fills = Vec::new();
        let taken = bench.book.take(&mut bench.slab, Side::Buy, 5, 2, 1, &mut fills);
        assert_eq!((taken, fills.len()), (Taken { left: 1, met_own: true }, 1));
    }

    #[test]
    fn whether_an_order_can_be_filled_whole_counts_only_what_it_reaches() {
        let mut bench = Bench::new();
        for price in 1..=20 {
            bench.rest(Side::Buy, price, 2);
        }
        assert!(bench.book.can_fill(&bench.slab, Side::Sell, 11, 20, 1));
        assert!(!bench.book.can_fill(&bench.slab, Side::Sell, 11, 21, 1));
        assert!(!bench.book.can_fill(&bench.slab, Side::Buy, 11, 1, 1));
    }
}
