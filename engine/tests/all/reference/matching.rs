//! The way of an order into the book, naively: one resting order after the other, each found anew.

use types::{
    CancelReason, MarketBody, NewOrder, OrderKind, ReportBody, SelfTrade, Sender, Side, Ticks, TimeInForce,
    Units,
};

use super::orders::entry;
use super::phases::Band;
use super::{Order, Reference};

impl Reference {
    /// A new, woken or replaced order comes to the book. `sender` is whose command it came by, if that was its
    /// owner's.
    pub(super) fn come(&mut self, mut order: Order, sender: Option<Sender>) {
        let contract = order.terms.contract;
        if self.contracts[&contract].phase.is_call() {
            match self.count_as_mass_cancelled(&order) {
                Some(reason) => self.end(&order, reason, sender),
                None => self.rest(order),
            }
            return self.expect_indicative(contract);
        }
        let band = self.band(contract);
        if order.terms.post_only && self.best_live_against(&order).is_some() {
            return self.end(&order, CancelReason::PostOnly, sender);
        }
        let (wanted, unless) = match order.terms.time_in_force {
            TimeInForce::Fok => (order.left, CancelReason::Fok),
            _ => (order.terms.min_units, CancelReason::MinUnits),
        };
        if self.could_trade(&order, band) < u64::from(wanted) {
            return self.end(&order, unless, sender);
        }
        order.terms.min_units = 0;
        let mut prices = Vec::new();
        let (ended, is_barred) = self.meet_all(&mut order, band, &mut prices, sender);
        self.elect(contract, order.elected.map_or(0, |elected| elected.depth), &prices);
        if order.left > 0 {
            self.leave(order, ended, sender);
        }
        if is_barred {
            self.begin_call(contract);
        }
    }

    /// What is left of an order that has met all it could rests or ends.
    fn leave(&mut self, order: Order, ended: Option<CancelReason>, sender: Option<Sender>) {
        let ended = ended.or(match (order.terms.kind, order.terms.time_in_force) {
            (OrderKind::Market, _) => Some(CancelReason::Market),
            (_, TimeInForce::Ioc | TimeInForce::Fok) => Some(CancelReason::Ioc),
            _ => self.count_as_mass_cancelled(&order),
        });
        match ended {
            Some(reason) => self.end(&order, reason, sender),
            None => self.rest(order),
        }
    }

    /// Meets what it can. What it meets of its own account may end it. True if it came to a trade outside the band.
    fn meet_all(
        &mut self,
        order: &mut Order,
        band: Band,
        prices: &mut Vec<Ticks>,
        sender: Option<Sender>,
    ) -> (Option<CancelReason>, bool) {
        while order.left > 0 {
            let Some(at) = self.first_against(order) else { break };
            let other = self.orders[at];
            if self.is_dead(&other) {
                self.take_out(at);
                self.end(&other, CancelReason::Expired, None);
            } else if other.account != order.account && !is_within(&other, band) {
                return (None, true);
            } else if other.account != order.account {
                self.trade(order, at, sender);
                prices.push(other.terms.price);
            } else if order.terms.self_trade == SelfTrade::Decrement {
                self.decrement(order, at, sender);
            } else {
                if order.terms.self_trade != SelfTrade::CancelIncoming {
                    self.take_out(at);
                    self.end(&other, CancelReason::SelfTrade, None);
                }
                if order.terms.self_trade != SelfTrade::CancelResting {
                    return (Some(CancelReason::SelfTrade), false);
                }
            }
        }
        (None, false)
    }

    /// Trades as much as the taker has left and the maker shows, at the maker's price.
    fn trade(&mut self, taker: &mut Order, at: usize, sender: Option<Sender>) {
        let maker = self.orders[at];
        let traded = taker.left.min(maker.shown);
        taker.left -= traded;
        let (NewOrder { contract, side, .. }, price) = (taker.terms, maker.terms.price);
        let fee = match side {
            Side::Buy => self.pay(taker.account, maker.account, contract, price, traded),
            Side::Sell => self.pay(maker.account, taker.account, contract, price, traded),
        };
        self.contracts.get_mut(&contract).unwrap().last_price = price;
        self.note_trade(contract, price, traded);
        self.event(contract, MarketBody::Trade(entry(&maker, traded)));
        self.use_up(at, traded);
        let filled = |own: &Order, other: &Order, left, maker| ReportBody::Filled {
            order: own.id,
            counter: other.id,
            contract,
            side: own.terms.side,
            price,
            units: traded,
            left,
            fee,
            maker,
        };
        self.report(taker.account, sender, filled(taker, &maker, taker.left, false));
        self.report(maker.account, None, filled(&maker, taker, maker.left - traded, true));
    }

    /// Both orders of one account lose as much as the incoming one has left and the resting one shows.
    fn decrement(&mut self, incoming: &mut Order, at: usize, sender: Option<Sender>) {
        let resting = self.orders[at];
        let lost = incoming.left.min(resting.shown);
        incoming.left -= lost;
        incoming.terms.units -= lost;
        let shows = resting.shown - lost;
        let change = if shows > 0 { MarketBody::Reduce } else { MarketBody::Delete };
        let told = if shows > 0 { shows } else { lost };
        self.event(resting.terms.contract, change(entry(&resting, told)));
        self.orders[at].terms.units -= lost;
        self.use_up(at, lost);
        for (order, left, sender) in
            [(&resting, resting.left - lost, None), (&*incoming, incoming.left, sender)]
        {
            let (NewOrder { contract, side, .. }, reason) = (order.terms, CancelReason::SelfTrade);
            let body = ReportBody::Cancelled { order: order.id, contract, side, units: lost, left, reason };
            self.report(order.account, sender, body);
        }
    }

    /// Takes units off what a resting order shows. If it shows nothing any more it is out of the book, or goes
    /// to the end of the queue with its next clip.
    pub(super) fn use_up(&mut self, at: usize, units: Units) {
        let order = &mut self.orders[at];
        order.left -= units;
        order.shown -= units;
        if order.shown > 0 {
            return;
        }
        let order = self.orders.remove(at);
        if order.left > 0 {
            self.show(order);
        }
    }

    /// Rests what is left of an order.
    fn rest(&mut self, mut order: Order) {
        order.elected = None;
        self.list(&mut order);
        self.show(order);
    }

    /// Puts an order, or a clip of it, at the end of the queue at its price.
    fn show(&mut self, mut order: Order) {
        self.arrivals += 1;
        order.arrival = self.arrivals;
        order.shown = if order.terms.shown > 0 { order.terms.shown.min(order.left) } else { order.left };
        self.orders.push(order);
        self.event(order.terms.contract, MarketBody::Add(entry(&order, order.shown)));
    }

    /// The resting orders it may meet, none past its limit.
    fn all_against(&self, order: &Order) -> impl Iterator<Item = (usize, &Order)> {
        let NewOrder { contract, side, price, .. } = order.terms;
        self.orders.iter().enumerate().filter(move |(_, other)| {
            other.shown > 0
                && other.terms.contract == contract
                && match (side, other.terms.side) {
                    (Side::Buy, Side::Sell) => other.terms.price <= price,
                    (Side::Sell, Side::Buy) => other.terms.price >= price,
                    _ => false,
                }
        })
    }

    /// Where the order lies that it meets first: the best price, then the first come.
    fn first_against(&self, order: &Order) -> Option<usize> {
        self.all_against(order).min_by_key(|(_, other)| (other.badness(), other.arrival)).map(|(at, _)| at)
    }

    /// The best price at which it would meet an order that is not dead.
    pub(super) fn best_live_against(&self, order: &Order) -> Option<Ticks> {
        let live = self.all_against(order).filter(|(_, other)| !self.is_dead(other));
        live.min_by_key(|(_, other)| other.badness()).map(|(_, other)| other.terms.price)
    }

    /// How many units it could trade. Orders of its own account do not count, and if the first of them would
    /// end it, neither does what comes after that: hidden units at the same price come after it.
    /// Nor does anything from an order of another account on that lies outside the band.
    fn could_trade(&self, order: &Order, band: Band) -> u64 {
        let mut live: Vec<&Order> =
            self.all_against(order).map(|(_, other)| other).filter(|other| !self.is_dead(other)).collect();
        live.sort_by_key(|other| (other.badness(), other.arrival));
        let is_own = |other: &&&Order| other.account == order.account;
        let ends = matches!(order.terms.self_trade, SelfTrade::CancelIncoming | SelfTrade::CancelBoth);
        let stops = |other: &&&Order| if is_own(other) { ends } else { !is_within(other, band) };
        let end = live.iter().find(stops).copied();
        let others = live.iter().filter(|other| !is_own(other) && is_within(other, band));
        let counts = others.map(|other| match end {
            Some(end) if other.badness() > end.badness() => 0,
            Some(end) if other.badness() == end.badness() && other.arrival > end.arrival => 0,
            Some(end) if other.badness() == end.badness() => other.shown,
            _ => other.left,
        });
        counts.map(u64::from).sum()
    }
}

fn is_within(order: &Order, (low, high): Band) -> bool {
    (low..=high).contains(&order.terms.price)
}
