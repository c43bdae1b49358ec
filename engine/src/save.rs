//! The whole state as plain data, a small record at a time: [`Engine::save`] puts it out, [`Engine::restore`] takes
//! it in again.
//!
//! What can be told from the rest is left out: indexes, deadlines, the moments of orders, how near stops are. Each
//! part of the engine is taken to pieces field by field, so that a new field does not compile until it is saved, or
//! said to be told from the rest.

use crate::engine::{Engine, Stamp};
use crate::operator::Deposits;
use types::{
    Account, AccountId, Class, Code, ContractId, Key, KeyNo, MassCancel, Money, OpenOrder, Phase, Sender,
    Sequence, SlotHint, Ticks, Timestamp, Units,
};

/// One record of a saved engine. They come in the order of this list, those of a kind together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saved {
    /// Where the state is true. Once, before all others.
    Place {
        /// The last command.
        sequence: Sequence,
        /// Its stamp.
        time: Timestamp,
        /// The stamp of the last clock command: what is due is due by it.
        clock: Timestamp,
        /// How many elections of stops there have been.
        batches: u64,
    },
    /// A class, in the order of their numbers.
    Class(Class),
    /// An account, in the order of their ids.
    Account {
        /// Who.
        account: Account,
        /// The number of the last report it was sent.
        reports: u64,
    },
    /// A key, in the order of their numbers.
    Key(Key),
    /// A currency, in the order in which the classes brought them.
    Currency {
        /// Which.
        currency: Code,
        /// All that was ever deposited of it.
        deposited: Money,
        /// All fees taken in it.
        fees: Money,
    },
    /// An account's cash in a currency, unless it has none; by account, then in the order of the currencies.
    Cash {
        /// Whose.
        account: AccountId,
        /// Of which currency.
        currency: Code,
        /// What it can use.
        free: Money,
        /// What its buy orders hold.
        reserved: Money,
    },
    /// A deposit of cash that was taken, by account and external id.
    CashDeposit {
        /// To whom.
        account: AccountId,
        /// The operator's id of it.
        external: u64,
        /// Of which currency.
        currency: Code,
        /// How much.
        amount: Money,
    },
    /// A contract that has been touched and is not settled, by id.
    Contract {
        /// Which.
        contract: ContractId,
        /// What it is doing.
        phase: Phase,
        /// The last command that changed its public book; 0 if none did.
        sequence: Sequence,
        /// The last trade's price; 0 before the first.
        last_price: Ticks,
    },
    /// An account's units of a contract; by contract, and of one contract those delivered last come first.
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
    /// A deposit of capacity that was taken, by contract, account and external id.
    CapacityDeposit {
        /// Of what.
        contract: ContractId,
        /// By whom.
        account: AccountId,
        /// The provider's id of it.
        external: u64,
        /// How many.
        units: Units,
    },
    /// An open order, in the order of [`StateEvent::Order`](types::StateEvent::Order): what rests at one price is
    /// first come, first told.
    Order(SavedOrder),
    /// A slot that no order lies in, in the order in which they will be used.
    FreeSlot(SlotHint),
    /// Prices at which a contract traded in one go, by which stops are yet to be elected; in the order of batches.
    Election {
        /// Of which contract.
        contract: ContractId,
        /// The command of the trades.
        sequence: Sequence,
        /// The lowest price.
        low: Ticks,
        /// The highest.
        high: Ticks,
        /// The number of the election.
        batch: u64,
    },
    /// A mass cancel that is not done, in the order in which they were sequenced.
    MassCancel {
        /// Whose orders.
        account: AccountId,
        /// Its command.
        sequence: Sequence,
        /// Who sent it.
        sender: Sender,
        /// Which orders.
        mass: MassCancel,
        /// How many it has ended.
        orders: u32,
    },
    /// The same for the orders of a key that had no session for its grace; with the others in one order.
    Disconnect {
        /// Whose orders.
        account: AccountId,
        /// Its command.
        sequence: Sequence,
        /// The first key of the row of rotations whose orders it ends.
        origin: KeyNo,
        /// How many it has ended.
        orders: u32,
    },
    /// How far the first mass cancel has come along its account's orders, if it has begun.
    Walk {
        /// The order it comes to next; `None` at the end.
        next: Option<SlotHint>,
    },
    /// A contract whose orders are being ended, after its gate.
    Closing(ContractId),
    /// A contract whose units are being delivered.
    Delivering(ContractId),
}

/// An open order with what only the engine knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedOrder {
    /// What its owner knows.
    pub open: OpenOrder,
    /// Where the order lies that is before it in its account's list; `None` if it is the first.
    pub behind: Option<SlotHint>,
    /// The election in which it was elected; 0 if it is no stop, or was not.
    pub batch: u64,
}

impl Engine {
    /// Puts out the whole state, a record at a time, in the order of [`Saved`]. Good after any command, work pending
    /// or not.
    pub fn save(&self, each: &mut impl FnMut(Saved)) {
        // `fills` is empty between commands.
        #[rustfmt::skip]
        let Engine {
            stamp: Stamp { sequence, time }, accounts, keys, classes, contracts, holdings, orders, stops,
            mass_cancels, deposits, calendar, fills: _,
        } = self;
        each(Saved::Place {
            sequence: *sequence,
            time: *time,
            clock: calendar.clock(),
            batches: stops.batches(),
        });
        classes.iter().for_each(|class| each(Saved::Class(*class)));
        accounts.save(each);
        keys.iter().for_each(|key| each(Saved::Key(key)));
        accounts.save_cash(each);
        deposits.save_cash(each);
        let sorted = contracts.sorted();
        sorted.iter().for_each(|contract| each(contract.saved()));
        sorted.iter().for_each(|contract| holdings.save(contract.holders, each));
        deposits.save_capacity(each);
        self.each_open_order(|open| {
            let (behind, batch) = orders.saved_beside(open.slot);
            each(Saved::Order(SavedOrder { open, behind, batch }));
        });
        orders.slab.free_slots().for_each(|slot| each(Saved::FreeSlot(slot)));
        stops.save(each);
        mass_cancels.save(each);
        if let Some(next) = orders.watched.saved() {
            each(Saved::Walk { next });
        }
        calendar.save(each);
    }
}

impl Deposits {
    fn save_cash(&self, each: &mut impl FnMut(Saved)) {
        let Deposits { cash, capacity: _ } = self;
        for (&(account, external), &(currency, amount)) in cash {
            each(Saved::CashDeposit { account, external, currency, amount });
        }
    }

    fn save_capacity(&self, each: &mut impl FnMut(Saved)) {
        let Deposits { cash: _, capacity } = self;
        for (&(contract, account, external), &units) in capacity {
            each(Saved::CapacityDeposit { contract, account, external, units });
        }
    }
}
