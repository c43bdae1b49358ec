//! Increments: what one command changed in one book. Beside them what is made from them: the book's digest,
//! best bid and ask, trades.

use super::layouts::{self, Entry, INCREMENT_KIND, IncrementHead};
use crate::choice::{Change, Choice, Misfit, flag};
use crate::header::{Frame, Header, MESSAGE_MAX, WireError};
use crate::wire::{Wire, header_of, put, read};
use types::{
    ContractId, MarketBody, MarketEntry, MarketEvent, OrderId, Phase, Sequence, Side, Ticks, Timestamp, Units,
};
use zerocopy::{FromBytes, IntoBytes};

/// How many entries one increment holds at most; a group of more is sent in several.
pub const ENTRIES_MAX: usize = (MESSAGE_MAX - size_of::<IncrementHead>()) / size_of::<Entry>();

/// What one command changed in one book, or a part of it. The book is whole after the last part only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increment<'a> {
    /// Of what.
    pub contract: ContractId,
    /// The command before this one that changed the book; 0 for the first.
    pub previous: Sequence,
    /// The command that caused it.
    pub sequence: Sequence,
    /// That command's stamp.
    pub time: Timestamp,
    /// True in the last part.
    pub last: bool,
    bytes: &'a [u8],
    entries: &'a [Entry],
}

/// What a book must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookDigest {
    /// Of what.
    pub contract: ContractId,
    /// After this command.
    pub sequence: Sequence,
    /// [`crate::PublicBook::digest`] of the book then.
    pub digest: u32,
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top {
    /// Of what.
    pub contract: ContractId,
    /// The command that brought it about.
    pub sequence: Sequence,
    /// Its stamp.
    pub time: Timestamp,
    /// The best bid and all units at that price, if there is one.
    pub bid: Option<(Ticks, u64)>,
    /// The best ask and all units at that price, if there is one.
    pub ask: Option<(Ticks, u64)>,
}

/// A trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TradePrint {
    /// Of what.
    pub contract: ContractId,
    /// The command that caused it.
    pub sequence: Sequence,
    /// Its stamp.
    pub time: Timestamp,
    /// The maker's price.
    pub price: Ticks,
    /// How many units.
    pub units: Units,
    /// The side of the incoming order.
    pub taker: Side,
    /// The resting order.
    pub maker: OrderId,
}

impl TradePrint {
    /// What an event prints, if it is a trade.
    #[must_use]
    pub fn of(event: &MarketEvent) -> Option<TradePrint> {
        let MarketBody::Trade(maker) = event.body else { return None };
        Some(TradePrint {
            contract: event.contract,
            sequence: event.sequence,
            time: event.time,
            price: maker.price,
            units: maker.units,
            taker: maker.side.opposite(),
            maker: maker.order,
        })
    }
}

/// Cuts events into groups: neighbours of the same contract and command.
pub fn groups(events: &[MarketEvent]) -> impl Iterator<Item = &[MarketEvent]> {
    events.chunk_by(|one, next| one.contract == next.contract && one.sequence == next.sequence)
}

/// Appends one group, as cut by [`groups`], to `out`: one increment, or several if it has more than
/// [`ENTRIES_MAX`] events. Contract, sequences and time are those of its first event.
pub fn encode_increment(group: &[MarketEvent], out: &mut Vec<u8>) {
    let mut parts = group.chunks(ENTRIES_MAX).peekable();
    while let Some(part) = parts.next() {
        let first = part[0];
        let head = IncrementHead {
            header: increment_header(part.len()),
            contract: first.contract.0.into(),
            previous: first.previous.into(),
            sequence: first.sequence.into(),
            time: first.time.0.into(),
            count: u16::try_from(part.len()).expect("ENTRIES_MAX fits in 16 bits").into(),
            last: parts.peek().is_none().into(),
            pad: [0; 5],
        };
        out.extend_from_slice(head.as_bytes());
        part.iter().for_each(|event| out.extend_from_slice(entry(&event.body).as_bytes()));
    }
}

impl<'a> Increment<'a> {
    /// How many events it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if it holds none, which no feed sends.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The events, in order. Each is read, and refused with [`WireError::BadValue`], when it is reached.
    pub fn events(&self) -> impl Iterator<Item = Result<MarketEvent, WireError>> + use<'a> {
        let Increment { contract, previous, sequence, time, .. } = *self;
        self.entries
            .iter()
            .map(move |entry| Ok(MarketEvent { contract, previous, sequence, time, body: body(entry)? }))
    }

    /// Appends the increment as it came.
    pub(crate) fn copy_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes);
    }
}

pub(crate) fn decode(frame: Frame<'_>) -> Result<Increment<'_>, WireError> {
    let wrong_length =
        |expected| WireError::WrongLength { kind: frame.kind, length: frame.bytes.len(), expected };
    let (head, rest) =
        IncrementHead::ref_from_prefix(frame.bytes).map_err(|_| wrong_length(size_of::<IncrementHead>()))?;
    let count = usize::from(head.count.get());
    let entries = <[Entry]>::ref_from_bytes_with_elems(rest, count)
        .map_err(|_| wrong_length(size_of::<IncrementHead>() + count * size_of::<Entry>()))?;
    Ok(Increment {
        contract: ContractId(head.contract.get()),
        previous: head.previous.get(),
        sequence: head.sequence.get(),
        time: Timestamp(head.time.get()),
        last: flag("last part", head.last)?,
        bytes: frame.bytes,
        entries,
    })
}

fn increment_header(entries: usize) -> Header {
    header_of(INCREMENT_KIND, size_of::<IncrementHead>() + entries * size_of::<Entry>())
}

fn entry(body: &MarketBody) -> Entry {
    let (change, at) = match *body {
        MarketBody::Add(at) => (Change::Add, at),
        MarketBody::Reduce(at) => (Change::Reduce, at),
        MarketBody::Delete(at) => (Change::Delete, at),
        MarketBody::Trade(at) => (Change::Trade, at),
        MarketBody::Phase(phase) => {
            let (change, phase) = (Change::Phase.byte(), phase.byte());
            return Entry {
                change,
                side: 0,
                phase,
                pad: [0; 1],
                units: 0.into(),
                price: 0.into(),
                order: 0.into(),
            };
        }
    };
    Entry {
        change: change.byte(),
        side: at.side.byte(),
        phase: 0,
        pad: [0; 1],
        units: at.units.into(),
        price: at.price.into(),
        order: at.order.into(),
    }
}

fn body(entry: &Entry) -> Result<MarketBody, Misfit> {
    let change = Change::from_byte(entry.change)?;
    if change == Change::Phase {
        return Ok(MarketBody::Phase(Phase::from_byte(entry.phase)?));
    }
    let at = MarketEntry {
        order: entry.order.get(),
        side: Side::from_byte(entry.side)?,
        price: entry.price.get(),
        units: entry.units.get(),
    };
    Ok(match change {
        Change::Add => MarketBody::Add(at),
        Change::Reduce => MarketBody::Reduce(at),
        Change::Delete => MarketBody::Delete(at),
        Change::Trade | Change::Phase => MarketBody::Trade(at),
    })
}

pub(crate) fn encode_digest(digest: &BookDigest, out: &mut Vec<u8>) {
    let message = layouts::BookDigest {
        header: layouts::BookDigest::HEADER,
        contract: digest.contract.0.into(),
        sequence: digest.sequence.into(),
        digest: digest.digest.into(),
        pad: [0; 4],
    };
    put(&message, out);
}

pub(crate) fn decode_digest(frame: Frame<'_>) -> Result<BookDigest, WireError> {
    let message: &layouts::BookDigest = read(frame)?;
    Ok(BookDigest {
        contract: ContractId(message.contract.get()),
        sequence: message.sequence.get(),
        digest: message.digest.get(),
    })
}

pub(crate) fn encode_top(top: &Top, out: &mut Vec<u8>) {
    let (bid, bid_units) = top.bid.unwrap_or((0, 0));
    let (ask, ask_units) = top.ask.unwrap_or((0, 0));
    let message = layouts::Top {
        header: layouts::Top::HEADER,
        contract: top.contract.0.into(),
        sequence: top.sequence.into(),
        time: top.time.0.into(),
        bid: bid.into(),
        bid_units: bid_units.into(),
        ask: ask.into(),
        ask_units: ask_units.into(),
    };
    put(&message, out);
}

pub(crate) fn decode_top(frame: Frame<'_>) -> Result<Top, WireError> {
    let message: &layouts::Top = read(frame)?;
    let side = |price: Ticks, units: u64| (price != 0).then_some((price, units));
    Ok(Top {
        contract: ContractId(message.contract.get()),
        sequence: message.sequence.get(),
        time: Timestamp(message.time.get()),
        bid: side(message.bid.get(), message.bid_units.get()),
        ask: side(message.ask.get(), message.ask_units.get()),
    })
}

pub(crate) fn encode_print(print: &TradePrint, out: &mut Vec<u8>) {
    let message = layouts::TradePrint {
        header: layouts::TradePrint::HEADER,
        contract: print.contract.0.into(),
        sequence: print.sequence.into(),
        time: print.time.0.into(),
        price: print.price.into(),
        maker: print.maker.into(),
        units: print.units.into(),
        taker: print.taker.byte(),
        pad: [0; 3],
    };
    put(&message, out);
}

pub(crate) fn decode_print(frame: Frame<'_>) -> Result<TradePrint, WireError> {
    let message: &layouts::TradePrint = read(frame)?;
    Ok(TradePrint {
        contract: ContractId(message.contract.get()),
        sequence: message.sequence.get(),
        time: Timestamp(message.time.get()),
        price: message.price.get(),
        units: message.units.get(),
        taker: Side::from_byte(message.taker)?,
        maker: message.maker.get(),
    })
}
