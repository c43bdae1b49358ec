//! The calendar: phase changes when their time comes, and the pending work they bring.
//!
//! A clock command moves the calendar's clock; what is due then goes through one queue, a bounded number of
//! pieces per command. Orders of a closing contract are dead to matching at once all the same: every command
//! for a contract is checked against its gate by its own stamp.

mod saved;

pub(crate) use saved::deadline;

use crate::engine::{Engine, Refusal};
use std::collections::{BTreeSet, VecDeque};
use types::{CancelReason, ContractId, MarketBody, Output, Phase, RejectCode, ReportBody, Side, Timestamp};

#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    /// The stamp of the last clock command: what is due is due by it.
    clock: Timestamp,
    /// The next phase change of every touched contract.
    deadlines: BTreeSet<(Timestamp, ContractId)>,
    /// The moment of the first of them, so that it need not be looked up; the latest there is if there is none.
    first: Timestamp,
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
        let (deadlines, work) = (BTreeSet::new(), VecDeque::new());
        Calendar { clock: Timestamp::default(), deadlines, first: Timestamp::MAX, work }
    }
}

impl Calendar {
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        self.clock = now;
    }

    /// The first deadline the clock has not reached.
    #[inline]
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        if self.first > self.clock {
            return (!self.deadlines.is_empty()).then_some(self.first);
        }
        let reached = (self.clock, ContractId(u32::MAX));
        self.deadlines.range(reached..).find(|&&deadline| deadline > reached).map(|deadline| deadline.0)
    }

    #[inline]
    pub(crate) fn has_pending(&self) -> bool {
        !self.work.is_empty() || (self.first <= self.clock && !self.deadlines.is_empty())
    }

    fn insert(&mut self, deadline: Timestamp, contract: ContractId) {
        self.deadlines.insert((deadline, contract));
        self.first = self.first.min(deadline);
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

    /// Where the contract lies; from now on the calendar knows it.
    #[inline]
    pub(crate) fn touch(&mut self, contract: ContractId) -> Result<u32, Refusal> {
        match self.contracts.find(&self.classes, contract) {
            Some(at) => Ok(at),
            None => self.touch_first(contract),
        }
    }

    #[cold]
    fn touch_first(&mut self, contract: ContractId) -> Result<u32, Refusal> {
        let class = self.classes.of(contract).class;
        let busy = (RejectCode::BeyondHorizon, i64::from(class.spec.horizon_hours));
        let at = self.contracts.add(&mut self.classes, contract).ok_or(busy)?;
        self.calendar.insert(class.gate(contract), contract);
        Ok(at)
    }

    /// Does one piece of what the calendar brings: goes on with a phase change, ends an order whose moment has
    /// come, or begins a phase change that is due. False if there is nothing to do.
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
        } else {
            return false;
        }
        true
    }

    fn change_phase(&mut self, contract: ContractId, out: &mut Output) {
        let class = self.classes.of(contract).class;
        let at = self.place(contract);
        let record = self.contracts.at_mut(at);
        let (phase, next, work) = match record.phase {
            Phase::Continuous => (Phase::Closed, contract.start().starts(), Some(Work::Close(contract))),
            Phase::Closed => (Phase::InDelivery, class.end(contract), None),
            // The contract is told settled when the last holding is delivered.
            Phase::InDelivery | Phase::Settled => {
                self.calendar.work.push_back(Work::Deliver(contract));
                return;
            }
        };
        record.phase = phase;
        record.tell(self.stamp, MarketBody::Phase(phase), out);
        self.calendar.insert(next, contract);
        self.calendar.work.extend(work);
    }

    /// Ends the next order of a closed contract: bids, then asks, each best first, then sleeping stops. False if
    /// there is none left.
    fn close_one(&mut self, contract: ContractId, out: &mut Output) -> bool {
        let book = &self.contracts.at(self.place(contract)).book;
        let resting = book.first(Side::Buy).or_else(|| book.first(Side::Sell));
        let Some(slot) = resting.or_else(|| self.stops.first_of(contract)) else { return false };
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
        false
    }

    fn place(&self, contract: ContractId) -> u32 {
        self.contracts.find(&self.classes, contract).expect("the calendar knows only touched contracts")
    }
}
