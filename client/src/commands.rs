//! One method for each command.

use crate::error::{CommandError, SessionError};
use crate::session::Session;
use types::{
    AccountId, AccountName, ClassNo, ClassSpec, Code, Command, ContractId, KeyNo, Lane, MassCancel, Money,
    NewOrder, OrderId, OrderRef, PublicKey, Report, ReportBody, Rights, Role, Side, SlotHint, Ticks,
    TimeInForce, Timestamp, Units, Why,
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
        let report = self.request(Command::DefineClass { spec, why }).await?;
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
}

/// The outcome is none of this command.
fn unexpected(report: &Report) -> CommandError {
    SessionError::violation(format!("{:?} is no outcome of that command", report.body)).into()
}
