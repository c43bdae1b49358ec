//! How much this client may say on a lane: what the exchange told last, less what was said since, and what has come
//! since. It knows no clock.
//!
//! A command costs its token when the exchange comes to it, some time between being sent and being answered. A full
//! bucket gains nothing meanwhile, so the latest moment is the safe one: the token is taken when the answer comes, and
//! until then one is kept for it.

use protocol::order_entry::Allowance;
use std::time::{Duration, Instant};

/// One token, in the billionths in which levels are kept: a rate of one a second adds one each nanosecond.
const TOKEN: i64 = 1_000_000_000;

/// A token bucket that follows the exchange's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// As last told.
    rate: u32,
    burst: u32,
    /// In billionths of a token; below 0 if more was said than was allowed.
    level: i64,
    /// When that was so.
    at: Instant,
}

impl Pace {
    /// What a new connection begins with.
    pub(crate) fn begin(told: Allowance, now: Instant) -> Pace {
        let Allowance { left, rate, burst } = told;
        Pace { rate, burst, level: i64::from(left) * TOKEN, at: now }
    }

    /// The exchange says what is left. It may have come to some of the commands `in_flight` already, or to all.
    pub(crate) fn told(&mut self, told: Allowance, in_flight: usize, now: Instant) {
        self.refill(now);
        let own = self.level;
        *self = Pace::begin(told, now);
        self.level = self.level.saturating_add(tokens(in_flight)).min(own);
    }

    /// A command was answered.
    pub(crate) fn spend(&mut self, now: Instant) {
        self.refill(now);
        self.level = self.level.saturating_sub(TOKEN).max(-full(self.burst));
    }

    /// How long to wait before the next command, with so many in flight; nothing if it may be said now.
    pub(crate) fn wait(&mut self, in_flight: usize, now: Instant) -> Option<Duration> {
        self.refill(now);
        let level = self.level.saturating_sub(tokens(in_flight));
        if self.rate == 0 || level >= TOKEN {
            return None;
        }
        let missing = TOKEN.saturating_sub(level).unsigned_abs();
        Some(Duration::from_nanos(missing.div_ceil(self.rate.into())))
    }

    /// What may be said now, with so many commands in flight.
    pub(crate) fn allowance(&self, in_flight: usize, now: Instant) -> Allowance {
        let mut refilled = *self;
        refilled.refill(now);
        let left = refilled.level.saturating_sub(tokens(in_flight)) / TOKEN;
        let left = u32::try_from(left.max(0)).unwrap_or(u32::MAX);
        Allowance { left, rate: self.rate, burst: self.burst }
    }

    fn refill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_nanos();
        let gained = since.saturating_mul(u128::from(self.rate));
        let gained = i64::try_from(gained).unwrap_or(i64::MAX);
        self.at = now.max(self.at);
        self.level = self.level.saturating_add(gained).min(full(self.burst));
    }
}

fn tokens(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(TOKEN)
}

/// What is in a full one. An exchange that allows no burst at all is waited for as if it allowed one command.
fn full(burst: u32) -> i64 {
    i64::from(burst.max(1)) * TOKEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn what_was_said_is_counted_and_what_comes_too() {
        let began = Instant::now();
        let after = |milliseconds| began + Duration::from_millis(milliseconds);
        let mut pace = Pace::begin(Allowance { left: 2, rate: 50, burst: 3 }, began);
        assert_eq!((pace.wait(1, began), pace.wait(2, began)), (None, Some(Duration::from_millis(20))));
        pace.spend(began);
        pace.spend(began);
        assert_eq!(pace.wait(0, began), Some(Duration::from_millis(20)));
        assert_eq!(pace.wait(0, after(20)), None);
        assert_eq!((pace.allowance(0, after(9_000)).left, pace.allowance(2, after(9_000)).left), (3, 1));
        // Somebody else of the account has said something.
        pace.told(Allowance { left: 0, rate: 50, burst: 3 }, 0, after(9_000));
        assert_eq!(pace.wait(0, after(9_010)), Some(Duration::from_millis(10)));
    }

    #[test]
    fn without_a_rate_nobody_waits_and_a_strange_one_is_borne() {
        let now = Instant::now();
        let mut pace = Pace::begin(Allowance::UNLIMITED, now);
        pace.spend(now);
        assert_eq!(pace.wait(usize::MAX, now), None);
        let mut pace = Pace::begin(Allowance { left: u32::MAX, rate: 1, burst: 0 }, now);
        (0..9).for_each(|_| pace.spend(now));
        assert_eq!(pace.wait(0, now), Some(Duration::from_secs(2)));
        assert_eq!(pace.wait(0, now + Duration::from_secs(2)), None);
    }

    /// The exchange's bucket, in the plainest way: billionths of a token, filled up to the brim as time passes.
    struct Exchange {
        rate: u64,
        full: u64,
        level: u64,
        at: u64,
    }

    impl Exchange {
        /// True if there was a token, which is gone then.
        fn take(&mut self, now: u64) -> bool {
            self.level = self.full.min(self.level + (now - self.at) * self.rate);
            self.at = now;
            let has = self.level >= 1_000_000_000;
            self.level -= if has { 1_000_000_000 } else { 0 };
            has
        }
    }

    proptest! {
        /// However late commands and answers come, what the pace lets go is never one too many.
        #[test]
        fn what_goes_is_never_refused(
            rate in 1..5_000u32, burst in 1..60u32,
            steps in prop::collection::vec((0..40_000_000u64, 0..6usize, any::<bool>()), 1..200),
        ) {
            let began = Instant::now();
            let full = u64::from(burst) * 1_000_000_000;
            let mut exchange = Exchange { rate: rate.into(), full, level: full, at: 0 };
            let mut pace = Pace::begin(Allowance { left: burst, rate, burst }, began);
            // How many are on their way there, and on their way back.
            let (mut there, mut back) = (VecDeque::new(), 0usize);
            let mut now = 0;
            for (pause, count, sends) in steps {
                now += pause;
                let moment = began + Duration::from_nanos(now);
                if sends {
                    for _ in 0..count * 10 {
                        if pace.wait(there.len() + back, moment).is_none() {
                            there.push_back(());
                        }
                    }
                } else if count % 2 == 0 {
                    for _ in 0..count * 10 {
                        if there.pop_front().is_some() {
                            prop_assert!(exchange.take(now), "refused");
                            back += 1;
                        }
                    }
                } else {
                    for _ in 0..back.min(count * 10) {
                        pace.spend(moment);
                        back -= 1;
                    }
                }
            }
        }
    }
}
