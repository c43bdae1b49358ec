//! Orders of all kinds at prices that collide, and what is done to them later.

use types::{
    ClassNo, Command, MINUTE_NANOS, MassCancel, NewOrder, OrderKind, OrderRef, PRICE_MAX, Scope, SelfTrade,
    Side, Ticks, TimeInForce, Timestamp, UNITS_MAX, Units,
};

use super::super::reference::{Order, RIGHT_HINT, Reference};
use super::{Generator, Kind};

/// The price around which crowded streams put up bids and asks without many trades.
const MIDDLE: Ticks = 15;

impl Generator {
    pub(super) fn new_order(&mut self, known: &Reference) -> NewOrder {
        if self.rng.chance(self.mix.blocks) {
            return self.block(known);
        }
        let (mix, contract) = (self.mix, self.contract(known));
        let last = known.contracts.get(&contract).map_or(0, |record| record.last_price);
        let buys = if self.is_lively() { 50 } else { mix.buys };
        let side = if self.rng.chance(buys) { Side::Buy } else { Side::Sell };
        if self.is_lively() && self.kind == Kind::Waking && self.rng.chance(12) {
            return self.sweep(NewOrder::limit(contract, side, 1, 1));
        }
        let mut order = NewOrder::limit(contract, side, self.units(12), self.price(side, last));
        if self.rng.chance(mix.markets) {
            order.kind = OrderKind::Market;
            let none = if self.kind.has_auctions() { 50 } else { 5 };
            order.price = if self.rng.chance(none) { 0 } else { order.price };
        }
        order.time_in_force = self.time_in_force(known);
        let ends = order.kind == OrderKind::Market
            || matches!(order.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        if self.rng.chance(mix.icebergs) && (!ends || self.rng.chance(5)) {
            order.units = self.units(40);
            order.shown = if self.rng.chance(4) { order.units / 101 + 1 } else { 1 + self.rng.small(6) };
        }
        order.post_only = self.rng.chance(mix.post_only) && (!ends || self.rng.chance(5));
        if self.rng.chance(mix.minimum) && (!order.post_only || self.rng.chance(5)) {
            let most = order.units.min(UNITS_MAX);
            order.min_units = if self.rng.chance(30) { most } else { self.rng.small(most + 2) };
        }
        if self.rng.chance(mix.stops) {
            self.make_stop(&mut order, last);
        }
        if !self.rng.chance(mix.default_prevention) {
            order.self_trade = self.rng.pick(&[
                SelfTrade::CancelIncoming,
                SelfTrade::CancelResting,
                SelfTrade::CancelBoth,
                SelfTrade::Decrement,
            ]);
        }
        order
    }

    /// An order that trades through many levels.
    fn sweep(&mut self, order: NewOrder) -> NewOrder {
        let price = if order.side == Side::Buy { 2 * MIDDLE } else { 1 };
        NewOrder { price, units: 50 + self.rng.small(1_000), time_in_force: TimeInForce::Ioc, ..order }
    }

    fn make_stop(&mut self, order: &mut NewOrder, last: Ticks) {
        let (buys, is_lively) = (order.side == Side::Buy, self.is_lively());
        let toward = |ticks: Ticks| if buys { ticks } else { -ticks };
        let mut away = |from: Ticks, most: u32| from + toward(Ticks::from(self.rng.small(most)));
        let (trigger, price) = match self.kind {
            Kind::Stops => {
                let trigger = away(centre(last) - toward(1), 6).max(1);
                (trigger, away(trigger - toward(1), 4).max(1))
            }
            // Between the lowest and the highest trade of a sweep.
            Kind::Waking if is_lively => (away(if buys { 1 } else { 30 }, 30), order.price),
            kind if kind.is_crowded() => {
                let price = away(MIDDLE, if buys { 16 } else { 14 });
                (away(MIDDLE + toward(1), 8), price)
            }
            _ => (10 + Ticks::from(self.rng.small(7)), order.price),
        };
        order.price = price;
        let bad = [0, -1, PRICE_MAX + 1];
        order.trigger = Some(if self.rng.chance(1) { self.rng.pick(&bad) } else { trigger });
    }

    pub(super) fn time_in_force(&mut self, known: &Reference) -> TimeInForce {
        let mix = self.mix;
        match self.rng.below(100) {
            roll if roll < mix.at_once => self.rng.pick(&[TimeInForce::Ioc, TimeInForce::Fok]),
            roll if roll < mix.at_once + mix.dated => TimeInForce::Gtd(Timestamp(self.moment(known))),
            _ => TimeInForce::Gtc,
        }
    }

    /// A moment that soon comes, is another order's or the gate's too, or has passed.
    fn moment(&mut self, known: &Reference) -> u64 {
        let deadline = known.next_deadline().map_or(self.time, |deadline| deadline.0);
        if self.kind == Kind::Lapsing && self.rng.chance(95) {
            let minutes = self.rng.pick(&[10, 10, 10, 10, 20]);
            let last = self.time / (10 * MINUTE_NANOS) * 10 * MINUTE_NANOS;
            return last + minutes * MINUTE_NANOS + self.rng.below(2);
        }
        match self.rng.below(40) {
            0 => self.time,
            1 => self.time - 1,
            2 => u64::MAX,
            3..6 => self.time + 1,
            6..14 => self.time + self.rng.below(12),
            14..24 => deadline,
            24 => deadline + 1,
            25 => deadline.saturating_sub(1),
            26..34 if self.kind == Kind::Dated => self.time + self.rng.below(300),
            _ => self.time + self.rng.below(90 * MINUTE_NANOS),
        }
    }

    pub(super) fn replace(&mut self, known: &Reference) -> Command {
        let order = self.order(known);
        let named = known.orders.iter().find(|open| is_named(open, order));
        let last = named.and_then(|open| known.contracts.get(&open.terms.contract));
        let last = last.map_or(0, |record| record.last_price);
        match named {
            // Less, the same or a little more at the same price.
            Some(open) if self.rng.chance(50) => {
                let units = (open.terms.units + self.rng.small(3)).saturating_sub(self.rng.small(6));
                Command::Replace { order, price: open.terms.price, units }
            }
            _ => {
                let side = named.map_or(Side::Buy, |open| open.terms.side);
                Command::Replace { order, price: self.price(side, last), units: self.units(20) }
            }
        }
    }

    pub(super) fn mass_cancel(&mut self, known: &Reference) -> MassCancel {
        let scope = match self.rng.below(10) {
            0..4 => Scope::All,
            4..7 => Scope::Class(ClassNo(u16::try_from(self.rng.index(known.classes.len() + 1)).unwrap())),
            _ => Scope::Contract(self.contract(known)),
        };
        MassCancel { scope, side: self.rng.pick(&[None, None, Some(Side::Buy), Some(Side::Sell)]) }
    }

    /// An open order mostly; sometimes one that is not, or the right one with a wrong hint.
    pub(super) fn order(&mut self, known: &Reference) -> OrderRef {
        let order = match known.orders.len() {
            0 => None,
            open => known.orders.get(self.rng.index(open)),
        };
        match (order, self.rng.below(20)) {
            (Some(Order { id, .. }), 0..11) => OrderRef::Id { order: *id, slot: RIGHT_HINT },
            (Some(Order { id, .. }), 11) => OrderRef::Id { order: *id, slot: 1 + self.rng.small(3) },
            (Some(Order { number, .. }), 12..18) => OrderRef::Number(*number),
            (_, 0..17) => OrderRef::Id { order: self.rng.below(400), slot: RIGHT_HINT },
            _ => OrderRef::Number(self.rng.below(100)),
        }
    }

    fn price(&mut self, side: Side, last: Ticks) -> Ticks {
        let near = Ticks::from(self.rng.small(7));
        let mut up_to = |most| Ticks::from(self.rng.small(most));
        let price = match (self.kind, side) {
            (Kind::Stops, Side::Buy) => (centre(last) - 4 + near).max(1),
            (Kind::Stops, Side::Sell) => (centre(last) + 4 - near).max(1),
            (Kind::Uncrossing, _) => 10 + near,
            (kind, Side::Buy) if kind.is_crowded() => MIDDLE - up_to(14),
            (kind, Side::Sell) if kind.is_crowded() => MIDDLE + up_to(16),
            _ => 10 + near,
        };
        match self.rng.below(250) {
            0 => 0,
            1 => -1,
            2 => PRICE_MAX + 1,
            3..5 => PRICE_MAX,
            5..10 if !self.kind.is_crowded() => 1 + Ticks::from(self.rng.small(3_000)),
            _ => price,
        }
    }

    pub(super) fn units(&mut self, most: u32) -> Units {
        match self.rng.below(250) {
            0 => 0,
            1 => UNITS_MAX + 1,
            2 => UNITS_MAX,
            _ => 1 + self.rng.small(most),
        }
    }
}

/// Where prices gather in a stream that follows the last trade.
fn centre(last: Ticks) -> Ticks {
    if last == 0 { 20 } else { last.clamp(12, 40) }
}

/// True if the order has that id, or number of whichever key.
pub(super) fn is_named(order: &Order, named: OrderRef) -> bool {
    match named {
        OrderRef::Id { order: id, .. } => order.id == id,
        OrderRef::Number(number) => order.number == number,
    }
}
