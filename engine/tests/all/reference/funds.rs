//! What orders reserve and what trades move, naively: sums over all orders, in 128 bits.

use types::{AccountId, Code, ContractId, Money, NewOrder, RejectCode, Side, Ticks, Units};

use super::{Order, Outcome, Reference, money, units};

impl Reference {
    /// Whether its account has what `order` needs, besides what its other open orders hold.
    pub(super) fn check_funds(&self, order: &Order) -> Outcome {
        let (account, NewOrder { contract, side, .. }) = (order.account, order.terms);
        let held = self.orders.iter().find(|open| open.id == order.id);
        if side == Side::Sell {
            for leg in self.legs(&order.terms) {
                let free = self.owned_units(account, leg) - self.reserved_units(account, leg);
                let held = held.map_or(0, |open| i128::from(open.left));
                if free + held < i128::from(order.left) {
                    return Err((RejectCode::NotEnoughUnits, units(free).into()));
                }
            }
            return Ok(());
        }
        let needed = self.cost(order);
        if i64::try_from(needed).is_err() {
            return Err((RejectCode::TooLarge, i64::from(order.left)));
        }
        let currency = self.class_of(contract).spec.currency;
        let free = self.owned_cash(account, currency) - self.reserved_cash(account, currency);
        let held = held.map_or(0, |open| self.cost(open));
        if free + held >= needed { Ok(()) } else { Err((RejectCode::NotEnoughCash, money(needed - held))) }
    }

    /// Moves the value of a trade, the fees and the units; says what fee each side paid.
    pub(super) fn pay(
        &mut self,
        buyer: AccountId,
        seller: AccountId,
        contract: ContractId,
        price: Ticks,
        traded: Units,
    ) -> Money {
        let currency = self.class_of(contract).spec.currency;
        let value = self.value(contract, price, traded);
        let fee = self.fee(contract, value);
        *self.cash.entry((buyer, currency)).or_default() -= value + fee;
        *self.cash.entry((seller, currency)).or_default() += value - fee;
        *self.fees.entry(currency).or_default() += 2 * fee;
        self.move_units(contract, seller, -i128::from(traded));
        self.move_units(contract, buyer, i128::from(traded));
        money(fee)
    }

    pub(super) fn owned_cash(&self, account: AccountId, currency: Code) -> i128 {
        self.cash.get(&(account, currency)).copied().unwrap_or(0)
    }

    pub(super) fn reserved_cash(&self, account: AccountId, currency: Code) -> i128 {
        let of_account = |order: &&Order| order.terms.side == Side::Buy && order.account == account;
        let buys = self.orders.iter().filter(of_account);
        let buys = buys.filter(|order| self.class_of(order.terms.contract).spec.currency == currency);
        buys.map(|order| self.cost(order)).sum()
    }

    pub(super) fn owned_units(&self, account: AccountId, contract: ContractId) -> i128 {
        let holders = self.contracts.get(&contract).map_or(&[][..], |record| &record.holders);
        holders.iter().find(|(holder, _)| *holder == account).map_or(0, |(_, owned)| *owned)
    }

    pub(super) fn reserved_units(&self, account: AccountId, contract: ContractId) -> i128 {
        let of_account = |order: &&Order| order.terms.side == Side::Sell && order.account == account;
        let sells = self.orders.iter().filter(of_account);
        sells
            .filter(|order| self.legs(&order.terms).contains(&contract))
            .map(|order| i128::from(order.left))
            .sum()
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
        let slot = self.value(order.terms.contract, order.terms.price, order.left);
        let value = slot * i128::from(order.terms.slots);
        value + self.fee(order.terms.contract, value)
    }

    pub(super) fn value(&self, contract: ContractId, price: Ticks, units: Units) -> i128 {
        let spec = &self.class_of(contract).spec;
        i128::from(price) * i128::from(spec.tick) * i128::from(units) * i128::from(spec.slot_hours)
    }

    /// In whole millionths, rounded down.
    fn fee(&self, contract: ContractId, value: i128) -> i128 {
        value * i128::from(self.class_of(contract).spec.fee_ppm) / 1_000_000
    }
}
