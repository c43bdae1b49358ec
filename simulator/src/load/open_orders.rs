//! The open orders of one session of the load, followed through its reports.
//!
//! Its numbers rise by one, and it ends its orders about in the order in which they came, so they stand in a row. An
//! agent's orders live as long as they like and are in maps, which cost several times as much.

use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use types::{CancelReason, Lane, OrderId, OrderRef, Report, ReportBody, Side, SlotHint};

/// What is open or under way. What has ended is forgotten.
#[derive(Debug, Default)]
pub(super) struct OpenOrders {
    /// By number.
    orders: Row<Open>,
    numbers: FxHashMap<OrderId, u64>,
    /// The orders that cancels without an outcome are to end, by the number of the cancel.
    cancels: Row<u64>,
    /// The same of replaces, of which there are few.
    replaces: FxHashMap<u64, u64>,
}

/// One order without an end.
#[derive(Clone, Copy, Debug)]
struct Open {
    side: Side,
    /// How to name it; known once it is accepted.
    name: Option<(OrderId, SlotHint)>,
    /// True while a change of it is under way.
    changing: bool,
}

/// Records by numbers that rise, those that are there close together.
#[derive(Debug)]
struct Row<T> {
    /// The number of the first place.
    first: u64,
    places: VecDeque<Option<T>>,
    len: usize,
}

impl OpenOrders {
    /// How many are open or under way.
    pub(super) fn len(&self) -> usize {
        self.orders.len
    }

    /// How many are open: accepted, and without an end that has been told.
    pub(super) fn open(&self) -> usize {
        self.numbers.len()
    }

    /// True if the order of that number is open or under way.
    pub(super) fn has(&self, number: u64) -> bool {
        self.orders.get(number).is_some()
    }

    /// How to name the order of that number in a change, and its side; `None` while it is not accepted, or another change
    /// of it is under way, or it has ended.
    pub(super) fn free(&self, number: u64) -> Option<(OrderRef, Side)> {
        let open = self.orders.get(number).filter(|open| !open.changing)?;
        let (order, slot) = open.name?;
        Some((OrderRef::Id { order, slot }, open.side))
    }

    /// A new order was sent as this number.
    pub(super) fn sent(&mut self, number: u64, side: Side) {
        self.orders.put(number, Open { side, name: None, changing: false });
    }

    /// A change of the order of number `target` was sent as this number of its lane.
    pub(super) fn changing(&mut self, lane: Lane, number: u64, target: u64) {
        if let Some(open) = self.orders.get_mut(target) {
            open.changing = true;
        }
        match lane {
            Lane::Cancels => self.cancels.put(number, target),
            Lane::Orders => drop(self.replaces.insert(number, target)),
        }
    }

    /// Follows a report.
    pub(super) fn follow(&mut self, report: &Report) {
        match report.body {
            ReportBody::Accepted { order, slot, .. } => {
                let Some(answers) = report.answers else { return };
                if let Some(open) = self.orders.get_mut(answers.number) {
                    open.name = Some((order, slot));
                    self.numbers.insert(order, answers.number);
                }
            }
            ReportBody::Replaced { order, slot, .. } => {
                self.changed(report);
                let number = self.numbers.get(&order).copied();
                if let Some(open) = number.and_then(|number| self.orders.get_mut(number)) {
                    open.name = Some((order, slot));
                }
            }
            ReportBody::Filled { order, left: 0, .. } => self.end(order),
            ReportBody::Cancelled { order, left: 0, reason, .. } => {
                if reason == CancelReason::Owner {
                    self.changed(report);
                }
                self.end(order);
            }
            ReportBody::Rejected { .. } => {
                if let Some(answers) = report.answers {
                    self.not_taken(answers.lane, answers.number);
                }
            }
            _ => {}
        }
    }

    /// The command of that number was rejected, or refused before it was taken.
    pub(super) fn not_taken(&mut self, lane: Lane, number: u64) {
        if !self.change_ends(lane, number) && lane == Lane::Orders {
            self.orders.take(number);
        }
    }

    /// The change this report answers is done.
    fn changed(&mut self, report: &Report) {
        if let Some(answers) = report.answers {
            self.change_ends(answers.lane, answers.number);
        }
    }

    /// The change of that number is no longer under way; false if there was none.
    fn change_ends(&mut self, lane: Lane, number: u64) -> bool {
        let target = match lane {
            Lane::Cancels => self.cancels.take(number),
            Lane::Orders => self.replaces.remove(&number),
        };
        if let Some(open) = target.and_then(|target| self.orders.get_mut(target)) {
            open.changing = false;
        }
        target.is_some()
    }

    fn end(&mut self, order: OrderId) {
        if let Some(number) = self.numbers.remove(&order) {
            self.orders.take(number);
        }
    }
}

impl<T> Row<T> {
    /// Puts a record behind all others; its number is higher than theirs.
    fn put(&mut self, number: u64, record: T) {
        if self.places.is_empty() {
            self.first = number;
        }
        while let Some(place) = self.place(number)
            && place > self.places.len()
        {
            self.places.push_back(None);
        }
        self.places.push_back(Some(record));
        self.len += 1;
    }

    fn get(&self, number: u64) -> Option<&T> {
        self.places.get(self.place(number)?)?.as_ref()
    }

    fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        let place = self.place(number)?;
        self.places.get_mut(place)?.as_mut()
    }

    fn take(&mut self, number: u64) -> Option<T> {
        let place = self.place(number)?;
        let record = self.places.get_mut(place)?.take()?;
        self.len -= 1;
        while let Some(None) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        Some(record)
    }

    fn place(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

impl<T> Default for Row<T> {
    fn default() -> Row<T> {
        Row { first: 0, places: VecDeque::new(), len: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_finds_what_is_there_and_forgets_the_rest() {
        let mut row = Row::default();
        for number in [7, 8, 11, 12] {
            row.put(number, number * 10);
        }
        assert_eq!((row.get(6), row.get(9), row.get(11)), (None, None, Some(&110)));
        assert_eq!((row.take(8), row.take(8), row.first), (Some(80), None, 7));
        assert_eq!((row.take(7), row.first, row.len), (Some(70), 11, 2));
        *row.get_mut(12).unwrap() += 1;
        assert_eq!((row.take(11), row.take(12), row.len), (Some(110), Some(121), 0));
        row.put(40, 1);
        assert_eq!((row.get(40), row.first), (Some(&1), 40));
    }
}
