//! What of an order's records is saved beside its terms.

use super::{NIL, OrderRecord, RareTerms};
use types::SlotHint;

impl OrderRecord {
    /// What stands beside a slot that is not used yet.
    pub(crate) const VACANT: OrderRecord =
        OrderRecord { number: 0, units: 0, at: 0, key: 0, more: NIL, prev: NIL, next: NIL };

    /// The order before it in its account's list. All else is told with its terms, or found again.
    pub(crate) fn saved_prev(&self) -> SlotHint {
        let &OrderRecord { number: _, units: _, at: _, key: _, more: _, prev, next: _ } = self;
        prev
    }
}

impl RareTerms {
    /// The batch in which it was elected. All else is told with its terms, or found again.
    pub(crate) fn saved_batch(&self) -> u64 {
        #[rustfmt::skip]
        let &RareTerms {
            holding: _, kind: _, time_in_force: _, slots: _, same_provider: _, min_units: _, shown: _, trigger: _,
            batch,
        } = self;
        batch
    }
}
