//! Commands: everything that can change the exchange, and nothing else can.

use crate::class::ClassSpec;
use crate::code::{AccountName, Code, Why};
use crate::ids::{AccountId, ClassNo, ContractId, KeyNo, OrderId, PublicKey, Sequence, SlotHint};
use crate::money::{Money, Ticks, Units};
use crate::order::NewOrder;
use crate::reject::RejectCode;
use crate::state::{Limits, Rights, Role};
use crate::time::Timestamp;

/// A command with its place in the total order, as the engine applies it and the journal keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// Its place: one more than the command before.
    pub sequence: Sequence,
    /// When it was sequenced; never before the one before.
    pub time: Timestamp,
    /// Who sent it; `None` for the exchange's own (genesis, clock, continue, disconnected).
    pub sender: Option<Sender>,
    /// What is asked.
    pub command: Command,
}

/// Who sent a command, and as which of its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sender {
    /// The key that spoke.
    pub key: KeyNo,
    /// On which lane.
    pub lane: Lane,
    /// The client's own number of this command: strictly rising per key and lane, gaps allowed.
    pub number: u64,
}

/// One of a session's two ways in, each with its own numbers, so that a cancel never waits behind orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Everything but cancels.
    Orders,
    /// Cancels.
    Cancels,
}

/// What is asked. Of what only an operator says, the long parts lie apart: a command is as long as its longest kind, and
/// each is copied a few times on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Sequencer: time has passed; run what is due.
    Clock,
    /// Sequencer: go on with the pending work.
    Continue,
    /// Sequencer, once, the first command of all: opens account 1 `operator` with this key.
    Genesis {
        /// The first operator's key.
        operator: PublicKey,
        /// A random number that nobody knows, out of which come the random ends of auctions.
        seed: u64,
    },
    /// The exchange: no session of this key has been there for its grace; end the orders that it sent.
    Disconnected {
        /// Which.
        key: KeyNo,
    },
    /// Operator: list a class.
    DefineClass {
        /// Its terms.
        spec: Box<ClassSpec>,
        /// The operator's reason.
        why: Why,
    },
    /// Operator: open an account.
    OpenAccount {
        /// Its unique name.
        name: AccountName,
        /// What it is for.
        role: Role,
        /// The operator's reason.
        why: Why,
    },
    /// Operator: let a key speak for an account.
    RegisterKey {
        /// For whom.
        account: AccountId,
        /// The client-made public key.
        public: PublicKey,
        /// What it may do: no more than the account's role.
        rights: Rights,
        /// From this moment on it may do nothing.
        expires: Timestamp,
        /// The operator's reason.
        why: Why,
    },
    /// Operator: from now on the key may do nothing.
    RevokeKey {
        /// Which.
        key: KeyNo,
        /// The operator's reason.
        why: Why,
    },
    /// Any key that may read: another key takes the sender's place, with the same account, rights, expiry and
    /// grace, and the sender may do nothing from now on.
    RotateKey {
        /// The client-made public half of the new key.
        public: PublicKey,
    },
    /// Operator: credit cash to an account. The same account and external id again is the same deposit.
    DepositCash {
        /// To whom.
        account: AccountId,
        /// Of which currency.
        currency: Code,
        /// How much, at least 1.
        amount: Money,
        /// The operator's own id of the transfer.
        external: u64,
        /// The operator's reason. It is no part of what makes two deposits the same.
        why: Why,
    },
    /// Operator: how much an account may have open at once.
    SetLimits {
        /// Whose.
        account: AccountId,
        /// From now on; what is open already stays.
        limits: Limits,
        /// The operator's reason.
        why: Why,
    },
    /// Operator: the kill switch of an account. On, all its orders end and no new one is taken.
    SetKillSwitch {
        /// Whose.
        account: AccountId,
        /// On or off.
        on: bool,
        /// The operator's reason.
        why: Why,
    },
    /// Operator: stop the trading of these contracts. Their orders stay, and may be cancelled.
    Halt {
        /// Which.
        scope: Scope,
        /// The operator's reason.
        why: Why,
    },
    /// Operator: end the halt of exactly this scope. Contracts that no other halt covers trade again, by way of an
    /// auction if their class has one.
    Resume {
        /// Which.
        scope: Scope,
        /// The operator's reason.
        why: Why,
    },
    /// Provider: bring units of a contract. The same contract and external id again is the same deposit.
    DepositCapacity {
        /// Of what.
        contract: ContractId,
        /// How many, at least 1.
        units: Units,
        /// The provider's own id of the deposit.
        external: u64,
    },
    /// Broker or provider: an order.
    NewOrder(NewOrder),
    /// The owner: take what is left of an order out of the book.
    Cancel(OrderRef),
    /// The owner: change an order's price and total quantity.
    Replace {
        /// Which.
        order: OrderRef,
        /// The new limit.
        price: Ticks,
        /// The new total: what is already filled counts.
        units: Units,
    },
    /// The owner: take many of the account's orders out, oldest first.
    MassCancel(MassCancel),
    /// The owner: from now on, end the orders this key sent once no session of it has been there for so long.
    CancelOnDisconnect {
        /// In seconds, at most [`GRACE_MAX`]; 0: never.
        grace: u32,
    },
}

/// The longest grace of [`Command::CancelOnDisconnect`] in seconds: a day.
pub const GRACE_MAX: u32 = 86_400;

/// Which of the sender's account's open orders a mass cancel ends: those in its scope and on its side that are
/// there when it is sequenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MassCancel {
    /// Of which contracts.
    pub scope: Scope,
    /// Only bids or only asks; `None` for both.
    pub side: Option<Side>,
}

/// A set of contracts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Every contract.
    All,
    /// Every contract of one class.
    Class(ClassNo),
    /// One contract.
    Contract(ContractId),
}

/// Names one of the sender's own orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// By id and the slot hint from its report: the fast way.
    Id {
        /// The order's id.
        order: OrderId,
        /// Where the last report said it lies.
        slot: SlotHint,
    },
    /// By the number the sender's own key gave it on the orders lane; works before the acknowledgement.
    Number(u64),
}

/// Buy or sell; at rest, bid or ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Buy: a bid at rest.
    Buy,
    /// Sell: an ask at rest.
    Sell,
}

/// How long an order lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeInForce {
    /// Good till cancelled: rests until filled, cancelled, or the contract's gate closes.
    Gtc,
    /// Good till date: the same, and ends at this moment if the gate has not closed before.
    Gtd(Timestamp),
    /// Immediate or cancel: what does not trade at once ends.
    Ioc,
    /// Fill or kill: all at once, or nothing.
    Fok,
}

/// Whether `grace` is a time, or none, that a cancel on disconnect may wait for.
///
/// # Errors
/// [`RejectCode::GraceOutOfRange`] and the grace.
pub fn check_grace(grace: u32) -> Result<(), (RejectCode, i64)> {
    if grace <= GRACE_MAX { Ok(()) } else { Err((RejectCode::GraceOutOfRange, i64::from(grace))) }
}

impl Scope {
    /// True if `contract` is in it.
    #[must_use]
    #[inline]
    pub fn includes(self, contract: ContractId) -> bool {
        match self {
            Scope::All => true,
            Scope::Class(class) => contract.class() == class,
            Scope::Contract(one) => contract == one,
        }
    }
}

impl Side {
    /// The other side.
    #[must_use]
    #[inline]
    pub fn opposite(self) -> Side {
        match self {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No kind makes commands longer than a new order is.
    #[test]
    fn a_stamped_command_is_a_cache_line_and_a_half() {
        assert_eq!((size_of::<NewOrder>(), size_of::<Command>()), (64, 64));
        assert_eq!(size_of::<Stamped>(), 96);
    }
}
