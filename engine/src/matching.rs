//! The way of an order into the book: its conditions, the match, and what becomes of the rest.

use crate::bands::Band;
use crate::book::Standing;
use crate::contracts::Contract;
use crate::engine::{Engine, Stamp};
use crate::entry::crosses;
use crate::order::{Incoming, Loose};
use crate::slab::Slab;
use types::{
    CancelReason, MarketBody, MarketEntry, OrderKind, Output, SelfTrade, Side, SlotHint, Ticks, TimeInForce,
    Units,
};

/// What came of an order that matching stopped before.
enum Met {
    /// The incoming order goes on: it traded at this price, or not at all.
    GoesOn(Option<Ticks>),
    /// The incoming order may not go on.
    Ends,
    /// They would trade outside the band.
    Bars,
}

/// How an order came out of its match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matched {
    /// It has met all that it could.
    Whole,
    /// Its own instruction ended it at an order of its own account.
    Ended,
    /// Its next trade would have been outside the band.
    Barred,
}

impl Engine {
    /// Lets an order that is in no book match, and rests what is left of it if it may. Says where it rests. In a call
    /// it rests unmatched.
    #[inline(always)]
    pub(crate) fn enter(&mut self, order: &mut Incoming<'_>, out: &mut Output) -> Option<SlotHint> {
        let Loose { at, contract, side, price, .. } = order.loose;
        if self.contracts.at(at).phase.is_call() {
            return self.gather(order, out);
        }
        let band = self.classes.of(contract).is_banded().then(|| self.band(at));
        if let Some(reason) = self.unmet_condition(order, band) {
            self.end(&order.loose, reason, out);
            return None;
        }
        let meets = self.contracts.at(at).book.crosses(side, price);
        let matched = if meets { self.match_order(order, band, out) } else { Matched::Whole };
        let slot = self.leave_rest(order, matched, out);
        if matched == Matched::Barred {
            self.begin_call(at, out);
        }
        slot
    }

    /// Rests what is left of an order that has matched, if it may, or ends it. Says where it rests.
    #[inline(always)]
    fn leave_rest(
        &mut self,
        order: &mut Incoming<'_>,
        matched: Matched,
        out: &mut Output,
    ) -> Option<SlotHint> {
        if order.loose.left == 0 {
            return None;
        }
        let reason = match order.terms.time_in_force {
            _ if matched == Matched::Ended => CancelReason::SelfTrade,
            _ if order.terms.kind == OrderKind::Market => CancelReason::Market,
            TimeInForce::Ioc | TimeInForce::Fok => CancelReason::Ioc,
            TimeInForce::Gtc | TimeInForce::Gtd(_) => match self.count_mass_cancelled(order) {
                Some(reason) => reason,
                None => return Some(self.rest(order, out)),
            },
        };
        self.end(&order.loose, reason, out);
        None
    }

    /// The best price of a side, orders whose moment has come left out.
    pub(crate) fn first_live(&self, at: u32, side: Side) -> Option<Ticks> {
        let (orders, book) = (&self.orders, &self.contracts.at(at).book);
        if !orders.expiries.are_due(self.stamp.time) {
            return book.best(side);
        }
        let live = book.slots(&orders.slab, side).find(|&slot| !orders.is_dead(slot, self.stamp.time));
        live.map(|slot| orders.slab.at(slot).price)
    }

    /// Why the order may not trade at all, if it has a condition that is not met.
    #[inline(always)]
    fn unmet_condition(&self, order: &Incoming<'_>, band: Option<Band>) -> Option<CancelReason> {
        let Loose { at, side, price, left, .. } = order.loose;
        if order.terms.post_only {
            let met = self.first_live(at, side.opposite());
            return met.filter(|&met| crosses(side, price, met)).map(|_| CancelReason::PostOnly);
        }
        let (wanted, reason) = match order.terms.time_in_force {
            TimeInForce::Fok => (left, CancelReason::Fok),
            _ => (order.terms.min_units, CancelReason::MinUnits),
        };
        (wanted > 0 && !self.is_feasible(order, band, wanted)).then_some(reason)
    }

    /// True if the order could trade so many units at once, within the band if there is one.
    fn is_feasible(&self, order: &Incoming<'_>, band: Option<Band>, wanted: Units) -> bool {
        let Loose { account, at, side, price, .. } = order.loose;
        let own = match order.terms.self_trade {
            SelfTrade::CancelIncoming | SelfTrade::CancelBoth => Standing::Stops,
            SelfTrade::CancelResting | SelfTrade::Decrement => Standing::Absent,
        };
        let (orders, book) = (&self.orders, &self.contracts.at(at).book);
        book.feasible(&orders.slab, side, price, wanted, |slot, node| match node.owner {
            _ if node.is_dated() && orders.is_dead(slot, self.stamp.time) => Standing::Absent,
            owner if owner == account.0 => own,
            _ if band.is_some_and(|band| !band.has(node.price)) => Standing::Stops,
            _ => Standing::Counts,
        })
    }

    /// Matches the order: the best price first, then first come, and none outside the band.
    fn match_order(&mut self, order: &mut Incoming<'_>, band: Option<Band>, out: &mut Output) -> Matched {
        let Loose { account, at, side, price, .. } = order.loose;
        let limit = band.map_or(price, |band| band.limit(side, price));
        let mut prices: Option<(Ticks, Ticks)> = None;
        let mut traded = |price| prices = Some((prices.map_or(price, |prices| prices.0), price));
        let matched = loop {
            let bars = band.is_some_and(|band| self.is_first_outside(order, band));
            if !bars {
                let stop_at_dated = self.orders.expiries.are_due(self.stamp.time);
                let mut fills = std::mem::take(&mut self.fills);
                let (book, slab) = (&mut self.contracts.at_mut(at).book, &mut self.orders.slab);
                let left = order.loose.left;
                let taken = book.take(slab, side, limit, left, account.0, stop_at_dated, &mut fills);
                for fill in &fills {
                    traded(fill.price);
                    self.settle(&mut order.loose, fill, out);
                }
                fills.clear();
                self.fills = fills;
                if !taken.stopped {
                    // What lies outside the band is looked at before the order is done.
                    match band {
                        Some(band) if order.loose.left > 0 && self.is_first_outside(order, band) => continue,
                        _ => break Matched::Whole,
                    }
                }
            }
            match self.meet(order, bars, out) {
                Met::GoesOn(price) => price.into_iter().for_each(&mut traded),
                Met::Ends => break Matched::Ended,
                Met::Bars => break Matched::Barred,
            }
            if order.loose.left == 0 {
                break Matched::Whole;
            }
        };
        if let Some((first, last)) = prices {
            self.elect_met(at, first.min(last), first.max(last));
        }
        matched
    }

    /// True if the first order of the other side is within the order's limit and outside the band.
    fn is_first_outside(&self, order: &Incoming<'_>, band: Band) -> bool {
        let Loose { at, side, price, .. } = order.loose;
        let best = self.contracts.at(at).book.best(side.opposite());
        best.is_some_and(|best| crosses(side, price, best) && !band.has(best))
    }

    /// Deals with the first order of the other side, before which matching stopped: one whose moment has come,
    /// one of the same account, one that is merely good till a moment, or one that `bars`, being outside the band.
    #[cold]
    fn meet(&mut self, order: &mut Incoming<'_>, bars: bool, out: &mut Output) -> Met {
        let Loose { account, at, side, left, .. } = order.loose;
        let against = side.opposite();
        let book = &mut self.contracts.at_mut(at).book;
        let slot = book.first(against).expect("matching stopped before it");
        if self.orders.is_dead(slot, self.stamp.time) {
            self.end_open(slot, CancelReason::Expired, out);
            return Met::GoesOn(None);
        }
        if self.orders.slab.at(slot).owner == account.0 {
            let goes_on = self.prevent_self_trade(order, slot, out);
            return if goes_on { Met::GoesOn(None) } else { Met::Ends };
        }
        if bars {
            return Met::Bars;
        }
        let fill = book.take_first(&mut self.orders.slab, against, left);
        self.settle(&mut order.loose, &fill, out);
        Met::GoesOn(Some(fill.price))
    }

    /// Rests what is left of an order at the end of the queue at its limit.
    #[inline(always)]
    pub(crate) fn rest(&mut self, order: &Incoming<'_>, out: &mut Output) -> SlotHint {
        let Loose { account, at, left, .. } = order.loose;
        let shown = if order.terms.shown == 0 { left } else { left.min(order.terms.shown) };
        let slab = &mut self.orders.slab;
        let slot = self.contracts.at_mut(at).rest(slab, self.stamp, &order.loose, shown, out);
        self.orders.remember(slot, order, &mut self.accounts.at_mut(account).orders);
        slot
    }
}

impl Contract {
    /// Rests an order that shows so much of what is left of it, and tells the public.
    #[inline(always)]
    pub(crate) fn rest(
        &mut self,
        slab: &mut Slab,
        stamp: Stamp,
        order: &Loose,
        shown: Units,
        out: &mut Output,
    ) -> SlotHint {
        let Loose { order: id, account, side, price, left, .. } = *order;
        let slot = if shown < left {
            self.book.rest_iceberg(slab, id, account.0, side, price, left, shown)
        } else {
            self.book.rest(slab, id, account.0, side, price, left)
        };
        let entry = MarketEntry { order: id, side, price, units: shown };
        self.tell(stamp, MarketBody::Add(entry), out);
        slot
    }
}
