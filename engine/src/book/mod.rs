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

use crate::slab::{DATED, Node, Slab};
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
    /// What is left of the resting order, with what it keeps back.
    pub left: Units,
    /// What an iceberg that showed nothing any more shows now, queued last at its price; else 0.
    pub refilled: Units,
}

impl Fill {
    /// Trades as much as both have, and leaves the node with the rest.
    #[inline]
    fn of(node: &mut Node, slot: SlotHint, wanted: Units) -> Fill {
        let units = wanted.min(node.left);
        node.left -= units;
        let Node { id, price, owner, left, .. } = *node;
        Fill { maker: id, price, slot, owner, units, left, refilled: 0 }
    }

    /// The part of a fill that only icebergs know: a new clip if the last one is used up, and what is kept back.
    #[cold]
    fn refill(&mut self, slab: &mut Slab) {
        if self.left == 0 {
            self.refilled = slab.refill(self.slot);
            self.left = self.refilled;
        }
        self.left += slab.hidden(self.slot);
    }
}

/// How an incoming order came out of the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What is left of it.
    pub left: Units,
    /// True if it stopped before an order that it must not just trade with, which is then the first of its side.
    pub stopped: bool,
}

/// What an incoming order does not just trade with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stop {
    owner: u32,
    marks: u32,
}

impl Stop {
    #[inline]
    pub(crate) fn before(self, node: &Node) -> bool {
        node.owner == self.owner || node.has(self.marks)
    }
}

/// What a resting order means to an incoming one that asks what it could take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It would be taken.
    Counts,
    /// It would be passed over.
    Absent,
    /// The incoming order would end there.
    Stops,
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
    /// order's price, never past `limit`. Stops before the first order of the same owner and, if asked, before
    /// the first one that is good till a date. Appends to `fills`; resting orders with nothing left are out of
    /// the book and the slab.
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "the terms of an order, and where it goes")]
    pub fn take(
        &mut self,
        slab: &mut Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        owner: u32,
        stop_at_dated: bool,
        fills: &mut Vec<Fill>,
    ) -> Taken {
        // Most orders meet nobody; they are told so before anything is set up for a match.
        if !self.crosses(side, limit) {
            return Taken { left: units, stopped: false };
        }
        let stop = Stop { owner, marks: if stop_at_dated { DATED } else { 0 } };
        self.take_crossing(slab, side, limit, units, stop, fills)
    }

    #[inline(never)]
    fn take_crossing(
        &mut self,
        slab: &mut Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        stop: Stop,
        fills: &mut Vec<Fill>,
    ) -> Taken {
        let hot = match &mut self.0 {
            Form::Thin(thin) => return thin.take(slab, side, limit, units, stop, fills),
            Form::Hot(hot) => hot,
        };
        let taken = hot.take(slab, side, limit, units, stop, fills);
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

    /// Trades up to `units` of what the first order of a side shows, whoever's it is.
    ///
    /// # Panics
    /// If no order of that side rests: the caller has just seen one.
    pub fn take_first(&mut self, slab: &mut Slab, side: Side, units: Units) -> Fill {
        let slot = self.first(side).expect("the caller has just seen the first order of this side");
        self.take_at(slab, slot, units)
    }

    /// Trades up to `units` of what the resting order at `slot` shows, wherever it stands in the queue.
    pub(crate) fn take_at(&mut self, slab: &mut Slab, slot: SlotHint, units: Units) -> Fill {
        let mut fill = Fill::of(slab.at_mut(slot), slot, units);
        if slab.at(slot).is_iceberg() {
            fill.refill(slab);
        }
        if fill.left == 0 {
            self.remove(slab, slot);
        } else if fill.refilled > 0 {
            match &mut self.0 {
                Form::Thin(thin) => thin.requeue(slab.at(slot).side(), slot),
                Form::Hot(hot) => hot.requeue(slab, slot),
            }
        }
        fill
    }

    /// True if `wanted` units could be taken at `limit` or better from the orders that count, up to the first that
    /// stops. What an order keeps back counts as well, but comes last at its price: none of it is reached at a
    /// price where some order stops. Asks in the order in which the orders would be met.
    #[must_use]
    pub fn feasible(
        &self,
        slab: &Slab,
        side: Side,
        limit: Ticks,
        wanted: Units,
        mut standing: impl FnMut(SlotHint, &Node) -> Standing,
    ) -> bool {
        let against = side.opposite();
        let worst = key(against, limit);
        let (mut wanted, mut hidden, mut price) = (wanted, 0, None);
        for slot in self.slots(slab, against) {
            let node = slab.at(slot);
            if price != Some(node.price) {
                wanted = wanted.saturating_sub(hidden);
                (hidden, price) = (0, Some(node.price));
            }
            if wanted == 0 || key(against, node.price) < worst {
                break;
            }
            match standing(slot, node) {
                Standing::Counts => {
                    wanted = wanted.saturating_sub(node.left);
                    hidden = hidden.saturating_add(slab.hidden(slot));
                }
                Standing::Absent => {}
                Standing::Stops => return false,
            }
        }
        wanted.saturating_sub(hidden) == 0
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

    /// Rests an order that shows only `shown` of its `units` at a time.
    #[expect(clippy::too_many_arguments, reason = "the terms of an order, and where it goes")]
    pub fn rest_iceberg(
        &mut self,
        slab: &mut Slab,
        id: OrderId,
        owner: u32,
        side: Side,
        price: Ticks,
        units: Units,
        shown: Units,
    ) -> SlotHint {
        debug_assert!((1..units).contains(&shown), "an iceberg of {units} cannot show {shown}");
        let slot = self.rest(slab, id, owner, side, price, shown);
        slab.mark_iceberg(slot, units - shown);
        slot
    }

    /// Lowers a resting order to `left`, at least 1 and at most what it has in all; what it keeps back goes first.
    /// It keeps its place.
    pub fn reduce(&mut self, slab: &mut Slab, slot: SlotHint, left: Units) {
        let (shown, hidden) = (slab.at(slot).left, slab.hidden(slot));
        debug_assert!((1..=shown + hidden).contains(&left), "a reduction leaves something and adds nothing");
        if hidden > 0 {
            slab.set_hidden(slot, left.saturating_sub(shown));
        }
        slab.at_mut(slot).left = shown.min(left);
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

    /// The units shown at one price of a side: the sum over its orders.
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

    /// The order that comes after a resting one on its side: the next at its price, or the first at the next price.
    pub(crate) fn after(&self, slab: &Slab, slot: SlotHint) -> Option<SlotHint> {
        match &self.0 {
            Form::Thin(thin) => thin.after(slab.at(slot).side(), slot),
            Form::Hot(hot) => hot.after(slab, slot),
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

    /// Asks the processor for the book itself: the first of three steps, best some commands apart, by which a
    /// batch readies what its coming commands will touch. None changes anything but time.
    #[inline]
    pub fn prefetch(&self) {
        crate::prefetch::line(self);
    }

    /// The second step, when the book itself has come: the ladders of a hot book, and of a thin book the first
    /// order that one of this side would meet.
    #[inline]
    pub fn prefetch_form(&self, slab: &Slab, side: Side) {
        match &self.0 {
            Form::Thin(thin) => {
                if let Some(slot) = thin.first(side.opposite()) {
                    slab.prefetch(slot);
                }
            }
            Form::Hot(hot) => hot.prefetch_ladders(),
        }
    }

    /// The third step, when the ladder has come: the level of a price, if the book is hot.
    #[inline]
    pub fn prefetch_level(&self, side: Side, price: Ticks) {
        if let Form::Hot(hot) = &self.0 {
            hot.prefetch_level(side, price);
        }
    }

    /// Checks every invariant of the book by a full scan: levels sorted and not empty, lists whole, counts
    /// right, nothing crossed. Returns the first thing that is wrong. For tests and audits.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub fn check(&self, slab: &Slab) -> Result<(), String> {
        self.check_crossed(slab)?;
        match (self.best(Side::Buy), self.best(Side::Sell)) {
            (Some(bid), Some(ask)) if bid >= ask => Err(format!("crossed at rest: bid {bid}, ask {ask}")),
            _ => Ok(()),
        }
    }

    /// The same of a book that may be crossed, because its orders gather for an auction.
    pub(crate) fn check_crossed(&self, slab: &Slab) -> Result<(), String> {
        match &self.0 {
            Form::Thin(thin) => thin.check(slab),
            Form::Hot(hot) => hot.check(slab),
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
