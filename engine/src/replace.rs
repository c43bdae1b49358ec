//! The replace: a new limit and a new total for an open order.

use crate::engine::{By, Engine, Refusal};
use crate::entry::{expiry_passed, tell_slot};
use crate::funds::Hold;
use crate::order::{Incoming, Loose};
use types::{
    MarketBody, MarketEntry, NewOrder, OrderRef, Output, RejectCode, ReportBody, SlotHint, Ticks,
    TimeInForce, Units, check_price, check_shown, check_units,
};

impl Engine {
    #[inline(never)]
    pub(crate) fn replace(
        &mut self,
        by: By<'_>,
        order: OrderRef,
        price: Ticks,
        units: Units,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        check_price(price)?;
        check_units(units)?;
        let slot = self.find_own(by, order)?;
        let at = self.orders.record(slot).at;
        let contract = self.contracts.at(at).id;
        self.check_open(contract)?;
        if self.orders.slab.at(slot).is_block() {
            return self.replace_block(by, slot, price, units, out);
        }
        let (old, terms) = (self.orders.loose(slot, contract), self.orders.terms(slot, contract));
        self.check_phase(contract, Some(at), &terms)?;
        self.price_within(contract, Some(at), old.side, price)?;
        let left = self.check_replaced(&terms, old.left, units)?;
        if !self.is_small(by.account, &self.classes.of(contract).class.spec, units) {
            self.check_order_size(by.account, &terms, price, units)?;
        }

        let held = Hold { price: old.price, units: old.left };
        let more = self.check_funds(&old, Hold { price, units: left }, held)?;
        let is_asleep = self.orders.slab.at(slot).is_asleep();
        let kept_priority = is_asleep || (price == old.price && left <= old.left);
        let side = old.side;
        if terms.post_only && !kept_priority {
            self.check_post_only(Some(at), side, price)?;
        }

        let replaced = out.reports.len();
        let body = ReportBody::Replaced {
            order: old.order,
            slot,
            contract,
            side,
            price,
            units,
            left,
            kept_priority,
        };
        self.answer(by, body, out);
        self.hold_more(&old, more);
        if is_asleep {
            self.orders.set_units(slot, units);
            let node = self.orders.slab.at_mut(slot);
            (node.price, node.left) = (price, left);
        } else if kept_priority {
            self.orders.set_units(slot, units);
            if left < old.left {
                self.shrink(slot, left, out);
            }
        } else {
            let record = self.orders.record(slot);
            let (key, number) = (record.key(), record.number);
            let loose = Loose { price, left, answers: Some(*by.sender), ..self.take_out(slot, out) };
            let rests = self.enter(&mut Incoming { loose, key, number, units, terms: &terms }, out);
            tell_slot(&mut out.reports[replaced], rests);
        }
        Ok(())
    }

    /// How many units would be left of an open order with another total, if it may have that.
    #[inline(always)]
    pub(crate) fn check_replaced(
        &self,
        terms: &NewOrder,
        left: Units,
        units: Units,
    ) -> Result<Units, Refusal> {
        let NewOrder { time_in_force, shown, min_units, .. } = *terms;
        if let TimeInForce::Gtd(moment) = time_in_force
            && moment <= self.stamp.time
        {
            return Err(expiry_passed(moment));
        }
        let filled = terms.units - left;
        let left = units.checked_sub(filled).filter(|&left| left > 0);
        let left = left.ok_or((RejectCode::AlreadyFilled, i64::from(filled)))?;
        if shown > 0 {
            check_shown(shown, units)?;
        }
        if min_units > units {
            return Err((RejectCode::MinUnitsOutOfRange, i64::from(min_units)));
        }
        Ok(left)
    }

    /// Lowers a resting order in its place. The public hears of it if it shows less.
    fn shrink(&mut self, slot: SlotHint, left: Units, out: &mut Output) {
        let before = self.orders.slab.at(slot).left;
        let at = self.orders.record(slot).at;
        let contract = self.contracts.at_mut(at);
        contract.book.reduce(&mut self.orders.slab, slot, left);
        let node = self.orders.slab.at(slot);
        if node.left < before {
            let entry =
                MarketEntry { order: node.id, side: node.side(), price: node.price, units: node.left };
            contract.tell(self.stamp, MarketBody::Reduce(entry), out);
        }
        self.expect_indicative(at);
    }
}
