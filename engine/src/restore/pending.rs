//! Restoring pending work: what commands have set off and later ones will finish.

use super::RestoreError;
use super::error::{at_most, conflict, in_range, twice, unknown};
use crate::ORDERS_MAX;
use crate::auction::{Stage, Weighing};
use crate::blocks::RestoredTurn;
use crate::calendar::Work;
use crate::engine::Engine;
use crate::halts::Walk;
use crate::keys::KeyRecord;
use crate::mass_cancel::{Cause, Job};
use crate::orders::Watched;
use crate::save::Saved;
use types::{
    AccountId, ContractId, KeyNo, Lane, PRICE_MAX, Phase, Scope, Sender, Sequence, SlotHint, Ticks, Timestamp,
};

/// What has come and cannot be put back before the orders are.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) items: Vec<Saved>,
    /// How many currencies have come.
    currencies: usize,
}

impl Pending {
    /// The index of the currency that comes now.
    pub(super) fn next_currency(&mut self) -> usize {
        self.currencies += 1;
        self.currencies - 1
    }

    /// Checks that every currency of a class has come.
    pub(super) fn check_currencies(&self, engine: &Engine) -> Result<(), RestoreError> {
        match engine.accounts.currencies().get(self.currencies) {
            None => Ok(()),
            Some(missing) => Err(unknown("currency", missing, "a class")),
        }
    }
}

impl Engine {
    /// Puts back what the calendar is at, and the deadline of every contract.
    pub(super) fn restore_work(&mut self, items: &[Saved]) -> Result<(), RestoreError> {
        for item in items {
            let (contract, phase, work) = match *item {
                Saved::Closing(contract) => (contract, Phase::Closed, Work::Close(contract)),
                Saved::Delivering(contract) => (contract, Phase::InDelivery, Work::Deliver(contract)),
                _ => continue,
            };
            let at = self.contracts.find(&self.classes, contract);
            let at = at.ok_or_else(|| unknown("contract", contract.0, "a closing or delivery"))?;
            if self.contracts.at(at).phase != phase {
                return Err(conflict("closing or delivery of contract", contract.0, "the phase of it"));
            }
            if self.calendar.closes(contract) || self.calendar.delivers(contract) {
                return Err(twice("closing or delivery of contract", contract.0));
            }
            if let Work::Deliver(_) = work {
                let end = self.classes.of(contract).class.end(contract);
                at_most("end of a contract that is delivered", end.0, self.calendar.clock().0)?;
            }
            self.calendar.restore_work(work);
        }
        for contract in self.contracts.sorted() {
            let class = &self.classes.of(contract.id).class;
            self.calendar.restore_deadline(class, contract);
        }
        Ok(())
    }

    /// Puts back elections and mass cancels, once the orders are there.
    pub(super) fn restore_pending(&mut self, items: &[Saved]) -> Result<(), RestoreError> {
        for item in items {
            match *item {
                Saved::Election { contract, sequence, low, high, batch } => {
                    self.restore_election(contract, sequence, [low, high], batch)?;
                }
                Saved::Turn { contract, side, from } => {
                    self.restore_turn(RestoredTurn { contract, side, from })?;
                }
                Saved::MassCancel { account, sequence, sender, mass, orders } => {
                    self.check_sender(account, &sender)?;
                    let cause = Cause::Asked { sender, mass };
                    self.restore_mass_cancel(Job { account, sequence, cause, orders })?;
                }
                Saved::Disconnect { account, sequence, origin, orders } => {
                    self.check_key(account, origin)?;
                    let cause = Cause::Disconnected { origin };
                    self.restore_mass_cancel(Job { account, sequence, cause, orders })?;
                }
                Saved::Kill { account, sequence, orders } => {
                    self.check_account(account, "a kill switch")?;
                    self.restore_mass_cancel(Job { account, sequence, cause: Cause::Killed, orders })?;
                }
                Saved::Walk { next } => self.restore_walk(next)?,
                Saved::HaltWalk { scope, after } => self.restore_halt_walk(scope, after)?,
                Saved::Weighing { contract, reference, cursors, volume, paired, levels } => {
                    let weighing = Weighing::restored(cursors, volume, paired, levels);
                    self.restore_auction(contract, reference, Stage::Weighing(weighing))?;
                }
                Saved::Trading { contract, reference, price, left } => {
                    self.restore_auction(contract, reference, Stage::Trading { price, left })?;
                }
                Saved::Ending { contract, reference, price } => {
                    self.restore_auction(contract, reference, Stage::Ending { price })?;
                }
                _ => {}
            }
        }
        if self.stops.resume() {
            return Ok(());
        }
        Err(conflict("election", "at the front", "somebody to elect"))
    }

    fn restore_election(
        &mut self,
        contract: ContractId,
        sequence: Sequence,
        prices: [Ticks; 2],
        batch: u64,
    ) -> Result<(), RestoreError> {
        let at = self.contracts.find(&self.classes, contract);
        let at = at.ok_or_else(|| unknown("contract", contract.0, "an election"))?;
        if !matches!(self.contracts.at(at).phase, Phase::Continuous | Phase::Auction | Phase::Halted) {
            return Err(conflict("election of contract", contract.0, "one that trades"));
        }
        at_most("command of an election", sequence, self.stamp.sequence)?;
        in_range("highest price of an election", prices[1], 1, PRICE_MAX)?;
        in_range("lowest price of an election", prices[0], 1, prices[1])?;
        let before = self.stops.elections().last().map_or(0, |(.., batch)| batch);
        in_range("batch of an election", batch, before + 1, self.stops.batches())?;
        self.stops.restore_election(contract, at, sequence, prices, batch);
        Ok(())
    }

    fn restore_turn(&mut self, turn: RestoredTurn) -> Result<(), RestoreError> {
        let RestoredTurn { contract, from, .. } = turn;
        let class = self.classes.get(contract.class());
        let class = class.ok_or_else(|| unknown("class", contract.class().0, "a turn of blocks"))?;
        if !class.class.is_aligned(contract.start()) {
            return Err(conflict("turn of contract", contract.0, "a slot of its class"));
        }
        if let Some((price, order)) = from {
            in_range("limit a turn has come to", price, 1, PRICE_MAX)?;
            in_range("order a turn has come to", order, 1, self.stamp.sequence + 1)?;
        }
        if self.blocks.restore_turn(turn) {
            return Ok(());
        }
        Err(twice("turn of blocks of contract", contract.0))
    }

    fn restore_halt_walk(&mut self, scope: Scope, after: Option<ContractId>) -> Result<(), RestoreError> {
        let is_there = match scope {
            Scope::All => true,
            Scope::Class(class) => self.classes.get(class).is_some(),
            Scope::Contract(_) => false,
        };
        if !is_there || after.is_some_and(|after| !scope.includes(after)) {
            return Err(conflict("walk of a halt of", format!("{scope:?}"), "everything or a listed class"));
        }
        self.halts.restore(Walk { scope, after });
        Ok(())
    }

    /// Puts back the auction that is being worked out. Its contract is in a call that has no end any more.
    fn restore_auction(
        &mut self,
        contract: ContractId,
        reference: Ticks,
        stage: Stage,
    ) -> Result<(), RestoreError> {
        let at = self.contracts.find(&self.classes, contract);
        let at = at.ok_or_else(|| unknown("contract", contract.0, "an auction"))?;
        in_range("reference price of an auction", reference, 0, PRICE_MAX)?;
        let record = self.contracts.at(at);
        let is_frozen = (record.until, record.indicative) == (Timestamp::MAX, Timestamp::MAX);
        if record.phase != Phase::Auction || !is_frozen || !self.can_be_at(at, reference, stage) {
            return Err(conflict("auction of contract", contract.0, "a stage that its orders can come to"));
        }
        self.restore_uncross(contract, at, reference, stage);
        Ok(())
    }

    fn restore_mass_cancel(&mut self, job: Job) -> Result<(), RestoreError> {
        let before = self.mass_cancels.jobs().last().map_or(0, |job| job.sequence);
        in_range("command of a mass cancel", job.sequence, before + 1, self.stamp.sequence)?;
        at_most("orders of a mass cancel", u64::from(job.orders), u64::from(ORDERS_MAX))?;
        self.mass_cancels.restore(job);
        Ok(())
    }

    /// Checks that a key of the account has sent a command of this number.
    fn check_sender(&self, account: AccountId, sender: &Sender) -> Result<(), RestoreError> {
        let taken = self.check_key(account, sender.key)?.taken();
        let taken = match sender.lane {
            Lane::Orders => taken[0],
            Lane::Cancels => taken[1],
        };
        in_range("number of a mass cancel", sender.number, 1, taken)
    }

    fn check_key(&self, account: AccountId, key: KeyNo) -> Result<&KeyRecord, RestoreError> {
        let record = self.keys.get(key).ok_or_else(|| unknown("key", key, "a mass cancel"))?;
        if record.account != account {
            return Err(conflict("mass cancel of key", key, "the account of that key"));
        }
        Ok(record)
    }

    fn restore_walk(&mut self, next: Option<SlotHint>) -> Result<(), RestoreError> {
        let first = self.mass_cancels.jobs().next();
        let account = first.ok_or_else(|| unknown("mass cancel", "under way", "a walk"))?.account;
        let is_own = |slot| {
            let node = self.orders.slab.peek(slot);
            node.is_some_and(|node| node.id != 0 && node.owner == account.0)
        };
        if let Some(slot) = next.filter(|&slot| !is_own(slot)) {
            return Err(unknown("slot of its account", slot, "a walk"));
        }
        self.orders.watched = Watched::restored(account, next);
        Ok(())
    }
}
