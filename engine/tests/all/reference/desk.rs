//! The operator's desk and deposits, naively.

use engine::CURRENCIES_MAX;
use types::{
    Account, AccountId, AccountName, CLASSES_MAX, Class, ClassNo, ClassSpec, Code, ContractId, Key, KeyNo,
    Limits, Money, PublicKey, RejectCode, ReportBody, Rights, Role, Sender, StateEvent, Timestamp, UNITS_MAX,
    Units,
};

use super::{CashDeposit, Outcome, Reference};

impl Reference {
    pub(super) fn genesis(&mut self, public: PublicKey, seed: u64) {
        if self.accounts.is_empty() {
            self.seed = seed;
            let account = self.add_account("operator".parse().unwrap(), Role::Operator);
            self.add_key(account, public, Rights(1 | 8), Timestamp::MAX);
        }
    }

    pub(super) fn define_class(&mut self, sender: Sender, spec: ClassSpec) -> Outcome {
        if !spec.is_valid() {
            return Err((RejectCode::BadClass, 0));
        }
        let is_same = |class: &&Class| (class.spec.model, class.spec.region) == (spec.model, spec.region);
        if let Some(class) = self.classes.iter().find(is_same) {
            return Err((RejectCode::ClassListed, i64::from(class.no.0)));
        }
        if self.classes.len() == usize::from(CLASSES_MAX) {
            return Err((RejectCode::Full, i64::from(CLASSES_MAX)));
        }
        let currencies = self.currencies();
        if !currencies.contains(&spec.currency) && currencies.len() == CURRENCIES_MAX {
            return Err((RejectCode::Full, i64::try_from(CURRENCIES_MAX).unwrap()));
        }
        let class = Class { no: ClassNo(u16::try_from(self.classes.len()).unwrap()), spec };
        self.classes.push(class);
        self.out.state.push(StateEvent::Class(class));
        self.answer(sender, ReportBody::ClassDefined { class: class.no });
        Ok(())
    }

    pub(super) fn open_account(&mut self, sender: Sender, name: AccountName, role: Role) -> Outcome {
        if let Some(account) = self.accounts.iter().find(|account| account.name == name) {
            return Err((RejectCode::NameTaken, i64::from(account.id.0)));
        }
        let account = self.add_account(name, role);
        self.answer(sender, ReportBody::AccountOpened { account });
        Ok(())
    }

    pub(super) fn register_key(
        &mut self,
        sender: Sender,
        account: AccountId,
        public: PublicKey,
        rights: Rights,
        expires: Timestamp,
    ) -> Outcome {
        let Some(record) = self.accounts.iter().find(|record| record.id == account) else {
            return Err((RejectCode::UnknownAccount, i64::from(account.0)));
        };
        let most: u8 = match record.role {
            Role::Broker => 1 | 2,
            Role::Provider => 1 | 2 | 4,
            Role::Analyst => 1,
            Role::Operator => 1 | 8,
        };
        if rights.0 & !most != 0 {
            return Err((RejectCode::NotAllowed, i64::from(most)));
        }
        if let Some(key) = self.keys.iter().find(|key| key.public == public) {
            return Err((RejectCode::KeyListed, i64::from(key.no.0)));
        }
        let key = self.add_key(account, public, rights, expires);
        self.answer(sender, ReportBody::KeyRegistered { key, account });
        Ok(())
    }

    pub(super) fn revoke_key(&mut self, sender: Sender, no: KeyNo) -> Outcome {
        let Some(key) = self.keys.iter_mut().find(|key| key.no == no) else {
            return Err((RejectCode::UnknownKey, i64::from(no.0)));
        };
        key.revoked = true;
        self.out.state.push(StateEvent::Key(*key));
        self.answer(sender, ReportBody::KeyRevoked { key: no });
        Ok(())
    }

    pub(super) fn rotate_key(&mut self, sender: Sender, public: PublicKey) -> Outcome {
        if let Some(key) = self.keys.iter().find(|key| key.public == public) {
            return Err((RejectCode::KeyListed, i64::from(key.no.0)));
        }
        let no = KeyNo(u32::try_from(self.keys.len()).unwrap() + 1);
        let old = self.keys.iter_mut().find(|key| key.no == sender.key).unwrap();
        let new = Key { no, public, taken: [0, 0], ..*old };
        (old.revoked, old.grace) = (true, 0);
        let old = *old;
        self.keys.push(new);
        self.out.state.extend([StateEvent::Key(old), StateEvent::Key(new)]);
        self.answer(sender, ReportBody::KeyRotated { key: no });
        Ok(())
    }

    pub(super) fn cancel_on_disconnect(&mut self, sender: Sender, grace: u32) -> Outcome {
        if grace > 24 * 60 * 60 {
            return Err((RejectCode::GraceOutOfRange, i64::from(grace)));
        }
        let key = self.keys.iter_mut().find(|key| key.no == sender.key).unwrap();
        key.grace = grace;
        self.out.state.push(StateEvent::Key(*key));
        self.answer(sender, ReportBody::CancelOnDisconnectSet { grace });
        Ok(())
    }

    pub(super) fn deposit_cash(
        &mut self,
        sender: Sender,
        account: AccountId,
        currency: Code,
        amount: Money,
        external: u64,
    ) -> Outcome {
        if amount < 1 {
            return Err((RejectCode::BadField, amount));
        }
        if !self.accounts.iter().any(|record| record.id == account) {
            return Err((RejectCode::UnknownAccount, i64::from(account.0)));
        }
        if !self.currencies().contains(&currency) {
            return Err((RejectCode::UnknownCurrency, 0));
        }
        let is_same = |there: &&CashDeposit| there.account == account && there.external == external;
        let mut credited = 0;
        match self.cash_deposits.iter().find(is_same) {
            Some(there) if there.currency != currency || there.amount != amount => {
                return Err((RejectCode::DepositDiffers, there.amount));
            }
            Some(_) => {}
            None => {
                let all = self.cash_deposits.iter().filter(|there| there.currency == currency);
                let all: i128 = all.map(|there| i128::from(there.amount)).sum();
                if i64::try_from(all + i128::from(amount)).is_err() {
                    return Err((RejectCode::TooLarge, amount));
                }
                self.cash_deposits.push(CashDeposit { account, external, currency, amount });
                *self.cash.entry((account, currency)).or_default() += i128::from(amount);
                self.report(account, None, ReportBody::CashDeposited { currency, amount, external });
                credited = amount;
            }
        }
        self.answer(sender, ReportBody::CashCredited { account, currency, amount: credited, external });
        Ok(())
    }

    pub(super) fn deposit_capacity(
        &mut self,
        sender: Sender,
        contract: ContractId,
        units: Units,
        external: u64,
    ) -> Outcome {
        let account = self.account_of(sender);
        if !(1..=UNITS_MAX).contains(&units) {
            return Err((RejectCode::UnitsOutOfRange, i64::from(units)));
        }
        self.check_open(contract)?;
        let deposits = self.contracts.get(&contract).map_or(&[][..], |record| &record.deposits);
        let mut credited = 0;
        match deposits.iter().find(|(by, id, _)| *by == account && *id == external) {
            Some(&(_, _, there)) if there != units => {
                return Err((RejectCode::DepositDiffers, i64::from(there)));
            }
            Some(_) => {}
            None => {
                let all: u64 = deposits.iter().map(|(_, _, units)| u64::from(*units)).sum();
                if all + u64::from(units) > u64::from(u32::MAX) {
                    return Err((RejectCode::TooLarge, i64::from(units)));
                }
                self.touch(contract)?;
                self.contracts.get_mut(&contract).unwrap().deposits.push((account, external, units));
                self.move_units(contract, account, i128::from(units));
                credited = units;
            }
        }
        self.answer(sender, ReportBody::CapacityDeposited { contract, units: credited, external });
        Ok(())
    }

    fn add_account(&mut self, name: AccountName, role: Role) -> AccountId {
        let id = AccountId(u32::try_from(self.accounts.len()).unwrap() + 1);
        let account = Account { id, name, role, limits: Limits::DEFAULT, killed: false };
        self.accounts.push(account);
        self.out.state.push(StateEvent::Account(account));
        id
    }

    fn add_key(
        &mut self,
        account: AccountId,
        public: PublicKey,
        rights: Rights,
        expires: Timestamp,
    ) -> KeyNo {
        let no = KeyNo(u32::try_from(self.keys.len()).unwrap() + 1);
        let (taken, grace) = ([0, 0], 0);
        let key = Key { no, account, public, rights, expires, revoked: false, taken, grace, origin: no };
        self.keys.push(key);
        self.out.state.push(StateEvent::Key(key));
        no
    }
}
