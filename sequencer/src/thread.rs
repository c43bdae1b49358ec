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

use crate::core::{Batch, Core};
use crate::entry::{Intake, Taken};
use crate::handle::{Failure, Shared, Summary};
use crossbeam::channel::{Receiver, Select, Sender, TryRecvError};
use journal::Journal;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use types::{Output, Sequence, Timestamp};

/// What came of one batch, now that it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Released {
    /// The last command of the batch.
    pub sequence: Sequence,
    /// The stamp of all its commands.
    pub time: Timestamp,
    /// How many commands the batch holds, at least 1, the sequencer's own included.
    pub commands: u32,
    /// What came of them, in order.
    pub output: Output,
}

/// The longest sleep while nothing comes in: the clock may be set meanwhile, so it is looked at again.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// The thread that orders and applies.
pub(crate) struct Sequencer {
    pub(crate) core: Core,
    pub(crate) intake: Intake,
    pub(crate) clock: fn() -> Timestamp,
    /// A batch that holds so many commands takes no further chunk.
    pub(crate) batch_commands: usize,
    pub(crate) stop: Receiver<()>,
    /// Empty buffers for records.
    pub(crate) buffers: Receiver<Vec<u8>>,
    pub(crate) appends: Sender<Append>,
    pub(crate) outputs: Sender<(Output, Taken)>,
    pub(crate) summary: oneshot::Sender<Summary>,
    pub(crate) shared: Arc<Shared>,
}

/// The thread that writes and releases.
pub(crate) struct Writer {
    pub(crate) journal: Journal,
    pub(crate) buffers: Sender<Vec<u8>>,
    pub(crate) appends: Receiver<Append>,
    pub(crate) outputs: Receiver<(Output, Taken)>,
    pub(crate) outlets: [mpsc::Sender<Arc<Released>>; 2],
    pub(crate) shared: Arc<Shared>,
}

/// A batch on its way to the disk.
pub(crate) struct Append {
    batch: Batch,
    records: Vec<u8>,
}

impl Sequencer {
    /// Works until it is told to stop, or until the other thread has ended.
    pub(crate) fn run(mut self) {
        let mut inbound = Vec::new();
        while let Ok(mut records) = self.buffers.recv() {
            let Some(now) = self.wait_for_work() else { return self.sum_up() };
            let taken = self.intake.gather(self.batch_commands, &mut inbound);
            let batch = self.core.stamp(now, inbound.drain(..), &mut records);
            let batch = batch.expect("a command waits or one of our own is due at this very moment");
            if self.appends.send(Append { batch, records }).is_err() {
                return;
            }
            let mut output = Output::default();
            self.core.apply(&mut output);
            if self.outputs.send((output, taken)).is_err() {
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
            if !self.intake.is_empty() || self.core.is_due(now) {
                return Some(now);
            }
            let mut select = Select::new();
            select.recv(&self.stop);
            select.recv(&self.intake.cancels);
            select.recv(&self.intake.orders);
            // Running out of time is as good a reason to look again as any.
            let _ = select.ready_timeout(self.sleep(now));
        }
    }

    /// How long to sleep at most while nothing comes in.
    fn sleep(&self, now: Timestamp) -> Duration {
        let until = |deadline: Timestamp| Duration::from_nanos(deadline.0.saturating_sub(now.0));
        self.core.next_deadline().map_or(SLEEP_MAX, until).min(SLEEP_MAX)
    }

    fn sum_up(self) {
        // Wait until the other thread has ended: all that it was given is counted then.
        drop(self.appends);
        while self.buffers.recv().is_ok() {}
        let engine = self.core.engine();
        let summary = Summary {
            sequence: engine.last_sequence(),
            digest: engine.digest(),
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
        meters.told(self.journal.next_sequence() - 1);
        while let Ok(Append { batch, mut records }) = self.appends.recv() {
            let started = Instant::now();
            if let Err(error) = self.journal.append(batch.first, batch.commands, &records) {
                tracing::error!(%error, sequence = batch.first, "the exchange stops");
                return self.shared.fail(Failure::Journal(error));
            }
            let bytes = u64::try_from(records.len()).expect("a length fits in 64 bits");
            meters.batch(&batch, bytes, started.elapsed());
            self.shared.count(batch.commands, bytes);
            records.clear();
            // It has ended if it does not take the buffer; this batch is durable all the same.
            let _ = self.buffers.send(records);
            // Without an output its thread has panicked, and what came of the batch is not known.
            let Ok((output, taken)) = self.outputs.recv() else { return };
            self.release(&batch, output);
            self.shared.entry.release(taken);
        }
    }

    /// Tells the world. An outlet that nobody reads any more is passed over.
    fn release(&self, batch: &Batch, output: Output) {
        let released =
            Released { sequence: batch.last(), time: batch.time, commands: batch.commands, output };
        let released = Arc::new(released);
        for outlet in &self.outlets {
            let _ = outlet.blocking_send(Arc::clone(&released));
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
}

impl Meters {
    fn new() -> Meters {
        metrics::describe_counter!("cuex_commands_total", "commands made durable");
        metrics::describe_counter!("cuex_batches_total", "batches made durable, one sync each");
        metrics::describe_counter!("cuex_journal_bytes_total", "bytes of records made durable");
        metrics::describe_histogram!("cuex_journal_append_seconds", "time to write and sync one batch");
        metrics::describe_gauge!("cuex_sequence", "the last durable command");
        Meters {
            commands: metrics::counter!("cuex_commands_total"),
            batches: metrics::counter!("cuex_batches_total"),
            bytes: metrics::counter!("cuex_journal_bytes_total"),
            sync_seconds: metrics::histogram!("cuex_journal_append_seconds"),
            sequence: metrics::gauge!("cuex_sequence"),
        }
    }

    fn batch(&self, batch: &Batch, bytes: u64, took: Duration) {
        self.commands.increment(batch.commands.into());
        self.batches.increment(1);
        self.bytes.increment(bytes);
        self.sync_seconds.record(took);
        self.told(batch.last());
    }

    /// Sequences are exact in a float up to 2^53, which no exchange comes to.
    fn told(&self, last: Sequence) {
        self.sequence.set(last as f64);
    }
}
