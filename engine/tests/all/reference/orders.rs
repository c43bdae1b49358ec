//! New orders, cancels and replaces, naively: what is checked, and in which order.

use types::{
    CancelReason, MarketBody, MarketEntry, NewOrder, OrderRef, RejectCode, ReportBody, Sender, Ticks,
    TimeInForce, Units, check_price, check_shown, check_units,
};

use super::{Order, Outcome, RIGHT_HINT, Reference, seconds};

impl Reference {
    pub(super) fn new_order(&mut self, sender: Sender, terms: NewOrder) -> Outcome {
        terms.check()?;
        if terms.slots > 1 {
            return self.new_block(sender, terms);
        }
        self.check_open(terms.contract)?;
        self.check_phase(&terms)?;
        let price = self.price_within(terms.contract, terms.side, terms.price)?;
        let terms = NewOrder { price, ..terms };
        let mut order = self.incoming(sender, terms);
        self.check_moment(&order)?;
        self.check_limits(order.account, &terms)?;
        self.check_funds(&order)?;
        if !order.sleeps() {
            self.check_post_only(&order)?;
        }
        self.touch(terms.contract)?;
        self.answer(sender, ReportBody::Accepted { order: order.id, slot: RIGHT_HINT, terms });
        if order.sleeps() && !self.is_met(&order) {
            self.list(&mut order);
            self.orders.push(order);
        } else {
            if order.sleeps() {
                self.wake(&mut order, Some(sender));
            }
            self.come(order, Some(sender));
        }
        self.work_after_order();
        Ok(())
    }

    /// A new order on its way.
    pub(super) fn incoming(&self, sender: Sender, terms: NewOrder) -> Order {
        Order {
            account: self.account_of(sender),
            id: self.sequence,
            key: sender.key,
            number: sender.number,
            terms,
            left: terms.units,
            shown: 0,
            arrival: 0,
            listed: 0,
            elected: None,
        }
    }

    pub(super) fn cancel(&mut self, sender: Sender, order: OrderRef) -> Outcome {
        let at = self.find_own(sender, order)?;
        let contract = self.orders[at].terms.contract;
        if self.is_uncrossing(contract) && !self.orders[at].is_block() {
            return Err((RejectCode::Uncrossing, i64::from(contract.0)));
        }
        let order = self.take_out(at);
        self.end(&order, CancelReason::Owner, Some(sender));
        Ok(())
    }

    pub(super) fn replace(&mut self, sender: Sender, order: OrderRef, price: Ticks, units: Units) -> Outcome {
        check_price(price)?;
        check_units(units)?;
        let at = self.find_own(sender, order)?;
        let old = self.orders[at];
        self.check_open(old.terms.contract)?;
        if old.is_block() {
            self.check_legs_not_halted(&old.terms)?;
        } else {
            self.check_phase(&old.terms)?;
            self.price_within(old.terms.contract, old.terms.side, price)?;
        }
        self.check_moment(&old)?;
        let filled = old.terms.units - old.left;
        if units <= filled {
            return Err((RejectCode::AlreadyFilled, i64::from(filled)));
        }
        if old.terms.shown > 0 {
            check_shown(old.terms.shown, units)?;
        }
        if old.terms.min_units > units {
            return Err((RejectCode::MinUnitsOutOfRange, i64::from(old.terms.min_units)));
        }
        self.check_size(old.account, &old.terms, price, units)?;
        if old.is_block() {
            return self.replace_block(sender, at, price, units);
        }
        let mut new = Order { terms: NewOrder { price, units, ..old.terms }, left: units - filled, ..old };
        self.check_funds(&new)?;
        let kept_priority = old.sleeps() || (price == old.terms.price && new.left <= old.left);
        if !kept_priority {
            self.check_post_only(&new)?;
        }
        let body = ReportBody::Replaced {
            order: old.id,
            slot: RIGHT_HINT,
            contract: old.terms.contract,
            side: old.terms.side,
            price,
            units,
            left: new.left,
            kept_priority,
        };
        self.answer(sender, body);
        if kept_priority {
            new.shown = old.shown.min(new.left);
            self.orders[at] = new;
            if new.shown < old.shown {
                self.event(new.terms.contract, MarketBody::Reduce(entry(&new, new.shown)));
            }
            if new.left < old.left && !old.sleeps() {
                self.expect_indicative(new.terms.contract);
            }
        } else {
            self.take_out(at);
            self.come(new, Some(sender));
        }
        self.work_after_order();
        Ok(())
    }

    /// The owner is told; what the order reserved is free because it is no longer open.
    pub(super) fn end(&mut self, order: &Order, reason: CancelReason, sender: Option<Sender>) {
        let NewOrder { contract, side, .. } = order.terms;
        let body =
            ReportBody::Cancelled { order: order.id, contract, side, units: order.left, left: 0, reason };
        self.report(order.account, sender, body);
    }

    /// Takes an open order out and tells the public what it showed, if anything.
    pub(super) fn take_out(&mut self, at: usize) -> Order {
        let order = self.orders.remove(at);
        if order.shown > 0 {
            self.event(order.terms.contract, MarketBody::Delete(entry(&order, order.shown)));
            self.expect_indicative(order.terms.contract);
        }
        if order.is_block() {
            self.tell_block(&Order { left: 0, ..order });
        }
        Order { shown: 0, ..order }
    }

    /// Puts an order at the end of its account's list.
    pub(super) fn list(&mut self, order: &mut Order) {
        self.listings += 1;
        order.listed = self.listings;
    }

    /// True once the moment it is good till has come, by the stamp of the command.
    pub(super) fn is_dead(&self, order: &Order) -> bool {
        order.moment().is_some_and(|moment| moment <= self.time)
    }

    pub(super) fn check_moment(&self, order: &Order) -> Outcome {
        match order.terms.time_in_force {
            TimeInForce::Gtd(moment) if self.is_dead(order) => {
                Err((RejectCode::ExpiryPassed, seconds(moment)))
            }
            _ => Ok(()),
        }
    }

    fn check_post_only(&self, order: &Order) -> Outcome {
        match self.best_live_against(order) {
            Some(price) if order.terms.post_only => Err((RejectCode::WouldTrade, price)),
            _ => Ok(()),
        }
    }

    fn find_own(&self, sender: Sender, named: OrderRef) -> Result<usize, (RejectCode, i64)> {
        let account = self.account_of(sender);
        let is_it = |order: &Order| match named {
            OrderRef::Id { order: id, slot } => {
                order.id == id && slot == RIGHT_HINT && order.account == account
            }
            OrderRef::Number(number) => order.key == sender.key && order.number == number,
        };
        self.orders.iter().position(is_it).ok_or((RejectCode::UnknownOrder, 0))
    }
}

/// An order as the public sees it.
pub(super) fn entry(order: &Order, units: Units) -> MarketEntry {
    MarketEntry { order: order.id, side: order.terms.side, price: order.terms.price, units }
}
