//! What is made from books and trades: a book's digest, best bid and ask, prints, indices, standard windows.

use super::layouts;
use crate::choice::{Choice, code};
use crate::class_info::class_no;
use crate::header::{Frame, WireError};
use crate::wire::{Wire, put, read};
use types::{
    ClassNo, Code, ContractId, MarketBody, MarketEvent, Money, OrderId, Sequence, Side, Ticks, Timestamp,
    Units,
};

/// No precision.
const NO_CODE: [u8; 12] = [0; 12];

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
    /// What it was part of. Only [`TradeKind::Block`] sets no last price.
    pub kind: TradeKind,
    /// The maker's price; the auction's; between two blocks the average price of the one that rested.
    pub price: Ticks,
    /// How many units.
    pub units: Units,
    /// The side of what came in; `None` in an auction, in which nobody does.
    pub taker: Option<Side>,
    /// The resting order of the book that was taken; 0 in an auction and between two blocks.
    pub maker: OrderId,
}

/// What a trade was part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeKind {
    /// An order for this contract alone met one in the book.
    Single,
    /// An auction.
    Auction,
    /// A block: one price for many slots, of which this contract is one.
    Block,
}

/// A volume-weighted price of everything that traded in a model, blocks left out, in the running hour and those before
/// it, [`types::INDEX_HOURS`] in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Index {
    /// Of what.
    pub model: Code,
    /// In what the prices are.
    pub currency: Code,
    /// The last released command that it knows of.
    pub sequence: Sequence,
    /// The exchange's time then.
    pub time: Timestamp,
    /// Millionths of the currency per accelerator-hour, rounded to the nearest; 0 if nothing traded.
    pub price: Money,
    /// The precision, and millionths of the currency per hour of 10^15 operations a second at it, rounded to the
    /// nearest; `None` unless every class that traded states its performance at this precision.
    pub per_pflop: Option<(Code, Money)>,
    /// How many accelerator-hours traded.
    pub unit_hours: u64,
}

/// What a window of a standard length costs, or brings, made of single slots: for one unit, all of it at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Of which class.
    pub class: ClassNo,
    /// How long: one of [`WINDOW_HOURS`].
    pub hours: u8,
    /// Buy: what it costs to take the best asks. Sell: what it brings to take the best bids.
    pub side: Side,
    /// Which starts are looked at.
    pub start: Start,
    /// The last released command that it knows of.
    pub sequence: Sequence,
    /// The best of them; `None` if none can be had whole.
    pub best: Option<WindowPrice>,
}

/// A window that can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowPrice {
    /// The contract of its first slot.
    pub first: ContractId,
    /// The average over its slots in ticks, rounded up for buying and down for selling.
    pub price: Ticks,
    /// What one unit for the whole window comes to, exactly, without fees.
    pub total: Money,
    /// How many units there are at these prices in every slot.
    pub units: u64,
}

/// The starts among which the best of a standard window is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Start {
    /// The next slot that trades.
    Next,
    /// Any in the 24 hours from that slot's start.
    Day,
    /// Any.
    Any,
}

/// How long standard windows are, in hours.
pub const WINDOW_HOURS: [u8; 3] = [4, 8, 24];

impl Start {
    /// Every one there is.
    pub const ALL: [Start; 3] = [Start::Next, Start::Day, Start::Any];
}

impl TradePrint {
    /// What an event prints, if it is a trade.
    #[must_use]
    pub fn of(event: &MarketEvent) -> Option<TradePrint> {
        let (kind, price, units, taker, maker) = match event.body {
            MarketBody::Trade(at) => {
                (TradeKind::Single, at.price, at.units, Some(at.side.opposite()), at.order)
            }
            MarketBody::BlockTrade(at) => {
                (TradeKind::Block, at.price, at.units, Some(at.side.opposite()), at.order)
            }
            MarketBody::BlockPrint { price, units, aggressor } => {
                (TradeKind::Block, price, units, Some(aggressor), 0)
            }
            MarketBody::AuctionTrade { price, units } => (TradeKind::Auction, price, units, None, 0),
            MarketBody::Add(_)
            | MarketBody::Reduce(_)
            | MarketBody::Delete(_)
            | MarketBody::Phase(_)
            | MarketBody::Block(_)
            | MarketBody::Indicative { .. } => return None,
        };
        let (contract, sequence, time) = (event.contract, event.sequence, event.time);
        Some(TradePrint { contract, sequence, time, kind, price, units, taker, maker })
    }
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
        taker: print.taker.map_or(0, Side::byte),
        kind: print.kind.byte(),
        pad: [0; 2],
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
        taker: if message.taker == 0 { None } else { Some(Side::from_byte(message.taker)?) },
        kind: TradeKind::from_byte(message.kind)?,
        maker: message.maker.get(),
    })
}

pub(crate) fn encode_index(index: &Index, out: &mut Vec<u8>) {
    let (precision, pflop_hour) = index.per_pflop.unzip();
    let message = layouts::Index {
        header: layouts::Index::HEADER,
        model: index.model.bytes(),
        currency: index.currency.bytes(),
        precision: precision.map_or(NO_CODE, |precision| precision.bytes()),
        sequence: index.sequence.into(),
        time: index.time.0.into(),
        price: index.price.into(),
        pflop_hour: pflop_hour.unwrap_or(0).into(),
        unit_hours: index.unit_hours.into(),
    };
    put(&message, out);
}

pub(crate) fn decode_index(frame: Frame<'_>) -> Result<Index, WireError> {
    let message: &layouts::Index = read(frame)?;
    let per_pflop = match message.precision {
        NO_CODE => None,
        bytes => Some((code("precision", bytes)?, message.pflop_hour.get())),
    };
    Ok(Index {
        model: code("model", message.model)?,
        currency: code("currency", message.currency)?,
        sequence: message.sequence.get(),
        time: Timestamp(message.time.get()),
        price: message.price.get(),
        per_pflop,
        unit_hours: message.unit_hours.get(),
    })
}

pub(crate) fn encode_window(window: &Window, out: &mut Vec<u8>) {
    let nothing = WindowPrice { first: ContractId(0), price: 0, total: 0, units: 0 };
    let best = window.best.unwrap_or(nothing);
    let message = layouts::Window {
        header: layouts::Window::HEADER,
        contract: best.first.0.into(),
        sequence: window.sequence.into(),
        price: best.price.into(),
        total: best.total.into(),
        units: best.units.into(),
        class: window.class.0.into(),
        hours: window.hours,
        side: window.side.byte(),
        start: window.start.byte(),
        pad: [0; 3],
    };
    put(&message, out);
}

pub(crate) fn decode_window(frame: Frame<'_>) -> Result<Window, WireError> {
    let message: &layouts::Window = read(frame)?;
    let best = WindowPrice {
        first: ContractId(message.contract.get()),
        price: message.price.get(),
        total: message.total.get(),
        units: message.units.get(),
    };
    Ok(Window {
        class: class_no(message.class)?,
        hours: message.hours,
        side: Side::from_byte(message.side)?,
        start: Start::from_byte(message.start)?,
        sequence: message.sequence.get(),
        best: (best.units > 0).then_some(best),
    })
}
