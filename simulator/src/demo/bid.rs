//! A broker's task: its jobs come when they come, whether the exchange keeps up or not; its [`Broker`] makes bids
//! of them.

use client::{Batch, Event};
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch::Receiver;
use types::{Lane, ReportBody, Side};

use super::{DemoError, Floor, Phase, SETTLE_PATIENCE, now, reached, seed_of};
use crate::agents::{Broker, News, Purpose, Wish};
use crate::demand::{Demand, Job};
use crate::market::{HABITS, broker_name, open_slots, reach, speed_up, ticks_down};
use crate::seat::{Seat, SeatError};

/// How many commands of a broker may be without an outcome; more wait here, and their latency counts.
const IN_FLIGHT: usize = 1_024;
/// How many orders may wait here before jobs are let go.
const WAITING_MAX: usize = 16_384;

struct Bidding {
    floor: Arc<Floor>,
    broker: Broker,
    demand: Demand,
    /// The next job and when it comes.
    next: (Instant, Job),
    /// Orders to be sent, first come first.
    waiting: VecDeque<Waiting>,
    /// When the orders without an outcome were to be sent, by number.
    intended: FxHashMap<u64, Instant>,
}

struct Waiting {
    wish: Wish<Purpose>,
    intended: Instant,
    patience: Duration,
}

/// Trades until brokers are told to leave.
pub(super) async fn bid(
    floor: Arc<Floor>,
    number: u32,
    mut seat: Seat,
    mut phases: Receiver<Phase>,
) -> Result<(), DemoError> {
    let mut bidding = Bidding::new(floor, number);
    let run = bidding.run(&mut seat, &mut phases).await;
    run.map_err(|source| DemoError::Agent { who: broker_name(number).to_string(), source })?;
    seat.leave().await;
    Ok(())
}

impl Bidding {
    fn new(floor: Arc<Floor>, number: u32) -> Bidding {
        let seed = seed_of(floor.seed, number);
        let mut demand = Demand::new(seed, speed_up(floor.day_lasts), reach());
        let job = demand.next_job();
        Bidding {
            floor,
            broker: Broker::new(seed, HABITS),
            demand,
            next: (Instant::now() + job.after, job),
            waiting: VecDeque::new(),
            intended: FxHashMap::default(),
        }
    }

    async fn run(&mut self, seat: &mut Seat, phases: &mut Receiver<Phase>) -> Result<(), SeatError> {
        loop {
            self.send(seat).await?;
            let wakes = self.wakes(seat);
            tokio::select! {
                biased;
                () = reached(phases, Phase::BrokersLeave) => break,
                batch = seat.next() => self.follow(&*batch?),
                () = tokio::time::sleep_until(wakes.into()) => self.jobs(),
            }
        }
        seat.settle(SETTLE_PATIENCE, |batch| self.follow(batch)).await?;
        Ok(())
    }

    /// When there is something to do that no report brings about.
    fn wakes(&self, seat: &Seat) -> Instant {
        let due = self.broker.next_due().filter(|_| seat.unanswered() < IN_FLIGHT);
        due.map_or(self.next.0, |due| self.next.0.min(self.floor.started + due))
    }

    /// Takes in the jobs that have come.
    fn jobs(&mut self) {
        let now = Instant::now();
        while self.next.0 <= now {
            let next_job = self.demand.next_job();
            let next = (self.next.0 + next_job.after, next_job);
            let (came, job) = std::mem::replace(&mut self.next, next);
            self.take_job(&job, came);
        }
    }

    fn take_job(&mut self, job: &Job, came: Instant) {
        let floor = Arc::clone(&self.floor);
        let lets_go = self.waiting.len() >= WAITING_MAX;
        {
            let totals = &mut floor.progress.lock().totals;
            totals.jobs += 1;
            totals.jobs_let_go += u64::from(lets_go);
        }
        let supply = job.pick_class(&floor.plan.supplies[floor.day()]);
        let class = supply.and_then(|supply| floor.listing.class(&supply.model, &supply.region));
        let (Some(supply), Some(class), false) = (supply, class, lets_go) else { return };
        let limit = ticks_down(job.limit_price(supply.reference));
        let best_asks = floor.best_asks.read();
        let best_ask = |contract| best_asks.get(&contract).copied();
        let bids = self.broker.bids(job, class, limit, open_slots(now()), best_ask);
        let patience = bids.patience;
        let wishes = bids.wishes.into_iter();
        self.waiting.extend(wishes.map(|wish| Waiting { wish, intended: came, patience }));
    }

    /// Sends what is due, as far as there is room.
    async fn send(&mut self, seat: &mut Seat) -> Result<(), SeatError> {
        let now = self.floor.started.elapsed();
        while seat.unanswered() < IN_FLIGHT {
            let Some(wish) = self.broker.give_up(now) else { break };
            let number = seat.submit(wish.command.clone()).await?;
            self.broker.sent(wish, number, now, Duration::ZERO);
        }
        while seat.unanswered() < IN_FLIGHT {
            let Some(Waiting { wish, intended, patience }) = self.waiting.pop_front() else { break };
            let number = seat.submit(wish.command.clone()).await?;
            self.intended.insert(number, intended);
            self.broker.sent(wish, number, now, patience);
        }
        Ok(())
    }

    fn follow(&mut self, batch: &Batch) {
        let floor = Arc::clone(&self.floor);
        let mut progress = floor.progress.lock();
        for event in &batch.events {
            match event {
                Event::Report { report, sent } => {
                    floor.saw(report.sequence);
                    let answers = report.answers.filter(|_| sent.is_some());
                    let on_orders = answers.filter(|answers| answers.lane == Lane::Orders);
                    let intended = on_orders.and_then(|answers| self.intended.remove(&answers.number));
                    progress.totals.commands += u64::from(sent.is_some());
                    match (report.body, intended) {
                        (ReportBody::Accepted { .. }, Some(intended)) => {
                            let latency = batch.received - intended;
                            progress.orders.record(latency, 1);
                            progress.broker_orders.record(latency, 1);
                        }
                        (ReportBody::Rejected { .. }, _) => progress.totals.rejected += 1,
                        _ => {}
                    }
                    let (news, resale) = self.broker.follow(report);
                    if let Some(News::Filled { side: Side::Sell, units, .. }) = news {
                        progress.totals.hours_resold += u64::from(units);
                    }
                    let (intended, patience) = (batch.received, self.broker.resale_patience());
                    self.waiting.extend(resale.map(|wish| Waiting { wish, intended, patience }));
                }
                Event::Refused { refused, .. } => {
                    progress.totals.rejected += 1;
                    if refused.lane == Lane::Orders {
                        self.intended.remove(&refused.number);
                    }
                    self.broker.not_taken(refused.lane, refused.number, refused.code);
                }
                Event::Outcome { .. } | Event::Resynchronised(_) => {}
            }
        }
    }
}
