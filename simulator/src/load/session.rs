//! One session of the load: sends when it is time, and takes in what came of it.

use client::{AccountState, Batch};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use types::{Code, Command, ContractId, Lane, OrderRef};

use super::arrivals::{Arrival, Arrivals, Schedule};
use super::ground::{CURRENCY, code};
use super::ledger::{Ledger, Tally, Wealth};
use super::pacer::Pacer;
use super::plan::LoadPlan;
use super::recorder::{Kind, Pending, Recorder};
use super::trader::{Trader, Wanted};
use super::{SETTLE_PATIENCE, SessionPlace};
use crate::seat::{Seat, SeatError};

/// How many commands of a lane may be without an outcome in an open loop, about so many of all sessions together, and
/// at least and at most so many of one. What is held back by that is late, and counts so.
const LANE_IN_FLIGHT: u32 = 65_536;
const SESSION_IN_FLIGHT: (u32, u32) = (64, 4_096);
/// How many commands are sent before what has arrived is looked at.
const TURN: usize = 128;

/// How far a run is: shared by all sessions and whoever shows it.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) acknowledged: AtomicU64,
}

/// One session, with its seat taken.
#[derive(Debug)]
pub(super) struct Session {
    seat: Seat,
    plan: Arc<LoadPlan>,
    place: SessionPlace,
    trader: Trader,
    ledger: Ledger,
    shared: Shared,
    /// How many commands of each lane may be without an outcome.
    in_flight_max: usize,
    /// When something last arrived.
    received: Instant,
}

/// What the sessions of one thread share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) pacer: Pacer,
    pub(super) recorder: Arc<Mutex<Recorder>>,
    pub(super) counters: Arc<Counters>,
}

/// What an open loop has to send on one lane.
#[derive(Debug)]
struct Due {
    lane: Lane,
    arrivals: Arrivals,
    /// Since when there was always room for the next command; `None` while there is none.
    free: Option<Instant>,
}

/// When a session has something to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// There is more to be sent already.
    Now,
    /// Then, or when something arrives.
    At(Instant),
}

impl Session {
    pub(super) fn new(
        seat: Seat,
        plan: &Arc<LoadPlan>,
        place: SessionPlace,
        contracts: &[ContractId],
        shared: Shared,
    ) -> Session {
        let seed = plan.seed ^ (u64::from(place.index) << 32);
        let trader = Trader::new(seed, plan.mix, contracts);
        let (plan, ledger, received) = (Arc::clone(plan), Ledger::default(), Instant::now());
        let (least, most) = SESSION_IN_FLIGHT;
        let in_flight_max = (LANE_IN_FLIGHT / plan.sessions).clamp(least, most);
        let in_flight_max = usize::try_from(in_flight_max).unwrap_or(usize::MAX);
        Session { seat, plan, place, trader, ledger, shared, in_flight_max, received }
    }

    /// Makes the load from `start` on, and clears away what is left of it.
    pub(super) async fn run(mut self, start: Instant) -> Result<Tally, SeatError> {
        let currency = code(CURRENCY);
        let before = self.seat.settle(SETTLE_PATIENCE, |_| {}).await?;
        self.ledger.tally.before = Wealth::of(&before, currency);
        self.wait_until(start).await;
        match self.plan.schedule() {
            Some(schedule) => self.open_loop(&schedule, start).await?,
            None => self.closed_loop(start).await?,
        }
        match self.settle().await? {
            Some(account) => self.clear_away(&account, currency).await?,
            None => self.ledger.give_up(),
        }
        self.seat.leave().await;
        Ok(self.ledger.tally)
    }

    /// Sends at the moments of the schedule.
    async fn open_loop(&mut self, schedule: &Schedule, start: Instant) -> Result<(), SeatError> {
        let cancels = self.plan.mix.shares().cancels;
        let due = |lane, share| Due {
            lane,
            arrivals: schedule.of_session(self.place.index, share),
            free: Some(start),
        };
        let mut lanes = [due(Lane::Cancels, cancels), due(Lane::Orders, 1_000 - cancels)];
        let end = start + schedule.lasts();
        while Instant::now() < end {
            match self.send_due(&mut lanes, start, end).await? {
                Next::Now => tokio::select! {
                    biased;
                    batch = self.seat.next() => self.take(&*batch?),
                    () = tokio::task::yield_now() => {}
                },
                Next::At(at) => tokio::select! {
                    biased;
                    batch = self.seat.next() => self.take(&*batch?),
                    () = self.shared.pacer.until(self.place.own, at) => {}
                },
            }
        }
        for due in &mut lanes {
            while due.arrivals.peek().is_some() {
                self.hold_back(due, schedule.lasts());
            }
        }
        Ok(())
    }

    /// Sends what is due, a turn of it on each lane, and says when to come again.
    async fn send_due(
        &mut self,
        lanes: &mut [Due; 2],
        start: Instant,
        end: Instant,
    ) -> Result<Next, SeatError> {
        let mut next = Next::At(end);
        for due in lanes {
            self.hold_back(due, start.elapsed());
            let mut sent = 0;
            while let Some(arrival) = due.arrivals.peek() {
                let (intended, now) = (start + arrival.at, Instant::now());
                if intended > now {
                    next = next.sooner(Next::At(intended));
                    break;
                }
                if sent == TURN {
                    next = Next::Now;
                    break;
                }
                let Some(command) = self.due_command(due.lane) else {
                    // Whatever arrives next may make room.
                    due.free = None;
                    break;
                };
                let free = *due.free.get_or_insert(self.received);
                let pending = Pending { intended, kind: Kind::of(&command), step: arrival.step };
                self.send(command, pending).await?;
                let late = now.saturating_duration_since(intended.max(free));
                self.shared.recorder.lock().sent(&pending, late);
                due.arrivals.advance();
                sent += 1;
            }
            self.ledger.tally.traffic.writes += u64::from(sent > 0);
        }
        Ok(next)
    }

    /// A command for a lane, if it has room.
    fn due_command(&mut self, lane: Lane) -> Option<Command> {
        let Session { trader, ledger, in_flight_max, .. } = self;
        let may = |lane| ledger.unanswered(lane) < *in_flight_max;
        if may(lane) { trader.next_command(Wanted::On(lane), may) } else { None }
    }

    /// Keeps so many commands under way: each outcome is followed by the next command at once.
    async fn closed_loop(&mut self, start: Instant) -> Result<(), SeatError> {
        let wanted = self.plan.in_flight_of(self.place.index);
        let measured = start + self.plan.warm_up;
        let end = measured + self.plan.run_for();
        self.received = start;
        while Instant::now() < end {
            let mut sent = 0;
            while self.seat.unanswered() < wanted {
                // Both lanes may be used, so there is always something to say.
                let Some(command) = self.trader.next_command(Wanted::Either, |_| true) else { break };
                let intended = self.received;
                let step = usize::from(intended >= measured);
                let pending = Pending { intended, kind: Kind::of(&command), step };
                self.send(command, pending).await?;
                self.shared.recorder.lock().sent(&pending, intended.elapsed());
                sent += 1;
            }
            self.ledger.tally.traffic.writes += u64::from(sent > 0);
            tokio::select! {
                biased;
                batch = self.seat.next() => self.take(&*batch?),
                () = self.shared.pacer.until(self.place.own, end) => {}
            }
        }
        Ok(())
    }

    async fn send(&mut self, command: Command, pending: Pending) -> Result<(), SeatError> {
        let number = self.seat.submit(command).await?;
        self.ledger.sent(&command, number, pending);
        self.trader.sent(command, number);
        self.shared.counters.sent.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn take(&mut self, batch: &Batch) {
        let Session { ledger, trader, shared, .. } = self;
        let acknowledged = ledger.take(batch, trader, &mut shared.recorder.lock());
        shared.counters.acknowledged.fetch_add(acknowledged, Ordering::Relaxed);
        self.received = batch.received;
    }

    /// Gives up on what is left of a step that has ended by `now`.
    fn hold_back(&self, due: &mut Due, now: Duration) {
        if let Some(Arrival { step, .. }) = due.arrivals.peek() {
            let count = due.arrivals.pass_over(now);
            self.shared.recorder.lock().held_back(step, count);
        }
    }

    async fn wait_until(&self, at: Instant) {
        while Instant::now() < at {
            self.shared.pacer.until(self.place.own, at).await;
        }
    }

    /// Waits for all outcomes, as long as any come. `None` if some do not.
    async fn settle(&mut self) -> Result<Option<AccountState>, SeatError> {
        loop {
            let Session { seat, ledger, trader, shared, .. } = self;
            let mut came = 0;
            let take = |batch: &Batch| came += ledger.take(batch, trader, &mut shared.recorder.lock());
            match seat.settle(SETTLE_PATIENCE, take).await {
                Ok(account) => return Ok(Some(account)),
                Err(SeatError::Unanswered { .. }) if came > 0 => {}
                Err(SeatError::Unanswered { .. }) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }

    /// Cancels everything that rests.
    async fn clear_away(&mut self, account: &AccountState, currency: Code) -> Result<(), SeatError> {
        for order in &account.orders {
            let command = Command::Cancel(OrderRef::Id { order: order.order, slot: order.slot });
            while self.seat.unanswered() >= self.in_flight_max {
                let batch = self.seat.next().await?;
                self.ledger.take_rest(&batch);
            }
            self.seat.submit(command).await?;
        }
        let Session { seat, ledger, .. } = self;
        let account = seat.settle(SETTLE_PATIENCE, |batch| ledger.take_rest(batch)).await?;
        self.ledger.tally.left_behind = u64::try_from(account.orders.len()).unwrap_or(u64::MAX);
        self.ledger.tally.after = Wealth::of(&account, currency);
        Ok(())
    }
}

impl Next {
    fn sooner(self, other: Next) -> Next {
        match (self, other) {
            (Next::Now, _) | (_, Next::Now) => Next::Now,
            (Next::At(one), Next::At(other)) => Next::At(one.min(other)),
        }
    }
}
