//! The two threads: [`Sequencer`] gathers, stamps and applies; [`Writer`] makes durable and releases.
//!
//! ```text
//! lanes --> Sequencer --records--> Writer: append, sync
//!               |                     |
//!               '------output-------> '--> outlets, permits back
//! ```
//!
//! Two buffers for records go round: one is on the disk, one is being filled or ready to follow. While both are
//! under way the sequencer gathers nothing, so what comes in meanwhile goes into the next batch together, however
//! much it is; and the engine works on one batch while the disk does.

use crate::core::Batch;
use crate::handle::{Failure, LastSnapshot, Shared, Summary};
use crate::keeper::{Keeper, wrote};
use crate::outlet::Inlet;
use crate::snapshotter::SnapshotterError;
use crate::steps::{Append, Outcome, Sequencing, Writing};
use crossbeam::channel::{Receiver, Select, Sender, TryRecvError};
use engine::Digest;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use types::{Output, Sequence, Timestamp};

/// What came of one batch, now that it is durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    /// The last command of the batch.
    pub sequence: Sequence,
    /// The stamp of all its commands.
    pub time: Timestamp,
    /// How many commands the batch holds, the sequencer's own included. 0 if nothing was carried out and there are
    /// refusals only, of which the feed is not told.
    pub commands: u32,
    /// What came of them, in order.
    pub output: Output,
    /// The commands that were refused before they got a place, as the journal has no room for them. They have left no
    /// trace: the same number may be sent again.
    pub refused: Vec<types::Sender>,
}

/// The longest sleep while nothing comes in: the clock may be set meanwhile, so it is looked at again.
const SLEEP_MAX: Duration = Duration::from_secs(1);
/// How long to sleep while something is due that the journal has no room for.
const SLEEP_WITHOUT_ROOM: Duration = Duration::from_millis(10);

/// The thread that orders and applies.
pub(crate) struct Sequencer {
    pub(crate) steps: Sequencing,
    pub(crate) clock: fn() -> Timestamp,
    pub(crate) stop: Receiver<()>,
    /// Empty buffers for records.
    pub(crate) buffers: Receiver<Vec<u8>>,
    pub(crate) appends: Sender<Append>,
    pub(crate) outcomes: Sender<Outcome>,
    /// For the other thread, once this one has stopped.
    pub(crate) digest: Sender<Digest>,
    pub(crate) summary: oneshot::Sender<Summary>,
    pub(crate) shared: Arc<Shared>,
}

/// The thread that writes and releases.
pub(crate) struct Writer {
    /// Ends before the journal does.
    pub(crate) keeper: Option<Keeper>,
    pub(crate) steps: Writing,
    pub(crate) buffers: Sender<Vec<u8>>,
    pub(crate) appends: Receiver<Append>,
    pub(crate) outcomes: Receiver<Outcome>,
    /// The gateway's, and the feed's.
    pub(crate) outlets: [Inlet; 2],
    /// The digest of what ran, when it has stopped.
    pub(crate) digest: Receiver<Digest>,
    pub(crate) shared: Arc<Shared>,
}

impl Sequencer {
    /// Works until it is told to stop, or until the other thread has ended.
    pub(crate) fn run(mut self) {
        while let Ok(mut records) = self.buffers.recv() {
            let append = loop {
                let Some(now) = self.wait_for_work() else { return self.sum_up() };
                // On a full disk there may be no room after all for what is due.
                if let Some(append) = self.steps.stamp(now, std::mem::take(&mut records)) {
                    break append;
                }
            };
            if self.appends.send(append).is_err() {
                return;
            }
            if self.outcomes.send(self.steps.apply()).is_err() {
                return;
            }
        }
    }

    /// Returns the time when a command waits or one of our own is due, and nothing when it is time to stop.
    fn wait_for_work(&self) -> Option<Timestamp> {
        loop {
            if self.stop.try_recv() != Err(TryRecvError::Empty) {
                return None;
            }
            let now = (self.clock)();
            if self.steps.is_due(now) {
                return Some(now);
            }
            let mut select = Select::new();
            select.recv(&self.stop);
            select.recv(&self.steps.intake.cancels.queue);
            select.recv(&self.steps.intake.orders.queue);
            // Running out of time is as good a reason to look again as any.
            let _ = select.ready_timeout(self.sleep(now));
        }
    }

    /// How long to sleep at most while nothing comes in.
    fn sleep(&self, now: Timestamp) -> Duration {
        match self.steps.core.next_deadline() {
            Some(deadline) if deadline > now => Duration::from_nanos(deadline.0 - now.0).min(SLEEP_MAX),
            Some(_) => SLEEP_WITHOUT_ROOM,
            None => SLEEP_MAX,
        }
    }

    fn sum_up(self) {
        drop(self.appends);
        let engine = self.steps.engine();
        let digest = engine.digest();
        // It has failed if it does not take the digest, and says so itself.
        let _ = self.digest.send(digest);
        // Wait until the other thread has ended: all that it was given is counted then.
        while self.buffers.recv().is_ok() {}
        let summary = Summary {
            snapshot: self.shared.snapshot(),
            sequence: engine.last_sequence(),
            digest,
            totals: engine.audit(),
            counters: self.shared.counters(),
        };
        // Whoever dropped the handle does not want to know.
        let _ = self.summary.send(summary);
    }
}

impl Writer {
    /// Works until a batch cannot be made durable, or until the other thread has ended.
    pub(crate) fn run(mut self) {
        let meters = Meters::new();
        meters.told(self.steps.last_sequence());
        while let Ok(append) = self.appends.recv() {
            let started = Instant::now();
            let durable = match self.steps.write(&append) {
                Ok(durable) => durable,
                Err(error) => {
                    tracing::error!(%error, sequence = self.steps.last_sequence() + 1, "the exchange stops");
                    return self.shared.fail(Failure::Journal(error));
                }
            };
            let Append { batch, mut records } = append;
            if let Some(batch) = batch {
                let bytes = u64::try_from(records.len()).expect("a length fits in 64 bits");
                meters.batch(&batch, bytes, started.elapsed());
                self.shared.count(batch.commands, bytes);
            }
            meters.room(self.steps.journal.room());
            records.clear();
            // It has ended if it does not take the buffer; this batch is durable all the same.
            let _ = self.buffers.send(records);
            // Without an output its thread has panicked, and what came of the batch is not known.
            let Ok(outcome) = self.outcomes.recv() else { return };
            let (released, told) = self.steps.release(durable, outcome);
            self.tell(Arc::new(released));
            self.steps.told(told);
        }
        self.seal();
    }

    /// After the last batch: all is told, and the last snapshot is made while the journal is still ours.
    fn seal(mut self) {
        let (Some(keeper), Ok(digest)) = (self.keeper.take(), self.digest.recv()) else { return };
        // Nobody who listens to what is released has to wait for it.
        drop(self.outlets);
        let started = Instant::now();
        let snapshot = match keeper
            .stop()
            .map(|mut snapshotter| snapshotter.seal(&self.steps.journal, digest))
        {
            Some(Ok(info)) => {
                info.inspect(|info| wrote(info, started.elapsed()));
                LastSnapshot::At(self.steps.last_sequence())
            }
            Some(Err(error @ SnapshotterError::Differs { .. })) => LastSnapshot::Differs(error.to_string()),
            Some(Err(error)) => LastSnapshot::Failed(error.to_string()),
            None => LastSnapshot::Failed("the thread that makes snapshots had panicked".to_owned()),
        };
        if let LastSnapshot::Failed(error) | LastSnapshot::Differs(error) = &snapshot {
            tracing::error!(error, "no last snapshot");
        }
        self.shared.set_snapshot(snapshot);
    }

    /// Tells the world. An outlet that nobody reads any more is passed over.
    fn tell(&self, released: Arc<Released>) {
        let [gateway, feed] = &self.outlets;
        let _ = gateway.send(Arc::clone(&released));
        if released.commands > 0 {
            let _ = feed.send(released);
        }
    }
}

/// What the metrics say of the batches.
struct Meters {
    commands: metrics::Counter,
    batches: metrics::Counter,
    bytes: metrics::Counter,
    sync_seconds: metrics::Histogram,
    sequence: metrics::Gauge,
    room: metrics::Gauge,
}

impl Meters {
    fn new() -> Meters {
        metrics::describe_counter!("cuex_commands_total", "commands made durable");
        metrics::describe_counter!("cuex_batches_total", "batches made durable, one sync each");
        metrics::describe_counter!("cuex_journal_bytes_total", "bytes of records made durable");
        metrics::describe_histogram!("cuex_journal_append_seconds", "time to write and sync one batch");
        metrics::describe_gauge!("cuex_sequence", "the last durable command");
        metrics::describe_gauge!(
            "cuex_journal_room_bytes",
            "what can surely be appended to the journal, whatever becomes of the disk"
        );
        Meters {
            commands: metrics::counter!("cuex_commands_total"),
            batches: metrics::counter!("cuex_batches_total"),
            bytes: metrics::counter!("cuex_journal_bytes_total"),
            sync_seconds: metrics::histogram!("cuex_journal_append_seconds"),
            sequence: metrics::gauge!("cuex_sequence"),
            room: metrics::gauge!("cuex_journal_room_bytes"),
        }
    }

    fn batch(&self, batch: &Batch, bytes: u64, took: Duration) {
        self.commands.increment(batch.commands.into());
        self.batches.increment(1);
        self.bytes.increment(bytes);
        self.sync_seconds.record(took);
        self.told(batch.last());
    }

    /// Exact up to 2^53 bytes.
    fn room(&self, bytes: u64) {
        self.room.set(bytes as f64);
    }

    /// Sequences are exact in a float up to 2^53, which no exchange comes to.
    fn told(&self, last: Sequence) {
        self.sequence.set(last as f64);
    }
}
