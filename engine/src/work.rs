//! Pending work: what one command sets off and later ones finish, a bounded number of pieces each, so that no
//! command does more than a bounded amount.
//!
//! Auctions that are being worked out come first, then halts, then stops, then blocks, then mass cancels, then what the
//! calendar brings. Once a command has considered as many blocks as it may, what comes after them goes on.

use crate::WORK_PER_COMMAND;
use crate::blocks::Allowance;
use crate::engine::Engine;
use types::{Output, Timestamp};

impl Engine {
    /// When the next phase change of a touched contract or its next indicative price is due, or the next order expires: a
    /// [`Command::Clock`](types::Command::Clock) must be sequenced before the first command with that stamp or a
    /// later one.
    #[must_use]
    #[inline]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let phase = self.calendar.next_deadline();
        let expiry = self.orders.expiries.after(self.calendar.clock());
        phase.into_iter().chain(expiry).min()
    }

    /// True while work is left over: a [`Command::Continue`](types::Command::Continue) must be sequenced soon.
    #[must_use]
    #[inline]
    pub fn has_pending(&self) -> bool {
        self.has_work_before_blocks()
            || self.blocks.has_pending()
            || self.mass_cancels.has_pending()
            || self.calendar.has_pending()
            || self.orders.expiries.are_due(self.calendar.clock())
    }

    /// Does pending work of all kinds up to the budget of a command.
    pub(crate) fn work(&mut self, out: &mut Output) {
        let mut allowance = Allowance::new();
        for _ in 0..WORK_PER_COMMAND {
            let was_some = self.work_on_auctions(out)
                || self.work_on_stops(out)
                || self.work_on_blocks(&mut allowance, out)
                || self.work_on_mass_cancels(out)
                || self.work_on_calendar(out);
            if !was_some {
                return;
            }
        }
    }

    /// Lets the stops go on that an order's trades have met, and what comes before them, up to the budget of a command,
    /// and then considers the blocks that all of that may have helped.
    #[inline]
    pub(crate) fn work_after_order(&mut self, out: &mut Output) {
        if self.has_work_before_blocks() {
            self.work_on_stops_first(out);
        }
        if (self.blocks.rest() || self.blocks.has_pending()) && !self.has_work_before_blocks() {
            self.work_after_on_blocks(out);
        }
    }

    #[inline]
    fn has_work_before_blocks(&self) -> bool {
        self.uncross.is_some() | self.halts.has_pending() | self.stops.has_pending()
    }

    #[cold]
    fn work_on_stops_first(&mut self, out: &mut Output) {
        for _ in 0..WORK_PER_COMMAND {
            if !(self.work_on_auctions(out) || self.work_on_stops(out)) {
                return;
            }
        }
    }
}
