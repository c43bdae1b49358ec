//! Accounts: who they are, their cash, their open orders, and how many reports they were sent.

mod saved;

use crate::engine::Stamp;
use crate::funds::Balance;
use crate::orders::OrderList;
use rustc_hash::FxHashMap;
use types::{
    Account, AccountId, AccountName, Answers, Code, Limits, Money, Output, Report, ReportBody, Role,
};

pub(crate) const CURRENCIES_MAX: usize = 4;

/// What changes of an account with every order: half a cache line, as long as it trades in the first currency.
#[derive(Clone, Debug, Default)]
#[repr(C, align(32))]
pub(crate) struct AccountRecord {
    /// The number of the last report it was sent.
    pub(crate) reports: u64,
    /// Its open orders.
    pub(crate) orders: OrderList,
    /// In the first currency.
    cash: Balance,
}

/// All accounts, and the currencies their cash is in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    records: Vec<AccountRecord>,
    /// Their cash in the other currencies, in the same order.
    cash: Vec<[Balance; CURRENCIES_MAX - 1]>,
    /// Who they are, in the same order.
    opened: Vec<Account>,
    by_name: FxHashMap<AccountName, AccountId>,
    currencies: Vec<Code>,
    /// All cash ever deposited, by currency index. Bounds every balance, so none can overflow.
    pub(crate) deposited: [Money; CURRENCIES_MAX],
    /// All fees taken, by currency index.
    pub(crate) fees: [Money; CURRENCIES_MAX],
}

impl Accounts {
    pub(crate) fn get(&self, id: AccountId) -> Option<&Account> {
        self.opened.get(index(id)?)
    }

    /// The record of an account that a key, an order or a holding names.
    #[inline(always)]
    pub(crate) fn at(&self, id: AccountId) -> &AccountRecord {
        index(id).and_then(|index| self.records.get(index)).expect("only open accounts are named by state")
    }

    #[inline(always)]
    pub(crate) fn at_mut(&mut self, id: AccountId) -> &mut AccountRecord {
        index(id)
            .and_then(|index| self.records.get_mut(index))
            .expect("only open accounts are named by state")
    }

    /// Asks the processor for the record of an account. Changes nothing but time.
    #[inline]
    pub(crate) fn prefetch(&self, id: AccountId) {
        if let Some(record) = self.records.get((id.0 as usize).wrapping_sub(1)) {
            crate::prefetch::line(record);
        }
    }

    /// An account's cash in the currency with this index.
    #[inline(always)]
    pub(crate) fn cash(&self, id: AccountId, currency: usize) -> Balance {
        if currency == 0 { self.at(id).cash } else { self.cash[id.0 as usize - 1][currency - 1] }
    }

    #[inline(always)]
    pub(crate) fn cash_mut(&mut self, id: AccountId, currency: usize) -> &mut Balance {
        if currency == 0 {
            return &mut self.at_mut(id).cash;
        }
        &mut self.cash[id.0 as usize - 1][currency - 1]
    }

    /// Tells an account what happened to it.
    #[inline(always)]
    pub(crate) fn tell(
        &mut self,
        stamp: Stamp,
        account: AccountId,
        answers: Answers,
        body: ReportBody,
        out: &mut Output,
    ) {
        let record = self.at_mut(account);
        record.reports += 1;
        let number = record.reports;
        let Stamp { sequence, time } = stamp;
        out.reports.push(Report { account, number, sequence, time, answers, body });
    }

    pub(crate) fn named(&self, name: AccountName) -> Option<AccountId> {
        self.by_name.get(&name).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Opens an account under a name nobody has.
    pub(crate) fn open(&mut self, name: AccountName, role: Role) -> Account {
        let id =
            AccountId(u32::try_from(self.records.len() + 1).expect("accounts are bounded by ACCOUNTS_MAX"));
        let account = Account { id, name, role, limits: Limits::DEFAULT, killed: false };
        self.records.push(AccountRecord::default());
        self.at_mut(id).orders.set_most(0, room_of(&account));
        self.cash.push(Default::default());
        self.opened.push(account);
        self.by_name.insert(name, id);
        account
    }

    /// The limits of an account that a key names.
    pub(crate) fn limits(&self, id: AccountId) -> Limits {
        self.get(id).map_or(Limits::DEFAULT, |account| account.limits)
    }

    /// Sets the limits of an account; the account then, if it is open.
    pub(crate) fn set_limits(&mut self, id: AccountId, limits: Limits) -> Option<Account> {
        self.change(id, |account| account.limits = limits)
    }

    /// Sets the kill switch of an account; the account then, if it is open.
    pub(crate) fn set_killed(&mut self, id: AccountId, killed: bool) -> Option<Account> {
        self.change(id, |account| account.killed = killed)
    }

    fn change(&mut self, id: AccountId, change: impl FnOnce(&mut Account)) -> Option<Account> {
        let account = self.opened.get_mut(index(id)?)?;
        let before = room_of(account);
        change(account);
        let account = *account;
        self.at_mut(id).orders.set_most(before, room_of(&account));
        Some(account)
    }

    /// How many open orders an account has.
    pub(crate) fn open_orders(&self, account: &Account) -> i64 {
        i64::from(self.at(account.id).orders.len(room_of(account)))
    }

    pub(crate) fn currency(&self, code: Code) -> Option<usize> {
        self.currencies.iter().position(|&known| known == code)
    }

    /// The index of a currency, which is added if there is room; `None` if not.
    pub(crate) fn add_currency(&mut self, code: Code) -> Option<usize> {
        if let Some(index) = self.currency(code) {
            return Some(index);
        }
        (self.currencies.len() < CURRENCIES_MAX).then(|| {
            self.currencies.push(code);
            self.currencies.len() - 1
        })
    }

    pub(crate) fn currencies(&self) -> &[Code] {
        &self.currencies
    }

    /// All accounts in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Account, &AccountRecord)> {
        self.opened.iter().zip(&self.records)
    }
}

/// How many orders an account may have; far below nothing if there is more to check of each, so that one look tells
/// most orders that they are within all limits of their account.
pub(crate) fn room_of(account: &Account) -> i32 {
    let most = i32::try_from(account.limits.open_orders).expect("at most ORDERS_MAX");
    let is_checked = account.killed || account.limits.order_value < Money::MAX;
    if is_checked { most - (1 << 30) } else { most }
}

#[inline(always)]
fn index(id: AccountId) -> Option<usize> {
    (id.0 as usize).checked_sub(1)
}
