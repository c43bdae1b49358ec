//! The operator's desk, deposits, and what a key changes of itself: classes, accounts, keys, cash and capacity.

use crate::engine::{By, Engine, Refusal};
use crate::{ACCOUNTS_MAX, CURRENCIES_MAX, KEYS_MAX};
use std::collections::BTreeMap;
use types::{
    AccountId, AccountName, CLASSES_MAX, ClassSpec, Code, ContractId, KeyNo, Money, Output, PublicKey,
    RejectCode, ReportBody, Rights, Role, StateEvent, Timestamp, Units, check_grace, check_units,
};

/// Deposits that were taken, so that the same one again is known for what it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deposits {
    /// By account and the operator's id. Kept for good: only operators make them.
    pub(crate) cash: BTreeMap<(AccountId, u64), (Code, Money)>,
    /// By contract, account and the provider's id. Forgotten when the contract is settled.
    pub(crate) capacity: BTreeMap<(ContractId, AccountId, u64), Units>,
}

impl Engine {
    pub(crate) fn genesis(&mut self, operator: PublicKey, seed: u64, out: &mut Output) {
        if self.accounts.len() > 0 {
            return;
        }
        self.seed = seed;
        let name = "operator".parse().expect("a name in its form");
        let account = self.accounts.open(name, Role::Operator);
        let key = self.keys.register(account.id, operator, Role::Operator.rights(), Timestamp::MAX);
        // Where things lie in the indexes is no part of the state, and nobody outside knows this key.
        self.orders.set_seed(seed_of(operator));
        self.holdings.set_seed(seed_of(operator));
        out.state.extend([StateEvent::Account(account), StateEvent::Key(key)]);
    }

    pub(crate) fn define_class(
        &mut self,
        by: By<'_>,
        spec: ClassSpec,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        if !spec.is_valid() {
            return Err((RejectCode::BadClass, 0));
        }
        if let Some(listed) = self.classes.listed(&spec) {
            return Err((RejectCode::ClassListed, i64::from(listed.0)));
        }
        if self.classes.is_full() {
            return Err((RejectCode::Full, i64::from(CLASSES_MAX)));
        }
        let currency = self.accounts.add_currency(spec.currency);
        let currency =
            currency.ok_or((RejectCode::Full, i64::try_from(CURRENCIES_MAX).unwrap_or(i64::MAX)))?;
        let class = self.classes.add(spec, currency);
        out.state.push(StateEvent::Class(class));
        self.answer(by, ReportBody::ClassDefined { class: class.no }, out);
        Ok(())
    }

    pub(crate) fn open_account(
        &mut self,
        by: By<'_>,
        name: AccountName,
        role: Role,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        if let Some(taken) = self.accounts.named(name) {
            return Err((RejectCode::NameTaken, i64::from(taken.0)));
        }
        if self.accounts.len() >= ACCOUNTS_MAX as usize {
            return Err((RejectCode::Full, i64::from(ACCOUNTS_MAX)));
        }
        let account = self.accounts.open(name, role);
        out.state.push(StateEvent::Account(account));
        self.answer(by, ReportBody::AccountOpened { account: account.id }, out);
        Ok(())
    }

    pub(crate) fn register_key(
        &mut self,
        by: By<'_>,
        account: AccountId,
        public: PublicKey,
        rights: Rights,
        expires: Timestamp,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let unknown = (RejectCode::UnknownAccount, i64::from(account.0));
        let most = self.accounts.get(account).ok_or(unknown)?.role.rights();
        if !most.include(rights) {
            return Err((RejectCode::NotAllowed, i64::from(most.0)));
        }
        self.check_new_key(public)?;
        let key = self.keys.register(account, public, rights, expires);
        out.state.push(StateEvent::Key(key));
        self.answer(by, ReportBody::KeyRegistered { key: key.no, account }, out);
        Ok(())
    }

    pub(crate) fn revoke_key(&mut self, by: By<'_>, key: KeyNo, out: &mut Output) -> Result<(), Refusal> {
        let record = self.keys.revoke(key).ok_or((RejectCode::UnknownKey, i64::from(key.0)))?;
        out.state.push(StateEvent::Key(record));
        self.answer(by, ReportBody::KeyRevoked { key }, out);
        Ok(())
    }

    /// Puts a new key in the place of the sender's, whose report this still is.
    pub(crate) fn rotate_key(
        &mut self,
        by: By<'_>,
        public: PublicKey,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        self.check_new_key(public)?;
        let old = by.sender.key;
        let rotated = self.keys.rotate(old, public).ok_or((RejectCode::UnknownKey, i64::from(old.0)))?;
        out.state.extend(rotated.map(StateEvent::Key));
        self.answer(by, ReportBody::KeyRotated { key: rotated[1].no }, out);
        Ok(())
    }

    pub(crate) fn cancel_on_disconnect(
        &mut self,
        by: By<'_>,
        grace: u32,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        check_grace(grace)?;
        let key = by.sender.key;
        let record = self.keys.set_grace(key, grace).ok_or((RejectCode::UnknownKey, i64::from(key.0)))?;
        out.state.push(StateEvent::Key(record));
        self.answer(by, ReportBody::CancelOnDisconnectSet { grace }, out);
        Ok(())
    }

    /// Whether there is room for one more key and nobody has registered this one.
    fn check_new_key(&self, public: PublicKey) -> Result<(), Refusal> {
        if let Some(listed) = self.keys.with_public(public) {
            return Err((RejectCode::KeyListed, i64::from(listed.0)));
        }
        if self.keys.len() >= KEYS_MAX as usize {
            return Err((RejectCode::Full, i64::from(KEYS_MAX)));
        }
        Ok(())
    }

    pub(crate) fn deposit_cash(
        &mut self,
        by: By<'_>,
        account: AccountId,
        currency: Code,
        amount: Money,
        external: u64,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        if amount < 1 {
            return Err((RejectCode::BadField, amount));
        }
        self.accounts.get(account).ok_or((RejectCode::UnknownAccount, i64::from(account.0)))?;
        let index = self.accounts.currency(currency).ok_or((RejectCode::UnknownCurrency, 0))?;
        let credited = match self.deposits.cash.get(&(account, external)) {
            Some(&there) if there == (currency, amount) => 0,
            Some(&(_, there)) => return Err((RejectCode::DepositDiffers, there)),
            None => amount,
        };
        if credited > 0 {
            let total = self.accounts.deposited[index].checked_add(amount);
            self.accounts.deposited[index] = total.ok_or((RejectCode::TooLarge, amount))?;
            self.accounts.cash_mut(account, index).free += amount;
            self.deposits.cash.insert((account, external), (currency, amount));
            self.tell(account, ReportBody::CashDeposited { currency, amount, external }, out);
        }
        self.answer(by, ReportBody::CashCredited { account, currency, amount: credited, external }, out);
        Ok(())
    }

    pub(crate) fn deposit_capacity(
        &mut self,
        by: By<'_>,
        contract: ContractId,
        units: Units,
        external: u64,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        check_units(units)?;
        self.check_open(contract)?;
        let credited = match self.deposits.capacity.get(&(contract, by.account, external)) {
            Some(&there) if there == units => 0,
            Some(&there) => return Err((RejectCode::DepositDiffers, i64::from(there))),
            None => units,
        };
        if credited > 0 {
            self.holdings.check_room(self.orders.slab.len() + self.blocks.legs())?;
            let at = self.touch(contract, out)?;
            let record = self.contracts.at_mut(at);
            let total = record.deposited.checked_add(units);
            record.deposited = total.ok_or((RejectCode::TooLarge, i64::from(units)))?;
            self.holdings.credit(by.account, contract, &mut record.holders, units);
            self.deposits.capacity.insert((contract, by.account, external), units);
        }
        self.answer(by, ReportBody::CapacityDeposited { contract, units: credited, external }, out);
        Ok(())
    }
}

impl Deposits {
    /// Forgets one capacity deposit of a settled contract; false if there is none left.
    pub(crate) fn forget_one(&mut self, contract: ContractId) -> bool {
        let from = (contract, AccountId(0), 0);
        let first = self.capacity.range(from..).next().map(|(&key, _)| key).filter(|key| key.0 == contract);
        first.is_some_and(|key| self.capacity.remove(&key).is_some())
    }
}

/// What the indexes of an exchange with this first key mix into their hashes.
pub(crate) fn seed_of(public: PublicKey) -> [u64; 2] {
    let number = |part: usize| {
        let bytes = public.0[8 * part..8 * (part + 1)].try_into().expect("8 of 32 bytes");
        u64::from_le_bytes(bytes)
    };
    [number(0), number(1)]
}
