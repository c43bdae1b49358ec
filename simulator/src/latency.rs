//! Latencies: recorded in a histogram of three significant digits, reported in microseconds.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

use crate::text::count;

/// The longest latency told apart, a minute; longer ones count as that.
const MAX_US: u64 = 60_000_000;

/// Latencies as they come in. Its memory is fixed, however many there are.
#[derive(Clone, Debug)]
pub struct Latencies {
    histogram: Histogram<u64>,
}

/// What a number of latencies were like, in microseconds; all 0 if there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LatencySummary {
    /// How many were recorded.
    pub count: u64,
    /// Half were at most this.
    pub p50: u64,
    /// 99 in 100 were at most this.
    pub p99: u64,
    /// 999 in 1,000 were at most this.
    pub p999: u64,
    /// The longest, up to a minute.
    pub max: u64,
}

impl Latencies {
    /// None yet.
    #[must_use]
    pub fn new() -> Latencies {
        let histogram =
            Histogram::new_with_bounds(1, MAX_US, 3).expect("bounds and digits are within what is allowed");
        Latencies { histogram }
    }

    /// One more.
    pub fn record(&mut self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(MAX_US);
        self.histogram.saturating_record(us.clamp(1, MAX_US));
    }

    /// Takes others in.
    pub fn add(&mut self, others: &Latencies) {
        self.histogram.add(&others.histogram).expect("both have the same bounds");
    }

    /// What they were like so far.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        let at = |quantile| self.histogram.value_at_quantile(quantile).min(self.histogram.max());
        let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
        LatencySummary { count: self.histogram.len(), p50, p99, p999, max: self.histogram.max() }
    }
}

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies::new()
    }
}

impl fmt::Display for LatencySummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LatencySummary { p50, p99, p999, max, .. } = *self;
        let [p50, p99, p999, max] = [p50, p99, p999, max].map(count);
        write!(f, "p50 {p50} µs, p99 {p99} µs, p99.9 {p999} µs, max {max} µs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        assert_eq!(latencies.summary(), LatencySummary::default());
        for us in 1..=1_000 {
            latencies.record(Duration::from_micros(us));
        }
        let summary = latencies.summary();
        assert_eq!(summary, LatencySummary { count: 1_000, p50: 500, p99: 990, p999: 999, max: 1_000 });
    }

    #[test]
    fn nothing_is_too_short_or_too_long() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::ZERO);
        latencies.record(Duration::MAX);
        let LatencySummary { count, p50, max, .. } = latencies.summary();
        assert_eq!((count, p50), (2, 1));
        assert!((MAX_US..MAX_US + 100_000).contains(&max), "{max}");
    }
}
