//! What both ends used between samples of them, and how that went over time.

use super::figures::Figures;
use super::recorder::{Recorder, Slice};
use super::report::{Moment, per_second};
use super::run::Sample;

/// By how many times the exchange's memory grew while it was measured: its mean over the last fifth of the samples to that
/// over the third fifth. By then what is filled once is full, so what is flat is near 1. `None` if there are too few
/// samples of it to tell.
pub(super) fn memory_growth(samples: &[Sample]) -> Option<f64> {
    let memory: Vec<u64> = samples.iter().filter_map(|sample| Some(sample.exchange?.usage?.memory)).collect();
    let fifth = memory.len() / 5;
    if fifth == 0 {
        return None;
    }
    let sum = |from: usize| memory[from..from + fifth].iter().sum::<u64>() as f64;
    Some(sum(memory.len() - fifth) / sum(2 * fifth).max(1.0))
}

/// The slices, each with what the two samples around its beginning tell of both ends.
pub(super) fn timeline(recorder: &Recorder, samples: &[Sample]) -> Vec<Moment> {
    let moment = |slice: &Slice| {
        let at = slice.begins;
        let mut spans = samples.windows(2).map(|two| Span { first: two[0], last: two[1] });
        let span = spans.find(|span| (span.first.at..span.last.at).contains(&at));
        Moment {
            step: slice.step,
            at_s: at.as_secs_f64(),
            sent_per_s: per_second(slice.sent, slice.lasts),
            acknowledged_per_s: per_second(slice.arrived, slice.lasts),
            ack_latency_us: slice.latencies.summary(),
            exchange_cores: span.as_ref().and_then(|span| Some(span.exchange_cpu_s()? / span.seconds())),
            client_cores: span.as_ref().map(|span| span.client_cpu_s() / span.seconds()),
            exchange_memory: span.as_ref().and_then(|span| Some(span.last.exchange?.usage?.memory)),
            client_memory: span.as_ref().map(|span| span.last.client.memory),
            records_per_sync: span.as_ref().and_then(Span::records_per_sync),
        }
    };
    recorder.slices.iter().map(moment).collect()
}

/// What was used between two samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub(super) first: Sample,
    pub(super) last: Sample,
}

impl Span {
    fn seconds(&self) -> f64 {
        (self.last.at - self.first.at).as_secs_f64().max(f64::MIN_POSITIVE)
    }

    pub(super) fn records_per_sync(&self) -> Option<f64> {
        self.share(|figures| figures.commands, |figures| figures.batches)
    }

    pub(super) fn bytes_per_record(&self) -> Option<f64> {
        self.share(|figures| figures.bytes, |figures| figures.commands)
    }

    pub(super) fn append_us(&self) -> Option<f64> {
        self.share(|figures| figures.append_s * 1e6, |figures| figures.batches)
    }

    pub(super) fn exchange_cpu_s(&self) -> Option<f64> {
        Some(self.last.exchange?.usage?.cpu_s - self.first.exchange?.usage?.cpu_s)
    }

    pub(super) fn client_cpu_s(&self) -> f64 {
        self.last.client.cpu_s - self.first.client.cpu_s
    }

    /// How much of one there was for each of the other; `None` if there was none of that.
    fn share(&self, of: fn(&Figures) -> f64, each: fn(&Figures) -> f64) -> Option<f64> {
        let (first, last) = (self.first.exchange?, self.last.exchange?);
        let count = each(&last) - each(&first);
        (count > 0.0).then(|| (of(&last) - of(&first)) / count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::figures::Usage;
    use std::time::Duration;

    fn samples(memory: impl IntoIterator<Item = Option<u64>>) -> Vec<Sample> {
        let sample = |memory: Option<u64>| Sample {
            at: Duration::ZERO,
            client: Usage::default(),
            exchange: memory
                .map(|memory| Figures { usage: Some(Usage { cpu_s: 0.0, memory }), ..Figures::default() }),
            heard: (0, 0),
        };
        memory.into_iter().map(sample).collect()
    }

    #[test]
    fn memory_that_grows_shows_and_memory_that_is_filled_at_first_does_not() {
        let of = |memory: &mut dyn Iterator<Item = u64>| memory_growth(&samples(memory.map(Some)));
        assert_eq!(of(&mut std::iter::repeat_n(100, 23)), Some(1.0));
        assert_eq!(of(&mut [10, 50, 90, 95, 100, 100, 100, 100, 100, 100].into_iter()), Some(1.0));
        // 4 % a sample: from 18 to 34 of them.
        let grown = of(&mut (0..20).map(|at| 100 + 4 * at)).unwrap();
        assert!((grown - 170.0 / 138.0).abs() < 1e-9, "{grown}");
        assert_eq!(of(&mut std::iter::repeat_n(100, 4)), None);
    }

    #[test]
    fn of_an_exchange_that_says_nothing_nothing_is_said() {
        assert_eq!(memory_growth(&samples([None; 10])), None);
        let some = (0..10).map(|at| (at % 2 == 0).then_some(100));
        assert_eq!(memory_growth(&samples(some)), Some(1.0));
    }
}
