//! Restoring open orders: each at its slot, in its book or asleep, in its account's list.

use super::RestoreError;
use super::error::{at_most, conflict, in_range, twice, unknown};
use crate::ORDERS_MAX;
use crate::engine::Engine;
use crate::order::{Incoming, Loose};
use crate::save::SavedOrder;
use crate::slab::NIL;
use types::{
    NewOrder, OpenOrder, OrderId, OrderKind, Phase, Side, SlotHint, TimeInForce, check_price,
    reserve_of_window,
};

/// How many orders ahead memory is asked for.
const AHEAD: usize = 16;

impl Engine {
    /// Puts all open orders back, in the order in which they were saved, and the free slots in theirs.
    pub(super) fn restore_orders(
        &mut self,
        orders: &[SavedOrder],
        free: &[SlotHint],
    ) -> Result<(), RestoreError> {
        let slots = check_slots(orders, free)?;
        check_ids(orders)?;
        let legs: u64 = orders.iter().map(|order| u64::from(order.open.terms.slots)).sum();
        at_most("open orders and holdings", legs, self.holdings.room(0) as u64)?;
        self.orders.lay_out(slots, orders.len());
        for (at, order) in orders.iter().enumerate() {
            if let Some(coming) = orders.get(at + AHEAD) {
                self.orders.prefetch(coming.open.slot);
            }
            self.restore_order(order)?;
        }
        self.orders.slab.set_free(free);
        // What windows cost is known once all books are there.
        for order in orders.iter().filter(|order| order.open.terms.is_block()) {
            self.relist_block(order.open.slot);
        }
        self.link_orders(orders)
    }

    fn restore_order(&mut self, saved: &SavedOrder) -> Result<(), RestoreError> {
        self.check_order(saved)?;
        let OpenOrder { account, order, slot, key, number, ref terms, left, shown } = saved.open;
        let NewOrder { contract, side, price, units, .. } = *terms;
        let at = self.contracts.find(&self.classes, contract);
        let at = at.ok_or_else(|| unknown("contract", contract.0, "an order"))?;
        self.check_standing(saved, at)?;
        let holding = match side {
            Side::Buy => NIL,
            Side::Sell if terms.is_block() => NIL,
            Side::Sell => self
                .holdings
                .find(account, contract)
                .ok_or_else(|| unknown("holding of account", account, "an order to sell"))?,
        };
        let loose = Loose { order, account, contract, at, holding, side, price, left, answers: None };
        let incoming = Incoming { loose, key, number, units, terms };
        self.orders.slab.use_next(slot);
        if terms.is_block() {
            self.restore_block(slot, &incoming);
            return Ok(());
        }
        if terms.trigger.is_some() {
            self.restore_stop(slot, &incoming, saved.batch);
            return Ok(());
        }
        let (book, slab) = (&mut self.contracts.at_mut(at).book, &mut self.orders.slab);
        book.rest(slab, order, account.0, side, price, shown);
        if shown < left {
            slab.restore_iceberg(slot, terms.shown, left - shown);
        }
        self.orders.restore(slot, &incoming);
        Ok(())
    }

    /// Checks an order by itself, and that its key could have sent it.
    fn check_order(&self, saved: &SavedOrder) -> Result<(), RestoreError> {
        let OpenOrder { account, order, slot: _, key, number, terms, left, shown } = saved.open;
        in_range("order", order, 1, self.stamp.sequence)?;
        let sent_by = self.keys.get(key).ok_or_else(|| unknown("key", key, "an order"))?;
        if sent_by.account != account {
            return Err(conflict("order", order, "the account of the key that sent it"));
        }
        in_range("number of an order", number, 1, sent_by.taken()[0])?;
        if self.orders.numbered(key, number).is_some() {
            return Err(twice("number of an order", number));
        }
        // An order that lost units to one of its own account may show less than it once was to show.
        let let_in = NewOrder { shown: terms.shown.min(terms.units), ..terms };
        let checked = let_in.check().and_then(|()| check_price(terms.price));
        checked.map_err(|(code, value)| RestoreError::Terms { order, code, value })?;
        in_range("units left of an order", left, 1, terms.units)?;
        let sleeps = terms.trigger.is_some();
        let ends = matches!(terms.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        let is_block = terms.is_block();
        if !sleeps && (ends || (terms.min_units > 0 && !is_block)) {
            return Err(conflict("order", order, "a trigger, or terms on which it may rest"));
        }
        if is_block {
            in_range("units left of a block", left, terms.min_units.max(1), terms.units)?;
        }
        let (least, most) = match terms.shown {
            _ if sleeps || is_block => (0, 0),
            0 => (left, left),
            clip => (1, left.min(clip)),
        };
        in_range("units shown of an order", shown, least, most)?;
        at_most("batch of an order", saved.batch, if sleeps { self.stops.batches() } else { 0 })
    }

    /// Checks that an order can be open where it is, and that what it holds is a sum.
    fn check_standing(&self, saved: &SavedOrder, at: u32) -> Result<(), RestoreError> {
        let OpenOrder { order, ref terms, left, .. } = saved.open;
        let contract = self.contracts.at(at);
        let gathers = terms.kind == OrderKind::Market && terms.trigger.is_none();
        if gathers && contract.phase == Phase::Continuous {
            return Err(conflict("order", order, "a contract in whose call it may rest"));
        }
        let is_closing =
            contract.phase == Phase::Closed && saved.batch == 0 && self.calendar.closes(contract.id);
        if !is_open(contract.phase) && !is_closing {
            return Err(conflict("order", order, "a contract that trades or is being closed"));
        }
        if terms.is_block() {
            self.check_legs(saved)?;
        }
        let class = &self.classes.of(contract.id).class;
        let reserve = reserve_of_window(class, terms.price, left, terms.slots);
        if terms.side == Side::Buy && reserve.is_none() {
            return Err(conflict("order", order, "a value that is a number"));
        }
        Ok(())
    }

    /// Checks that every contract of a block is there, and that one who sells has units of each.
    fn check_legs(&self, saved: &SavedOrder) -> Result<(), RestoreError> {
        let OpenOrder { account, ref terms, .. } = saved.open;
        let class = &self.classes.of(terms.contract).class;
        let most = class.spec.horizon_hours / u16::from(class.spec.slot_hours);
        in_range("slots of a block", terms.slots, 2, most)?;
        for leg in class.window(terms.contract, terms.slots) {
            let at = self.contracts.find(&self.classes, leg);
            let at = at.ok_or_else(|| unknown("contract", leg.0, "a block"))?;
            if leg != terms.contract && !is_open(self.contracts.at(at).phase) {
                return Err(conflict("slot of a block", leg.0, "one that trades: its first closes before"));
            }
            if terms.side == Side::Sell && self.holdings.find(account, leg).is_none() {
                return Err(unknown("holding of account", account, "a block to sell"));
            }
        }
        Ok(())
    }

    /// Links the lists of the accounts' orders.
    fn link_orders(&mut self, orders: &[SavedOrder]) -> Result<(), RestoreError> {
        for SavedOrder { open, behind, .. } in orders {
            let is_own = |slot| {
                let node = self.orders.slab.peek(slot);
                node.is_some_and(|node| node.id != 0 && node.owner == open.account.0)
            };
            if let Some(slot) = behind.filter(|&slot| !is_own(slot)) {
                return Err(unknown("slot of its account", slot, "an order"));
            }
            let list = &mut self.accounts.at_mut(open.account).orders;
            if !self.orders.link(open.slot, *behind, list) {
                return Err(twice("place in its account's list of order", open.order));
            }
        }
        for SavedOrder { open, .. } in orders {
            self.orders.link_last(open.slot, &mut self.accounts.at_mut(open.account).orders);
        }
        Ok(())
    }
}

/// True of a contract that trades, or will before its gate.
fn is_open(phase: Phase) -> bool {
    match phase {
        Phase::PreOpen | Phase::Auction | Phase::Continuous | Phase::Halted => true,
        Phase::Closed | Phase::InDelivery | Phase::Settled => false,
    }
}

/// How many slots there are: each holds one order or is free, once.
fn check_slots(orders: &[SavedOrder], free: &[SlotHint]) -> Result<usize, RestoreError> {
    let slots = orders.len() + free.len();
    at_most("number of slots", slots as u64, u64::from(ORDERS_MAX))?;
    let mut used = vec![false; slots];
    for &slot in orders.iter().map(|order| &order.open.slot).chain(free) {
        match used.get_mut(slot as usize) {
            Some(used) if !*used => *used = true,
            Some(_) => return Err(twice("slot", slot)),
            None => at_most("slot", u64::from(slot), (slots as u64).saturating_sub(1))?,
        }
    }
    Ok(slots)
}

/// No two orders have one id.
fn check_ids(orders: &[SavedOrder]) -> Result<(), RestoreError> {
    let mut ids: Vec<OrderId> = orders.iter().map(|order| order.open.order).collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(twice("order", pair[0])),
        None => Ok(()),
    }
}
