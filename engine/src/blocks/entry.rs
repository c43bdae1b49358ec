//! New blocks: what is checked of one, in which order, and what becomes of it.

use super::Listed;
use super::evaluate::Taker;
use crate::engine::{By, Engine, Refusal};
use crate::entry::tell_slot;
use crate::funds::Hold;
use crate::order::{Incoming, Loose};
use crate::slab::NIL;
use types::{
    BlockEntry, CancelReason, Class, ContractId, Hour, MarketBody, NewOrder, Output, RejectCode, ReportBody,
    SlotHint, TimeInForce, Timestamp,
};

impl Engine {
    /// A new block whose terms have been checked by themselves.
    pub(crate) fn new_block(
        &mut self,
        by: By<'_>,
        terms: &NewOrder,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let NewOrder { contract, slots, side, price, units, .. } = *terms;
        let class = self.check_window(contract, slots)?;
        self.check_moment(terms)?;
        self.check_limits(by.account, terms)?;
        self.check_room_for_block(slots)?;
        let (open, most) = (self.blocks.of(by.account), self.accounts.limits(by.account).open_blocks);
        if open >= most {
            return Err((RejectCode::TooManyBlocks, i64::from(most)));
        }
        let mut loose = Loose {
            order: self.stamp.sequence,
            account: by.account,
            contract,
            at: 0,
            holding: NIL,
            side,
            price,
            left: units,
            answers: Some(*by.sender),
        };
        let (key, number) = (by.sender.key, by.sender.number);
        let taker = Taker::new(&Incoming { loose, key, number, units, terms });
        let more = self.check_block_funds(&taker, Hold { price, units }, Hold::NOTHING)?;
        loose.at = self.touch_window(&class, contract, slots, out)?;
        self.hold_more_of_block(&taker, more);
        let accepted = out.reports.len();
        self.answer(by, ReportBody::Accepted { order: loose.order, slot: 0, terms: *terms }, out);
        let slot = self.enter_block(&mut Incoming { loose, key, number, units, terms }, out);
        tell_slot(&mut out.reports[accepted], slot);
        Ok(())
    }

    /// Whether blocks for this window are taken now: slots of a listed class, all before their gates, all within the
    /// horizon, none halted.
    fn check_window(&self, first: ContractId, slots: u16) -> Result<Class, Refusal> {
        let no = first.class();
        let class = self.classes.get(no).ok_or((RejectCode::UnknownClass, i64::from(no.0)))?.class;
        let spec = &class.spec;
        if !class.is_aligned(first.start()) {
            return Err((RejectCode::NotASlot, i64::from(spec.slot_hours)));
        }
        let now = self.stamp.time;
        let last = first.start().plus((u32::from(slots) - 1) * u32::from(spec.slot_hours));
        let gate = |start: Hour| start.starts().minus_minutes(spec.gate_minutes);
        if now >= gate(last) {
            return Err((RejectCode::BlockInThePast, seconds(gate(last))));
        }
        if now >= gate(first.start()) {
            return Err((RejectCode::BlockAcrossGate, seconds(gate(first.start()))));
        }
        // The last slot a contract can be for may come before the horizon.
        let is_contract = ContractId::new(no, last).start() == last;
        let within = last < now.hour().plus(u32::from(spec.horizon_hours));
        let fits = slots <= spec.horizon_hours / u16::from(spec.slot_hours);
        if !(is_contract && within && fits) {
            return Err((RejectCode::BlockBeyondHorizon, i64::from(spec.horizon_hours)));
        }
        self.check_not_halted(&class, first, slots)?;
        Ok(class)
    }

    /// Whether no slot of a window is halted.
    pub(super) fn check_not_halted(
        &self,
        class: &Class,
        first: ContractId,
        slots: u16,
    ) -> Result<(), Refusal> {
        match class.window(first, slots).find(|&leg| self.is_halted(leg)) {
            Some(halted) => Err((RejectCode::Halted, i64::from(halted.0))),
            None => Ok(()),
        }
    }

    /// Whether there is room for one more open order that may bring its account a holding of each slot.
    fn check_room_for_block(&self, slots: u16) -> Result<(), Refusal> {
        self.check_room()?;
        self.holdings.check_room(self.orders.slab.len() + self.blocks.legs() + usize::from(slots))
    }

    /// Touches every contract of a window and says where the first lies; none if one of them has no place.
    fn touch_window(
        &mut self,
        class: &Class,
        first: ContractId,
        slots: u16,
        out: &mut Output,
    ) -> Result<u32, Refusal> {
        let has_place =
            |leg| self.contracts.find(&self.classes, leg).is_some() || self.classes.place(leg).is_none();
        if !class.window(first, slots).all(has_place) {
            return Err((RejectCode::BeyondHorizon, i64::from(class.spec.horizon_hours)));
        }
        for leg in class.window(first, slots) {
            self.touch(leg, out)?;
        }
        self.touch(first, out)
    }

    /// Lets a block that is nowhere trade as often as it can, and rests what is left of it if it may. Says where it
    /// rests.
    pub(super) fn enter_block(&mut self, order: &mut Incoming<'_>, out: &mut Output) -> Option<SlotHint> {
        let mut taker = Taker::new(order);
        let legs = self.legs_of(&taker);
        while let Ok(plan) = self.evaluate(&taker, &legs) {
            if !self.carry_out(&mut taker, &legs, &plan, out) {
                self.end_loose_block(&taker, CancelReason::SelfTrade, out);
                return None;
            }
            if taker.left == 0 {
                return None;
            }
        }
        order.loose.left = taker.left;
        let reason = match taker.time_in_force {
            TimeInForce::Ioc => CancelReason::Ioc,
            TimeInForce::Fok => CancelReason::Fok,
            _ if taker.is_below_minimum() => CancelReason::MinUnits,
            TimeInForce::Gtc | TimeInForce::Gtd(_) => match self.count_mass_cancelled(order) {
                Some(reason) => reason,
                None => return Some(self.rest_block(order, &taker, out)),
            },
        };
        self.end_loose_block(&taker, reason, out);
        None
    }

    fn rest_block(&mut self, order: &Incoming<'_>, taker: &Taker, out: &mut Output) -> SlotHint {
        let Loose { order: id, account, side, price, left, .. } = order.loose;
        let slot = self.orders.slab.insert_block(id, account.0, side, price, left);
        self.orders.remember(slot, order, &mut self.accounts.at_mut(account).orders);
        self.list_block(slot, taker);
        self.tell_block(taker, out);
        slot
    }

    /// Puts a block that lies at `slot` on the lists.
    pub(crate) fn list_block(&mut self, slot: SlotHint, taker: &Taker) {
        self.blocks.list(&listed(slot, taker), &self.classes, &self.contracts);
    }

    /// Takes it off them.
    pub(super) fn delist_block(&mut self, slot: SlotHint, taker: &Taker) {
        self.blocks.delist(&listed(slot, taker), &self.classes);
    }

    /// Tells the public how much is left of a block that rests, or rested.
    pub(super) fn tell_block(&mut self, taker: &Taker, out: &mut Output) {
        let Taker { order, first, slots, side, price, left, min_units, same_provider, .. } = *taker;
        let entry = BlockEntry { order, side, price, slots, units: left, min_units, same_provider };
        let at =
            self.contracts.find(&self.classes, first).expect("no slot of a block is settled before it ends");
        self.contracts.at_mut(at).tell(self.stamp, MarketBody::Block(entry), out);
    }
}

fn listed(slot: SlotHint, taker: &Taker) -> Listed {
    let Taker { order, account, first, slots, side, price, .. } = *taker;
    Listed { slot, order, account, first, slots, side, price }
}

/// Whole seconds since 1970.
fn seconds(moment: Timestamp) -> i64 {
    i64::try_from(moment.0 / 1_000_000_000).unwrap_or(i64::MAX)
}
