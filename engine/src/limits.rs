//! Limits of accounts and classes: how much one order may be, how much may be open, and the kill switch.

use crate::ORDERS_MAX;
use crate::engine::{By, Engine, Refusal};
use types::{
    AccountId, ClassSpec, Limits, Money, NewOrder, Output, RejectCode, ReportBody, StateEvent, Ticks, Units,
    value_of_window,
};

impl Engine {
    /// Whether the account may have this new order besides those it has: its kill switch, the size and the value of
    /// the order, and how many are open.
    #[cold]
    pub(crate) fn check_limits(&self, account: AccountId, terms: &NewOrder) -> Result<(), Refusal> {
        self.check_order_size(account, terms, terms.price, terms.units)?;
        let Some(known) = self.accounts.get(account) else { return Ok(()) };
        let most = i64::from(known.limits.open_orders);
        if self.accounts.open_orders(known) >= most { Err((RejectCode::TooManyOrders, most)) } else { Ok(()) }
    }

    /// Whether an order of the account may be, or become, so large: the kill switch, the units and the value.
    #[cold]
    pub(crate) fn check_order_size(
        &self,
        account: AccountId,
        terms: &NewOrder,
        price: Ticks,
        units: Units,
    ) -> Result<(), Refusal> {
        let Some(known) = self.accounts.get(account) else { return Ok(()) };
        if known.killed {
            return Err((RejectCode::AccountKilled, i64::from(account.0)));
        }
        let class = &self.classes.of(terms.contract).class;
        if units > class.spec.order_units_max {
            return Err((RejectCode::OrderTooLarge, i64::from(class.spec.order_units_max)));
        }
        let most = known.limits.order_value;
        let value = value_of_window(class, price, units, terms.slots);
        if most < Money::MAX && value.is_none_or(|value| value > most) {
            return Err((RejectCode::ValueTooLarge, most));
        }
        Ok(())
    }

    /// True if an order of so few units is within all limits whatever its price.
    #[inline(always)]
    pub(crate) fn is_small(&self, account: AccountId, spec: &ClassSpec, units: Units) -> bool {
        self.accounts.at(account).orders.has_room() && units <= spec.order_units_max
    }

    /// Operator: how much an account may have open from now on. What is open already stays.
    pub(crate) fn set_limits(
        &mut self,
        by: By<'_>,
        account: AccountId,
        limits: Limits,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        check_ranges(limits)?;
        let set = self.accounts.set_limits(account, limits);
        let set = set.ok_or((RejectCode::UnknownAccount, i64::from(account.0)))?;
        out.state.push(StateEvent::Account(set));
        self.answer(by, ReportBody::LimitsSet { account, limits }, out);
        Ok(())
    }
}

/// Whether limits are in their ranges.
pub(crate) fn check_ranges(limits: Limits) -> Result<(), Refusal> {
    let Limits { open_orders, open_blocks, order_value } = limits;
    for number in [open_orders, open_blocks] {
        if number > ORDERS_MAX {
            return Err((RejectCode::LimitOutOfRange, i64::from(number)));
        }
    }
    if order_value < 0 { Err((RejectCode::LimitOutOfRange, order_value)) } else { Ok(()) }
}
