//! Limits and the kill switch, naively.

use engine::ORDERS_MAX;
use types::{AccountId, Limits, Money, NewOrder, RejectCode, ReportBody, Sender, StateEvent, Ticks, Units};

use super::{Outcome, Reference};

impl Reference {
    pub(super) fn check_limits(&self, account: AccountId, terms: &NewOrder) -> Outcome {
        self.check_size(account, terms, terms.price, terms.units)?;
        let most = self.account(account).limits.open_orders;
        let open = self.orders.iter().filter(|order| order.account == account).count();
        if open as u64 >= u64::from(most) {
            Err((RejectCode::TooManyOrders, i64::from(most)))
        } else {
            Ok(())
        }
    }

    /// Whether an order may be so large.
    pub(super) fn check_size(
        &self,
        account: AccountId,
        terms: &NewOrder,
        price: Ticks,
        units: Units,
    ) -> Outcome {
        let record = self.account(account);
        if record.killed {
            return Err((RejectCode::AccountKilled, i64::from(account.0)));
        }
        let spec = self.class_of(terms.contract).spec;
        if units > spec.order_units_max {
            return Err((RejectCode::OrderTooLarge, i64::from(spec.order_units_max)));
        }
        let most = record.limits.order_value;
        let value = self.value(terms.contract, price, units) * i128::from(terms.slots);
        if most != Money::MAX && value > i128::from(most) {
            return Err((RejectCode::ValueTooLarge, most));
        }
        Ok(())
    }

    pub(super) fn set_limits(&mut self, sender: Sender, account: AccountId, limits: Limits) -> Outcome {
        for number in [limits.open_orders, limits.open_blocks] {
            if number > ORDERS_MAX {
                return Err((RejectCode::LimitOutOfRange, i64::from(number)));
            }
        }
        if limits.order_value < 0 {
            return Err((RejectCode::LimitOutOfRange, limits.order_value));
        }
        self.change_account(account, |record| record.limits = limits)?;
        self.answer(sender, ReportBody::LimitsSet { account, limits });
        Ok(())
    }

    pub(super) fn set_kill_switch(&mut self, sender: Sender, account: AccountId, on: bool) -> Outcome {
        self.change_account(account, |record| record.killed = on)?;
        self.answer(sender, ReportBody::KillSwitchSet { account, on });
        if on {
            self.kill_orders(account);
        }
        Ok(())
    }

    fn account(&self, account: AccountId) -> &types::Account {
        self.accounts.iter().find(|record| record.id == account).unwrap()
    }

    fn change_account(&mut self, account: AccountId, change: impl FnOnce(&mut types::Account)) -> Outcome {
        let record = self.accounts.iter_mut().find(|record| record.id == account);
        let record = record.ok_or((RejectCode::UnknownAccount, i64::from(account.0)))?;
        change(record);
        self.out.state.push(StateEvent::Account(*record));
        Ok(())
    }
}
