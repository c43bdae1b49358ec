//! The calendar as it is saved, and back. The deadlines of each contract follow from what is saved of it.

use super::{Calendar, Work};
use crate::contracts::Contract;
use crate::save::Saved;
use types::{Class, ContractId, Timestamp};

impl Calendar {
    pub(crate) fn save(&self, each: &mut impl FnMut(Saved)) {
        let Calendar { clock: _, deadlines: _, first: _, indicatives: _, work } = self;
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

    /// Sets the next deadline of a contract, unless it is being delivered and has none, and the moment at which its
    /// indicative price is told, if there is one.
    pub(crate) fn restore_deadline(&mut self, class: &Class, contract: &Contract) {
        if !self.delivers(contract.id) {
            self.insert(contract.deadline(class), contract.id);
        }
        if contract.indicative < Timestamp::MAX {
            self.insert_indicative(contract.indicative, contract.id);
        }
    }
}
