//! The mass cancel: a walk along the account's open orders, oldest first, one order a piece of pending work. Its
//! owner asks for it, a key's sessions have been gone for its grace, or an operator sets the kill switch.

mod saved;

use crate::WORK_PER_COMMAND;
use crate::engine::{By, Engine, Refusal};
use crate::order::{Incoming, Loose};
use crate::orders::Watched;
use crate::slab::NIL;
use std::collections::{BTreeSet, VecDeque};
use types::{
    AccountId, CancelReason, ContractId, KeyNo, MassCancel, Output, ReportBody, Sender, Sequence, Side,
};

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
    pub(crate) cause: Cause,
    /// How many orders it has ended.
    pub(crate) orders: u32,
}

/// What a mass cancel ends, and who hears of it besides the orders' owner.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cause {
    /// Its owner asked for these, and is told when it is done.
    Asked { sender: Sender, mass: MassCancel },
    /// A key had no session for its grace: the orders of the row of rotations that began with this key.
    Disconnected { origin: KeyNo },
    /// An operator set the account's kill switch: all its orders.
    Killed,
}

impl Engine {
    pub(crate) fn mass_cancel(
        &mut self,
        by: By<'_>,
        mass: MassCancel,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        self.answer(by, ReportBody::MassCancelAccepted(mass), out);
        let cause = Cause::Asked { sender: *by.sender, mass };
        self.begin_mass_cancel(by.account, cause, out);
        Ok(())
    }

    /// Ends the orders of a key whose sessions have been gone for its grace. By now it may have none any more.
    pub(crate) fn disconnected(&mut self, key: KeyNo, out: &mut Output) {
        if let Some((origin, account)) = self.keys.with_grace(key) {
            self.begin_mass_cancel(account, Cause::Disconnected { origin }, out);
        }
    }

    pub(crate) fn begin_mass_cancel(&mut self, account: AccountId, cause: Cause, out: &mut Output) {
        let sequence = self.stamp.sequence;
        self.mass_cancels.jobs.push_back(Job { account, sequence, cause, orders: 0 });
        self.mass_cancels.by_account.insert((account, sequence));
        for _ in 0..WORK_PER_COMMAND {
            // What comes first among pending work comes first here too.
            if !(self.work_on_auctions(out) || self.work_on_mass_cancels(out)) {
                break;
            }
        }
    }

    /// Does one piece of the first mass cancel: looks at one order, or finds that there is none left. False if
    /// there is no mass cancel.
    pub(crate) fn work_on_mass_cancels(&mut self, out: &mut Output) -> bool {
        let Some(&job) = self.mass_cancels.jobs.front() else { return false };
        if self.orders.watched.account != job.account {
            let next = self.orders.first_of(self.accounts.at(job.account).orders);
            self.orders.watched = Watched { account: job.account, next };
        }
        let slot = self.orders.watched.next;
        if slot == NIL || self.orders.slab.at(slot).id > job.sequence {
            self.orders.watched = Watched::NONE;
            self.mass_cancels.jobs.pop_front();
            self.mass_cancels.by_account.remove(&(job.account, job.sequence));
            if let Cause::Asked { sender, .. } = job.cause {
                let body = ReportBody::MassCancelDone { orders: job.orders };
                self.accounts.tell(self.stamp, job.account, Some(sender), body, out);
            }
            return true;
        }
        let record = *self.orders.record(slot);
        let (contract, side) = (self.contracts.at(record.at).id, self.orders.slab.at(slot).side());
        if job.includes(contract, side, self.keys.origin(record.key())) {
            self.mass_cancels.jobs[0].orders += 1;
            self.end_open(slot, job.reason(), out);
        } else {
            let list = self.accounts.at(job.account).orders;
            self.orders.watched.next = self.orders.next_of(slot, list);
        }
        true
    }

    /// Why a mass cancel that is not done ends this order, which is about to rest behind where the walk may be
    /// already; `None` if none does. It is counted.
    #[inline]
    pub(crate) fn count_mass_cancelled(&mut self, order: &Incoming<'_>) -> Option<CancelReason> {
        if self.mass_cancels.jobs.is_empty() {
            return None;
        }
        self.mass_cancels.count(&order.loose, self.keys.origin(order.key))
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

    fn count(&mut self, order: &Loose, origin: KeyNo) -> Option<CancelReason> {
        let later = (order.account, order.order)..=(order.account, Sequence::MAX);
        for &(_, sequence) in self.by_account.range(later) {
            let at = self.jobs.binary_search_by_key(&sequence, |job| job.sequence);
            let job = &mut self.jobs[at.expect("the two lists hold the same")];
            if job.includes(order.contract, order.side, origin) {
                job.orders += 1;
                return Some(job.reason());
            }
        }
        None
    }
}

impl Job {
    /// Whether it ends an order of this contract and side, of a key of the row that began with `of`.
    fn includes(&self, contract: ContractId, side: Side, of: KeyNo) -> bool {
        match self.cause {
            Cause::Asked { mass, .. } => {
                mass.scope.includes(contract) && mass.side.is_none_or(|only| only == side)
            }
            Cause::Disconnected { origin } => origin == of,
            Cause::Killed => true,
        }
    }

    fn reason(&self) -> CancelReason {
        match self.cause {
            Cause::Asked { .. } => CancelReason::Mass,
            Cause::Disconnected { .. } => CancelReason::Disconnected,
            Cause::Killed => CancelReason::Killed,
        }
    }
}
