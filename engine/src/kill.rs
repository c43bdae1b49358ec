//! The kill switch of an account: on, its orders end by a mass cancel of the exchange's, and it gets no new ones.

use crate::engine::{By, Engine, Refusal};
use crate::mass_cancel::Cause;
use types::{AccountId, Output, RejectCode, ReportBody, StateEvent};

impl Engine {
    pub(crate) fn set_kill_switch(
        &mut self,
        by: By<'_>,
        account: AccountId,
        on: bool,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let set = self.accounts.set_killed(account, on);
        let set = set.ok_or((RejectCode::UnknownAccount, i64::from(account.0)))?;
        out.state.push(StateEvent::Account(set));
        self.answer(by, ReportBody::KillSwitchSet { account, on }, out);
        if on {
            self.begin_mass_cancel(account, Cause::Killed, out);
        }
        Ok(())
    }
}
