//! The exchange's process: the steps of the sequencer and its journal, the gateway's desk, and the chunks of commands
//! that wait for a place in the lanes.

use gateway::Desk;
use journal::AppendError;
use sequencer::{
    Append, Entry, Inbound, Options, Outcome, Released, Sequencing, SnapshotOptions, Snapshotter,
    SnapshotterError, Steps, Stopped, Writing,
};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use types::{Lane, Timestamp};

/// As many batches are between gathering and the disk as there are buffers in the real one.
const UNDER_WAY: usize = 2;
/// How many batches wait for the desk before the journal is held up.
const OUTLET: usize = 3;

/// See the head of this file.
pub(crate) struct Server {
    entry: Entry,
    sequencing: Sequencing,
    writing: Writing,
    pub(crate) snapshotter: Option<Snapshotter>,
    /// Stamped and applied, not yet written.
    under_way: VecDeque<(Append, Outcome)>,
    /// Released, and not yet brought to the desk.
    pub(crate) outlet: VecDeque<Released>,
    pub(crate) desk: Desk,
    sends: Vec<Sending>,
    /// When it began, by the clock and by the watch, which is never set.
    began: (Timestamp, u64),
}

/// A chunk that waits for room in its lane. It outlives its session.
struct Sending {
    link: u64,
    lane: Lane,
    future: Pin<Box<dyn Future<Output = Result<(), Stopped>>>>,
}

impl Server {
    /// A process that has recovered, at this moment by the clock and the watch.
    pub(crate) fn new(steps: Steps, desk: Desk, began: (Timestamp, u64)) -> Server {
        let Steps { entry, sequencing, writing, snapshotter, .. } = steps;
        let (under_way, outlet, sends) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Server { entry, sequencing, writing, snapshotter, under_way, outlet, desk, sends, began }
    }

    /// What the gateway takes for the time: it goes on steadily also when the clock is set.
    pub(crate) fn moment(&self, watch: u64) -> Timestamp {
        let (clock, since) = self.began;
        Timestamp(clock.0 + watch - since)
    }

    /// Stamps and applies a batch if there is a buffer and something to do; gives its records.
    pub(crate) fn sequence(&mut self, now: Timestamp) -> Option<&[u8]> {
        if self.under_way.len() == UNDER_WAY || !self.sequencing.is_due(now) {
            return None;
        }
        let append = self.sequencing.stamp(now, Vec::new())?;
        let outcome = self.sequencing.apply();
        self.under_way.push_back((append, outcome));
        self.under_way.back().map(|(append, _)| append.records.as_slice())
    }

    /// Writes a batch and releases it.
    pub(crate) fn write(&mut self) -> Option<Result<&Released, AppendError>> {
        if self.outlet.len() == OUTLET {
            return None;
        }
        let (append, outcome) = self.under_way.pop_front()?;
        let durable = match self.writing.write(&append) {
            Ok(durable) => durable,
            Err(error) => return Some(Err(error)),
        };
        let (released, told) = self.writing.release(durable, outcome);
        self.outlet.push_back(released);
        self.writing.told(told);
        self.outlet.back().map(Ok)
    }

    /// Sends a chunk on as its lane's task does: the next is not read before it is in.
    pub(crate) fn send(&mut self, link: u64, lane: Lane, chunk: Vec<Inbound>) {
        let entry = self.entry.clone();
        let future = Box::pin(async move { entry.send(lane, chunk).await });
        self.sends.push(Sending { link, lane, future });
        self.poll_send(self.sends.len() - 1);
    }

    /// True while a chunk of that lane waits.
    pub(crate) fn is_sending(&self, link: u64, lane: Option<Lane>) -> bool {
        self.sends.iter().any(|send| send.link == link && Some(send.lane) == lane)
    }

    /// How many chunks wait.
    pub(crate) fn sends(&self) -> usize {
        self.sends.len()
    }

    /// Looks whether a waiting chunk has found room.
    pub(crate) fn poll_send(&mut self, at: usize) {
        let Some(send) = self.sends.get_mut(at) else { return };
        let mut context = Context::from_waker(Waker::noop());
        // An error would say that the exchange has stopped; then nothing is said of the chunk.
        if send.future.as_mut().poll(&mut context).is_ready() {
            drop(self.sends.remove(at));
        }
    }

    /// True if nothing that was stamped is yet to be written.
    pub(crate) fn is_written(&self) -> bool {
        self.under_way.is_empty()
    }

    /// At an orderly end: the last snapshot.
    pub(crate) fn seal(&mut self) -> Result<(), SnapshotterError> {
        let Some(snapshotter) = &mut self.snapshotter else { return Ok(()) };
        let digest = self.sequencing.engine().digest();
        snapshotter.seal(self.writing.journal(), digest).map(drop)
    }

    /// True if nothing is under way and nothing is to be done at `now`.
    pub(crate) fn is_idle(&self, now: Timestamp) -> bool {
        self.under_way.is_empty()
            && self.outlet.is_empty()
            && self.sends.is_empty()
            && !self.sequencing.is_due(now)
    }
}

/// How an exchange of a simulated world runs: everything is small, so that its edges are met.
pub(crate) fn options(segment_bytes: u64, snapshots: Option<SnapshotOptions>) -> Options {
    Options {
        segment_bytes,
        snapshots,
        in_flight_orders: 9,
        in_flight_cancels: 4,
        batch_commands: 6,
        prepare_ahead: false,
        clock: || START,
        ..Options::default()
    }
}

/// When the worlds begin: 2026-11-22 14:20.
pub(crate) const START: Timestamp = Timestamp(1_795_357_200_000_000_000);
