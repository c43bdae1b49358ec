//! The index of a class as it is saved, and back.

use super::{ClassIndex, Traded, place};
use crate::save::Saved;
use types::{ClassNo, Hour};

impl ClassIndex {
    /// The hours that count at `now`. Those before will never count again.
    pub(crate) fn save(&self, class: ClassNo, now: Hour, each: &mut impl FnMut(Saved)) {
        let ClassIndex { hours: _ } = self;
        for &Traded { hour, units, ticks } in self.traded(now) {
            each(Saved::Traded { class, hour, units, ticks });
        }
    }

    /// Puts an hour back. False if its place is taken.
    pub(crate) fn restore(&mut self, traded: Traded) -> bool {
        let there = &mut self.hours[place(traded.hour)];
        let was_free = *there == Traded::default();
        *there = traded;
        was_free
    }
}
