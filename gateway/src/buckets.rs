//! Token buckets: what is left of what a session or an account may say. They know no clock: whoever asks says what
//! time it is, which never goes back.

use crate::limits::{Rate, Throttle};
use crate::mirror::lane_index;
use protocol::order_entry::Allowance;
use std::time::Duration;
use types::{Lane, Timestamp};

/// One token, in the billionths in which levels are kept: a rate of one a second adds one each nanosecond.
const TOKEN: i64 = 1_000_000_000;

/// The buckets of one session or one account.
#[derive(Clone, Debug)]
pub(crate) struct Buckets {
    lanes: [Bucket; 2],
    queries: Bucket,
}

/// One bucket.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    /// In billionths of a token; below 0 while what was spent without asking is paid back.
    level: i64,
    at: Timestamp,
}

impl Buckets {
    /// Full ones.
    pub(crate) fn new(throttle: &Throttle, now: Timestamp) -> Buckets {
        let Throttle { orders, cancels, queries } = *throttle;
        let bucket = |rate| Bucket::new(rate, now);
        Buckets { lanes: [bucket(orders), bucket(cancels)], queries: bucket(queries) }
    }

    pub(crate) fn lane(&mut self, lane: Lane) -> &mut Bucket {
        &mut self.lanes[lane_index(lane)]
    }

    pub(crate) fn queries(&mut self) -> &mut Bucket {
        &mut self.queries
    }

    /// What may be said by whoever needs tokens of both of these: on the orders lane and on the cancels lane.
    pub(crate) fn allowances(&mut self, other: &mut Buckets, now: Timestamp) -> [Allowance; 2] {
        [Lane::Orders, Lane::Cancels].map(|lane| {
            let (one, other) = (self.lane(lane), other.lane(lane));
            one.refill(now);
            other.refill(now);
            smaller(one.allowance(), other.allowance())
        })
    }
}

impl Bucket {
    fn new(rate: Rate, now: Timestamp) -> Bucket {
        Bucket { rate, level: full(rate), at: now }
    }

    /// Adds what has come since.
    pub(crate) fn refill(&mut self, now: Timestamp) {
        let since = i128::from(now.0.saturating_sub(self.at.0));
        self.at = now.max(self.at);
        let level = i128::from(self.level) + since * i128::from(self.rate.rate);
        self.level = i64::try_from(level).unwrap_or(i64::MAX).min(full(self.rate));
    }

    /// True if there is a token.
    pub(crate) fn has_one(&self) -> bool {
        self.rate.rate == 0 || self.level >= TOKEN
    }

    /// Takes tokens, also if there are none: then they are missing later, but never more than fit into it.
    pub(crate) fn spend(&mut self, tokens: u32) {
        let left = self.level.saturating_sub(i64::from(tokens).saturating_mul(TOKEN));
        self.level = left.max(-full(self.rate));
    }

    /// How long it takes until there is a token.
    pub(crate) fn wait(&self) -> Duration {
        if self.has_one() {
            return Duration::ZERO;
        }
        let missing = TOKEN.saturating_sub(self.level).unsigned_abs();
        Duration::from_nanos(missing.div_ceil(self.rate.rate.into()))
    }

    fn allowance(&self) -> Allowance {
        let Rate { rate, burst } = self.rate;
        if rate == 0 {
            return Allowance::UNLIMITED;
        }
        let left = u32::try_from((self.level / TOKEN).max(0)).expect("no more than the burst");
        Allowance { left, rate, burst: burst.max(1) }
    }
}

/// What is in a full one.
fn full(rate: Rate) -> i64 {
    i64::from(rate.burst.max(1)) * TOKEN
}

fn smaller(one: Allowance, other: Allowance) -> Allowance {
    match (one.rate, other.rate) {
        (0, _) => other,
        (_, 0) => one,
        _ => Allowance {
            left: one.left.min(other.left),
            rate: one.rate.min(other.rate),
            burst: one.burst.min(other.burst),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MILLISECOND: u64 = 1_000_000;

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp(milliseconds * MILLISECOND)
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(Rate { rate: 50, burst: 3 }, at(1_000));
        for _ in 0..3 {
            assert!(bucket.has_one());
            bucket.spend(1);
        }
        assert_eq!((bucket.has_one(), bucket.wait()), (false, Duration::from_millis(20)));
        bucket.refill(at(1_019));
        assert_eq!((bucket.has_one(), bucket.wait()), (false, Duration::from_millis(1)));
        bucket.refill(at(1_020));
        assert!(bucket.has_one());
        bucket.refill(at(9_000_000));
        assert_eq!(bucket.allowance(), Allowance { left: 3, rate: 50, burst: 3 });
        // Time that goes back adds nothing, and takes nothing.
        bucket.spend(3);
        bucket.refill(at(5));
        assert_eq!(bucket.allowance().left, 0);
    }

    #[test]
    fn what_is_spent_without_asking_is_paid_back_and_bounded() {
        let mut bucket = Bucket::new(Rate { rate: 10, burst: 5 }, at(0));
        bucket.spend(7);
        assert_eq!(bucket.wait(), Duration::from_millis(300));
        bucket.spend(u32::MAX);
        assert_eq!(bucket.wait(), Duration::from_millis(600), "no more than a burst is owed");
        bucket.refill(at(600));
        assert!(bucket.has_one());
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let mut bucket = Bucket::new(Rate::UNLIMITED, at(0));
        for _ in 0..10 {
            bucket.spend(u32::MAX);
            assert!(bucket.has_one());
        }
        assert_eq!((bucket.wait(), bucket.allowance()), (Duration::ZERO, Allowance::UNLIMITED));
    }

    #[test]
    fn of_two_the_smaller_counts() {
        let (few, many) = (Rate { rate: 5, burst: 10 }, Rate { rate: 500, burst: 7 });
        let throttle = |orders| Throttle { orders, ..Throttle::UNLIMITED };
        let mut session = Buckets::new(&throttle(few), at(0));
        let mut account = Buckets::new(&throttle(many), at(0));
        let expected = [Allowance { left: 7, rate: 5, burst: 7 }, Allowance::UNLIMITED];
        assert_eq!(session.allowances(&mut account, at(0)), expected);
        account.lane(Lane::Orders).spend(4);
        assert_eq!(session.allowances(&mut account, at(0))[0].left, 3);
    }

    proptest! {
        /// Never more than the burst and what has come since, whoever asks when; and never less, by one at most.
        #[test]
        fn a_bucket_never_gives_more_than_its_rate(
            rate in 1..100_000u32, burst in 1..1_000u32,
            steps in prop::collection::vec((0..3_000_000_000u64, 1..2_000u32), 1..60),
        ) {
            let mut bucket = Bucket::new(Rate { rate, burst }, at(0));
            let (mut now, mut given) = (0u64, 0u64);
            for (pause, asks) in steps {
                now += pause;
                bucket.refill(Timestamp(now));
                for _ in 0..asks {
                    if bucket.has_one() {
                        bucket.spend(1);
                        given += 1;
                    }
                }
                let most = u128::from(burst) + u128::from(now) * u128::from(rate) / 1_000_000_000;
                prop_assert!(u128::from(given) <= most, "{given} of {most}");
                if !bucket.has_one() {
                    let wait = u64::try_from(bucket.wait().as_nanos()).unwrap();
                    let mut early = bucket.clone();
                    early.refill(Timestamp(now + wait - 1));
                    prop_assert!(!early.has_one());
                    now += wait;
                    bucket.refill(Timestamp(now));
                    prop_assert!(bucket.has_one(), "the wait that was told is enough");
                }
            }
        }
    }
}
