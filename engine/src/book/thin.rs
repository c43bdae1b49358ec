//! The thin form of a book: up to [`ROOM`] orders named in one small block, nothing allocated.

use super::{Fill, Stop, Taken, key};
use crate::slab::{Node, Slab};
use std::num::NonZero;
use types::{OrderId, Side, SlotHint, Ticks, Units};

/// How many orders a thin book holds.
pub(crate) const ROOM: usize = 10;

/// Bids fill `entries` from the left, asks from the right, the best and first come innermost.
#[derive(Clone, Debug)]
pub(crate) struct Thin {
    entries: [Entry; ROOM],
    /// The price that entries are counted from.
    origin: Ticks,
    /// How many bids and asks there are, and one.
    counts: [NonZero<u8>; 2],
}

/// One resting order.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Its price less the origin, as a number that rises towards the best of its side.
    key: i32,
    slot: SlotHint,
}

impl Default for Thin {
    fn default() -> Thin {
        Thin { entries: [Entry::default(); ROOM], origin: 0, counts: [NonZero::<u8>::MIN; 2] }
    }
}

impl Thin {
    #[inline]
    fn count(&self, side: Side) -> usize {
        usize::from(self.counts[side as usize].get() - 1)
    }

    #[inline]
    fn set_count(&mut self, side: Side, count: usize) {
        let count = u8::try_from(count).expect("at most ROOM");
        self.counts[side as usize] = NonZero::<u8>::MIN.saturating_add(count);
    }

    /// How many orders rest.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.count(Side::Buy) + self.count(Side::Sell)
    }

    /// The entry with so many others farther from the best.
    #[inline]
    fn entry(&self, side: Side, at: usize) -> Entry {
        self.entries[place(side, at)]
    }

    /// The price as a key from the origin, if it is near enough.
    #[inline]
    fn near_key(&self, side: Side, price: Ticks) -> Option<i32> {
        let offset = i32::try_from(price.checked_sub(self.origin)?).ok()?;
        Some(match side {
            Side::Buy => offset,
            Side::Sell => !offset,
        })
    }

    #[inline]
    fn price(&self, side: Side, entry: Entry) -> Ticks {
        let offset = match side {
            Side::Buy => entry.key,
            Side::Sell => !entry.key,
        };
        self.origin + i64::from(offset)
    }

    #[inline]
    pub(crate) fn take(
        &mut self,
        slab: &mut Slab,
        side: Side,
        limit: Ticks,
        units: Units,
        stop: Stop,
        fills: &mut Vec<Fill>,
    ) -> Taken {
        let against = side.opposite();
        let worst = key(against, limit);
        let mut left = units;
        let before = self.count(against);
        let mut count = before;
        let mut stopped = false;
        while left > 0 && count > 0 {
            let entry = self.entry(against, count - 1);
            if key(against, self.price(against, entry)) < worst {
                break;
            }
            let node = slab.at_mut(entry.slot);
            if stop.before(node) {
                stopped = true;
                break;
            }
            let mut fill = Fill::of(node, entry.slot, left);
            if node.is_iceberg() {
                fill.refill(slab);
                if fill.refilled > 0 {
                    self.requeue_at(against, count - 1);
                }
            }
            left -= fill.units;
            fills.push(fill);
            if fill.left == 0 {
                slab.remove(entry.slot);
                count -= 1;
            }
        }
        if count != before {
            self.set_count(against, count);
        }
        Taken { left, stopped }
    }

    /// Rests an order, if there is room for it.
    #[inline]
    pub(crate) fn rest(
        &mut self,
        slab: &mut Slab,
        id: OrderId,
        owner: u32,
        side: Side,
        price: Ticks,
        units: Units,
    ) -> Option<SlotHint> {
        if self.len() == ROOM {
            return None;
        }
        if self.len() == 0 {
            self.origin = price;
        }
        let key = self.near_key(side, price)?;
        let slot = slab.insert(Node::new(id, owner, side, price, units));
        self.insert(side, Entry { key, slot });
        Some(slot)
    }

    #[inline]
    fn insert(&mut self, side: Side, entry: Entry) {
        let count = self.count(side);
        let mut at = count;
        while at > 0 && self.entry(side, at - 1).key >= entry.key {
            self.entries[place(side, at)] = self.entry(side, at - 1);
            at -= 1;
        }
        self.entries[place(side, at)] = entry;
        self.set_count(side, count + 1);
    }

    /// Moves the entry at `at` behind the others of its price.
    #[cold]
    fn requeue_at(&mut self, side: Side, mut at: usize) {
        let entry = self.entry(side, at);
        while at > 0 && self.entry(side, at - 1).key == entry.key {
            self.entries[place(side, at)] = self.entry(side, at - 1);
            at -= 1;
        }
        self.entries[place(side, at)] = entry;
    }

    /// Moves an order behind the others of its price.
    pub(crate) fn requeue(&mut self, side: Side, slot: SlotHint) {
        if let Some(at) = (0..self.count(side)).rev().find(|&at| self.entry(side, at).slot == slot) {
            self.requeue_at(side, at);
        }
    }

    /// Names an order that rests already, the last in price and time of its side. False if its price is too
    /// far from the others or there is no room.
    pub(crate) fn append(&mut self, side: Side, slot: SlotHint, price: Ticks) -> bool {
        if self.len() == ROOM {
            return false;
        }
        if self.len() == 0 {
            self.origin = price;
        }
        let Some(key) = self.near_key(side, price) else { return false };
        self.insert(side, Entry { key, slot });
        true
    }

    #[inline]
    pub(crate) fn remove(&mut self, slab: &mut Slab, slot: SlotHint) {
        let side = slab.at(slot).side();
        let count = self.count(side);
        let found = (0..count).rev().find(|&at| self.entry(side, at).slot == slot);
        let from = found.expect("a resting order is named by its book");
        for at in from + 1..count {
            self.entries[place(side, at - 1)] = self.entry(side, at);
        }
        self.set_count(side, count - 1);
        slab.remove(slot);
    }

    #[inline]
    pub(crate) fn best(&self, side: Side) -> Option<Ticks> {
        let last = self.count(side).checked_sub(1)?;
        Some(self.price(side, self.entry(side, last)))
    }

    #[inline]
    pub(crate) fn first(&self, side: Side) -> Option<SlotHint> {
        let last = self.count(side).checked_sub(1)?;
        Some(self.entry(side, last).slot)
    }

    /// The order after one that is named, if there is one.
    pub(crate) fn after(&self, side: Side, slot: SlotHint) -> Option<SlotHint> {
        let at = (0..self.count(side)).rev().find(|&at| self.entry(side, at).slot == slot)?;
        at.checked_sub(1).map(|at| self.entry(side, at).slot)
    }

    /// The slots of a side, best first, then first come.
    pub(crate) fn slots(&self, side: Side) -> impl Iterator<Item = SlotHint> + '_ {
        (0..self.count(side)).rev().map(move |at| self.entry(side, at).slot)
    }

    pub(crate) fn check(&self, slab: &Slab) -> Result<(), String> {
        for side in [Side::Buy, Side::Sell] {
            for at in 0..self.count(side) {
                let entry = self.entry(side, at);
                let node = slab.at(entry.slot);
                slab.check(entry.slot)?;
                if node.side() != side || node.price != self.price(side, entry) {
                    return Err(format!("order {} does not belong among the {side:?} orders", node.id));
                }
                if at > 0 && self.entry(side, at - 1).key > entry.key {
                    return Err(format!("the {side:?} orders are out of order"));
                }
            }
        }
        Ok(())
    }
}

/// Where the entry with so many others farther from the best lies.
#[inline]
fn place(side: Side, at: usize) -> usize {
    match side {
        Side::Buy => at,
        Side::Sell => ROOM - 1 - at,
    }
}
