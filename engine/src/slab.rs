//! The slab: where resting orders lie, one node each, found by slot.

use crate::book::Spares;
use types::{OrderId, Side, SlotHint, Ticks, Units};

/// "No node": the end of a list. Slots stay below it.
pub(crate) const NIL: u32 = u32::MAX >> 4;

/// Set in [`Node::prev`] if the order is an ask.
const ASK: u32 = 1 << 31;

/// The hot part of a resting order: 32 bytes, half a cache line. A free node has id 0.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub struct Node {
    /// The order's id; 0 if the node is free.
    pub id: OrderId,
    /// Its price.
    pub price: Ticks,
    /// What is left of it.
    pub left: Units,
    /// Whose it is: a number that means "same owner" when equal.
    pub owner: u32,
    /// The order after it at its price, or the next free node.
    pub(crate) next: u32,
    /// The order before it at its price in the low 28 bits, the side in the highest. The rest are free for
    /// marks that say "the cold record knows more".
    prev: u32,
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

    pub(crate) fn prev(&self) -> u32 {
        self.prev & NIL
    }

    pub(crate) fn set_prev(&mut self, slot: u32) {
        self.prev = self.prev & !NIL | slot;
    }
}

/// All resting orders of all books, and spare parts of books. Freed slots are used again, the last freed
/// first.
#[derive(Clone, Debug)]
pub struct Slab {
    nodes: Vec<Node>,
    /// The slot to use next; the others follow through `next`.
    free: SlotHint,
    /// How many orders rest.
    len: usize,
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
        Slab { nodes: Vec::with_capacity(orders), free: NIL, len: 0, spares: Spares::default() }
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The resting order at `slot`, if its id is `order`.
    #[must_use]
    #[inline]
    pub fn get(&self, slot: SlotHint, order: OrderId) -> Option<&Node> {
        self.nodes.get(slot as usize).filter(|node| node.id == order && order != 0)
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
        self.free = slot;
        self.len -= 1;
    }

    /// The free slots in the order of their use. Part of the state: it decides coming hints.
    pub(crate) fn free_slots(&self) -> impl Iterator<Item = SlotHint> + '_ {
        let there = |slot: SlotHint| Some(slot).filter(|&slot| slot != NIL);
        std::iter::successors(there(self.free), move |&slot| there(self.at(slot).next))
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
}
