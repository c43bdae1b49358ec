//! New orders: what is checked before one is let in, in which order, and what it is told.

use crate::ORDERS_MAX;
use crate::engine::{By, Engine, Refusal};
use crate::funds::Hold;
use crate::order::{Incoming, Loose, OrderRecord};
use crate::slab::NIL;
use types::{
    AccountId, ContractId, NewOrder, Output, RejectCode, Report, ReportBody, Side, SlotHint, Ticks,
    TimeInForce, Timestamp, check_price, check_units,
};

impl Engine {
    #[inline(always)]
    pub(crate) fn new_order(
        &mut self,
        by: By<'_>,
        terms: &NewOrder,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        match self.place_to_rest(terms) {
            Some(at) => self.new_plain_order(by, at, terms, out),
            None => self.new_order_of_any_kind(by, terms, out),
        }
    }

    /// Where the contract of an order lies that can only rest: one without a condition, for a contract that trades and
    /// is open, that meets nobody. Most orders are like that.
    #[inline(always)]
    fn place_to_rest(&self, terms: &NewOrder) -> Option<u32> {
        if !terms.is_plain() || self.mass_cancels.has_pending() || self.halts.are_wide() {
            return None;
        }
        let at = self.contracts.find(&self.classes, terms.contract)?;
        let contract = self.contracts.at(at);
        let rests = self.stamp.time < contract.plain_until && !contract.book.crosses(terms.side, terms.price);
        rests.then_some(at)
    }

    /// What is left of the checks and of the way into the book for an order that can only rest.
    #[inline(always)]
    fn new_plain_order(
        &mut self,
        by: By<'_>,
        at: u32,
        terms: &NewOrder,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let NewOrder { contract, side, price, units, .. } = *terms;
        check_price(price)?;
        check_units(units)?;
        let By { account, sender } = by;
        let spec = &self.classes.of(contract).class.spec;
        if spec.static_band_ppm > 0 || !self.is_small(account, spec, units) {
            self.price_within(contract, Some(at), side, price)?;
            self.check_limits(account, terms)?;
        }
        self.check_room()?;
        let holding = self.holding_of(account, contract, side);
        let order = self.stamp.sequence;
        let answers = Some(*sender);
        let loose = Loose { order, account, contract, at, holding, side, price, left: units, answers };
        let more = self.check_funds(&loose, Hold { price, units }, Hold::NOTHING)?;
        self.hold_more(&loose, more);
        let slot = self.contracts.at_mut(at).rest(&mut self.orders.slab, self.stamp, &loose, units, out);
        let record = OrderRecord::plain(sender, terms, at, holding);
        self.orders.enlist(slot, record, account, &mut self.accounts.at_mut(account).orders);
        self.answer(by, ReportBody::Accepted { order, slot, terms: *terms }, out);
        Ok(())
    }

    /// Where the holding lies that an order of this side stands on; `NIL` if it stands on none.
    #[inline(always)]
    fn holding_of(&self, account: AccountId, contract: ContractId, side: Side) -> u32 {
        match side {
            Side::Buy => NIL,
            Side::Sell => self.holdings.find(account, contract).unwrap_or(NIL),
        }
    }

    #[inline(never)]
    pub(crate) fn new_order_of_any_kind(
        &mut self,
        by: By<'_>,
        terms: &NewOrder,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let NewOrder { contract, side, units, .. } = *terms;
        terms.check()?;
        if terms.is_block() {
            return self.new_block(by, terms, out);
        }
        let at = self.check_open(contract)?;
        self.check_phase(contract, at, terms)?;
        let price = self.price_within(contract, at, side, terms.price)?;
        let priced;
        let terms = if price == terms.price {
            terms
        } else {
            priced = NewOrder { price, ..*terms };
            &priced
        };
        self.check_moment(terms)?;
        if !self.is_small(by.account, &self.classes.of(contract).class.spec, units) {
            self.check_limits(by.account, terms)?;
        }
        self.check_room()?;
        let holding = self.holding_of(by.account, contract, side);
        let (key, number) = (by.sender.key, by.sender.number);
        let loose = Loose {
            order: self.stamp.sequence,
            account: by.account,
            contract,
            at: at.unwrap_or(0),
            holding,
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
            order.loose.at = self.touch(contract, out)?;
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

    /// Whether the moment an order is good till, if it names one, is to come.
    #[inline(always)]
    pub(crate) fn check_moment(&self, terms: &NewOrder) -> Result<(), Refusal> {
        match terms.time_in_force {
            TimeInForce::Gtd(moment) if moment <= self.stamp.time => Err(expiry_passed(moment)),
            _ => Ok(()),
        }
    }

    /// Whether there is room for one more open order and what may come of it.
    #[inline(always)]
    pub(crate) fn check_room(&self) -> Result<(), Refusal> {
        let open = self.orders.slab.len();
        if open >= ORDERS_MAX as usize {
            return Err((RejectCode::Full, i64::from(ORDERS_MAX)));
        }
        self.holdings.check_room(open + self.blocks.legs())
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
