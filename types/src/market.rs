//! Market events: what everybody is told. No account, no hidden size.

use crate::command::Side;
use crate::ids::{ContractId, OrderId, Sequence};
use crate::money::{Ticks, Units};
use crate::time::Timestamp;

/// One public change of one contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketEvent {
    /// Of what.
    pub contract: ContractId,
    /// The command before this one that changed the contract; 0 for the first. A subscriber whose last
    /// sequence of the contract differs has missed something.
    pub previous: Sequence,
    /// The command that caused it. All events of a contract with the same sequence belong together: the
    /// public book is whole only after the last of them.
    pub sequence: Sequence,
    /// That command's stamp.
    pub time: Timestamp,
    /// What changed.
    pub body: MarketBody,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketBody {
    /// The order went to the end of the queue at its price; `units` is what it shows.
    Add(MarketEntry),
    /// The order shows `units` now, less than before, and kept its place.
    Reduce(MarketEntry),
    /// The order, which showed `units`, is out of the book.
    Delete(MarketEntry),
    /// `units` of the resting order traded at its price; at nothing left it is out of the book. `side` is
    /// the resting order's; the other side was the aggressor.
    Trade(MarketEntry),
    /// The contract is in this phase now. Once closed, its book is empty after the deletes that follow.
    Phase(Phase),
    /// As [`MarketBody::Trade`], but a block took the units, as a part of its price for many slots: it sets no last
    /// price and is in no index.
    BlockTrade(MarketEntry),
    /// Two blocks traded units of this contract with each other, at the average price of the block that rested.
    BlockPrint {
        /// That average price.
        price: Ticks,
        /// How many units.
        units: Units,
        /// The side of the block that came in.
        aggressor: Side,
    },
    /// A block whose first slot is this contract rests, with so many units left; with 0 it is gone.
    Block(BlockEntry),
    /// Units traded in an auction at its price, between two orders of the book. Told before the [`MarketBody::Reduce`]
    /// or [`MarketBody::Delete`] of either by which its shown units become less.
    AuctionTrade {
        /// The auction's price.
        price: Ticks,
        /// How many units.
        units: Units,
    },
    /// At which price how much would trade if the auction ended now.
    Indicative {
        /// The price; 0 if nothing would trade, or if that would take too long to work out.
        price: Ticks,
        /// How much; at least so much if there is no price.
        volume: Units,
    },
}

/// A block as the public sees it: all slots or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its id.
    pub order: OrderId,
    /// Bid or ask.
    pub side: Side,
    /// Its limit: the average price over the slots, in ticks.
    pub price: Ticks,
    /// How many slots in a row, from the event's contract on; at least 2.
    pub slots: u16,
    /// Units per slot that are left; 0 if it is gone.
    pub units: Units,
    /// It takes no fewer units at once than so many; all of them if 0.
    pub min_units: Units,
    /// A buy block that one sell block of one account has to meet.
    pub same_provider: bool,
}

/// An order as the public sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MarketEntry {
    /// Its id.
    pub order: OrderId,
    /// Bid or ask.
    pub side: Side,
    /// Its price.
    pub price: Ticks,
    /// Units, as the kind of event says.
    pub units: Units,
}

/// What a contract is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Orders gather for the opening auction, whose call has not begun.
    PreOpen,
    /// The call of an auction: orders gather, and what would come of it is told.
    Auction,
    /// Orders match as they come.
    Continuous,
    /// An operator's halt: nothing trades, and orders can only be cancelled.
    Halted,
    /// After gate closure: nothing trades.
    Closed,
    /// The slot runs.
    InDelivery,
    /// The slot is over; the contract is gone.
    Settled,
}

impl Phase {
    /// Every phase there is, in the order of their numbers.
    pub const ALL: [Phase; 7] = [
        Phase::PreOpen,
        Phase::Auction,
        Phase::Continuous,
        Phase::Halted,
        Phase::Closed,
        Phase::InDelivery,
        Phase::Settled,
    ];

    /// Its number, as it stands beside [`RejectCode::WrongPhase`](crate::RejectCode::WrongPhase).
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// True while orders are let in to gather and nothing trades.
    #[must_use]
    pub fn is_call(self) -> bool {
        matches!(self, Phase::PreOpen | Phase::Auction)
    }
}
