//! Emitting the state: what the mirrors of gateway and feed start from after a recovery.

use crate::engine::Engine;
use crate::funds::Balance;
use crate::order::Loose;
use types::{Account, ContractId, OpenOrder, Side, SlotHint, StateEvent};

impl Engine {
    /// Appends the full state, in the order in which [`StateEvent`] lists its kinds; within a kind by id, and
    /// open orders by contract, bids before asks, best first, first come, then sleeping stops by id.
    pub fn emit_state(&self, out: &mut Vec<StateEvent>) {
        out.extend(self.classes.iter().copied().map(StateEvent::Class));
        out.extend(self.accounts.iter().map(|(&account, _)| StateEvent::Account(account)));
        out.extend(self.keys.iter().map(StateEvent::Key));
        self.emit_cash(out);
        let contracts = self.contracts.sorted();
        for contract in &contracts {
            let mut holdings: Vec<_> = self.holdings.list(contract.holders).collect();
            holdings.sort_by_key(|holding| holding.account);
            out.extend(holdings.into_iter().map(|holding| StateEvent::Holding {
                account: holding.account,
                contract: contract.id,
                free: holding.free_units(),
                reserved: holding.reserved_units(),
            }));
        }
        out.extend(contracts.iter().map(|contract| StateEvent::Contract {
            contract: contract.id,
            phase: contract.phase,
            sequence: contract.last_event,
            last_price: contract.last_price,
        }));
        let mut asleep: Vec<SlotHint> = self.stops.slots().collect();
        let contract_of = |slot: SlotHint| self.contracts.at(self.orders.record(slot).at).id;
        asleep.sort_by_key(|&slot| (contract_of(slot), self.orders.slab.at(slot).id));
        let mut asleep = asleep.into_iter().peekable();
        for contract in &contracts {
            let slab = &self.orders.slab;
            let resting =
                [Side::Buy, Side::Sell].into_iter().flat_map(|side| contract.book.slots(slab, side));
            out.extend(resting.map(|slot| self.open_order(slot, contract.id)));
            while let Some(slot) = asleep.next_if(|&slot| contract_of(slot) == contract.id) {
                out.push(self.open_order(slot, contract.id));
            }
        }
        out.extend(
            self.accounts
                .iter()
                .map(|(account, record)| StateEvent::Reports { account: account.id, last: record.reports }),
        );
    }

    fn emit_cash(&self, out: &mut Vec<StateEvent>) {
        for (&Account { id: account, .. }, _) in self.accounts.iter() {
            for (index, &currency) in self.accounts.currencies().iter().enumerate() {
                let Balance { free, reserved } = self.accounts.cash(account, index);
                if (free, reserved) != (0, 0) {
                    out.push(StateEvent::Cash { account, currency, free, reserved });
                }
            }
        }
    }

    fn open_order(&self, slot: SlotHint, contract: ContractId) -> StateEvent {
        let node = self.orders.slab.at(slot);
        let Loose { order, account, left, .. } = self.orders.loose(slot, contract);
        let record = self.orders.record(slot);
        let (key, number, terms) = (record.key(), record.number, self.orders.terms(slot, contract));
        let shown = if node.is_asleep() { 0 } else { node.left };
        StateEvent::Order(OpenOrder { account, order, slot, key, number, terms, left, shown })
    }
}
