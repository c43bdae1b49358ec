//! The state digest: one hash over everything that decides what the engine will do next.

use crate::auction::{Stage, Uncross, Weighing};
use crate::calendar::Work;
use crate::engine::Engine;
use crate::mass_cancel::{Cause, Job};
use std::fmt;
use types::{
    Lane, Limits, NewOrder, OpenOrder, OrderKind, Phase, Rights, Role, Scope, SelfTrade, Side, StateEvent,
    TimeInForce,
};

/// A BLAKE3 hash of the whole state: two engines with the same digest answer every later command alike.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl Engine {
    /// The digest of the state: full queue order and coming slot hints, not totals. Scans everything.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut hash = Hash { hasher: blake3::Hasher::new(), bytes: Vec::with_capacity(GATHERED) };
        hash.numbers(&[self.stamp.sequence, self.stamp.time.0]);
        self.each_of_state(&mut |event| hash.state(&event));
        self.hash_rest(&mut hash);
        Digest(hash.finish())
    }

    /// What the mirrors are not told.
    fn hash_rest(&self, hash: &mut Hash) {
        for (deposited, fees) in self.accounts.deposited.iter().zip(self.accounts.fees) {
            hash.signed(&[*deposited, fees]);
        }
        for (&(account, external), &(currency, amount)) in &self.deposits.cash {
            hash.numbers(&[u64::from(account.0), external]);
            hash.bytes(&currency.bytes());
            hash.signed(&[amount]);
        }
        for (&(contract, account, external), &units) in &self.deposits.capacity {
            hash.numbers(&[u64::from(contract.0), u64::from(account.0), external, u64::from(units)]);
        }
        hash.numbers(&[self.seed]);
        hash.numbers(&[self.halts.iter().count() as u64]);
        self.halts.iter().for_each(|halted| hash.scope(halted));
        for contract in self.contracts.sorted() {
            hash.numbers(&[u64::from(contract.id.0), u64::from(contract.deposited)]);
            hash.numbers(&[contract.until.0, contract.indicative.0]);
            // The order in which holdings will be delivered.
            self.holdings
                .list(contract.holders)
                .for_each(|holding| hash.numbers(&[u64::from(holding.account.0)]));
        }
        hash.numbers(&[self.calendar.clock().0]);
        self.calendar
            .deadlines()
            .for_each(|&(time, contract)| hash.numbers(&[time.0, u64::from(contract.0)]));
        self.hash_work(hash);
        // The order in which mass cancels will come to them.
        for (_, account) in self.accounts.iter() {
            self.orders.list(account.orders).for_each(|slot| hash.numbers(&[u64::from(slot)]));
        }
        self.orders.slab.free_slots().for_each(|slot| hash.numbers(&[u64::from(slot)]));
    }

    /// Pending work, in the order in which it will be done. Each list begins with its length, so that none runs
    /// into the next.
    fn hash_work(&self, hash: &mut Hash) {
        hash.numbers(&[u64::from(self.uncross.is_some()), self.halts.walks().count() as u64]);
        self.uncross.iter().for_each(|uncross| hash.uncross(uncross));
        for walk in self.halts.walks() {
            hash.scope(walk.scope);
            hash.numbers(&[walk.after.map_or(u64::MAX, |after| u64::from(after.0))]);
        }
        hash.numbers(&[self.stops.batches(), self.stops.elections().count() as u64]);
        for (contract, sequence, prices, batch) in self.stops.elections() {
            hash.numbers(&[u64::from(contract.0), sequence, batch]);
            hash.signed(&prices);
        }
        hash.numbers(&[self.stops.line().count() as u64]);
        self.stops.line().for_each(|(batch, order)| hash.numbers(&[batch, order]));
        hash.numbers(&[self.blocks.turns().len() as u64]);
        for turn in self.blocks.turns() {
            hash.numbers(&[u64::from(turn.contract.0), side(turn.side), turn.from.1]);
            hash.signed(&[turn.from.0]);
        }
        hash.numbers(&[self.mass_cancels.jobs().count() as u64]);
        self.mass_cancels.jobs().for_each(|job| hash.job(job));
        let watched = self.orders.watched;
        hash.numbers(&[u64::from(watched.account.0), u64::from(watched.next)]);
        hash.numbers(&[self.calendar.queue().count() as u64]);
        for work in self.calendar.queue() {
            match *work {
                Work::Close(contract) => hash.numbers(&[0, u64::from(contract.0)]),
                Work::Deliver(contract) => hash.numbers(&[1, u64::from(contract.0)]),
            }
        }
    }
}

/// Feeds the hash with little-endian bytes in one stated order, so that it is the same on any machine.
struct Hash {
    hasher: blake3::Hasher,
    /// What has yet to be fed: much at once is hashed many times faster than a number at a time.
    bytes: Vec<u8>,
}

/// So many bytes are fed at once.
const GATHERED: usize = 64 << 10;

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() >= GATHERED {
            self.hasher.update(&self.bytes);
            self.bytes.clear();
        }
    }

    fn finish(mut self) -> [u8; 32] {
        *self.hasher.update(&self.bytes).finalize().as_bytes()
    }

    fn numbers(&mut self, numbers: &[u64]) {
        numbers.iter().for_each(|number| self.bytes(&number.to_le_bytes()));
    }

    fn signed(&mut self, numbers: &[i64]) {
        numbers.iter().for_each(|number| self.bytes(&number.to_le_bytes()));
    }

    fn state(&mut self, event: &StateEvent) {
        match event {
            StateEvent::Class(class) => {
                let spec = &class.spec;
                self.numbers(&[1, u64::from(class.no.0)]);
                [spec.model, spec.region, spec.currency].iter().for_each(|code| self.bytes(&code.bytes()));
                self.signed(&[spec.tick]);
                let terms = [
                    u64::from(spec.slot_hours),
                    u64::from(spec.gate_minutes),
                    u64::from(spec.horizon_hours),
                    u64::from(spec.fee_ppm),
                    u64::from(spec.preopen_minutes),
                    u64::from(spec.opening_minutes),
                    u64::from(spec.auction_seconds),
                    u64::from(spec.random_seconds),
                    u64::from(spec.static_band_ppm),
                    u64::from(spec.dynamic_band_ppm),
                    u64::from(spec.order_units_max),
                    spec.performance.map_or(0, |performance| u64::from(performance.gflops)),
                ];
                self.numbers(&terms);
                if let Some(performance) = spec.performance {
                    self.bytes(&performance.precision.bytes());
                }
            }
            StateEvent::Account(account) => {
                self.numbers(&[2, u64::from(account.id.0), role(account.role), u64::from(account.killed)]);
                let Limits { open_orders, open_blocks, order_value } = account.limits;
                self.numbers(&[open_orders.into(), open_blocks.into()]);
                self.signed(&[order_value]);
                self.bytes(&account.name.bytes());
            }
            StateEvent::Key(key) => {
                let Rights(rights) = key.rights;
                self.numbers(&[3, u64::from(key.no.0), u64::from(key.account.0), u64::from(rights)]);
                self.bytes(&key.public.0);
                self.numbers(&[key.expires.0, u64::from(key.revoked), key.taken[0], key.taken[1]]);
                self.numbers(&[u64::from(key.grace), u64::from(key.origin.0)]);
            }
            StateEvent::Cash { account, currency, free, reserved } => {
                self.numbers(&[4, u64::from(account.0)]);
                self.bytes(&currency.bytes());
                self.signed(&[*free, *reserved]);
            }
            StateEvent::Holding { account, contract, free, reserved } => {
                self.numbers(&[5, account.0.into(), contract.0.into(), (*free).into(), (*reserved).into()]);
            }
            StateEvent::Contract { contract, phase: now, sequence, last_price, auction_price } => {
                self.numbers(&[6, contract.0.into(), phase(*now), *sequence]);
                self.signed(&[*last_price, *auction_price]);
            }
            StateEvent::Halt { scope: which, on } => {
                let (kind, number) = scope(*which);
                self.numbers(&[9, kind, number, u64::from(*on)]);
            }
            StateEvent::Traded { class, hour, units, ticks } => {
                self.numbers(&[10, class.0.into(), hour.0.into(), *units, *ticks]);
            }
            StateEvent::Order(order) => self.order(order),
            StateEvent::Reports { account, last } => self.numbers(&[8, account.0.into(), *last]),
        }
    }

    fn order(&mut self, order: &OpenOrder) {
        let OpenOrder { account, order: id, slot, key, number, ref terms, left, shown } = *order;
        self.numbers(&[7, account.0.into(), id, slot.into(), key.0.into(), number]);
        self.numbers(&[left.into(), shown.into()]);
        self.terms(terms);
    }

    fn terms(&mut self, terms: &NewOrder) {
        let NewOrder { contract, side: way, kind, time_in_force: lasts, price, units, .. } = *terms;
        let NewOrder { min_units, shown, post_only, trigger, self_trade, slots, same_provider, .. } = *terms;
        let kind = match kind {
            OrderKind::Limit => 0,
            OrderKind::Market => 1,
        };
        let (lasts, moment) = match lasts {
            TimeInForce::Gtc => (0, 0),
            TimeInForce::Gtd(moment) => (1, moment.0),
            TimeInForce::Ioc => (2, 0),
            TimeInForce::Fok => (3, 0),
        };
        let self_trade = match self_trade {
            SelfTrade::CancelIncoming => 0,
            SelfTrade::CancelResting => 1,
            SelfTrade::CancelBoth => 2,
            SelfTrade::Decrement => 3,
        };
        self.numbers(&[contract.0.into(), side(way), kind, lasts, moment, units.into(), min_units.into()]);
        self.numbers(&[shown.into(), post_only.into(), u64::from(trigger.is_some()), self_trade]);
        self.numbers(&[slots.into(), same_provider.into()]);
        self.signed(&[price, trigger.unwrap_or(0)]);
    }

    fn scope(&mut self, which: Scope) {
        let (kind, number) = scope(which);
        self.numbers(&[kind, number]);
    }

    fn uncross(&mut self, uncross: &Uncross) {
        let Uncross { contract, at: _, reference, stage } = *uncross;
        self.numbers(&[contract.0.into()]);
        self.signed(&[reference]);
        let Weighing { cursors, volume, paired, levels } = match stage {
            Stage::Weighing(weighing) => weighing,
            Stage::Trading { price, left } => {
                self.numbers(&[1, left.into()]);
                return self.signed(&[price]);
            }
            Stage::Ending { price } => {
                self.numbers(&[2]);
                return self.signed(&[price]);
            }
        };
        self.numbers(&[0, volume, u64::from(levels.is_some())]);
        cursors.iter().for_each(|cursor| self.numbers(&[cursor.slot.into(), cursor.left.into()]));
        self.signed(&paired);
        for level in levels.iter().flatten() {
            self.signed(&[level.price]);
            self.numbers(&[level.units]);
        }
    }

    fn job(&mut self, job: &Job) {
        let Job { account, sequence, cause, orders } = *job;
        self.numbers(&[account.0.into(), sequence, orders.into()]);
        let (sender, mass) = match cause {
            Cause::Asked { sender, mass } => (sender, mass),
            Cause::Disconnected { origin } => return self.numbers(&[1, origin.0.into()]),
            Cause::Killed => return self.numbers(&[2]),
        };
        let (scope, which) = scope(mass.scope);
        let lane = match sender.lane {
            Lane::Orders => 0,
            Lane::Cancels => 1,
        };
        self.numbers(&[0, sender.key.0.into(), lane, sender.number]);
        self.numbers(&[scope, which, mass.side.map_or(0, |only| 1 + side(only))]);
    }
}

fn side(side: Side) -> u64 {
    match side {
        Side::Buy => 0,
        Side::Sell => 1,
    }
}

fn role(role: Role) -> u64 {
    match role {
        Role::Broker => 1,
        Role::Provider => 2,
        Role::Analyst => 3,
        Role::Operator => 4,
    }
}

fn scope(scope: Scope) -> (u64, u64) {
    match scope {
        Scope::All => (0, 0),
        Scope::Class(class) => (1, class.0.into()),
        Scope::Contract(contract) => (2, contract.0.into()),
    }
}

fn phase(phase: Phase) -> u64 {
    match phase {
        Phase::Continuous => 1,
        Phase::Closed => 2,
        Phase::InDelivery => 3,
        Phase::Settled => 4,
        Phase::PreOpen => 5,
        Phase::Auction => 6,
        Phase::Halted => 7,
    }
}
