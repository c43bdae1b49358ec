//! Halts: what an operator has stopped from trading. A halt is of everything, of a class or of a contract, and a
//! contract is halted while any of them covers it.
//!
//! A halt holds at once: every order is checked against all of them. That touched contracts are told halted, and told
//! to go on, is pending work, a contract a piece.

mod saved;

use crate::WORK_PER_COMMAND;
use crate::engine::{By, Engine, Refusal};
use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;
use types::{ClassNo, ContractId, Output, Phase, RejectCode, ReportBody, Scope, Side, StateEvent, Timestamp};

/// The halts that are on, and the contracts that have yet to hear of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Halts {
    all: bool,
    classes: BTreeSet<ClassNo>,
    contracts: BTreeSet<ContractId>,
    /// First come, first done.
    walks: VecDeque<Walk>,
}

/// A walk along the touched contracts of a scope, by which each comes to be halted or not, as it is then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    /// Everything or a class.
    pub(crate) scope: Scope,
    /// The contract it looked at last.
    pub(crate) after: Option<ContractId>,
}

impl Engine {
    /// True if a halt of the contract, of its class or of everything is on.
    pub(crate) fn is_halted(&self, contract: ContractId) -> bool {
        self.halts.cover(contract)
    }

    /// Operator: stops the trading of these contracts.
    pub(crate) fn halt(&mut self, by: By<'_>, scope: Scope, out: &mut Output) -> Result<(), Refusal> {
        match scope {
            Scope::Contract(contract) => {
                self.check_open(contract)?;
                self.touch(contract, out)?;
            }
            Scope::Class(_) | Scope::All => self.check_scope(scope)?,
        }
        let was_new = self.halts.set(scope);
        self.answer(by, ReportBody::Halted(scope), out);
        self.spread_halt(scope, was_new, out);
        Ok(())
    }

    /// Operator: ends the halt of exactly this scope.
    pub(crate) fn resume(&mut self, by: By<'_>, scope: Scope, out: &mut Output) -> Result<(), Refusal> {
        self.check_scope(scope)?;
        let was_there = self.halts.clear(scope);
        self.answer(by, ReportBody::Resumed(scope), out);
        self.spread_halt(scope, was_there, out);
        Ok(())
    }

    /// Lets the contracts of a scope know that a halt of it has begun or ended.
    fn spread_halt(&mut self, scope: Scope, has_changed: bool, out: &mut Output) {
        if !has_changed {
            return;
        }
        if let Scope::Contract(contract) = scope {
            self.follow_halts(contract, out);
            return;
        }
        out.state.push(StateEvent::Halt { scope, on: self.halts.has(scope) });
        self.halts.walks.push_back(Walk { scope, after: None });
        for _ in 0..WORK_PER_COMMAND {
            if !self.work_on_auctions(out) {
                break;
            }
        }
    }

    /// Does one piece of the first walk: looks at one contract, or finds that there is none left. False if there is
    /// no walk.
    pub(crate) fn work_on_halts(&mut self, out: &mut Output) -> bool {
        let Some(walk) = self.halts.walks.front_mut() else { return false };
        let from = match (walk.after, walk.scope) {
            (Some(after), _) => Bound::Excluded(after),
            (None, Scope::Class(class)) => Bound::Included(ContractId::new(class, types::Hour(0))),
            (None, _) => Bound::Unbounded,
        };
        let next = self.contracts.next(from).filter(|&next| walk.scope.includes(next));
        match next {
            Some(next) => {
                walk.after = Some(next);
                self.follow_halts(next, out);
            }
            None => {
                self.halts.walks.pop_front();
            }
        }
        true
    }

    /// Halts a contract that a halt covers, or lets it go on if none does any more. One whose auction is being worked
    /// out finishes that first.
    fn follow_halts(&mut self, contract: ContractId, out: &mut Output) {
        let Some(at) = self.contracts.find(&self.classes, contract) else { return };
        match (self.contracts.at(at).phase, self.is_halted(contract)) {
            (Phase::PreOpen | Phase::Auction | Phase::Continuous, true) if !self.is_uncrossing(at) => {
                self.set_phase(at, Phase::Halted, Timestamp::MAX, out);
            }
            (Phase::Halted, false) => self.go_on(at, out),
            _ => {}
        }
    }

    /// Ends the halt of a contract: it is in its opening if that is not over; else it reopens by an auction if its
    /// class has one; else by one without a call if its orders need one.
    fn go_on(&mut self, at: u32, out: &mut Output) {
        let contract = self.contracts.at(at);
        let (phase, until) = self.opening(contract.id);
        let is_crossed = match (contract.book.best(Side::Buy), contract.book.best(Side::Sell)) {
            (Some(bid), Some(ask)) => bid >= ask,
            _ => false,
        };
        if phase != Phase::Continuous {
            self.set_phase(at, phase, until, out);
        } else if self.classes.of(contract.id).class.spec.auction_seconds > 0 {
            self.begin_call(at, out);
        } else if is_crossed || self.orders.first_market(at).is_some() {
            self.set_phase(at, Phase::Auction, self.stamp.time, out);
        } else {
            self.set_phase(at, Phase::Continuous, Timestamp::MAX, out);
        }
    }

    /// Whether there is what a scope names.
    fn check_scope(&self, scope: Scope) -> Result<(), Refusal> {
        let class = match scope {
            Scope::All => return Ok(()),
            Scope::Class(class) => class,
            Scope::Contract(contract) => contract.class(),
        };
        self.classes.get(class).map(|_| ()).ok_or((RejectCode::UnknownClass, i64::from(class.0)))
    }
}

impl Halts {
    /// True if a halt of more than one contract is on.
    #[inline]
    pub(crate) fn are_wide(&self) -> bool {
        self.all || !self.classes.is_empty()
    }

    /// True if contracts have yet to hear of a halt or of its end.
    #[inline]
    pub(crate) fn has_pending(&self) -> bool {
        !self.walks.is_empty()
    }

    fn cover(&self, contract: ContractId) -> bool {
        self.all || self.classes.contains(&contract.class()) || self.contracts.contains(&contract)
    }

    fn has(&self, scope: Scope) -> bool {
        match scope {
            Scope::All => self.all,
            Scope::Class(class) => self.classes.contains(&class),
            Scope::Contract(contract) => self.contracts.contains(&contract),
        }
    }

    /// Sets a halt. False if it is on already.
    pub(crate) fn set(&mut self, scope: Scope) -> bool {
        match scope {
            Scope::All => !std::mem::replace(&mut self.all, true),
            Scope::Class(class) => self.classes.insert(class),
            Scope::Contract(contract) => self.contracts.insert(contract),
        }
    }

    /// Clears one. False if it is not on.
    pub(crate) fn clear(&mut self, scope: Scope) -> bool {
        match scope {
            Scope::All => std::mem::take(&mut self.all),
            Scope::Class(class) => self.classes.remove(&class),
            Scope::Contract(contract) => self.contracts.remove(&contract),
        }
    }

    /// Those that are on: of everything, then of classes, then of contracts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Scope> {
        let all = self.all.then_some(Scope::All);
        let classes = self.classes.iter().copied().map(Scope::Class);
        all.into_iter().chain(classes).chain(self.contracts.iter().copied().map(Scope::Contract))
    }

    /// The walks under way, in the order in which they are done.
    pub(crate) fn walks(&self) -> impl Iterator<Item = &Walk> {
        self.walks.iter()
    }
}
