//! How orders end before they are filled, and the cancel, by which their owner ends one.

use crate::engine::{By, Engine, Refusal};
use crate::order::Loose;
use types::{
    AccountId, CancelReason, MarketBody, MarketEntry, OrderRef, Output, RejectCode, ReportBody, SlotHint,
    Units,
};

impl Engine {
    #[inline(always)]
    pub(crate) fn cancel(&mut self, by: By<'_>, order: OrderRef, out: &mut Output) -> Result<(), Refusal> {
        let slot = self.find_own(by, order)?;
        if self.uncross.is_some() {
            self.check_not_uncrossing(slot, self.orders.record(slot).at)?;
        }
        let mut order = if self.orders.record(slot).has_rare_terms() {
            if self.orders.slab.at(slot).is_block() {
                self.end_block(slot, CancelReason::Owner, Some(*by.sender), out);
                return Ok(());
            }
            self.take_out(slot, out)
        } else {
            self.take_out_plain(slot, out)
        };
        order.answers = Some(*by.sender);
        self.end(&order, CancelReason::Owner, out);
        Ok(())
    }

    /// An auction that is being worked out counts on every order of its contract's book.
    #[cold]
    fn check_not_uncrossing(&self, slot: SlotHint, at: u32) -> Result<(), Refusal> {
        if self.is_uncrossing(at) && !self.orders.slab.at(slot).is_block() {
            return Err((RejectCode::Uncrossing, i64::from(self.contracts.at(at).id.0)));
        }
        Ok(())
    }

    /// Takes out an order without rare terms, which rests and shows all of itself, as most do.
    #[inline(always)]
    fn take_out_plain(&mut self, slot: SlotHint, out: &mut Output) -> Loose {
        let record = *self.orders.record(slot);
        let node = self.orders.slab.at(slot);
        let (order, side, price, left) = (node.id, node.side(), node.price, node.left);
        let account = AccountId(node.owner);
        let contract = self.contracts.at_mut(record.at);
        contract.book.remove(&mut self.orders.slab, slot);
        contract.tell(self.stamp, MarketBody::Delete(MarketEntry { order, side, price, units: left }), out);
        let contract = contract.id;
        self.expect_indicative(record.at);
        self.orders.delist(slot, &record, &mut self.accounts.at_mut(account).orders);
        let (at, holding, answers) = (record.at, record.more, None);
        Loose { order, account, contract, at, holding, side, price, left, answers }
    }

    /// The slot of an open order of the sender's account. Unknown and foreign orders get the same answer.
    #[inline(always)]
    pub(crate) fn find_own(&self, by: By<'_>, order: OrderRef) -> Result<SlotHint, Refusal> {
        let slab = &self.orders.slab;
        let found = match order {
            OrderRef::Id { order, slot } => slab.get(slot, order).map(|node| (slot, node)),
            OrderRef::Number(number) => {
                self.orders.numbered(by.sender.key, number).map(|slot| (slot, slab.at(slot)))
            }
        };
        let own = found.filter(|(_, node)| node.owner == by.account.0);
        own.map(|(slot, _)| slot).ok_or((RejectCode::UnknownOrder, 0))
    }

    /// Takes an order out that is no block, resting or sleeping, and tells the public if it rested. It holds what it held.
    #[inline(never)]
    pub(crate) fn take_out(&mut self, slot: SlotHint, out: &mut Output) -> Loose {
        let contract = self.contracts.at_mut(self.orders.record(slot).at);
        let order = self.orders.loose(slot, contract.id);
        let node = self.orders.slab.at(slot);
        if node.is_asleep() {
            self.take_out_stop(slot, &order);
        } else {
            let Loose { order, at: order_at, side, price, .. } = order;
            let entry = MarketEntry { order, side, price, units: node.left };
            contract.book.remove(&mut self.orders.slab, slot);
            contract.tell(self.stamp, MarketBody::Delete(entry), out);
            self.expect_indicative(order_at);
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
        if self.orders.slab.at(slot).is_block() {
            return self.end_block(slot, reason, None, out);
        }
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
