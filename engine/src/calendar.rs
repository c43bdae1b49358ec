//! The calendar: phase changes when their time comes, and the pending work they bring.
//!
//! A clock command moves the calendar's clock; what is due then goes through one queue, a bounded number of
//! pieces per command. Orders of a closing contract are dead to matching at once all the same: every command
//! for a contract is checked against its gate by its own stamp.

use crate::WORK_PER_COMMAND;
use crate::engine::{Engine, Now, Refusal};
use std::collections::{BTreeSet, VecDeque};
use types::{
    AccountId, CancelReason, ContractId, KeyNo, Lane, MarketBody, Output, Phase, RejectCode, ReportBody,
    Sender, Side, Timestamp,
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Calendar {
    /// The stamp of the last clock command: what is due is due by it.
    clock: Timestamp,
    /// The next phase change of every touched contract.
    deadlines: BTreeSet<(Timestamp, ContractId)>,
    /// What is left to do, in order.
    work: VecDeque<Work>,
}

/// A phase change that may take many pieces of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Expire every order of a closed contract.
    Expire(ContractId),
    /// Deliver every holding of a contract whose slot is over, then forget it.
    Deliver(ContractId),
}

impl Calendar {
    pub(crate) fn set_clock(&mut self, now: Timestamp) {
        self.clock = now;
    }

    /// The first deadline the clock has not reached.
    pub(crate) fn next_deadline(&self) -> Option<Timestamp> {
        let reached = (self.clock, ContractId(u32::MAX));
        self.deadlines.range(reached..).find(|&&deadline| deadline > reached).map(|deadline| deadline.0)
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.work.is_empty() || self.deadlines.first().is_some_and(|first| first.0 <= self.clock)
    }

    /// The contract whose phase changes next among those that are due.
    fn pop_due(&mut self) -> Option<ContractId> {
        let first = *self.deadlines.first().filter(|first| first.0 <= self.clock)?;
        self.deadlines.remove(&first);
        Some(first.1)
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
    /// Where the contract lies; from now on the calendar knows it.
    pub(crate) fn touch(&mut self, contract: ContractId) -> Result<u32, Refusal> {
        let class = self.classes.of(contract).class;
        let busy = (RejectCode::BeyondHorizon, i64::from(class.spec.horizon_hours));
        let (at, is_new) = self.contracts.touch(&mut self.classes, contract).ok_or(busy)?;
        if is_new {
            self.calendar.deadlines.insert((class.gate(contract), contract));
        }
        Ok(at)
    }

    /// Does pending work up to the budget, then stops until the next clock or continue command.
    pub(crate) fn work(&mut self, out: &mut Output) {
        for _ in 0..WORK_PER_COMMAND {
            let is_done = match self.calendar.work.front().copied() {
                Some(Work::Expire(contract)) => !self.expire_one(contract, out),
                Some(Work::Deliver(contract)) => !self.deliver_one(contract, out),
                None => match self.calendar.pop_due() {
                    Some(contract) => {
                        self.change_phase(contract, out);
                        false
                    }
                    None => return,
                },
            };
            if is_done {
                self.calendar.work.pop_front();
            }
        }
    }

    fn change_phase(&mut self, contract: ContractId, out: &mut Output) {
        let class = self.classes.of(contract).class;
        let at = self.place(contract);
        let record = self.contracts.at_mut(at);
        let (phase, next, work) = match record.phase {
            Phase::Continuous => (Phase::Closed, contract.start().starts(), Some(Work::Expire(contract))),
            Phase::Closed => (Phase::InDelivery, class.end(contract), None),
            // The contract is told settled when the last holding is delivered.
            Phase::InDelivery | Phase::Settled => {
                self.calendar.work.push_back(Work::Deliver(contract));
                return;
            }
        };
        record.phase = phase;
        record.tell(self.sequence, self.time, MarketBody::Phase(phase), out);
        self.calendar.deadlines.insert((next, contract));
        self.calendar.work.extend(work);
    }

    /// Expires the next order: bids first, then asks, each best first. False if there is none left.
    fn expire_one(&mut self, contract: ContractId, out: &mut Output) -> bool {
        let book = &self.contracts.at(self.place(contract)).book;
        let Some(slot) = book.first(Side::Buy).or_else(|| book.first(Side::Sell)) else { return false };
        let now = self.nobody();
        let ended = self.take_out(now, slot, out);
        self.end(now, ended, CancelReason::Gate, out);
        true
    }

    /// Delivers the next holding, or forgets the next deposit; the contract itself comes last. False if it
    /// is forgotten.
    fn deliver_one(&mut self, contract: ContractId, out: &mut Output) -> bool {
        let at = self.place(contract);
        let record = self.contracts.at_mut(at);
        if let Some(holding) = self.holdings.pop(contract, &mut record.holders) {
            // What is still held is what is still to be delivered: every sell order has expired by now.
            record.deposited -= holding.free;
            if holding.free > 0 {
                self.tell(holding.account, ReportBody::Settled { contract, units: holding.free }, out);
            }
            return true;
        }
        if self.deposits.forget_one(contract) {
            return true;
        }
        self.contracts.at_mut(at).tell(self.sequence, self.time, MarketBody::Phase(Phase::Settled), out);
        self.contracts.forget(&mut self.classes, at);
        false
    }

    fn place(&self, contract: ContractId) -> u32 {
        self.contracts.find(&self.classes, contract).expect("the calendar knows only touched contracts")
    }

    /// The clock's own doing: nobody sent it.
    fn nobody(&self) -> Now {
        let sender = Sender { key: KeyNo(0), lane: Lane::Orders, number: 0 };
        Now { sequence: self.sequence, time: self.time, sender, account: AccountId(0) }
    }
}
