//! Auctions: orders gather in a call, and at its end as many units as can trade do so at one price.
//!
//! Working that out is pending work that comes before all other, in three stages: the price is weighed, the trades are
//! made, and the market orders that are left end. Until it is done the contract is frozen: it takes no order, no
//! replace and no cancel, so what was weighed is what trades.

mod indicative;
mod saved;
mod trade;
mod weigh;

pub(crate) use weigh::Weighing;

use crate::engine::Engine;
use crate::order::Incoming;
use types::{CancelReason, ContractId, Output, Phase, SlotHint, Ticks, Timestamp, Units};

/// An auction that is being worked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uncross {
    pub(crate) contract: ContractId,
    /// Where that lies.
    pub(crate) at: u32,
    /// What of several prices the nearest to is taken, as it was when the call ended; 0 for none.
    pub(crate) reference: Ticks,
    pub(crate) stage: Stage,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The price is being found.
    Weighing(Weighing),
    /// At this price so many units have yet to trade.
    Trading { price: Ticks, left: Units },
    /// What is left of market orders ends; the price was that, 0 if nothing traded.
    Ending { price: Ticks },
}

impl Engine {
    /// True while the contract's auction is being worked out.
    #[inline]
    pub(crate) fn is_uncrossing(&self, at: u32) -> bool {
        self.uncross.is_some_and(|uncross| uncross.at == at)
    }

    /// Rests an order in a call, where nothing matches; or ends it if a mass cancel covers it.
    pub(crate) fn gather(&mut self, order: &Incoming<'_>, out: &mut Output) -> Option<SlotHint> {
        if let Some(reason) = self.count_mass_cancelled(order) {
            self.end(&order.loose, reason, out);
            return None;
        }
        let slot = self.rest(order, out);
        self.expect_indicative(order.loose.at);
        Some(slot)
    }

    /// Ends the call of a contract: from now on its auction is worked out.
    pub(crate) fn begin_uncross(&mut self, at: u32) {
        let contract = self.contracts.at_mut(at);
        let id = contract.id;
        contract.until = Timestamp::MAX;
        self.calendar.forget_indicative(contract);
        self.calendar.insert(contract.gate, id);
        let reference = self.reference_price(id, Some(at)).unwrap_or(0);
        let weighing = Weighing::of(&self.contracts.at(at).book, &self.orders);
        self.uncross = Some(Uncross { contract: id, at, reference, stage: Stage::Weighing(weighing) });
    }

    /// Does one piece of what comes before all other work: of an auction that is being worked out, then of halts.
    #[inline]
    pub(crate) fn work_on_auctions(&mut self, out: &mut Output) -> bool {
        self.work_on_uncross(out) || self.work_on_halts(out)
    }

    fn work_on_uncross(&mut self, out: &mut Output) -> bool {
        let Some(mut uncross) = self.uncross else { return false };
        let at = uncross.at;
        let contract = self.contracts.at(at);
        if self.stamp.time >= contract.gate {
            // Its orders are dead; the calendar will end them.
            self.uncross = None;
            return true;
        }
        uncross.stage = match uncross.stage {
            Stage::Weighing(mut weighing) => {
                match weighing.step(&contract.book, &self.orders, uncross.reference) {
                    None => Stage::Weighing(weighing),
                    Some((price, 0)) => Stage::Ending { price },
                    Some((price, volume)) => Stage::Trading { price, left: volume },
                }
            }
            Stage::Trading { price, left } => match left - self.trade_in_auction(at, price, left, out) {
                0 => Stage::Ending { price },
                left => Stage::Trading { price, left },
            },
            Stage::Ending { price } => match self.orders.first_market(at) {
                Some(slot) => {
                    self.end_open(slot, CancelReason::Market, out);
                    Stage::Ending { price }
                }
                None => {
                    self.end_uncross(at, price, out);
                    return true;
                }
            },
        };
        self.uncross = Some(uncross);
        true
    }

    /// The auction is over: stops that its price meets are elected, and the contract trades on unless it is halted.
    fn end_uncross(&mut self, at: u32, price: Ticks, out: &mut Output) {
        self.uncross = None;
        if price > 0 {
            self.elect_met(at, price, price);
        }
        let is_halted = self.is_halted(self.contracts.at(at).id);
        let phase = if is_halted { Phase::Halted } else { Phase::Continuous };
        self.set_phase(at, phase, Timestamp::MAX, out);
    }
}
