//! When commands are to be sent, whether the exchange keeps up or not. Seeded, so that a run can be repeated.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// How arrivals follow each other at a given rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// At equal intervals; the sessions take turns.
    Steady,
    /// Every session at random moments of its own, all equally likely.
    Poisson,
    /// So many commands of one session at the same moment, at least 1; the sessions take turns.
    Bursts(u32),
}

/// A stretch of a run with a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Commands a second over all sessions.
    pub rate: u32,
    /// For how long.
    pub lasts: Duration,
}

/// The moment at which one command is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// From the start of the run.
    pub(super) at: Duration,
    /// In which of the steps.
    pub(super) step: usize,
}

/// What all sessions' arrivals have in common.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) shape: Shape,
    pub(super) steps: Vec<Step>,
    pub(super) sessions: u32,
    pub(super) seed: u64,
}

/// The arrivals of one session on one lane, in order.
#[derive(Debug)]
pub(super) struct Arrivals {
    stretches: Vec<Stretch>,
    timing: Timing,
    /// In which of the stretches the next arrival is; behind the last when there is none.
    step: usize,
    /// How many of this step came before it.
    place: u64,
    next: Duration,
}

/// A step as this lane sees it.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    starts: Duration,
    ends: Duration,
    /// Commands in a thousand seconds over all sessions.
    rate: u64,
}

/// The nanoseconds of a thousand seconds.
const RATE_NANOS: u128 = 1_000_000_000_000;

#[derive(Debug)]
enum Timing {
    Turns(Turns),
    Random {
        /// How many sessions have the rate together.
        sessions: f64,
        rng: Box<StdRng>,
    },
}

/// Sessions that take turns, burst by burst.
#[derive(Clone, Copy, Debug)]
struct Turns {
    /// How many, and which one this is.
    sessions: u64,
    index: u64,
    burst: u64,
}

impl Schedule {
    /// The arrivals of the session of this `index`, from 0, on the lane to which `share` in a thousand of all
    /// commands go.
    pub(super) fn of_session(&self, index: u32, share: u32) -> Arrivals {
        let mut starts = Duration::ZERO;
        let stretches = self.steps.iter().map(|step| {
            let ends = starts + step.lasts;
            let stretch = Stretch { starts, ends, rate: u64::from(step.rate) * u64::from(share) };
            starts = ends;
            stretch
        });
        let turns =
            |burst| Timing::Turns(Turns { sessions: self.sessions.into(), index: index.into(), burst });
        let timing = match self.shape {
            Shape::Steady => turns(1),
            Shape::Bursts(size) => turns(u64::from(size).max(1)),
            Shape::Poisson => Timing::Random {
                sessions: self.sessions.into(),
                rng: Box::new(StdRng::seed_from_u64(
                    self.seed ^ u64::from(index) << 32 ^ u64::from(share) << 20,
                )),
            },
        };
        let stretches = stretches.collect();
        let mut arrivals = Arrivals { stretches, timing, step: 0, place: 0, next: Duration::ZERO };
        arrivals.begin_step();
        arrivals
    }

    /// How long all steps together last.
    pub(super) fn lasts(&self) -> Duration {
        self.steps.iter().map(|step| step.lasts).sum()
    }
}

impl Arrivals {
    /// The next arrival, without going on.
    pub(super) fn peek(&self) -> Option<Arrival> {
        (self.step < self.stretches.len()).then_some(Arrival { at: self.next, step: self.step })
    }

    /// Goes on to the one after.
    pub(super) fn advance(&mut self) {
        let Some(stretch) = self.stretches.get(self.step) else { return };
        self.place += 1;
        self.next = match &mut self.timing {
            Timing::Turns(turns) => turns.moment(stretch, self.place),
            Timing::Random { sessions, rng } => self.next.saturating_add(gap(rng, stretch.rate, *sessions)),
        };
        if self.next >= stretch.ends {
            self.step += 1;
            self.begin_step();
        }
    }

    /// Passes over the arrivals of this step that are left, if the step has ended by `now`, and says how many they
    /// were. So what a step could not send does not fall on the next.
    pub(super) fn pass_over(&mut self, now: Duration) -> u64 {
        let Some(stretch) = self.stretches.get(self.step).filter(|stretch| stretch.ends <= now) else {
            return 0;
        };
        if let Timing::Turns(turns) = &self.timing {
            let passed = turns.count(stretch) - self.place;
            self.step += 1;
            self.begin_step();
            return passed;
        }
        let (step, before) = (self.step, self.place);
        let mut last = before;
        while self.step == step {
            last = self.place;
            self.advance();
        }
        last + 1 - before
    }

    /// Finds the first arrival of the step, or of the first one after it that has any.
    fn begin_step(&mut self) {
        self.place = 0;
        while let Some(stretch) = self.stretches.get(self.step) {
            let first = match &mut self.timing {
                Timing::Turns(turns) => turns.moment(stretch, 0),
                Timing::Random { sessions, rng } => {
                    stretch.starts.saturating_add(gap(rng, stretch.rate, *sessions))
                }
            };
            if first < stretch.ends {
                self.next = first;
                return;
            }
            self.step += 1;
        }
    }
}

impl Turns {
    /// The moment of the session's own arrival number `place` of a step, from 0.
    fn moment(&self, stretch: &Stretch, place: u64) -> Duration {
        if stretch.rate == 0 {
            return stretch.ends;
        }
        let bursts_before = u128::from((place / self.burst) * self.sessions + self.index);
        let nanos = bursts_before * u128::from(self.burst) * RATE_NANOS / u128::from(stretch.rate);
        stretch.starts.saturating_add(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))
    }

    /// How many arrivals of its own the session has in a step.
    fn count(&self, stretch: &Stretch) -> u64 {
        let lasts = (stretch.ends - stretch.starts).as_nanos();
        let bursts = (lasts * u128::from(stretch.rate)).div_ceil(u128::from(self.burst) * RATE_NANOS);
        let own = bursts.saturating_sub(self.index.into()).div_ceil(self.sessions.into());
        u64::try_from(own).unwrap_or(u64::MAX).saturating_mul(self.burst)
    }
}

/// The time to the next arrival of one of so many sessions that all together have `rate` in a thousand seconds.
fn gap(rng: &mut StdRng, rate: u64, sessions: f64) -> Duration {
    if rate == 0 {
        return Duration::MAX / 2;
    }
    // From 0 to below 1, so that the logarithm is of more than 0.
    let chance: f64 = rng.random();
    let seconds = -(1.0 - chance).ln() * sessions * 1_000.0 / rate as f64;
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(shape: Shape, rates: &[u32]) -> Schedule {
        let lasts = Duration::from_secs(1);
        let steps = rates.iter().map(|&rate| Step { rate, lasts }).collect();
        Schedule { shape, steps, sessions: 3, seed: 7 }
    }

    fn all(mut arrivals: Arrivals) -> Vec<Arrival> {
        let mut all = Vec::new();
        while let Some(arrival) = arrivals.peek() {
            all.push(arrival);
            arrivals.advance();
        }
        all
    }

    fn of_all(schedule: &Schedule, share: u32) -> Vec<Duration> {
        let mut at: Vec<Duration> = (0..schedule.sessions)
            .flat_map(|index| all(schedule.of_session(index, share)))
            .map(|arrival| arrival.at)
            .collect();
        at.sort();
        at
    }

    #[test]
    fn steady_sessions_take_turns_at_equal_intervals() {
        let steady = schedule(Shape::Steady, &[1_000]);
        let expected: Vec<Duration> = (0..1_000).map(Duration::from_millis).collect();
        assert_eq!(of_all(&steady, 1_000), expected);
        let quarter: Vec<Duration> = (0..250).map(|number| Duration::from_millis(4 * number)).collect();
        assert_eq!(of_all(&steady, 250), quarter);
        assert!(of_all(&steady, 0).is_empty());
    }

    #[test]
    fn a_burst_is_one_sessions_and_the_rate_is_kept() {
        let bursts = schedule(Shape::Bursts(50), &[1_000]);
        assert_eq!(of_all(&bursts, 1_000).len(), 1_000);
        let own = all(bursts.of_session(1, 1_000));
        for (at, burst) in own.chunks(50).enumerate() {
            let moment = Duration::from_millis(50 * (3 * u64::try_from(at).unwrap() + 1));
            assert!(burst.iter().all(|arrival| arrival.at == moment), "{burst:?}");
        }
    }

    #[test]
    fn steps_follow_each_other_and_may_have_nothing_to_send() {
        let steps = schedule(Shape::Steady, &[100, 0, 300]);
        let of = |step| {
            (0..3)
                .flat_map(|index| all(steps.of_session(index, 1_000)))
                .filter(|arrival| arrival.step == step)
                .inspect(|arrival| assert_eq!(arrival.at.as_secs(), u64::try_from(step).unwrap()))
                .count()
        };
        assert_eq!([of(0), of(1), of(2)], [100, 0, 300]);
        assert_eq!(steps.lasts(), Duration::from_secs(3));
    }

    #[test]
    fn random_arrivals_have_the_rate_and_the_spread_of_independent_ones() {
        let poisson = schedule(Shape::Poisson, &[30_000]);
        let at = of_all(&poisson, 1_000);
        // The standard deviation of the count is 173.
        assert!(at.len().abs_diff(30_000) < 1_000, "{}", at.len());
        // Of independent arrivals at a mean distance of d, 1/e are more than d apart.
        let apart = at.windows(2).filter(|two| two[1] - two[0] > Duration::from_nanos(33_333)).count();
        assert!(apart.abs_diff(11_036) < 500, "{apart}");
        assert_eq!(at, of_all(&poisson, 1_000), "the same seed, the same arrivals");
        assert_ne!(at, of_all(&Schedule { seed: 8, ..poisson }, 1_000));
    }

    #[test]
    fn what_a_step_could_not_send_is_counted_and_passed_over() {
        for shape in [Shape::Steady, Shape::Bursts(7), Shape::Poisson] {
            let schedule = schedule(shape, &[1_000, 50, 2_000]);
            for sent in [0, 1, 2, 11, 100] {
                for index in 0..3 {
                    let whole = all(schedule.of_session(index, 1_000));
                    let in_step = whole.iter().filter(|arrival| arrival.step == 0).count();
                    let mut arrivals = schedule.of_session(index, 1_000);
                    (0..sent).for_each(|_| arrivals.advance());
                    assert_eq!(arrivals.pass_over(Duration::from_millis(999)), 0);
                    let passed = arrivals.pass_over(Duration::from_millis(1_000));
                    assert_eq!(passed, u64::try_from(in_step - sent).unwrap(), "{shape:?} {sent} {index}");
                    let rest = all(arrivals).len();
                    match shape {
                        Shape::Poisson => assert!(rest > 0),
                        _ => assert_eq!(rest, whole.len() - in_step),
                    }
                }
            }
        }
    }
}
