//! The price of an auction: most volume, then least surplus, then nearest to the reference price, then the lower.
//!
//! Every tick is a candidate, but none is tried. Bids and asks are paired off from the best inwards, as far as they
//! cross: that is the volume, and every price from the last ask paired to the last bid paired brings it. Of these the
//! ones between the first bid and the first ask left over leave no surplus. If there are none, the surplus is least
//! at the price of one of those two or beyond it, up to the next level; then what rests at both is added up.

use crate::book::Book;
use crate::orders::Orders;
use crate::slab::NIL;
use types::{Side, SlotHint, Ticks, Units};

/// How far the weighing has come, of each side first that of the bids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weighing {
    pub(crate) cursors: [Cursor; 2],
    /// How many units have been paired.
    pub(crate) volume: u64,
    /// The prices of the bid and the ask paired last; 0 before.
    pub(crate) paired: [Ticks; 2],
    /// Once all are paired: what rests at the prices of the first bid and ask left over is added up.
    pub(crate) levels: Option<[Level; 2]>,
}

/// Where a walk from the best of a side inwards stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The order it is at; `NIL` at the end.
    pub(crate) slot: SlotHint,
    /// What of that order has not been paired, the hidden part too.
    pub(crate) left: Units,
}

/// A price and what is left over there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    /// 0 if nothing is left over on that side.
    pub(crate) price: Ticks,
    pub(crate) units: u64,
}

/// A price that no price is above.
const ABOVE_ALL: Ticks = Ticks::MAX;

impl Weighing {
    /// The beginning.
    pub(crate) fn of(book: &Book, orders: &Orders) -> Weighing {
        let cursors = [Side::Buy, Side::Sell].map(|side| Cursor::at(book.first(side), orders));
        Weighing { cursors, volume: 0, paired: [0; 2], levels: None }
    }

    /// Does one piece. Says price and volume if that was the last: 0 and 0 if nothing crosses.
    pub(crate) fn step(&mut self, book: &Book, orders: &Orders, reference: Ticks) -> Option<(Ticks, Units)> {
        if self.levels.is_some() {
            return self.step_level(book, orders, reference);
        }
        let [bid, ask] = self.prices(orders);
        if bid > 0 && ask > 0 && bid >= ask {
            let units = self.cursors[0].left.min(self.cursors[1].left);
            self.volume += u64::from(units);
            self.paired = [bid, ask];
            self.cursors.iter_mut().for_each(|cursor| cursor.pass(units, book, orders));
            return None;
        }
        if self.volume == 0 {
            return Some((0, 0));
        }
        if let Some(price) = self.without_surplus([bid, ask], reference) {
            return Some((price, self.units()));
        }
        self.levels = Some([bid, ask].map(|price| Level { price, units: 0 }));
        None
    }

    /// Adds one order to what rests at the price of the first left over of its side; or picks the price.
    fn step_level(&mut self, book: &Book, orders: &Orders, reference: Ticks) -> Option<(Ticks, Units)> {
        let prices = self.prices(orders);
        let levels = self.levels.as_mut()?;
        for (level, (cursor, price)) in levels.iter_mut().zip(self.cursors.iter_mut().zip(prices)) {
            if price > 0 && price == level.price {
                level.units += u64::from(cursor.left);
                cursor.pass(cursor.left, book, orders);
                return None;
            }
        }
        let levels = *levels;
        Some((self.with_surplus(levels, prices, reference), self.units()))
    }

    /// A price of the most volume at which nothing is left over that would trade.
    fn without_surplus(&self, [bid, ask]: [Ticks; 2], reference: Ticks) -> Option<Ticks> {
        let ask = if ask == 0 { ABOVE_ALL } else { ask };
        self.nearest(bid + 1, ask - 1, reference)
    }

    /// The price with the least surplus, when every price has some: at the price of the first bid left over, or above
    /// the next level; or at that of the first ask, or below the next. `next` are those next levels.
    fn with_surplus(&self, [bids, asks]: [Level; 2], next: [Ticks; 2], reference: Ticks) -> Ticks {
        let ask_end = if next[1] == 0 { ABOVE_ALL } else { next[1] - 1 };
        let on_bids = self.nearest(next[0] + 1, bids.price, reference).map(|price| (bids.units, price));
        let on_asks = match asks.price {
            0 => None,
            from => self.nearest(from, ask_end, reference).map(|price| (asks.units, price)),
        };
        let distance = |price: Ticks| if reference == 0 { 0 } else { price.abs_diff(reference) };
        let both = on_bids.into_iter().chain(on_asks);
        let best = both.min_by_key(|&(units, price)| (units, distance(price), price));
        best.map_or(self.paired[1], |best| best.1)
    }

    /// Of the prices from `low` to `high` that bring the volume the nearest to the reference price, or the lowest.
    fn nearest(&self, low: Ticks, high: Ticks, reference: Ticks) -> Option<Ticks> {
        let (low, high) = (low.max(self.paired[1]), high.min(self.paired[0]));
        (low <= high).then(|| if reference == 0 { low } else { reference.clamp(low, high) })
    }

    /// The prices of the orders that the cursors are at; 0 at the end.
    fn prices(&self, orders: &Orders) -> [Ticks; 2] {
        self.cursors.map(|cursor| if cursor.slot == NIL { 0 } else { orders.slab.at(cursor.slot).price })
    }

    /// How many units have been paired. All that are for sale are counted in 32 bits; only of orders that are being
    /// restored and do not add up there may be more.
    pub(crate) fn units(&self) -> Units {
        Units::try_from(self.volume).unwrap_or(Units::MAX)
    }
}

impl Cursor {
    fn at(slot: Option<SlotHint>, orders: &Orders) -> Cursor {
        slot.map_or(Cursor { slot: NIL, left: 0 }, |slot| Cursor { slot, left: orders.left(slot) })
    }

    /// Passes so many units of the order it is at, and goes to the next when it has passed all.
    fn pass(&mut self, units: Units, book: &Book, orders: &Orders) {
        self.left -= units;
        if self.left == 0 {
            *self = Cursor::at(book.after(&orders.slab, self.slot), orders);
        }
    }
}
