//! Accounts as they are saved, and back.

use super::{AccountRecord, Accounts};
use crate::funds::Balance;
use crate::save::Saved;
use types::{Account, AccountId, Code, Money};

impl Accounts {
    /// Who there is.
    pub(crate) fn save(&self, each: &mut impl FnMut(Saved)) {
        let Accounts { records, opened, cash: _, by_name: _, currencies: _, deposited: _, fees: _ } = self;
        for (&account, record) in opened.iter().zip(records) {
            let &AccountRecord { reports, orders: _, cash: _ } = record;
            each(Saved::Account { account, reports });
        }
    }

    /// The currencies, and who has what of them.
    pub(crate) fn save_cash(&self, each: &mut impl FnMut(Saved)) {
        for (index, &currency) in self.currencies.iter().enumerate() {
            each(Saved::Currency { currency, deposited: self.deposited[index], fees: self.fees[index] });
        }
        for &Account { id: account, .. } in &self.opened {
            for (index, &currency) in self.currencies.iter().enumerate() {
                let Balance { free, reserved } = self.cash(account, index);
                if (free, reserved) != (0, 0) {
                    each(Saved::Cash { account, currency, free, reserved });
                }
            }
        }
    }

    /// Opens an account again, of which [`Accounts::open`] would give the next id.
    pub(crate) fn restore(&mut self, account: Account, reports: u64) {
        let Account { id, name, role, limits, killed } = account;
        let opened = self.open(name, role);
        self.set_limits(id, limits);
        self.set_killed(id, killed);
        debug_assert_eq!(opened.id, id, "the caller has checked that it is the next");
        self.at_mut(id).reports = reports;
    }

    /// Sets what was deposited and taken of the currency with this index.
    pub(crate) fn restore_currency(&mut self, index: usize, deposited: Money, fees: Money) {
        (self.deposited[index], self.fees[index]) = (deposited, fees);
    }

    /// Gives an account its cash; false if it has some of that currency already.
    pub(crate) fn restore_cash(&mut self, account: AccountId, currency: usize, cash: Balance) -> bool {
        let held = self.cash_mut(account, currency);
        let was_none = *held == Balance::default();
        *held = cash;
        was_none
    }

    /// The currency with this index.
    pub(crate) fn currency_at(&self, index: usize) -> Option<Code> {
        self.currencies.get(index).copied()
    }
}
