//! An exchange without threads, driven a step at a time on a simulated disk, with traffic from a seed.

use crate::OPERATOR;
use crate::traffic::Traffic;
use engine::Digest;
use journal::SimulatedDisk;
use sequencer::{Inbound, Options, Progress, Released, SnapshotOptions, SnapshotterError, StartError, Steps};
use std::ops::ControlFlow;
use types::{HOUR_NANOS, Lane, Sender, Sequence, Timestamp};

/// Small segments, a snapshot after each, and the journal kept no longer than it must be.
pub(crate) fn options() -> Options {
    let snapshots = SnapshotOptions { every_bytes: 1, keep: 2, journal_bytes: Some(0), journal_age: None };
    Options {
        segment_bytes: SEGMENT_BYTES,
        in_flight_orders: 200,
        in_flight_cancels: 60,
        prepare_ahead: false,
        snapshots: Some(snapshots),
        clock: || Timestamp(498_710 * HOUR_NANOS),
        ..Options::default()
    }
}

pub(crate) const SEGMENT_BYTES: u64 = 64 << 10;

/// An exchange on its disk.
pub(crate) struct Driven {
    pub(crate) disk: SimulatedDisk,
    pub(crate) steps: Steps,
    pub(crate) traffic: Traffic,
    pub(crate) now: u64,
}

impl Driven {
    /// A new exchange, set up.
    pub(crate) async fn new(seed: u64, options: &Options) -> Driven {
        let disk = SimulatedDisk::new(seed);
        sequencer::init_on(disk.mount(), options, OPERATOR, 1).unwrap();
        let steps = sequencer::open_on(disk.mount(), options).unwrap();
        let mut driven = Driven { disk, steps, traffic: Traffic::new(seed), now: 498_710 * HOUR_NANOS };
        let set_up = driven.traffic.set_up();
        driven.send(Lane::Orders, set_up).await;
        driven
    }

    /// The same disk with an exchange started anew; whether the power failed before is the caller's.
    pub(crate) fn restart(self, options: &Options) -> Result<Driven, StartError> {
        let Driven { disk, steps, traffic, now } = self;
        drop(steps);
        Ok(Driven { steps: sequencer::open_on(disk.mount(), options)?, disk, traffic, now })
    }

    /// Sends a chunk and carries it out.
    pub(crate) async fn send(&mut self, lane: Lane, chunk: Vec<Inbound>) -> Released {
        self.steps.entry.send(lane, chunk).await.unwrap();
        self.round().expect("a command waits")
    }

    /// Gathers, writes, applies and releases once. `None` if nothing is due.
    pub(crate) fn round(&mut self) -> Option<Released> {
        let Steps { sequencing, writing, .. } = &mut self.steps;
        let append = sequencing.stamp(Timestamp(self.now), Vec::new())?;
        let outcome = sequencing.apply();
        let durable = writing.write(&append).unwrap();
        let (released, told) = writing.release(durable, outcome);
        writing.told(told);
        Some(released)
    }

    /// So many random chunks, the clock moving on with each.
    pub(crate) async fn run(&mut self, chunks: usize) {
        for _ in 0..chunks {
            self.now = self.now.saturating_add_signed(self.traffic.clock_step());
            let (lane, chunk) = self.traffic.chunk(Timestamp(self.now));
            self.send(lane, chunk).await;
        }
    }

    /// Takes the snapshotter's steps until there is nothing to do, and gives the snapshots it wrote.
    pub(crate) fn snapshot(&mut self) -> Result<Vec<Sequence>, SnapshotterError> {
        let snapshotter = self.steps.snapshotter.as_mut().unwrap();
        let mut written = Vec::new();
        loop {
            match snapshotter.step(&mut || ControlFlow::Continue(()))? {
                Progress::Idle => return Ok(written),
                Progress::Wrote(info) => written.push(info.checkpoint.sequence),
                Progress::Worked | Progress::Tidied { .. } => {}
            }
        }
    }

    pub(crate) fn digest(&self) -> Digest {
        self.steps.sequencing.engine().digest()
    }

    pub(crate) fn last(&self) -> Sequence {
        self.steps.sequencing.engine().last_sequence()
    }

    /// The names of the files with this ending, sorted.
    pub(crate) fn files(&self, ending: &str) -> Vec<String> {
        let mut names = self.disk.mount().list().unwrap();
        names.retain(|name| name.ends_with(ending));
        names.sort();
        names
    }
}

/// The numbers of what was refused.
pub(crate) fn numbers(refused: &[Sender]) -> Vec<u64> {
    refused.iter().map(|sender| sender.number).collect()
}
