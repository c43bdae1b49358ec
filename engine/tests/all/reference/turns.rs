//! Which resting blocks are considered, and when, naively: by looking at all of them.

use engine::{BLOCK_EVALUATIONS_PER_COMMAND, WORK_PER_COMMAND};
use types::{CancelReason, ContractId, MarketBody, OrderId, Phase, Side, Ticks};

use super::blocks::signed;
use super::{Order, Reference};

/// Something rests newly in a contract, or it trades again: blocks of this side are to be considered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Turn {
    contract: ContractId,
    side: Side,
    /// Those before have been.
    from: Option<(Ticks, OrderId)>,
}

impl Reference {
    /// Goes through what was told since the last time: which contracts have something new for blocks whose guard, of
    /// one at least, holds.
    pub(super) fn note_events(&mut self) {
        if !self.orders.iter().any(Order::is_block) {
            return;
        }
        let new: Vec<_> = self.out.events[self.noted..].to_vec();
        self.noted = self.out.events.len();
        for event in new {
            let sides: &[Side] = match event.body {
                MarketBody::Add(entry) if entry.side == Side::Sell => &[Side::Buy],
                MarketBody::Add(_) => &[Side::Sell],
                MarketBody::Phase(Phase::Continuous) => &[Side::Buy, Side::Sell],
                _ => &[],
            };
            for &side in sides {
                let turn = Turn { contract: event.contract, side, from: None };
                let mut waiting = self.waiting_blocks(side);
                let is_waiting = waiting.any(|block| self.legs(&block.terms).contains(&event.contract));
                drop(waiting);
                if is_waiting && !self.turns.contains(&turn) {
                    self.turns.push(turn);
                }
            }
        }
    }

    /// The blocks of a side for whom it is worth looking: the best singles of all slots are within the limit.
    fn waiting_blocks(&self, side: Side) -> impl Iterator<Item = &Order> {
        let blocks = self.orders.iter().filter(move |order| order.is_block() && order.terms.side == side);
        blocks.filter(move |block| {
            let best = |leg: ContractId| {
                let singles = self.orders.iter().filter(|order| order.shown > 0);
                let there = singles.filter(|order| order.terms.contract == leg && order.terms.side != side);
                there.map(|order| signed(block, order.terms.price)).min()
            };
            let sum: Option<i128> = self.legs(&block.terms).into_iter().map(best).sum();
            let limit = signed(block, block.terms.price) * i128::from(block.terms.slots);
            sum.is_some_and(|sum| sum <= limit)
        })
    }

    pub(super) fn has_block_work(&self) -> bool {
        !self.turns.is_empty()
    }

    /// What a new or replaced order does of the work after itself.
    pub(super) fn work_after_order(&mut self) {
        self.stop_work();
        if self.has_stop_work() {
            return;
        }
        let mut evaluations = BLOCK_EVALUATIONS_PER_COMMAND;
        for _ in 0..WORK_PER_COMMAND {
            if !self.block_piece(&mut evaluations) {
                return;
            }
        }
    }

    /// One piece: a block is considered, or the first turn is over.
    pub(super) fn block_piece(&mut self, evaluations: &mut u32) -> bool {
        self.note_events();
        let Some(&Turn { contract, side, from }) = self.turns.first() else { return false };
        if *evaluations == 0 {
            return false;
        }
        let candidates = self.waiting_blocks(side).filter(|block| {
            self.legs(&block.terms).contains(&contract)
                && from.is_none_or(|from| (block.badness(), block.id) >= from)
        });
        let Some(&block) = candidates.min_by_key(|block| (block.badness(), block.id)) else {
            self.turns.remove(0);
            return true;
        };
        *evaluations -= 1;
        self.met_blocks += 1;
        let rests = self.consider(block);
        self.turns[0].from = Some((block.badness(), if rests { block.id } else { block.id + 1 }));
        true
    }

    /// True if it has traded and still rests.
    fn consider(&mut self, mut block: Order) -> bool {
        let Some(plan) = self.plan(&block) else { return false };
        if !self.carry_out(&mut block, &plan, None) {
            let at = self.at(block.id);
            let block = self.take_out(at);
            self.end(&block, CancelReason::SelfTrade, None);
            return false;
        }
        self.lower_block(self.at(block.id), block)
    }
}
