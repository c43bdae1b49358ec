//! The mass cancel: a walk along the account's open orders, oldest first, one order a piece of pending work.

use crate::WORK_PER_COMMAND;
use crate::engine::{By, Engine, Refusal};
use crate::order::Loose;
use crate::orders::Watched;
use crate::slab::NIL;
use std::collections::{BTreeSet, VecDeque};
use types::{AccountId, CancelReason, ContractId, MassCancel, Output, ReportBody, Sender, Sequence, Side};

/// Mass cancels that are not done.
#[derive(Clone, Debug, Default)]
pub(crate) struct MassCancels {
    /// First come, first done. Where the first one stands is in [`crate::orders::Orders::watched`].
    jobs: VecDeque<Job>,
    /// The same by account.
    by_account: BTreeSet<(AccountId, Sequence)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) account: AccountId,
    /// Its command: orders that came later are not its business.
    pub(crate) sequence: Sequence,
    pub(crate) sender: Sender,
    pub(crate) mass: MassCancel,
    /// How many orders it has ended.
    pub(crate) orders: u32,
}

impl Engine {
    pub(crate) fn mass_cancel(
        &mut self,
        by: By<'_>,
        mass: MassCancel,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        self.answer(by, ReportBody::MassCancelAccepted(mass), out);
        let By { account, sender } = by;
        let sequence = self.stamp.sequence;
        self.mass_cancels.jobs.push_back(Job { account, sequence, sender: *sender, mass, orders: 0 });
        self.mass_cancels.by_account.insert((account, sequence));
        for _ in 0..WORK_PER_COMMAND {
            if !self.work_on_mass_cancels(out) {
                break;
            }
        }
        Ok(())
    }

    /// Does one piece of the first mass cancel: looks at one order, or finds that there is none left. False if
    /// there is no mass cancel.
    pub(crate) fn work_on_mass_cancels(&mut self, out: &mut Output) -> bool {
        let Some(&job) = self.mass_cancels.jobs.front() else { return false };
        if self.orders.watched.account != job.account {
            let next = self.accounts.at(job.account).orders.first();
            self.orders.watched = Watched { account: job.account, next };
        }
        let slot = self.orders.watched.next;
        if slot == NIL || self.orders.slab.at(slot).id > job.sequence {
            self.orders.watched = Watched::NONE;
            self.mass_cancels.jobs.pop_front();
            self.mass_cancels.by_account.remove(&(job.account, job.sequence));
            let body = ReportBody::MassCancelDone { orders: job.orders };
            self.accounts.tell(self.stamp, job.account, Some(job.sender), body, out);
            return true;
        }
        let record = self.orders.record(slot);
        if job.includes(self.contracts.at(record.at).id, self.orders.slab.at(slot).side()) {
            self.mass_cancels.jobs[0].orders += 1;
            self.end_open(slot, CancelReason::Mass, out);
        } else {
            self.orders.watched.next = record.next;
        }
        true
    }

    /// True if a mass cancel that is not done ends this order, which is about to rest behind where the walk may
    /// be already. It is counted.
    #[inline]
    pub(crate) fn count_mass_cancelled(&mut self, order: &Loose) -> bool {
        !self.mass_cancels.jobs.is_empty() && self.mass_cancels.count(order)
    }
}

impl MassCancels {
    pub(crate) fn has_pending(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Those that are not done, first come first.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter()
    }

    fn count(&mut self, order: &Loose) -> bool {
        let later = (order.account, order.order)..=(order.account, Sequence::MAX);
        for &(_, sequence) in self.by_account.range(later) {
            let at = self.jobs.binary_search_by_key(&sequence, |job| job.sequence);
            let job = &mut self.jobs[at.expect("the two lists hold the same")];
            if job.includes(order.contract, order.side) {
                job.orders += 1;
                return true;
            }
        }
        false
    }
}

impl Job {
    fn includes(&self, contract: ContractId, side: Side) -> bool {
        self.mass.scope.includes(contract) && self.mass.side.is_none_or(|only| only == side)
    }
}
