//! A stand-in for the exchange, for the agents' tests: it takes every command in order, knows one owner's orders
//! and fills them as told.

use std::collections::BTreeMap;
use types::{
    AccountId, CancelReason, Command, ContractId, KeyNo, Lane, NewOrder, OrderId, OrderRef, RejectCode,
    Report, ReportBody, Sender, Side, Ticks, TimeInForce, Timestamp, Units,
};

/// An order that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Resting {
    pub(super) contract: ContractId,
    pub(super) side: Side,
    pub(super) price: Ticks,
    /// Its total.
    pub(super) units: Units,
    pub(super) left: Units,
}

#[derive(Debug, Default)]
pub(super) struct Play {
    pub(super) orders: BTreeMap<OrderId, Resting>,
    /// Units by contract that are free to sell.
    pub(super) free: BTreeMap<ContractId, Units>,
    sequence: u64,
    numbers: [u64; 2],
}

impl Play {
    /// Takes a command: its number and the reports it makes.
    pub(super) fn take(&mut self, command: Command) -> (u64, Vec<Report>) {
        self.sequence += 1;
        let lane = if matches!(command, Command::Cancel(_)) { Lane::Cancels } else { Lane::Orders };
        let number = &mut self.numbers[usize::from(lane == Lane::Cancels)];
        *number += 1;
        let sender = Sender { key: KeyNo(1), lane, number: *number };
        let bodies = self.carry_out(command);
        (sender.number, bodies.into_iter().map(|body| self.report(Some(sender), body)).collect())
    }

    /// Somebody takes `units` of a resting order.
    pub(super) fn fill(&mut self, order: OrderId, units: Units) -> Report {
        self.sequence += 1;
        let resting = self.orders.get_mut(&order).expect("the test fills what rests");
        resting.left -= units;
        let Resting { contract, side, price, left, .. } = *resting;
        if left == 0 {
            self.orders.remove(&order);
        }
        let counter = self.sequence;
        let body =
            ReportBody::Filled { order, counter, contract, side, price, units, left, fee: 0, maker: true };
        self.report(None, body)
    }

    /// The order of a side that rests in a contract, if it is the only one.
    pub(super) fn only(&self, contract: ContractId) -> Option<(OrderId, Resting)> {
        let mut found = self.orders.iter().filter(|(_, resting)| resting.contract == contract);
        let first = found.next().map(|(order, resting)| (*order, *resting));
        assert!(found.next().is_none(), "one order at most in {contract:?}");
        first
    }

    fn carry_out(&mut self, command: Command) -> Vec<ReportBody> {
        let order = self.sequence;
        match command {
            Command::DepositCapacity { contract, units, external } => {
                *self.free.entry(contract).or_default() += units;
                vec![ReportBody::CapacityDeposited { contract, units, external }]
            }
            Command::NewOrder(terms) => {
                let NewOrder { contract, side, time_in_force, price, units, .. } = terms;
                if side == Side::Sell && !self.hold(contract, units) {
                    return vec![ReportBody::Rejected { code: RejectCode::NotEnoughUnits, value: 0 }];
                }
                let accepted = ReportBody::Accepted { order, slot: 1, terms };
                if time_in_force == TimeInForce::Gtc {
                    self.orders.insert(order, Resting { contract, side, price, units, left: units });
                    return vec![accepted];
                }
                let reason = CancelReason::Ioc;
                vec![accepted, ReportBody::Cancelled { order, contract, side, units, left: 0, reason }]
            }
            Command::Cancel(OrderRef::Id { order, .. }) => vec![self.cancel(order)],
            Command::Replace { order: OrderRef::Id { order, .. }, price, units } => {
                vec![self.replace(order, price, units)]
            }
            other => panic!("no agent sends {other:?}"),
        }
    }

    fn cancel(&mut self, order: OrderId) -> ReportBody {
        let Some(Resting { contract, side, left, .. }) = self.orders.remove(&order) else {
            return ReportBody::Rejected { code: RejectCode::UnknownOrder, value: 0 };
        };
        if side == Side::Sell {
            *self.free.entry(contract).or_default() += left;
        }
        ReportBody::Cancelled { order, contract, side, units: left, left: 0, reason: CancelReason::Owner }
    }

    fn replace(&mut self, order: OrderId, price: Ticks, units: Units) -> ReportBody {
        let Some(resting) = self.orders.get(&order).copied() else {
            return ReportBody::Rejected { code: RejectCode::UnknownOrder, value: 0 };
        };
        let Resting { contract, side, .. } = resting;
        let filled = resting.units - resting.left;
        if units <= filled {
            return ReportBody::Rejected { code: RejectCode::AlreadyFilled, value: i64::from(filled) };
        }
        *self.free.entry(contract).or_default() += resting.left;
        if !self.hold(contract, units - filled) {
            assert!(self.hold(contract, resting.left), "what was just given back");
            return ReportBody::Rejected { code: RejectCode::NotEnoughUnits, value: 0 };
        }
        let left = units - filled;
        self.orders.insert(order, Resting { price, units, left, ..resting });
        ReportBody::Replaced { order, slot: 1, contract, side, price, units, left, kept_priority: false }
    }

    fn hold(&mut self, contract: ContractId, units: Units) -> bool {
        let free = self.free.entry(contract).or_default();
        let held = free.checked_sub(units);
        *free = held.unwrap_or(*free);
        held.is_some()
    }

    fn report(&self, answers: Option<Sender>, body: ReportBody) -> Report {
        let (number, time) = (self.sequence, Timestamp(0));
        Report { account: AccountId(1), number, sequence: self.sequence, time, answers, body }
    }
}
