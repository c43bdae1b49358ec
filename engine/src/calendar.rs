//! The calendar: phase changes when their time comes, and the pending work they bring.
//!
//! A clock command moves the calendar's clock; what is due then goes through one queue, a bounded number of
//! pieces per command. Orders of a closing contract are dead to matching at once all the same: every command
//! for a contract is checked against its gate by its own stamp.

mod saved;

use crate::contracts::Contract;
use crate::engine::{Engine, Refusal};
use std::collections::{BTreeSet, VecDeque};
use types::{CancelReason, ContractId, MarketBody, Output, Phase, ReportBody, Scope, Side, Timestamp};

#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    /// The stamp of the last clock command: what is due is due by it.
    clock: Timestamp,
    /// The next phase change of every touched contract.
    deadlines: BTreeSet<(Timestamp, ContractId)>,
    /// The moment of the first of them, so that it need not be looked up; the latest there is if there is none.
    first: Timestamp,
    /// The moments at which indicative prices are told.
    indicatives: BTreeSet<(Timestamp, ContractId)>,
    /// What is left to do, in order.
    work: VecDeque<Work>,
}

/// A phase change that may take many pieces of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// End every order of a closed contract.
    Close(ContractId),
    /// Deliver every holding of a contract whose slot is over, then forget it.
    Deliver(ContractId),
}

impl Default for Calendar {
    fn default() -> Calendar {
        let (deadlines, indicatives, work) = (BTreeSet::new(), BTreeSet::new(), VecDeque::new());
        Calendar { clock: Timestamp::default(), deadlines, first: Timestamp::MAX, indicatives, work }
    }
}

impl Calendar {
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        self.clock = now;
    }

    /// The first deadline the clock has not reached.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let phase = match self.first > self.clock {
            true => (!self.deadlines.is_empty()).then_some(self.first),
            false => self.after_clock(&self.deadlines),
        };
        if self.indicatives.is_empty() {
            return phase;
        }
        phase.into_iter().chain(self.after_clock(&self.indicatives)).min()
    }

    #[cold]
    fn after_clock(&self, moments: &BTreeSet<(Timestamp, ContractId)>) -> Option<Timestamp> {
        let reached = (self.clock, ContractId(u32::MAX));
        moments.range(reached..).find(|&&moment| moment > reached).map(|moment| moment.0)
    }

    #[inline]
    pub(crate) fn has_pending(&self) -> bool {
        !self.work.is_empty()
            || (self.first <= self.clock && !self.deadlines.is_empty())
            || self.indicatives.first().is_some_and(|first| first.0 <= self.clock)
    }

    pub(crate) fn insert(&mut self, deadline: Timestamp, contract: ContractId) {
        self.deadlines.insert((deadline, contract));
        self.first = self.first.min(deadline);
    }

    /// Takes a deadline back, unless it has come.
    pub(crate) fn remove(&mut self, deadline: Timestamp, contract: ContractId) {
        self.deadlines.remove(&(deadline, contract));
        self.first = self.deadlines.first().map_or(Timestamp::MAX, |first| first.0);
    }

    pub(crate) fn push(&mut self, work: Work) {
        self.work.push_back(work);
    }

    pub(crate) fn insert_indicative(&mut self, moment: Timestamp, contract: ContractId) {
        self.indicatives.insert((moment, contract));
    }

    /// From now on no indicative price of the contract is to be told.
    pub(crate) fn forget_indicative(&mut self, contract: &mut Contract) {
        if contract.indicative < Timestamp::MAX {
            self.indicatives.remove(&(contract.indicative, contract.id));
            contract.indicative = Timestamp::MAX;
        }
    }

    /// The contract whose indicative price is told next among those that are due.
    fn pop_indicative(&mut self) -> Option<ContractId> {
        let first = self.indicatives.first().filter(|first| first.0 <= self.clock)?;
        let contract = first.1;
        self.indicatives.pop_first();
        Some(contract)
    }

    /// The contract whose phase changes next among those that are due.
    fn pop_due(&mut self) -> Option<ContractId> {
        if self.first > self.clock {
            return None;
        }
        let due = self.deadlines.pop_first()?;
        self.first = self.deadlines.first().map_or(Timestamp::MAX, |first| first.0);
        Some(due.1)
    }

    pub(crate) fn clock(&self) -> Timestamp {
        self.clock
    }

    pub(crate) fn deadlines(&self) -> impl Iterator<Item = &(Timestamp, ContractId)> {
        self.deadlines.iter()
    }

    pub(crate) fn queue(&self) -> impl Iterator<Item = &Work> {
        self.work.iter()
    }
}

impl Engine {
    /// Whether orders and deposits for the contract are taken now. Says where it lies if it has been touched.
    #[inline(always)]
    pub(crate) fn check_open(&self, contract: ContractId) -> Result<Option<u32>, Refusal> {
        // One that has been touched is a slot, was within the horizon then, and has only come nearer.
        let at = self.contracts.find(&self.classes, contract);
        if at.is_none_or(|at| self.stamp.time >= self.contracts.at(at).gate) {
            self.classes.check_open(contract, self.stamp.time)?;
        }
        Ok(at)
    }

    /// Does one piece of what the calendar brings: goes on with a phase change, ends an order whose moment has
    /// come, begins a phase change that is due, or tells an indicative price. False if there is nothing to do.
    pub(crate) fn work_on_calendar(&mut self, out: &mut Output) -> bool {
        if let Some(&work) = self.calendar.work.front() {
            let goes_on = match work {
                Work::Close(contract) => self.close_one(contract, out),
                Work::Deliver(contract) => self.deliver_one(contract, out),
            };
            if !goes_on {
                self.calendar.work.pop_front();
            }
        } else if let Some(slot) = self.orders.expiries.first_due(self.calendar.clock) {
            self.end_open(slot, CancelReason::Expired, out);
        } else if let Some(contract) = self.calendar.pop_due() {
            self.change_phase(contract, out);
        } else if let Some(contract) = self.calendar.pop_indicative() {
            self.tell_indicative(contract, out);
        } else {
            return false;
        }
        true
    }

    /// Ends the next order of a closed contract: bids, then asks, each best first, then sleeping stops, then blocks of
    /// which it is the first slot. False if there is none left.
    fn close_one(&mut self, contract: ContractId, out: &mut Output) -> bool {
        let book = &self.contracts.at(self.place(contract)).book;
        let resting = book.first(Side::Buy).or_else(|| book.first(Side::Sell));
        let in_no_book = || self.stops.first_of(contract).or_else(|| self.blocks.first_at(contract).next());
        let Some(slot) = resting.or_else(in_no_book) else { return false };
        self.end_open(slot, CancelReason::Gate, out);
        true
    }

    /// Delivers the next holding, or forgets the next deposit; the contract itself comes last. False if it
    /// is forgotten.
    fn deliver_one(&mut self, contract: ContractId, out: &mut Output) -> bool {
        let at = self.place(contract);
        let record = self.contracts.at_mut(at);
        if let Some(holding) = self.holdings.pop(&mut record.holders) {
            // What is still held is what is still to be delivered: every sell order has expired by now.
            let units = holding.free_units();
            record.deposited -= units;
            if units > 0 {
                self.tell(holding.account, ReportBody::Settled { contract, units }, out);
            }
            return true;
        }
        if self.deposits.forget_one(contract) {
            return true;
        }
        self.contracts.at_mut(at).tell(self.stamp, MarketBody::Phase(Phase::Settled), out);
        self.contracts.forget(&mut self.classes, at);
        self.halts.clear(Scope::Contract(contract));
        false
    }

    /// Where a contract lies that the calendar knows.
    pub(crate) fn place(&self, contract: ContractId) -> u32 {
        self.contracts.find(&self.classes, contract).expect("the calendar knows only touched contracts")
    }
}
