//! Answers to questions: the state of an account, and who is who.

use types::{Account, AccountId, Code, ContractId, Key, Money, OpenOrder, Sequence, Units};

/// An account as it was right after one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Whose.
    pub account: AccountId,
    /// The command after which this is true.
    pub sequence: Sequence,
    /// The account's newest report then, 0 for none.
    pub last_report: u64,
    /// Who it is, how much it may have open, and whether it is stopped; `None` if the exchange did not say.
    pub profile: Option<Account>,
    /// Its cash, one entry for every currency it has had any of.
    pub cash: Vec<Cash>,
    /// Its units, one entry for every contract it holds any of.
    pub holdings: Vec<Holding>,
    /// Its open orders.
    pub orders: Vec<OpenOrder>,
}

/// Who is who on the exchange, right after one command: what the operator sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// The command after which this is true.
    pub sequence: Sequence,
    /// All accounts.
    pub accounts: Vec<Account>,
    /// All keys, with the revoked ones.
    pub keys: Vec<Key>,
    /// All cash.
    pub cash: Vec<Cash>,
}

/// An account's cash in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cash {
    /// Whose.
    pub account: AccountId,
    /// Of which currency.
    pub currency: Code,
    /// What it can use.
    pub free: Money,
    /// What its buy orders hold.
    pub reserved: Money,
}

/// An account's units of one contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Whose.
    pub account: AccountId,
    /// Of what.
    pub contract: ContractId,
    /// What it can sell.
    pub free: Units,
    /// What its sell orders hold.
    pub reserved: Units,
}

impl AccountState {
    /// The free and the reserved cash in one currency, 0 if there is none.
    #[must_use]
    pub fn cash_in(&self, currency: Code) -> (Money, Money) {
        self.cash
            .iter()
            .find(|cash| cash.currency == currency)
            .map_or((0, 0), |cash| (cash.free, cash.reserved))
    }

    /// The free and the reserved units of one contract, 0 if there are none.
    #[must_use]
    pub fn units_of(&self, contract: ContractId) -> (Units, Units) {
        self.holdings
            .iter()
            .find(|holding| holding.contract == contract)
            .map_or((0, 0), |holding| (holding.free, holding.reserved))
    }
}
