//! How blocks end before they are filled.

use super::evaluate::Taker;
use crate::engine::Engine;
use crate::order::Loose;
use crate::slab::NIL;
use types::{Answers, CancelReason, Output, SlotHint};

impl Engine {
    /// Ends the block that rests at `slot`: tells the public that it is gone, releases what it holds, and tells its
    /// owner why.
    pub(crate) fn end_block(
        &mut self,
        slot: SlotHint,
        reason: CancelReason,
        answers: Answers,
        out: &mut Output,
    ) {
        let taker = Taker { answers, ..self.take_out_block(slot, out) };
        self.end_loose_block(&taker, reason, out);
    }

    /// Takes a resting block out and tells the public that it is gone. It holds what it held.
    pub(super) fn take_out_block(&mut self, slot: SlotHint, out: &mut Output) -> Taker {
        let taker = self.block_at(slot);
        self.forget_block(slot, &taker);
        self.tell_block(&Taker { left: 0, ..taker }, out);
        taker
    }

    /// Takes a block out of the slab and off all lists.
    pub(super) fn forget_block(&mut self, slot: SlotHint, taker: &Taker) {
        self.delist_block(slot, taker);
        self.orders.slab.remove_asleep(slot);
        self.orders.forget(slot, taker.order, &mut self.accounts.at_mut(taker.account).orders);
    }

    /// Ends a block that lies nowhere: releases what it holds and tells its owner why.
    pub(super) fn end_loose_block(&mut self, taker: &Taker, reason: CancelReason, out: &mut Output) {
        self.release_block(taker, 0);
        let Taker { order, account, first: contract, side, price, left, answers, .. } = *taker;
        let loose = Loose { order, account, contract, at: 0, holding: NIL, side, price, left, answers };
        self.tell_cancelled(&loose, left, 0, reason, out);
    }
}
