//! Restoring who is who and who has what: classes, accounts, keys, cash, contracts, units, deposits.

use super::error::{at_most, conflict, in_range, is_next, twice, unknown};
use super::{COUNT_MAX, RestoreError};
use crate::class_index::Traded;
use crate::contracts::SavedContract;
use crate::engine::Engine;
use crate::funds::Balance;
use crate::limits::check_ranges;
use crate::operator::seed_of;
use crate::{ACCOUNTS_MAX, CURRENCIES_MAX, KEYS_MAX};
use types::{
    Account, AccountId, CLASSES_MAX, Class, ClassNo, Code, ContractId, GRACE_MAX, INDEX_HOURS, Key, KeyNo,
    Money, PRICE_MAX, Phase, Scope, Timestamp, UNITS_MAX, Units,
};

impl Engine {
    pub(super) fn restore_class(&mut self, class: Class) -> Result<(), RestoreError> {
        let Class { no, spec } = class;
        let next = self.classes.iter().count();
        is_next("class", u64::from(no.0), next as u64)?;
        in_range("class", u64::from(no.0), 0, u64::from(CLASSES_MAX) - 1)?;
        if !spec.is_valid() {
            return Err(conflict("class", no.0, "terms in their ranges"));
        }
        if self.classes.listed(&spec).is_some() {
            return Err(twice("class", format!("{}-{}", spec.model, spec.region)));
        }
        let currency = self.accounts.add_currency(spec.currency);
        let Some(currency) = currency else {
            return Err(conflict("currency", spec.currency, "no more than 4 currencies"));
        };
        self.classes.add(spec, currency);
        Ok(())
    }

    pub(super) fn restore_account(&mut self, account: Account, reports: u64) -> Result<(), RestoreError> {
        let next = self.accounts.len() as u64 + 1;
        is_next("account", u64::from(account.id.0), next)?;
        at_most("account", next, u64::from(ACCOUNTS_MAX))?;
        at_most("number of reports", reports, COUNT_MAX)?;
        if self.accounts.named(account.name).is_some() {
            return Err(twice("account", account.name));
        }
        if check_ranges(account.limits).is_err() {
            return Err(conflict("account", account.id, "limits in their ranges"));
        }
        self.accounts.restore(account, reports);
        Ok(())
    }

    pub(super) fn restore_key(&mut self, key: Key) -> Result<(), RestoreError> {
        let next = self.keys.len() as u64 + 1;
        is_next("key", u64::from(key.no.0), next)?;
        at_most("key", next, u64::from(KEYS_MAX))?;
        let account = self.accounts.get(key.account);
        let account = account.ok_or_else(|| unknown("account", key.account, "a key"))?;
        if !account.role.rights().include(key.rights) {
            return Err(conflict("key", key.no, "no more rights than its account has"));
        }
        if self.keys.with_public(key.public).is_some() {
            return Err(twice("public key", key.public));
        }
        in_range("grace of a key", key.grace, 0, GRACE_MAX)?;
        let is_origin = |origin: KeyNo| {
            let record = self.keys.get(origin);
            record.is_some_and(|record| record.account == key.account) && self.keys.origin(origin) == origin
        };
        if key.origin != key.no && !is_origin(key.origin) {
            return Err(conflict("origin of key", key.no, "itself, or a registered key of its account"));
        }
        if self.keys.len() == 0 {
            self.orders.set_seed(seed_of(key.public));
            self.holdings.set_seed(seed_of(key.public));
        }
        self.keys.restore(key);
        Ok(())
    }

    pub(super) fn restore_currency(
        &mut self,
        index: usize,
        currency: Code,
        deposited: Money,
        fees: Money,
    ) -> Result<(), RestoreError> {
        if self.accounts.currency_at(index) != Some(currency) {
            return Err(conflict("currency", currency, "the currencies of the classes, in their order"));
        }
        in_range("deposited cash", deposited, 0, Money::MAX)?;
        in_range("fees", fees, 0, deposited)?;
        self.accounts.restore_currency(index, deposited, fees);
        Ok(())
    }

    pub(super) fn restore_cash(
        &mut self,
        account: AccountId,
        currency: Code,
        free: Money,
        reserved: Money,
    ) -> Result<(), RestoreError> {
        self.check_account(account, "cash")?;
        let index = self.restored_currency(currency, "cash")?;
        in_range("free cash", free, 0, Money::MAX)?;
        in_range("reserved cash", reserved, 0, Money::MAX)?;
        if free == 0 && reserved == 0 {
            return Err(conflict("cash of account", account, "some, free or reserved"));
        }
        if self.accounts.restore_cash(account, index, Balance { free, reserved }) {
            return Ok(());
        }
        Err(twice("cash of account", account))
    }

    pub(super) fn restore_cash_deposit(
        &mut self,
        account: AccountId,
        external: u64,
        currency: Code,
        amount: Money,
    ) -> Result<(), RestoreError> {
        self.check_account(account, "a deposit of cash")?;
        self.restored_currency(currency, "a deposit of cash")?;
        in_range("deposit of cash", amount, 1, Money::MAX)?;
        match self.deposits.cash.insert((account, external), (currency, amount)) {
            None => Ok(()),
            Some(_) => Err(twice("deposit of cash", external)),
        }
    }

    /// Puts an hour of a class's index back.
    pub(super) fn restore_traded(&mut self, class: ClassNo, traded: Traded) -> Result<(), RestoreError> {
        let now = self.stamp.time.hour();
        in_range("hour of an index", traded.hour.0, (now.0 + 1).saturating_sub(INDEX_HOURS), now.0)?;
        in_range("units of an hour", traded.units, 1, u64::MAX)?;
        // The average is a price.
        let most = u128::from(traded.units) * u128::from(PRICE_MAX.unsigned_abs());
        in_range("value of an hour", i128::from(traded.ticks), i128::from(traded.units), most.cast_signed())?;
        let record = self.classes.get_mut(class);
        let record = record.ok_or_else(|| unknown("class", class.0, "an hour of an index"))?;
        if record.index.restore(traded) {
            return Ok(());
        }
        Err(twice("hour of the index of class", class.0))
    }

    pub(super) fn restore_halt(&mut self, scope: Scope) -> Result<(), RestoreError> {
        let class = match scope {
            Scope::All => None,
            Scope::Class(class) => Some(class),
            Scope::Contract(contract) => Some(contract.class()),
        };
        if let Some(class) = class.filter(|&class| self.classes.get(class).is_none()) {
            return Err(unknown("class", class.0, "a halt"));
        }
        if self.halts.set(scope) { Ok(()) } else { Err(twice("halt of", format!("{scope:?}"))) }
    }

    pub(super) fn restore_contract(&mut self, saved: &SavedContract) -> Result<(), RestoreError> {
        let &SavedContract { id, phase, until, indicative, last_event, last_price, auction_price } = saved;
        let record = self.classes.get(id.class());
        let class = record.ok_or_else(|| unknown("class", id.class().0, "a contract"))?.class;
        if !class.is_aligned(id.start()) {
            return Err(conflict("contract", id.0, "a slot of its class"));
        }
        at_most("last event of a contract", last_event, self.stamp.sequence)?;
        in_range("last price", last_price, 0, PRICE_MAX)?;
        in_range("auction price", auction_price, 0, PRICE_MAX)?;
        let began = match phase {
            Phase::PreOpen | Phase::Auction | Phase::Continuous | Phase::Halted => 0,
            Phase::Closed => class.gate(id).0,
            Phase::InDelivery => id.start().starts().0,
            Phase::Settled => return Err(conflict("contract", id.0, "a phase before it is settled")),
        };
        at_most("begin of a contract's phase", began, self.calendar.clock().0)?;
        if until < Timestamp::MAX && !phase.is_call() {
            return Err(conflict("contract", id.0, "an end of its call only in a call"));
        }
        if indicative < Timestamp::MAX && phase != Phase::Auction {
            return Err(conflict("contract", id.0, "an indicative price only in the call of an auction"));
        }
        match self.contracts.restore(&mut self.classes, saved) {
            Some(_) => Ok(()),
            None => Err(twice("place in the calendar of contract", id.0)),
        }
    }

    pub(super) fn restore_holding(
        &mut self,
        account: AccountId,
        contract: ContractId,
        free: Units,
        reserved: Units,
    ) -> Result<(), RestoreError> {
        self.check_account(account, "a holding")?;
        let at = self.contracts.find(&self.classes, contract);
        let at = at.ok_or_else(|| unknown("contract", contract.0, "a holding"))?;
        if self.holdings.find(account, contract).is_some() {
            return Err(twice("holding of account", account));
        }
        if self.holdings.room(0) == 0 {
            return Err(conflict("holding of account", account, "no more holdings than there is room for"));
        }
        let record = self.contracts.at_mut(at);
        let sum = u64::from(record.deposited) + u64::from(free) + u64::from(reserved);
        at_most("units of a contract", sum, u64::from(u32::MAX))?;
        record.deposited += free + reserved;
        let holding = self.holdings.credit(account, contract, &mut record.holders, free);
        self.holdings.at_mut(holding).balance.reserved = i64::from(reserved);
        Ok(())
    }

    pub(super) fn restore_capacity_deposit(
        &mut self,
        contract: ContractId,
        account: AccountId,
        external: u64,
        units: Units,
    ) -> Result<(), RestoreError> {
        self.check_account(account, "a deposit of capacity")?;
        if self.contracts.find(&self.classes, contract).is_none() {
            return Err(unknown("contract", contract.0, "a deposit of capacity"));
        }
        in_range("deposit of capacity", units, 1, UNITS_MAX)?;
        match self.deposits.capacity.insert((contract, account, external), units) {
            None => Ok(()),
            Some(_) => Err(twice("deposit of capacity", external)),
        }
    }

    /// What was deposited in all is what the single deposits come to. Of a contract that is being delivered the units
    /// go first, then the deposits.
    pub(super) fn check_deposits(&self) -> Result<(), RestoreError> {
        let mut cash = [0; CURRENCIES_MAX];
        for (currency, amount) in self.deposits.cash.values() {
            cash[self.restored_currency(*currency, "a deposit of cash")?] += i128::from(*amount);
        }
        for (deposited, sum) in self.accounts.deposited.into_iter().zip(cash) {
            is_next("cash deposited", i128::from(deposited), sum)?;
        }
        for contract in self.contracts.sorted() {
            let from = (contract.id, AccountId(0), 0);
            let to = (contract.id, AccountId(u32::MAX), u64::MAX);
            let sum: u64 = self.deposits.capacity.range(from..=to).map(|(_, units)| u64::from(*units)).sum();
            let is_delivered = self.calendar.delivers(contract.id);
            if !is_delivered {
                is_next("units deposited", u64::from(contract.deposited), sum)?;
            } else if contract.deposited > 0 {
                at_most("units to be delivered", u64::from(contract.deposited), sum)?;
            }
        }
        Ok(())
    }

    pub(super) fn check_account(&self, account: AccountId, by: &'static str) -> Result<(), RestoreError> {
        self.accounts.get(account).map(|_| ()).ok_or_else(|| unknown("account", account, by))
    }

    fn restored_currency(&self, currency: Code, by: &'static str) -> Result<usize, RestoreError> {
        self.accounts.currency(currency).ok_or_else(|| unknown("currency", currency, by))
    }
}
