//! The whole state as plain data, a small record at a time: [`Engine::save`] puts it out, [`Engine::restore`] takes
//! it in again.
//!
//! What can be told from the rest is left out: indexes, deadlines, the moments of orders, how near stops are. Each
//! part of the engine is taken to pieces field by field, so that a new field does not compile until it is saved, or
//! said to be told from the rest.

use crate::engine::{Engine, Stamp};
use crate::operator::Deposits;
use types::{
    Account, AccountId, Class, ClassNo, Code, ContractId, Hour, Key, KeyNo, MassCancel, Money, OpenOrder,
    OrderId, Phase, Scope, Sender, Sequence, Side, SlotHint, Ticks, Timestamp, Units,
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
        /// Out of which the random ends of auctions come; 0 for none.
        seed: u64,
    },
    /// A class, in the order of their numbers.
    Class(Class),
    /// What contracts of a class traded in an hour that still counts for its index, by class, then by hour.
    Traded {
        /// Of which class.
        class: ClassNo,
        /// In which hour.
        hour: Hour,
        /// How many units, at least 1.
        units: u64,
        /// The sum of price times units, in ticks.
        ticks: u64,
    },
    /// A halt that is on: of everything, then of classes by number, then of contracts by id.
    Halt(Scope),
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
        /// When a call ends; the latest moment there is in other phases, and while the auction is being worked out.
        until: Timestamp,
        /// When its indicative price is told next; the latest moment there is if it is not.
        indicative: Timestamp,
        /// The last command that changed its public book; 0 if none did.
        sequence: Sequence,
        /// The last trade's price; 0 before the first.
        last_price: Ticks,
        /// The price of the last auction in which something traded; 0 before the first.
        auction_price: Ticks,
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
    /// A contract in which something rests newly, or which trades again, for which the blocks of one side have yet to
    /// be considered; in the order of their turns.
    Turn {
        /// Which.
        contract: ContractId,
        /// The side of the blocks.
        side: Side,
        /// The limit and the id from which on they have yet to be; `None` before the first. Only the first turn may
        /// have begun.
        from: Option<(Ticks, OrderId)>,
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
    /// The same for all orders of an account whose kill switch was set; with the others in one order.
    Kill {
        /// Whose orders.
        account: AccountId,
        /// Its command.
        sequence: Sequence,
        /// How many it has ended.
        orders: u32,
    },
    /// How far the first mass cancel has come along its account's orders, if it has begun.
    Walk {
        /// The order it comes to next; `None` at the end.
        next: Option<SlotHint>,
    },
    /// A walk along the contracts of a scope whose halt has begun or ended, in the order in which they are done.
    HaltWalk {
        /// Everything or a class.
        scope: Scope,
        /// The contract it looked at last, if it has begun.
        after: Option<ContractId>,
    },
    /// An auction whose price is being found. Of this and the two that follow there is at most one.
    Weighing {
        /// Of which contract.
        contract: ContractId,
        /// What of several prices the nearest to is taken; 0 for none.
        reference: Ticks,
        /// The bid and the ask it has come to, and what of each has not been paired; `None` at the end of a side.
        cursors: [Option<(SlotHint, Units)>; 2],
        /// How many units have been paired.
        volume: u64,
        /// The prices of the bid and the ask paired last; 0 before.
        paired: [Ticks; 2],
        /// Once all are paired: the prices of the first bid and the first ask left over, 0 for none, and what has been
        /// found left over at each.
        levels: Option<[(Ticks, u64); 2]>,
    },
    /// An auction whose trades are being made.
    Trading {
        /// Of which contract.
        contract: ContractId,
        /// As above.
        reference: Ticks,
        /// At which price.
        price: Ticks,
        /// How many units have yet to trade, at least 1.
        left: Units,
    },
    /// An auction whose market orders are being ended.
    Ending {
        /// Of which contract.
        contract: ContractId,
        /// As above.
        reference: Ticks,
        /// What it traded at; 0 if nothing traded.
        price: Ticks,
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
        // `fills` is empty between commands, and `noted` is set anew by each.
        #[rustfmt::skip]
        let Engine {
            stamp: Stamp { sequence, time }, accounts, keys, classes, contracts, holdings, orders, stops, blocks,
            mass_cancels, deposits, calendar, halts, uncross, seed, fills: _, noted: _,
        } = self;
        each(Saved::Place {
            sequence: *sequence,
            time: *time,
            clock: calendar.clock(),
            batches: stops.batches(),
            seed: *seed,
        });
        classes.iter().for_each(|class| each(Saved::Class(*class)));
        classes.records().for_each(|record| record.index.save(record.class.no, time.hour(), each));
        halts.save(each);
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
        blocks.save(each);
        mass_cancels.save(each);
        if let Some(next) = orders.watched.saved() {
            each(Saved::Walk { next });
        }
        halts.save_walks(each);
        uncross.iter().for_each(|uncross| each(uncross.saved()));
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
