//! Blocks over windows that overlap, at limits near what the singles of their slots cost.

use types::{
    BLOCK_SLOTS_MAX, ContractId, NewOrder, OrderKind, PRICE_MAX, SelfTrade, Side, Ticks, TimeInForce,
};

use super::super::reference::Reference;
use super::{Generator, Kind};

impl Generator {
    pub(super) fn block(&mut self, known: &Reference) -> NewOrder {
        let contracts = self.mix.contracts;
        let first = self.contract(known);
        let slots = match self.rng.below(100) {
            0 => self.rng.pick(&[0, BLOCK_SLOTS_MAX, BLOCK_SLOTS_MAX + 1, u16::MAX]),
            1..4 => u16::try_from(5 + self.rng.small(8)).unwrap(),
            // Mostly no longer than there are slots that are traded.
            _ => {
                let spare = (self.first_hour() + contracts).saturating_sub(first.start().0).clamp(2, 12);
                u16::try_from(2 + self.rng.small(spare - 1)).unwrap()
            }
        };
        let first = if self.rng.chance(3) { ContractId(first.0.saturating_sub(1)) } else { first };
        let waits = self.kind == Kind::Waiting;
        let side = if self.rng.chance(if waits { 93 } else { 50 }) { Side::Buy } else { Side::Sell };
        let most = if waits { 90 } else { 12 };
        let mut block = NewOrder::block(first, slots, side, self.units(most), self.average(side));
        if self.rng.chance(if waits { 15 } else { 50 }) {
            let most = block.units.clamp(1, 12) + u32::from(self.rng.chance(2));
            block.min_units = 1 + self.rng.small(most);
        }
        block.time_in_force = match self.time_in_force(known) {
            TimeInForce::Ioc | TimeInForce::Fok if self.rng.chance(60) => TimeInForce::Gtc,
            lasts => lasts,
        };
        block.same_provider = side == Side::Buy && self.rng.chance(15);
        if self.rng.chance(50) {
            block.self_trade =
                self.rng.pick(&[SelfTrade::CancelIncoming, SelfTrade::CancelResting, SelfTrade::CancelBoth]);
        }
        if self.rng.chance(2) {
            self.spoil(&mut block);
        }
        block
    }

    /// What a block may not be.
    fn spoil(&mut self, block: &mut NewOrder) {
        match self.rng.below(6) {
            0 => block.kind = OrderKind::Market,
            1 => block.shown = 1,
            2 => block.post_only = true,
            3 => block.trigger = Some(12),
            4 => block.self_trade = SelfTrade::Decrement,
            _ => block.same_provider = true,
        }
    }

    /// A limit that some of what rests is good enough for.
    fn average(&mut self, side: Side) -> Ticks {
        let near = Ticks::from(self.rng.small(6));
        match (self.rng.below(150), side) {
            (0, _) => self.rng.pick(&[0, PRICE_MAX, PRICE_MAX + 1]),
            (_, Side::Buy) if self.kind == Kind::Waiting => 14 + near,
            (_, Side::Buy) => 10 + near,
            (_, Side::Sell) => 16 - near,
        }
    }
}
