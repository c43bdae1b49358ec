//! Snapshots: a whole public book, order by order.

use super::layouts;
use crate::choice::Choice;
use crate::header::{Frame, WireError};
use crate::public_book::PublicBook;
use crate::wire::{Wire, put, read};
use types::{ContractId, MarketEntry, Phase, Sequence, Side, Ticks};

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
    /// How many orders follow: bids, then asks, each best first and then first come.
    pub orders: u32,
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

/// Appends the snapshot of `book` to `out`: start, every order, end.
pub fn encode_snapshot(contract: ContractId, book: &PublicBook, out: &mut Vec<u8>) {
    let start = SnapshotStart {
        contract,
        sequence: book.sequence(),
        phase: book.phase(),
        last_price: book.last_price(),
        orders: u32::try_from(book.len()).unwrap_or(u32::MAX),
    };
    encode_start(&start, out);
    book.orders().for_each(|entry| encode_order(&entry, out));
    encode_end(&SnapshotEnd { contract, sequence: book.sequence(), digest: book.digest() }, out);
}

pub(crate) fn encode_start(start: &SnapshotStart, out: &mut Vec<u8>) {
    let message = layouts::SnapshotStart {
        header: layouts::SnapshotStart::HEADER,
        contract: start.contract.0.into(),
        sequence: start.sequence.into(),
        last_price: start.last_price.into(),
        orders: start.orders.into(),
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
        orders: message.orders.get(),
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
