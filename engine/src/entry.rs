//! New orders: what is checked before one is let in, in which order, and what it is told.

use crate::ORDERS_MAX;
use crate::engine::{By, Engine, Refusal};
use crate::funds::Hold;
use crate::order::{Incoming, Loose};
use crate::slab::NIL;
use types::{
    NewOrder, OrderKind, Output, RejectCode, Report, ReportBody, Side, SlotHint, Ticks, TimeInForce,
    Timestamp,
};

impl Engine {
    #[inline(never)]
    pub(crate) fn new_order(
        &mut self,
        by: By<'_>,
        terms: &NewOrder,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let NewOrder { contract, side, price, units, .. } = *terms;
        terms.check()?;
        let at = self.check_open(contract)?;
        self.check_terms(terms)?;
        self.check_room()?;
        let holding = match side {
            Side::Buy => None,
            Side::Sell => self.holdings.find(by.account, contract),
        };
        let (key, number) = (by.sender.key, by.sender.number);
        let loose = Loose {
            order: self.stamp.sequence,
            account: by.account,
            contract,
            at: at.unwrap_or(0),
            holding: holding.unwrap_or(NIL),
            side,
            price,
            left: units,
            answers: Some(*by.sender),
        };
        let mut order = Incoming { loose, key, number, units, terms };
        let more = self.check_funds(&order.loose, Hold { price, units }, Hold::NOTHING)?;
        if terms.post_only && terms.trigger.is_none() {
            self.check_post_only(at, side, price)?;
        }
        if at.is_none() {
            order.loose.at = self.touch(contract)?;
        }
        self.hold_more(&order.loose, more);
        self.let_in(&mut order, out);
        Ok(())
    }

    /// Tells the owner that the order was taken, and puts it to sleep or into the book.
    #[inline(always)]
    fn let_in(&mut self, order: &mut Incoming<'_>, out: &mut Output) {
        let accepted = out.reports.len();
        let Loose { order: id, account, answers, .. } = order.loose;
        let body = ReportBody::Accepted { order: id, slot: 0, terms: *order.terms };
        self.accounts.tell(self.stamp, account, answers, body, out);
        let slot = match order.terms.trigger {
            None => self.enter(order, out),
            Some(trigger) if self.is_met(&order.loose, trigger) => self.wake(order, out),
            Some(_) => Some(self.sleep(order)),
        };
        tell_slot(&mut out.reports[accepted], slot);
    }

    /// What only some kinds of orders need.
    #[inline(always)]
    fn check_terms(&self, terms: &NewOrder) -> Result<(), Refusal> {
        if terms.kind == OrderKind::Market && terms.price == 0 {
            return Err((RejectCode::NoProtection, 0));
        }
        match terms.time_in_force {
            TimeInForce::Gtd(moment) if moment <= self.stamp.time => Err(expiry_passed(moment)),
            _ => Ok(()),
        }
    }

    /// Whether there is room for one more open order and what may come of it.
    #[inline(always)]
    fn check_room(&self) -> Result<(), Refusal> {
        let open = self.orders.slab.len();
        if open >= ORDERS_MAX as usize {
            return Err((RejectCode::Full, i64::from(ORDERS_MAX)));
        }
        self.holdings.check_room(open)
    }

    /// Whether a post-only order at this price would rest.
    #[inline(always)]
    pub(crate) fn check_post_only(&self, at: Option<u32>, side: Side, price: Ticks) -> Result<(), Refusal> {
        let met = at.and_then(|at| self.first_live(at, side.opposite()));
        match met.filter(|&met| crosses(side, price, met)) {
            Some(met) => Err((RejectCode::WouldTrade, met)),
            None => Ok(()),
        }
    }
}

/// Writes into the report on an order's entry where it lies, which is known only after what it brought about.
#[inline(always)]
pub(crate) fn tell_slot(report: &mut Report, rests: Option<SlotHint>) {
    use ReportBody::{Accepted, Replaced, Triggered};
    let body = &mut report.body;
    if let (Some(rests), Accepted { slot, .. } | Triggered { slot, .. } | Replaced { slot, .. }) =
        (rests, body)
    {
        *slot = rests;
    }
}

/// True if an order with this limit would trade with one resting at `other` on the other side.
#[inline(always)]
pub(crate) fn crosses(side: Side, limit: Ticks, other: Ticks) -> bool {
    match side {
        Side::Buy => other <= limit,
        Side::Sell => other >= limit,
    }
}

/// The refusal of an order that is good till a moment that has come.
#[cold]
pub(crate) fn expiry_passed(moment: Timestamp) -> Refusal {
    (RejectCode::ExpiryPassed, i64::try_from(moment.0 / 1_000_000_000).unwrap_or(i64::MAX))
}
