//! Stops, naively: which trades wake which of them, in which order, piece by piece.

use engine::WORK_PER_COMMAND;
use types::{CancelReason, ContractId, Phase, ReportBody, Sender, Sequence, Side, Ticks};

use super::{Order, RIGHT_HINT, Reference};

/// The trades of one matching, and whom they may wake.
pub(super) struct Election {
    contract: ContractId,
    low: Ticks,
    high: Ticks,
    /// Which matching it was.
    batch: u64,
    /// The command that made the trades. Stops that came later do not know of them.
    sequence: Sequence,
    /// How many stops, each triggered by the one before, led to it.
    depth: u32,
}

/// A stop's place in the line of those that wake: by batch, then by id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Elected {
    batch: u64,
    pub(super) depth: u32,
}

impl Reference {
    /// Remembers trades that were made in one go.
    pub(super) fn elect(&mut self, contract: ContractId, depth: u32, prices: &[Ticks]) {
        let (Some(&low), Some(&high)) = (prices.iter().min(), prices.iter().max()) else { return };
        self.matchings += 1;
        self.elections.push(Election {
            contract,
            low,
            high,
            batch: self.matchings,
            sequence: self.sequence,
            depth,
        });
    }

    /// Whether the contract's last trade meets its trigger.
    pub(super) fn is_met(&self, order: &Order) -> bool {
        let last = self.contracts[&order.terms.contract].last_price;
        last > 0 && is_met_by(order, last, last)
    }

    /// A stop wakes: from now on it is an order like any other.
    pub(super) fn wake(&mut self, order: &mut Order, sender: Option<Sender>) {
        let (id, slot, left) = (order.id, RIGHT_HINT, order.left);
        let (contract, side) = (order.terms.contract, order.terms.side);
        self.report(order.account, sender, ReportBody::Triggered { order: id, slot, contract, side, left });
        order.terms.trigger = None;
    }

    /// What a new or replaced order does of the stops' work after itself.
    pub(super) fn stop_work(&mut self) {
        for _ in 0..WORK_PER_COMMAND {
            if !(self.uncross_piece() || self.halt_piece() || self.stop_piece()) {
                return;
            }
        }
    }

    pub(super) fn has_stop_work(&self) -> bool {
        self.orders.iter().any(|order| order.elected.is_some()) || self.next_to_elect().is_some()
    }

    /// One piece: a stop is elected or, if none is to be, the first of those elected wakes.
    pub(super) fn stop_piece(&mut self) -> bool {
        if let Some((at, elected)) = self.next_to_elect() {
            self.orders[at].elected = Some(elected);
            return true;
        }
        self.elections.clear();
        let line =
            self.orders.iter().enumerate().filter_map(|(at, order)| Some((order.elected?, order.id, at)));
        let Some((elected, _, at)) = line.min_by_key(|(elected, id, _)| (elected.batch, *id)) else {
            return false;
        };
        let contract = self.orders[at].terms.contract;
        let lives = self.gate(contract) > self.time && !self.is_dead(&self.orders[at]);
        if lives && self.contracts[&contract].phase != Phase::Continuous {
            self.orders[at].elected = None;
            return true;
        }
        let mut order = self.take_out(at);
        if self.gate(order.terms.contract) <= self.time {
            self.end(&order, CancelReason::Gate, None);
        } else if self.is_dead(&order) {
            self.end(&order, CancelReason::Expired, None);
        } else {
            self.cascade = self.cascade.max(elected.depth);
            self.wake(&mut order, None);
            self.come(order, None);
        }
        true
    }

    /// Of the first election that meets a sleeping stop the one that comes first, and its place in the line.
    fn next_to_elect(&self) -> Option<(usize, Elected)> {
        self.elections.iter().find_map(|election| {
            let met = self.orders.iter().enumerate().filter(|(_, order)| {
                order.sleeps()
                    && order.elected.is_none()
                    && order.terms.contract == election.contract
                    && order.id <= election.sequence
                    && is_met_by(order, election.low, election.high)
            });
            let (at, _) = met.min_by_key(|(_, order)| sleeping_rank(order))?;
            Some((at, Elected { batch: election.batch, depth: election.depth + 1 }))
        })
    }
}

/// Sleeping stops of a contract in their order: buys by rising trigger, then sells by falling, then by id.
pub(super) fn sleeping_rank(order: &Order) -> (Side, Ticks, Sequence) {
    let trigger = order.terms.trigger.unwrap_or(0);
    match order.terms.side {
        Side::Buy => (Side::Buy, trigger, order.id),
        Side::Sell => (Side::Sell, -trigger, order.id),
    }
}

fn is_met_by(order: &Order, low: Ticks, high: Ticks) -> bool {
    order.terms.trigger.is_some_and(|trigger| match order.terms.side {
        Side::Buy => trigger <= high,
        Side::Sell => trigger >= low,
    })
}
