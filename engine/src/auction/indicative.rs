//! The indicative price: what would come of the auction if its call ended now, told at most once a second while the
//! book changes.

use super::Weighing;
use crate::INDICATIVE_ORDERS_MAX;
use crate::engine::Engine;
use types::{ContractId, MarketBody, Output, Phase, SECOND_NANOS, Timestamp};

impl Engine {
    /// Notes that the book of a contract in a call has changed: its indicative price is told a second after the first
    /// change that it does not know of.
    #[inline(always)]
    pub(crate) fn expect_indicative(&mut self, at: u32) {
        if self.contracts.at(at).phase == Phase::Auction {
            self.schedule_indicative(at);
        }
    }

    #[cold]
    fn schedule_indicative(&mut self, at: u32) {
        let is_uncrossing = self.is_uncrossing(at);
        let contract = self.contracts.at_mut(at);
        if contract.indicative == Timestamp::MAX && !is_uncrossing {
            contract.indicative = Timestamp(self.stamp.time.0.saturating_add(SECOND_NANOS));
            self.calendar.insert_indicative(contract.indicative, contract.id);
        }
    }

    /// Tells at which price how much would trade now. More than so many orders are not looked at: then there is no
    /// price, and the volume is what has been paired.
    pub(crate) fn tell_indicative(&mut self, contract: ContractId, out: &mut Output) {
        let at = self.place(contract);
        let reference = self.reference_price(contract, Some(at)).unwrap_or(0);
        let record = self.contracts.at_mut(at);
        record.indicative = Timestamp::MAX;
        let mut weighing = Weighing::of(&record.book, &self.orders);
        let mut steps = 0..INDICATIVE_ORDERS_MAX;
        let weighed = steps.find_map(|_| weighing.step(&record.book, &self.orders, reference));
        let (price, volume) = weighed.unwrap_or((0, weighing.units()));
        record.tell(self.stamp, MarketBody::Indicative { price, volume }, out);
    }
}
