//! Holdings: which account has how many units of which contract.

mod saved;

use crate::engine::Refusal;
use crate::funds::Balance;
use crate::index::{Index, Name, PLACES_MAX};
use crate::slab::NIL;
use types::{AccountId, ContractId, RejectCode, Units};

/// An account's units of a contract: never more than were deposited of it, which are counted in 32 bits.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(crate) struct Holding {
    pub(crate) account: AccountId,
    pub(crate) contract: ContractId,
    pub(crate) balance: Balance,
    /// The next holding of the same contract, or `NIL`.
    pub(crate) next: u32,
}

/// All holdings, found by account and contract, and listed per contract for its settlement. A holding stays at
/// its place until its contract is settled, so an order can keep the place of the one it stands on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Holdings {
    records: Vec<Holding>,
    free: Vec<u32>,
    by_name: Index,
}

impl Holdings {
    /// Where the account's holding of the contract lies.
    #[inline(always)]
    pub(crate) fn find(&self, account: AccountId, contract: ContractId) -> Option<u32> {
        let is_it = |at: u32| {
            let holding = &self.records[at as usize];
            holding.account == account && holding.contract == contract
        };
        self.by_name.find(name(account, contract), is_it)
    }

    /// The holding at a place that an order keeps.
    #[inline(always)]
    pub(crate) fn at_mut(&mut self, at: u32) -> &mut Holding {
        &mut self.records[at as usize]
    }

    #[inline(always)]
    pub(crate) fn at(&self, at: u32) -> &Holding {
        &self.records[at as usize]
    }

    /// Adds free units to the account's holding and says where it lies; a new one if there is none. `holders` is
    /// the head of the contract's list.
    #[inline(always)]
    pub(crate) fn credit(
        &mut self,
        account: AccountId,
        contract: ContractId,
        holders: &mut u32,
        units: Units,
    ) -> u32 {
        let at = match self.find(account, contract) {
            Some(at) => at,
            None => self.add(account, contract, holders),
        };
        self.at_mut(at).balance.free += i64::from(units);
        at
    }

    /// Whether there is room for a new holding for each open order, and one more.
    #[inline(always)]
    pub(crate) fn check_room(&self, open_orders: usize) -> Result<(), Refusal> {
        if self.by_name.len() + open_orders < PLACES_MAX as usize {
            return Ok(());
        }
        Err((RejectCode::Full, i64::from(PLACES_MAX)))
    }

    /// Takes the first holding out of a contract's list and forgets it.
    pub(crate) fn pop(&mut self, holders: &mut u32) -> Option<Holding> {
        if *holders == NIL {
            return None;
        }
        let holding = self.records[*holders as usize];
        self.by_name.remove(name(holding.account, holding.contract), *holders);
        self.free.push(*holders);
        *holders = holding.next;
        Some(holding)
    }

    /// The holdings of a contract, in the order of its list.
    pub(crate) fn list(&self, holders: u32) -> impl Iterator<Item = &Holding> {
        let at = move |at: u32| (at != NIL).then(|| &self.records[at as usize]);
        std::iter::successors(at(holders), move |holding| at(holding.next))
    }

    /// See [`Index::set_seed`].
    pub(crate) fn set_seed(&mut self, seed: [u64; 2]) {
        self.by_name.set_seed(seed);
    }

    #[cold]
    fn add(&mut self, account: AccountId, contract: ContractId, holders: &mut u32) -> u32 {
        let holding = Holding { account, contract, balance: Balance::default(), next: *holders };
        let at = match self.free.pop() {
            Some(at) => {
                self.records[at as usize] = holding;
                at
            }
            None => {
                self.records.push(holding);
                u32::try_from(self.records.len() - 1).expect("bounded by the room that is checked before")
            }
        };
        let records = &self.records;
        self.by_name.insert(name(account, contract), at, |at| name_at(records, at));
        *holders = at;
        at
    }
}

impl Holding {
    pub(crate) fn free_units(&self) -> Units {
        Units::try_from(self.balance.free).expect("no more than were deposited")
    }

    pub(crate) fn reserved_units(&self) -> Units {
        Units::try_from(self.balance.reserved).expect("no more than were deposited")
    }
}

#[inline(always)]
fn name(account: AccountId, contract: ContractId) -> Name {
    Name { owner: account.0, number: u64::from(contract.0) }
}

fn name_at(records: &[Holding], at: u32) -> Name {
    let holding = &records[at as usize];
    name(holding.account, holding.contract)
}
