//! The core book: the resting orders of one contract, matched in price-time order.
//!
//! It knows prices (any i64), units, owners and slots, and nothing of accounts, money or time. Orders lie in
//! a [`Slab`] shared by all books. A book has two forms. Thin, it names up to ten orders in one block and
//! costs nothing else, so hundreds of thousands of them are cheap. When it outgrows that it becomes hot: a
//! ladder a side, with a level for every tick of a window; and thin again when few orders are left.
//!
//! Both forms sort by a key that rises towards the best price of a side, so one code serves both sides.

mod bitmap;
mod hot;
mod ladder;
#[cfg(test)]
mod tests;
mod thin;
mod window;

pub(crate) use hot::Spares;

use crate::slab::{Node, Slab};
use hot::Hot;
use thin::Thin;
use types::{OrderId, Side, SlotHint, Ticks, Units};

/// A hot book with so few orders becomes thin. Well below what a thin book holds, so that a book on the border
/// does not change its form again and again.
const FEW: usize = thin::ROOM * 2 / 5;

/// One contract's bids and asks: 96 bytes.
#[derive(Clone, Debug)]
#[repr(align(32))]
pub struct Book(Form);

#[derive(Clone, Debug)]
enum Form {
    Thin(Thin),
    Hot(Box<Hot>),
}

/// A resting order met by an incoming one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// The resting order.
    pub maker: OrderId,
    /// Its price, at which the units trade.
    pub price: Ticks,
    /// Where it lies, or lay if nothing is left of it.
    pub slot: SlotHint,
    /// Whose it is.
    pub owner: u32,
    /// How many units trade.
    pub units: Units,
    /// What is left of the resting order.
    pub left: Units,
}

impl Fill {
    /// Trades as much as both have, and leaves the node with the rest.
    #[inline]
    fn of(node: &mut Node, slot: SlotHint, wanted: Units) -> Fill {
        let units = wanted.min(node.left);
        node.left -= units;
        Fill { maker: node.id, price: node.price, slot, owner: node.owner, units, left: node.left }
    }
}

/// How an incoming order came out of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is left of it.
    pub left: Units,
    /// True if it stopped before a resting order of its own owner, which is then the first of its side.
    pub met_own: bool,
}

/// What the resting orders of the incoming order's own owner do to it when it is asked whether it can be
/// filled whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own {
    /// It would stop before the first of them.
    Stops,
    /// They count as absent.
    Absent,
}

/// The orders at one price: the first and the last of their list. An array, because a vector of zeroed arrays
/// takes no memory until it is used.
type Level = [SlotHint; 2];
/// Where a [`Level`] keeps its first order.
const HEAD: usize = 0;
/// Where a [`Level`] keeps its last order.
const TAIL: usize = 1;

/// The price as a number that rises towards the best of its side: bids as they are, asks with all bits turned
/// (which reverses the order of every i64 and never overflows). It is its own inverse.
#[inline]
fn key(side: Side, price: Ticks) -> i64 {
    price ^ -i64::from(side as u8)
}

/// How far a key is above another; more than any i64 if it is below.
#[inline]
fn key_distance(low: i64, key: i64) -> u64 {
    key.wrapping_sub(low).cast_unsigned()
}

impl Default for Book {
    fn default() -> Book {
        Book(Form::Thin(Thin::default()))
    }
}

impl Book {
    /// Matches an incoming order against the other side: best price first, then first come, at the resting
    /// order's price, never past `limit`. Stops before the first order of the same owner. Appends to `fills`;
    /// resting orders with nothing left are out of the book and the slab.
    #[inline(always)]
    pub fn take(
        &mut self,
        slab: &mut Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        owner: u32,
        fills: &mut Vec<Fill>,
    ) -> Taken {
        // Most orders meet nobody; they are told so before anything is set up for a match.
        if !self.crosses(side, limit) {
            return Taken { left: units, met_own: false };
        }
        self.take_crossing(slab, side, limit, units, owner, fills)
    }

    #[inline(never)]
    fn take_crossing(
        &mut self,
        slab: &mut Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        owner: u32,
        fills: &mut Vec<Fill>,
    ) -> Taken {
        let hot = match &mut self.0 {
            Form::Thin(thin) => return thin.take(slab, side, limit, units, owner, fills),
            Form::Hot(hot) => hot,
        };
        let taken = hot.take(slab, side, limit, units, owner, fills);
        if hot.len() <= FEW {
            self.demote(slab);
        }
        taken
    }

    /// True if an incoming order at this price would meet a resting one.
    #[must_use]
    #[inline(always)]
    pub fn crosses(&self, side: Side, limit: Ticks) -> bool {
        let against = side.opposite();
        match &self.0 {
            Form::Thin(thin) => {
                thin.best(against).is_some_and(|best| key(against, best) >= key(against, limit))
            }
            Form::Hot(hot) => hot.best_key(against).is_some_and(|best| best >= key(against, limit)),
        }
    }

    /// True if `units` could be taken whole at `limit` or better. Looks at no more orders than it would take.
    #[must_use]
    pub fn can_fill(
        &self,
        slab: &Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        owner: u32,
        own: Own,
    ) -> bool {
        let against = side.opposite();
        let worst = key(against, limit);
        let mut wanted = units;
        for slot in self.slots(slab, against) {
            let node = slab.at(slot);
            if wanted == 0 || key(against, node.price) < worst {
                break;
            }
            match own {
                _ if node.owner != owner => wanted = wanted.saturating_sub(node.left),
                Own::Stops => break,
                Own::Absent => {}
            }
        }
        wanted == 0
    }

    /// Rests an order at the end of the queue at its price and says where it lies.
    #[inline]
    pub fn rest(
        &mut self,
        slab: &mut Slab,
        id: OrderId,
        owner: u32,
        side: Side,
        price: Ticks,
        units: Units,
    ) -> SlotHint {
        let thin = match &mut self.0 {
            Form::Thin(thin) => thin,
            Form::Hot(hot) => return hot.rest(slab, id, owner, side, price, units),
        };
        if let Some(slot) = thin.rest(slab, id, owner, side, price, units) {
            return slot;
        }
        let mut hot = Book::hot_form(thin, slab);
        let slot = hot.rest(slab, id, owner, side, price, units);
        self.0 = Form::Hot(hot);
        slot
    }

    /// Lowers a resting order to `left`, at least 1 and at most what it has; it keeps its place.
    pub fn reduce(&mut self, slab: &mut Slab, slot: SlotHint, left: Units) {
        let node = slab.at_mut(slot);
        debug_assert!((1..=node.left).contains(&left), "a reduction leaves something and adds nothing");
        node.left = left;
    }

    /// Takes a resting order out.
    #[inline]
    pub fn remove(&mut self, slab: &mut Slab, slot: SlotHint) {
        match &mut self.0 {
            Form::Thin(thin) => thin.remove(slab, slot),
            Form::Hot(hot) => {
                hot.remove(slab, slot);
                if hot.len() <= FEW {
                    self.demote(slab);
                }
            }
        }
    }

    /// The best price of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Ticks> {
        match &self.0 {
            Form::Thin(thin) => thin.best(side),
            Form::Hot(hot) => hot.best(side),
        }
    }

    /// The units at one price of a side: the sum over its orders.
    #[must_use]
    pub fn depth_at(&self, slab: &Slab, side: Side, price: Ticks) -> u64 {
        let left = |slot| u64::from(slab.at(slot).left);
        match &self.0 {
            Form::Thin(thin) => thin.slots(side).filter(|&slot| slab.at(slot).price == price).map(left).sum(),
            Form::Hot(hot) => hot.level(slab, side, price).map(left).sum(),
        }
    }

    /// The first order of the best level of a side.
    #[must_use]
    pub fn first(&self, side: Side) -> Option<SlotHint> {
        match &self.0 {
            Form::Thin(thin) => thin.first(side),
            Form::Hot(hot) => hot.first(side),
        }
    }

    /// The slots of a side's orders: best price first, then first come.
    pub fn slots<'a>(&'a self, slab: &'a Slab, side: Side) -> impl Iterator<Item = SlotHint> + 'a {
        let (thin, hot) = match &self.0 {
            Form::Thin(thin) => (Some(thin), None),
            Form::Hot(hot) => (None, Some(hot)),
        };
        let thin = thin.into_iter().flat_map(move |thin| thin.slots(side));
        thin.chain(hot.into_iter().flat_map(move |hot| hot.slots(slab, side)))
    }

    /// True if no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Thin(thin) => thin.len(),
            Form::Hot(hot) => hot.len(),
        }
    }

    /// Checks every invariant of the book by a full scan: levels sorted and not empty, lists whole, counts
    /// right, nothing crossed. Returns the first thing that is wrong. For tests and audits.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub fn check(&self, slab: &Slab) -> Result<(), String> {
        match &self.0 {
            Form::Thin(thin) => thin.check(slab)?,
            Form::Hot(hot) => hot.check(slab)?,
        }
        match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some(bid), Some(ask)) if bid >= ask => Err(format!("crossed at rest: bid {bid}, ask {ask}")),
            _ => Ok(()),
        }
    }

    /// The hot form of a thin book: at most [`thin::ROOM`] orders are linked.
    #[cold]
    fn hot_form(thin: &Thin, slab: &mut Slab) -> Box<Hot> {
        let mut hot = slab.spares.take();
        for side in [Side::Buy, Side::Sell] {
            for slot in thin.slots(side) {
                let price = slab.at(slot).price;
                hot.link(slab, slot, side, price);
            }
        }
        hot
    }

    /// Makes the book thin if its few prices are near enough to each other.
    #[cold]
    fn demote(&mut self, slab: &mut Slab) {
        let Form::Hot(hot) = &self.0 else { return };
        let mut thin = Thin::default();
        for side in [Side::Buy, Side::Sell] {
            for slot in hot.slots(slab, side) {
                if !thin.append(side, slot, slab.at(slot).price) {
                    return;
                }
            }
        }
        if let Form::Hot(mut hot) = std::mem::replace(&mut self.0, Form::Thin(thin)) {
            hot.unlink_all(slab);
            slab.spares.give(hot);
        }
    }
}
