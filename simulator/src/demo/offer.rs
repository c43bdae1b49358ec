//! A provider's task: brings its [`Provider`]'s commands to the exchange and the reports back.

use client::{Batch, Event};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::SemaphorePermit;
use tokio::sync::watch::Receiver;
use types::ReportBody;

use super::{DemoError, Floor, Phase, SETTLE_PATIENCE, now, reached, seed_of};
use crate::agents::Provider;
use crate::market::{DAY_SPREAD_PERCENT, open_slots, provider_name};
use crate::seat::{Seat, SeatError};

/// How many commands are sent before another provider's turn.
const CHUNK: u32 = 64;

struct Offering {
    floor: Arc<Floor>,
    host: u32,
    provider: Provider,
    /// Days of the data brought to the market so far.
    days: u32,
    /// At which part of a day this provider changes its asks, in thousandths.
    changes_at: u32,
    near: Near,
}

/// What becomes of the first chunk of commands: the provider's nearest asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Near {
    Unsent,
    /// So many have no outcome yet.
    Sent(usize),
    InTheBooks,
}

/// Offers what the data says until brokers have left, then leaves.
pub(super) async fn offer(
    floor: Arc<Floor>,
    host: u32,
    mut seat: Seat,
    mut phases: Receiver<Phase>,
) -> Result<(), DemoError> {
    let mut rng = StdRng::seed_from_u64(seed_of(floor.seed, host));
    let changes_at = rng.random_range(0..DAY_SPREAD_PERCENT * 10);
    let mut offering =
        Offering { floor, host, provider: Provider::default(), days: 0, changes_at, near: Near::Unsent };
    let run = offering.run(&mut seat, &mut phases).await;
    run.map_err(|source| DemoError::Agent { who: provider_name(host).to_string(), source })?;
    seat.leave().await;
    Ok(())
}

impl Offering {
    async fn run(&mut self, seat: &mut Seat, phases: &mut Receiver<Phase>) -> Result<(), SeatError> {
        let floor = Arc::clone(&self.floor);
        self.new_day();
        loop {
            self.tell_near();
            tokio::select! {
                biased;
                () = reached(phases, Phase::ProvidersLeave) => break,
                batch = seat.next() => self.follow(&*batch?),
                () = tokio::time::sleep_until(self.next_change().into()) => self.new_day(),
                Ok(permits) = floor.window.acquire_many(CHUNK), if !self.provider.is_done() => {
                    self.send_chunk(seat, permits).await?;
                }
            }
        }
        seat.settle(SETTLE_PATIENCE, |batch| self.follow(batch)).await?;
        Ok(())
    }

    /// Brings the asks of the next day of the data.
    fn new_day(&mut self) {
        let floor = &self.floor;
        let day = usize::try_from(self.days).unwrap_or(0) % floor.plan.days.len();
        let now = now();
        let asks = floor.plan.asks(day, self.host, &floor.listing, now);
        self.provider.new_day(&asks, open_slots(now).0);
        self.days += 1;
    }

    fn next_change(&self) -> Instant {
        let day = self.floor.day_lasts;
        self.floor.started + day * self.days + day * self.changes_at / 1_000
    }

    /// Sends as many commands as there are permits for, if it has as many. Each permit used comes back with its
    /// command's outcome.
    async fn send_chunk(
        &mut self,
        seat: &mut Seat,
        mut permits: SemaphorePermit<'_>,
    ) -> Result<(), SeatError> {
        let mut sent = 0;
        while let Some(permit) = permits.split(1) {
            let Some(wish) = self.provider.next_wish() else { break };
            let number = seat.submit(wish.command.clone()).await?;
            permit.forget();
            self.provider.sent(wish, number);
            sent += 1;
        }
        if self.near == Near::Unsent {
            self.near = Near::Sent(sent);
        }
        Ok(())
    }

    /// Says once that the nearest asks are in the books, or that there are none.
    fn tell_near(&mut self) {
        let nothing = self.near == Near::Unsent && self.provider.is_done();
        if nothing || self.near == Near::Sent(0) {
            self.near = Near::InTheBooks;
            self.floor.near.add_permits(1);
        }
    }

    fn follow(&mut self, batch: &Batch) {
        let floor = Arc::clone(&self.floor);
        let mut progress = floor.progress.lock();
        let mut outcomes = 0;
        for event in &batch.events {
            match event {
                Event::Report { report, sent } => {
                    floor.saw(report.sequence);
                    let told = self.provider.follow(report);
                    progress.totals.idle_hours_posted += u64::from(told.deposited);
                    progress.totals.idle_hours_sold += u64::from(told.sold);
                    if let Some(sent) = sent {
                        outcomes += 1;
                        progress.totals.commands += 1;
                        match report.body {
                            ReportBody::Accepted { .. } | ReportBody::Replaced { .. } => {
                                progress.orders.record(batch.received - *sent, 1);
                            }
                            ReportBody::Rejected { .. } => progress.totals.rejected += 1,
                            _ => {}
                        }
                    }
                }
                Event::Refused { refused, .. } => {
                    outcomes += 1;
                    progress.totals.rejected += 1;
                    self.provider.not_taken(refused.lane, refused.number, refused.code);
                }
                Event::Outcome { .. } | Event::Resynchronised(_) => {}
            }
        }
        if let Near::Sent(left) = self.near {
            self.near = Near::Sent(left.saturating_sub(outcomes));
        }
        floor.window.add_permits(outcomes);
    }
}
