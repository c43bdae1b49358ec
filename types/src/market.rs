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
    /// Orders match as they come.
    Continuous,
    /// After gate closure: nothing trades.
    Closed,
    /// The slot runs.
    InDelivery,
    /// The slot is over; the contract is gone.
    Settled,
}
