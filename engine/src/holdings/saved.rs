//! Holdings as they are saved, and back.

use super::{Holding, Holdings};
use crate::index::PLACES_MAX;
use crate::save::Saved;

impl Holdings {
    /// The holdings of one contract, from the end of its list: each is put back at the head.
    pub(crate) fn save(&self, holders: u32, each: &mut impl FnMut(Saved)) {
        let mut list: Vec<&Holding> = self.list(holders).collect();
        list.reverse();
        for holding in list {
            let &Holding { account, contract, balance: _, next: _ } = holding;
            let (free, reserved) = (holding.free_units(), holding.reserved_units());
            each(Saved::Holding { account, contract, free, reserved });
        }
    }

    /// How many more there can be beside so many open orders.
    pub(crate) fn room(&self, open_orders: usize) -> usize {
        (PLACES_MAX as usize).saturating_sub(self.by_name.len() + open_orders)
    }
}
