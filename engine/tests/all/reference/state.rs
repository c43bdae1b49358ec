//! The reference's whole state as the engine must emit it, and its sums.

use engine::{CurrencyTotals, Totals};
use types::{Hour, INDEX_HOURS, OpenOrder, Scope, StateEvent};

use super::{Order, RIGHT_HINT, Reference, money, units};

impl Reference {
    /// The full state as it must be emitted, with every slot hint as [`RIGHT_HINT`].
    pub(crate) fn state(&self, state: &mut Vec<StateEvent>) {
        state.extend(self.classes.iter().copied().map(StateEvent::Class));
        state.extend(self.accounts.iter().copied().map(StateEvent::Account));
        state.extend(self.keys.iter().copied().map(StateEvent::Key));
        let currencies = self.currencies();
        for account in self.accounts.iter().map(|account| account.id) {
            for &currency in &currencies {
                let owned = self.owned_cash(account, currency);
                if owned != 0 {
                    let held = self.reserved_cash(account, currency);
                    let (free, reserved) = (money(owned - held), money(held));
                    state.push(StateEvent::Cash { account, currency, free, reserved });
                }
            }
        }
        for (&contract, record) in &self.contracts {
            let mut holders = record.holders.clone();
            holders.sort();
            state.extend(holders.into_iter().map(|(account, owned)| {
                let held = self.reserved_units(account, contract);
                StateEvent::Holding { account, contract, free: units(owned - held), reserved: units(held) }
            }));
        }
        state.extend(self.contracts.iter().map(|(&contract, record)| StateEvent::Contract {
            contract,
            phase: record.phase,
            sequence: record.changes.last().copied().unwrap_or(0),
            last_price: record.last_price,
            auction_price: record.auction_price,
        }));
        self.open_orders(state);
        self.halts_and_hours(state);
        state.extend(self.accounts.iter().map(|account| StateEvent::Reports {
            account: account.id,
            last: self.reports.get(&account.id).copied().unwrap_or(0),
        }));
    }

    /// What the audit of the engine must add up to.
    pub(crate) fn totals(&self) -> Totals {
        let of_currency = |currency| {
            let deposits = self.cash_deposits.iter().filter(|deposit| deposit.currency == currency);
            let owned = self.cash.iter().filter(|((_, of), _)| *of == currency);
            CurrencyTotals {
                currency,
                deposited: money(deposits.map(|deposit| i128::from(deposit.amount)).sum()),
                held: money(owned.map(|(_, owned)| owned).sum()),
                fees: money(self.fees.get(&currency).copied().unwrap_or(0)),
            }
        };
        let holdings = self.contracts.values().flat_map(|contract| &contract.holders);
        Totals {
            currencies: self.currencies().into_iter().map(of_currency).collect(),
            units_held: u64::try_from(holdings.map(|(_, owned)| owned).sum::<i128>()).unwrap(),
            open_orders: self.orders.len() as u64,
            contracts: self.contracts.len() as u64,
        }
    }

    /// The halts of more than a contract, and what classes traded lately.
    fn halts_and_hours(&self, state: &mut Vec<StateEvent>) {
        let of_all = self.halts.iter().filter(|&&scope| scope == Scope::All);
        let classes = self.classes.iter().map(|class| Scope::Class(class.no));
        let of_classes = classes.filter(|scope| self.halts.contains(scope));
        state.extend(of_all.copied().chain(of_classes).map(|scope| StateEvent::Halt { scope, on: true }));
        for class in self.classes.iter().map(|class| class.no) {
            for hour in (self.hour() + 1).saturating_sub(INDEX_HOURS)..=self.hour() {
                let traded = self.traded.iter().filter(|trade| (trade.0, trade.1) == (class, hour));
                let of = |&(_, _, price, units): &(_, _, i64, u32)| {
                    (u64::from(units), price.unsigned_abs() * u64::from(units))
                };
                let (units, ticks) = traded.map(of).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
                if units > 0 {
                    state.push(StateEvent::Traded { class, hour: Hour(hour), units, ticks });
                }
            }
        }
    }

    /// By contract: bids, then asks, best price first, then first come; then sleeping stops by id, then blocks by id.
    fn open_orders(&self, state: &mut Vec<StateEvent>) {
        let mut orders: Vec<&Order> = self.orders.iter().collect();
        orders.sort_by_key(|order| {
            let contract = order.terms.contract;
            match order.sleeps() {
                _ if order.is_block() => (contract, 2, None, 0, order.id),
                false => (contract, 0, Some(order.terms.side), order.badness(), order.arrival),
                true => (contract, 1, None, 0, order.id),
            }
        });
        state.extend(orders.into_iter().map(|order| {
            StateEvent::Order(OpenOrder {
                account: order.account,
                order: order.id,
                slot: RIGHT_HINT,
                key: order.key,
                number: order.number,
                terms: order.terms,
                left: order.left,
                shown: order.shown,
            })
        }));
    }
}
