//! The calendar as it is saved, and back. The deadline of each contract follows from its phase.

use super::{Calendar, Work};
use crate::save::Saved;
use types::{Class, ContractId, Phase, Timestamp};

impl Calendar {
    pub(crate) fn save(&self, each: &mut impl FnMut(Saved)) {
        let Calendar { clock: _, deadlines: _, first: _, work } = self;
        for &work in work {
            each(match work {
                Work::Close(contract) => Saved::Closing(contract),
                Work::Deliver(contract) => Saved::Delivering(contract),
            });
        }
    }

    /// True if the orders of this contract are being ended.
    pub(crate) fn closes(&self, contract: ContractId) -> bool {
        self.work.contains(&Work::Close(contract))
    }

    /// True if the units of this contract are being delivered.
    pub(crate) fn delivers(&self, contract: ContractId) -> bool {
        self.work.contains(&Work::Deliver(contract))
    }

    pub(crate) fn restore_work(&mut self, work: Work) {
        self.work.push_back(work);
    }

    /// Sets the next deadline of a contract in this phase, unless it is being delivered and has none.
    pub(crate) fn restore_deadline(&mut self, class: &Class, contract: ContractId, phase: Phase) {
        if !self.delivers(contract) {
            self.insert(deadline(class, contract, phase), contract);
        }
    }
}

/// When the phase of a contract ends.
pub(crate) fn deadline(class: &Class, contract: ContractId, phase: Phase) -> Timestamp {
    match phase {
        Phase::Continuous => class.gate(contract),
        Phase::Closed => contract.start().starts(),
        Phase::InDelivery | Phase::Settled => class.end(contract),
    }
}
