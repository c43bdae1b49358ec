//! State as data: who is who, who has what, and what the mirrors outside the engine start from.

use crate::class::Class;
use crate::code::{AccountName, Code};
use crate::command::Scope;
use crate::ids::{AccountId, ClassNo, ContractId, KeyNo, OrderId, PublicKey, Sequence, SlotHint};
use crate::market::{MarketEvent, Phase};
use crate::money::{Money, Ticks, Units};
use crate::order::NewOrder;
use crate::report::Report;
use crate::time::{Hour, Timestamp};
use std::fmt;

/// What came of one or more commands, in order. Reused between commands; whoever reads it clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// For the owners.
    pub reports: Vec<Report>,
    /// For everybody.
    pub events: Vec<MarketEvent>,
    /// For the mirrors: classes, accounts and keys as they are now.
    pub state: Vec<StateEvent>,
}

/// The index of a class is the volume-weighted price of its trades in the running hour and those before it, so many in
/// all.
pub const INDEX_HOURS: u32 = 24;

/// A piece of the engine's state. Running, only [`StateEvent::Class`], [`StateEvent::Account`],
/// [`StateEvent::Key`] and [`StateEvent::Halt`] are put out: when a class is listed, an account opened, limited or
/// killed, a key registered or revoked, trading halted or resumed. The rest follows from reports and market events, the numbers a key has used up among them.
/// On recovery all of it is put out once, in the order of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateEvent {
    /// A listed class.
    Class(Class),
    /// An open account.
    Account(Account),
    /// A key.
    Key(Key),
    /// An account's cash in one currency.
    Cash {
        /// Whose.
        account: AccountId,
        /// Of which currency.
        currency: Code,
        /// What it can use, at least 0.
        free: Money,
        /// What its buy orders hold, at least 0.
        reserved: Money,
    },
    /// An account's units of a contract.
    Holding {
        /// Whose.
        account: AccountId,
        /// Of what.
        contract: ContractId,
        /// What it can sell.
        free: Units,
        /// What its sell orders hold.
        reserved: Units,
    },
    /// A contract that has been touched and is not settled.
    Contract {
        /// Which.
        contract: ContractId,
        /// What it is doing.
        phase: Phase,
        /// The last command that changed its public book; 0 if none did.
        sequence: Sequence,
        /// The last trade's price, 0 before the first.
        last_price: Ticks,
        /// The price of the last auction in which something traded, 0 before the first.
        auction_price: Ticks,
    },
    /// An open order; of each contract first bids, then asks, each best price first, then first come; then sleeping
    /// stops by id; then the blocks of which it is the first slot, by id.
    Order(OpenOrder),
    /// Trading of everything, or of a class, is halted or, running, no longer.
    Halt {
        /// [`Scope::All`] or [`Scope::Class`]; of single contracts their phase tells.
        scope: Scope,
        /// Halted or not.
        on: bool,
    },
    /// What contracts of a class traded in one of the last [`INDEX_HOURS`] hours, blocks left out.
    Traded {
        /// Of which class.
        class: ClassNo,
        /// In which hour.
        hour: Hour,
        /// How many units.
        units: u64,
        /// The sum of price times units, in ticks.
        ticks: u64,
    },
    /// How many reports an account has been sent so far.
    Reports {
        /// Who.
        account: AccountId,
        /// The number of the last.
        last: u64,
    },
}

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its unique name.
    pub name: AccountName,
    /// What it is for.
    pub role: Role,
    /// How much it may have open.
    pub limits: Limits,
    /// True while its kill switch is on: it has no orders and gets none.
    pub killed: bool,
}

/// How much an account may have open at once. What an operator has not set is [`Limits::DEFAULT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Open orders, blocks among them.
    pub open_orders: u32,
    /// Resting blocks.
    pub open_blocks: u32,
    /// The value of one order at its limit, in millionths of its currency; [`Money::MAX`] for no limit.
    pub order_value: Money,
}

impl Limits {
    /// Those of an account for which an operator has not set others.
    pub const DEFAULT: Limits = Limits { open_orders: 100_000, open_blocks: 1_000, order_value: Money::MAX };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}

/// A key and what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its number.
    pub no: KeyNo,
    /// For whom it speaks.
    pub account: AccountId,
    /// The public half.
    pub public: PublicKey,
    /// What it may do.
    pub rights: Rights,
    /// From this moment on it may do nothing.
    pub expires: Timestamp,
    /// True once it may do nothing for good.
    pub revoked: bool,
    /// The highest number taken on the orders lane and on the cancels lane.
    pub taken: [u64; 2],
    /// Its orders are ended when no session of it has been there for so many seconds; 0: never.
    pub grace: u32,
    /// The registered key whose place it has taken, maybe through several rotations; itself if it was registered.
    pub origin: KeyNo,
}

/// An open order as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// Whose.
    pub account: AccountId,
    /// Its id.
    pub order: OrderId,
    /// Where it lies.
    pub slot: SlotHint,
    /// The key that sent it.
    pub key: KeyNo,
    /// The number that key gave it.
    pub number: u64,
    /// Its terms as they are now: price and total after replaces, no minimum once it has come to the book, no
    /// trigger once it has woken.
    pub terms: NewOrder,
    /// What is left of it, at least 1.
    pub left: Units,
    /// What of that everybody sees: less than `left` if it is an iceberg, 0 if it sleeps.
    pub shown: Units,
}

/// What an account is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Buys for whoever needs compute, and may sell on.
    Broker,
    /// Brings idle capacity and sells it, and may buy.
    Provider,
    /// Only reads.
    Analyst,
    /// Runs the venue.
    Operator,
}

/// What a key may do: a set of the bits below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rights(pub u8);

impl Rights {
    /// Reading: own reports and balances, market data.
    pub const READ: Rights = Rights(1);
    /// Orders, cancels, replaces.
    pub const TRADE: Rights = Rights(2);
    /// Depositing capacity.
    pub const DEPOSIT: Rights = Rights(4);
    /// The operator's desk.
    pub const OPERATE: Rights = Rights(8);

    /// True if every right in `other` is in `self`.
    #[must_use]
    #[inline]
    pub fn include(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }
}

impl Role {
    /// The most a key of such an account may do.
    #[must_use]
    pub fn rights(self) -> Rights {
        match self {
            Role::Broker => Rights::READ.and(Rights::TRADE),
            Role::Provider => Rights::READ.and(Rights::TRADE).and(Rights::DEPOSIT),
            Role::Analyst => Rights::READ,
            Role::Operator => Rights::READ.and(Rights::OPERATE),
        }
    }
}

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Rights::READ, "read"),
            (Rights::TRADE, "trade"),
            (Rights::DEPOSIT, "deposit"),
            (Rights::OPERATE, "operate"),
        ];
        let held: Vec<&str> =
            names.iter().filter(|(right, _)| self.include(*right)).map(|(_, name)| *name).collect();
        f.write_str(if held.is_empty() { "do nothing".to_owned() } else { held.join(" and ") }.as_str())
    }
}

impl Output {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.reports.clear();
        self.events.clear();
        self.state.clear();
    }

    /// True if nothing came of the commands.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.events.is_empty() && self.state.is_empty()
    }
}
