//! How orders end before they are filled, and the cancel, by which their owner ends one.

use crate::engine::{By, Engine, Refusal};
use crate::order::Loose;
use types::{
    CancelReason, MarketBody, MarketEntry, OrderRef, Output, RejectCode, ReportBody, SlotHint, Units,
};

impl Engine {
    #[inline(never)]
    pub(crate) fn cancel(&mut self, by: By<'_>, order: OrderRef, out: &mut Output) -> Result<(), Refusal> {
        let slot = self.find_own(by, order)?;
        let mut order = self.take_out(slot, out);
        order.answers = Some(*by.sender);
        self.end(&order, CancelReason::Owner, out);
        Ok(())
    }

    /// The slot of an open order of the sender's account. Unknown and foreign orders get the same answer.
    #[inline(always)]
    pub(crate) fn find_own(&self, by: By<'_>, order: OrderRef) -> Result<SlotHint, Refusal> {
        let slot = match order {
            OrderRef::Id { order, slot } => self.orders.slab.get(slot, order).map(|_| slot),
            OrderRef::Number(number) => self.orders.numbered(by.sender.key, number),
        };
        let own = slot.filter(|&slot| self.orders.slab.at(slot).owner == by.account.0);
        own.ok_or((RejectCode::UnknownOrder, 0))
    }

    /// Takes an order out, resting or sleeping, and tells the public if it rested. It holds what it held.
    #[inline(always)]
    pub(crate) fn take_out(&mut self, slot: SlotHint, out: &mut Output) -> Loose {
        let contract = self.contracts.at_mut(self.orders.record(slot).at);
        let order = self.orders.loose(slot, contract.id);
        let node = self.orders.slab.at(slot);
        if node.is_asleep() {
            self.take_out_stop(slot, &order);
        } else {
            let Loose { order, side, price, .. } = order;
            let entry = MarketEntry { order, side, price, units: node.left };
            contract.book.remove(&mut self.orders.slab, slot);
            contract.tell(self.stamp, MarketBody::Delete(entry), out);
        }
        let list = &mut self.accounts.at_mut(order.account).orders;
        self.orders.forget(slot, order.order, list);
        order
    }

    /// Ends an order that is in no book: releases what it holds and tells its owner why.
    #[inline(always)]
    pub(crate) fn end(&mut self, order: &Loose, reason: CancelReason, out: &mut Output) {
        self.release(order, 0);
        self.tell_cancelled(order, order.left, 0, reason, out);
    }

    /// Takes an open order out and ends it, for a reason its owner has not asked for just now.
    #[inline(always)]
    pub(crate) fn end_open(&mut self, slot: SlotHint, reason: CancelReason, out: &mut Output) {
        let order = self.take_out(slot, out);
        self.end(&order, reason, out);
    }

    /// Tells its owner that units of an order ended, and how many are left of it.
    #[inline(always)]
    pub(crate) fn tell_cancelled(
        &mut self,
        order: &Loose,
        units: Units,
        left: Units,
        reason: CancelReason,
        out: &mut Output,
    ) {
        let Loose { order: id, account, contract, side, answers, .. } = *order;
        let body = ReportBody::Cancelled { order: id, contract, side, units, left, reason };
        self.accounts.tell(self.stamp, account, answers, body, out);
    }
}
