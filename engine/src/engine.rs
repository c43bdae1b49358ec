//! The engine: its whole state, and the way of a command through it.

use crate::accounts::Accounts;
use crate::auction::Uncross;
use crate::blocks::Blocks;
use crate::book::Fill;
use crate::calendar::Calendar;
use crate::classes::Classes;
use crate::contracts::Contracts;
use crate::halts::Halts;
use crate::holdings::Holdings;
use crate::keys::Keys;
use crate::mass_cancel::MassCancels;
use crate::operator::Deposits;
use crate::orders::Orders;
use crate::stops::Stops;
use types::{
    AccountId, Command, Lane, NewOrder, OrderRef, Output, RejectCode, ReportBody, Rights, Sender, Sequence,
    Stamped, Timestamp,
};

/// The version of the rules this engine follows. A journal says which it was written under.
pub const RULES_VERSION: u32 = 4;

/// The whole exchange as a state machine.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    pub(crate) stamp: Stamp,
    pub(crate) accounts: Accounts,
    pub(crate) keys: Keys,
    pub(crate) classes: Classes,
    pub(crate) contracts: Contracts,
    pub(crate) holdings: Holdings,
    pub(crate) orders: Orders,
    pub(crate) stops: Stops,
    pub(crate) blocks: Blocks,
    pub(crate) mass_cancels: MassCancels,
    pub(crate) deposits: Deposits,
    pub(crate) calendar: Calendar,
    pub(crate) halts: Halts,
    /// The auction that is being worked out.
    pub(crate) uncross: Option<Uncross>,
    /// Out of which the random ends of auctions come; 0 for none.
    pub(crate) seed: u64,
    /// Room for the fills of one match, kept between commands.
    pub(crate) fills: Vec<Fill>,
    /// Up to which event of the command's output blocks have been told.
    pub(crate) noted: usize,
}

/// Place and time of the command being applied, or of the last one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stamp {
    pub(crate) sequence: Sequence,
    pub(crate) time: Timestamp,
}

/// Who sent the command being applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct By<'a> {
    pub(crate) sender: &'a Sender,
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

    /// The same, with memory set aside for so many open orders, so that they need not move before there are more.
    /// What is not used costs addresses, not memory.
    #[must_use]
    pub fn with_room(orders: usize) -> Engine {
        Engine { orders: Orders::with_room(orders), ..Engine::default() }
    }

    /// Applies a command and appends what comes of it to `out`.
    ///
    /// # Panics
    /// If the sequence is not the next or the time goes backwards: the sequencer's invariants.
    pub fn apply(&mut self, stamped: &Stamped, out: &mut Output) {
        assert_eq!(stamped.sequence, self.stamp.sequence + 1, "sequences have no gaps");
        assert!(stamped.time >= self.stamp.time, "time never goes backwards");
        self.stamp = Stamp { sequence: stamped.sequence, time: stamped.time };
        self.noted = out.events.len();
        match &stamped.sender {
            Some(sender) => self.apply_sent(sender, &stamped.command, out),
            None => self.apply_own(&stamped.command, out),
        }
        if self.blocks.rest() {
            self.note_events(out);
        }
    }

    /// The sequence of the last command applied; 0 before the first.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        self.stamp.sequence
    }

    /// The stamp of the last command applied.
    #[must_use]
    pub fn last_time(&self) -> Timestamp {
        self.stamp.time
    }

    /// How many orders are open.
    #[must_use]
    pub fn open_orders(&self) -> usize {
        self.orders.slab.len()
    }

    #[cold]
    fn apply_own(&mut self, command: &Command, out: &mut Output) {
        match *command {
            Command::Genesis { operator, seed } => self.genesis(operator, seed, out),
            Command::Clock => {
                self.calendar.set_clock(self.stamp.time);
                self.work(out);
            }
            Command::Continue => self.work(out),
            Command::Disconnected { key } => self.disconnected(key, out),
            // The sequencer says nothing else of its own; a journal that does is answered with nothing.
            _ => {}
        }
    }

    #[inline(always)]
    fn apply_sent(&mut self, sender: &Sender, command: &Command, out: &mut Output) {
        // Only cancels, of one or many, go by the cancels lane, or two orders of a key could have one number. The
        // gateway sees to that; a journal that says otherwise is answered with nothing.
        match *command {
            Command::Cancel(order) => self.obey_cancel(sender, order, out),
            Command::NewOrder(ref terms) if sender.lane == Lane::Orders => {
                self.obey_order(sender, terms, out)
            }
            Command::MassCancel(_) => self.obey_any(sender, command, out),
            _ if sender.lane == Lane::Orders => self.obey_any(sender, command, out),
            _ => {}
        }
    }

    /// Takes the command's number. Nobody if that changes nothing: the sender has been told why, or is nobody.
    #[inline(always)]
    fn admit<'a>(&mut self, sender: &'a Sender, needed: Rights, out: &mut Output) -> Option<By<'a>> {
        // A key that was never registered has no account to report to.
        let key = self.keys.get_mut(sender.key)?;
        let by = By { sender, account: key.account };
        match key.admit(sender, needed, self.stamp.time) {
            Ok(()) => Some(by),
            Err(refusal) => {
                self.refuse(by, refusal, out);
                None
            }
        }
    }

    #[inline(never)]
    fn obey_order(&mut self, sender: &Sender, terms: &NewOrder, out: &mut Output) {
        let Some(by) = self.admit(sender, Rights::TRADE, out) else { return };
        match self.new_order(by, terms, out) {
            Ok(()) => self.work_after_order(out),
            Err(refusal) => self.refuse(by, refusal, out),
        }
    }

    #[inline(never)]
    fn obey_cancel(&mut self, sender: &Sender, order: OrderRef, out: &mut Output) {
        let Some(by) = self.admit(sender, Rights::TRADE, out) else { return };
        if let Err(refusal) = self.cancel(by, order, out) {
            self.refuse(by, refusal, out);
        }
    }

    #[inline(never)]
    fn obey_any(&mut self, sender: &Sender, command: &Command, out: &mut Output) {
        let Some(by) = self.admit(sender, needed_rights(command), out) else { return };
        if let Err(refusal) = self.obey(by, command, out) {
            self.refuse(by, refusal, out);
        }
    }

    /// Tells the sender why its command changes nothing.
    #[cold]
    fn refuse(&mut self, by: By<'_>, (code, value): Refusal, out: &mut Output) {
        self.answer(by, ReportBody::Rejected { code, value }, out);
    }

    fn obey(&mut self, by: By<'_>, command: &Command, out: &mut Output) -> Result<(), Refusal> {
        match *command {
            Command::NewOrder(ref terms) => self.new_order_of_any_kind(by, terms, out),
            Command::Cancel(order) => self.cancel(by, order, out),
            Command::Replace { order, price, units } => {
                self.replace(by, order, price, units, out)?;
                self.work_after_order(out);
                Ok(())
            }
            Command::MassCancel(mass) => self.mass_cancel(by, mass, out),
            Command::DepositCapacity { contract, units, external } => {
                self.deposit_capacity(by, contract, units, external, out)
            }
            // Why the operator does something is kept in the journal and changes nothing.
            Command::DepositCash { account, currency, amount, external, why: _ } => {
                self.deposit_cash(by, account, currency, amount, external, out)
            }
            Command::DefineClass { ref spec, why: _ } => self.define_class(by, **spec, out),
            Command::OpenAccount { name, role, why: _ } => self.open_account(by, name, role, out),
            Command::RegisterKey { account, public, rights, expires, why: _ } => {
                self.register_key(by, account, public, rights, expires, out)
            }
            Command::RevokeKey { key, why: _ } => self.revoke_key(by, key, out),
            Command::SetLimits { account, limits, why: _ } => self.set_limits(by, account, limits, out),
            Command::SetKillSwitch { account, on, why: _ } => self.set_kill_switch(by, account, on, out),
            Command::Halt { scope, why: _ } => self.halt(by, scope, out),
            Command::Resume { scope, why: _ } => self.resume(by, scope, out),
            Command::RotateKey { public } => self.rotate_key(by, public, out),
            Command::CancelOnDisconnect { grace } => self.cancel_on_disconnect(by, grace, out),
            Command::Genesis { .. } | Command::Clock | Command::Continue | Command::Disconnected { .. } => {
                Err((RejectCode::SequencerOnly, 0))
            }
        }
    }

    /// Tells the sender what came of its command.
    #[inline(always)]
    pub(crate) fn answer(&mut self, by: By<'_>, body: ReportBody, out: &mut Output) {
        self.accounts.tell(self.stamp, by.account, Some(*by.sender), body, out);
    }

    /// Tells an account what another's command, or the clock, brought about.
    pub(crate) fn tell(&mut self, account: AccountId, body: ReportBody, out: &mut Output) {
        self.accounts.tell(self.stamp, account, None, body, out);
    }
}

#[inline(always)]
fn needed_rights(command: &Command) -> Rights {
    match command {
        Command::NewOrder(_)
        | Command::Cancel(_)
        | Command::Replace { .. }
        | Command::MassCancel(_)
        | Command::CancelOnDisconnect { .. } => Rights::TRADE,
        Command::DepositCapacity { .. } => Rights::DEPOSIT,
        Command::RotateKey { .. } => Rights::READ,
        Command::DefineClass { .. }
        | Command::OpenAccount { .. }
        | Command::RegisterKey { .. }
        | Command::RevokeKey { .. }
        | Command::DepositCash { .. }
        | Command::SetLimits { .. }
        | Command::SetKillSwitch { .. }
        | Command::Halt { .. }
        | Command::Resume { .. } => Rights::OPERATE,
        // Refused as the exchange's own, whatever the rights.
        Command::Genesis { .. } | Command::Clock | Command::Continue | Command::Disconnected { .. } => {
            Rights(0)
        }
    }
}
