//! Orders: entry, cancel, replace. What is reserved here is what [`crate::settle`] releases.

use crate::ORDERS_MAX;
use crate::book::{Fill, Own};
use crate::engine::{Engine, Now, Refusal};
use crate::slab::Slab;
use rustc_hash::FxHashMap;
use types::{
    AccountId, CancelReason, Class, ContractId, KeyNo, MarketBody, MarketEntry, NewOrder, OrderId, OrderRef,
    Output, PRICE_MAX, RejectCode, ReportBody, Side, SlotHint, Ticks, TimeInForce, UNITS_MAX, Units,
    reserve_of,
};

/// All open orders: the hot part in the slab, the rest in a record beside it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    pub(crate) slab: Slab,
    /// By slot; meaningless where the slab's slot is free.
    records: Vec<OrderRecord>,
    /// Open orders by the number their key gave them.
    by_number: FxHashMap<(KeyNo, u64), SlotHint>,
    /// Room for one command's fills, kept between commands.
    pub(crate) fills: Vec<Fill>,
}

/// The cold part of an open order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderRecord {
    pub(crate) contract: ContractId,
    /// Where that contract lies.
    pub(crate) at: u32,
    pub(crate) key: KeyNo,
    pub(crate) number: u64,
    /// Its total: `units - left` are filled.
    pub(crate) units: Units,
}

/// An order on its way through the book: a new one, or a replaced one that gave up its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming {
    pub(crate) order: OrderId,
    pub(crate) account: AccountId,
    pub(crate) record: OrderRecord,
    pub(crate) side: Side,
    pub(crate) price: Ticks,
    pub(crate) left: Units,
}

impl Engine {
    pub(crate) fn new_order(&mut self, now: Now, order: NewOrder, out: &mut Output) -> Result<(), Refusal> {
        let NewOrder { contract, side, time_in_force, price, units } = order;
        check_terms(price, units)?;
        self.classes.check_open(contract, now.time)?;
        if self.orders.slab.len() >= ORDERS_MAX as usize {
            return Err((RejectCode::Full, i64::from(ORDERS_MAX)));
        }
        self.check_funds(now.account, contract, side, Hold { price, units }, Hold::NOTHING)?;
        let at = self.touch(contract)?;
        self.move_hold(now.account, contract, side, Hold { price, units }, Hold::NOTHING);

        let record = OrderRecord { contract, at, key: now.sender.key, number: now.sender.number, units };
        let incoming =
            Incoming { order: now.sequence, account: now.account, record, side, price, left: units };
        let accepted = out.reports.len();
        let body = ReportBody::Accepted {
            order: now.sequence,
            slot: 0,
            contract,
            side,
            time_in_force,
            price,
            units,
        };
        self.answer(now, body, out);

        let book = &self.contracts.at(at).book;
        let is_fok = time_in_force == TimeInForce::Fok;
        if is_fok && !book.can_fill(&self.orders.slab, side, price, units, now.account.0, Own::Stops) {
            self.end(now, incoming, CancelReason::Fok, out);
        } else if let Some(slot) = self.run(now, incoming, time_in_force, out)
            && let ReportBody::Accepted { slot: told, .. } = &mut out.reports[accepted].body
        {
            *told = slot;
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, now: Now, order: OrderRef, out: &mut Output) -> Result<(), Refusal> {
        let slot = self.find_own(now, order)?;
        let incoming = self.take_out(now, slot, out);
        self.end(now, incoming, CancelReason::Owner, out);
        Ok(())
    }

    pub(crate) fn replace(
        &mut self,
        now: Now,
        order: OrderRef,
        price: Ticks,
        units: Units,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        check_terms(price, units)?;
        let slot = self.find_own(now, order)?;
        let (node, record) = (*self.orders.slab.at(slot), self.orders.records[slot as usize]);
        let (contract, side) = (record.contract, node.side());
        self.classes.check_open(contract, now.time)?;
        let filled = record.units - node.left;
        let left = units.checked_sub(filled).filter(|&left| left > 0);
        let left = left.ok_or((RejectCode::AlreadyFilled, i64::from(filled)))?;

        let (hold, held) = (Hold { price, units: left }, Hold { price: node.price, units: node.left });
        self.check_funds(now.account, contract, side, hold, held)?;
        let kept_priority = price == node.price && left <= node.left;
        let told = out.reports.len();
        let body =
            ReportBody::Replaced { order: node.id, slot, contract, side, price, units, left, kept_priority };
        if kept_priority {
            self.move_hold(now.account, contract, side, hold, held);
            self.shrink(now, slot, units, left, out);
            self.answer(now, body, out);
            return Ok(());
        }
        let incoming = self.take_out(now, slot, out);
        self.move_hold(now.account, contract, side, hold, held);
        let record = OrderRecord { units, ..incoming.record };
        self.answer(now, body, out);
        let again = Incoming { record, price, left, ..incoming };
        if let Some(rests) = self.run(now, again, TimeInForce::Gtc, out)
            && let ReportBody::Replaced { slot, .. } = &mut out.reports[told].body
        {
            *slot = rests;
        }
        Ok(())
    }

    /// Takes a resting order out of the book and tells the public. Its reservation stays.
    pub(crate) fn take_out(&mut self, now: Now, slot: SlotHint, out: &mut Output) -> Incoming {
        let node = *self.orders.slab.at(slot);
        let record = self.orders.forget(slot);
        let contract = self.contracts.at_mut(record.at);
        contract.book.remove(&mut self.orders.slab, slot);
        let entry = MarketEntry { order: node.id, side: node.side(), price: node.price, units: node.left };
        contract.tell(now.sequence, now.time, MarketBody::Delete(entry), out);
        let account = AccountId(node.owner);
        Incoming { order: node.id, account, record, side: node.side(), price: node.price, left: node.left }
    }

    /// Releases what an order that is out of the book still holds, and tells its owner why it ended.
    pub(crate) fn end(&mut self, now: Now, ended: Incoming, reason: CancelReason, out: &mut Output) {
        let Incoming { order, account, record, side, price, left } = ended;
        self.move_hold(account, record.contract, side, Hold::NOTHING, Hold { price, units: left });
        let body = ReportBody::Cancelled { order, contract: record.contract, side, units: left, reason };
        if account == now.account { self.answer(now, body, out) } else { self.tell(account, body, out) }
    }

    /// Matches the order and rests what is left if it may; says where it rests.
    fn run(
        &mut self,
        now: Now,
        incoming: Incoming,
        lasts: TimeInForce,
        out: &mut Output,
    ) -> Option<SlotHint> {
        let Incoming { order, account, record, side, price, .. } = incoming;
        let mut fills = std::mem::take(&mut self.orders.fills);
        let book = &mut self.contracts.at_mut(record.at).book;
        let taken = book.take(&mut self.orders.slab, side, price, incoming.left, account.0, &mut fills);
        let mut left = incoming.left;
        for fill in fills.drain(..) {
            self.settle(now, Incoming { left, ..incoming }, fill, out);
            left -= fill.units;
        }
        self.orders.fills = fills;

        let rest = Incoming { left: taken.left, ..incoming };
        if rest.left == 0 {
            return None;
        }
        if taken.met_own {
            self.end(now, rest, CancelReason::SelfTrade, out);
            return None;
        }
        if lasts != TimeInForce::Gtc {
            self.end(now, rest, CancelReason::Ioc, out);
            return None;
        }
        let contract = self.contracts.at_mut(record.at);
        let slot = contract.book.rest(&mut self.orders.slab, order, account.0, side, price, rest.left);
        let entry = MarketEntry { order, side, price, units: rest.left };
        contract.tell(now.sequence, now.time, MarketBody::Add(entry), out);
        self.orders.remember(slot, record);
        Some(slot)
    }

    /// Lowers a resting order in its place.
    fn shrink(&mut self, now: Now, slot: SlotHint, units: Units, left: Units, out: &mut Output) {
        let node = *self.orders.slab.at(slot);
        let record = &mut self.orders.records[slot as usize];
        record.units = units;
        if left == node.left {
            return;
        }
        let contract = self.contracts.at_mut(record.at);
        contract.book.reduce(&mut self.orders.slab, slot, left);
        let entry = MarketEntry { order: node.id, side: node.side(), price: node.price, units: left };
        contract.tell(now.sequence, now.time, MarketBody::Reduce(entry), out);
    }

    /// The slot of an open order of the sender's account. Unknown and foreign orders get the same answer.
    fn find_own(&self, now: Now, order: OrderRef) -> Result<SlotHint, Refusal> {
        let slot = match order {
            OrderRef::Id { order, slot } => self.orders.slab.get(slot, order).map(|_| slot),
            OrderRef::Number(number) => self.orders.by_number.get(&(now.sender.key, number)).copied(),
        };
        let own = slot.filter(|&slot| self.orders.slab.at(slot).owner == now.account.0);
        own.ok_or((RejectCode::UnknownOrder, 0))
    }
}

/// What an order holds: at this limit, for this many units.
#[derive(Clone, Copy, Debug)]
struct Hold {
    price: Ticks,
    units: Units,
}

impl Hold {
    const NOTHING: Hold = Hold { price: 1, units: 0 };

    /// The cash a buy order holds.
    fn cash(self, class: &Class) -> Option<i64> {
        reserve_of(class, self.price, self.units)
    }
}

impl Engine {
    /// True if the account has what it takes to hold `hold` instead of `held`.
    fn check_funds(
        &self,
        account: AccountId,
        contract: ContractId,
        side: Side,
        hold: Hold,
        held: Hold,
    ) -> Result<(), Refusal> {
        if side == Side::Sell {
            let free = self.holdings.free_units(account, contract);
            let more = hold.units.saturating_sub(held.units);
            return if more <= free { Ok(()) } else { Err((RejectCode::NotEnoughUnits, i64::from(free))) };
        }
        let record = self.classes.of(contract);
        let needed = hold.cash(&record.class).ok_or((RejectCode::TooLarge, i64::from(hold.units)))?;
        let more = needed - held.cash(&record.class).unwrap_or(0);
        let free = self.accounts.get(account).map_or(0, |account| account.cash[record.currency].free);
        if more <= free { Ok(()) } else { Err((RejectCode::NotEnoughCash, more)) }
    }

    /// Holds `hold` instead of `held`, which the account has been checked to have.
    fn move_hold(&mut self, account: AccountId, contract: ContractId, side: Side, hold: Hold, held: Hold) {
        if side == Side::Sell {
            let holding = self.holdings.at_mut(account, contract);
            let all = holding.free + holding.reserved;
            holding.reserved = holding.reserved - held.units + hold.units;
            holding.free = all - holding.reserved;
            return;
        }
        let record = self.classes.of(contract);
        let amount = |hold: Hold| hold.cash(&record.class).expect("checked when it was reserved");
        let more = amount(hold) - amount(held);
        let cash = self.accounts.cash(account, record.currency);
        cash.free -= more;
        cash.reserved += more;
    }
}

impl Orders {
    /// The record of the order resting at `slot`.
    pub(crate) fn record(&self, slot: SlotHint) -> &OrderRecord {
        &self.records[slot as usize]
    }

    /// Forgets an order's number as it leaves the book; its record stays readable until the slot is used again.
    pub(crate) fn forget(&mut self, slot: SlotHint) -> OrderRecord {
        let record = self.records[slot as usize];
        self.by_number.remove(&(record.key, record.number));
        record
    }

    fn remember(&mut self, slot: SlotHint, record: OrderRecord) {
        let at = slot as usize;
        if at == self.records.len() {
            self.records.push(record);
        } else {
            self.records[at] = record;
        }
        self.by_number.insert((record.key, record.number), slot);
    }

    /// How many open orders can be named by number: all of them.
    pub(crate) fn numbered(&self) -> usize {
        self.by_number.len()
    }
}

fn check_terms(price: Ticks, units: Units) -> Result<(), Refusal> {
    if !(1..=PRICE_MAX).contains(&price) {
        return Err((RejectCode::PriceOutOfRange, price));
    }
    if !(1..=UNITS_MAX).contains(&units) {
        return Err((RejectCode::UnitsOutOfRange, i64::from(units)));
    }
    Ok(())
}
