//! Emitting the state: what the mirrors of gateway and feed start from after a recovery.

use crate::engine::Engine;
use types::{AccountId, OpenOrder, Side, StateEvent};

impl Engine {
    /// Appends the full state, in the order in which [`StateEvent`] lists its kinds; within a kind by id, and
    /// open orders by contract, bids before asks, best first, first come.
    pub fn emit_state(&self, out: &mut Vec<StateEvent>) {
        out.extend(self.classes.iter().copied().map(StateEvent::Class));
        out.extend(self.accounts.iter().map(|record| StateEvent::Account(record.account)));
        out.extend(self.keys.iter().copied().map(StateEvent::Key));
        self.emit_cash(out);
        let contracts = self.contracts.sorted();
        for contract in &contracts {
            let mut holdings: Vec<_> = self.holdings.list(contract.holders).collect();
            holdings.sort_by_key(|holding| holding.account);
            out.extend(holdings.into_iter().map(|holding| StateEvent::Holding {
                account: holding.account,
                contract: contract.id,
                free: holding.free,
                reserved: holding.reserved,
            }));
        }
        out.extend(contracts.iter().map(|contract| StateEvent::Contract {
            contract: contract.id,
            phase: contract.phase,
            sequence: contract.last_event,
            last_price: contract.last_price,
        }));
        for contract in &contracts {
            for side in [Side::Buy, Side::Sell] {
                out.extend(contract.book.slots(&self.orders.slab, side).map(|slot| self.open_order(slot)));
            }
        }
        out.extend(
            self.accounts
                .iter()
                .map(|record| StateEvent::Reports { account: record.account.id, last: record.reports }),
        );
    }

    fn emit_cash(&self, out: &mut Vec<StateEvent>) {
        for record in self.accounts.iter() {
            for (cash, &currency) in record.cash.iter().zip(self.accounts.currencies()) {
                if *cash != crate::accounts::Cash::default() {
                    let account = record.account.id;
                    out.push(StateEvent::Cash {
                        account,
                        currency,
                        free: cash.free,
                        reserved: cash.reserved,
                    });
                }
            }
        }
    }

    fn open_order(&self, slot: u32) -> StateEvent {
        let (node, record) = (self.orders.slab.at(slot), self.orders.record(slot));
        StateEvent::Order(OpenOrder {
            account: AccountId(node.owner),
            order: node.id,
            slot,
            key: record.key,
            number: record.number,
            contract: record.contract,
            side: node.side(),
            price: node.price,
            units: record.units,
            left: node.left,
        })
    }
}
