//! What came of a load.

use client::FeedCounters;
use serde::Serialize;
use std::fmt;

use super::LoadPlan;
use super::session::Tally;
use crate::latency::{Latencies, LatencySummary};
use crate::progress::per_second;
use crate::text::count;

/// What came of a load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LoadReport {
    /// What the commands were drawn from.
    pub seed: u64,
    /// How many sessions.
    pub sessions: u32,
    /// Over how many contracts.
    pub contracts: u32,
    /// How long, in seconds.
    pub ran_s: f64,
    /// Commands a second that were to be sent.
    pub offered_per_s: u64,
    /// Outcomes a second that arrived within the run's time.
    pub acknowledged_per_s: u64,
    /// Commands that were to be sent.
    pub offered: u64,
    /// Of those, never sent because the time was up while too many had no outcome.
    pub held_back: u64,
    /// Outcomes, the late ones included.
    pub acknowledged: u64,
    /// Of those, rejected or refused.
    pub rejected: u64,
    /// Commands without an outcome: should be 0.
    pub lost: u64,
    /// Outcomes that were one too many: should be 0.
    pub duplicated: u64,
    /// Units that traded.
    pub units: u64,
    /// From the moment a command was to be sent to the arrival of its durable outcome, all commands.
    pub ack_latency_us: LatencySummary,
    /// The same of new orders.
    pub order_ack_latency_us: LatencySummary,
    /// The same of cancels.
    pub cancel_ack_latency_us: LatencySummary,
    /// Public events that were missed: should be 0.
    pub feed_gaps: u64,
    /// Public books that were proven against a digest of the feed's.
    pub books_proven: u64,
    /// Open orders left on the exchange: should be 0.
    pub left_behind: u64,
    /// True if the accounts of the load together have what they had, less fees.
    pub conserved: bool,
}

impl LoadReport {
    pub(super) fn new(plan: LoadPlan, tally: &Tally, feed: FeedCounters) -> LoadReport {
        let mut all = Latencies::new();
        all.add(&tally.orders);
        all.add(&tally.cancels);
        LoadReport {
            seed: plan.seed,
            sessions: plan.sessions,
            contracts: plan.contracts,
            ran_s: plan.run_for.as_secs_f64(),
            offered_per_s: per_second(tally.offered, plan.run_for),
            acknowledged_per_s: per_second(tally.acknowledged_in_time, plan.run_for),
            offered: tally.offered,
            held_back: tally.held_back,
            acknowledged: tally.acknowledged,
            rejected: tally.rejected,
            lost: tally.lost,
            duplicated: tally.duplicated,
            units: tally.units,
            ack_latency_us: all.summary(),
            order_ack_latency_us: tally.orders.summary(),
            cancel_ack_latency_us: tally.cancels.summary(),
            feed_gaps: feed.gaps + feed.mismatches + feed.reconnects,
            books_proven: feed.proven,
            left_behind: tally.left_behind,
            conserved: tally.is_conserved(),
        }
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "ran              {:.1} s over {} sessions, {} contracts, seed {}",
            self.ran_s, self.sessions, self.contracts, self.seed
        )?;
        writeln!(
            f,
            "offered          {}/s ({} held back)",
            count(self.offered_per_s),
            count(self.held_back)
        )?;
        writeln!(
            f,
            "acknowledged     {}/s ({} rejected)",
            count(self.acknowledged_per_s),
            count(self.rejected)
        )?;
        writeln!(f, "order to ack     {}", self.order_ack_latency_us)?;
        writeln!(f, "cancel to ack    {}", self.cancel_ack_latency_us)?;
        writeln!(f, "units traded     {}", count(self.units))?;
        writeln!(f, "lost             {}", count(self.lost))?;
        writeln!(f, "duplicated       {}", count(self.duplicated))?;
        writeln!(f, "feed gaps        {} ({} books proven)", self.feed_gaps, count(self.books_proven))?;
        writeln!(f, "left behind      {} orders", count(self.left_behind))?;
        writeln!(f, "conservation     {}", if self.conserved { "holds" } else { "VIOLATED" })
    }
}
