//! Mass cancels, asked for or because a key was gone, naively: one order of the account's list after the other.

use engine::WORK_PER_COMMAND;
use types::{AccountId, CancelReason, KeyNo, MassCancel, ReportBody, Sender, Sequence};

use super::{Order, Outcome, Reference};

/// A mass cancel that is not done.
pub(super) struct MassJob {
    account: AccountId,
    /// It knows of the orders that came before it.
    sequence: Sequence,
    cause: Cause,
    /// The place in the list of the order it looked at last.
    looked_at: u64,
    ended: u32,
}

enum Cause {
    Asked(Sender, MassCancel),
    /// The keys that took each other's place, up to the one that is gone, and those that took its place.
    Gone(Vec<KeyNo>),
    /// An operator has killed the account.
    Killed,
}

impl MassJob {
    fn covers(&self, order: &Order) -> bool {
        let is_meant = match &self.cause {
            Cause::Asked(_, MassCancel { scope, side }) => {
                scope.includes(order.terms.contract) && side.is_none_or(|side| side == order.terms.side)
            }
            Cause::Gone(keys) => keys.contains(&order.key),
            Cause::Killed => true,
        };
        order.account == self.account && order.id < self.sequence && is_meant
    }

    fn reason(&self) -> CancelReason {
        match self.cause {
            Cause::Asked(..) => CancelReason::Mass,
            Cause::Gone(_) => CancelReason::Disconnected,
            Cause::Killed => CancelReason::Killed,
        }
    }
}

impl Reference {
    pub(super) fn mass_cancel(&mut self, sender: Sender, what: MassCancel) -> Outcome {
        self.answer(sender, ReportBody::MassCancelAccepted(what));
        self.begin_mass_cancel(self.account_of(sender), Cause::Asked(sender, what));
        Ok(())
    }

    /// A key's sessions have been gone for its grace.
    pub(super) fn disconnected(&mut self, no: KeyNo) {
        let Some(gone) = self.keys.iter().find(|key| key.no == no && key.grace != 0) else { return };
        let row = self.keys.iter().filter(|key| key.origin == gone.origin);
        self.begin_mass_cancel(gone.account, Cause::Gone(row.map(|key| key.no).collect()));
    }

    pub(super) fn kill_orders(&mut self, account: AccountId) {
        self.begin_mass_cancel(account, Cause::Killed);
    }

    fn begin_mass_cancel(&mut self, account: AccountId, cause: Cause) {
        let sequence = self.sequence;
        self.mass_jobs.push(MassJob { account, sequence, cause, looked_at: 0, ended: 0 });
        for _ in 0..WORK_PER_COMMAND {
            if !(self.uncross_piece() || self.halt_piece() || self.mass_piece()) {
                break;
            }
        }
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
                    let reason = job.reason();
                    let order = self.take_out(at);
                    self.end(&order, reason, None);
                }
            }
            _ => {
                let job = self.mass_jobs.remove(0);
                if let Cause::Asked(sender, _) = job.cause {
                    let done = ReportBody::MassCancelDone { orders: job.ended };
                    self.report(job.account, Some(sender), done);
                }
            }
        }
        true
    }

    /// What would rest although a pending mass cancel covers it ends instead, and counts.
    pub(super) fn count_as_mass_cancelled(&mut self, order: &Order) -> Option<CancelReason> {
        let job = self.mass_jobs.iter_mut().find(|job| job.covers(order))?;
        job.ended += 1;
        Some(job.reason())
    }
}
