//! What the sessions of one thread measured: latencies by kind of command, by step, and over time.

use serde::Serialize;
use std::time::{Duration, Instant};
use types::{Command, Lane, NewOrder, TimeInForce};

use crate::latency::Latencies;

/// Over time is told in at most so many parts, as many of each step, none of them shorter than this.
const SLICES_MAX: u32 = 240;
const SLICE_MIN: Duration = Duration::from_millis(100);

/// What latency is told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An order for one slot that may rest.
    Limit,
    /// An immediate-or-cancel order for one slot.
    Immediate,
    /// An order for several slots in a row, whether it may rest or not.
    Block,
    /// A change of an order.
    Replace,
    /// A cancel.
    Cancel,
}

/// A command that was sent and has no outcome yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// When it was to be sent.
    pub(super) intended: Instant,
    pub(super) kind: Kind,
    /// In which step, of which 0 is the warm-up.
    pub(super) step: usize,
}

/// Outcomes that arrived together, of commands that were to be sent at the same moment: what is alike is recorded once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Came {
    pub(super) intended: Instant,
    pub(super) step: usize,
    /// How many of each kind.
    counts: [u64; Kind::ALL.len()],
}

/// See the head of this file. What is of the warm-up is not recorded.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    pub(super) kinds: [Latencies; Kind::ALL.len()],
    /// By how much commands were sent later than they could have been: the generator's own fault.
    pub(super) late: Latencies,
    /// The measured steps.
    pub(super) steps: Vec<StepRecord>,
    /// The steps cut into parts, in their order.
    pub(super) slices: Vec<Slice>,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct StepRecord {
    pub(super) begins: Instant,
    pub(super) ends: Instant,
    /// Commands that were to be sent in it.
    pub(super) offered: u64,
    /// Of those, never sent because too many had no outcome until the step had ended.
    pub(super) held_back: u64,
    /// Cancels whose moment came while there was nothing to cancel; not offered.
    pub(super) nothing_to_cancel: u64,
    /// Outcomes that arrived in it, whenever their commands were to be sent.
    pub(super) arrived: u64,
    /// Latencies of the commands that were to be sent in it, by lane.
    pub(super) orders: Latencies,
    pub(super) cancels: Latencies,
    /// How long the parts are that it is cut into, and where they begin among those of all steps.
    slice: Duration,
    first_slice: usize,
}

/// A part of the measured time.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// In which of the steps, from 0.
    pub(super) step: usize,
    /// From the beginning of measuring.
    pub(super) begins: Duration,
    pub(super) lasts: Duration,
    /// Commands that were to be sent in it, and were.
    pub(super) sent: u64,
    /// Outcomes that arrived in it.
    pub(super) arrived: u64,
    /// Of the commands that were to be sent in it.
    pub(super) latencies: Latencies,
}

impl Kind {
    /// All, in the order in which they are told.
    pub const ALL: [Kind; 5] = [Kind::Limit, Kind::Immediate, Kind::Block, Kind::Replace, Kind::Cancel];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Limit => "limit",
            Kind::Immediate => "immediate",
            Kind::Block => "block",
            Kind::Replace => "replace",
            Kind::Cancel => "cancel",
        }
    }

    pub(super) fn of(command: &Command) -> Kind {
        match command {
            Command::Cancel(_) => Kind::Cancel,
            Command::Replace { .. } => Kind::Replace,
            Command::NewOrder(order) if order.is_block() => Kind::Block,
            Command::NewOrder(NewOrder { time_in_force: TimeInForce::Ioc, .. }) => Kind::Immediate,
            _ => Kind::Limit,
        }
    }

    pub(super) fn lane(self) -> Lane {
        if self == Kind::Cancel { Lane::Cancels } else { Lane::Orders }
    }

    fn index(self) -> usize {
        Kind::ALL.iter().position(|kind| *kind == self).expect("all of them are there")
    }
}

impl Came {
    /// The first outcome.
    pub(super) fn of(pending: &Pending) -> Came {
        let Pending { intended, step, .. } = *pending;
        let mut came = Came { intended, step, counts: [0; Kind::ALL.len()] };
        came.add(pending);
        came
    }

    /// True if the outcome of that command is alike.
    pub(super) fn is_like(&self, pending: &Pending) -> bool {
        self.intended == pending.intended && self.step == pending.step
    }

    /// One more that is alike.
    pub(super) fn add(&mut self, pending: &Pending) {
        self.counts[pending.kind.index()] += 1;
    }
}

impl Recorder {
    /// For steps of these lengths, which begin to be measured at `begins`.
    pub(super) fn new(begins: Instant, steps: &[Duration]) -> Recorder {
        let each = SLICES_MAX / u32::try_from(steps.len()).unwrap_or(SLICES_MAX).clamp(1, SLICES_MAX);
        let (mut next, mut slices, mut records) = (begins, Vec::new(), Vec::new());
        for (at, &lasts) in steps.iter().enumerate() {
            let slice = (lasts / each).max(SLICE_MIN);
            records.push(StepRecord::new(next, next + lasts, slice, slices.len()));
            let starts = next - begins;
            let mut passed = Duration::ZERO;
            while passed < lasts {
                slices.push(Slice::new(at, starts + passed, slice.min(lasts - passed)));
                passed += slice;
            }
            next += lasts;
        }
        let kinds = std::array::from_fn(|_| Latencies::new());
        Recorder { kinds, late: Latencies::new(), steps: records, slices }
    }

    /// So many commands like this one were sent, so much later than they could have been.
    pub(super) fn sent(&mut self, pending: &Pending, late: Duration, count: u64) {
        let Some(step) = self.measured(pending.step) else { return };
        step.offered += count;
        self.late.record(late, count);
        if let Some(slice) = self.slice_at(pending.intended) {
            slice.sent += count;
        }
    }

    /// So many commands of a step were never sent.
    pub(super) fn held_back(&mut self, step: usize, count: u64) {
        if let Some(step) = self.measured(step) {
            step.offered += count;
            step.held_back += count;
        }
    }

    /// So many cancels were to be sent in a step when there was nothing to cancel.
    pub(super) fn nothing_to_cancel(&mut self, step: usize, count: u64) {
        if let Some(step) = self.measured(step) {
            step.nothing_to_cancel += count;
        }
    }

    /// Outcomes have arrived.
    pub(super) fn arrived(&mut self, came: &Came, received: Instant) {
        let all = came.counts.iter().sum();
        if let Some(step) = self.steps.iter_mut().find(|step| (step.begins..step.ends).contains(&received)) {
            step.arrived += all;
        }
        if let Some(slice) = self.slice_at(received) {
            slice.arrived += all;
        }
        let latency = received.saturating_duration_since(came.intended);
        let Some(step) = self.measured(came.step) else { return };
        let cancels = came.counts[Kind::Cancel.index()];
        step.orders.record(latency, all - cancels);
        step.cancels.record(latency, cancels);
        for (kind, count) in self.kinds.iter_mut().zip(came.counts) {
            kind.record(latency, count);
        }
        if let Some(slice) = self.slice_at(came.intended) {
            slice.latencies.record(latency, all);
        }
    }

    /// Takes in another one's, of the same steps.
    pub(super) fn add(&mut self, other: &Recorder) {
        for (own, others) in self.kinds.iter_mut().zip(&other.kinds) {
            own.add(others);
        }
        self.late.add(&other.late);
        for (own, others) in self.steps.iter_mut().zip(&other.steps) {
            own.offered += others.offered;
            own.held_back += others.held_back;
            own.nothing_to_cancel += others.nothing_to_cancel;
            own.arrived += others.arrived;
            own.orders.add(&others.orders);
            own.cancels.add(&others.cancels);
        }
        for (own, others) in self.slices.iter_mut().zip(&other.slices) {
            own.sent += others.sent;
            own.arrived += others.arrived;
            own.latencies.add(&others.latencies);
        }
    }

    /// All kinds together.
    pub(super) fn all(&self) -> Latencies {
        let mut all = Latencies::new();
        self.kinds.iter().for_each(|kind| all.add(kind));
        all
    }

    fn measured(&mut self, step: usize) -> Option<&mut StepRecord> {
        self.steps.get_mut(step.checked_sub(1)?)
    }

    fn slice_at(&mut self, at: Instant) -> Option<&mut Slice> {
        let step = self.steps.iter().find(|step| (step.begins..step.ends).contains(&at))?;
        let later = (at - step.begins).as_nanos() / step.slice.as_nanos();
        self.slices.get_mut(step.first_slice + usize::try_from(later).ok()?)
    }
}

impl Slice {
    fn new(step: usize, begins: Duration, lasts: Duration) -> Slice {
        Slice { step, begins, lasts, sent: 0, arrived: 0, latencies: Latencies::rough() }
    }
}

impl StepRecord {
    fn new(begins: Instant, ends: Instant, slice: Duration, first_slice: usize) -> StepRecord {
        let (orders, cancels) = (Latencies::new(), Latencies::new());
        let (offered, held_back, nothing_to_cancel, arrived) = (0, 0, 0, 0);
        StepRecord {
            begins,
            ends,
            offered,
            held_back,
            nothing_to_cancel,
            arrived,
            orders,
            cancels,
            slice,
            first_slice,
        }
    }

    /// Orders and cancels together.
    pub(super) fn all(&self) -> Latencies {
        let mut all = self.orders.clone();
        all.add(&self.cancels);
        all
    }

    pub(super) fn lasts(&self) -> Duration {
        self.ends - self.begins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn latency_counts_for_the_step_and_moment_it_was_intended_in_and_throughput_for_those_of_its_arrival() {
        let begins = Instant::now();
        let at = |millis| begins + Duration::from_millis(millis);
        let mut recorder = Recorder::new(begins, &[SECOND, SECOND]);
        let late = Pending { intended: at(950), kind: Kind::Cancel, step: 1 };
        let prompt = Pending { intended: at(1_950), kind: Kind::Limit, step: 2 };
        for pending in [late, prompt] {
            recorder.sent(&pending, Duration::ZERO, 1);
            recorder.arrived(&Came::of(&pending), pending.intended + Duration::from_millis(100));
        }
        recorder.held_back(2, 7);
        recorder.nothing_to_cancel(1, 1);
        let [first, second] = &recorder.steps[..] else { panic!("two steps") };
        assert_eq!((first.offered, first.arrived, first.cancels.summary().count), (1, 0, 1));
        assert_eq!((first.nothing_to_cancel, second.nothing_to_cancel), (1, 0));
        assert_eq!((second.offered, second.held_back, second.arrived), (8, 7, 1), "one came after the end");
        let arrived: Vec<usize> = (0..20).filter(|&slice| recorder.slices[slice].arrived > 0).collect();
        let sent: Vec<usize> = (0..20).filter(|&slice| recorder.slices[slice].sent > 0).collect();
        assert_eq!((arrived, sent), (vec![10], vec![9, 19]));
        assert_eq!(recorder.slices[9].latencies.summary().count, 1);
        let mut both = recorder.clone();
        both.add(&recorder);
        assert_eq!((both.all().summary().count, both.steps[1].offered), (4, 16));
        assert_eq!(both.steps[0].nothing_to_cancel, 2);
    }

    #[test]
    fn each_step_is_cut_into_parts_of_its_own() {
        let steps = [10 * SECOND, 60 * SECOND, Duration::from_millis(250)];
        let mut recorder = Recorder::new(Instant::now(), &steps);
        let of = |step| -> Vec<Duration> {
            recorder.slices.iter().filter(|slice| slice.step == step).map(|slice| slice.lasts).collect()
        };
        assert_eq!(of(0), [Duration::from_millis(125); 80]);
        assert_eq!(of(1), [Duration::from_millis(750); 80]);
        assert_eq!(of(2), [100, 100, 50].map(Duration::from_millis));
        let begins: Vec<Duration> = recorder.slices.iter().map(|slice| slice.begins).collect();
        assert!(begins.is_sorted() && begins[80] == 10 * SECOND);
        let start = recorder.steps[0].begins;
        for (at, begins) in begins.into_iter().enumerate() {
            recorder.slice_at(start + begins).unwrap().sent += 1;
            assert_eq!(recorder.slices[at].sent, 1, "{at}");
        }
        assert!(recorder.slice_at(start + 70 * SECOND + Duration::from_millis(250)).is_none());
    }

    #[test]
    fn the_warm_up_is_not_recorded_but_what_arrives_later_is_throughput() {
        let begins = Instant::now();
        let mut recorder = Recorder::new(begins + SECOND, &[SECOND]);
        let early = Pending { intended: begins, kind: Kind::Immediate, step: 0 };
        recorder.sent(&early, SECOND, 1);
        recorder.held_back(0, 3);
        recorder.arrived(&Came::of(&early), begins + SECOND);
        assert_eq!((recorder.all().summary().count, recorder.late.summary().count), (0, 0));
        assert_eq!((recorder.steps[0].offered, recorder.steps[0].arrived), (0, 1));
    }
}
