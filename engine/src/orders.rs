//! Open orders: where each lies, what is known of it beside its node, and how it is found: by slot, by the number
//! its key gave it, in its account's list, and by the moment it is good till.

mod saved;

use crate::expiry::Expiries;
use crate::index::{Index, Name};
use crate::order::{Incoming, Loose, OrderRecord, RareTerms};
use crate::slab::{NIL, Slab};
use std::collections::BTreeMap;
use types::{
    AccountId, ContractId, KeyNo, NewOrder, OrderId, OrderKind, SlotHint, Ticks, TimeInForce, Timestamp,
    Units,
};

/// All open orders, resting and sleeping: the hot part in the slab, the rest in a record beside it.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) slab: Slab,
    /// By slot; meaningless where the slab's slot is free.
    records: Vec<OrderRecord>,
    /// The terms that few orders have.
    rare: Vec<RareTerms>,
    rare_free: Vec<u32>,
    /// Market orders that rest in a call, by where their contract lies and by id.
    markets: BTreeMap<(u32, OrderId), SlotHint>,
    by_number: Index,
    pub(crate) expiries: Expiries,
    pub(crate) watched: Watched,
}

/// The place of a walk along one account's list that goes on with later commands: a mass cancel under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    /// Whose list; account 0, which is nobody's, if there is no walk.
    pub(crate) account: AccountId,
    /// The order it comes to next; `NIL` at the end of the list. It moves on if that order goes away.
    pub(crate) next: SlotHint,
}

/// An account's open orders, in the order in which they were put there: a ring, so that the last says which is first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrderList {
    /// `NIL` if there are none.
    last: SlotHint,
    /// How many more there may be. Below 1 if an order of the account needs a closer look, see
    /// [`crate::accounts::room_of`].
    room: i32,
}

impl Watched {
    pub(crate) const NONE: Watched = Watched { account: AccountId(0), next: NIL };
}

impl Default for Orders {
    fn default() -> Orders {
        Orders::with_room(0)
    }
}

impl Default for OrderList {
    fn default() -> OrderList {
        OrderList { last: NIL, room: 0 }
    }
}

impl Orders {
    /// No orders, and room for so many. The index by number grows as it is needed: it does so piecemeal, and is the
    /// faster the smaller it is.
    pub(crate) fn with_room(orders: usize) -> Orders {
        Orders {
            slab: Slab::with_room(orders),
            records: Vec::with_capacity(orders),
            rare: Vec::new(),
            rare_free: Vec::new(),
            markets: BTreeMap::new(),
            by_number: Index::default(),
            expiries: Expiries::default(),
            watched: Watched::NONE,
        }
    }

    #[inline(always)]
    pub(crate) fn record(&self, slot: SlotHint) -> &OrderRecord {
        &self.records[slot as usize]
    }

    #[inline(always)]
    fn record_mut(&mut self, slot: SlotHint) -> &mut OrderRecord {
        &mut self.records[slot as usize]
    }

    /// Asks the processor for the order at a slot. Changes nothing but time.
    #[inline]
    pub(crate) fn prefetch(&self, slot: SlotHint) {
        self.slab.prefetch(slot);
        if let Some(record) = self.records.get(slot as usize) {
            crate::prefetch::line(record);
        }
    }

    /// Asks for where this number is, or will be, in the index.
    #[inline]
    pub(crate) fn prefetch_number(&self, key: KeyNo, number: u64) {
        self.by_number.prefetch(name(key, number));
    }

    /// All that is left of the order at `slot`, what it does not show included.
    #[inline(always)]
    pub(crate) fn left(&self, slot: SlotHint) -> Units {
        let node = self.slab.at(slot);
        if node.is_iceberg() { self.left_of_iceberg(slot) } else { node.left }
    }

    #[cold]
    fn left_of_iceberg(&self, slot: SlotHint) -> Units {
        self.slab.at(slot).left + self.slab.hidden(slot)
    }

    /// The order that this key gave this number, if it is open.
    #[inline(always)]
    pub(crate) fn numbered(&self, key: KeyNo, number: u64) -> Option<SlotHint> {
        let is_it = |slot: u32| {
            let record = self.record(slot);
            record.number == number && record.key() == key
        };
        self.by_number.find(name(key, number), is_it)
    }

    /// How many open orders can be named by number: all of them.
    pub(crate) fn numbered_len(&self) -> usize {
        self.by_number.len()
    }

    /// See [`Index::set_seed`].
    pub(crate) fn set_seed(&mut self, seed: [u64; 2]) {
        self.by_number.set_seed(seed);
    }

    /// The order at `slot` as it is when it has been taken out.
    #[inline(always)]
    pub(crate) fn loose(&self, slot: SlotHint, contract: ContractId) -> Loose {
        let (node, record) = (self.slab.at(slot), self.record(slot));
        Loose {
            order: node.id,
            account: AccountId(node.owner),
            contract,
            at: record.at,
            holding: self.holding(slot),
            side: node.side(),
            price: node.price,
            left: self.left(slot),
            answers: None,
        }
    }

    /// The terms of the order at `slot` as they are now.
    pub(crate) fn terms(&self, slot: SlotHint, contract: ContractId) -> NewOrder {
        let (node, record) = (self.slab.at(slot), self.record(slot));
        let terms = record.terms(node, contract);
        self.rare(slot).map_or(terms, |rare| rare.with(terms))
    }

    /// Where the holding lies that the order at `slot` stands on; `NIL` if that is not known.
    #[inline(always)]
    pub(crate) fn holding(&self, slot: SlotHint) -> u32 {
        self.rare(slot).map_or(self.record(slot).more, |rare| rare.holding)
    }

    #[inline(always)]
    pub(crate) fn set_holding(&mut self, slot: SlotHint, holding: u32) {
        let record = self.record_mut(slot);
        if record.has_rare_terms() {
            let more = record.more;
            self.rare[more as usize].holding = holding;
        } else {
            record.more = holding;
        }
    }

    /// The moment the order at `slot` is good till, if it is good till one.
    #[inline(always)]
    pub(crate) fn expiry(&self, slot: SlotHint) -> Option<Timestamp> {
        match self.rare(slot)?.time_in_force {
            TimeInForce::Gtd(moment) => Some(moment),
            _ => None,
        }
    }

    /// True if the moment it was good till has come.
    #[inline(always)]
    pub(crate) fn is_dead(&self, slot: SlotHint, now: Timestamp) -> bool {
        self.expiries.are_due(now) && self.expiry(slot).is_some_and(|moment| moment <= now)
    }

    /// The trigger of the stop that sleeps at `slot`.
    #[inline(always)]
    pub(crate) fn trigger(&self, slot: SlotHint) -> Option<Ticks> {
        self.rare(slot)?.trigger
    }

    /// The batch in which the sleeping stop at `slot` was elected, if it was.
    pub(crate) fn batch(&self, slot: SlotHint) -> Option<u64> {
        self.rare(slot).map(|rare| rare.batch).filter(|&batch| batch != 0)
    }

    pub(crate) fn set_batch(&mut self, slot: SlotHint, batch: u64) {
        let more = self.record(slot).more;
        self.rare[more as usize].batch = batch;
    }

    /// Sets the total of an open order.
    #[inline(always)]
    pub(crate) fn set_units(&mut self, slot: SlotHint, units: Units) {
        self.record_mut(slot).units = units;
    }

    #[inline(always)]
    fn rare(&self, slot: SlotHint) -> Option<&RareTerms> {
        let record = self.record(slot);
        record.has_rare_terms().then(|| &self.rare[record.more as usize])
    }

    /// Writes down the order that the slab has just been given at `slot`, at the end of its account's list.
    #[inline(always)]
    pub(crate) fn remember(&mut self, slot: SlotHint, order: &Incoming<'_>, list: &mut OrderList) {
        let mut record = OrderRecord::new(order);
        if record.has_rare_terms() {
            record.more = self.remember_rare(slot, order);
        }
        self.enlist(slot, record, order.loose.account, list);
    }

    /// Puts a record at the end of its account's list and into the index.
    #[inline(always)]
    pub(crate) fn enlist(
        &mut self,
        slot: SlotHint,
        mut record: OrderRecord,
        account: AccountId,
        list: &mut OrderList,
    ) {
        record.prev = list.last;
        record.next = match list.last {
            NIL => slot,
            last => std::mem::replace(&mut self.record_mut(last).next, slot),
        };
        match self.records.get_mut(slot as usize) {
            Some(place) => *place = record,
            None => self.records.push(record),
        }
        list.last = slot;
        list.room -= 1;
        if self.watched.next == NIL && self.watched.account == account {
            self.watched.next = slot;
        }
        let records = &self.records;
        self.by_number.insert(name(record.key(), record.number), slot, |slot| name_at(records, slot));
    }

    #[cold]
    fn remember_rare(&mut self, slot: SlotHint, order: &Incoming<'_>) -> u32 {
        let is_asleep = self.slab.at(slot).is_asleep();
        let rare = RareTerms::new(order, is_asleep);
        if rare.kind() == OrderKind::Market && !is_asleep {
            self.markets.insert((order.loose.at, order.loose.order), slot);
        }
        if let TimeInForce::Gtd(moment) = rare.time_in_force {
            self.slab.mark_dated(slot);
            self.expiries.insert(moment, order.loose.order, slot);
        }
        if let Some(more) = self.rare_free.pop() {
            self.rare[more as usize] = rare;
            return more;
        }
        self.rare.push(rare);
        u32::try_from(self.rare.len() - 1).expect("no more than open orders")
    }

    /// Forgets order `order`, which has just left the slab, or is about to leave it, at `slot`.
    #[inline(always)]
    pub(crate) fn forget(&mut self, slot: SlotHint, order: OrderId, list: &mut OrderList) {
        let record = *self.record(slot);
        if record.has_rare_terms() {
            self.forget_rare(&record, order);
        }
        self.delist(slot, &record, list);
    }

    /// Takes a record out of its account's list and out of the index.
    #[inline(always)]
    pub(crate) fn delist(&mut self, slot: SlotHint, record: &OrderRecord, list: &mut OrderList) {
        if self.watched.next == slot {
            self.watched.next = self.next_of(slot, *list);
        }
        match record.prev {
            NIL if list.last == slot => {}
            NIL => self.record_mut(list.last).next = record.next,
            prev => self.record_mut(prev).next = record.next,
        }
        if list.last == slot {
            list.last = record.prev;
        } else {
            self.record_mut(record.next).prev = record.prev;
        }
        list.room += 1;
        self.by_number.remove(name(record.key(), record.number), slot);
    }

    #[cold]
    fn forget_rare(&mut self, record: &OrderRecord, order: OrderId) {
        self.rare_free.push(record.more);
        let rare = &self.rare[record.more as usize];
        if rare.kind() == OrderKind::Market {
            self.markets.remove(&(record.at, order));
        }
        if let TimeInForce::Gtd(moment) = rare.time_in_force {
            self.expiries.remove(moment, order);
        }
    }

    /// The first by id of the market orders that rest in the contract that lies there.
    pub(crate) fn first_market(&self, at: u32) -> Option<SlotHint> {
        self.markets.range((at, 0)..=(at, OrderId::MAX)).next().map(|(_, &slot)| slot)
    }

    /// The order put first on an account's list; `NIL` if there is none.
    pub(crate) fn first_of(&self, list: OrderList) -> SlotHint {
        if list.last == NIL { NIL } else { self.record(list.last).next }
    }

    /// The order after one on its account's list; `NIL` if it is the last.
    pub(crate) fn next_of(&self, slot: SlotHint, list: OrderList) -> SlotHint {
        if slot == list.last { NIL } else { self.record(slot).next }
    }

    /// An account's open orders, in the order in which they were put there.
    pub(crate) fn list(&self, list: OrderList) -> impl Iterator<Item = SlotHint> {
        let there = |slot: SlotHint| Some(slot).filter(|&slot| slot != NIL);
        std::iter::successors(there(self.first_of(list)), move |&slot| there(self.next_of(slot, list)))
    }

    /// Checks that an account's list is whole: says how many orders are in it.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub(crate) fn check_list(&self, account: AccountId, list: OrderList) -> Result<usize, String> {
        let (mut before, mut count) = (NIL, 0);
        for slot in self.list(list) {
            let (node, record) = (self.slab.at(slot), self.record(slot));
            if node.id == 0 || node.owner != account.0 {
                return Err(format!("slot {slot} in the list of account {account} is not an order of it"));
            }
            if record.prev != before {
                return Err(format!("slot {slot} does not know what is before it in its account's list"));
            }
            if self.numbered(record.key(), record.number) != Some(slot) {
                return Err(format!("order {} is not found by its number", node.id));
            }
            (before, count) = (slot, count + 1);
        }
        if list.last != before {
            return Err(format!("the list of account {account} does not know its end"));
        }
        Ok(count)
    }
}

impl OrderList {
    /// True if there may be more orders, whatever they are worth.
    #[inline(always)]
    pub(crate) fn has_room(self) -> bool {
        self.room > 0
    }

    /// How many there are, of so many that there may be.
    pub(crate) fn len(self, most: i32) -> i32 {
        most - self.room
    }

    /// From now on there may be so many, not `before`.
    pub(crate) fn set_most(&mut self, before: i32, most: i32) {
        self.room += most - before;
    }
}

#[inline(always)]
fn name(key: KeyNo, number: u64) -> Name {
    Name { owner: key.0, number }
}

fn name_at(records: &[OrderRecord], slot: SlotHint) -> Name {
    let record = &records[slot as usize];
    name(record.key(), record.number)
}
