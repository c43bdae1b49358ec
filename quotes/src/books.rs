//! What the public books show, as a quote reads it.

use protocol::PublicBook;
use std::ops::RangeInclusive;
use types::{BlockEntry, Class, ContractId, MarketEntry, PRICE_MAX, Phase, Side, Ticks};

/// All that is offered of one class.
#[derive(Clone, Debug)]
pub struct ClassBooks {
    /// The class.
    pub class: Class,
    /// Its contracts in any order. One that is not here has nothing on offer and trades continuously.
    pub slots: Vec<SlotBook>,
    /// Its resting blocks, each with its first slot's contract, in any order.
    pub blocks: Vec<(ContractId, BlockEntry)>,
}

/// The offers of one contract.
#[derive(Clone, Debug)]
pub struct SlotBook {
    /// Which.
    pub contract: ContractId,
    /// What it is doing.
    pub phase: Phase,
    /// Within which prices it may trade, both included.
    pub band: RangeInclusive<Ticks>,
    /// Its asks, best first and then first come.
    pub asks: Vec<MarketEntry>,
}

impl SlotBook {
    /// What a public book of the class offers.
    #[must_use]
    pub fn of(class: &Class, contract: ContractId, book: &PublicBook) -> SlotBook {
        let asks = book.orders().filter(|order| order.side == Side::Sell).collect();
        SlotBook { contract, phase: book.phase(), band: band(class, book), asks }
    }

    /// The asks that a buyer can get now, best first: up to the first price outside the band.
    pub(crate) fn within(&self) -> &[MarketEntry] {
        let is_within = |ask: &MarketEntry| self.band.contains(&ask.price);
        let many = match self.asks.first() {
            Some(best) if is_within(best) => self.asks.partition_point(is_within),
            _ => 0,
        };
        &self.asks[..many]
    }
}

/// The static band is around the last auction's price, else the last trade's, the dynamic one around the last trade's,
/// both rounded inward. Before either there may still be a static band, around the class's index, which books do not
/// show.
fn band(class: &Class, book: &PublicBook) -> RangeInclusive<Ticks> {
    let around = |price: Ticks, ppm: u32| {
        let width =
            if price > 0 && ppm > 0 { price.saturating_mul(ppm.into()) / 1_000_000 } else { PRICE_MAX };
        (price.saturating_sub(width), price.saturating_add(width))
    };
    let reference = if book.auction_price() > 0 { book.auction_price() } else { book.last_price() };
    let fixed = around(reference, class.spec.static_band_ppm);
    let dynamic = around(book.last_price(), class.spec.dynamic_band_ppm);
    fixed.0.max(dynamic.0)..=fixed.1.min(dynamic.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{ClassNo, ClassSpec, Hour, MarketBody};

    #[test]
    fn a_book_offers_up_to_the_first_price_outside_its_band() {
        let bands = |static_band_ppm, dynamic_band_ppm| {
            let spec =
                ClassSpec { static_band_ppm, dynamic_band_ppm, auction_seconds: 60, ..ClassSpec::example() };
            Class { no: ClassNo(0), spec }
        };
        let book = |last_price, asks: &[Ticks]| {
            let mut book = PublicBook::at(9, Phase::Continuous, last_price);
            for (&price, order) in asks.iter().zip(1..) {
                book.apply(&MarketBody::Add(MarketEntry { order, side: Side::Sell, price, units: 1 }))
                    .unwrap();
            }
            book
        };
        let within = |class: Class, book: &PublicBook| {
            let contract = class.contract(Hour(480_000)).unwrap();
            SlotBook::of(&class, contract, book).within().len()
        };
        let asks = [95, 105, 111, 151];
        assert_eq!(within(bands(0, 0), &book(100, &asks)), 4);
        assert_eq!(within(bands(500_000, 0), &book(100, &asks)), 3);
        assert_eq!(within(bands(500_000, 100_000), &book(100, &asks)), 2);
        assert_eq!(within(bands(500_000, 100_000), &book(0, &asks)), 4, "nothing to be around");
        assert_eq!(within(bands(0, 100_000), &book(200, &asks)), 0, "the best is too cheap to trade");
    }
}
