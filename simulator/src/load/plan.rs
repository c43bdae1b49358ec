//! What load to make: the plan, and the ranges of what is in it.

use client::Depth;
use std::fmt;
use std::time::Duration;

use super::arrivals::{Schedule, Shape, Step};
use super::ground::CONTRACTS_MAX;
use super::mix::Mix;

pub(super) const RATE_MAX: u32 = 10_000_000;
const BURST_MAX: u32 = 4_096;
const SESSIONS_MAX: u32 = 1_000;
const SUBSCRIBERS_MAX: u32 = 10_000;
const THREADS_MAX: u32 = 64;
const STEPS_MAX: u32 = 32;
const IN_FLIGHT_MAX: u32 = 200_000;
/// The most commands under way of one session of a closed loop.
const SESSION_IN_FLIGHT_MAX: u32 = 32_768;

/// What load to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadPlan {
    /// When commands are sent.
    pub pace: Pace,
    /// How long the same goes on before anything is measured.
    pub warm_up: Duration,
    /// What is sent.
    pub mix: Mix,
    /// How many sessions, 1 to 1,000, each with an account and a key of its own.
    pub sessions: u32,
    /// Over how many contracts, 1 to 19,200; at least 2 for blocks.
    pub contracts: u32,
    /// How many threads the sessions are shared out to, 1 to 64; no more than there are sessions are used.
    pub threads: u32,
    /// Which of the contracts the feed is followed of.
    pub watch: Watch,
    /// How many subscribers of the feed are there besides, 0 to 10,000, each of one of the contracts in turn.
    pub subscribers: u32,
    /// What they are sent.
    pub subscribed: Depth,
    /// What everything random is drawn from.
    pub seed: u64,
}

/// When commands are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// An open loop: at moments that are set beforehand, whether the exchange keeps up or not.
    Open {
        /// How they follow each other.
        shape: Shape,
        /// At which rates, 1 to 32 of them, one after the other.
        steps: Vec<Step>,
    },
    /// A closed loop: as soon as another command has its outcome.
    Closed {
        /// How many commands are under way over all sessions, 1 to 200,000.
        in_flight: u32,
        /// For how long.
        run_for: Duration,
    },
}

/// Which contracts the feed is followed of. Following many at a high rate costs as much as trading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// All of them.
    All,
    /// The first.
    One,
    /// None: nothing is said of the feed.
    None,
}

/// A plan that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {found}, expected {expected}")]
pub struct PlanError {
    /// Which part of it.
    pub field: &'static str,
    /// Its value.
    pub found: String,
    /// Its range.
    pub expected: String,
}

impl LoadPlan {
    /// Checks that everything is in its range.
    ///
    /// # Errors
    /// The first part that is not.
    pub fn check(&self) -> Result<(), PlanError> {
        in_range("sessions", self.sessions, SESSIONS_MAX)?;
        between("contracts", self.contracts, self.mix.contracts_min(), CONTRACTS_MAX)?;
        in_range("threads", self.threads, THREADS_MAX)?;
        between("subscribers", self.subscribers, 0, SUBSCRIBERS_MAX)?;
        if self.sessions < self.mix.sessions_min() {
            return Err(PlanError {
                field: "sessions",
                found: self.sessions.to_string(),
                expected: format!("at least {}, as nobody trades with oneself", self.mix.sessions_min()),
            });
        }
        match &self.pace {
            Pace::Open { shape, steps } => {
                in_range("steps", u32::try_from(steps.len()).unwrap_or(u32::MAX), STEPS_MAX)?;
                steps.iter().try_for_each(|step| in_range("rate", step.rate, RATE_MAX))?;
                steps.iter().try_for_each(|step| lasts(step.lasts))?;
                if let Shape::Bursts(size) = *shape {
                    in_range("the size of a burst", size, BURST_MAX)?;
                }
                Ok(())
            }
            Pace::Closed { in_flight, run_for } => {
                in_range("in-flight", *in_flight, IN_FLIGHT_MAX.min(self.sessions * SESSION_IN_FLIGHT_MAX))?;
                lasts(*run_for)
            }
        }
    }

    /// For how long is measured.
    #[must_use]
    pub fn run_for(&self) -> Duration {
        match &self.pace {
            Pace::Open { steps, .. } => steps.iter().map(|step| step.lasts).sum(),
            Pace::Closed { run_for, .. } => *run_for,
        }
    }

    /// The same plan for another time; several steps share it as they shared theirs.
    #[must_use]
    pub fn lasting(&self, run_for: Duration) -> LoadPlan {
        let whole = self.run_for().as_secs_f64().max(f64::MIN_POSITIVE);
        let pace = match &self.pace {
            Pace::Closed { in_flight, .. } => Pace::Closed { in_flight: *in_flight, run_for },
            Pace::Open { shape, steps } => {
                let part =
                    |step: &Step| Step { lasts: run_for.mul_f64(step.lasts.as_secs_f64() / whole), ..*step };
                Pace::Open { shape: *shape, steps: steps.iter().map(part).collect() }
            }
        };
        LoadPlan { pace, ..self.clone() }
    }

    /// When the sessions of an open loop send: the warm-up at the first step's rate, as a step of its own before
    /// all others, and the steps. `None` for a closed loop.
    pub(super) fn schedule(&self) -> Option<Schedule> {
        let Pace::Open { shape, steps } = &self.pace else { return None };
        let warm_up = Step { rate: steps.first()?.rate, lasts: self.warm_up };
        let steps = [warm_up].iter().chain(steps).copied().collect();
        Some(Schedule { shape: *shape, steps, sessions: self.sessions, seed: self.seed })
    }

    /// How many commands the session of this index, from 0, keeps under way in a closed loop; 0 in an open one.
    pub(super) fn in_flight_of(&self, index: u32) -> usize {
        let Pace::Closed { in_flight, .. } = self.pace else { return 0 };
        let own = in_flight / self.sessions + u32::from(index < in_flight % self.sessions);
        usize::try_from(own).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pace::Closed { in_flight, .. } => write!(f, "closed loop, {in_flight} in flight"),
            Pace::Open { shape, steps } => {
                match shape {
                    Shape::Steady => write!(f, "open loop, steady at ")?,
                    Shape::Poisson => write!(f, "open loop, random at ")?,
                    Shape::Bursts(size) => write!(f, "open loop, in bursts of {size} at ")?,
                }
                let rates: Vec<String> = steps.iter().map(|step| step.rate.to_string()).collect();
                write!(f, "{}/s", rates.join(", "))
            }
        }
    }
}

fn in_range(field: &'static str, found: u32, most: u32) -> Result<(), PlanError> {
    between(field, found, 1, most)
}

fn between(field: &'static str, found: u32, least: u32, most: u32) -> Result<(), PlanError> {
    if (least..=most).contains(&found) {
        return Ok(());
    }
    Err(PlanError { field, found: found.to_string(), expected: format!("{least} to {most}") })
}

fn lasts(time: Duration) -> Result<(), PlanError> {
    if !time.is_zero() {
        return Ok(());
    }
    Err(PlanError { field: "time", found: "0 s".to_owned(), expected: "more than nothing".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(rates: &[u32]) -> LoadPlan {
        let steps = rates.iter().map(|&rate| Step { rate, lasts: Duration::from_secs(1) }).collect();
        LoadPlan {
            pace: Pace::Open { shape: Shape::Steady, steps },
            warm_up: Duration::from_secs(1),
            mix: Mix::Market,
            sessions: 3,
            contracts: 8,
            threads: 1,
            watch: Watch::All,
            subscribers: 0,
            subscribed: Depth::Top,
            seed: 1,
        }
    }

    fn closed(in_flight: u32) -> LoadPlan {
        LoadPlan { pace: Pace::Closed { in_flight, run_for: Duration::from_secs(1) }, ..open(&[]) }
    }

    #[test]
    fn plans_out_of_range_are_refused_by_field() {
        let good = open(&[100]);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(closed(64).check(), Ok(()));
        let instant = Pace::Closed { in_flight: 1, run_for: Duration::ZERO };
        for (wanted, plan) in [
            ("rate", open(&[100, 0])),
            ("rate", open(&[10_000_001])),
            ("steps", open(&[])),
            ("sessions", LoadPlan { sessions: 1_001, ..good.clone() }),
            ("sessions", LoadPlan { sessions: 1, mix: Mix::Trades, ..good.clone() }),
            ("contracts", LoadPlan { contracts: 0, ..good.clone() }),
            ("contracts", LoadPlan { contracts: 1, mix: Mix::Blocks, ..good.clone() }),
            ("threads", LoadPlan { threads: 65, ..good.clone() }),
            ("subscribers", LoadPlan { subscribers: 10_001, ..good.clone() }),
            ("in-flight", closed(0)),
            ("in-flight", closed(3 * SESSION_IN_FLIGHT_MAX + 1)),
            ("time", LoadPlan { pace: instant, ..good }),
        ] {
            assert_eq!(plan.check().unwrap_err().field, wanted, "{plan:?}");
        }
    }

    #[test]
    fn sessions_share_what_is_in_flight() {
        let shares =
            |in_flight| (0..3).map(|index| closed(in_flight).in_flight_of(index)).collect::<Vec<_>>();
        assert_eq!([shares(1), shares(5), shares(9)], [[1, 0, 0], [2, 2, 1], [3, 3, 3]]);
    }

    #[test]
    fn the_warm_up_is_a_step_before_all_others_and_a_shorter_plan_keeps_its_parts() {
        let plan = open(&[100, 300]);
        let rates: Vec<u32> = plan.schedule().unwrap().steps.iter().map(|step| step.rate).collect();
        assert_eq!((rates, plan.run_for()), (vec![100, 100, 300], Duration::from_secs(2)));
        let half = plan.lasting(Duration::from_secs(1));
        let steps = half.schedule().unwrap().steps;
        assert!(steps[1..].iter().all(|step| step.lasts == Duration::from_millis(500)), "{steps:?}");
    }
}
