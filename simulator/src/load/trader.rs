//! What a session of the load sends: limit orders around a fixed mid price, and cancels of what rests. A pure
//! state machine.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::VecDeque;
use types::{Command, ContractId, Lane, NewOrder, RejectCode, Report, Side, Ticks, TimeInForce, Units};

use crate::agents::{OwnOrders, Wish};

/// The price everything is around, in ticks.
const MID: Ticks = 10_000;
/// The farthest an order is away from it on its own side, and on the other, where it meets others.
const AWAY: Ticks = 20;
const ACROSS: Ticks = 10;
/// The share of orders that are immediate-or-cancel.
const IOC_SHARE: f64 = 0.15;
/// The share of commands that are cancels, as long as there is something to cancel.
const CANCEL_SHARE: f64 = 0.4;
/// With so many orders open every command is a cancel.
const OPEN_MAX: usize = 2_000;
/// The most units of an order.
const UNITS: Units = 8;

/// One account's choices.
#[derive(Debug)]
pub(super) struct Trader {
    rng: StdRng,
    contracts: Vec<ContractId>,
    orders: OwnOrders<()>,
    /// The numbers of the orders sent to rest, oldest first; some may have ended since.
    resting: VecDeque<u64>,
}

impl Trader {
    /// A trader in these contracts, of which there must be at least one.
    pub(super) fn new(seed: u64, contracts: &[ContractId]) -> Trader {
        let rng = StdRng::seed_from_u64(seed);
        let orders = OwnOrders::default();
        Trader { rng, contracts: contracts.to_vec(), orders, resting: VecDeque::new() }
    }

    /// The next command. After it, [`Trader::sent`] must be called.
    pub(super) fn next_command(&mut self) -> Command {
        let cancels = self.rng.random_bool(CANCEL_SHARE) || self.orders.len() >= OPEN_MAX;
        let cancel = if cancels { self.cancel() } else { None };
        cancel.unwrap_or_else(|| self.order())
    }

    /// The command was sent as this number.
    pub(super) fn sent(&mut self, command: Command, number: u64) {
        self.orders.sent(number, Wish { command, tag: () });
        if let Command::NewOrder(NewOrder { time_in_force: TimeInForce::Gtc, .. }) = command {
            self.resting.push_back(number);
        }
    }

    pub(super) fn follow(&mut self, report: &Report) {
        self.orders.follow(report);
    }

    /// The command of that number was refused before it was taken.
    pub(super) fn not_taken(&mut self, lane: Lane, number: u64, code: RejectCode) {
        self.orders.not_taken(lane, number, code);
    }

    /// Of the oldest order that is accepted and still there.
    fn cancel(&mut self) -> Option<Command> {
        while let Some(&number) = self.resting.front() {
            let Some(own) = self.orders.get(number) else {
                self.resting.pop_front();
                continue;
            };
            let order = own.free()?;
            self.resting.pop_front();
            return Some(Command::Cancel(order));
        }
        None
    }

    fn order(&mut self) -> Command {
        let side = if self.rng.random_bool(0.5) { Side::Buy } else { Side::Sell };
        let better = self.rng.random_range(-AWAY..=ACROSS);
        let price = match side {
            Side::Buy => MID + better,
            Side::Sell => MID - better,
        };
        let time_in_force = if self.rng.random_bool(IOC_SHARE) { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let contract = self.contracts[self.rng.random_range(0..self.contracts.len())];
        let units = self.rng.random_range(1..=UNITS);
        Command::NewOrder(NewOrder { contract, side, time_in_force, price, units })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{AccountId, CancelReason, ClassNo, Hour, KeyNo, OrderRef, ReportBody, Sender, Timestamp};

    fn contracts() -> Vec<ContractId> {
        (0..5).map(|hour| ContractId::new(ClassNo(0), Hour(100 + hour))).collect()
    }

    fn accepted(number: u64, order: NewOrder) -> Report {
        let NewOrder { contract, side, time_in_force, price, units } = order;
        let body =
            ReportBody::Accepted { order: number, slot: 0, contract, side, time_in_force, price, units };
        report(number, body)
    }

    fn ended(number: u64, order: NewOrder) -> Report {
        let NewOrder { contract, side, units, .. } = order;
        let reason = CancelReason::Ioc;
        report(number, ReportBody::Cancelled { order: number, contract, side, units, reason })
    }

    fn report(number: u64, body: ReportBody) -> Report {
        let answers = Some(Sender { key: KeyNo(1), lane: Lane::Orders, number });
        Report { account: AccountId(1), number, sequence: number, time: Timestamp(0), answers, body }
    }

    #[test]
    fn what_rests_is_cancelled_once_and_the_rest_is_orders() {
        let mut trader = Trader::new(7, &contracts());
        let (mut cancelled, mut rested, mut orders) = (Vec::new(), Vec::new(), 0);
        for number in 1..=10_000 {
            let command = trader.next_command();
            trader.sent(command, number);
            match command {
                Command::NewOrder(order) => {
                    orders += 1;
                    assert!((MID - AWAY..=MID + AWAY).contains(&order.price));
                    trader.follow(&accepted(number, order));
                    match order.time_in_force {
                        TimeInForce::Gtc => rested.push(number),
                        _ => trader.follow(&ended(number, order)),
                    }
                }
                Command::Cancel(OrderRef::Id { order, .. }) => cancelled.push(order),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(cancelled, rested[..cancelled.len()], "oldest first, each once");
        assert_eq!(cancelled.len() + orders, 10_000);
        assert!(cancelled.len() > 3_500 && rested.len() - cancelled.len() <= OPEN_MAX);
    }

    #[test]
    fn without_an_acknowledgement_there_is_nothing_to_cancel() {
        let mut trader = Trader::new(7, &contracts());
        for number in 1..=1_000 {
            let command = trader.next_command();
            assert!(matches!(command, Command::NewOrder(_)));
            trader.sent(command, number);
        }
    }
}
