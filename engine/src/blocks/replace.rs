//! The replace of a resting block: a new limit, and a new total per slot.

use super::evaluate::Taker;
use crate::engine::{By, Engine, Refusal};
use crate::entry::tell_slot;
use crate::funds::Hold;
use crate::order::{Incoming, Loose};
use types::{Output, RejectCode, ReportBody, SlotHint, Ticks, Units};

impl Engine {
    /// Replaces the block at `slot`, whose gate has not closed. It stays where it is if its limit is the same and no
    /// more is left of it; otherwise it comes in again like a new one.
    pub(crate) fn replace_block(
        &mut self,
        by: By<'_>,
        slot: SlotHint,
        price: Ticks,
        units: Units,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let old = self.block_at(slot);
        let Taker { order, first: contract, side, min_units, .. } = old;
        let terms = self.orders.terms(slot, contract);
        let class = self.classes.of(contract).class;
        self.check_not_halted(&class, contract, terms.slots)?;
        let left = self.check_replaced(&terms, old.left, units)?;
        self.check_order_size(by.account, &terms, price, units)?;
        if min_units > left {
            return Err((RejectCode::MinUnitsOutOfRange, i64::from(min_units)));
        }
        let held = Hold { price: old.price, units: old.left };
        let more = self.check_block_funds(&old, Hold { price, units: left }, held)?;
        let kept_priority = price == old.price && left <= old.left;
        let replaced = out.reports.len();
        #[rustfmt::skip]
        let body = ReportBody::Replaced {
            order, slot, contract, side, price, units, left, kept_priority,
        };
        self.answer(by, body, out);
        self.hold_more_of_block(&old, more);
        if kept_priority {
            self.orders.set_units(slot, units);
            if left < old.left {
                self.orders.slab.at_mut(slot).left = left;
                self.tell_block(&Taker { left, ..old }, out);
            }
            return Ok(());
        }
        let record = *self.orders.record(slot);
        let (key, number) = (record.key(), record.number);
        let answers = Some(*by.sender);
        let loose = Loose { price, left, answers, ..self.orders.loose(slot, contract) };
        self.take_out_block(slot, out);
        let rests = self.enter_block(&mut Incoming { loose, key, number, units, terms: &terms }, out);
        tell_slot(&mut out.reports[replaced], rests);
        Ok(())
    }
}
