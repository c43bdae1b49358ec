//! The slab: where resting orders lie, one node each, found by slot.

use types::{OrderId, Side, SlotHint, Ticks, Units};

/// "No node": the end of a list.
pub(crate) const NIL: u32 = u32::MAX;

/// The hot part of a resting order: 48 bytes, less than a cache line. A free node has id 0.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The order's id; 0 if the node is free.
    pub id: OrderId,
    /// Its price.
    pub price: Ticks,
    /// What is left of it.
    pub left: Units,
    /// Whose it is: a number that means "same owner" when equal.
    pub owner: u32,
    /// Bid or ask.
    pub side: Side,
    pub(crate) next: u32,
    pub(crate) prev: u32,
}

const FREE: Node = Node { id: 0, price: 0, left: 0, owner: 0, side: Side::Buy, next: NIL, prev: NIL };

/// All resting orders of all books. Freed slots are used again, the last freed first.
#[derive(Clone, Debug, Default)]
pub struct Slab {
    nodes: Vec<Node>,
    /// Slots free for use, the next one last.
    free: Vec<SlotHint>,
}

impl Slab {
    /// An empty slab.
    #[must_use]
    pub fn new() -> Slab {
        Slab::default()
    }

    /// How many orders rest.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// True if no order rests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The resting order at `slot`, if its id is `order`.
    #[must_use]
    pub fn get(&self, slot: SlotHint, order: OrderId) -> Option<&Node> {
        self.nodes.get(slot as usize).filter(|node| node.id == order && order != 0)
    }

    /// The node at a slot that a list or a record names.
    pub(crate) fn at(&self, slot: SlotHint) -> &Node {
        &self.nodes[slot as usize]
    }

    pub(crate) fn at_mut(&mut self, slot: SlotHint) -> &mut Node {
        &mut self.nodes[slot as usize]
    }

    /// Puts a node in and says where it lies.
    pub(crate) fn insert(&mut self, node: Node) -> SlotHint {
        debug_assert!(node.id != 0, "0 marks a free node");
        if let Some(slot) = self.free.pop() {
            self.nodes[slot as usize] = node;
            return slot;
        }
        let slot = SlotHint::try_from(self.nodes.len()).expect("the exchange bounds open orders below 2^32");
        self.nodes.push(node);
        slot
    }

    pub(crate) fn remove(&mut self, slot: SlotHint) {
        self.nodes[slot as usize] = FREE;
        self.free.push(slot);
    }

    /// The free slots in the order of their use, next one last. Part of the state: it decides coming hints.
    pub(crate) fn free_slots(&self) -> &[SlotHint] {
        &self.free
    }
}
