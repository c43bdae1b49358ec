//! Emitting the state: what the mirrors of gateway and feed start from after a recovery.

use crate::class_index::Traded;
use crate::engine::Engine;
use crate::funds::Balance;
use crate::order::Loose;
use types::{Account, ContractId, OpenOrder, Scope, Side, SlotHint, StateEvent};

impl Engine {
    /// Appends the full state, in the order in which [`StateEvent`] lists its kinds; within a kind by id, and
    /// open orders by contract, bids before asks, best first, first come, then sleeping stops by id, then blocks by id.
    pub fn emit_state(&self, out: &mut Vec<StateEvent>) {
        self.each_of_state(&mut |event| out.push(event));
    }

    /// The same, an event at a time.
    pub(crate) fn each_of_state(&self, each: &mut impl FnMut(StateEvent)) {
        self.classes.iter().for_each(|class| each(StateEvent::Class(*class)));
        self.accounts.iter().for_each(|(account, _)| each(StateEvent::Account(*account)));
        self.keys.iter().for_each(|key| each(StateEvent::Key(key)));
        self.each_cash(each);
        let contracts = self.contracts.sorted();
        for contract in &contracts {
            let mut holdings: Vec<_> = self.holdings.list(contract.holders).collect();
            holdings.sort_by_key(|holding| holding.account);
            for holding in holdings {
                let (free, reserved) = (holding.free_units(), holding.reserved_units());
                let (account, contract) = (holding.account, contract.id);
                each(StateEvent::Holding { account, contract, free, reserved });
            }
        }
        for contract in &contracts {
            each(StateEvent::Contract {
                contract: contract.id,
                phase: contract.phase,
                sequence: contract.last_event,
                last_price: contract.last_price,
                auction_price: contract.auction_price,
            });
        }
        self.each_open_order(|order| each(StateEvent::Order(order)));
        let wide = self.halts.iter().filter(|scope| !matches!(scope, Scope::Contract(_)));
        wide.for_each(|scope| each(StateEvent::Halt { scope, on: true }));
        for record in self.classes.records() {
            for &Traded { hour, units, ticks } in record.index.traded(self.stamp.time.hour()) {
                each(StateEvent::Traded { class: record.class.no, hour, units, ticks });
            }
        }
        for (account, record) in self.accounts.iter() {
            each(StateEvent::Reports { account: account.id, last: record.reports });
        }
    }

    /// All open orders, in the order in which they are emitted.
    pub(crate) fn each_open_order(&self, mut each: impl FnMut(OpenOrder)) {
        let mut asleep: Vec<SlotHint> = self.stops.slots().collect();
        let contract_of = |slot: SlotHint| self.contracts.at(self.orders.record(slot).at).id;
        asleep.sort_by_key(|&slot| (contract_of(slot), self.orders.slab.at(slot).id));
        let mut asleep = asleep.into_iter().peekable();
        for contract in self.contracts.sorted() {
            let slab = &self.orders.slab;
            let resting =
                [Side::Buy, Side::Sell].into_iter().flat_map(|side| contract.book.slots(slab, side));
            resting.for_each(|slot| each(self.open_order(slot, contract.id)));
            while let Some(slot) = asleep.next_if(|&slot| contract_of(slot) == contract.id) {
                each(self.open_order(slot, contract.id));
            }
            self.blocks.first_at(contract.id).for_each(|slot| each(self.open_order(slot, contract.id)));
        }
    }

    fn each_cash(&self, each: &mut impl FnMut(StateEvent)) {
        for (&Account { id: account, .. }, _) in self.accounts.iter() {
            for (index, &currency) in self.accounts.currencies().iter().enumerate() {
                let Balance { free, reserved } = self.accounts.cash(account, index);
                if (free, reserved) != (0, 0) {
                    each(StateEvent::Cash { account, currency, free, reserved });
                }
            }
        }
    }

    fn open_order(&self, slot: SlotHint, contract: ContractId) -> OpenOrder {
        let node = self.orders.slab.at(slot);
        let Loose { order, account, left, .. } = self.orders.loose(slot, contract);
        let record = self.orders.record(slot);
        let (key, number, terms) = (record.key(), record.number, self.orders.terms(slot, contract));
        let shown = if node.is_asleep() { 0 } else { node.left };
        OpenOrder { account, order, slot, key, number, terms, left, shown }
    }
}
