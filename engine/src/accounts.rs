//! Accounts: who they are, their cash, and how many reports they were sent.

use rustc_hash::FxHashMap;
use types::{Account, AccountId, AccountName, Code, Money, Role};

pub(crate) const CURRENCIES_MAX: usize = 4;

/// An account's cash in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cash {
    pub(crate) free: Money,
    pub(crate) reserved: Money,
}

#[derive(Clone, Debug)]
pub(crate) struct AccountRecord {
    pub(crate) account: Account,
    /// The number of the last report it was sent.
    pub(crate) reports: u64,
    /// By currency index.
    pub(crate) cash: [Cash; CURRENCIES_MAX],
}

/// All accounts, and the currencies their cash is in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Accounts {
    records: Vec<AccountRecord>,
    by_name: FxHashMap<AccountName, AccountId>,
    currencies: Vec<Code>,
    /// All cash ever deposited, by currency index. Bounds every balance, so none can overflow.
    pub(crate) deposited: [Money; CURRENCIES_MAX],
    /// All fees taken, by currency index.
    pub(crate) fees: [Money; CURRENCIES_MAX],
}

impl Accounts {
    pub(crate) fn get(&self, id: AccountId) -> Option<&AccountRecord> {
        self.records.get(index(id)?)
    }

    /// The record of an account that a key, an order or a holding names.
    pub(crate) fn at_mut(&mut self, id: AccountId) -> &mut AccountRecord {
        index(id)
            .and_then(|index| self.records.get_mut(index))
            .expect("only open accounts are named by state")
    }

    pub(crate) fn cash(&mut self, id: AccountId, currency: usize) -> &mut Cash {
        &mut self.at_mut(id).cash[currency]
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
        let account = Account { id, name, role };
        self.records.push(AccountRecord { account, reports: 0, cash: Default::default() });
        self.by_name.insert(name, id);
        account
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
    pub(crate) fn iter(&self) -> impl Iterator<Item = &AccountRecord> {
        self.records.iter()
    }
}

fn index(id: AccountId) -> Option<usize> {
    (id.0 as usize).checked_sub(1)
}
