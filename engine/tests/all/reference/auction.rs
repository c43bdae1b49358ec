//! Auctions, naively: at which price most would trade is tried price by price, then who trades is found anew each time.

use std::collections::BTreeSet;

use engine::INDICATIVE_ORDERS_MAX;
use types::{
    CancelReason, ContractId, MarketBody, OrderKind, Phase, ReportBody, SECOND_NANOS, Side, Ticks, Timestamp,
};

use super::orders::entry;
use super::{Order, Reference, Work, units};

/// An auction that is being worked out.
#[derive(Clone, Copy)]
pub(super) struct Uncross {
    pub(super) contract: ContractId,
    /// How many more pieces it takes until the price is known.
    weighing: u64,
    price: Ticks,
    /// How many units have yet to trade.
    left: i128,
}

/// What would come of an auction now.
struct Weighed {
    price: Ticks,
    volume: i128,
    /// Each is one way of a pair of orders ending: how much has traded up to then.
    pairs: Vec<i128>,
    /// How many pieces it takes to find that out.
    pieces: u64,
}

impl Reference {
    pub(super) fn is_uncrossing(&self, contract: ContractId) -> bool {
        self.uncross.is_some_and(|uncross| uncross.contract == contract)
    }

    pub(super) fn begin_uncross(&mut self, contract: ContractId) {
        let record = self.contracts.get_mut(&contract).unwrap();
        (record.until, record.indicative) = (None, None);
        let Weighed { price, volume, pieces, .. } = self.weigh(contract);
        self.uncross = Some(Uncross { contract, weighing: pieces, price, left: volume });
    }

    /// One piece of the auction under way: of the weighing, a trade, the end of a market order, or the last.
    pub(super) fn uncross_piece(&mut self) -> bool {
        let Some(Uncross { contract, weighing, price, left }) = self.uncross else { return false };
        let go_on = |weighing, left| Some(Uncross { contract, weighing, price, left });
        let markets = self.orders.iter().enumerate().filter(|(_, order)| {
            order.terms.contract == contract && !order.sleeps() && order.terms.kind == OrderKind::Market
        });
        if self.gate(contract) <= self.time {
            self.uncross = None;
        } else if weighing > 0 {
            self.uncross = go_on(weighing - 1, left);
        } else if left > 0 {
            let traded = self.auction_trade(contract, price, left);
            self.uncross = go_on(0, left - traded);
        } else if let Some((at, _)) = markets.min_by_key(|(_, order)| order.id) {
            let order = self.take_out(at);
            self.end(&order, CancelReason::Market, None);
        } else {
            self.uncross = None;
            if price > 0 {
                self.elect(contract, 0, &[price]);
            }
            let is_halted = self.is_halted(contract);
            self.set_phase(contract, if is_halted { Phase::Halted } else { Phase::Continuous }, None);
        }
        true
    }

    /// The best bid and the best ask trade what both have left.
    fn auction_trade(&mut self, contract: ContractId, price: Ticks, most: i128) -> i128 {
        let first = |side| self.queue(contract, side).into_iter().next().unwrap();
        let (bid, ask) = (first(Side::Buy), first(Side::Sell));
        let traded = most.min(i128::from(bid.left)).min(i128::from(ask.left));
        let number = units(traded);
        let fee = self.pay(bid.account, ask.account, contract, price, number);
        self.note_trade(contract, price, number);
        let record = self.contracts.get_mut(&contract).unwrap();
        (record.last_price, record.auction_price) = (price, price);
        self.event(contract, MarketBody::AuctionTrade { price, units: number });
        for order in [bid, ask] {
            let at = self.orders.iter().position(|open| open.id == order.id).unwrap();
            let open = &mut self.orders[at];
            open.left -= number;
            if open.left == 0 {
                self.event(contract, MarketBody::Delete(entry(&order, order.shown)));
                self.orders.remove(at);
            } else if open.left < open.shown {
                open.shown = open.left;
                let reduced = *open;
                self.event(contract, MarketBody::Reduce(entry(&reduced, reduced.shown)));
            }
        }
        for (own, other) in [(bid, ask), (ask, bid)] {
            let body = ReportBody::Filled {
                order: own.id,
                counter: other.id,
                contract,
                side: own.terms.side,
                price,
                units: number,
                left: own.left - number,
                fee,
                maker: true,
            };
            self.report(own.account, None, body);
        }
        traded
    }

    /// What is told once a second of a call.
    pub(super) fn tell_indicative(&mut self, contract: ContractId) {
        self.contracts.get_mut(&contract).unwrap().indicative = None;
        let weighed = self.weigh(contract);
        let most = usize::try_from(INDICATIVE_ORDERS_MAX).unwrap();
        let (price, volume) = if weighed.pieces <= u64::from(INDICATIVE_ORDERS_MAX) {
            (weighed.price, weighed.volume)
        } else {
            (0, weighed.pairs.get(most - 1).copied().unwrap_or(weighed.volume))
        };
        self.event(contract, MarketBody::Indicative { price, volume: units(volume) });
    }

    /// The public book of a contract has changed; an indicative price follows a second later.
    pub(super) fn expect_indicative(&mut self, contract: ContractId) {
        if self.is_uncrossing(contract) {
            return;
        }
        let time = self.time;
        let record = self.contracts.get_mut(&contract).unwrap();
        if record.phase == Phase::Auction {
            record.indicative.get_or_insert(Timestamp(time.0 + SECOND_NANOS));
        }
    }

    /// A contract's resting orders of a side, in the order in which they trade.
    fn queue(&self, contract: ContractId, side: Side) -> Vec<Order> {
        let rests = |order: &&Order| {
            order.terms.contract == contract
                && order.terms.side == side
                && !order.sleeps()
                && !order.is_block()
        };
        let mut queue: Vec<Order> = self.orders.iter().filter(rests).copied().collect();
        queue.sort_by_key(|order| (order.badness(), order.arrival));
        queue
    }

    fn weigh(&self, contract: ContractId) -> Weighed {
        let (bids, asks) = (self.queue(contract, Side::Buy), self.queue(contract, Side::Sell));
        let reference = self.reference_price(contract);
        let demand = |price| -> i128 {
            bids.iter().filter(|bid| bid.terms.price >= price).map(|bid| i128::from(bid.left)).sum()
        };
        let supply = |price| -> i128 {
            asks.iter().filter(|ask| ask.terms.price <= price).map(|ask| i128::from(ask.left)).sum()
        };
        let rank = |&price: &Ticks| {
            let (demand, supply) = (demand(price), supply(price));
            let far = reference.map_or(0, |reference| (price - reference).abs());
            (-demand.min(supply), (demand - supply).abs(), far, price)
        };
        let all: Vec<Ticks> = bids.iter().chain(&asks).map(|order| order.terms.price).collect();
        let best = candidates(&all, reference).into_iter().min_by_key(rank);
        let price = best.filter(|&price| demand(price).min(supply(price)) > 0).unwrap_or(0);
        if price == 0 {
            return Weighed { price, volume: 0, pairs: Vec::new(), pieces: 1 };
        }
        let volume = demand(price).min(supply(price));
        let (pairs, left_over) = pairs(&bids, &asks, volume);
        let pieces = match (demand(price) - supply(price)).abs() {
            0 => pairs.len() as u64 + 1,
            _ => pairs.len() as u64 + left_over + 2,
        };
        Weighed { price, volume, pairs, pieces }
    }

    pub(super) fn has_auction_work(&self) -> Option<Work> {
        match () {
            () if self.uncross.is_some() => Some(Work::Auctions),
            () if !self.halt_walks.is_empty() => Some(Work::Halts),
            () => None,
        }
    }
}

/// Every price, if there are not too many; else those at which something may change or that are nearest to others.
fn candidates(prices: &[Ticks], reference: Option<Ticks>) -> BTreeSet<Ticks> {
    let (Some(&low), Some(&high)) = (prices.iter().min(), prices.iter().max()) else {
        return BTreeSet::new();
    };
    if high - low < 300 {
        return (low..=high).collect();
    }
    let near = prices.iter().flat_map(|price| price - 1..=price + 1);
    near.chain(reference).filter(|price| (low..=high).contains(price)).collect()
}

/// Where pairs of orders end when both sides are gone through from the best, up to the volume; and how many orders
/// are not used up at the first price of each side that something is left at.
fn pairs(bids: &[Order], asks: &[Order], volume: i128) -> (Vec<i128>, u64) {
    let mut ends = BTreeSet::new();
    let mut left_over = 0;
    for queue in [bids, asks] {
        let (mut sum, mut price) = (0, None);
        for order in queue {
            sum += i128::from(order.left);
            if sum <= volume {
                ends.insert(sum);
            } else if *price.get_or_insert(order.terms.price) == order.terms.price {
                left_over += 1;
            }
        }
    }
    (ends.into_iter().collect(), left_over)
}
