//! Orders as they are saved, and back: what of them neither book nor owner knows.

use super::{NIL, OrderList, OrderRecord, Orders, Watched};
use crate::order::{Incoming, RareTerms};
use types::{AccountId, SlotHint};

impl Orders {
    /// What is saved beside an open order: where the one before it in its account's list lies, and the batch in which
    /// it was elected.
    pub(crate) fn saved_beside(&self, slot: SlotHint) -> (Option<SlotHint>, u64) {
        #[rustfmt::skip]
        let Orders {
            slab: _, records: _, rare: _, rare_free: _, markets: _, by_number: _, expiries: _, watched: _,
        } = self;
        let prev = self.record(slot).saved_prev();
        ((prev != NIL).then_some(prev), self.rare(slot).map_or(0, RareTerms::saved_batch))
    }

    /// Makes so many slots, before the first of so many orders is restored.
    pub(crate) fn lay_out(&mut self, slots: usize, orders: usize) {
        self.slab.lay_out(slots);
        self.records.resize(slots, OrderRecord::VACANT);
        self.by_number.reserve(orders, slots);
    }

    /// Writes down an order that was put back into the slab, in no list yet.
    pub(crate) fn restore(&mut self, slot: SlotHint, order: &Incoming<'_>) {
        self.remember(slot, order, &mut OrderList::default());
    }

    /// Puts an order into its account's list behind another of it, or first. False if another order stands there. Until
    /// [`Orders::link_last`] the list knows its first instead of its last, and the last order is its own next.
    pub(crate) fn link(&mut self, slot: SlotHint, behind: Option<SlotHint>, list: &mut OrderList) -> bool {
        let (place, free) = match behind {
            Some(behind) => {
                self.record_mut(slot).prev = behind;
                (&mut self.record_mut(behind).next, behind)
            }
            None => (&mut list.last, NIL),
        };
        let was_free = *place == free && behind != Some(slot);
        *place = slot;
        list.room -= 1;
        was_free
    }

    /// Ends its account's list with an order if nothing stands behind it.
    pub(crate) fn link_last(&mut self, slot: SlotHint, list: &mut OrderList) {
        if self.record(slot).next == slot {
            self.record_mut(slot).next = std::mem::replace(&mut list.last, slot);
        }
    }
}

impl Watched {
    /// Where the walk comes to next, if there is one.
    pub(crate) fn saved(&self) -> Option<Option<SlotHint>> {
        let &Watched { account, next } = self;
        (account != Watched::NONE.account).then_some((next != NIL).then_some(next))
    }

    pub(crate) fn restored(account: AccountId, next: Option<SlotHint>) -> Watched {
        Watched { account, next: next.unwrap_or(NIL) }
    }
}
