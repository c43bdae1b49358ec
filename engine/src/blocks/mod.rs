//! Resting blocks: orders for several slots of a class in a row, all of them or none.
//!
//! A block lies in the slab like any order, but in no book: it is listed here by its window (its first slot and how
//! many there are), and waits for the singles of the other side to become good enough. [`windows`] knows of every
//! window what its best singles cost, [`consider`] finds the blocks that an event may have helped, [`evaluate`]
//! works out how much could trade, and [`execute`] trades it.

mod consider;
mod end;
mod entry;
mod evaluate;
mod execute;
mod funds;
mod replace;
mod saved;
mod windows;

use crate::classes::Classes;
use crate::contracts::Contracts;
use crate::slab::Node;
use consider::Turn;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::{BTreeMap, VecDeque};
use types::{AccountId, ContractId, OrderId, Side, SlotHint, Ticks};
use windows::{NO_SINGLE, Windows};

pub(crate) use consider::Allowance;
pub(crate) use saved::RestoredTurn;

/// All resting blocks, and the work they wait for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    /// By class; of each the windows of blocks that buy, then of those that sell. None where no block rests.
    sides: Vec<[Option<Box<Windows>>; 2]>,
    /// By first slot and id: the order in which a gate ends them.
    by_first: BTreeMap<(ContractId, OrderId), SlotHint>,
    /// How many an account has; none that has none.
    by_account: BTreeMap<AccountId, u32>,
    /// How many slots they have in all: each may bring its account a holding.
    legs: usize,
    /// Contracts whose singles have got better, and the blocks to be considered for it.
    turns: VecDeque<Turn>,
    /// Those of them that have not begun.
    waiting: FxHashSet<(ContractId, Side)>,
    /// Which slot of a block lacked units when it was last considered, where that is known; no part of the state.
    short: FxHashMap<SlotHint, usize>,
    /// How many blocks have been considered; no part of the state.
    considered: u64,
}

/// A resting block where it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) slot: SlotHint,
    pub(crate) order: OrderId,
    pub(crate) account: AccountId,
    /// The first slot of its window.
    pub(crate) first: ContractId,
    pub(crate) slots: u16,
    pub(crate) side: Side,
    /// Its limit.
    pub(crate) price: Ticks,
}

/// A price as a number that is the lower, the better it is for one who trades on this side.
#[inline]
pub(crate) fn cost(side: Side, price: Ticks) -> i64 {
    match side {
        Side::Buy => price,
        Side::Sell => -price,
    }
}

impl Blocks {
    /// True if a block rests.
    #[inline(always)]
    pub(crate) fn rest(&self) -> bool {
        self.legs > 0
    }

    /// How many slots all resting blocks have.
    #[inline(always)]
    pub(crate) fn legs(&self) -> usize {
        self.legs
    }

    /// How many rest.
    pub(crate) fn len(&self) -> usize {
        self.by_first.len()
    }

    /// How many of an account rest.
    pub(crate) fn of(&self, account: AccountId) -> u32 {
        self.by_account.get(&account).copied().unwrap_or(0)
    }

    /// Those of which this contract is the first slot, by id.
    pub(crate) fn first_at(&self, contract: ContractId) -> impl Iterator<Item = SlotHint> {
        self.by_first.range((contract, 0)..=(contract, OrderId::MAX)).map(|(_, &slot)| slot)
    }

    fn windows(&self, contract: ContractId, side: Side) -> Option<&Windows> {
        self.sides.get(usize::from(contract.class().0))?[side as usize].as_deref()
    }

    #[inline]
    fn windows_mut(&mut self, contract: ContractId, side: Side) -> Option<&mut Windows> {
        self.sides.get_mut(usize::from(contract.class().0))?[side as usize].as_deref_mut()
    }

    /// Lists a block that comes to rest.
    fn list(&mut self, block: &Listed, classes: &Classes, contracts: &Contracts) {
        let Listed { slot, order, account, first, slots, side, price } = *block;
        self.by_first.insert((first, order), slot);
        *self.by_account.entry(account).or_default() += 1;
        self.legs += usize::from(slots);
        let no = usize::from(first.class().0);
        if self.sides.len() <= no {
            self.sides.resize(no + 1, [None, None]);
        }
        let windows = self.sides[no][side as usize]
            .get_or_insert_with(|| Box::new(Windows::new(&best_costs(first, side, classes, contracts))));
        windows.add(classes.of(first).place_of(first), slots, (-cost(side, price), order, slot));
    }

    /// Takes a block off the lists.
    fn delist(&mut self, block: &Listed, classes: &Classes) {
        let Listed { slot, order, account, first, slots, side, price } = *block;
        self.by_first.remove(&(first, order));
        self.short.remove(&slot);
        self.legs -= usize::from(slots);
        if let Some(count) = self.by_account.get_mut(&account) {
            *count -= 1;
            if *count == 0 {
                self.by_account.remove(&account);
            }
        }
        let place = classes.of(first).place_of(first);
        let windows = self.windows_mut(first, side).expect("a resting block is listed by its window");
        windows.remove(place, slots, (-cost(side, price), order, slot));
        if windows.is_empty() {
            self.sides[usize::from(first.class().0)][side as usize] = None;
        }
    }

    /// Resting blocks of a side and exactly this window, in priority order.
    fn of_window(
        &self,
        first: ContractId,
        slots: u16,
        side: Side,
        classes: &Classes,
    ) -> impl Iterator<Item = SlotHint> {
        let place = classes.of(first).place_of(first);
        let windows = self.windows(first, side).into_iter();
        windows.flat_map(move |windows| windows.of(place, slots)).map(|&(_, _, slot)| slot)
    }

    /// Checks that the sums of all windows are what the books say, and that every block is listed once.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub(crate) fn check(
        &self,
        classes: &Classes,
        contracts: &Contracts,
        at: impl Fn(SlotHint) -> Node,
    ) -> Result<(), String> {
        let mut listed = 0;
        for class in classes.iter() {
            let first = ContractId::new(class.no, types::Hour(0));
            for side in [Side::Buy, Side::Sell] {
                let Some(windows) = self.windows(first, side) else { continue };
                listed +=
                    windows.check(&best_costs(first, side, classes, contracts), |(rank, order, slot)| {
                        let node = at(slot);
                        node.is_block()
                            && (node.id, node.side(), -cost(side, node.price)) == (order, side, rank)
                    })?;
            }
        }
        let counted: u32 = self.by_account.values().sum();
        if let Some(((_, order), _)) = self.by_first.iter().find(|((_, order), slot)| at(**slot).id != *order)
        {
            return Err(format!("block {order} does not lie where its first slot says"));
        }
        if listed != self.len() || usize::try_from(counted) != Ok(listed) {
            return Err(format!(
                "{} blocks rest, {listed} are listed by window, {counted} by account",
                self.len()
            ));
        }
        Ok(())
    }
}

/// What the best single costs that a block of this side would meet, for each place of the class's calendar.
fn best_costs(of_class: ContractId, side: Side, classes: &Classes, contracts: &Contracts) -> Vec<i64> {
    let best = |at: u32| {
        let best = contracts.at(at).book.best(side.opposite());
        best.map_or(NO_SINGLE, |price| cost(side, price))
    };
    classes.of(of_class).by_place().map(|at| at.map_or(NO_SINGLE, best)).collect()
}
