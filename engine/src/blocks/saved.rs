//! Blocks as they are saved, and back. Which blocks rest the orders themselves say, and what their windows cost the
//! books.

use super::Blocks;
use super::consider::{START, Turn};
use super::evaluate::Taker;
use crate::engine::Engine;
use crate::order::{Incoming, Loose};
use crate::save::Saved;
use types::{ContractId, OrderId, Side, SlotHint, Ticks};

/// A turn as it was saved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RestoredTurn {
    pub(crate) contract: ContractId,
    pub(crate) side: Side,
    pub(crate) from: Option<(Ticks, OrderId)>,
}

impl Blocks {
    pub(crate) fn save(&self, each: &mut impl FnMut(Saved)) {
        let Blocks {
            sides: _,
            by_first: _,
            by_account: _,
            legs: _,
            turns,
            waiting: _,
            short: _,
            considered: _,
        } = self;
        for &Turn { contract, side, from } in turns {
            // A rank is a limit, or one below nothing.
            let from = (from != START).then(|| (from.0.abs(), from.1));
            each(Saved::Turn { contract, side, from });
        }
    }

    /// Queues a turn again. False if it waits already, or has begun and is not the first.
    pub(crate) fn restore_turn(&mut self, turn: RestoredTurn) -> bool {
        let RestoredTurn { contract, side, from } = turn;
        let Some((price, order)) = from else {
            let before = self.turns.len();
            self.wait(contract, side);
            return self.turns.len() > before;
        };
        let is_first = self.turns.is_empty();
        self.turns.push_back(Turn { contract, side, from: (-super::cost(side, price), order) });
        is_first
    }
}

impl Engine {
    /// Puts a block back at its slot. It is listed once all books are there.
    pub(crate) fn restore_block(&mut self, slot: SlotHint, order: &Incoming<'_>) {
        let Loose { order: id, account, side, price, left, .. } = order.loose;
        self.orders.slab.insert_block(id, account.0, side, price, left);
        self.orders.restore(slot, order);
    }

    /// Puts the block at a slot on the lists again.
    pub(crate) fn relist_block(&mut self, slot: SlotHint) {
        let taker: Taker = self.block_at(slot);
        self.list_block(slot, &taker);
    }
}
