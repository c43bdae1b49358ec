//! The public book of one contract, order by order, with the blocks of which it is the first slot: what feed and client
//! both rebuild from market events.

mod queues;

use crate::choice::Choice;
use queues::{Misfit, Queues, key_of};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use types::{BlockEntry, MarketBody, MarketEntry, MarketEvent, OrderId, Phase, Sequence, Side, Ticks, Units};

/// The public book of one contract. Whole only after the last event of a command.
///
/// An event that does not go with what is there is refused and leaves the book as it was. While the contract is in
/// continuous trading no bid reaches an ask, once a command is whole ([`PublicBook::check_whole`]): an order that may
/// not trade because of a band comes to rest before the phase changes. In every other phase bids may reach asks.
#[derive(Clone, Debug)]
pub struct PublicBook {
    sequence: Sequence,
    previous: Sequence,
    phase: Phase,
    last_price: Ticks,
    auction_price: Ticks,
    indicative: Indicative,
    queues: Queues,
    blocks: BTreeMap<BlockKey, BlockEntry>,
    block_keys: FxHashMap<OrderId, BlockKey>,
}

/// Bids first, then the better limit, then first come.
type BlockKey = (u8, i64, OrderId);

/// What would come of an auction if it ended now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Indicative {
    /// The price; 0 if nothing would trade, if it would take too long to work out, or if nothing has been said.
    pub price: Ticks,
    /// How many units would trade; at least so many if there is no price.
    pub volume: Units,
}

/// All orders of a book at one price of one side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// The price.
    pub price: Ticks,
    /// The units of all its orders together.
    pub units: u64,
    /// How many orders, at least 1.
    pub orders: usize,
}

/// Why an event does not go with the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Something between has been missed.
    #[error("events are missing: the book is at sequence {at}, the event follows {previous}")]
    Gap {
        /// Where the book is.
        at: Sequence,
        /// What the event says was before it.
        previous: Sequence,
    },
    /// The order is not in the book.
    #[error("order {order} is not in the book")]
    UnknownOrder {
        /// Which.
        order: OrderId,
    },
    /// The order is in the book already.
    #[error("order {order} is in the book already")]
    OrderThere {
        /// Which.
        order: OrderId,
    },
    /// The order is on another side or at another price.
    #[error("order {order} is not on that side at {price} ticks")]
    WrongPlace {
        /// Which.
        order: OrderId,
        /// The price the event says.
        price: Ticks,
    },
    /// The event's units do not go with what the order shows.
    #[error("order {order} shows {shown} units: {units} do not go with them")]
    WrongUnits {
        /// Which.
        order: OrderId,
        /// What it shows.
        shown: Units,
        /// What the event says.
        units: Units,
    },
    /// A price below 1 tick.
    #[error("order {order} is at {price} ticks: expected at least 1")]
    WrongPrice {
        /// Which.
        order: OrderId,
        /// The price the event says.
        price: Ticks,
    },
    /// In continuous trading a bid reaches an ask.
    #[error("the best bid, {bid}, reaches the best ask, {ask}")]
    Crossed {
        /// The best bid.
        bid: Ticks,
        /// The best ask.
        ask: Ticks,
    },
    /// A block of fewer than two slots.
    #[error("block {order} is of {slots} slots: expected at least 2")]
    WrongSlots {
        /// Which.
        order: OrderId,
        /// How many slots the event says.
        slots: u16,
    },
    /// A trade of no units, or below 1 tick, of which the event names no order.
    #[error("{units} units cannot trade at {price} ticks")]
    WrongTrade {
        /// The price the event says.
        price: Ticks,
        /// The units it says.
        units: Units,
    },
}

impl PublicBook {
    /// A book nothing has happened to.
    #[must_use]
    pub fn new() -> PublicBook {
        PublicBook::at(0, Phase::Continuous, 0)
    }

    /// An empty book as a snapshot begins; its orders and blocks are put in by [`PublicBook::apply`].
    #[must_use]
    pub fn at(sequence: Sequence, phase: Phase, last_price: Ticks) -> PublicBook {
        PublicBook {
            sequence,
            previous: sequence,
            phase,
            last_price,
            auction_price: 0,
            indicative: Indicative::default(),
            queues: Queues::default(),
            blocks: BTreeMap::new(),
            block_keys: FxHashMap::default(),
        }
    }

    /// The same book with what is known of its auctions.
    #[must_use]
    pub fn with_auction(self, auction_price: Ticks, indicative: Indicative) -> PublicBook {
        PublicBook { auction_price, indicative, ..self }
    }

    /// Applies an event after checking that none is missing between it and the last.
    ///
    /// # Errors
    /// [`BookError::Gap`], or as [`PublicBook::apply`].
    pub fn follow(&mut self, event: &MarketEvent) -> Result<(), BookError> {
        let same_command = event.sequence == self.sequence && event.previous == self.previous;
        let next_command = event.previous == self.sequence && event.sequence > self.sequence;
        if !same_command && !next_command {
            return Err(BookError::Gap { at: self.sequence, previous: event.previous });
        }
        self.apply(&event.body)?;
        (self.previous, self.sequence) = (event.previous, event.sequence);
        Ok(())
    }

    /// Applies one change, wherever it comes from.
    ///
    /// # Errors
    /// Any [`BookError`] but a gap; the book is as it was then.
    pub fn apply(&mut self, body: &MarketBody) -> Result<(), BookError> {
        match body {
            MarketBody::Add(entry) => self.add(entry),
            MarketBody::Reduce(entry) => {
                self.change(entry, |shown| (1..shown).contains(&entry.units).then_some(entry.units))
            }
            MarketBody::Delete(entry) => self.change(entry, |shown| (entry.units == shown).then_some(0)),
            MarketBody::Trade(entry) => {
                self.take(entry)?;
                self.last_price = entry.price;
                Ok(())
            }
            MarketBody::BlockTrade(entry) => self.take(entry),
            MarketBody::BlockPrint { price, units, .. } => check_trade(*price, *units),
            MarketBody::Block(block) => self.set_block(block),
            MarketBody::AuctionTrade { price, units } => {
                check_trade(*price, *units)?;
                (self.last_price, self.auction_price) = (*price, *price);
                Ok(())
            }
            MarketBody::Indicative { price, volume } => {
                self.indicative = Indicative { price: *price, volume: *volume };
                Ok(())
            }
            MarketBody::Phase(phase) => {
                self.phase = *phase;
                self.indicative = Indicative::default();
                Ok(())
            }
        }
    }

    /// The last command that changed it, 0 for none.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// What the contract is doing.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The last trade's price, 0 before the first.
    #[must_use]
    pub fn last_price(&self) -> Ticks {
        self.last_price
    }

    /// The price of the last auction in which something traded, 0 before the first.
    #[must_use]
    pub fn auction_price(&self) -> Ticks {
        self.auction_price
    }

    /// What would come of the running auction, as it was told last; nothing once the phase is another.
    #[must_use]
    pub fn indicative(&self) -> Indicative {
        self.indicative
    }

    /// How many orders are in it, blocks left out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    /// True if no order is in it, blocks left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.len() == 0
    }

    /// What an order shows, at least 1; `None` if it is not in the book.
    #[must_use]
    pub fn shown(&self, order: OrderId) -> Option<Units> {
        self.queues.shown(order)
    }

    /// Looks at the book after the last event of a command, or after a snapshot.
    ///
    /// # Errors
    /// [`BookError::Crossed`] if it is in continuous trading and a bid reaches an ask: something is wrong.
    pub fn check_whole(&self) -> Result<(), BookError> {
        match self.best(Side::Buy).zip(self.best(Side::Sell)) {
            Some((Level { price: bid, .. }, Level { price: ask, .. }))
                if bid >= ask && self.phase == Phase::Continuous =>
            {
                Err(BookError::Crossed { bid, ask })
            }
            _ => Ok(()),
        }
    }

    /// The best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<Level> {
        self.queues.best(side)
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.queues.levels(side)
    }

    /// Every order: bids, then asks, each best first and then first come.
    pub fn orders(&self) -> impl Iterator<Item = MarketEntry> + '_ {
        [Side::Buy, Side::Sell].into_iter().flat_map(|side| self.queues.orders(side))
    }

    /// Every resting block of which the contract is the first slot: bids, then asks, each best limit first and then
    /// first come.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = &BlockEntry> {
        self.blocks.values()
    }

    /// The CRC-32C of all orders as [`PublicBook::orders`] gives them, each as order (8 bytes), price (8),
    /// units (4), side (1 for a bid, 2 for an ask), and then all blocks as [`PublicBook::blocks`] gives them, each as an
    /// order and slots (2), fewest units (4), same provider (1 if so, else 0); little-endian. 0 for an empty book.
    #[must_use]
    pub fn digest(&self) -> u32 {
        let crc = self.orders().fold(0, |crc, entry| crc32c::crc32c_append(crc, &order_bytes(&entry)));
        self.blocks().fold(crc, |crc, block| {
            let &BlockEntry { order, side, price, slots, units, min_units, same_provider } = block;
            let mut bytes = [0; 28];
            bytes[..21].copy_from_slice(&order_bytes(&MarketEntry { order, side, price, units }));
            bytes[21..23].copy_from_slice(&slots.to_le_bytes());
            bytes[23..27].copy_from_slice(&min_units.to_le_bytes());
            bytes[27] = same_provider.into();
            crc32c::crc32c_append(crc, &bytes)
        })
    }

    fn add(&mut self, entry: &MarketEntry) -> Result<(), BookError> {
        let MarketEntry { order, price, units, .. } = *entry;
        if price < 1 {
            return Err(BookError::WrongPrice { order, price });
        }
        if units == 0 {
            return Err(BookError::WrongUnits { order, shown: 0, units });
        }
        if self.block_keys.contains_key(&order) || !self.queues.add(entry) {
            return Err(BookError::OrderThere { order });
        }
        Ok(())
    }

    /// Takes traded units off a resting order.
    fn take(&mut self, entry: &MarketEntry) -> Result<(), BookError> {
        self.change(entry, |shown| shown.checked_sub(entry.units).filter(|_| entry.units > 0))
    }

    /// A block rests as it is said now, in its place by limit and id, or is gone.
    fn set_block(&mut self, block: &BlockEntry) -> Result<(), BookError> {
        let BlockEntry { order, side, price, slots, units, .. } = *block;
        if units > 0 {
            if price < 1 {
                return Err(BookError::WrongPrice { order, price });
            }
            if slots < 2 {
                return Err(BookError::WrongSlots { order, slots });
            }
            if self.queues.contains(order) {
                return Err(BookError::OrderThere { order });
            }
        }
        match self.block_keys.remove(&order) {
            Some(key) => drop(self.blocks.remove(&key)),
            None if units == 0 => return Err(BookError::UnknownOrder { order }),
            None => {}
        }
        if units > 0 {
            let key = (side.byte(), key_of(side, price), order);
            self.block_keys.insert(order, key);
            self.blocks.insert(key, *block);
        }
        Ok(())
    }

    /// Brings an order down to what `left_of` makes of the units it shows; `None` from it is refused.
    fn change(
        &mut self,
        entry: &MarketEntry,
        left_of: impl Fn(Units) -> Option<Units>,
    ) -> Result<(), BookError> {
        let MarketEntry { order, price, units, .. } = *entry;
        self.queues.change(entry, left_of).map_err(|misfit| match misfit {
            Misfit::Unknown => BookError::UnknownOrder { order },
            Misfit::Place => BookError::WrongPlace { order, price },
            Misfit::Units(shown) => BookError::WrongUnits { order, shown, units },
        })
    }
}

impl Default for PublicBook {
    fn default() -> PublicBook {
        PublicBook::new()
    }
}

fn order_bytes(entry: &MarketEntry) -> [u8; 21] {
    let mut bytes = [0; 21];
    bytes[..8].copy_from_slice(&entry.order.to_le_bytes());
    bytes[8..16].copy_from_slice(&entry.price.to_le_bytes());
    bytes[16..20].copy_from_slice(&entry.units.to_le_bytes());
    bytes[20] = entry.side.byte();
    bytes
}

fn check_trade(price: Ticks, units: Units) -> Result<(), BookError> {
    if price >= 1 && units >= 1 { Ok(()) } else { Err(BookError::WrongTrade { price, units }) }
}
