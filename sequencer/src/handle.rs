//! What the owner of a running exchange holds: [`Handle`] counts, says when the exchange fails, and stops it.

use crate::entry::Entry;
use crossbeam::channel::Sender;
use engine::{AuditError, Digest, Totals};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{oneshot, watch};
use types::Sequence;

/// A running exchange. Dropped without [`Handle::stop`], the exchange stops where it is: what is in flight may or
/// may not be carried out.
#[derive(Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    /// A message, or its end, stops the sequencer.
    pub(crate) stop: Sender<()>,
    pub(crate) summary: oneshot::Receiver<Summary>,
    pub(crate) threads: Vec<JoinHandle<()>>,
}

/// How an exchange ended that was stopped.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What the journal comes to on its own, compared with this, and kept.
    pub snapshot: LastSnapshot,
    /// The last command.
    pub sequence: Sequence,
    /// The digest of the state after it.
    pub digest: Digest,
    /// What there is and whose, counted from scratch; or what does not add up.
    pub totals: Result<Totals, AuditError>,
    /// What was done since the start.
    pub counters: Counters,
}

/// The snapshot at the very end of the journal, from which a start needs nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LastSnapshot {
    /// No snapshots are made.
    #[default]
    Off,
    /// It is there: another engine that followed the journal came to the same digest.
    At(Sequence),
    /// It could not be made; the next start replays more of the journal.
    Failed(String),
    /// The other engine came to another digest. So the journal, replayed, is not what was told, and a start from here
    /// would go on with something else.
    Differs(String),
}

/// Why an exchange stopped by itself. What was sent and not yet released may or may not be found carried out by the
/// next start.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// A batch could not be made durable.
    #[error("the exchange stopped: {0}")]
    Journal(#[from] journal::AppendError),
    /// A thread came upon something that cannot be.
    #[error("the exchange stopped: its {thread} thread panicked: {message}")]
    Panicked {
        /// Which.
        thread: &'static str,
        /// What it said.
        message: String,
    },
}

/// What was done since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Commands that are durable, the sequencer's own included.
    pub commands: u64,
    /// Batches they came in; each was one sync.
    pub batches: u64,
    /// Bytes of their records.
    pub bytes: u64,
}

impl Handle {
    /// Returns when the exchange has stopped by itself, and says why; never if it does not.
    pub async fn failed(&self) -> Failure {
        let mut failure = self.shared.failure.subscribe();
        match failure.wait_for(Option::is_some).await.map(|failure| failure.clone()) {
            Ok(Some(failure)) => failure,
            _ => std::future::pending().await,
        }
    }

    /// What was done since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.counters()
    }

    /// Carries out and releases all that is in flight, turns away everything later, and ends the threads. The
    /// outlets must be read meanwhile, or be dropped.
    ///
    /// # Errors
    /// [`Failure`] if the exchange has stopped by itself before.
    pub async fn stop(self) -> Result<Summary, Failure> {
        self.shared.entry.drain().await;
        drop(self.stop);
        let summary = self.summary.await;
        for thread in self.threads {
            thread.join().expect("a panic is caught inside the thread");
        }
        match self.shared.failure.borrow().clone() {
            Some(failure) => Err(failure),
            None => Ok(summary.expect("a thread ends by a stop, with a summary, or by a failure")),
        }
    }
}

impl Counters {
    /// How many commands one sync made durable on average, rounded down; 0 before the first.
    #[must_use]
    pub fn records_per_sync(&self) -> u64 {
        self.commands.checked_div(self.batches).unwrap_or(0)
    }
}

/// What the threads and the handle know of each other.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) entry: Entry,
    /// Set by the thread that writes, before it ends.
    snapshot: Mutex<LastSnapshot>,
    failure: watch::Sender<Option<Failure>>,
    commands: AtomicU64,
    batches: AtomicU64,
    bytes: AtomicU64,
}

impl Shared {
    pub(crate) fn new(entry: Entry) -> Shared {
        Shared {
            entry,
            snapshot: Mutex::default(),
            failure: watch::Sender::new(None),
            commands: AtomicU64::new(0),
            batches: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Closes the lanes, and then says why the exchange stops; the first reason stays.
    pub(crate) fn fail(&self, reason: Failure) {
        self.entry.close();
        self.failure.send_if_modified(|failure| {
            let is_first = failure.is_none();
            if is_first {
                *failure = Some(reason);
            }
            is_first
        });
    }

    /// Says what became of the last snapshot.
    pub(crate) fn set_snapshot(&self, snapshot: LastSnapshot) {
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = snapshot;
    }

    /// What became of the last snapshot.
    pub(crate) fn snapshot(&self) -> LastSnapshot {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn count(&self, commands: u32, bytes: u64) {
        self.commands.fetch_add(commands.into(), Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            commands: self.commands.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

/// Starts one of the exchange's threads. However it ends, the lanes are closed then; a panic is the failure.
pub(crate) fn spawn(
    name: &'static str,
    shared: Arc<Shared>,
    body: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nothing of the body is looked at after a panic.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(body)) {
            let message = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            shared.fail(Failure::Panicked { thread: name, message: message.to_owned() });
        }
        shared.entry.close();
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Stopped;
    use types::Lane;

    fn handle_of(body: impl FnOnce() + Send + 'static) -> Handle {
        let (entry, _) = Entry::new(1, 1);
        let shared = Arc::new(Shared::new(entry));
        let (stop, _) = crossbeam::channel::bounded(1);
        let (_, summary) = oneshot::channel();
        let threads = vec![spawn("sequencer", Arc::clone(&shared), body).unwrap()];
        Handle { shared, stop, summary, threads }
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_with_its_message() {
        let limit = 7;
        let handle = handle_of(move || panic!("more than {limit}"));
        let failure = handle.failed().await;
        assert_eq!(failure.to_string(), "the exchange stopped: its sequencer thread panicked: more than 7");
        let entry = handle.shared.entry.clone();
        assert_eq!(handle.stop().await.unwrap_err().to_string(), failure.to_string());
        let nothing = entry.send(Lane::Orders, Vec::new()).await;
        assert_eq!(nothing, Ok(()));
    }

    #[tokio::test]
    async fn the_first_reason_stays() {
        let (go, gone) = crossbeam::channel::bounded(1);
        let handle = handle_of(move || {
            gone.recv().unwrap();
            panic!("second")
        });
        handle.shared.fail(Failure::Panicked { thread: "journal", message: "first".to_owned() });
        go.send(()).unwrap();
        assert!(handle.failed().await.to_string().ends_with("journal thread panicked: first"));
        let sent = crate::Inbound::disconnected(types::KeyNo(1));
        assert_eq!(handle.shared.entry.send(Lane::Orders, vec![sent]).await, Err(Stopped));
        assert!(handle.stop().await.unwrap_err().to_string().ends_with("first"));
    }
}
