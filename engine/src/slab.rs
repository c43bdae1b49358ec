//! The slab: where resting orders lie, one node each, found by slot.

mod saved;

use crate::book::Spares;
use rustc_hash::FxHashMap;
use types::{OrderId, Side, SlotHint, Ticks, Units};

/// "No node": the end of a list. Slots stay below it.
pub(crate) const NIL: u32 = u32::MAX >> 4;

/// Marks in [`Node::prev`]: the order is an ask.
const ASK: u32 = 1 << 31;
/// It sleeps: it is in no book. With [`ICEBERG`] it is a block.
const ASLEEP: u32 = 1 << 30;
/// It is good till a date, which whoever takes it must look at first.
pub(crate) const DATED: u32 = 1 << 29;
/// It shows a part of itself; the rest lies in [`Slab::reserves`].
const ICEBERG: u32 = 1 << 28;

/// The hot part of a resting order: 32 bytes, half a cache line. A free node has id 0.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub struct Node {
    /// The order's id; 0 if the node is free.
    pub id: OrderId,
    /// Its price.
    pub price: Ticks,
    /// What is left of it; of an iceberg what it shows of that.
    pub left: Units,
    /// Whose it is: a number that means "same owner" when equal.
    pub owner: u32,
    /// The order after it at its price, or the next free node.
    pub(crate) next: u32,
    /// The order before it at its price in the low 28 bits, marks in the others: the side, and what makes an
    /// order more than a plain one. So telling a plain order from another costs no other line of memory.
    prev: u32,
}

/// What an iceberg does not show.
#[derive(Clone, Copy, Debug)]
struct Reserve {
    /// The most it shows at a time.
    clip: Units,
    /// What it keeps back.
    hidden: Units,
}

impl Node {
    pub(crate) fn new(id: OrderId, owner: u32, side: Side, price: Ticks, left: Units) -> Node {
        let mark = u32::from(side as u8) << 31;
        Node { id, price, left, owner, next: NIL, prev: NIL | mark }
    }

    /// Bid or ask.
    #[must_use]
    pub fn side(&self) -> Side {
        if self.prev & ASK == 0 { Side::Buy } else { Side::Sell }
    }

    /// True if it is in no book: a stop that waits, or a block.
    #[must_use]
    pub fn is_asleep(&self) -> bool {
        self.has(ASLEEP)
    }

    /// True if it is a block, which is in no book and keeps nothing back: it has the marks of both.
    #[must_use]
    pub fn is_block(&self) -> bool {
        self.prev & (ASLEEP | ICEBERG) == ASLEEP | ICEBERG
    }

    /// True if it is good till a date.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        self.has(DATED)
    }

    /// True if it may keep units back; a block is marked so too.
    #[must_use]
    pub fn is_iceberg(&self) -> bool {
        self.has(ICEBERG)
    }

    /// True if it has one of these marks.
    #[inline]
    pub(crate) fn has(&self, marks: u32) -> bool {
        self.prev & marks != 0
    }

    pub(crate) fn prev(&self) -> u32 {
        self.prev & NIL
    }

    pub(crate) fn set_prev(&mut self, slot: u32) {
        self.prev = self.prev & !NIL | slot;
    }
}

/// All resting orders of all books, sleeping ones, and spare parts of books. Freed slots are used again, the
/// last freed first.
#[derive(Clone, Debug)]
pub struct Slab {
    nodes: Vec<Node>,
    /// The slot to use next; the others follow through `next`.
    free: SlotHint,
    /// How many orders there are.
    len: usize,
    /// What icebergs keep back, by slot: the nodes marked [`ICEBERG`], no others.
    reserves: FxHashMap<SlotHint, Reserve>,
    /// Ladders that no book needs now.
    pub(crate) spares: Spares,
}

impl Default for Slab {
    fn default() -> Slab {
        Slab::with_room(0)
    }
}

impl Slab {
    /// An empty slab.
    #[must_use]
    pub fn new() -> Slab {
        Slab::default()
    }

    /// An empty slab with room for that many orders, so that it never moves before. Room that is not used
    /// costs addresses, not memory.
    #[must_use]
    pub fn with_room(orders: usize) -> Slab {
        Slab {
            nodes: Vec::with_capacity(orders),
            free: NIL,
            len: 0,
            reserves: FxHashMap::default(),
            spares: Spares::default(),
        }
    }

    /// How many orders there are, resting and sleeping.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if there is no order.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The order at `slot`, if its id is `order`.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: SlotHint, order: OrderId) -> Option<&Node> {
        self.nodes.get(slot as usize).filter(|node| node.id == order && order != 0)
    }

    /// What the order at `slot` keeps back; 0 if it is not an iceberg.
    #[must_use]
    pub fn hidden(&self, slot: SlotHint) -> Units {
        self.reserve(slot).map_or(0, |reserve| reserve.hidden)
    }

    /// The most that the iceberg at `slot` shows at a time; 0 if it is none.
    #[must_use]
    pub fn clip(&self, slot: SlotHint) -> Units {
        self.reserve(slot).map_or(0, |reserve| reserve.clip)
    }

    fn reserve(&self, slot: SlotHint) -> Option<&Reserve> {
        let node = self.nodes.get(slot as usize)?;
        if node.is_iceberg() { self.reserves.get(&slot) } else { None }
    }

    /// Marks an order as good till a date.
    pub fn mark_dated(&mut self, slot: SlotHint) {
        self.at_mut(slot).prev |= DATED;
    }

    /// Puts in an order that is in no book, and says where it lies.
    pub fn insert_asleep(
        &mut self,
        id: OrderId,
        owner: u32,
        side: Side,
        price: Ticks,
        units: Units,
    ) -> SlotHint {
        let mut node = Node::new(id, owner, side, price, units);
        node.prev |= ASLEEP;
        self.insert(node)
    }

    /// Puts in a block, and says where it lies.
    pub(crate) fn insert_block(
        &mut self,
        id: OrderId,
        owner: u32,
        side: Side,
        price: Ticks,
        units: Units,
    ) -> SlotHint {
        let mut node = Node::new(id, owner, side, price, units);
        node.prev |= ASLEEP | ICEBERG;
        self.insert(node)
    }

    /// Takes out an order that is in no book.
    pub fn remove_asleep(&mut self, slot: SlotHint) {
        debug_assert!(self.at(slot).is_asleep(), "a resting order is taken out of its book");
        self.remove(slot);
    }

    /// Makes a resting order an iceberg that shows what it has, and keeps `hidden` back.
    pub(crate) fn mark_iceberg(&mut self, slot: SlotHint, hidden: Units) {
        let node = self.at_mut(slot);
        node.prev |= ICEBERG;
        let clip = node.left;
        self.reserves.insert(slot, Reserve { clip, hidden });
    }

    /// Sets what an iceberg keeps back.
    pub(crate) fn set_hidden(&mut self, slot: SlotHint, hidden: Units) {
        if let Some(reserve) = self.reserves.get_mut(&slot) {
            reserve.hidden = hidden;
        }
    }

    /// Lets an iceberg that shows nothing any more show its next clip: how much it shows of what it kept back.
    pub(crate) fn refill(&mut self, slot: SlotHint) -> Units {
        let Some(reserve) = self.reserves.get_mut(&slot) else { return 0 };
        let shown = reserve.clip.min(reserve.hidden);
        reserve.hidden -= shown;
        self.at_mut(slot).left = shown;
        shown
    }

    /// The node at a slot, free or not.
    #[must_use]
    #[inline]
    pub fn peek(&self, slot: SlotHint) -> Option<&Node> {
        self.nodes.get(slot as usize)
    }

    /// Asks the processor for the node at a slot. Changes nothing but time.
    #[inline]
    pub fn prefetch(&self, slot: SlotHint) {
        if let Some(node) = self.nodes.get(slot as usize) {
            crate::prefetch::line(node);
        }
    }

    /// Asks for the neighbours of a node that has come already. Changes nothing but time.
    #[inline]
    pub fn prefetch_neighbours(&self, slot: SlotHint) {
        if let Some(node) = self.nodes.get(slot as usize) {
            self.prefetch(node.next);
            self.prefetch(node.prev());
        }
    }

    /// The node at a slot that a list or a record names.
    #[inline]
    pub(crate) fn at(&self, slot: SlotHint) -> &Node {
        &self.nodes[slot as usize]
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, slot: SlotHint) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    /// Puts a node in and says where it lies.
    #[inline]
    pub(crate) fn insert(&mut self, node: Node) -> SlotHint {
        debug_assert!(node.id != 0, "0 marks a free node");
        self.len += 1;
        let slot = self.free;
        if let Some(free) = self.nodes.get_mut(slot as usize) {
            self.free = free.next;
            *free = node;
            return slot;
        }
        self.push(node)
    }

    #[cold]
    fn push(&mut self, node: Node) -> SlotHint {
        let slot = SlotHint::try_from(self.nodes.len()).ok().filter(|&slot| slot < NIL);
        let slot = slot.expect("the exchange bounds open orders below 2^28");
        self.nodes.push(node);
        slot
    }

    #[inline]
    pub(crate) fn remove(&mut self, slot: SlotHint) {
        let free = self.free;
        let node = self.at_mut(slot);
        node.id = 0;
        node.next = free;
        let is_iceberg = node.is_iceberg();
        self.free = slot;
        self.len -= 1;
        if is_iceberg {
            self.forget_reserve(slot);
        }
    }

    #[cold]
    fn forget_reserve(&mut self, slot: SlotHint) {
        self.reserves.remove(&slot);
    }

    /// The free slots in the order of their use. Part of the state: it decides coming hints.
    pub(crate) fn free_slots(&self) -> impl Iterator<Item = SlotHint> + '_ {
        let there = |slot: SlotHint| Some(slot).filter(|&slot| slot != NIL);
        std::iter::successors(there(self.free), move |&slot| there(self.at(slot).next))
    }

    /// Checks an order that a book names: it is there, awake, shows something, and keeps back no more than the
    /// slab knows of. For tests and audits.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub(crate) fn check(&self, slot: SlotHint) -> Result<(), String> {
        let node = self.at(slot);
        if node.id == 0 || node.left == 0 || node.is_asleep() {
            return Err(format!("slot {slot} holds no resting order: {node:?}"));
        }
        if node.is_iceberg() != self.reserves.contains_key(&slot) {
            return Err(format!("order {} and the reserve at its slot do not belong together", node.id));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_half_a_cache_line_and_slots_are_used_again() {
        assert_eq!(size_of::<Node>(), 32);
        let mut slab = Slab::new();
        let slots: Vec<SlotHint> =
            (1..=3).map(|id| slab.insert(Node::new(id, 7, Side::Sell, 5, 1))).collect();
        assert_eq!((slots.as_slice(), slab.len()), ([0, 1, 2].as_slice(), 3));
        slab.remove(0);
        slab.remove(2);
        assert_eq!(slab.free_slots().collect::<Vec<_>>(), [2, 0]);
        assert!(slab.get(2, 3).is_none() && slab.get(1, 2).is_some() && slab.get(9, 1).is_none());
        assert_eq!(slab.insert(Node::new(4, 7, Side::Buy, 5, 1)), 2);
        assert_eq!((slab.at(2).side(), slab.at(1).side()), (Side::Buy, Side::Sell));
    }

    #[test]
    fn marks_stay_when_the_node_is_linked_anew_and_go_with_the_order() {
        let mut slab = Slab::new();
        let asleep = slab.insert_asleep(1, 7, Side::Sell, 5, 3);
        let resting = slab.insert(Node::new(2, 7, Side::Sell, 5, 4));
        slab.mark_dated(resting);
        slab.mark_iceberg(resting, 6);
        slab.at_mut(resting).set_prev(asleep);
        let node = *slab.at(resting);
        assert!(node.is_dated() && node.is_iceberg() && !node.is_asleep() && node.side() == Side::Sell);
        assert_eq!((node.prev(), slab.clip(resting), slab.hidden(resting)), (asleep, 4, 6));
        assert!(slab.at(asleep).is_asleep() && !slab.at(asleep).is_dated());
        assert_eq!((slab.clip(asleep), slab.hidden(asleep), slab.len()), (0, 0, 2));
        slab.remove(resting);
        slab.remove_asleep(asleep);
        assert!(slab.is_empty() && slab.reserves.is_empty());
        assert_eq!(slab.insert(Node::new(3, 7, Side::Buy, 5, 4)), asleep);
        assert_eq!(slab.at(asleep).prev, NIL);
    }
}
