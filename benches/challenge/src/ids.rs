//! From the client's order id to the slot of the resting order.
//!
//! Ids come dense but in no order, and most orders live for a message or two. One table by id would miss the
//! cache on almost every message, so a small one is asked first: it holds the last order of each 1,024th id,
//! and what it must give up goes to the large one.

use engine::Slab;
use std::collections::BTreeMap;

const YOUNG: usize = 1 << 10;
/// Ids below this have a place in the large table; others, which no dense stream has, are kept in a map.
const DENSE: u64 = 1 << 24;

/// The clients' ids of resting orders. A resting order's id in the book is its client id plus one.
#[derive(Debug)]
pub(crate) struct Ids {
    /// By the low bits of the id: the slot of the last order with such an id.
    young: Box<[u32; YOUNG]>,
    /// By id. Right for orders that rest and are not in `young`. Untouched parts take no memory.
    old: Vec<u32>,
    /// A bit for each id: set while an order with it rests.
    live: Vec<u64>,
    beyond: BTreeMap<u64, u32>,
}

impl Ids {
    pub(crate) fn new() -> Ids {
        Ids {
            young: Box::new([u32::MAX; YOUNG]),
            old: vec![0; 1 << 24],
            live: vec![0; 1 << 18],
            beyond: BTreeMap::new(),
        }
    }

    /// The slot of the resting order with this client id.
    #[inline(always)]
    pub(crate) fn find(&self, slab: &Slab, id: u64) -> Option<u32> {
        if !self.is_live(id) {
            return None;
        }
        let slot = self.young[young(id)];
        if slab.get(slot, id + 1).is_some() {
            return Some(slot);
        }
        match index(id) {
            Some(at) => Some(self.old[at]),
            None => self.beyond.get(&id).copied(),
        }
    }

    #[inline(always)]
    pub(crate) fn is_live(&self, id: u64) -> bool {
        match index(id) {
            Some(at) => self.live[at >> 6] >> (at & 63) & 1 != 0,
            None => self.beyond.contains_key(&id),
        }
    }

    /// Names an order that has just come to rest.
    #[inline(always)]
    pub(crate) fn insert(&mut self, slab: &Slab, id: u64, slot: u32) {
        let Some(at) = index(id) else {
            self.beyond.insert(id, slot);
            return;
        };
        self.live[at >> 6] |= 1 << (at & 63);
        let place = young(id);
        let evicted = std::mem::replace(&mut self.young[place], slot);
        if evicted != slot
            && let Some(other) = slab.peek(evicted).and_then(|node| node.id.checked_sub(1))
            && young(other) == place
            && let Some(at) = index(other)
        {
            self.old[at] = evicted;
        }
    }

    /// Forgets an order that has left the book.
    #[inline(always)]
    pub(crate) fn remove(&mut self, id: u64) {
        match index(id) {
            Some(at) => self.live[at >> 6] &= !(1 << (at & 63)),
            None => {
                self.beyond.remove(&id);
            }
        }
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn young(id: u64) -> usize {
    id as usize & (YOUNG - 1)
}

#[inline(always)]
fn index(id: u64) -> Option<usize> {
    usize::try_from(id).ok().filter(|_| id < DENSE)
}
