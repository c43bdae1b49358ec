//! An overload: twice what the exchange can do at most, measured just before, between two stretches of half of it; and
//! what became of throughput, cancels, memory and the orders that came after it.

use serde::Serialize;
use std::time::Duration;

use super::arrivals::{Shape, Step};
use super::plan::{LoadPlan, Pace, RATE_MAX};
use super::report::{LoadReport, Moment, StepReport, mib, rate};
use super::{LoadError, LoadOutcome, LoadProgress, LoadTarget, run_load};
use crate::text::count;

/// How many commands are under way while the peak is measured.
const PEAK_IN_FLIGHT: u32 = 8_192;
/// How much of the peak is to be acknowledged in the overload, at least.
const ACKNOWLEDGED_WANTED: f64 = 0.9;
/// How many times their normal p99 cancels may take in the overload.
const CANCELS_WANTED: f64 = 5.0;
/// How long after the overload orders have to be back at normal latency, in seconds.
const RECOVERED_WANTED_S: f64 = 1.0;
/// A p99 is normal up to so many times that of the stretch before the overload.
const NORMAL_TIMES: u64 = 2;
/// Latency is back when it stays normal for so long, in seconds, or up to the end of what is measured.
const STAYS_S: f64 = 1.0;

/// The stretches of the run, by their place among its steps.
const NORMAL: usize = 0;
const OVERLOAD: usize = 1;
const AFTER: usize = 2;

/// What an overload did. Times are in microseconds if their name does not say otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverloadReport {
    /// Outcomes a second that arrived in a closed loop just before.
    pub peak_per_s: f64,
    /// Commands a second that were to be sent before the overload, and after it.
    pub normal_per_s: u32,
    /// The same in the overload.
    pub overload_per_s: u32,
    /// How long the overload was, in seconds.
    pub lasted_s: f64,
    /// Outcomes a second that arrived in the overload.
    pub acknowledged_per_s: f64,
    /// The same as a ratio to the peak.
    pub acknowledged_to_peak: f64,
    /// The p99 of cancels before the overload, and in it.
    pub cancels_p99_us: u64,
    /// See above.
    pub cancels_p99_us_in_overload: u64,
    /// The second as a ratio to the first; `None` if there were no cancels in one of them.
    pub cancels_p99_to_normal: Option<f64>,
    /// The most memory of the exchange before the overload, in bytes.
    pub memory: Option<u64>,
    /// The same in the overload.
    pub memory_in_overload: Option<u64>,
    /// The p99 of all commands before the overload.
    pub p99_us: u64,
    /// From so many seconds after its end on the p99 of the commands that were to be sent was normal: at most twice that
    /// before it, for a second. `None` if it did not become so.
    pub recovered_after_s: Option<f64>,
    /// What was wanted and is missed; what is not told counts as missed.
    pub missed: Vec<&'static str>,
}

/// The overload to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overload {
    /// How commands follow each other.
    pub shape: Shape,
    /// How long the peak is measured, and how long half of it goes on before the overload and after it.
    pub normal: Duration,
    /// How long the overload is.
    pub lasts: Duration,
}

/// What is told of an overload while it is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum OverloadTold {
    /// How far the run is that measures the peak, or then the run with the overload.
    Progress(LoadProgress),
    /// The peak is known.
    Peak {
        /// Outcomes a second.
        per_s: f64,
    },
}

/// Measures the peak with `plan`, whatever its pace, and makes an overload of that. Gives the run with the overload too;
/// what the measurement of the peak found wrong counts in it.
///
/// # Errors
/// As [`run_load`].
pub async fn overload(
    target: &LoadTarget,
    plan: &LoadPlan,
    wanted: &Overload,
    tell: &mut dyn FnMut(OverloadTold),
) -> Result<(OverloadReport, LoadOutcome), LoadError> {
    let Overload { shape, normal, lasts } = *wanted;
    let at = |pace| LoadPlan { pace, ..plan.clone() };
    let closed = at(Pace::Closed { in_flight: PEAK_IN_FLIGHT, run_for: normal });
    let peak =
        run_load(target, &closed, &mut |progress| tell(OverloadTold::Progress(progress))).await?.report;
    let per_s = peak.acknowledged_per_s;
    tell(OverloadTold::Peak { per_s });
    let step = |times: f64, lasts| Step { rate: rate_of(per_s * times), lasts };
    let steps = vec![step(0.5, normal), step(2.0, lasts), step(0.5, normal)];
    let open = at(Pace::Open { shape, steps: steps.clone() });
    let mut outcome = run_load(target, &open, &mut |progress| tell(OverloadTold::Progress(progress))).await?;
    let found = report(per_s, &steps, &outcome.report);
    outcome.report.add_faults(&peak);
    Ok((found, outcome))
}

/// A rate as one that can be asked for.
fn rate_of(per_second: f64) -> u32 {
    format!("{per_second:.0}").parse().unwrap_or(RATE_MAX).clamp(1, RATE_MAX)
}

fn report(peak_per_s: f64, steps: &[Step], run: &LoadReport) -> OverloadReport {
    let [normal, overload] = [NORMAL, OVERLOAD].map(|step| &run.steps[step]);
    let memory = |step| {
        run.timeline
            .iter()
            .filter(|moment| moment.step == step)
            .filter_map(|moment| moment.exchange_memory)
            .max()
    };
    let mut found = OverloadReport {
        peak_per_s,
        normal_per_s: steps[NORMAL].rate,
        overload_per_s: steps[OVERLOAD].rate,
        lasted_s: overload.lasted_s,
        acknowledged_per_s: overload.acknowledged_per_s,
        acknowledged_to_peak: overload.acknowledged_per_s / peak_per_s.max(f64::MIN_POSITIVE),
        cancels_p99_us: normal.cancel_latency_us.p99,
        cancels_p99_us_in_overload: overload.cancel_latency_us.p99,
        cancels_p99_to_normal: cancels_ratio(normal, overload),
        memory: memory(NORMAL),
        memory_in_overload: memory(OVERLOAD),
        p99_us: normal.ack_latency_us.p99,
        recovered_after_s: recovered_after_s(&run.timeline, NORMAL_TIMES * normal.ack_latency_us.p99),
        missed: Vec::new(),
    };
    found.missed = found.wishes().into_iter().filter(|wish| !wish.is_met).map(|wish| wish.what).collect();
    found
}

fn cancels_ratio(normal: &StepReport, overload: &StepReport) -> Option<f64> {
    let [normal, overload] = [normal, overload].map(|step| step.cancel_latency_us);
    (normal.count > 0 && overload.count > 0).then(|| overload.p99 as f64 / normal.p99 as f64)
}

/// How long after the beginning of the last step p99 is within `limit` and stays so.
fn recovered_after_s(timeline: &[Moment], limit: u64) -> Option<f64> {
    let after: Vec<&Moment> = timeline.iter().filter(|moment| moment.step == AFTER).collect();
    let ended = after.first()?.at_s;
    // Of a moment with nothing in it nothing is known.
    let is_normal = |moment: &Moment| moment.ack_latency_us.p99 <= limit;
    let back = after.iter().enumerate().find(|(at, first)| {
        let stays = after[*at..].iter().take_while(|moment| moment.at_s < first.at_s + STAYS_S);
        first.ack_latency_us.count > 0 && stays.into_iter().all(|moment| is_normal(moment))
    });
    // To the millisecond: what is behind it is the error of taking one from the other.
    back.map(|(_, moment)| ((moment.at_s - ended) * 1e3).round() / 1e3)
}

/// One thing that was wanted, and what was found.
struct Wish {
    what: &'static str,
    wanted: String,
    found: String,
    is_met: bool,
}

impl OverloadReport {
    fn wishes(&self) -> [Wish; 3] {
        let wish = |what, wanted: String, found: Option<String>, is_met| Wish {
            what,
            wanted,
            found: found.unwrap_or_else(|| "not told".to_owned()),
            is_met,
        };
        let to_peak = self.acknowledged_to_peak;
        let found =
            format!("{to_peak:.2} ({}/s of {}/s)", rate(self.acknowledged_per_s), rate(self.peak_per_s));
        let cancels = self.cancels_p99_to_normal;
        let [before, during] = [self.cancels_p99_us, self.cancels_p99_us_in_overload].map(count);
        [
            wish(
                "acknowledged, of the peak",
                format!("at least {ACKNOWLEDGED_WANTED}"),
                Some(found),
                to_peak >= ACKNOWLEDGED_WANTED,
            ),
            wish(
                "cancels' p99, to normal",
                format!("at most {CANCELS_WANTED}"),
                cancels.map(|ratio| format!("{ratio:.2} ({during} µs to {before} µs)")),
                cancels.is_some_and(|ratio| ratio <= CANCELS_WANTED),
            ),
            wish(
                "normal again after it",
                format!("within {RECOVERED_WANTED_S} s"),
                Some(
                    self.recovered_after_s
                        .map_or_else(|| "not at all".to_owned(), |after| format!("after {after:.1} s")),
                ),
                self.recovered_after_s.is_some_and(|after| after <= RECOVERED_WANTED_S),
            ),
        ]
    }

    /// For people, the first row being the heading: what, what was wanted of it, what was found, and whether that is enough.
    #[must_use]
    pub fn rows(&self) -> Vec<[String; 4]> {
        let (normal, overload) = (count(self.normal_per_s.into()), count(self.overload_per_s.into()));
        let heading = format!("{overload}/s for {:.1} s, {normal}/s before and after", self.lasted_s);
        let mut rows = vec![[heading, "wanted".to_owned(), "found".to_owned(), String::new()]];
        for Wish { what, wanted, found, is_met } in self.wishes() {
            let verdict = if is_met { "met" } else { "MISSED" };
            rows.push([what.to_owned(), wanted, found, verdict.to_owned()]);
        }
        let told = |memory: Option<u64>| memory.map_or_else(|| "not told".to_owned(), mib);
        let memory = format!("{}, before it {}", told(self.memory_in_overload), told(self.memory));
        rows.push(["most memory of the exchange".to_owned(), "bounded".to_owned(), memory, String::new()]);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::latency::LatencySummary;

    /// Moments of a tenth of a second: the step, and the p99 of as many as are named; 0 where there was nothing.
    fn moments(steps: &[(usize, &[u64])]) -> Vec<Moment> {
        let all = steps.iter().flat_map(|(step, p99s)| p99s.iter().map(|&p99| (*step, p99)));
        let mut at = 0.0;
        let moment = |(step, p99)| {
            at += 0.1;
            let ack_latency_us =
                LatencySummary { count: u64::from(p99 > 0), p99, ..LatencySummary::default() };
            Moment { step, at_s: at, ack_latency_us, ..Moment::default() }
        };
        all.map(moment).collect()
    }

    #[test]
    fn latency_is_back_when_it_stays_normal_for_a_second() {
        let back = |after: &[u64]| {
            let timeline = moments(&[(NORMAL, &[10; 5]), (OVERLOAD, &[9_000; 5]), (AFTER, after)]);
            recovered_after_s(&timeline, 20).map(|seconds| format!("{seconds:.1}"))
        };
        assert_eq!(back(&[20; 12]).as_deref(), Some("0.0"));
        assert_eq!(
            back(&[900, 0, 20, 21, 20, 10, 0, 10]).as_deref(),
            Some("0.4"),
            "what is empty says nothing"
        );
        assert_eq!(back(&[900, 800, 21]), None);
        assert_eq!(back(&[]), None);
        let late = [vec![900], vec![10; 10], vec![900; 5]].concat();
        assert_eq!(back(&late).as_deref(), Some("0.1"), "what comes a second later is not the overload's");
    }

    #[test]
    fn what_is_missed_is_named() {
        let good = OverloadReport {
            peak_per_s: 1_000.0,
            normal_per_s: 500,
            overload_per_s: 2_000,
            lasted_s: 60.0,
            acknowledged_per_s: 950.0,
            acknowledged_to_peak: 0.95,
            cancels_p99_us: 100,
            cancels_p99_us_in_overload: 500,
            cancels_p99_to_normal: Some(5.0),
            memory: Some(100 << 20),
            memory_in_overload: None,
            p99_us: 100,
            recovered_after_s: Some(0.9),
            missed: Vec::new(),
        };
        let verdicts = |report: &OverloadReport| report.wishes().map(|wish| wish.is_met);
        assert_eq!(verdicts(&good), [true; 3]);
        let bad = OverloadReport {
            acknowledged_to_peak: 0.89,
            cancels_p99_to_normal: None,
            recovered_after_s: None,
            ..good
        };
        assert_eq!(verdicts(&bad), [false; 3]);
        let rows = bad.rows();
        assert!(rows[1..4].iter().all(|row| row[3] == "MISSED"), "{rows:?}");
        assert_eq!(rows[2][2], "not told");
        assert_eq!(rows[4][2], "not told, before it 100 MiB");
    }

    #[test]
    fn rates_are_ones_that_can_be() {
        assert_eq!([0.0, 0.4, 1_000.4, 1e9, f64::NAN].map(rate_of), [1, 1, 1_000, RATE_MAX, RATE_MAX]);
    }
}
