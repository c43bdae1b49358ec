//! The audit: a full scan that nothing was made and nothing lost.

use crate::accounts::AccountRecord;
use crate::engine::Engine;
use crate::funds::Balance;
use rustc_hash::FxHashMap;
use std::fmt;
use types::{
    Account, AccountId, Code, ContractId, Money, OpenOrder, Phase, Side, TimeInForce, reserve_of_window,
};

/// What the exchange holds in all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Cash, by currency.
    pub currencies: Vec<CurrencyTotals>,
    /// Units held of contracts not yet settled.
    pub units_held: u64,
    /// Open orders.
    pub open_orders: u64,
    /// Contracts touched and not settled.
    pub contracts: u64,
}

/// The cash of one currency: `deposited = held + fees`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// Which.
    pub currency: Code,
    /// Ever deposited.
    pub deposited: Money,
    /// In the accounts, free and reserved.
    pub held: Money,
    /// Taken as fees.
    pub fees: Money,
}

/// What does not add up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// Cash was made or lost.
    #[error(
        "{currency}: {deposited} millionths were deposited, but accounts hold {held} and fees took {fees}"
    )]
    Cash {
        /// Of which currency.
        currency: Code,
        /// Ever deposited.
        deposited: Money,
        /// In the accounts.
        held: i128,
        /// Taken as fees.
        fees: Money,
    },
    /// Units were made or lost.
    #[error("contract {contract}: {deposited} units were deposited, but accounts hold {held}")]
    Units {
        /// Of which contract.
        contract: u32,
        /// Ever deposited.
        deposited: u32,
        /// In the accounts.
        held: u64,
    },
    /// What is reserved is not what the open orders need, or a balance is below nothing.
    #[error("account {account} has {reserved} reserved ({what}), but its open orders need {needed}")]
    Reserved {
        /// Whose.
        account: AccountId,
        /// A currency or a contract.
        what: String,
        /// What is reserved.
        reserved: i128,
        /// What should be.
        needed: i128,
    },
    /// A book is not in order.
    #[error("contract {contract}: {what}")]
    Book {
        /// Of which contract.
        contract: u32,
        /// What is wrong.
        what: String,
    },
}

/// What orders hold.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Held {
    Cash(Code),
    Units(ContractId),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Held::Cash(currency) => write!(f, "{currency}"),
            Held::Units(contract) => write!(f, "{}", contract.0),
        }
    }
}

impl Engine {
    /// Scans everything: cash and units are conserved, what is reserved is exactly what open orders need,
    /// every book is in order.
    ///
    /// # Errors
    /// The first thing that does not add up.
    pub fn audit(&self) -> Result<Totals, AuditError> {
        let mut totals = Totals { currencies: self.audit_cash()?, ..Totals::default() };
        for contract in self.contracts.sorted() {
            let number = contract.id.0;
            // Orders that gather may cross; so may those of a closed contract that have yet to end.
            let (book, slab) = (&contract.book, &self.orders.slab);
            let checked = match contract.phase {
                Phase::Continuous => book.check(slab),
                _ => book.check_crossed(slab),
            };
            checked.map_err(|what| AuditError::Book { contract: number, what })?;
            let sum: u64 = self
                .holdings
                .list(contract.holders)
                .map(|holding| u64::from(holding.free_units()) + u64::from(holding.reserved_units()))
                .sum();
            if sum != u64::from(contract.deposited) {
                return Err(AuditError::Units { contract: number, deposited: contract.deposited, held: sum });
            }
            totals.units_held += sum;
            totals.contracts += 1;
        }
        totals.open_orders = self.orders.slab.len() as u64;
        self.audit_reserved()?;
        Ok(totals)
    }

    fn audit_cash(&self) -> Result<Vec<CurrencyTotals>, AuditError> {
        let accounts = &self.accounts;
        let total = |(index, &currency): (usize, &Code)| {
            let sum = |(account, _): (&Account, &AccountRecord)| {
                let cash = accounts.cash(account.id, index);
                i128::from(cash.free) + i128::from(cash.reserved)
            };
            let held: i128 = accounts.iter().map(sum).sum();
            let (deposited, fees) = (accounts.deposited[index], accounts.fees[index]);
            match Money::try_from(held) {
                Ok(held) if held.checked_add(fees) == Some(deposited) => {
                    Ok(CurrencyTotals { currency, deposited, held, fees })
                }
                _ => Err(AuditError::Cash { currency, deposited, held, fees }),
            }
        };
        accounts.currencies().iter().enumerate().map(total).collect()
    }

    /// Compares what is reserved with what the open orders need, account by account.
    fn audit_reserved(&self) -> Result<(), AuditError> {
        let mut needed: FxHashMap<(AccountId, Held), i128> = FxHashMap::default();
        let (mut orders, mut dated) = (0, 0);
        self.each_open_order(|order| {
            orders += 1;
            dated += usize::from(matches!(order.terms.time_in_force, TimeInForce::Gtd(_)));
            self.each_needed_by(&order, |held, amount| {
                *needed.entry((order.account, held)).or_default() += amount;
            });
        });
        let mut compare = |account, held: Held, free: i64, reserved: i64| {
            let needed = needed.remove(&(account, held)).unwrap_or(0);
            let reserved = i128::from(reserved);
            if free >= 0 && reserved == needed {
                return Ok(());
            }
            Err(AuditError::Reserved { account, what: held.to_string(), reserved, needed })
        };
        for (&Account { id, .. }, _) in self.accounts.iter() {
            for (index, &currency) in self.accounts.currencies().iter().enumerate() {
                let Balance { free, reserved } = self.accounts.cash(id, index);
                compare(id, Held::Cash(currency), free, reserved)?;
            }
        }
        for contract in self.contracts.sorted() {
            for holding in self.holdings.list(contract.holders) {
                let Balance { free, reserved } = holding.balance;
                compare(holding.account, Held::Units(contract.id), free, reserved)?;
            }
        }
        let mut missing = None;
        if !needed.is_empty() {
            self.each_open_order(|order| {
                let account = order.account;
                self.each_needed_by(&order, |held, _| {
                    if let Some(&needed) = needed.get(&(account, held)) {
                        missing = missing.or(Some((account, held, needed)));
                    }
                });
            });
        }
        if let Some((account, held, needed)) = missing {
            return Err(AuditError::Reserved { account, what: held.to_string(), reserved: 0, needed });
        }
        self.audit_orders(orders, dated)
    }

    /// What an open order holds, and how much of it; of a block that sells it is something of every slot.
    fn each_needed_by(&self, order: &OpenOrder, mut each: impl FnMut(Held, i128)) {
        let terms = &order.terms;
        let class = &self.classes.of(terms.contract).class;
        match terms.side {
            Side::Buy => {
                // What is no number is more than anybody has.
                let reserve =
                    reserve_of_window(class, terms.price, order.left, terms.slots).unwrap_or(Money::MAX);
                each(Held::Cash(class.spec.currency), i128::from(reserve));
            }
            Side::Sell => {
                let legs = class.window(terms.contract, terms.slots);
                legs.for_each(|leg| each(Held::Units(leg), i128::from(order.left)));
            }
        }
    }

    /// Every open order lies in one book, sleeps or is a block, is in its account's list, is found by its number, and stands
    /// in the list of moments if it has one.
    fn audit_orders(&self, emitted: usize, dated: usize) -> Result<(), AuditError> {
        let wrong = |what| AuditError::Book { contract: 0, what };
        let mut listed = 0;
        for (account, record) in self.accounts.iter() {
            let count = self.orders.check_list(account.id, record.orders).map_err(wrong)?;
            if i64::try_from(count) != Ok(self.accounts.open_orders(account)) {
                return Err(wrong(format!(
                    "account {} does not know that it has {count} orders",
                    account.id
                )));
            }
            listed += count;
        }
        let awake: usize = self.contracts.sorted().iter().map(|contract| contract.book.len()).sum();
        let asleep = self.stops.slots().filter(|&slot| self.orders.slab.at(slot).is_asleep()).count();
        let there = self.orders.slab.len();
        let blocks = self.blocks.len();
        let counts = [emitted, awake + asleep + blocks, listed, self.orders.numbered_len()];
        if counts.iter().any(|&count| count != there) {
            let [emitted, lying, listed, numbered] = counts;
            return Err(wrong(format!(
                "{there} orders are in the slab, but {emitted} are told, {lying} lie in books, sleep or are blocks, {listed} \
                 are in the lists of their accounts and {numbered} have numbers"
            )));
        }
        let node = |slot| *self.orders.slab.at(slot);
        self.blocks.check(&self.classes, &self.contracts, node).map_err(wrong)?;
        let expiring = self.orders.expiries.len();
        if expiring != dated {
            return Err(wrong(format!(
                "{dated} orders are good till a date, but {expiring} moments are kept"
            )));
        }
        Ok(())
    }
}
