//! Small markets for tests, said in few words.

use quotes::{ClassBooks, Request, SlotBook};
use types::{
    BlockEntry, Class, ClassNo, ClassSpec, ContractId, Hour, MarketEntry, PRICE_MAX, Phase, Side, Ticks,
    Units,
};

/// The hour all markets here begin at: a multiple of every slot length they use.
pub(crate) const FROM: u32 = 480_000;

/// A class of the model `M` and its number, in ticks of a cent, with a fee of a tenth of a percent.
pub(crate) fn class(no: u16, slot_hours: u8) -> Class {
    let model = format!("M{no}").parse().unwrap();
    let spec = ClassSpec { model, tick: 10_000, slot_hours, ..ClassSpec::example() };
    Class { no: ClassNo(no), spec }
}

/// A class's books: of every slot from [`FROM`] on its asks, price and units each.
pub(crate) fn books(class: Class, slots: &[&[(Ticks, Units)]]) -> ClassBooks {
    let slots = slots.iter().enumerate().map(|(at, asks)| {
        let contract = slot(&class, u32::try_from(at).unwrap());
        let mut asks: Vec<MarketEntry> = asks
            .iter()
            .zip(1..)
            .map(|(&(price, units), order)| MarketEntry { order, side: Side::Sell, price, units })
            .collect();
        asks.sort_by_key(|ask| (ask.price, ask.order));
        SlotBook { contract, phase: Phase::Continuous, band: 1..=PRICE_MAX, asks }
    });
    ClassBooks { class, slots: slots.collect(), blocks: Vec::new() }
}

/// The contract of the slot with this number from [`FROM`] on.
pub(crate) fn slot(class: &Class, at: u32) -> ContractId {
    ContractId::new(class.no, Hour(FROM + at * u32::from(class.spec.slot_hours)))
}

/// A sell block for `slots` slots.
pub(crate) fn block(order: u64, slots: u16, units: Units, price: Ticks, min_units: Units) -> BlockEntry {
    BlockEntry { order, side: Side::Sell, price, slots, units, min_units, same_provider: false }
}

/// Units for so many hours, within `within` hours from [`FROM`] on.
pub(crate) fn request(units: Units, hours: u16, within: u32) -> Request {
    Request {
        models: Vec::new(),
        regions: Vec::new(),
        performance: None,
        currency: "USD".parse().unwrap(),
        from: Hour(FROM),
        until: Hour(FROM + within),
        hours,
        units,
        budget: None,
        most: 10,
    }
}
