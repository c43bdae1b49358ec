//! The way of an order into the book: its conditions, the match, and what becomes of the rest.

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
}

impl Engine {
    /// Lets an order that is in no book match, and rests what is left of it if it may. Says where it rests.
    #[inline(always)]
    pub(crate) fn enter(&mut self, order: &mut Incoming<'_>, out: &mut Output) -> Option<SlotHint> {
        if let Some(reason) = self.unmet_condition(order) {
            self.end(&order.loose, reason, out);
            return None;
        }
        let Loose { at, side, price, .. } = order.loose;
        let meets = self.contracts.at(at).book.crosses(side, price);
        let goes_on = !meets || self.match_order(order, out);
        if order.loose.left == 0 {
            return None;
        }
        let reason = match order.terms.time_in_force {
            _ if !goes_on => CancelReason::SelfTrade,
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
    fn unmet_condition(&self, order: &Incoming<'_>) -> Option<CancelReason> {
        let Loose { at, side, price, left, .. } = order.loose;
        if order.terms.post_only {
            let met = self.first_live(at, side.opposite());
            return met.filter(|&met| crosses(side, price, met)).map(|_| CancelReason::PostOnly);
        }
        let (wanted, reason) = match order.terms.time_in_force {
            TimeInForce::Fok => (left, CancelReason::Fok),
            _ => (order.terms.min_units, CancelReason::MinUnits),
        };
        (wanted > 0 && !self.is_feasible(order, wanted)).then_some(reason)
    }

    /// True if the order could trade so many units at once.
    fn is_feasible(&self, order: &Incoming<'_>, wanted: Units) -> bool {
        let Loose { account, at, side, price, .. } = order.loose;
        let own = match order.terms.self_trade {
            SelfTrade::CancelIncoming | SelfTrade::CancelBoth => Standing::Stops,
            SelfTrade::CancelResting | SelfTrade::Decrement => Standing::Absent,
        };
        let (orders, book) = (&self.orders, &self.contracts.at(at).book);
        book.feasible(&orders.slab, side, price, wanted, |slot, node| match node.owner {
            _ if node.is_dated() && orders.is_dead(slot, self.stamp.time) => Standing::Absent,
            owner if owner == account.0 => own,
            _ => Standing::Counts,
        })
    }

    /// Matches the order: the best price first, then first come. False if it may not go on.
    fn match_order(&mut self, order: &mut Incoming<'_>, out: &mut Output) -> bool {
        let Loose { account, at, side, price: limit, .. } = order.loose;
        let mut prices: Option<(Ticks, Ticks)> = None;
        let mut traded = |price| prices = Some((prices.map_or(price, |prices| prices.0), price));
        let goes_on = loop {
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
                break true;
            }
            match self.meet(order, out) {
                Met::GoesOn(price) => price.into_iter().for_each(&mut traded),
                Met::Ends => break false,
            }
            if order.loose.left == 0 {
                break true;
            }
        };
        if let Some((first, last)) = prices {
            self.elect_met(at, first.min(last), first.max(last));
        }
        goes_on
    }

    /// Deals with the first order of the other side, before which matching stopped: one whose moment has come,
    /// one of the same account, or one that is merely good till a moment.
    #[cold]
    fn meet(&mut self, order: &mut Incoming<'_>, out: &mut Output) -> Met {
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
        let fill = book.take_first(&mut self.orders.slab, against, left);
        self.settle(&mut order.loose, &fill, out);
        Met::GoesOn(Some(fill.price))
    }

    /// Rests what is left of an order at the end of the queue at its limit.
    #[inline(always)]
    fn rest(&mut self, order: &Incoming<'_>, out: &mut Output) -> SlotHint {
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
