//! Mass cancels, naively: one order of the account's list after the other.

use engine::WORK_PER_COMMAND;
use types::{AccountId, CancelReason, MassCancel, ReportBody, Sender, Sequence};

use super::{Order, Outcome, Reference};

/// A mass cancel that is not done.
pub(super) struct MassJob {
    sender: Sender,
    account: AccountId,
    /// It knows of the orders that came before it.
    sequence: Sequence,
    what: MassCancel,
    /// The place in the list of the order it looked at last.
    looked_at: u64,
    ended: u32,
}

impl MassJob {
    fn covers(&self, order: &Order) -> bool {
        let MassCancel { scope, side } = self.what;
        order.account == self.account
            && order.id < self.sequence
            && scope.includes(order.terms.contract)
            && side.is_none_or(|side| side == order.terms.side)
    }
}

impl Reference {
    pub(super) fn mass_cancel(&mut self, sender: Sender, what: MassCancel) -> Outcome {
        self.answer(sender, ReportBody::MassCancelAccepted(what));
        let (account, sequence) = (self.account_of(sender), self.sequence);
        self.mass_jobs.push(MassJob { sender, account, sequence, what, looked_at: 0, ended: 0 });
        for _ in 0..WORK_PER_COMMAND {
            if !self.mass_piece() {
                break;
            }
        }
        Ok(())
    }

    pub(super) fn has_mass_work(&self) -> bool {
        !self.mass_jobs.is_empty()
    }

    /// One piece: the first mass cancel looks at its next order, or is done.
    pub(super) fn mass_piece(&mut self) -> bool {
        let Some(job) = self.mass_jobs.first_mut() else { return false };
        let open = self.orders.iter().enumerate();
        let to_come = open.filter(|(_, order)| order.account == job.account && order.listed > job.looked_at);
        let next = to_come.min_by_key(|(_, order)| order.listed);
        match next {
            Some((at, order)) if order.id < job.sequence => {
                job.looked_at = order.listed;
                if job.covers(order) {
                    job.ended += 1;
                    let order = self.take_out(at);
                    self.end(&order, CancelReason::Mass, None);
                }
            }
            _ => {
                let job = self.mass_jobs.remove(0);
                self.report(job.account, Some(job.sender), ReportBody::MassCancelDone { orders: job.ended });
            }
        }
        true
    }

    /// What would rest although a pending mass cancel covers it ends instead, and counts.
    pub(super) fn count_as_mass_cancelled(&mut self, order: &Order) -> bool {
        let job = self.mass_jobs.iter_mut().find(|job| job.covers(order));
        job.map(|job| job.ended += 1).is_some()
    }
}
