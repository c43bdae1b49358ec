//! Recorded order flow against one book, maker by maker: does price-time order fill the very orders that a real
//! exchange filled?
//!
//! The book is the engine's core book as the exchange runs it. Every recorded execution is sent as an order that
//! takes at the recorded price and size; it matches if its only fill is the recorded order. docs/replay.md
//! describes the files.

mod files;

pub use files::{
    Event, EventKind, Exception, ReplayError, SeedOrder, read_events, read_exceptions, read_seed,
};

use engine::{Book, Fill, Slab};
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use types::{Side, SlotHint, Ticks, Units};

/// Whose the recorded orders are, and whose the orders that take. The book only asks whether they differ.
const MAKER: u32 = 1;
const TAKER: u32 = 2;

/// How many of each kind of oddity a report names; all are counted.
const NAMED_MAX: usize = 20;

/// What came of a replay.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// Recorded executions of visible orders.
    pub executions: u64,
    /// Executions whose only fill was the recorded order at the recorded price and size.
    pub matched: u64,
    /// Executions listed as exceptions: the recorded exchange itself did not take the first order. They are not
    /// sent; the recorded order is lowered.
    pub exceptions: u64,
    /// Recorded orders that would have traded when they came, had they been sent as limit orders.
    pub crossed_adds: u64,
    /// Executions that filled something else, the first of them.
    pub mismatches: Vec<Mismatch>,
    /// Rows that name an order that does not rest, or that rests already: left out.
    pub skipped: u64,
    /// The source rows of the first of those.
    pub skipped_rows: Vec<u64>,
    /// Orders that rested before the first event.
    pub seeded: u64,
    /// All rows of the event file.
    pub events: u64,
    /// Orders that rest at the end.
    pub resting: u64,
}

/// An execution that would have filled another order than the recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// The row of the source file.
    pub src_row: u64,
    /// The order the recorded exchange filled.
    pub recorded: u64,
    /// The order that is first in price and time, if there is one.
    pub first: Option<u64>,
}

impl ReplayReport {
    /// True if every execution that is not an exception filled the recorded order.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.matched + self.exceptions == self.executions
    }
}

/// Replays recorded flow: first the orders that rested before, in their order, then the events in theirs.
#[must_use]
pub fn replay(seed: &[SeedOrder], events: &[Event], exceptions: &[Exception]) -> ReplayReport {
    let mut replay = Replay {
        exceptions: exceptions.iter().map(|exception| exception.src_row).collect(),
        ..Replay::default()
    };
    for order in seed {
        replay.report.seeded += 1;
        if !replay.rest(order.order_id, order.side, order.price, order.size) {
            replay.skip(0);
        }
    }
    for event in events {
        replay.report.events += 1;
        replay.play(event);
    }
    replay.report.resting = replay.book.len() as u64;
    replay.report
}

#[derive(Default)]
struct Replay {
    slab: Slab,
    book: Book,
    slots: FxHashMap<u64, SlotHint>,
    exceptions: FxHashSet<u64>,
    fills: Vec<Fill>,
    report: ReplayReport,
}

impl Replay {
    fn play(&mut self, event: &Event) {
        let Event { order_id, side, price, size, .. } = *event;
        let is_known = match event.kind {
            EventKind::Seed => self.rest(order_id, side, price, size),
            EventKind::Add => {
                self.report.crossed_adds += u64::from(self.book.crosses(side, price));
                self.rest(order_id, side, price, size)
            }
            EventKind::Reduce => self.lower(order_id, size),
            EventKind::Delete | EventKind::Purge => self.lower(order_id, Units::MAX),
            EventKind::Execute => self.execute(event),
            EventKind::HiddenTrade => true,
        };
        if !is_known {
            self.skip(event.src_row);
        }
    }

    /// Sends an order that takes what the recorded one was filled with, if the recorded order is the first in
    /// price and time. If another is, that one would be filled: told, and the recorded order lowered all the same,
    /// so that what follows is judged by itself.
    fn execute(&mut self, event: &Event) -> bool {
        self.report.executions += 1;
        if self.exceptions.contains(&event.src_row) {
            self.report.exceptions += 1;
            return self.lower(event.order_id, event.size);
        }
        let first = self.book.first(event.side);
        if first.is_some() && first == self.slots.get(&event.order_id).copied() {
            self.fills.clear();
            let (side, book) = (event.side.opposite(), &mut self.book);
            book.take(&mut self.slab, side, event.price, event.size, TAKER, false, &mut self.fills);
            if self.is_recorded(event) {
                self.report.matched += 1;
            } else {
                self.tell_mismatch(event, first);
            }
            self.forget_filled();
            return true;
        }
        self.tell_mismatch(event, first);
        self.lower(event.order_id, event.size)
    }

    /// True if the only fill is the recorded one.
    fn is_recorded(&self, event: &Event) -> bool {
        match self.fills.as_slice() {
            [fill] => (fill.maker, fill.price, fill.units) == (event.order_id, event.price, event.size),
            _ => false,
        }
    }

    fn forget_filled(&mut self) {
        for fill in self.fills.iter().filter(|fill| fill.left == 0) {
            self.slots.remove(&fill.maker);
        }
    }

    fn tell_mismatch(&mut self, event: &Event, first: Option<SlotHint>) {
        if self.report.mismatches.len() < NAMED_MAX {
            let lies_there = |slot| self.slots.iter().find(|&(_, &other)| other == slot).map(|(&id, _)| id);
            let first = first.and_then(lies_there);
            self.report.mismatches.push(Mismatch { src_row: event.src_row, recorded: event.order_id, first });
        }
    }

    /// Rests an order at the end of the queue at its price, as recorded. False if it rests already or is nothing.
    fn rest(&mut self, id: u64, side: Side, price: Ticks, size: Units) -> bool {
        if id == 0 || size == 0 || self.slots.contains_key(&id) {
            return false;
        }
        let slot = self.book.rest(&mut self.slab, id, MAKER, side, price, size);
        self.slots.insert(id, slot);
        true
    }

    /// Takes so many units off a resting order; it keeps its place, and leaves when nothing is left. False if it
    /// does not rest.
    fn lower(&mut self, id: u64, size: Units) -> bool {
        let Some(&slot) = self.slots.get(&id) else { return false };
        let left = self.slab.get(slot, id).map_or(0, |node| node.left.saturating_sub(size));
        if left == 0 {
            self.book.remove(&mut self.slab, slot);
            self.slots.remove(&id);
        } else {
            self.book.reduce(&mut self.slab, slot, left);
        }
        true
    }

    fn skip(&mut self, row: u64) {
        self.report.skipped += 1;
        if self.report.skipped_rows.len() < NAMED_MAX {
            self.report.skipped_rows.push(row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(order_id: u64, side: Side, price: Ticks, size: Units) -> SeedOrder {
        SeedOrder { order_id, side, price, size }
    }

    fn event(src_row: u64, kind: EventKind, order_id: u64, side: Side, price: Ticks, size: Units) -> Event {
        Event { src_row, kind, order_id, side, price, size }
    }

    #[test]
    fn executions_fill_the_first_in_price_and_time() {
        let seeds = [seed(1, Side::Sell, 100, 5), seed(2, Side::Sell, 100, 5), seed(3, Side::Sell, 101, 9)];
        let events = [
            event(0, EventKind::Add, 4, Side::Sell, 100, 2),
            event(1, EventKind::Execute, 1, Side::Sell, 100, 3),
            event(2, EventKind::Reduce, 1, Side::Sell, 100, 1),
            event(3, EventKind::Execute, 1, Side::Sell, 100, 1),
            event(4, EventKind::Delete, 2, Side::Sell, 100, 5),
            event(5, EventKind::Execute, 4, Side::Sell, 100, 2),
            event(6, EventKind::HiddenTrade, 0, Side::Sell, 100, 2),
            event(7, EventKind::Execute, 3, Side::Sell, 101, 9),
        ];
        let report = replay(&seeds, &events, &[]);
        assert_eq!((report.executions, report.matched, report.resting), (4, 4, 0));
        assert!(report.is_exact() && report.skipped == 0 && report.events == 8 && report.seeded == 3);
    }

    #[test]
    fn another_order_in_front_is_told_and_what_follows_stands_by_itself() {
        let seeds = [seed(1, Side::Buy, 100, 5), seed(2, Side::Buy, 100, 5), seed(3, Side::Buy, 100, 5)];
        let events = [
            event(10, EventKind::Execute, 2, Side::Buy, 100, 5),
            event(11, EventKind::Execute, 1, Side::Buy, 100, 5),
            event(12, EventKind::Execute, 3, Side::Buy, 100, 6),
            event(13, EventKind::Execute, 9, Side::Buy, 100, 1),
        ];
        let report = replay(&seeds, &events, &[]);
        assert_eq!((report.executions, report.matched, report.skipped), (4, 1, 1));
        let mismatch = |src_row, recorded, first| Mismatch { src_row, recorded, first };
        assert_eq!(
            report.mismatches,
            [mismatch(10, 2, Some(1)), mismatch(12, 3, Some(3)), mismatch(13, 9, None)],
            "a fill smaller than recorded is no match"
        );
        assert_eq!(report.skipped_rows, [13]);
    }

    #[test]
    fn exceptions_are_not_sent_and_crossed_adds_are_counted() {
        let seeds = [seed(1, Side::Sell, 100, 5), seed(2, Side::Sell, 100, 5)];
        let events = [
            event(20, EventKind::Execute, 2, Side::Sell, 100, 4),
            event(21, EventKind::Execute, 1, Side::Sell, 100, 5),
            event(22, EventKind::Add, 5, Side::Buy, 100, 7),
            event(23, EventKind::Purge, 2, Side::Sell, 100, 1),
        ];
        let report = replay(&seeds, &events, &[Exception { src_row: 20 }]);
        assert_eq!((report.executions, report.matched, report.exceptions), (2, 1, 1));
        assert_eq!((report.crossed_adds, report.resting), (1, 1));
        assert!(report.is_exact());
    }
}
