//! One session of the load: sends when it is time, and takes in what came of it.

use client::{AccountState, Batch};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use types::{Code, Command, ContractId, Lane, OrderRef};

use super::arrivals::{Arrival, Arrivals, Schedule, Shape};
use super::ground::{CURRENCY, code};
use super::ledger::{Ledger, Tally, Wealth};
use super::pacer::Pacer;
use super::plan::{LoadPlan, Pace};
use super::recorder::{Kind, Pending, Recorder};
use super::trader::{Trader, Wanted};
use super::{SETTLE_PATIENCE, SessionPlace};
use crate::seat::{Seat, SeatError};

/// How many orders, and how many cancels, may be without an outcome in an open loop, about so many of all sessions together,
/// and at least and at most so many of one. What is held back by that is late, and counts so. More orders than keep the
/// exchange busy would only wait on the way, in front of the cancels behind them.
const ORDERS_IN_FLIGHT: u32 = 8_192;
const CANCELS_IN_FLIGHT: u32 = 65_536;
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
    voice: Voice,
    shared: Shared,
    /// When something last arrived.
    received: Instant,
    /// Room for what a turn sends: each with the moment since when it could have been sent.
    turn: Vec<(Pending, Instant)>,
}

/// What a session says, and what came of it.
#[derive(Debug)]
struct Voice {
    trader: Trader,
    ledger: Ledger,
    /// How many orders and how many cancels may be without an outcome.
    orders_max: usize,
    cancels_max: usize,
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
    /// True of cancels from a moment at which there was nothing to cancel until something arrives, as nothing else can
    /// change that. Nobody wakes meanwhile for moments at which there is nothing to do.
    is_idle: bool,
}

/// What there is to say on a lane when the moment for it has come.
enum Ready {
    Command(Command),
    /// Too many commands of the lane have no outcome.
    NoRoom,
    /// No order is open whose name is known and that is not being changed. So this is no command at all.
    NothingToCancel,
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
        let [orders_max, cancels_max] =
            [ORDERS_IN_FLIGHT, CANCELS_IN_FLIGHT].map(|all| own_share(all, &plan));
        let voice = Voice { trader, ledger, orders_max, cancels_max };
        Session { seat, plan, place, voice, shared, received, turn: Vec::new() }
    }

    /// Makes the load from `start` on, and clears away what is left of it.
    pub(super) async fn run(mut self, start: Instant) -> Result<Tally, SeatError> {
        let currency = code(CURRENCY);
        let before = self.seat.settle(SETTLE_PATIENCE, |_| {}).await?;
        self.voice.ledger.tally.before = Wealth::of(&before, currency);
        self.wait_until(start).await;
        match self.plan.schedule() {
            Some(schedule) => self.open_loop(&schedule, start).await?,
            None => self.closed_loop(start).await?,
        }
        match self.settle().await? {
            Some(account) => self.clear_away(&account, currency).await?,
            None => self.voice.ledger.give_up(),
        }
        self.seat.leave().await;
        Ok(self.voice.ledger.tally)
    }

    /// Sends at the moments of the schedule.
    async fn open_loop(&mut self, schedule: &Schedule, start: Instant) -> Result<(), SeatError> {
        let cancels = self.plan.mix.shares().cancels;
        let due = |lane, share| Due {
            lane,
            arrivals: schedule.of_session(self.place.index, share),
            free: Some(start),
            is_idle: false,
        };
        let mut lanes = [due(Lane::Cancels, cancels), due(Lane::Orders, 1_000 - cancels)];
        let end = start + schedule.lasts();
        while Instant::now() < end {
            let batch = match self.send_due(&mut lanes, start, end).await? {
                Next::Now => tokio::select! {
                    biased;
                    batch = self.seat.next() => Some(batch?),
                    () = tokio::task::yield_now() => None,
                },
                Next::At(at) => tokio::select! {
                    biased;
                    batch = self.seat.next() => Some(batch?),
                    () = self.shared.pacer.until(self.place.own, at) => None,
                },
            };
            if let Some(batch) = batch {
                for due in &mut lanes {
                    self.wake(due, batch.received.saturating_duration_since(start));
                }
                self.take(&batch);
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
            if !due.is_idle {
                next = next.sooner(self.turn(due, start).await?.unwrap_or(next));
            }
        }
        Ok(next)
    }

    /// Sends what is due on a lane, at most a turn of it, and says when to come again if that is known.
    async fn turn(&mut self, due: &mut Due, start: Instant) -> Result<Option<Next>, SeatError> {
        let (mut turn, mut next, mut now) = (std::mem::take(&mut self.turn), None, Instant::now());
        let received = self.received;
        let held_up = together(&mut self.seat, &mut self.voice, |voice| {
            let arrival = due.arrivals.peek()?;
            let intended = start + arrival.at;
            if intended > now {
                now = Instant::now();
            }
            if intended > now || turn.len() == TURN {
                next = Some(if intended > now { Next::At(intended) } else { Next::Now });
                return None;
            }
            let command = match voice.due(due.lane) {
                Ready::Command(command) => command,
                Ready::NoRoom => {
                    // Whatever arrives next may make room.
                    due.free = None;
                    return None;
                }
                Ready::NothingToCancel => {
                    due.is_idle = true;
                    return None;
                }
            };
            let free = *due.free.get_or_insert(received);
            let pending = Pending { intended, kind: Kind::of(&command), step: arrival.step };
            due.arrivals.advance();
            turn.push((pending, intended.max(free)));
            Some((command, pending))
        })?;
        // They went together, and not before now.
        let gone = Instant::now();
        {
            let mut recorder = self.shared.recorder.lock();
            for (pending, could) in &turn {
                recorder.sent(pending, gone.saturating_duration_since(*could), 1);
            }
        }
        self.said(turn.len());
        turn.clear();
        self.turn = turn;
        self.say(held_up).await?;
        Ok(next)
    }

    /// Keeps so many commands under way: each outcome is followed by the next command at once.
    async fn closed_loop(&mut self, start: Instant) -> Result<(), SeatError> {
        let wanted = self.plan.in_flight_of(self.place.index);
        let measured = start + self.plan.warm_up;
        let end = measured + self.plan.run_for();
        self.received = start;
        while Instant::now() < end {
            let missing = wanted.saturating_sub(self.seat.unanswered());
            let intended = self.received;
            let pending = Pending { intended, kind: Kind::Limit, step: usize::from(intended >= measured) };
            let mut sent = 0;
            let held_up = together(&mut self.seat, &mut self.voice, |voice| {
                if sent == missing {
                    return None;
                }
                // Both lanes may be used, so there is always something to say.
                let command = voice.trader.next_command(Wanted::Any, |_| true)?;
                sent += 1;
                let kind = Kind::of(&command);
                Some((command, Pending { kind, ..pending }))
            })?;
            let count = u64::try_from(sent).unwrap_or(u64::MAX);
            self.shared.recorder.lock().sent(&pending, intended.elapsed(), count);
            self.said(sent);
            self.say(held_up).await?;
            tokio::select! {
                biased;
                batch = self.seat.next() => self.take(&*batch?),
                () = self.shared.pacer.until(self.place.own, end) => {}
            }
        }
        Ok(())
    }

    /// Sends a command that could not go with the others as soon as it may.
    async fn say(&mut self, held_up: Option<(Command, Pending)>) -> Result<(), SeatError> {
        if let Some((command, pending)) = held_up {
            let number = self.seat.submit(command.clone()).await?;
            self.voice.sent(&command, number, pending);
        }
        Ok(())
    }

    /// Counts so many commands that were sent together.
    fn said(&mut self, sent: usize) {
        self.voice.ledger.tally.traffic.writes += u64::from(sent > 0);
        self.shared.counters.sent.fetch_add(u64::try_from(sent).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn take(&mut self, batch: &Batch) {
        let Session { voice: Voice { ledger, trader, .. }, shared, .. } = self;
        let acknowledged = ledger.take(batch, trader, &mut shared.recorder.lock());
        shared.counters.acknowledged.fetch_add(acknowledged, Ordering::Relaxed);
        self.received = batch.received;
    }

    /// Gives up on what is left of a step that has ended by `now`.
    fn hold_back(&self, due: &mut Due, now: Duration) {
        if let Some(Arrival { step, .. }) = due.arrivals.peek() {
            let count = due.arrivals.pass_over(now);
            let mut recorder = self.shared.recorder.lock();
            match due.is_idle {
                true => recorder.nothing_to_cancel(step, count),
                false => recorder.held_back(step, count),
            }
        }
    }

    /// Something has arrived at `now`: there may be something to cancel again. There was not at the moments up to then.
    fn wake(&self, due: &mut Due, now: Duration) {
        if !std::mem::take(&mut due.is_idle) {
            return;
        }
        let mut recorder = self.shared.recorder.lock();
        while let Some(Arrival { step, .. }) = due.arrivals.peek().filter(|arrival| arrival.at <= now) {
            due.arrivals.advance();
            recorder.nothing_to_cancel(step, 1);
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
            let Session { seat, voice: Voice { ledger, trader, .. }, shared, .. } = self;
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
            while self.seat.unanswered() >= self.voice.cancels_max {
                let batch = self.seat.next().await?;
                self.voice.ledger.take_rest(&batch);
            }
            self.seat.submit(command).await?;
        }
        let Session { seat, voice: Voice { ledger, .. }, .. } = self;
        let account = seat.settle(SETTLE_PATIENCE, |batch| ledger.take_rest(batch)).await?;
        self.voice.ledger.tally.left_behind = u64::try_from(account.orders.len()).unwrap_or(u64::MAX);
        self.voice.ledger.tally.after = Wealth::of(&account, currency);
        Ok(())
    }
}

/// How many of `all` that may be without an outcome are one session's; never less than what it is to say at once.
fn own_share(all: u32, plan: &LoadPlan) -> usize {
    let (least, most) = SESSION_IN_FLIGHT;
    let least = match plan.pace {
        Pace::Open { shape: Shape::Bursts(size), .. } => least.max(size).min(most),
        _ => least,
    };
    usize::try_from((all / plan.sessions).clamp(least, most)).unwrap_or(usize::MAX)
}

/// Sends commands together, as long as there is a next one and it may go; gives the one that may not.
fn together(
    seat: &mut Seat,
    voice: &mut Voice,
    mut next: impl FnMut(&mut Voice) -> Option<(Command, Pending)>,
) -> Result<Option<(Command, Pending)>, SeatError> {
    let mut burst = seat.burst();
    while let Some((command, pending)) = next(voice) {
        let Some(number) = burst.submit(command.clone())? else { return Ok(Some((command, pending))) };
        voice.sent(&command, number, pending);
    }
    Ok(None)
}

impl Voice {
    /// What to say on a lane.
    fn due(&mut self, lane: Lane) -> Ready {
        let Voice { trader, ledger, orders_max, cancels_max } = self;
        let may = |lane| {
            let most = if lane == Lane::Orders { *orders_max } else { *cancels_max };
            ledger.unanswered(lane) < most
        };
        let (wanted, otherwise) = match lane {
            Lane::Cancels => (Wanted::Cancel, Ready::NothingToCancel),
            Lane::Orders => (Wanted::Order, Ready::NoRoom),
        };
        if !may(lane) {
            return Ready::NoRoom;
        }
        trader.next_command(wanted, may).map_or(otherwise, Ready::Command)
    }

    fn sent(&mut self, command: &Command, number: u64, pending: Pending) {
        self.ledger.sent(command, number, pending);
        self.trader.sent(command, number);
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
