//! Trading a block: all its slots at once, after self-trade prevention has had its say.

use super::evaluate::{Plan, Taker, Way};
use crate::book::Fill;
use crate::engine::Engine;
use crate::funds::held_cash;
use crate::slab::NIL;
use types::{
    AccountId, CancelReason, ContractId, MarketBody, MarketEntry, Money, OrderId, Output, ReportBody,
    SelfTrade, Side, SlotHint, Ticks, Units, fee_of, value_of, value_of_window,
};

/// One trade in one slot of a block.
#[derive(Clone, Copy, Debug)]
struct Part {
    contract: ContractId,
    /// The other order.
    counter: OrderId,
    price: Ticks,
    units: Units,
    /// What each side pays.
    fee: Money,
}

/// The parts of an execution as one of the blocks in it sees them.
struct Group<'a> {
    taker: &'a Taker,
    /// Units per slot.
    units: Units,
    value: Money,
    parts: &'a [Part],
    is_maker: bool,
}

/// A maker's side of a part, to be told after the block's owner.
struct Made {
    account: AccountId,
    order: OrderId,
    left: Units,
}

/// A resting block that is met: where it lies, what it is, and how many units per slot it trades.
struct Met {
    slot: SlotHint,
    block: Taker,
    units: Units,
}

impl Engine {
    /// Trades what was planned of a block, and lowers what is left of it. False if self-trade prevention ends the
    /// block instead.
    pub(super) fn carry_out(
        &mut self,
        taker: &mut Taker,
        legs: &[u32],
        plan: &Plan,
        out: &mut Output,
    ) -> bool {
        let passed = match &plan.way {
            Way::Singles => self.passed_singles(taker, legs, plan.units),
            Way::Blocks(met) => self.passed_blocks(taker, met),
        };
        if !passed.is_empty() {
            if taker.self_trade == SelfTrade::CancelIncoming {
                return false;
            }
            for slot in passed {
                self.end_open(slot, CancelReason::SelfTrade, out);
            }
            if taker.self_trade == SelfTrade::CancelBoth {
                return false;
            }
        }
        match &plan.way {
            Way::Singles => self.trade_with_singles(taker, legs, plan.units, out),
            Way::Blocks(met) => self.trade_with_blocks(taker, legs, met, out),
        }
        true
    }

    /// The living singles of its own account that a block would pass by when it takes so many units in every slot:
    /// those that come before the last one taken.
    fn passed_singles(&self, taker: &Taker, legs: &[u32], units: Units) -> Vec<SlotHint> {
        let mut passed = Vec::new();
        let slab = &self.orders.slab;
        for &at in legs {
            // How much is to be taken at this price, and how much lies there and shows before the order looked at.
            let (mut wanted, mut ahead, mut there, mut price) = (u64::from(units), 0, 0, None);
            for slot in self.contracts.at(at).book.slots(slab, taker.side.opposite()) {
                let node = slab.at(slot);
                if price != Some(node.price) {
                    wanted = wanted.saturating_sub(there);
                    (ahead, there, price) = (0, 0, Some(node.price));
                }
                // Clips that are yet to be shown queue behind everything that rests at the price.
                if wanted <= ahead {
                    break;
                }
                if self.is_dead_single(slot, node) {
                    continue;
                }
                if node.owner == taker.account.0 {
                    passed.push(slot);
                } else {
                    ahead += u64::from(node.left);
                    there += u64::from(node.left) + u64::from(slab.hidden(slot));
                }
            }
        }
        passed
    }

    /// The living blocks of its own account that a block would pass by: those before the last one met.
    fn passed_blocks(&self, taker: &Taker, met: &[(SlotHint, Units)]) -> Vec<SlotHint> {
        let last = met.last().map(|&(slot, _)| slot);
        let before = self.crossing_blocks(taker).take_while(|&(slot, _)| Some(slot) != last);
        before.filter(|(_, other)| other.account == taker.account).map(|(slot, _)| slot).collect()
    }

    /// Takes so many units in every slot, the best first, then first come.
    fn trade_with_singles(&mut self, taker: &mut Taker, legs: &[u32], units: Units, out: &mut Output) {
        let (mut parts, mut makers) = (Vec::with_capacity(legs.len()), Vec::with_capacity(legs.len()));
        let mut value = 0;
        for &at in legs {
            let mut left = units;
            while left > 0 {
                let slot = self.first_single(at, taker);
                let contract = self.contracts.at_mut(at);
                let fill = contract.book.take_at(&mut self.orders.slab, slot, left);
                left -= fill.units;
                value += self.settle_single(taker, at, &fill, &mut parts);
                self.tell_block_trade(taker.side.opposite(), at, &fill, out);
                let account = AccountId(fill.owner);
                if fill.left == 0 {
                    self.orders.forget(slot, fill.maker, &mut self.accounts.at_mut(account).orders);
                }
                makers.push(Made { account, order: fill.maker, left: fill.left });
            }
        }
        self.release_traded(taker, units);
        taker.left -= units;
        self.tell_group(&Group { taker, units, value, parts: &parts, is_maker: false }, out);
        for (made, part) in makers.iter().zip(&parts) {
            let body = ReportBody::Filled {
                order: made.order,
                counter: taker.order,
                contract: part.contract,
                side: taker.side.opposite(),
                price: part.price,
                units: part.units,
                left: made.left,
                fee: part.fee,
                maker: true,
            };
            self.tell(made.account, body, out);
        }
    }

    /// The single of a slot that a block takes from next. What was counted when it was evaluated is there.
    fn first_single(&self, at: u32, taker: &Taker) -> SlotHint {
        let (slab, book) = (&self.orders.slab, &self.contracts.at(at).book);
        let is_met = |slot: &SlotHint| {
            let node = slab.at(*slot);
            node.owner != taker.account.0 && !self.is_dead_single(*slot, node)
        };
        book.slots(slab, taker.side.opposite()).find(is_met).expect("an evaluation counts what is there")
    }

    /// Moves cash and units of one part; what it is worth. What the block itself holds is released when all parts are
    /// settled.
    fn settle_single(&mut self, taker: &Taker, at: u32, fill: &Fill, parts: &mut Vec<Part>) -> Money {
        let contract = self.contracts.at(at).id;
        let record = self.classes.of(contract);
        let (class, currency, maker) = (record.class, record.currency, AccountId(fill.owner));
        let value = value_of(&class, fill.price, fill.units).expect("a part of what a buyer reserved");
        let fee = fee_of(&class, value);
        let makers = self.orders.holding(fill.slot);
        let (buyer, seller, sold) = match taker.side {
            Side::Buy => (taker.account, maker, makers),
            Side::Sell => (maker, taker.account, NIL),
        };
        if taker.side == Side::Sell {
            let held = |units| held_cash(&class, fill.price, units);
            let released = held(fill.left + fill.units) - held(fill.left);
            let cash = self.accounts.cash_mut(maker, currency);
            cash.reserved -= released;
            cash.free += released;
        }
        self.pay(buyer, seller, currency, value, fee);
        let bought = if taker.side == Side::Sell { makers } else { NIL };
        let bought = self.deliver(at, buyer, seller, fill.units, [sold, bought]);
        if taker.side == Side::Sell && fill.left > 0 {
            self.orders.set_holding(fill.slot, bought);
        }
        let Fill { maker: counter, price, units, .. } = *fill;
        parts.push(Part { contract, counter, price, units, fee });
        value
    }

    fn pay(&mut self, buyer: AccountId, seller: AccountId, currency: usize, value: Money, fee: Money) {
        self.accounts.cash_mut(buyer, currency).free -= value + fee;
        self.accounts.cash_mut(seller, currency).free += value - fee;
        self.accounts.fees[currency] += 2 * fee;
    }

    /// Releases the cash that a block which buys held for so many units per slot, all of whose parts are paid. What one
    /// sells has gone to the buyers.
    fn release_traded(&mut self, taker: &Taker, units: Units) {
        if taker.side == Side::Buy {
            self.release_block(taker, taker.left - units);
        }
    }

    /// Moves units that the seller holds reserved to what the buyer has free; where each has its holding is looked up
    /// unless it is known. Says where the buyer's lies.
    fn deliver(
        &mut self,
        at: u32,
        buyer: AccountId,
        seller: AccountId,
        units: Units,
        [sold, bought]: [u32; 2],
    ) -> u32 {
        let contract = self.contracts.at_mut(at);
        let sold = if sold == NIL { self.holdings.find(seller, contract.id) } else { Some(sold) };
        let sold = sold.expect("a seller holds what it sells");
        self.holdings.at_mut(sold).balance.reserved -= i64::from(units);
        if bought == NIL {
            return self.holdings.credit(buyer, contract.id, &mut contract.holders, units);
        }
        self.holdings.at_mut(bought).balance.free += i64::from(units);
        bought
    }

    /// As for any trade, but it sets no last price.
    fn tell_block_trade(&mut self, side: Side, at: u32, fill: &Fill, out: &mut Output) {
        let contract = self.contracts.at_mut(at);
        let mut entry = MarketEntry { order: fill.maker, side, price: fill.price, units: fill.units };
        contract.tell(self.stamp, MarketBody::BlockTrade(entry), out);
        if fill.refilled > 0 {
            entry.units = fill.refilled;
            contract.tell(self.stamp, MarketBody::Add(entry), out);
        }
    }

    /// Trades with resting blocks of the same window, each at its limit.
    fn trade_with_blocks(
        &mut self,
        taker: &mut Taker,
        legs: &[u32],
        met: &[(SlotHint, Units)],
        out: &mut Output,
    ) {
        let met: Vec<Met> =
            met.iter().map(|&(slot, units)| Met { slot, block: self.block_at(slot), units }).collect();
        let (mut parts, mut theirs) = (Vec::with_capacity(legs.len() * met.len()), Vec::new());
        let mut value = 0;
        for &at in legs {
            for Met { block, units, .. } in &met {
                value += self.settle_pair(taker, block, at, *units, &mut parts, out);
            }
        }
        let units = met.iter().map(|met| met.units).sum();
        self.release_traded(taker, units);
        taker.left -= units;
        self.tell_group(&Group { taker, units, value, parts: &parts, is_maker: false }, out);
        for (index, Met { slot, block, units }) in met.iter().enumerate() {
            self.release_traded(block, *units);
            let block = Taker { left: block.left - units, ..*block };
            theirs.clear();
            theirs.extend(parts.iter().skip(index).step_by(met.len()));
            theirs.iter_mut().for_each(|part: &mut Part| part.counter = taker.order);
            let class = &self.classes.of(block.first).class;
            let value = value_of_window(class, block.price, *units, block.slots);
            let value = value.expect("a part of what a buyer reserved");
            self.tell_group(
                &Group { taker: &block, units: *units, value, parts: &theirs, is_maker: true },
                out,
            );
            self.lower_block(*slot, &block, out);
        }
    }

    /// One slot of a trade between two blocks; what it is worth.
    fn settle_pair(
        &mut self,
        taker: &Taker,
        other: &Taker,
        at: u32,
        units: Units,
        parts: &mut Vec<Part>,
        out: &mut Output,
    ) -> Money {
        let contract = self.contracts.at(at).id;
        let record = self.classes.of(contract);
        let currency = record.currency;
        let value = value_of(&record.class, other.price, units).expect("a part of what a buyer reserved");
        let fee = fee_of(&record.class, value);
        let (buyer, seller) = match taker.side {
            Side::Buy => (taker.account, other.account),
            Side::Sell => (other.account, taker.account),
        };
        self.pay(buyer, seller, currency, value, fee);
        self.deliver(at, buyer, seller, units, [NIL; 2]);
        let print = MarketBody::BlockPrint { price: other.price, units, aggressor: taker.side };
        self.contracts.at_mut(at).tell(self.stamp, print, out);
        parts.push(Part { contract, counter: other.order, price: other.price, units, fee });
        value
    }

    /// Notes what is left of the block at `slot` after it has traded, which holds no more than that already: it may
    /// be gone, or end with less than its minimum. Says whether it still rests.
    pub(super) fn lower_block(&mut self, slot: SlotHint, block: &Taker, out: &mut Output) -> bool {
        if block.left == 0 {
            self.forget_block(slot, block);
            self.tell_block(block, out);
            return false;
        }
        self.orders.slab.at_mut(slot).left = block.left;
        if block.is_below_minimum() {
            self.end_block(slot, CancelReason::MinUnits, None, out);
            return false;
        }
        self.tell_block(block, out);
        true
    }

    /// Tells a block's owner that it traded, and of every part.
    fn tell_group(&mut self, group: &Group<'_>, out: &mut Output) {
        let Taker { order, account, first, slots, side, left, answers, .. } = *group.taker;
        let fills = u32::try_from(group.parts.len()).expect("no more than a block's units in all its slots");
        let (units, value) = (group.units, group.value);
        let body = ReportBody::BlockTraded { order, contract: first, slots, side, units, left, value, fills };
        self.accounts.tell(self.stamp, account, answers, body, out);
        for &Part { contract, counter, price, units, fee } in group.parts {
            let maker = group.is_maker;
            let body = ReportBody::Filled { order, counter, contract, side, price, units, left, fee, maker };
            self.accounts.tell(self.stamp, account, answers, body, out);
        }
    }
}
