//! Mass cancels as they are saved, and back.

use super::{Cause, Job, MassCancels};
use crate::save::Saved;

impl MassCancels {
    pub(crate) fn save(&self, each: &mut impl FnMut(Saved)) {
        let MassCancels { jobs, by_account: _ } = self;
        for job in jobs {
            let &Job { account, sequence, cause, orders } = job;
            each(match cause {
                Cause::Asked { sender, mass } => {
                    Saved::MassCancel { account, sequence, sender, mass, orders }
                }
                Cause::Disconnected { origin } => Saved::Disconnect { account, sequence, origin, orders },
                Cause::Killed => Saved::Kill { account, sequence, orders },
            });
        }
    }

    /// Queues a mass cancel again, which came after those there are.
    pub(crate) fn restore(&mut self, job: Job) {
        self.by_account.insert((job.account, job.sequence));
        self.jobs.push_back(job);
    }
}
