//! Contracts as they are saved, and back.

use super::{Contract, Contracts};
use crate::classes::Classes;
use crate::save::Saved;
use types::{ContractId, Phase, Sequence, Ticks, Timestamp};

impl Contract {
    pub(crate) fn saved(&self) -> Saved {
        // `previous_event` is set anew with the next event, whose command is another.
        #[rustfmt::skip]
        let &Contract {
            id, phase, last_event, last_price, gate: _, plain_until: _, until, indicative, book: _,
            previous_event: _, first_stops: _, auction_price, deposited: _, holders: _,
        } = self;
        let sequence = last_event;
        Saved::Contract { contract: id, phase, until, indicative, sequence, last_price, auction_price }
    }
}

impl Contracts {
    /// Puts a contract of a listed class back into the calendar, and says where it lies. `None` if its place is taken.
    pub(crate) fn restore(&mut self, classes: &mut Classes, saved: &SavedContract) -> Option<u32> {
        let SavedContract { id, phase, until, indicative, last_event, last_price, auction_price } = *saved;
        let at = self.add(classes, id)?;
        let contract = self.at_mut(at);
        contract.set_phase(phase, until);
        (contract.indicative, contract.last_event) = (indicative, last_event);
        (contract.last_price, contract.auction_price) = (last_price, auction_price);
        Some(at)
    }
}

/// What is saved of a contract.
pub(crate) struct SavedContract {
    pub(crate) id: ContractId,
    pub(crate) phase: Phase,
    pub(crate) until: Timestamp,
    pub(crate) indicative: Timestamp,
    pub(crate) last_event: Sequence,
    pub(crate) last_price: Ticks,
    pub(crate) auction_price: Ticks,
}
