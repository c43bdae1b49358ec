//! Holdings: which account has how many units of which contract.

use crate::slab::NIL;
use rustc_hash::FxHashMap;
use types::{AccountId, ContractId, Units};

/// An account's units of a contract. `free + reserved` never exceeds what was deposited of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) account: AccountId,
    pub(crate) free: Units,
    pub(crate) reserved: Units,
    /// The next holding of the same contract, or `NIL`.
    pub(crate) next: u32,
}

/// All holdings, found by account and contract, and listed per contract for its settlement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings {
    records: Vec<Holding>,
    free: Vec<u32>,
    by_owner: FxHashMap<(AccountId, ContractId), u32>,
}

impl Holdings {
    /// What the account has free of the contract.
    pub(crate) fn free_units(&self, account: AccountId, contract: ContractId) -> Units {
        self.by_owner.get(&(account, contract)).map_or(0, |&at| self.records[at as usize].free)
    }

    /// The holding that an order or a deposit stands on.
    pub(crate) fn at_mut(&mut self, account: AccountId, contract: ContractId) -> &mut Holding {
        let at = self.by_owner.get(&(account, contract)).expect("a sell order stands on a holding");
        &mut self.records[*at as usize]
    }

    /// Adds free units, to a new holding if there is none; `holders` is the head of the contract's list.
    pub(crate) fn credit(
        &mut self,
        account: AccountId,
        contract: ContractId,
        holders: &mut u32,
        units: Units,
    ) {
        if let Some(&at) = self.by_owner.get(&(account, contract)) {
            let holding = &mut self.records[at as usize];
            holding.free = holding
                .free
                .checked_add(units)
                .expect("bounded by what was deposited of the contract, in 32 bits");
            return;
        }
        let holding = Holding { account, free: units, reserved: 0, next: *holders };
        let at = match self.free.pop() {
            Some(at) => {
                self.records[at as usize] = holding;
                at
            }
            None => {
                self.records.push(holding);
                u32::try_from(self.records.len() - 1).expect("memory ends before 2^32 holdings")
            }
        };
        self.by_owner.insert((account, contract), at);
        *holders = at;
    }

    /// Takes the first holding out of a contract's list and forgets it.
    pub(crate) fn pop(&mut self, contract: ContractId, holders: &mut u32) -> Option<Holding> {
        if *holders == NIL {
            return None;
        }
        let holding = self.records[*holders as usize];
        self.by_owner.remove(&(holding.account, contract));
        self.free.push(*holders);
        *holders = holding.next;
        Some(holding)
    }

    /// The holdings of a contract, in the order of its list.
    pub(crate) fn list(&self, holders: u32) -> impl Iterator<Item = &Holding> {
        let at = move |at: u32| (at != NIL).then(|| &self.records[at as usize]);
        std::iter::successors(at(holders), move |holding| at(holding.next))
    }
}
