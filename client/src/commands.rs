//! One method for each command.

use crate::error::{CommandError, SessionError};
use crate::session::Session;
use types::{
    AccountId, AccountName, ClassNo, ClassSpec, Code, Command, ContractId, KeyNo, Lane, Limits, MassCancel,
    Money, NewOrder, OrderId, OrderRef, PublicKey, Report, ReportBody, Rights, Role, Scope, Side, SlotHint,
    Ticks, TimeInForce, Timestamp, Units, Why,
};

/// An order that was taken. It can be cancelled and replaced by this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub order: OrderId,
    /// Where it lies if it rests or sleeps.
    pub slot: SlotHint,
}

impl From<Placed> for OrderRef {
    fn from(placed: Placed) -> OrderRef {
        OrderRef::Id { order: placed.order, slot: placed.slot }
    }
}

/// Every one waits for the outcome, and has the errors of [`Session::request`].
impl Session {
    /// Bids for `units` of `contract` at `price` ticks or less.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn buy(
        &self,
        contract: ContractId,
        time_in_force: TimeInForce,
        price: Ticks,
        units: Units,
    ) -> Result<Placed, CommandError> {
        self.place(NewOrder { time_in_force, ..NewOrder::limit(contract, Side::Buy, units, price) }).await
    }

    /// Offers `units` of `contract` at `price` ticks or more.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn sell(
        &self,
        contract: ContractId,
        time_in_force: TimeInForce,
        price: Ticks,
        units: Units,
    ) -> Result<Placed, CommandError> {
        self.place(NewOrder { time_in_force, ..NewOrder::limit(contract, Side::Sell, units, price) }).await
    }

    /// Places an order of any kind. Its fills follow as reports; [`Session::execute`] waits for those it makes at
    /// once.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn place(&self, order: NewOrder) -> Result<Placed, CommandError> {
        let report = self.request(Command::NewOrder(order)).await?;
        match report.body {
            ReportBody::Accepted { order, slot, .. } => Ok(Placed { order, slot }),
            _ => Err(unexpected(&report)),
        }
    }

    /// Bids for, or offers, `units` in each of `slots` slots from `first` on, all units or none, at `price` ticks on average
    /// or better. Other blocks are placed by [`Session::place`], as [`NewOrder::block`] with other terms. When it trades,
    /// [`ReportBody::BlockTraded`] says so, and how many [`ReportBody::Filled`] of its parts are the reports that follow.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn place_block(
        &self,
        first: ContractId,
        slots: u16,
        side: Side,
        price: Ticks,
        units: Units,
    ) -> Result<Placed, CommandError> {
        self.place(NewOrder::block(first, slots, side, units, price)).await
    }

    /// Ends what is left of an order, resting or sleeping.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel(&self, order: impl Into<OrderRef>) -> Result<Report, CommandError> {
        self.request(Command::Cancel(order.into())).await
    }

    /// Ends all open orders of the account that are `asked` for. Sent by the cancels lane it overtakes orders that
    /// are still on their way, which stay; by the orders lane it comes after all that were sent before. The ends of
    /// the orders and [`ReportBody::MassCancelDone`], with the same `answers`, follow as reports;
    /// [`Session::execute`] waits for them.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn mass_cancel(&self, lane: Lane, asked: MassCancel) -> Result<Report, CommandError> {
        self.request_by(lane, Command::MassCancel(asked)).await
    }

    /// Changes an order's price and total quantity.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn replace(
        &self,
        order: impl Into<OrderRef>,
        price: Ticks,
        units: Units,
    ) -> Result<Placed, CommandError> {
        let report = self.request(Command::Replace { order: order.into(), price, units }).await?;
        match report.body {
            ReportBody::Replaced { order, slot, .. } => Ok(Placed { order, slot }),
            _ => Err(unexpected(&report)),
        }
    }

    /// Provider: brings units of a contract. The same external id again is the same deposit.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn deposit_capacity(
        &self,
        contract: ContractId,
        units: Units,
        external: u64,
    ) -> Result<Report, CommandError> {
        self.request(Command::DepositCapacity { contract, units, external }).await
    }

    /// Ends the orders that this key sent when none of its sessions has been there for `grace` seconds, from now
    /// on and until it is set to 0, whatever becomes of this session. The end of each follows as a report.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn cancel_on_disconnect(&self, grace: u32) -> Result<Report, CommandError> {
        self.request(Command::CancelOnDisconnect { grace }).await
    }

    /// Puts the key with this public half in the place of the one that this session speaks with, and gives its
    /// number. The session ends then, and so does every later one with the old key: connect with the new one.
    ///
    /// # Errors
    /// [`CommandError`]. If the session ended before the answer came, whoever connects with the new key finds out.
    pub async fn rotate_key(&self, public: PublicKey) -> Result<KeyNo, CommandError> {
        let report = self.request(Command::RotateKey { public }).await?;
        match report.body {
            ReportBody::KeyRotated { key } => Ok(key),
            _ => Err(unexpected(&report)),
        }
    }

    /// Operator: credits cash to an account. The same external id again is the same deposit.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn deposit_cash(
        &self,
        account: AccountId,
        currency: Code,
        amount: Money,
        external: u64,
        why: Why,
    ) -> Result<Report, CommandError> {
        self.request(Command::DepositCash { account, currency, amount, external, why }).await
    }

    /// Operator: lists a class.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn define_class(&self, spec: ClassSpec, why: Why) -> Result<ClassNo, CommandError> {
        let report = self.request(Command::DefineClass { spec: Box::new(spec), why }).await?;
        match report.body {
            ReportBody::ClassDefined { class, .. } => Ok(class),
            _ => Err(unexpected(&report)),
        }
    }

    /// Operator: opens an account.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn open_account(
        &self,
        name: AccountName,
        role: Role,
        why: Why,
    ) -> Result<AccountId, CommandError> {
        let report = self.request(Command::OpenAccount { name, role, why }).await?;
        match report.body {
            ReportBody::AccountOpened { account } => Ok(account),
            _ => Err(unexpected(&report)),
        }
    }

    /// Operator: lets a key speak for an account, until it expires ([`Timestamp::MAX`]: never).
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn register_key(
        &self,
        account: AccountId,
        public: PublicKey,
        rights: Rights,
        expires: Timestamp,
        why: Why,
    ) -> Result<KeyNo, CommandError> {
        let report = self.request(Command::RegisterKey { account, public, rights, expires, why }).await?;
        match report.body {
            ReportBody::KeyRegistered { key, .. } => Ok(key),
            _ => Err(unexpected(&report)),
        }
    }

    /// Operator: from now on the key may do nothing.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn revoke_key(&self, key: KeyNo, why: Why) -> Result<Report, CommandError> {
        self.request(Command::RevokeKey { key, why }).await
    }

    /// Operator: how much an account may have open at once, from now on.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn set_limits(
        &self,
        account: AccountId,
        limits: Limits,
        why: Why,
    ) -> Result<Report, CommandError> {
        self.request(Command::SetLimits { account, limits, why }).await
    }

    /// Operator: ends all orders of an account and lets it place no more, or, off, lets it trade again.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn set_kill_switch(
        &self,
        account: AccountId,
        on: bool,
        why: Why,
    ) -> Result<Report, CommandError> {
        self.request(Command::SetKillSwitch { account, on, why }).await
    }

    /// Operator: stops the trading of a contract, a class or everything.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn halt(&self, scope: Scope, why: Why) -> Result<Report, CommandError> {
        self.request(Command::Halt { scope, why }).await
    }

    /// Operator: ends the halt of exactly this scope.
    ///
    /// # Errors
    /// [`CommandError`].
    pub async fn resume(&self, scope: Scope, why: Why) -> Result<Report, CommandError> {
        self.request(Command::Resume { scope, why }).await
    }
}

/// The outcome is none of this command.
fn unexpected(report: &Report) -> CommandError {
    SessionError::violation(format!("{:?} is no outcome of that command", report.body)).into()
}
