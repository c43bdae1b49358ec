//! Self-trade prevention: what an incoming order that comes to a resting one of its own account brings about
//! instead of a trade. Its own instruction decides.

use crate::engine::Engine;
use crate::order::Incoming;
use types::{CancelReason, MarketBody, MarketEntry, Output, SelfTrade, SlotHint};

impl Engine {
    /// Carries out the incoming order's instruction on the resting order at `slot`, the first of its side. False
    /// if the incoming order may not go on.
    pub(crate) fn prevent_self_trade(
        &mut self,
        order: &mut Incoming<'_>,
        slot: SlotHint,
        out: &mut Output,
    ) -> bool {
        match order.terms.self_trade {
            SelfTrade::CancelIncoming => false,
            SelfTrade::CancelResting => {
                self.end_open(slot, CancelReason::SelfTrade, out);
                true
            }
            SelfTrade::CancelBoth => {
                self.end_open(slot, CancelReason::SelfTrade, out);
                false
            }
            SelfTrade::Decrement => {
                self.decrement(order, slot, out);
                true
            }
        }
    }

    /// Takes what both have, as far as it shows, from both orders' totals.
    fn decrement(&mut self, order: &mut Incoming<'_>, slot: SlotHint, out: &mut Output) {
        let against = order.loose.side.opposite();
        let contract = self.contracts.at_mut(order.loose.at);
        let resting = self.orders.loose(slot, contract.id);
        let fill = contract.book.take_first(&mut self.orders.slab, against, order.loose.left);

        let mut entry =
            MarketEntry { order: resting.order, side: against, price: fill.price, units: fill.units };
        if fill.left > 0 && fill.refilled == 0 {
            entry.units = self.orders.slab.at(slot).left;
            contract.tell(self.stamp, MarketBody::Reduce(entry), out);
        } else {
            contract.tell(self.stamp, MarketBody::Delete(entry), out);
        }
        if fill.refilled > 0 {
            entry.units = fill.refilled;
            contract.tell(self.stamp, MarketBody::Add(entry), out);
        }

        self.release(&resting, fill.left);
        if fill.left > 0 {
            self.orders.set_units(slot, self.orders.record(slot).units - fill.units);
        } else {
            let list = &mut self.accounts.at_mut(resting.account).orders;
            self.orders.forget(slot, resting.order, list);
        }
        self.tell_cancelled(&resting, fill.units, fill.left, CancelReason::SelfTrade, out);

        let incoming = &mut order.loose;
        let left = incoming.left - fill.units;
        self.release(incoming, left);
        incoming.left = left;
        order.units -= fill.units;
        self.tell_cancelled(incoming, fill.units, left, CancelReason::SelfTrade, out);
    }
}
