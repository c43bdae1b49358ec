//! The audit: a full scan that nothing was made and nothing lost.

use crate::engine::Engine;
use std::collections::BTreeMap;
use types::{AccountId, Code, Money, Side, StateEvent, reserve_of};

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
            contract
                .book
                .check(&self.orders.slab)
                .map_err(|what| AuditError::Book { contract: number, what })?;
            let sum: u64 = self
                .holdings
                .list(contract.holders)
                .map(|holding| u64::from(holding.free) + u64::from(holding.reserved))
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
            let sum = |record: &crate::accounts::AccountRecord| {
                i128::from(record.cash[index].free) + i128::from(record.cash[index].reserved)
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
        let mut state = Vec::new();
        self.emit_state(&mut state);
        let mut needed: BTreeMap<(AccountId, String), i128> = BTreeMap::new();
        let mut orders = 0;
        for event in &state {
            let StateEvent::Order(order) = event else { continue };
            orders += 1;
            let record = self.classes.of(order.contract);
            let (what, amount) = match order.side {
                Side::Buy => {
                    let reserve = reserve_of(&record.class, order.price, order.left);
                    (record.class.spec.currency.to_string(), reserve.map_or(i128::MAX, i128::from))
                }
                Side::Sell => (order.contract.0.to_string(), i128::from(order.left)),
            };
            *needed.entry((order.account, what)).or_default() += amount;
        }
        for event in &state {
            let (account, what, free, reserved) = match event {
                StateEvent::Cash { account, currency, free, reserved } => {
                    (*account, currency.to_string(), i128::from(*free), i128::from(*reserved))
                }
                StateEvent::Holding { account, contract, free, reserved } => {
                    (*account, contract.0.to_string(), i128::from(*free), i128::from(*reserved))
                }
                _ => continue,
            };
            let needed = needed.remove(&(account, what.clone())).unwrap_or(0);
            if free < 0 || reserved != needed {
                return Err(AuditError::Reserved { account, what, reserved, needed });
            }
        }
        if let Some(((account, what), needed)) = needed.pop_first() {
            return Err(AuditError::Reserved { account, what, reserved: 0, needed });
        }
        if orders != self.orders.slab.len() || orders != self.orders.numbered() {
            let what = format!("{orders} orders rest in books, {} in the slab", self.orders.slab.len());
            return Err(AuditError::Book { contract: 0, what });
        }
        Ok(())
    }
}
