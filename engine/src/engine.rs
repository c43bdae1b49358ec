//! The engine: its whole state, and the way of a command through it.

use crate::accounts::Accounts;
use crate::calendar::Calendar;
use crate::classes::Classes;
use crate::contracts::Contracts;
use crate::holdings::Holdings;
use crate::keys::{Keys, may, take_number};
use crate::operator::Deposits;
use crate::orders::Orders;
use types::{
    AccountId, Command, Lane, Output, RejectCode, Report, ReportBody, Rights, Sender, Sequence, Stamped,
    Timestamp,
};

/// The version of the rules this engine follows. A journal says which it was written under.
pub const RULES_VERSION: u32 = 1;

/// The whole exchange as a state machine.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) accounts: Accounts,
    pub(crate) keys: Keys,
    pub(crate) classes: Classes,
    pub(crate) contracts: Contracts,
    pub(crate) holdings: Holdings,
    pub(crate) orders: Orders,
    pub(crate) deposits: Deposits,
    pub(crate) calendar: Calendar,
}

/// The command being applied: its stamp and who sent it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
    pub(crate) sender: Sender,
    pub(crate) account: AccountId,
}

/// Why a command changes nothing: a code and its value.
pub(crate) type Refusal = (RejectCode, i64);

impl Engine {
    /// An exchange nobody has set up yet: the first command must be [`Command::Genesis`].
    #[must_use]
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Applies a command and appends what comes of it to `out`.
    ///
    /// # Panics
    /// If the sequence is not the next or the time goes backwards: the sequencer's invariants.
    pub fn apply(&mut self, stamped: &Stamped, out: &mut Output) {
        assert_eq!(stamped.sequence, self.sequence + 1, "sequences have no gaps");
        assert!(stamped.time >= self.time, "time never goes backwards");
        (self.sequence, self.time) = (stamped.sequence, stamped.time);
        match stamped.sender {
            Some(sender) => self.apply_sent(sender, &stamped.command, out),
            None => self.apply_own(&stamped.command, out),
        }
    }

    /// The sequence of the last command applied; 0 before the first.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        self.sequence
    }

    /// The stamp of the last command applied.
    #[must_use]
    pub fn last_time(&self) -> Timestamp {
        self.time
    }

    /// When the next phase change of a touched contract is due: a [`Command::Clock`] must be sequenced before
    /// the first command with that stamp or a later one.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.calendar.next_deadline()
    }

    /// True while work is left over: a [`Command::Continue`] must be sequenced soon.
    #[must_use]
    pub fn has_pending(&self) -> bool {
        self.calendar.has_pending()
    }

    /// How many orders are open.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.slab.len()
    }

    fn apply_own(&mut self, command: &Command, out: &mut Output) {
        match *command {
            Command::Genesis { operator } => self.genesis(operator, out),
            Command::Clock => {
                self.calendar.set_clock(self.time);
                self.work(out);
            }
            Command::Continue => self.work(out),
            // The sequencer says nothing else of its own; a journal that does is answered with nothing.
            _ => {}
        }
    }

    fn apply_sent(&mut self, sender: Sender, command: &Command, out: &mut Output) {
        // Only cancels go by the cancels lane, or two orders of a key could have one number. The gateway sees
        // to that; a journal that says otherwise is answered with nothing.
        if sender.lane == Lane::Cancels && !matches!(command, Command::Cancel(_)) {
            return;
        }
        // A key that was never registered has no account to report to.
        let Some(key) = self.keys.get_mut(sender.key) else { return };
        let account = key.account;
        let now = Now { sequence: self.sequence, time: self.time, sender, account };
        let allowed = take_number(key, sender).and_then(|()| may(key, needed_rights(command), now.time));
        let done = allowed.and_then(|()| match *command {
            Command::NewOrder(order) => self.new_order(now, order, out),
            Command::Cancel(order) => self.cancel(now, order, out),
            Command::Replace { order, price, units } => self.replace(now, order, price, units, out),
            Command::DepositCapacity { contract, units, external } => {
                self.deposit_capacity(now, contract, units, external, out)
            }
            Command::DepositCash { account, currency, amount, external } => {
                self.deposit_cash(now, account, currency, amount, external, out)
            }
            Command::DefineClass(spec) => self.define_class(now, spec, out),
            Command::OpenAccount { name, role } => self.open_account(now, name, role, out),
            Command::RegisterKey { account, public, rights, expires } => {
                self.register_key(now, account, public, rights, expires, out)
            }
            Command::RevokeKey { key } => self.revoke_key(now, key, out),
            Command::Genesis { .. } | Command::Clock | Command::Continue => {
                Err((RejectCode::SequencerOnly, 0))
            }
        });
        if let Err((code, value)) = done {
            self.answer(now, ReportBody::Rejected { code, value }, out);
        }
    }

    /// Tells the sender what came of its command.
    pub(crate) fn answer(&mut self, now: Now, body: ReportBody, out: &mut Output) {
        self.report(now.account, Some(now.sender), body, out);
    }

    /// Tells an account what happened to it.
    pub(crate) fn tell(&mut self, account: AccountId, body: ReportBody, out: &mut Output) {
        self.report(account, None, body, out);
    }

    fn report(&mut self, account: AccountId, answers: Option<Sender>, body: ReportBody, out: &mut Output) {
        let record = self.accounts.at_mut(account);
        record.reports += 1;
        let number = record.reports;
        out.reports.push(Report { account, number, sequence: self.sequence, time: self.time, answers, body });
    }
}

fn needed_rights(command: &Command) -> Rights {
    match command {
        Command::NewOrder(_) | Command::Cancel(_) | Command::Replace { .. } => Rights::TRADE,
        Command::DepositCapacity { .. } => Rights::DEPOSIT,
        Command::DefineClass(_)
        | Command::OpenAccount { .. }
        | Command::RegisterKey { .. }
        | Command::RevokeKey { .. }
        | Command::DepositCash { .. } => Rights::OPERATE,
        // Refused as the sequencer's own, whatever the rights.
        Command::Genesis { .. } | Command::Clock | Command::Continue => Rights(0),
    }
}
