//! Resting blocks are standing takers: whenever a single comes to rest in one of their slots, or a slot begins to
//! trade, those it may have helped are considered, the best limit first, then the earliest.
//!
//! What a command has told the public says what it changed. So nothing is done about blocks while orders match; at the
//! end of a command its events are gone through once: the windows' sums follow, and each contract with something new
//! waits for its turn. A turn is pending work: a piece of it considers one block, and a command considers only so many.

use super::{Blocks, cost};
use crate::BLOCK_EVALUATIONS_PER_COMMAND;
use crate::WORK_PER_COMMAND;
use crate::engine::Engine;
use std::collections::VecDeque;
use types::{CancelReason, ContractId, MarketBody, OrderId, Output, Phase, Side, SlotHint};

use super::windows::{Member, NO_SINGLE};

/// Blocks of one side that are to be considered because something rests newly in a contract, or it trades again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) contract: ContractId,
    pub(crate) side: Side,
    /// The rank and id from which on they are: those before have been.
    pub(crate) from: (i64, OrderId),
}

/// Where a turn begins.
pub(crate) const START: (i64, OrderId) = (i64::MIN, 0);

/// What is left of what one command may do for blocks.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// How many blocks it may consider.
    left: u32,
    /// The blocks that are next in the turn under way, the last first, as long as the command has told nothing new.
    next: Vec<Member>,
    /// How much it had told when they were found; none were if it is nothing that can be.
    told: usize,
}

impl Allowance {
    pub(crate) fn new() -> Allowance {
        Allowance { left: BLOCK_EVALUATIONS_PER_COMMAND, next: Vec::new(), told: usize::MAX }
    }
}

impl Blocks {
    pub(crate) fn has_pending(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Turns that are not over, in their order. Only the first may have begun.
    pub(crate) fn turns(&self) -> &VecDeque<Turn> {
        &self.turns
    }

    /// Lets a contract wait for its turn if it does not already.
    pub(super) fn wait(&mut self, contract: ContractId, side: Side) {
        if self.waiting.insert((contract, side)) {
            self.turns.push_back(Turn { contract, side, from: START });
        }
    }

    /// The first turn goes on from a rank and id.
    fn go_on_from(&mut self, from: (i64, OrderId)) {
        if let Some(turn) = self.turns.front_mut() {
            if turn.from == START {
                self.waiting.remove(&(turn.contract, turn.side));
            }
            turn.from = from;
        }
    }

    /// The first turn is over.
    fn end_turn(&mut self) {
        if let Some(turn) = self.turns.pop_front()
            && turn.from == START
        {
            self.waiting.remove(&(turn.contract, turn.side));
        }
    }
}

impl Engine {
    /// How many resting blocks this engine has considered in full, each as often as it was: what the rules count, and
    /// no part of the state.
    #[must_use]
    pub fn blocks_considered(&self) -> u64 {
        self.blocks.considered
    }

    /// How many blocks rest.
    #[must_use]
    pub fn resting_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Goes through the events since it did so last: the sums of the windows follow them, and contracts in which
    /// something rests newly, or which trade again, wait for their turn if the guard of a block of theirs holds.
    #[inline(never)]
    pub(crate) fn note_events(&mut self, out: &Output) {
        let new = &out.events[self.noted..];
        self.noted = out.events.len();
        for event in new {
            match event.body {
                MarketBody::Add(entry)
                | MarketBody::Delete(entry)
                | MarketBody::Trade(entry)
                | MarketBody::BlockTrade(entry) => self.note_best(event.contract, entry.side.opposite()),
                _ => {}
            }
        }
        for event in new {
            match event.body {
                MarketBody::Add(entry) => self.note_new(event.contract, entry.side.opposite()),
                MarketBody::Phase(Phase::Continuous) => {
                    self.note_new(event.contract, Side::Buy);
                    self.note_new(event.contract, Side::Sell);
                }
                _ => {}
            }
        }
    }

    /// The best single that blocks of this side would meet may be another.
    #[inline]
    fn note_best(&mut self, contract: ContractId, side: Side) {
        let Some(windows) = self.blocks.windows_mut(contract, side) else { return };
        let at = self.contracts.find(&self.classes, contract);
        let best = at.and_then(|at| self.contracts.at(at).book.best(side.opposite()));
        let place = self.classes.of(contract).place_of(contract);
        windows.set_best(place, best.map_or(NO_SINGLE, |price| cost(side, price)));
    }

    #[inline]
    fn note_new(&mut self, contract: ContractId, side: Side) {
        let place = self.classes.of(contract).place_of(contract);
        if self.blocks.windows(contract, side).is_some_and(|windows| windows.any_passes(place)) {
            self.blocks.wait(contract, side);
        }
    }

    /// Considers blocks after a command that was carried out, as many as one command may, once no stop waits.
    #[cold]
    pub(crate) fn work_after_on_blocks(&mut self, out: &mut Output) {
        let mut allowance = Allowance::new();
        for _ in 0..WORK_PER_COMMAND {
            if !self.work_on_blocks(&mut allowance, out) {
                return;
            }
        }
    }

    /// Does one piece of the work on blocks: considers one, or finds that the first turn is over. False if there is
    /// nothing to do, or nothing more that this command may.
    pub(crate) fn work_on_blocks(&mut self, allowance: &mut Allowance, out: &mut Output) -> bool {
        if self.blocks.rest() {
            self.note_events(out);
        }
        let Some(&turn) = self.blocks.turns.front() else { return false };
        if allowance.left == 0 {
            return false;
        }
        if allowance.told != out.events.len() {
            (allowance.next, allowance.told) = (self.next_blocks(turn, allowance.left), out.events.len());
        }
        let Some((rank, order, slot)) = allowance.next.pop() else {
            self.blocks.end_turn();
            allowance.told = usize::MAX;
            return true;
        };
        allowance.left -= 1;
        self.blocks.considered += 1;
        // One that has traded and still rests is considered again at once.
        let goes_on = self.consider(slot, out);
        self.blocks.go_on_from((rank, if goes_on { order } else { order + 1 }));
        true
    }

    /// The first so many blocks of a turn whose guard holds, the last of them first.
    fn next_blocks(&self, turn: Turn, most: u32) -> Vec<Member> {
        let Turn { contract, side, from } = turn;
        let place = self.classes.of(contract).place_of(contract);
        let windows = self.blocks.windows(contract, side);
        windows.map_or_else(Vec::new, |windows| windows.next(place, from, most as usize))
    }

    /// Works out whether the block at `slot` trades now, and lets it. True if it did and still rests.
    fn consider(&mut self, slot: SlotHint, out: &mut Output) -> bool {
        let mut taker = self.block_at(slot);
        // Mostly a block lacks units where it lacked them the last time.
        if self.blocks.short.get(&slot).is_some_and(|&leg| self.is_short(&taker, leg)) {
            return false;
        }
        let legs = self.legs_of(&taker);
        let plan = match self.evaluate(&taker, &legs) {
            Ok(plan) => plan,
            Err(short) => {
                short.map(|leg| self.blocks.short.insert(slot, leg));
                return false;
            }
        };
        if !self.carry_out(&mut taker, &legs, &plan, out) {
            self.end_block(slot, CancelReason::SelfTrade, None, out);
            return false;
        }
        self.lower_block(slot, &taker, out)
    }
}
