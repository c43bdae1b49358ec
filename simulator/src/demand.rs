//! Demand: jobs that want accelerators for some hours, drawn so that how often they come, how many
//! accelerators they want and how long they run follow the published figures of a real cluster.
//!
//! **Published.** Alibaba's GPU cluster trace v2023 (`cluster-trace-gpu-v2023`, used by "Beware of
//! Fragmentation", USENIX ATC '23): 7,064 pods that want GPUs, 6,226 of them in days 120 to 149 of a trace of
//! 149.3 days; the sizes in [`SIZES`]; run times with a median of 545 s, a 90th percentile of 6,255 s and a
//! 99th of 113,363 s. Pods that want part of a GPU count as 1. No data of the trace is in this project.
//!
//! **Derived.** Arrivals are a Poisson process at the mean rate of those days: no day and night, for which no
//! figure is published. Between the published quantiles the logarithm of the run time is interpolated, linearly
//! in the logarithm of the share of jobs that run longer; both ends continue their piece. A job buys whole
//! hours, rounded up, so what is below the median makes no difference: it is one hour either way.
//!
//! **Made up,** because no trace has it: the limit price ([`MARGIN_BP`]), when the job wants to start
//! ([`START_NOW`], [`LEAD_HOURS`]), how long it waits ([`PATIENCE_S`]), and which class it wants
//! ([`Job::pick_class`]).

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rust_decimal::Decimal;

use crate::supply::ClassSupply;

/// Published: accelerators a job wants, and how many jobs of the trace want that many.
pub const SIZES: [(u32, u32); 4] = [(1, 6_989), (2, 16), (4, 15), (8, 44)];
/// Published: share of jobs that run longer, and the run time in seconds, shortest first.
pub const RUN_TIME_QUANTILES: [(f64, f64); 3] = [(0.5, 545.0), (0.1, 6_255.0), (0.01, 113_363.0)];
/// Published: 6,226 jobs in the 29.3 days from day 120 to the trace's end, as the mean seconds between two.
pub const MEAN_GAP_S: f64 = 29.3 * 86_400.0 / 6_226.0;
/// Made up: the limit price is the reference price plus this many hundredths of a percent, uniformly.
pub const MARGIN_BP: RangeInclusive<i32> = -2_000..=2_000;
/// Made up: the share of jobs that want the first slot they can get.
pub const START_NOW: f64 = 0.7;
/// Made up: the others start this many hours later, uniformly.
pub const LEAD_HOURS: RangeInclusive<u32> = 1..=24;
/// Made up: how many seconds a bid rests before its broker gives up, uniformly.
pub const PATIENCE_S: RangeInclusive<u32> = 600..=14_400;

/// An endless source of jobs. The same seed, speed-up and horizon give the same jobs in one build.
#[derive(Debug)]
pub struct Demand {
    rng: StdRng,
    speed_up: NonZeroU32,
    horizon_hours: NonZeroU32,
}

/// One job: `units` accelerators for `hours` consecutive hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Time since the job before it, already sped up.
    pub after: Duration,
    /// Accelerators wanted in every hour; one of [`SIZES`].
    pub units: u32,
    /// Consecutive hours wanted, at least 1; `start_in_hours + hours` is at most the horizon.
    pub hours: u32,
    /// Where the first hour lies: 0 is the first slot that can be had.
    pub start_in_hours: u32,
    /// The limit price over the reference price, in hundredths of a percent; within [`MARGIN_BP`].
    pub margin_bp: i32,
    /// How long the bid rests before its broker gives up, already sped up.
    pub patience: Duration,
    /// What [`Job::pick_class`] picks by, from 0 up to but excluding 1.
    class_draw: f64,
}

impl Demand {
    /// Demand drawn from `seed`. Time runs `speed_up` times faster than in the trace: 1 is its real rate of
    /// about 9 jobs an hour. Only the waiting shrinks; a job still wants as many hours. No job reaches beyond
    /// `horizon_hours` from now: longer ones are clipped.
    pub fn new(seed: u64, speed_up: NonZeroU32, horizon_hours: NonZeroU32) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), speed_up, horizon_hours }
    }

    /// The next job.
    pub fn next_job(&mut self) -> Job {
        let horizon_hours = self.horizon_hours.get();
        let gap_s = -MEAN_GAP_S * self.survival().ln();
        let units = self.units();
        let run_time_s = run_time_s(self.survival());
        let lead_hours = if self.draw() < START_NOW { 0 } else { self.rng.random_range(LEAD_HOURS) };
        let start_in_hours = lead_hours.min(horizon_hours - 1);
        let patience = Duration::from_secs(self.rng.random_range(PATIENCE_S).into());
        Job {
            after: Duration::from_secs_f64(gap_s) / self.speed_up.get(),
            units,
            hours: hours_up(run_time_s, horizon_hours - start_in_hours),
            start_in_hours,
            margin_bp: self.rng.random_range(MARGIN_BP),
            patience: patience / self.speed_up.get(),
            class_draw: self.draw(),
        }
    }

    fn units(&mut self) -> u32 {
        let all: u32 = SIZES.iter().map(|(_, jobs)| jobs).sum();
        let mut pick = self.rng.random_range(0..all);
        for (units, jobs) in SIZES {
            if pick < jobs {
                return units;
            }
            pick -= jobs;
        }
        1
    }

    /// From 0 up to but excluding 1, uniformly.
    fn draw(&mut self) -> f64 {
        self.rng.random()
    }

    /// Above 0 up to and including 1, uniformly: its logarithm is finite.
    fn survival(&mut self) -> f64 {
        1.0 - self.draw()
    }
}

impl Job {
    /// The class this job wants: among those with enough accelerators for it, weighted by how many they offer
    /// (made up: the trace has neither regions nor open model names). None when no class is large enough.
    /// The same job and the same classes give the same answer.
    pub fn pick_class<'a>(&self, classes: &'a [ClassSupply]) -> Option<&'a ClassSupply> {
        let fits = |class: &&ClassSupply| class.units >= u64::from(self.units);
        let units: u64 = classes.iter().filter(fits).map(|class| class.units).sum();
        let target = self.class_draw * approximate(units);
        let mut passed = 0;
        let picked = classes.iter().filter(fits).find(|class| {
            passed += class.units;
            target < approximate(passed)
        });
        picked.or_else(|| classes.iter().rfind(fits))
    }

    /// The most this job pays per accelerator-hour when `reference` is the class's usual price: exact, not
    /// yet rounded to a tick.
    pub fn limit_price(&self, reference: Decimal) -> Decimal {
        let factor = Decimal::new((10_000 + self.margin_bp).into(), 4);
        reference.checked_mul(factor).unwrap_or(Decimal::MAX)
    }
}

/// The run time that a share of `survival` of all jobs exceeds (above 0, at most 1), in seconds.
fn run_time_s(survival: f64) -> f64 {
    let [median, p90, p99] = RUN_TIME_QUANTILES;
    let ((longer_a, a), (longer_b, b)) = if survival > p90.0 { (median, p90) } else { (p90, p99) };
    let way = (survival / longer_a).ln() / (longer_b / longer_a).ln();
    a * (b / a).powf(way)
}

/// Whole hours that hold `seconds`, from 1 to `most`.
fn hours_up(seconds: f64, most: u32) -> u32 {
    let longest = Duration::from_secs(u64::from(most) * 3_600);
    let run_time = Duration::try_from_secs_f64(seconds).unwrap_or(longest).min(longest);
    let hours = run_time.as_nanos().div_ceil(3_600_000_000_000);
    u32::try_from(hours).unwrap_or(most).max(1)
}

/// Exact up to 2^53, far beyond any supply; only ever a weight.
#[allow(clippy::cast_precision_loss)]
fn approximate(units: u64) -> f64 {
    units as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: usize = 100_000;
    const SEED: u64 = 20_230_711;
    const REAL_TIME: NonZeroU32 = NonZeroU32::MIN;
    const TWO_WEEKS: NonZeroU32 = NonZeroU32::new(14 * 24).unwrap();

    fn jobs(seed: u64, speed_up: NonZeroU32, horizon_hours: NonZeroU32, count: usize) -> Vec<Job> {
        let mut demand = Demand::new(seed, speed_up, horizon_hours);
        (0..count).map(|_| demand.next_job()).collect()
    }

    fn share(jobs: &[Job], keep: impl Fn(&Job) -> bool) -> f64 {
        let kept = jobs.iter().filter(|job| keep(job)).count();
        approximate(kept as u64) / approximate(jobs.len() as u64)
    }

    #[track_caller]
    fn assert_near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "found {found}, expected {expected} ± {tolerance}");
    }

    #[test]
    fn run_times_match_the_published_quantiles() {
        let mut demand = Demand::new(SEED, REAL_TIME, TWO_WEEKS);
        let mut drawn: Vec<f64> = (0..DRAWS).map(|_| run_time_s(demand.survival())).collect();
        drawn.sort_by(f64::total_cmp);
        for (at, published) in [(DRAWS / 2, 545.0), (DRAWS * 9 / 10, 6_255.0), (DRAWS * 99 / 100, 113_363.0)]
        {
            assert_near(drawn[at], published, published * 0.1);
        }
    }

    #[test]
    fn the_published_quantiles_are_met_exactly_and_run_times_never_jump() {
        assert_near(run_time_s(0.5), 545.0, 1e-6);
        assert_near(run_time_s(0.1), 6_255.0, 1e-6);
        assert_near(run_time_s(0.01), 113_363.0, 1e-6);
        assert_near(run_time_s(0.1 - 1e-9), 6_255.0, 1e-3);
        let fallen: Vec<f64> = (1..=1_000).map(|at| run_time_s(f64::from(at) / 1_000.0)).collect();
        assert!(fallen.windows(2).all(|pair| pair[0] > pair[1] && pair[1] > 0.0));
    }

    #[test]
    fn hours_follow_the_run_times() {
        let jobs = jobs(SEED, REAL_TIME, TWO_WEEKS, DRAWS);
        // 6,255 s are two hours, 113,363 s are 32: so the quantiles lie within those hours.
        assert!(share(&jobs, |job| job.hours == 1) > 0.5);
        assert!(share(&jobs, |job| job.hours <= 2) > 0.9);
        assert!(share(&jobs, |job| job.hours <= 31) < 0.9915);
        assert!(share(&jobs, |job| job.hours <= 32) > 0.9885);
        assert!(jobs.iter().any(|job| job.hours > 300), "the longest jobs reach the horizon");
    }

    #[test]
    fn sizes_match_the_published_counts() {
        let jobs = jobs(SEED, REAL_TIME, TWO_WEEKS, DRAWS);
        for (units, published) in SIZES {
            assert_near(share(&jobs, |job| job.units == units), f64::from(published) / 7_064.0, 0.001);
        }
    }

    #[test]
    fn arrivals_match_the_published_rate_times_the_speed_up() {
        for speed_up in [1, 600] {
            let jobs = jobs(SEED, NonZeroU32::new(speed_up).unwrap(), TWO_WEEKS, DRAWS);
            let total: Duration = jobs.iter().map(|job| job.after).sum();
            let days = total.as_secs_f64() * f64::from(speed_up) / 86_400.0;
            let published_per_day = 6_226.0 / 29.3;
            assert_near(approximate(DRAWS as u64) / days, published_per_day, published_per_day * 0.02);
        }
    }

    #[test]
    fn what_is_made_up_is_as_stated() {
        let jobs = jobs(SEED, REAL_TIME, TWO_WEEKS, DRAWS);
        assert_near(share(&jobs, |job| job.start_in_hours == 0), START_NOW, 0.01);
        assert_near(share(&jobs, |job| job.margin_bp >= 0), 0.5, 0.01);
        assert_near(share(&jobs, |job| job.start_in_hours > 12), (1.0 - START_NOW) / 2.0, 0.01);
    }

    #[test]
    fn every_job_is_within_its_bounds() {
        for horizon in [1, 2, 25, 14 * 24, u32::MAX] {
            let speed_up = NonZeroU32::new(60).unwrap();
            for job in jobs(u64::from(horizon), speed_up, NonZeroU32::new(horizon).unwrap(), 10_000) {
                assert!(job.hours >= 1 && job.units >= 1, "{job:?}");
                assert!(
                    u64::from(job.start_in_hours) + u64::from(job.hours) <= u64::from(horizon),
                    "{job:?}"
                );
                assert!(job.start_in_hours <= *LEAD_HOURS.end(), "{job:?}");
                assert!(MARGIN_BP.contains(&job.margin_bp), "{job:?}");
                assert!(job.patience >= Duration::from_secs(10), "{job:?}");
                assert!(job.patience <= Duration::from_secs(240), "{job:?}");
            }
        }
    }

    #[test]
    fn the_seed_is_the_whole_reproduction() {
        let thousand = |seed| jobs(seed, REAL_TIME, TWO_WEEKS, 1_000);
        assert_eq!(thousand(7), thousand(7));
        assert_ne!(thousand(7), thousand(8));
    }

    #[test]
    fn classes_are_picked_by_their_units_and_only_when_large_enough() {
        let class = |model: &str, units| ClassSupply {
            model: model.to_owned(),
            region: "US".to_owned(),
            units,
            reference: Decimal::ONE,
        };
        let classes = [class("A", 3), class("B", 30), class("C", 7)];
        let jobs = jobs(SEED, REAL_TIME, TWO_WEEKS, DRAWS);
        let wants = |job: &Job, model| job.pick_class(&classes).unwrap().model == model;
        let ones: Vec<Job> = jobs.iter().filter(|job| job.units == 1).cloned().collect();
        assert_near(share(&ones, |job| wants(job, "A")), 3.0 / 40.0, 0.01);
        assert_near(share(&ones, |job| wants(job, "B")), 30.0 / 40.0, 0.01);
        assert_near(share(&ones, |job| wants(job, "C")), 7.0 / 40.0, 0.01);
        let eights: Vec<Job> = jobs.iter().filter(|job| job.units == 8).cloned().collect();
        assert!(eights.len() > 100 && eights.iter().all(|job| wants(job, "B")));
        assert!(eights.iter().all(|job| job.pick_class(&classes[..1]).is_none()));
        assert!(ones[0].pick_class(&[]).is_none());
    }

    #[test]
    fn limit_prices_are_exact() {
        let mut job = jobs(SEED, REAL_TIME, TWO_WEEKS, 1).remove(0);
        for (margin_bp, expected) in [(-2_000, "1.6"), (0, "2"), (1, "2.0002"), (1_999, "2.3998")] {
            job.margin_bp = margin_bp;
            assert_eq!(job.limit_price(Decimal::TWO), Decimal::from_str_exact(expected).unwrap());
        }
        assert_eq!(job.limit_price(Decimal::MAX), Decimal::MAX);
    }
}
