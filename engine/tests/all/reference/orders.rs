//! Orders, naively: entry, matching, cancel and replace, and what they reserve.

use types::{
    AccountId, CancelReason, Code, ContractId, MarketBody, MarketEntry, NewOrder, OrderRef, PRICE_MAX,
    RejectCode, ReportBody, Sender, Side, Ticks, TimeInForce, UNITS_MAX, Units,
};

use super::{Order, Outcome, RIGHT_HINT, Reference, badness, units};

impl Reference {
    pub(super) fn new_order(&mut self, sender: Sender, new: NewOrder) -> Outcome {
        let NewOrder { contract, side, time_in_force, price, units } = new;
        check_terms(price, units)?;
        self.check_open(contract)?;
        let order = Order {
            account: self.account_of(sender),
            id: self.sequence,
            key: sender.key,
            number: sender.number,
            contract,
            side,
            price,
            units,
            left: units,
            arrival: 0,
        };
        self.check_funds(&order)?;
        self.touch(contract)?;
        let slot = RIGHT_HINT;
        let body =
            ReportBody::Accepted { order: order.id, slot, contract, side, time_in_force, price, units };
        self.answer(sender, body);
        if time_in_force == TimeInForce::Fok && !self.could_fill(&order) {
            self.end(&order, CancelReason::Fok, Some(sender));
        } else {
            self.run(sender, order, time_in_force);
        }
        Ok(())
    }

    pub(super) fn cancel(&mut self, sender: Sender, order: OrderRef) -> Outcome {
        let index = self.find_own(sender, order)?;
        let order = self.take_out(index);
        self.end(&order, CancelReason::Owner, Some(sender));
        Ok(())
    }

    pub(super) fn replace(&mut self, sender: Sender, order: OrderRef, price: Ticks, units: Units) -> Outcome {
        check_terms(price, units)?;
        let index = self.find_own(sender, order)?;
        let old = self.orders[index];
        self.check_open(old.contract)?;
        let filled = old.units - old.left;
        if units <= filled {
            return Err((RejectCode::AlreadyFilled, i64::from(filled)));
        }
        let new = Order { price, units, left: units - filled, ..old };
        self.check_funds(&new)?;
        let kept_priority = new.price == old.price && new.left <= old.left;
        let body = ReportBody::Replaced {
            order: old.id,
            slot: RIGHT_HINT,
            contract: old.contract,
            side: old.side,
            price,
            units,
            left: new.left,
            kept_priority,
        };
        self.answer(sender, body);
        if kept_priority {
            self.orders[index] = new;
            if new.left < old.left {
                self.event(new.contract, MarketBody::Reduce(entry(&new, new.left)));
            }
        } else {
            self.take_out(index);
            self.run(sender, new, TimeInForce::Gtc);
        }
        Ok(())
    }

    /// Matches what it can, one resting order at a time, and rests or ends the remainder.
    fn run(&mut self, sender: Sender, mut order: Order, lasts: TimeInForce) {
        while order.left > 0 {
            let Some(&maker) = self.queue_against(&order).first() else { break };
            if maker.account == order.account {
                return self.end(&order, CancelReason::SelfTrade, Some(sender));
            }
            order.left = self.trade(sender, &order, maker);
        }
        if order.left == 0 {
            return;
        }
        if lasts != TimeInForce::Gtc {
            return self.end(&order, CancelReason::Ioc, Some(sender));
        }
        self.arrivals += 1;
        self.orders.push(Order { arrival: self.arrivals, ..order });
        self.event(order.contract, MarketBody::Add(entry(&order, order.left)));
    }

    /// Trades as much as both have at the maker's price; says what is left of the taker.
    fn trade(&mut self, sender: Sender, taker: &Order, maker: Order) -> Units {
        let traded = taker.left.min(maker.left);
        let (taker_left, maker_left) = (taker.left - traded, maker.left - traded);
        let (contract, price) = (taker.contract, maker.price);
        let (buyer, seller) = match taker.side {
            Side::Buy => (taker.account, maker.account),
            Side::Sell => (maker.account, taker.account),
        };
        let currency = self.class_of(contract).spec.currency;
        let value = self.value(contract, price, traded);
        let fee = self.fee(contract, value);
        *self.cash.entry((buyer, currency)).or_default() -= value + fee;
        *self.cash.entry((seller, currency)).or_default() += value - fee;
        *self.fees.entry(currency).or_default() += 2 * fee;
        self.move_units(contract, seller, -i128::from(traded));
        self.move_units(contract, buyer, i128::from(traded));

        self.contracts.get_mut(&contract).unwrap().last_price = price;
        self.event(contract, MarketBody::Trade(entry(&maker, traded)));
        let at = self.orders.iter().position(|order| order.id == maker.id).unwrap();
        if maker_left == 0 {
            self.orders.remove(at);
        } else {
            self.orders[at].left = maker_left;
        }
        let filled = |own: &Order, other: &Order, left, maker| ReportBody::Filled {
            order: own.id,
            counter: other.id,
            contract,
            side: own.side,
            price,
            units: traded,
            left,
            fee: i64::try_from(fee).unwrap(),
            maker,
        };
        self.answer(sender, filled(taker, &maker, taker_left, false));
        self.report(maker.account, None, filled(&maker, taker, maker_left, true));
        taker_left
    }

    /// The resting orders it may meet: best price first, then first come, none past its limit.
    fn queue_against(&self, order: &Order) -> Vec<Order> {
        let meets = |other: &&Order| {
            other.contract == order.contract
                && match (order.side, other.side) {
                    (Side::Buy, Side::Sell) => other.price <= order.price,
                    (Side::Sell, Side::Buy) => other.price >= order.price,
                    _ => false,
                }
        };
        let mut queue: Vec<Order> = self.orders.iter().filter(meets).copied().collect();
        queue.sort_by_key(|other| (badness(other), other.arrival));
        queue
    }

    /// Whether it would be filled whole before it met an order of its own account.
    fn could_fill(&self, order: &Order) -> bool {
        let queue = self.queue_against(order);
        let others = queue.iter().take_while(|other| other.account != order.account);
        others.map(|other| u64::from(other.left)).sum::<u64>() >= u64::from(order.left)
    }

    /// The owner is told; what the order reserved is free because it is no longer open.
    pub(super) fn end(&mut self, order: &Order, reason: CancelReason, sender: Option<Sender>) {
        let Order { id, contract, side, left, .. } = *order;
        let body = ReportBody::Cancelled { order: id, contract, side, units: left, reason };
        self.report(order.account, sender, body);
    }

    /// Takes an open order out of the book and tells the public.
    pub(super) fn take_out(&mut self, index: usize) -> Order {
        let order = self.orders.remove(index);
        self.event(order.contract, MarketBody::Delete(entry(&order, order.left)));
        order
    }

    fn find_own(&self, sender: Sender, named: OrderRef) -> Result<usize, (RejectCode, i64)> {
        let account = self.account_of(sender);
        let is_it = |order: &Order| match named {
            OrderRef::Id { order: id, slot } => {
                order.id == id && slot == RIGHT_HINT && order.account == account
            }
            OrderRef::Number(number) => order.key == sender.key && order.number == number,
        };
        self.orders.iter().position(is_it).ok_or((RejectCode::UnknownOrder, 0))
    }
}

impl Reference {
    /// Whether its account has what `order` needs, besides what its other open orders hold.
    fn check_funds(&self, order: &Order) -> Outcome {
        let Order { account, contract, .. } = *order;
        let held = self.orders.iter().find(|open| open.id == order.id);
        if order.side == Side::Sell {
            let free = self.owned_units(account, contract) - self.reserved_units(account, contract);
            let held = held.map_or(0, |open| i128::from(open.left));
            let enough = free + held >= i128::from(order.left);
            return if enough { Ok(()) } else { Err((RejectCode::NotEnoughUnits, units(free).into())) };
        }
        let needed = self.cost(order);
        if i64::try_from(needed).is_err() {
            return Err((RejectCode::TooLarge, i64::from(order.left)));
        }
        let currency = self.class_of(contract).spec.currency;
        let free = self.owned_cash(account, currency) - self.reserved_cash(account, currency);
        let held = held.map_or(0, |open| self.cost(open));
        let more = i64::try_from(needed - held).unwrap();
        if free + held >= needed { Ok(()) } else { Err((RejectCode::NotEnoughCash, more)) }
    }

    pub(super) fn owned_cash(&self, account: AccountId, currency: Code) -> i128 {
        self.cash.get(&(account, currency)).copied().unwrap_or(0)
    }

    pub(super) fn reserved_cash(&self, account: AccountId, currency: Code) -> i128 {
        let of_account = |order: &&Order| order.side == Side::Buy && order.account == account;
        let buys = self.orders.iter().filter(of_account);
        let buys = buys.filter(|order| self.class_of(order.contract).spec.currency == currency);
        buys.map(|order| self.cost(order)).sum()
    }

    pub(super) fn owned_units(&self, account: AccountId, contract: ContractId) -> i128 {
        let holders = self.contracts.get(&contract).map_or(&[][..], |record| &record.holders);
        holders.iter().find(|(holder, _)| *holder == account).map_or(0, |(_, owned)| *owned)
    }

    pub(super) fn reserved_units(&self, account: AccountId, contract: ContractId) -> i128 {
        let sells = self.orders.iter().filter(|order| order.side == Side::Sell && order.account == account);
        sells.filter(|order| order.contract == contract).map(|order| i128::from(order.left)).sum()
    }

    pub(super) fn move_units(&mut self, contract: ContractId, account: AccountId, number: i128) {
        let holders = &mut self.contracts.get_mut(&contract).unwrap().holders;
        match holders.iter_mut().find(|(holder, _)| *holder == account) {
            Some((_, owned)) => *owned += number,
            None => holders.push((account, number)),
        }
    }

    /// What a buy order reserves: the value of what is left at its limit, and the fee on all of that.
    fn cost(&self, order: &Order) -> i128 {
        let value = self.value(order.contract, order.price, order.left);
        value + self.fee(order.contract, value)
    }

    fn value(&self, contract: ContractId, price: Ticks, units: Units) -> i128 {
        let spec = &self.class_of(contract).spec;
        i128::from(price) * i128::from(spec.tick) * i128::from(units) * i128::from(spec.slot_hours)
    }

    /// In whole millionths, rounded down.
    fn fee(&self, contract: ContractId, value: i128) -> i128 {
        value * i128::from(self.class_of(contract).spec.fee_ppm) / 1_000_000
    }
}

fn check_terms(price: Ticks, units: Units) -> Outcome {
    if !(1..=PRICE_MAX).contains(&price) {
        return Err((RejectCode::PriceOutOfRange, price));
    }
    if !(1..=UNITS_MAX).contains(&units) {
        return Err((RejectCode::UnitsOutOfRange, i64::from(units)));
    }
    Ok(())
}

fn entry(order: &Order, units: Units) -> MarketEntry {
    MarketEntry { order: order.id, side: order.side, price: order.price, units }
}
