//! Price bands: within which prices a contract may trade now, and what they are around.

use crate::engine::{Engine, Refusal};
use types::{ContractId, PRICE_MAX, RejectCode, Side, Ticks};

/// Prices from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Band {
    pub(crate) low: Ticks,
    pub(crate) high: Ticks,
}

impl Band {
    const ALL: Band = Band { low: 1, high: PRICE_MAX };

    /// So many parts per million around a price, rounded inward; everything if there are none or is no price.
    fn around(price: Option<Ticks>, ppm: u32) -> Band {
        let Some(price) = price.filter(|_| ppm > 0) else { return Band::ALL };
        // A price is at most 10^9 and a band at most a million parts, so the product fits.
        let width = price * i64::from(ppm) / 1_000_000;
        Band { low: (price - width).max(1), high: (price + width).min(PRICE_MAX) }
    }

    pub(crate) fn has(self, price: Ticks) -> bool {
        (self.low..=self.high).contains(&price)
    }

    /// The price within that is nearest to one.
    pub(crate) fn nearest(self, price: Ticks) -> Ticks {
        price.clamp(self.low, self.high)
    }

    /// How far an order with this limit may match.
    pub(crate) fn limit(self, side: Side, price: Ticks) -> Ticks {
        match side {
            Side::Buy => price.min(self.high),
            Side::Sell => price.max(self.low),
        }
    }

    fn and(self, other: Band) -> Band {
        Band { low: self.low.max(other.low), high: self.high.min(other.high) }
    }
}

impl Engine {
    /// The prices at which the contract may trade now. There may be none.
    pub(crate) fn band(&self, at: u32) -> Band {
        let contract = self.contracts.at(at);
        let spec = &self.classes.of(contract.id).class.spec;
        let last = Some(contract.last_price).filter(|&last| last > 0);
        let fixed = self.static_band(contract.id, Some(at)).unwrap_or(Band::ALL);
        fixed.and(Band::around(last, spec.dynamic_band_ppm))
    }

    /// The static band, if the contract's class has one and there is a price to put it around. The contract need not
    /// have been touched.
    pub(crate) fn static_band(&self, contract: ContractId, at: Option<u32>) -> Option<Band> {
        let ppm = self.classes.of(contract).class.spec.static_band_ppm;
        if ppm == 0 {
            return None;
        }
        Some(Band::around(Some(self.reference_price(contract, at)?), ppm))
    }

    /// What bands are around and auctions tend to: the last auction's price, else the last trade's, else the class's
    /// index.
    pub(crate) fn reference_price(&self, contract: ContractId, at: Option<u32>) -> Option<Ticks> {
        let (auction, last) = at.map_or((0, 0), |at| {
            let contract = self.contracts.at(at);
            (contract.auction_price, contract.last_price)
        });
        match (auction, last) {
            (0, 0) => self.classes.of(contract).index.price(self.stamp.time.hour()),
            (0, last) => Some(last),
            (auction, _) => Some(auction),
        }
    }

    /// The price of an order that names `price`, 0 for none: of a market order that names none it is the static
    /// band's edge. None is outside the static band.
    #[inline(always)]
    pub(crate) fn price_within(
        &self,
        contract: ContractId,
        at: Option<u32>,
        side: Side,
        price: Ticks,
    ) -> Result<Ticks, Refusal> {
        if price > 0 && self.classes.of(contract).class.spec.static_band_ppm == 0 {
            return Ok(price);
        }
        self.price_in_band(contract, at, side, price)
    }

    #[cold]
    fn price_in_band(
        &self,
        contract: ContractId,
        at: Option<u32>,
        side: Side,
        price: Ticks,
    ) -> Result<Ticks, Refusal> {
        match self.static_band(contract, at) {
            None if price == 0 => Err((RejectCode::NoProtection, 0)),
            Some(band) if price == 0 => Ok(if side == Side::Buy { band.high } else { band.low }),
            Some(band) if !band.has(price) => Err((RejectCode::OutsideBand, band.nearest(price))),
            _ => Ok(price),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_rounded_inward_and_stays_in_the_range_of_prices() {
        assert_eq!(Band::around(Some(199), 100_000), Band { low: 180, high: 218 });
        assert_eq!(Band::around(Some(9), 100_000), Band { low: 9, high: 9 });
        assert_eq!(Band::around(Some(9), 1_000_000), Band { low: 1, high: 18 });
        assert_eq!(Band::around(Some(PRICE_MAX), 1_000_000), Band::ALL);
        assert_eq!(Band::around(None, 5), Band::ALL);
        assert_eq!(Band::around(Some(5), 0), Band::ALL);
    }
}
