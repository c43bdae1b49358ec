//! One change of a book as it stands in an increment.

use super::layouts::Entry;
use crate::choice::{Change, Choice, Misfit, flag};
use types::{BlockEntry, MarketBody, MarketEntry, Phase, Side};

/// Nothing changed: every field that a change does not use is 0.
const NONE: Entry = Entry {
    change: 0,
    side: 0,
    phase: 0,
    same_provider: 0,
    units: zerocopy::little_endian::U32::ZERO,
    price: zerocopy::little_endian::I64::ZERO,
    order: zerocopy::little_endian::U64::ZERO,
    min_units: zerocopy::little_endian::U32::ZERO,
    slots: zerocopy::little_endian::U16::ZERO,
    pad: [0; 2],
};

pub(super) fn entry(body: &MarketBody) -> Entry {
    match *body {
        MarketBody::Add(at) => of_order(Change::Add, at),
        MarketBody::Reduce(at) => of_order(Change::Reduce, at),
        MarketBody::Delete(at) => of_order(Change::Delete, at),
        MarketBody::Trade(at) => of_order(Change::Trade, at),
        MarketBody::BlockTrade(at) => of_order(Change::BlockTrade, at),
        MarketBody::Phase(phase) => Entry { change: Change::Phase.byte(), phase: phase.byte(), ..NONE },
        MarketBody::BlockPrint { price, units, aggressor } => Entry {
            change: Change::BlockPrint.byte(),
            side: aggressor.byte(),
            units: units.into(),
            price: price.into(),
            ..NONE
        },
        MarketBody::Block(block) => Entry {
            change: Change::Block.byte(),
            side: block.side.byte(),
            phase: 0,
            same_provider: block.same_provider.into(),
            units: block.units.into(),
            price: block.price.into(),
            order: block.order.into(),
            min_units: block.min_units.into(),
            slots: block.slots.into(),
            pad: [0; 2],
        },
        MarketBody::AuctionTrade { price, units } => {
            Entry { change: Change::AuctionTrade.byte(), units: units.into(), price: price.into(), ..NONE }
        }
        MarketBody::Indicative { price, volume } => {
            Entry { change: Change::Indicative.byte(), units: volume.into(), price: price.into(), ..NONE }
        }
    }
}

fn of_order(change: Change, at: MarketEntry) -> Entry {
    Entry {
        change: change.byte(),
        side: at.side.byte(),
        units: at.units.into(),
        price: at.price.into(),
        order: at.order.into(),
        ..NONE
    }
}

pub(super) fn body(entry: &Entry) -> Result<MarketBody, Misfit> {
    let (price, units) = (entry.price.get(), entry.units.get());
    let side = || Side::from_byte(entry.side);
    let order = || Ok::<_, Misfit>(MarketEntry { order: entry.order.get(), side: side()?, price, units });
    Ok(match Change::from_byte(entry.change)? {
        Change::Add => MarketBody::Add(order()?),
        Change::Reduce => MarketBody::Reduce(order()?),
        Change::Delete => MarketBody::Delete(order()?),
        Change::Trade => MarketBody::Trade(order()?),
        Change::BlockTrade => MarketBody::BlockTrade(order()?),
        Change::Phase => MarketBody::Phase(Phase::from_byte(entry.phase)?),
        Change::BlockPrint => MarketBody::BlockPrint { price, units, aggressor: side()? },
        Change::Block => MarketBody::Block(BlockEntry {
            order: entry.order.get(),
            side: side()?,
            price,
            slots: entry.slots.get(),
            units,
            min_units: entry.min_units.get(),
            same_provider: flag("same provider", entry.same_provider)?,
        }),
        Change::AuctionTrade => MarketBody::AuctionTrade { price, units },
        Change::Indicative => MarketBody::Indicative { price, volume: units },
    })
}
