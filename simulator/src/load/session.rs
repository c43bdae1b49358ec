//! One session of the load: sends when it is time, and keeps the account of what came of it.

use client::{AccountState, Batch, Event};
use rustc_hash::FxHashMap;
use std::time::Instant;
use types::{CancelReason, Code, Command, ContractId, Lane, Money, OrderRef, ReportBody, Sequence, Units};

use super::trader::Trader;
use super::{CURRENCY, LoadPlan, SETTLE_PATIENCE, code};
use crate::latency::Latencies;
use crate::seat::{Seat, SeatError};

/// How many commands of a session may be without an outcome. What is held back by that is late, and counts so.
const IN_FLIGHT: usize = 4_096;
/// What every session deposits of each contract for a run.
const CAPACITY: Units = 100_000;

/// One session.
#[derive(Debug)]
pub(super) struct Session {
    seat: Seat,
    plan: LoadPlan,
    /// Its place among the sessions, from 0: they take turns.
    index: u32,
    trader: Trader,
    ledger: Ledger,
}

/// What was sent and has no outcome, and what came of the rest.
#[derive(Debug, Default)]
struct Ledger {
    /// When it was to be sent, by lane and number.
    open: FxHashMap<(Lane, u64), Instant>,
    end: Option<Instant>,
    tally: Tally,
}

/// What came of the commands of one or more sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// Commands that were to be sent.
    pub(super) offered: u64,
    /// Of those, never sent because the time was up while too many had no outcome.
    pub(super) held_back: u64,
    /// Outcomes within the run's time.
    pub(super) acknowledged_in_time: u64,
    /// Outcomes.
    pub(super) acknowledged: u64,
    /// Of those, rejected or refused.
    pub(super) rejected: u64,
    /// Commands without an outcome in the end.
    pub(super) lost: u64,
    /// Outcomes of commands that had one, or were never sent.
    pub(super) duplicated: u64,
    /// Units traded, counted at the buyer.
    pub(super) units: u64,
    /// Latencies of new orders.
    pub(super) orders: Latencies,
    /// Latencies of cancels.
    pub(super) cancels: Latencies,
    /// Open orders after everything was cancelled: should be 0.
    pub(super) left_behind: u64,
    pub(super) before: Wealth,
    pub(super) after: Wealth,
    pub(super) fees: Money,
    pub(super) last_sequence: Sequence,
}

/// What accounts have, free and reserved together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wealth {
    pub(super) cash: Money,
    pub(super) units: FxHashMap<ContractId, u64>,
}

/// Deposits what the session may sell.
pub(super) async fn stock(seat: &mut Seat, contracts: &[ContractId], external: u64) -> Result<(), SeatError> {
    for &contract in contracts {
        seat.submit(Command::DepositCapacity { contract, units: CAPACITY, external }).await?;
    }
    seat.settle(SETTLE_PATIENCE, |_| {}).await?;
    Ok(())
}

impl Session {
    pub(super) fn new(seat: Seat, plan: LoadPlan, index: u32, contracts: &[ContractId]) -> Session {
        let seed = plan.seed ^ (u64::from(index) << 32);
        Session { seat, plan, index, trader: Trader::new(seed, contracts), ledger: Ledger::default() }
    }

    /// Makes the load and clears away what is left of it.
    pub(super) async fn run(mut self, start: Instant) -> Result<Tally, SeatError> {
        let before = self.seat.settle(SETTLE_PATIENCE, |_| {}).await?;
        self.ledger.tally.before = Wealth::of(&before);
        self.make(start).await?;
        match self.settle().await {
            Ok(account) => self.clear_away(&account).await?,
            Err(SeatError::Unanswered { .. }) => {
                self.ledger.tally.lost = u64::try_from(self.ledger.open.len()).unwrap_or(u64::MAX);
            }
            Err(error) => return Err(error),
        }
        self.seat.leave().await;
        Ok(self.ledger.tally)
    }

    async fn make(&mut self, start: Instant) -> Result<(), SeatError> {
        let end = start + self.plan.run_for;
        self.ledger.end = Some(end);
        let mut next = 0;
        loop {
            let now = Instant::now();
            while self.plan.due(start, self.index, next) <= now.min(end) && self.seat.unanswered() < IN_FLIGHT
            {
                self.send(self.plan.due(start, self.index, next)).await?;
                next += 1;
            }
            if now >= end {
                break;
            }
            let due = self.plan.due(start, self.index, next).min(end);
            let has_room = self.seat.unanswered() < IN_FLIGHT;
            let wakes = if has_room { due } else { end };
            tokio::select! {
                biased;
                batch = self.seat.next() => self.ledger.take(&*batch?, &mut self.trader),
                () = tokio::time::sleep_until(wakes.into()) => {}
            }
        }
        let sent = next;
        while self.plan.due(start, self.index, next) <= end {
            next += 1;
        }
        self.ledger.tally.offered = next;
        self.ledger.tally.held_back = next - sent;
        Ok(())
    }

    async fn send(&mut self, intended: Instant) -> Result<(), SeatError> {
        let command = self.trader.next_command();
        let lane = lane_of(&command);
        let number = self.seat.submit(command).await?;
        self.ledger.open.insert((lane, number), intended);
        self.trader.sent(command, number);
        Ok(())
    }

    async fn settle(&mut self) -> Result<AccountState, SeatError> {
        let Session { seat, ledger, trader, .. } = self;
        seat.settle(SETTLE_PATIENCE, |batch| ledger.take(batch, trader)).await
    }

    /// Cancels everything that rests.
    async fn clear_away(&mut self, account: &AccountState) -> Result<(), SeatError> {
        for order in &account.orders {
            let command = Command::Cancel(OrderRef::Id { order: order.order, slot: order.slot });
            while self.seat.unanswered() >= IN_FLIGHT {
                let batch = self.seat.next().await?;
                self.ledger.take_rest(&batch);
            }
            self.seat.submit(command).await?;
        }
        let Session { seat, ledger, .. } = self;
        let account = seat.settle(SETTLE_PATIENCE, |batch| ledger.take_rest(batch)).await?;
        self.ledger.tally.left_behind = u64::try_from(account.orders.len()).unwrap_or(u64::MAX);
        self.ledger.tally.after = Wealth::of(&account);
        Ok(())
    }
}

impl Ledger {
    /// Follows the reports of the run itself.
    fn take(&mut self, batch: &Batch, trader: &mut Trader) {
        self.take_rest(batch);
        for event in &batch.events {
            match event {
                Event::Report { report, .. } => {
                    trader.follow(report);
                    if let Some(answers) = report.answers
                        && is_outcome(&report.body)
                    {
                        let rejected = matches!(report.body, ReportBody::Rejected { .. });
                        self.outcome((answers.lane, answers.number), batch.received, rejected);
                    }
                }
                Event::Refused { refused, .. } => {
                    trader.not_taken(refused.lane, refused.number, refused.code);
                    self.outcome((refused.lane, refused.number), batch.received, true);
                }
                Event::Outcome { .. } | Event::Resynchronised(_) => {}
            }
        }
    }

    /// Follows what moves money and units, also when the run is over.
    fn take_rest(&mut self, batch: &Batch) {
        for event in &batch.events {
            if let Event::Report { report, .. } = event {
                self.tally.last_sequence = self.tally.last_sequence.max(report.sequence);
                if let ReportBody::Filled { side, units, fee, .. } = report.body {
                    self.tally.fees += fee;
                    self.tally.units += if side == types::Side::Buy { u64::from(units) } else { 0 };
                }
            }
        }
    }

    fn outcome(&mut self, command: (Lane, u64), received: Instant, rejected: bool) {
        let Some(intended) = self.open.remove(&command) else {
            self.tally.duplicated += 1;
            return;
        };
        let tally = &mut self.tally;
        tally.acknowledged += 1;
        tally.acknowledged_in_time += u64::from(self.end.is_some_and(|end| received <= end));
        tally.rejected += u64::from(rejected);
        match command.0 {
            Lane::Orders => tally.orders.record(received - intended),
            Lane::Cancels => tally.cancels.record(received - intended),
        }
    }
}

impl Tally {
    /// Takes another session's in.
    pub(super) fn add(&mut self, other: &Tally) {
        self.offered += other.offered;
        self.held_back += other.held_back;
        self.acknowledged_in_time += other.acknowledged_in_time;
        self.acknowledged += other.acknowledged;
        self.rejected += other.rejected;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.units += other.units;
        self.orders.add(&other.orders);
        self.cancels.add(&other.cancels);
        self.left_behind += other.left_behind;
        self.before.add(&other.before);
        self.after.add(&other.after);
        self.fees += other.fees;
        self.last_sequence = self.last_sequence.max(other.last_sequence);
    }

    /// True if the accounts together have what they had, less the fees they were told of.
    pub(super) fn is_conserved(&self) -> bool {
        self.before.cash - self.fees == self.after.cash && self.before.units == self.after.units
    }
}

impl Wealth {
    fn of(account: &AccountState) -> Wealth {
        let currency: Code = code(CURRENCY);
        let (free, reserved) = account.cash_in(currency);
        let held = account.holdings.iter();
        let units =
            held.map(|holding| (holding.contract, u64::from(holding.free) + u64::from(holding.reserved)));
        Wealth { cash: free + reserved, units: units.filter(|(_, units)| *units > 0).collect() }
    }

    fn add(&mut self, other: &Wealth) {
        self.cash += other.cash;
        for (&contract, &units) in &other.units {
            *self.units.entry(contract).or_default() += units;
        }
    }
}

/// True for the one report that says what became of a command; fills and the end of an order follow it.
fn is_outcome(body: &ReportBody) -> bool {
    match body {
        ReportBody::Accepted { .. } | ReportBody::Rejected { .. } => true,
        ReportBody::Cancelled { reason, .. } => *reason == CancelReason::Owner,
        _ => false,
    }
}

fn lane_of(command: &Command) -> Lane {
    match command {
        Command::Cancel(_) => Lane::Cancels,
        _ => Lane::Orders,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use types::{ClassNo, Hour};

    #[test]
    fn an_outcome_counts_once_and_from_the_intended_moment() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut ledger = Ledger { end: Some(at(100)), ..Ledger::default() };
        ledger.open.insert((Lane::Orders, 1), at(0));
        ledger.open.insert((Lane::Cancels, 1), at(90));
        ledger.outcome((Lane::Orders, 1), at(40), false);
        ledger.outcome((Lane::Orders, 1), at(50), false);
        ledger.outcome((Lane::Cancels, 1), at(101), true);
        ledger.outcome((Lane::Cancels, 7), at(102), false);
        let tally = &ledger.tally;
        assert_eq!((tally.acknowledged, tally.acknowledged_in_time, tally.rejected), (2, 1, 1));
        assert_eq!((tally.duplicated, ledger.open.len()), (2, 0));
        let (orders, cancels) = (tally.orders.summary(), tally.cancels.summary());
        assert_eq!((orders.count, cancels.count), (1, 1));
        assert!(orders.max.abs_diff(40_000) <= 40 && cancels.max.abs_diff(11_000) <= 11);
    }

    #[test]
    fn conservation_is_of_all_accounts_together() {
        let contract = ContractId::new(ClassNo(0), Hour(9));
        let wealth = |cash, units| Wealth { cash, units: [(contract, units)].into_iter().collect() };
        let mut all = Tally { before: wealth(100, 5), after: wealth(60, 8), fees: 2, ..Tally::default() };
        assert!(!all.is_conserved(), "one bought of the other");
        all.add(&Tally { before: wealth(100, 5), after: wealth(135, 2), fees: 3, ..Tally::default() });
        assert!(all.is_conserved());
        all.fees += 1;
        assert!(!all.is_conserved());
    }
}
