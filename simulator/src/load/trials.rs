//! The search for the highest rate that holds a p99: one run after the other on the same exchange.

use serde::Serialize;
use std::time::Duration;

use super::arrivals::Step;
use super::plan::{LoadPlan, Pace, PlanError, RATE_MAX};
use super::search::Search;
use super::{LoadError, LoadOutcome, LoadProgress, LoadTarget, run_load};

/// What a search found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SearchReport {
    /// The p99 that was to be held, in microseconds.
    pub limit_us: u64,
    /// The highest rate at which it was, in commands a second; `None` if at no rate.
    pub highest_per_s: Option<u32>,
    /// All runs, in their order.
    pub trials: Vec<Trial>,
}

/// One run of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trial {
    /// Commands a second that were to be sent.
    pub rate: u32,
    /// Outcomes a second that arrived.
    pub acknowledged_per_s: f64,
    /// In microseconds.
    pub p50: u64,
    /// The same.
    pub p99: u64,
    /// True if nothing was held back or wrong, and the p99 was within the limit.
    pub held: bool,
}

/// Looks for the highest rate at which an open loop's p99 is at most `limit`, beginning with that of the plan's first
/// step; each trial is the whole plan at one rate. Gives the outcome of the best one too, or of the last if none held.
///
/// # Errors
/// As [`run_load`]; [`LoadError::Plan`] for a closed loop.
pub async fn search(
    target: &LoadTarget,
    plan: &LoadPlan,
    limit: Duration,
    tell: &mut dyn FnMut(&Trial),
    tell_progress: &mut dyn FnMut(LoadProgress),
) -> Result<(SearchReport, LoadOutcome), LoadError> {
    let limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    let mut search = Search::new(first_rate(plan)?, RATE_MAX);
    let (mut trials, mut best) = (Vec::new(), None);
    while let Some(rate) = search.next() {
        let outcome = run_load(target, &at_rate(plan, rate), tell_progress).await?;
        let report = &outcome.report;
        let latency = report.ack_latency_us;
        // A rate that is not kept up shows in the latency, which counts from when commands were to be sent.
        let held = report.held_back == 0 && report.faults().is_empty() && latency.p99 <= limit_us;
        let acknowledged_per_s = report.acknowledged_per_s;
        let trial = Trial { rate, acknowledged_per_s, p50: latency.p50, p99: latency.p99, held };
        search.tell(held);
        tell(&trial);
        trials.push(trial);
        if held || search.highest().is_none() {
            best = Some(outcome);
        }
    }
    let report = SearchReport { limit_us, highest_per_s: search.highest(), trials };
    best.map(|best| (report, best)).ok_or(LoadError::Broken)
}

fn first_rate(plan: &LoadPlan) -> Result<u32, PlanError> {
    match &plan.pace {
        Pace::Open { steps, .. } if !steps.is_empty() => Ok(steps[0].rate),
        other => Err(PlanError {
            field: "pace",
            found: other.to_string(),
            expected: "an open loop, as a search tries rates".to_owned(),
        }),
    }
}

/// The plan with one step, at this rate.
fn at_rate(plan: &LoadPlan, rate: u32) -> LoadPlan {
    match &plan.pace {
        Pace::Open { shape, .. } => {
            let steps = vec![Step { rate, lasts: plan.run_for() }];
            LoadPlan { pace: Pace::Open { shape: *shape, steps }, ..plan.clone() }
        }
        Pace::Closed { .. } => plan.clone(),
    }
}
