//! Latencies: recorded in a histogram of three significant digits, reported in microseconds.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

use crate::text::count;

/// The longest latency told apart, a minute; longer ones count as that.
const MAX_US: u64 = 60_000_000;

/// Digits told apart, usually and roughly: what is rough takes a seventh of the memory.
const DIGITS: u8 = 3;
const DIGITS_ROUGH: u8 = 2;
/// How many points of a distribution are written out between each percentile and the one that halves what is above it.
const POINTS_PER_HALF: u32 = 5;

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
        Latencies::with_digits(DIGITS)
    }

    /// None yet; what is recorded is known to one part in a hundred, not in a thousand. Not to be mixed with others.
    #[must_use]
    pub fn rough() -> Latencies {
        Latencies::with_digits(DIGITS_ROUGH)
    }

    fn with_digits(digits: u8) -> Latencies {
        let histogram = Histogram::new_with_bounds(1, MAX_US, digits)
            .expect("bounds and digits are within what is allowed");
        Latencies { histogram }
    }

    /// So many more that were the same.
    pub fn record(&mut self, latency: Duration, count: u64) {
        if count > 0 {
            let us = u64::try_from(latency.as_micros()).unwrap_or(MAX_US);
            self.histogram.saturating_record_n(us.clamp(1, MAX_US), count);
        }
    }

    /// Takes others in.
    pub fn add(&mut self, others: &Latencies) {
        self.histogram.add(&others.histogram).expect("both have the same bounds");
    }

    /// What they were like so far.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        let at = |quantile| self.at_most(self.histogram.value_at_quantile(quantile));
        let (p50, p99, p999) = (at(0.5), at(0.99), at(0.999));
        LatencySummary { count: self.histogram.len(), p50, p99, p999, max: self.histogram.max() }
    }

    /// The whole distribution: points of it, each a share from 0 to 1 and the microseconds within which so many were,
    /// closer together the nearer they are to all.
    #[must_use]
    pub fn distribution(&self) -> Vec<(f64, u64)> {
        let points = self.histogram.iter_quantiles(POINTS_PER_HALF);
        points.map(|point| (point.quantile_iterated_to(), self.at_most(point.value_iterated_to()))).collect()
    }

    /// The distribution in the text form of HdrHistogram, `.hgrm`, in microseconds.
    #[must_use]
    pub fn to_hgrm(&self) -> String {
        let mut text = format!(
            "{:>12} {:>14} {:>10} {:>14}\n\n",
            "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
        );
        let mut total = 0;
        for point in self.histogram.iter_quantiles(POINTS_PER_HALF) {
            total += point.count_since_last_iteration();
            let (value, share) = (self.at_most(point.value_iterated_to()), point.quantile_iterated_to());
            text.push_str(&format!("{value:>12}.000 {share:>14.12} {total:>10}"));
            // There is none above all.
            if share < 1.0 {
                text.push_str(&format!(" {:>14.2}", 1.0 / (1.0 - share)));
            }
            text.push('\n');
        }
        let histogram = &self.histogram;
        let (mean, deviation) = (histogram.mean(), histogram.stdev());
        let (max, count) = (histogram.max(), histogram.len());
        text.push_str(&format!("#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]\n"));
        text.push_str(&format!("#[Max     = {:>12}, Total count    = {count:>12}]\n", format!("{max}.000")));
        let (buckets, sub_buckets) =
            (histogram.buckets(), 2 * 10_u64.pow(histogram.sigfig().into()).next_power_of_two());
        text.push_str(&format!("#[Buckets = {buckets:>12}, SubBuckets     = {sub_buckets:>12}]\n"));
        text
    }

    /// The longest that were taken for equal to `us` may be longer than any there was.
    fn at_most(&self, us: u64) -> u64 {
        us.min(self.histogram.max())
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
            latencies.record(Duration::from_micros(us), 1);
        }
        let summary = latencies.summary();
        assert_eq!(summary, LatencySummary { count: 1_000, p50: 500, p99: 990, p999: 999, max: 1_000 });
    }

    #[test]
    fn a_distribution_is_written_point_by_point() {
        let mut latencies = Latencies::new();
        (1..=1_000).for_each(|us| latencies.record(Duration::from_micros(us), 1));
        let points = latencies.distribution();
        assert!(points.windows(2).all(|two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1), "{points:?}");
        assert_eq!(points.last(), Some(&(1.0, 1_000)));
        assert!(points.contains(&(0.5, 500)), "{points:?}");

        let text = latencies.to_hgrm();
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["Value", "Percentile", "TotalCount", "1/(1-Percentile)"]);
        assert!(lines.contains(&vec!["500.000", "0.500000000000", "500", "2.00"]), "{text}");
        assert!(lines.contains(&vec!["1000.000", "1.000000000000", "1000"]), "{text}");
        assert!(text.contains("#[Max     =     1000.000, Total count    =         1000]"), "{text}");
        assert!(Latencies::new().to_hgrm().ends_with("SubBuckets     =         2048]\n"));
    }

    #[test]
    fn nothing_is_too_short_or_too_long() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::ZERO, 1);
        latencies.record(Duration::MAX, 1);
        let LatencySummary { count, p50, max, .. } = latencies.summary();
        assert_eq!((count, p50), (2, 1));
        assert!((MAX_US..MAX_US + 100_000).contains(&max), "{max}");
    }
}
