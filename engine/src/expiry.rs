//! Orders good till a date, by the moment at which they expire.

use std::collections::BTreeMap;
use types::{OrderId, SlotHint, Timestamp};

/// The moments of all open orders that have one.
#[derive(Clone, Debug)]
pub(crate) struct Expiries {
    by_moment: BTreeMap<(Timestamp, OrderId), SlotHint>,
    /// The first of these moments, so that most commands need not look; the latest there is if there are none.
    first: Timestamp,
}

impl Default for Expiries {
    fn default() -> Expiries {
        Expiries { by_moment: BTreeMap::new(), first: Timestamp::MAX }
    }
}

impl Expiries {
    /// True if there may be orders whose moment has come at `now`.
    #[inline]
    pub(crate) fn are_due(&self, now: Timestamp) -> bool {
        self.first <= now && !self.by_moment.is_empty()
    }

    /// The order that expires first, if its moment has come at `now`; of two at one moment the older.
    pub(crate) fn first_due(&self, now: Timestamp) -> Option<SlotHint> {
        self.by_moment.first_key_value().filter(|(first, _)| first.0 <= now).map(|(_, &slot)| slot)
    }

    /// The first moment after `now`.
    #[inline]
    pub(crate) fn after(&self, now: Timestamp) -> Option<Timestamp> {
        if self.by_moment.is_empty() {
            return None;
        }
        if self.first > now {
            return Some(self.first);
        }
        self.by_moment.range((now, OrderId::MAX)..).map(|(next, _)| next.0).find(|&moment| moment > now)
    }

    pub(crate) fn insert(&mut self, moment: Timestamp, order: OrderId, slot: SlotHint) {
        self.by_moment.insert((moment, order), slot);
        self.first = self.first.min(moment);
    }

    pub(crate) fn remove(&mut self, moment: Timestamp, order: OrderId) {
        self.by_moment.remove(&(moment, order));
        let first = self.by_moment.first_key_value();
        self.first = first.map_or(Timestamp::MAX, |(first, _)| first.0);
    }

    /// How many orders have a moment.
    pub(crate) fn len(&self) -> usize {
        self.by_moment.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_moment_is_known_and_the_next_after_any() {
        let mut expiries = Expiries::default();
        assert!(!expiries.are_due(Timestamp::MAX) && expiries.after(Timestamp(0)).is_none());
        for (moment, order) in [(50, 3), (40, 9), (40, 4), (60, 1)] {
            expiries.insert(Timestamp(moment), order, u32::try_from(order).unwrap());
        }
        assert!(!expiries.are_due(Timestamp(39)) && expiries.are_due(Timestamp(40)));
        assert_eq!(expiries.first_due(Timestamp(39)), None);
        assert_eq!(expiries.first_due(Timestamp(45)), Some(4));
        assert_eq!(expiries.after(Timestamp(39)), Some(Timestamp(40)));
        assert_eq!(expiries.after(Timestamp(40)), Some(Timestamp(50)));
        assert_eq!(expiries.after(Timestamp(60)), None);
        expiries.remove(Timestamp(40), 4);
        expiries.remove(Timestamp(40), 9);
        assert!(!expiries.are_due(Timestamp(49)) && expiries.are_due(Timestamp(50)));
    }
}
