//! Stops as they are saved, and back. Which orders sleep, and which were elected, the orders themselves say.

use super::{Election, Stops};
use crate::engine::Engine;
use crate::order::{Incoming, Loose};
use crate::save::Saved;
use types::{ContractId, Sequence, Side, SlotHint, Ticks};

impl Engine {
    /// Puts a stop back to sleep at its slot, or in line if it was elected in a batch.
    pub(crate) fn restore_stop(&mut self, slot: SlotHint, order: &Incoming<'_>, batch: u64) {
        let Loose { order: id, account, side, price, left, .. } = order.loose;
        self.orders.slab.insert_asleep(id, account.0, side, price, left);
        self.orders.restore(slot, order);
        if batch > 0 {
            self.orders.set_batch(slot, batch);
            self.stops.line.insert((batch, id), slot);
            return;
        }
        self.put_to_sleep(slot, &order.loose);
    }
}

impl Stops {
    /// What is yet to be elected. Whom the first election comes to next is found out again.
    pub(crate) fn save(&self, each: &mut impl FnMut(Saved)) {
        let Stops { asleep: _, elections, line: _, batches: _ } = self;
        for election in elections {
            let &Election { at: _, sequence, low, high, batch, next: (contract, ..) } = election;
            each(Saved::Election { contract, sequence, low, high, batch });
        }
    }

    pub(crate) fn restore_batches(&mut self, batches: u64) {
        self.batches = batches;
    }

    /// Queues an election again, of the contract that lies at `at`.
    pub(crate) fn restore_election(
        &mut self,
        contract: ContractId,
        at: u32,
        sequence: Sequence,
        prices: [Ticks; 2],
        batch: u64,
    ) {
        let ([low, high], next) = (prices, (contract, Side::Buy, i64::MIN, 0));
        self.elections.push_back(Election { at, sequence, low, high, batch, next });
    }

    /// Finds out whom the first election elects, once all stops are there. False if it elects nobody.
    pub(crate) fn resume(&mut self) -> bool {
        let elections = self.elections.len();
        self.find_next();
        self.elections.len() == elections
    }
}
