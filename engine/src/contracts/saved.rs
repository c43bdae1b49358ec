//! Contracts as they are saved, and back.

use super::{Contract, Contracts};
use crate::classes::Classes;
use crate::save::Saved;
use types::{ContractId, Phase, Sequence, Ticks};

impl Contract {
    pub(crate) fn saved(&self) -> Saved {
        // `previous_event` is set anew with the next event, whose command is another.
        #[rustfmt::skip]
        let &Contract {
            id, phase, last_event, last_price, gate: _, book: _, previous_event: _, first_stops: _,
            deposited: _, holders: _,
        } = self;
        Saved::Contract { contract: id, phase, sequence: last_event, last_price }
    }
}

impl Contracts {
    /// Puts a contract of a listed class back into the calendar. False if its place is taken.
    pub(crate) fn restore(
        &mut self,
        classes: &mut Classes,
        id: ContractId,
        phase: Phase,
        last_event: Sequence,
        last_price: Ticks,
    ) -> bool {
        let Some(at) = self.add(classes, id) else { return false };
        let contract = self.at_mut(at);
        (contract.phase, contract.last_event, contract.last_price) = (phase, last_event, last_price);
        true
    }
}
