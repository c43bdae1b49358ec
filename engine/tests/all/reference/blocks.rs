//! Blocks, naively: every number of units is tried, every slot's queue is gone through clip by clip.

use types::{
    AccountId, BlockEntry, CancelReason, ContractId, Hour, MarketBody, Money, NewOrder, OrderId, Phase,
    RejectCode, ReportBody, SelfTrade, Sender, Side, Ticks, TimeInForce, Units,
};

use super::orders::entry;
use super::{Order, Outcome, RIGHT_HINT, Reference, money, seconds};

/// What would be taken from one single at once: whose order, at which price, how many units.
type Take = (OrderId, Ticks, Units);

/// An order as it stands in a queue that is only thought through.
struct Queued {
    id: OrderId,
    account: AccountId,
    price: Ticks,
    shown: Units,
    left: Units,
    clip: Units,
}

/// What would trade, and which orders of its own account a block would pass by.
pub(super) struct Plan {
    units: Units,
    /// The sum of prices over units and slots; the lower, the better for the block.
    badness: i128,
    passed: Vec<OrderId>,
    way: Way,
}

enum Way {
    /// For every slot what is taken, in order.
    Singles(Vec<Vec<Take>>),
    /// Which blocks are met, and for how many units.
    Blocks(Vec<(OrderId, Units)>),
}

/// One trade in one slot: the contract, the other order, the price, the units, the fee.
type Part = (ContractId, OrderId, Ticks, Units, Money);

impl Order {
    pub(super) fn is_block(&self) -> bool {
        self.terms.slots > 1
    }

    fn needed(&self) -> Units {
        if self.terms.min_units == 0 || self.terms.time_in_force == TimeInForce::Fok {
            return self.left;
        }
        self.terms.min_units
    }
}

impl Reference {
    pub(super) fn new_block(&mut self, sender: Sender, terms: NewOrder) -> Outcome {
        let mut order = self.incoming(sender, terms);
        self.check_window(&terms)?;
        self.check_moment(&order)?;
        self.check_limits(order.account, &terms)?;
        let account = self.accounts.iter().find(|account| account.id == order.account).unwrap();
        let most = account.limits.open_blocks;
        let open = self.orders.iter().filter(|open| open.is_block() && open.account == order.account);
        if open.count() >= usize::try_from(most).unwrap() {
            return Err((RejectCode::TooManyBlocks, i64::from(most)));
        }
        self.check_funds(&order)?;
        for leg in self.legs(&terms) {
            self.check_place(leg)?;
        }
        for leg in self.legs(&terms) {
            self.touch(leg)?;
        }
        self.answer(sender, ReportBody::Accepted { order: order.id, slot: RIGHT_HINT, terms });
        order.listed = 0;
        self.come_block(order, Some(sender));
        self.work_after_order();
        Ok(())
    }

    fn check_window(&self, terms: &NewOrder) -> Outcome {
        let number = terms.contract.class().0;
        let Some(class) = self.classes.get(usize::from(number)) else {
            return Err((RejectCode::UnknownClass, i64::from(number)));
        };
        let (hours, start) = (u32::from(class.spec.slot_hours), terms.contract.start().0);
        if start % hours != 0 {
            return Err((RejectCode::NotASlot, i64::from(hours)));
        }
        let starts: Vec<u32> = (0..u32::from(terms.slots)).map(|slot| start + slot * hours).collect();
        let gates: Vec<_> =
            starts.iter().map(|&start| Hour(start).starts().minus_minutes(class.spec.gate_minutes)).collect();
        if gates.iter().all(|&gate| gate <= self.time) {
            return Err((RejectCode::BlockInThePast, seconds(*gates.last().unwrap())));
        }
        if gates[0] <= self.time {
            return Err((RejectCode::BlockAcrossGate, seconds(gates[0])));
        }
        let horizon = u32::from(class.spec.horizon_hours);
        let reach = self.time.hour().0 + horizon;
        if starts.iter().any(|&start| start >= reach) || u32::from(terms.slots) > horizon / hours {
            return Err((RejectCode::BlockBeyondHorizon, i64::from(horizon)));
        }
        self.check_legs_not_halted(terms)
    }

    pub(super) fn check_legs_not_halted(&self, terms: &NewOrder) -> Outcome {
        match self.legs(terms).into_iter().find(|&leg| self.is_halted(leg)) {
            Some(halted) => Err((RejectCode::Halted, i64::from(halted.0))),
            None => Ok(()),
        }
    }

    /// The contracts of an order: one, or those of a block.
    pub(super) fn legs(&self, terms: &NewOrder) -> Vec<ContractId> {
        let hours = u32::from(self.class_of(terms.contract).spec.slot_hours);
        let leg = |slot| ContractId(terms.contract.0 + slot * hours);
        (0..u32::from(terms.slots)).map(leg).collect()
    }

    pub(super) fn replace_block(&mut self, sender: Sender, at: usize, price: Ticks, units: Units) -> Outcome {
        let old = self.orders[at];
        let left = units - (old.terms.units - old.left);
        if left < old.terms.min_units {
            return Err((RejectCode::MinUnitsOutOfRange, i64::from(old.terms.min_units)));
        }
        let new = Order { terms: NewOrder { price, units, ..old.terms }, left, ..old };
        self.check_funds(&new)?;
        let kept_priority = price == old.terms.price && left <= old.left;
        let (order, slot, contract, side) = (old.id, RIGHT_HINT, old.terms.contract, old.terms.side);
        #[rustfmt::skip]
        let body = ReportBody::Replaced {
            order, slot, contract, side, price, units, left, kept_priority,
        };
        self.answer(sender, body);
        if kept_priority {
            self.orders[at] = new;
            if left != old.left {
                self.tell_block(&new);
            }
        } else {
            self.take_out(at);
            self.come_block(new, Some(sender));
        }
        self.work_after_order();
        Ok(())
    }

    pub(super) fn tell_block(&mut self, block: &Order) {
        let NewOrder { contract, side, price, slots, min_units, same_provider, .. } = block.terms;
        let units = block.left;
        let told = BlockEntry { order: block.id, side, price, slots, units, min_units, same_provider };
        self.event(contract, MarketBody::Block(told));
    }

    /// A new or replaced block trades as often as it can, then rests or ends.
    fn come_block(&mut self, mut block: Order, sender: Option<Sender>) {
        while let Some(plan) = self.plan(&block) {
            if !self.carry_out(&mut block, &plan, sender) {
                return self.end(&block, CancelReason::SelfTrade, sender);
            }
            if block.left == 0 {
                return;
            }
        }
        let ended = match block.terms.time_in_force {
            TimeInForce::Ioc => Some(CancelReason::Ioc),
            TimeInForce::Fok => Some(CancelReason::Fok),
            _ if block.left < block.terms.min_units => Some(CancelReason::MinUnits),
            _ => self.count_as_mass_cancelled(&block),
        };
        if let Some(reason) = ended {
            return self.end(&block, reason, sender);
        }
        self.list(&mut block);
        self.orders.push(block);
        self.tell_block(&block);
    }

    pub(super) fn plan(&self, block: &Order) -> Option<Plan> {
        let trades =
            |leg: &ContractId| self.contracts[leg].phase == Phase::Continuous && self.gate(*leg) > self.time;
        if self.is_dead(block) || block.left == 0 || !self.legs(&block.terms).iter().all(trades) {
            return None;
        }
        let needed = block.needed();
        let singles = (needed..=block.left).rev().find_map(|units| self.plan_singles(block, units));
        let singles = singles.filter(|_| !block.terms.same_provider);
        let mut plans: Vec<Plan> = singles.into_iter().chain(self.plan_blocks(block)).collect();
        plans.sort_by_key(|plan| (std::cmp::Reverse(plan.units), plan.badness));
        plans.into_iter().next()
    }

    /// So many units of the singles of every slot, if they are there and within the limit.
    fn plan_singles(&self, block: &Order, units: Units) -> Option<Plan> {
        let (mut passed, mut slots, mut badness) = (Vec::new(), Vec::new(), 0);
        for leg in self.legs(&block.terms) {
            let (takes, own) = self.think_through(block, leg, units)?;
            badness += takes.iter().map(|take| signed(block, take.1) * i128::from(take.2)).sum::<i128>();
            slots.push(takes);
            passed.extend(own);
        }
        let limit = signed(block, block.terms.price) * i128::from(units) * i128::from(block.terms.slots);
        (badness <= limit).then_some(Plan { units, badness, passed, way: Way::Singles(slots) })
    }

    /// What a slot's queue would give, and whom of its own account the block would pass by.
    fn think_through(
        &self,
        block: &Order,
        leg: ContractId,
        units: Units,
    ) -> Option<(Vec<Take>, Vec<OrderId>)> {
        let mut singles: Vec<&Order> = self.orders.iter().filter(|order| order.shown > 0).collect();
        singles.retain(|order| order.terms.contract == leg && order.terms.side != block.terms.side);
        singles.retain(|order| !self.is_dead(order));
        singles.sort_by_key(|order| (order.badness(), order.arrival));
        let queued = |order: &&Order| Queued {
            id: order.id,
            account: order.account,
            price: order.terms.price,
            shown: order.shown,
            left: order.left,
            clip: order.terms.shown,
        };
        let mut queue: Vec<Queued> = singles.iter().map(queued).collect();
        let (mut takes, mut own, mut passed) = (Vec::new(), Vec::new(), Vec::new());
        let mut wanted = units;
        while wanted > 0 {
            if queue.is_empty() {
                return None;
            }
            let mut first = queue.remove(0);
            if first.account == block.account {
                own.push(first.id);
                continue;
            }
            passed.append(&mut own);
            let taken = wanted.min(first.shown);
            takes.push((first.id, first.price, taken));
            wanted -= taken;
            first.shown -= taken;
            first.left -= taken;
            if first.shown > 0 {
                queue.insert(0, first);
            } else if first.left > 0 {
                first.shown = first.left.min(first.clip);
                let behind = queue.iter().rposition(|other| other.price == first.price);
                queue.insert(behind.map_or(0, |at| at + 1), first);
            }
        }
        Some((takes, passed))
    }

    /// What resting blocks of the window give.
    fn plan_blocks(&self, block: &Order) -> Option<Plan> {
        let mut others: Vec<&Order> = self.orders.iter().filter(|other| other.is_block()).collect();
        others.retain(|other| {
            (other.terms.contract, other.terms.slots) == (block.terms.contract, block.terms.slots)
                && other.terms.side != block.terms.side
                && signed(block, other.terms.price) <= signed(block, block.terms.price)
                && !self.is_dead(other)
        });
        others.sort_by_key(|other| (other.badness(), other.id));
        let foreign = others.iter().filter(|other| other.account != block.account);
        let mut met = Vec::new();
        let mut left = block.left;
        for other in foreign.clone() {
            let units = left.min(other.left);
            if units > 0 && units >= other.needed() {
                met.push((other.id, units));
                left -= units;
            }
        }
        if block.terms.same_provider {
            let gives = |other: &&&Order| block.left.min(other.left);
            let able = foreign.filter(|other| gives(other) >= other.needed().max(block.needed()));
            // Of several that give as much the first.
            let most = able.rev().max_by_key(gives)?;
            met = vec![(most.id, gives(&most))];
        }
        let units: Units = met.iter().map(|(_, units)| units).sum();
        if units == 0 || units < block.needed() {
            return None;
        }
        let last = others.iter().position(|other| other.id == met.last().unwrap().0).unwrap();
        let own = others[..last].iter().filter(|other| other.account == block.account);
        let passed = own.map(|other| other.id).collect();
        let slots = i128::from(block.terms.slots);
        let price = |id| others.iter().find(|other| other.id == id).unwrap().terms.price;
        let each = met.iter().map(|&(id, units)| signed(block, price(id)) * i128::from(units) * slots);
        Some(Plan { units, badness: each.sum(), passed, way: Way::Blocks(met) })
    }

    /// False if the block may not go on.
    pub(super) fn carry_out(&mut self, block: &mut Order, plan: &Plan, sender: Option<Sender>) -> bool {
        if !plan.passed.is_empty() {
            if block.terms.self_trade == SelfTrade::CancelIncoming {
                return false;
            }
            for &id in &plan.passed {
                let at = self.at(id);
                let own = self.take_out(at);
                self.end(&own, CancelReason::SelfTrade, None);
            }
            if block.terms.self_trade == SelfTrade::CancelBoth {
                return false;
            }
        }
        match &plan.way {
            Way::Singles(slots) => self.trade_singles(block, plan.units, slots, sender),
            Way::Blocks(met) => self.trade_blocks(block, plan.units, met, sender),
        }
        true
    }

    pub(super) fn at(&self, id: OrderId) -> usize {
        self.orders.iter().position(|order| order.id == id).unwrap()
    }

    fn trade_singles(
        &mut self,
        block: &mut Order,
        units: Units,
        slots: &[Vec<Take>],
        sender: Option<Sender>,
    ) {
        let (mut parts, mut makers) = (Vec::new(), Vec::new());
        for (leg, takes) in self.legs(&block.terms).into_iter().zip(slots) {
            for &(id, price, taken) in takes {
                let at = self.at(id);
                let maker = self.orders[at];
                let fee = self.pay_between(block, &maker, leg, price, taken);
                self.event(leg, MarketBody::BlockTrade(entry(&maker, taken)));
                self.use_up(at, taken);
                parts.push((leg, id, price, taken, fee));
                makers.push((maker, maker.left - taken));
            }
        }
        block.left -= units;
        self.tell_group(block, units, &parts, sender, false);
        for ((maker, left), (contract, _, price, units, fee)) in makers.into_iter().zip(parts) {
            self.report(
                maker.account,
                None,
                ReportBody::Filled {
                    order: maker.id,
                    counter: block.id,
                    contract,
                    side: maker.terms.side,
                    price,
                    units,
                    left,
                    fee,
                    maker: true,
                },
            );
        }
    }

    fn trade_blocks(
        &mut self,
        block: &mut Order,
        units: Units,
        met: &[(OrderId, Units)],
        sender: Option<Sender>,
    ) {
        let mut parts: Vec<Part> = Vec::new();
        let aggressor = block.terms.side;
        for leg in self.legs(&block.terms) {
            for &(id, units) in met {
                let other = self.orders[self.at(id)];
                let price = other.terms.price;
                let fee = self.pay_between(block, &other, leg, price, units);
                self.event(leg, MarketBody::BlockPrint { price, units, aggressor });
                parts.push((leg, id, price, units, fee));
            }
        }
        block.left -= units;
        self.tell_group(block, units, &parts, sender, false);
        for &(id, units) in met {
            let at = self.at(id);
            let mut other = self.orders[at];
            other.left -= units;
            let of_it = parts.iter().filter(|part| part.1 == id);
            let theirs: Vec<Part> =
                of_it.map(|&(leg, _, price, units, fee)| (leg, block.id, price, units, fee)).collect();
            self.tell_group(&other, units, &theirs, None, true);
            self.lower_block(at, other);
        }
    }

    /// What is left of a resting block rests on, or ends. True if it rests.
    pub(super) fn lower_block(&mut self, at: usize, block: Order) -> bool {
        self.orders[at] = block;
        if block.left > 0 && block.left < block.terms.min_units {
            let block = self.take_out(at);
            self.end(&block, CancelReason::MinUnits, None);
            return false;
        }
        self.tell_block(&block);
        if block.left == 0 {
            self.orders.remove(at);
        }
        block.left > 0
    }

    fn pay_between(
        &mut self,
        block: &Order,
        other: &Order,
        leg: ContractId,
        price: Ticks,
        units: Units,
    ) -> Money {
        match block.terms.side {
            Side::Buy => self.pay(block.account, other.account, leg, price, units),
            Side::Sell => self.pay(other.account, block.account, leg, price, units),
        }
    }

    fn tell_group(
        &mut self,
        block: &Order,
        units: Units,
        parts: &[Part],
        sender: Option<Sender>,
        maker: bool,
    ) {
        let (order, left) = (block.id, block.left);
        let NewOrder { contract, slots, side, .. } = block.terms;
        let value = money(parts.iter().map(|part| self.value(part.0, part.2, part.3)).sum());
        let fills = u32::try_from(parts.len()).unwrap();
        let body = ReportBody::BlockTraded { order, contract, slots, side, units, left, value, fills };
        self.report(block.account, sender, body);
        for &(contract, counter, price, units, fee) in parts {
            let body = ReportBody::Filled { order, counter, contract, side, price, units, left, fee, maker };
            self.report(block.account, sender, body);
        }
    }
}

/// A price as a number that is the lower, the better it is for the block.
pub(super) fn signed(block: &Order, price: Ticks) -> i128 {
    match block.terms.side {
        Side::Buy => i128::from(price),
        Side::Sell => -i128::from(price),
    }
}
