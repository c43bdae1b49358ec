//! Stops: orders that sleep until the contract trades at their trigger.
//!
//! Trades whose prices meet a sleeping stop queue an *election*. One piece of pending work elects one stop, the
//! one nearest to the market first; elected stops line up by batch and age, and when nobody is left to elect, one
//! piece wakes the first of the line. What it trades queues elections behind. So a cascade runs on piece by piece,
//! in an order that does not depend on how many pieces a command does. Where nothing matches, in a call or a halt, no
//! stop wakes: one whose turn comes then sleeps on.

mod saved;

use crate::engine::Engine;
use crate::entry::tell_slot;
use crate::order::{Incoming, Loose};
use std::collections::{BTreeMap, VecDeque};
use types::{
    CancelReason, ContractId, OrderId, Output, Phase, ReportBody, Sequence, Side, SlotHint, Ticks,
    TimeInForce,
};

/// All sleeping stops.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stops {
    /// Those not elected.
    asleep: BTreeMap<Place, SlotHint>,
    /// What trades have yet to elect. The first of them has somebody to elect.
    elections: VecDeque<Election>,
    /// Those elected, by batch and age.
    line: BTreeMap<(u64, OrderId), SlotHint>,
    /// How many elections there have been.
    batches: u64,
}

/// Where a sleeping stop stands: contract, side, rank, id.
type Place = (ContractId, Side, i64, OrderId);

/// Prices at which a contract traded in one go, and the stops they meet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Election {
    at: u32,
    /// The command of the trades: stops that came later are not met by them.
    sequence: Sequence,
    low: Ticks,
    high: Ticks,
    batch: u64,
    /// Whom it elects next, if it is the first election; nobody before it is left to elect.
    next: Place,
}

/// The rank of a stop where there is none: no price meets it.
pub(crate) const NO_STOP: i64 = i64::MAX;

/// A trigger as a number that is the lower, the nearer it is to the market.
#[inline]
pub(crate) fn rank(side: Side, trigger: Ticks) -> i64 {
    match side {
        Side::Buy => trigger,
        Side::Sell => -trigger,
    }
}

impl Engine {
    /// True if the contract's last price meets the trigger of a new stop.
    pub(crate) fn is_met(&self, order: &Loose, trigger: Ticks) -> bool {
        let last = self.contracts.at(order.at).last_price;
        last != 0 && rank(order.side, trigger) <= rank(order.side, last)
    }

    /// Puts a new stop to sleep and says where it lies.
    pub(crate) fn sleep(&mut self, order: &Incoming<'_>) -> SlotHint {
        let Loose { order: id, account, side, price, left, .. } = order.loose;
        let slot = self.orders.slab.insert_asleep(id, account.0, side, price, left);
        self.orders.remember(slot, order, &mut self.accounts.at_mut(account).orders);
        self.put_to_sleep(slot, &order.loose);
        slot
    }

    /// Takes a stop out of the sleeping ones, elected or not.
    #[cold]
    pub(crate) fn take_out_stop(&mut self, slot: SlotHint, order: &Loose) {
        match self.orders.batch(slot) {
            Some(batch) => {
                self.stops.line.remove(&(batch, order.order));
            }
            None => self.take_from_sleep(order.at, self.place_of_stop(slot, order)),
        }
        self.orders.slab.remove_asleep(slot);
    }

    /// Wakes a stop: from now on it is an order like any other. Says where it rests.
    pub(crate) fn wake(&mut self, order: &mut Incoming<'_>, out: &mut Output) -> Option<SlotHint> {
        let triggered = out.reports.len();
        let Loose { order: id, account, contract, side, left, answers, .. } = order.loose;
        let body = ReportBody::Triggered { order: id, slot: 0, contract, side, left };
        self.accounts.tell(self.stamp, account, answers, body, out);
        let rests = self.enter(order, out);
        tell_slot(&mut out.reports[triggered], rests);
        rests
    }

    /// Queues the election of the contract's stops that trades from `low` to `high` meet, if there are any.
    #[inline]
    pub(crate) fn elect_met(&mut self, at: u32, low: Ticks, high: Ticks) {
        let contract = self.contracts.at(at);
        let [buys, sells] = contract.first_stops;
        if buys > rank(Side::Buy, high) && sells > rank(Side::Sell, low) {
            return;
        }
        self.stops.batches += 1;
        let next = (contract.id, Side::Buy, i64::MIN, 0);
        let (sequence, batch) = (self.stamp.sequence, self.stops.batches);
        self.stops.elections.push_back(Election { at, sequence, low, high, batch, next });
        self.stops.find_next();
    }

    /// Does one piece of the work on stops. False if there is none.
    #[cold]
    pub(crate) fn work_on_stops(&mut self, out: &mut Output) -> bool {
        if let Some(&Election { at, batch, next, .. }) = self.stops.elections.front() {
            let slot = self.stops.asleep[&next];
            self.orders.set_batch(slot, batch);
            self.stops.line.insert((batch, next.3), slot);
            self.take_from_sleep(at, next);
            return true;
        }
        match self.stops.line.first_key_value() {
            Some((_, &slot)) => self.run_elected(slot, out),
            None => return false,
        }
        true
    }

    fn run_elected(&mut self, slot: SlotHint, out: &mut Output) {
        let record = *self.orders.record(slot);
        if self.is_undue(slot, record.at) {
            self.sleep_on(slot);
            return;
        }
        let contract = self.contracts.at(record.at).id;
        let terms = self.orders.terms(slot, contract);
        let loose = self.take_out(slot, out);
        let now = self.stamp.time;
        if now >= self.classes.of(contract).class.gate(contract) {
            self.end(&loose, CancelReason::Gate, out);
        } else if matches!(terms.time_in_force, TimeInForce::Gtd(moment) if moment <= now) {
            self.end(&loose, CancelReason::Expired, out);
        } else {
            let (key, number, units) = (record.key(), record.number, record.units);
            self.wake(&mut Incoming { loose, key, number, units, terms: &terms }, out);
        }
    }

    /// True if an elected stop could wake but for its contract, where nothing matches now.
    fn is_undue(&self, slot: SlotHint, at: u32) -> bool {
        let (contract, now) = (self.contracts.at(at), self.stamp.time);
        let lives = now < contract.gate && self.orders.expiry(slot).is_none_or(|moment| moment > now);
        lives && contract.phase != Phase::Continuous
    }

    /// Takes an elected stop's election back: it sleeps on until its trigger is met again.
    fn sleep_on(&mut self, slot: SlotHint) {
        let contract = self.contracts.at(self.orders.record(slot).at).id;
        let order = self.orders.loose(slot, contract);
        if let Some(batch) = self.orders.batch(slot) {
            self.stops.line.remove(&(batch, order.order));
        }
        self.orders.set_batch(slot, 0);
        self.put_to_sleep(slot, &order);
    }

    /// Puts a stop that lies in the slab among those that sleep.
    pub(crate) fn put_to_sleep(&mut self, slot: SlotHint, order: &Loose) {
        let place = self.place_of_stop(slot, order);
        self.stops.asleep.insert(place, slot);
        let first = &mut self.contracts.at_mut(order.at).first_stops[order.side as usize];
        *first = place.2.min(*first);
    }

    /// Where the stop that sleeps at `slot` stands.
    fn place_of_stop(&self, slot: SlotHint, order: &Loose) -> Place {
        let trigger = self.orders.trigger(slot).expect("a sleeping stop has a trigger");
        (order.contract, order.side, rank(order.side, trigger), order.order)
    }

    fn take_from_sleep(&mut self, at: u32, place: Place) {
        let (contract, side, _, _) = place;
        self.stops.asleep.remove(&place);
        let first = self.stops.first(contract, side).map_or(NO_STOP, |first| first.0.2);
        self.contracts.at_mut(at).first_stops[side as usize] = first;
        self.stops.find_next();
    }
}

impl Stops {
    pub(crate) fn has_pending(&self) -> bool {
        !self.elections.is_empty() || !self.line.is_empty()
    }

    /// The first of a contract's stops that are not elected: buys before sells, nearest to the market first.
    pub(crate) fn first_of(&self, contract: ContractId) -> Option<SlotHint> {
        let first = self.first(contract, Side::Buy).or_else(|| self.first(contract, Side::Sell));
        first.map(|first| first.1)
    }

    /// All of them, in no order that matters.
    pub(crate) fn slots(&self) -> impl Iterator<Item = SlotHint> {
        self.asleep.values().chain(self.line.values()).copied()
    }

    /// Elected stops, the next to wake first: batch, id.
    pub(crate) fn line(&self) -> impl Iterator<Item = (u64, OrderId)> {
        self.line.keys().copied()
    }

    /// What is yet to be elected: contract, command, prices, batch.
    pub(crate) fn elections(&self) -> impl Iterator<Item = (ContractId, Sequence, [Ticks; 2], u64)> {
        let told = |one: &Election| (one.next.0, one.sequence, [one.low, one.high], one.batch);
        self.elections.iter().map(told)
    }

    pub(crate) fn batches(&self) -> u64 {
        self.batches
    }

    fn first(&self, contract: ContractId, side: Side) -> Option<(Place, SlotHint)> {
        let all = (contract, side, i64::MIN, 0)..=(contract, side, i64::MAX, OrderId::MAX);
        self.asleep.range(all).next().map(|(&place, &slot)| (place, slot))
    }

    /// Finds out whom the first election elects next. Elections that have nobody left are over.
    fn find_next(&mut self) {
        while let Some(first) = self.elections.front_mut() {
            match next_of(first, &self.asleep) {
                Some(next) => {
                    first.next = next;
                    return;
                }
                None => {
                    self.elections.pop_front();
                }
            }
        }
    }
}

/// Whom an election elects next: the first from its `next` on that its prices meet and that was there.
fn next_of(election: &Election, asleep: &BTreeMap<Place, SlotHint>) -> Option<Place> {
    let contract = election.next.0;
    let met = |side, price| {
        let from = election.next.max((contract, side, i64::MIN, 0));
        let to = (contract, side, rank(side, price), OrderId::MAX);
        let was_there = |place: &Place| place.3 <= election.sequence;
        let mut places = (from <= to).then(|| asleep.range(from..=to)).into_iter().flatten();
        places.find(|(place, _)| was_there(place)).map(|(&place, _)| place)
    };
    met(Side::Buy, election.high).or_else(|| met(Side::Sell, election.low))
}
