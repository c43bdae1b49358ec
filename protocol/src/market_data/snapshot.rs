//! Snapshots: a whole public book, order by order.

use super::layouts;
use crate::choice::{Choice, flag};
use crate::header::{Frame, WireError};
use crate::public_book::{Indicative, PublicBook};
use crate::wire::{Wire, put, read};
use types::{BlockEntry, ContractId, MarketEntry, Phase, Sequence, Side, Ticks};

/// A snapshot begins: what was known of this contract is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotStart {
    /// Of what.
    pub contract: ContractId,
    /// The last command that changed the book; the next increment's `previous`.
    pub sequence: Sequence,
    /// What the contract is doing.
    pub phase: Phase,
    /// The last trade's price, 0 before the first.
    pub last_price: Ticks,
    /// The price of the last auction in which something traded, 0 before the first.
    pub auction_price: Ticks,
    /// What would come of the running auction, as it was told last.
    pub indicative: Indicative,
    /// How many orders follow: bids, then asks, each best first and then first come.
    pub orders: u32,
    /// How many resting blocks follow them: bids, then asks, each best limit first and then first come.
    pub blocks: u32,
}

impl SnapshotStart {
    /// The empty book to put the orders and blocks of the snapshot into.
    #[must_use]
    pub fn book(&self) -> PublicBook {
        let book = PublicBook::at(self.sequence, self.phase, self.last_price);
        book.with_auction(self.auction_price, self.indicative)
    }
}

/// A snapshot is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotEnd {
    /// Of what.
    pub contract: ContractId,
    /// As in its start.
    pub sequence: Sequence,
    /// [`PublicBook::digest`] of the book.
    pub digest: u32,
}

/// Appends the snapshot of `book` to `out`: start, every order, every resting block, end.
pub fn encode_snapshot(contract: ContractId, book: &PublicBook, out: &mut Vec<u8>) {
    let start = SnapshotStart {
        contract,
        sequence: book.sequence(),
        phase: book.phase(),
        last_price: book.last_price(),
        auction_price: book.auction_price(),
        indicative: book.indicative(),
        orders: u32::try_from(book.len()).unwrap_or(u32::MAX),
        blocks: u32::try_from(book.blocks().len()).unwrap_or(u32::MAX),
    };
    encode_start(&start, out);
    book.orders().for_each(|entry| encode_order(&entry, out));
    book.blocks().for_each(|block| encode_block(block, out));
    encode_end(&SnapshotEnd { contract, sequence: book.sequence(), digest: book.digest() }, out);
}

pub(crate) fn encode_start(start: &SnapshotStart, out: &mut Vec<u8>) {
    let message = layouts::SnapshotStart {
        header: layouts::SnapshotStart::HEADER,
        contract: start.contract.0.into(),
        sequence: start.sequence.into(),
        last_price: start.last_price.into(),
        auction_price: start.auction_price.into(),
        indicative_price: start.indicative.price.into(),
        indicative_volume: start.indicative.volume.into(),
        orders: start.orders.into(),
        blocks: start.blocks.into(),
        phase: start.phase.byte(),
        pad: [0; 3],
    };
    put(&message, out);
}

pub(crate) fn decode_start(frame: Frame<'_>) -> Result<SnapshotStart, WireError> {
    let message: &layouts::SnapshotStart = read(frame)?;
    Ok(SnapshotStart {
        contract: ContractId(message.contract.get()),
        sequence: message.sequence.get(),
        phase: Phase::from_byte(message.phase)?,
        last_price: message.last_price.get(),
        auction_price: message.auction_price.get(),
        indicative: Indicative {
            price: message.indicative_price.get(),
            volume: message.indicative_volume.get(),
        },
        orders: message.orders.get(),
        blocks: message.blocks.get(),
    })
}

pub(crate) fn encode_order(entry: &MarketEntry, out: &mut Vec<u8>) {
    let message = layouts::SnapshotOrder {
        header: layouts::SnapshotOrder::HEADER,
        units: entry.units.into(),
        order: entry.order.into(),
        price: entry.price.into(),
        side: entry.side.byte(),
        pad: [0; 7],
    };
    put(&message, out);
}

pub(crate) fn decode_order(frame: Frame<'_>) -> Result<MarketEntry, WireError> {
    let message: &layouts::SnapshotOrder = read(frame)?;
    Ok(MarketEntry {
        order: message.order.get(),
        side: Side::from_byte(message.side)?,
        price: message.price.get(),
        units: message.units.get(),
    })
}

pub(crate) fn encode_block(block: &BlockEntry, out: &mut Vec<u8>) {
    let message = layouts::SnapshotBlock {
        header: layouts::SnapshotBlock::HEADER,
        units: block.units.into(),
        order: block.order.into(),
        price: block.price.into(),
        min_units: block.min_units.into(),
        slots: block.slots.into(),
        side: block.side.byte(),
        same_provider: block.same_provider.into(),
    };
    put(&message, out);
}

pub(crate) fn decode_block(frame: Frame<'_>) -> Result<BlockEntry, WireError> {
    let message: &layouts::SnapshotBlock = read(frame)?;
    Ok(BlockEntry {
        order: message.order.get(),
        side: Side::from_byte(message.side)?,
        price: message.price.get(),
        slots: message.slots.get(),
        units: message.units.get(),
        min_units: message.min_units.get(),
        same_provider: flag("same provider", message.same_provider)?,
    })
}

pub(crate) fn encode_end(end: &SnapshotEnd, out: &mut Vec<u8>) {
    let message = layouts::SnapshotEnd {
        header: layouts::SnapshotEnd::HEADER,
        contract: end.contract.0.into(),
        sequence: end.sequence.into(),
        digest: end.digest.into(),
        pad: [0; 4],
    };
    put(&message, out);
}

pub(crate) fn decode_end(frame: Frame<'_>) -> Result<SnapshotEnd, WireError> {
    let message: &layouts::SnapshotEnd = read(frame)?;
    Ok(SnapshotEnd {
        contract: ContractId(message.contract.get()),
        sequence: message.sequence.get(),
        digest: message.digest.get(),
    })
}
