//! The slab as it comes back: every order at the slot it had, and the free slots in the order they had.

use super::{ICEBERG, NIL, Node, Reserve, Slab};
use types::{SlotHint, Units};

/// A slot that is free and in no list.
const VACANT: Node = Node { id: 0, price: 0, left: 0, owner: 0, next: NIL, prev: NIL };

impl Slab {
    /// Makes an empty slab one of so many slots, none of which is used before it is named.
    pub(crate) fn lay_out(&mut self, slots: usize) {
        let Slab { nodes, free: _, len: _, reserves: _, spares: _ } = self;
        nodes.resize(slots, VACANT);
    }

    /// Lets the next order lie at a slot, which is free and in no list.
    pub(crate) fn use_next(&mut self, slot: SlotHint) {
        debug_assert!(self.at(slot).id == 0 && self.at(slot).next == NIL, "the caller uses a slot once");
        self.free = slot;
    }

    /// Sets the free slots, in the order of their use; each is in no list.
    pub(crate) fn set_free(&mut self, slots: &[SlotHint]) {
        self.free = NIL;
        for &slot in slots.iter().rev() {
            self.at_mut(slot).next = self.free;
            self.free = slot;
        }
    }

    /// Makes a resting order an iceberg that keeps `hidden` back and shows `clip` at a time, of the last of which
    /// some may be left.
    pub(crate) fn restore_iceberg(&mut self, slot: SlotHint, clip: Units, hidden: Units) {
        self.at_mut(slot).prev |= ICEBERG;
        self.reserves.insert(slot, Reserve { clip, hidden });
    }
}
