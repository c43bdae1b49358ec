//! The thread of low priority that takes the steps of a [`Snapshotter`], with rests between them.

use crate::snapshotter::{Progress, Snapshotter, SnapshotterError};
use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use journal::SnapshotInfo;
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long it rests after a piece of a snapshot, so that a sync of the journal waits for one piece at most.
const AFTER_A_PIECE: Duration = Duration::from_millis(20);
/// How long it rests after any other step, so that it never has a core for long.
const AFTER_A_STEP: Duration = Duration::from_millis(5);
/// How long it rests when there is nothing to do.
const WHEN_IDLE: Duration = Duration::from_secs(1);
/// How long it rests after a failure, before it tries again.
const AFTER_A_FAILURE: Duration = Duration::from_secs(30);
/// How much it gives way to the other threads: as much as can be.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 19;

/// The thread, and the hand that stops it. Dropped, it stops it and waits for its end, which is one step away.
pub(crate) struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Option<Snapshotter>>>,
}

impl Keeper {
    pub(crate) fn start(snapshotter: Snapshotter) -> io::Result<Keeper> {
        let (stop, stopped) = bounded(1);
        let body = move || {
            // Nothing of it is looked at after a panic. The market does without it.
            let run = catch_unwind(AssertUnwindSafe(|| run(snapshotter, &stopped)));
            if run.is_err() {
                tracing::error!("the snapshot thread panicked: no more snapshots are made before a restart");
                metrics::counter!("cuex_snapshot_failures_total").increment(1);
            }
            run.ok()
        };
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(body)?;
        Ok(Keeper { stop: Some(stop), thread: Some(thread) })
    }

    /// Ends the thread, and gives back what it worked with; `None` if it has panicked.
    pub(crate) fn stop(mut self) -> Option<Snapshotter> {
        self.end()
    }

    fn end(&mut self) -> Option<Snapshotter> {
        self.stop = None;
        self.thread.take()?.join().ok().flatten()
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // What it works on must not change once the journal's lock is given up.
        self.end();
    }
}

fn run(mut snapshotter: Snapshotter, stopped: &Receiver<()>) -> Snapshotter {
    give_way();
    describe();
    let mut began = Instant::now();
    loop {
        let step = snapshotter.step(&mut || rest(stopped, AFTER_A_PIECE));
        if tell(&step, began).is_break() {
            began = Instant::now();
        }
        let pause = match step {
            Ok(Progress::Idle) => WHEN_IDLE,
            Ok(_) => AFTER_A_STEP,
            Err(_) => AFTER_A_FAILURE,
        };
        if rest(stopped, pause).is_break() {
            return snapshotter;
        }
    }
}

/// Rests, unless it is to stop.
fn rest(stopped: &Receiver<()>, pause: Duration) -> ControlFlow<()> {
    match stopped.recv_timeout(pause) {
        Err(RecvTimeoutError::Timeout) => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    }
}

/// Lets every other thread go first. Where the system knows no such thing for a thread, it rests all the same.
fn give_way() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "the snapshot thread keeps its priority");
    }
}

/// Counts and logs what came of a step. Break: what comes next is a new snapshot's work.
fn tell(step: &Result<Progress, SnapshotterError>, began: Instant) -> ControlFlow<()> {
    match step {
        Ok(Progress::Worked) => return ControlFlow::Continue(()),
        Ok(Progress::Idle) => {}
        Ok(Progress::Wrote(info)) => wrote(info, began.elapsed()),
        Ok(Progress::Tidied { snapshots, segments }) => {
            metrics::counter!("cuex_segments_retired_total").increment(*segments);
            if *snapshots > 0 || *segments > 0 {
                tracing::info!(snapshots, segments, "old snapshots and segments are deleted");
            }
        }
        Err(SnapshotterError::GivenUp) => {}
        Err(error) => {
            tracing::error!(%error, "no snapshot: the market goes on, and it is tried again");
            metrics::counter!("cuex_snapshot_failures_total").increment(1);
        }
    }
    ControlFlow::Break(())
}

/// Counts and logs a snapshot.
pub(crate) fn wrote(info: &SnapshotInfo, took: Duration) {
    let sequence = info.checkpoint.sequence;
    tracing::info!(sequence, bytes = info.length, ?took, "a snapshot is durable");
    metrics::counter!("cuex_snapshots_total").increment(1);
    // Sequences are exact in a float up to 2^53, which no exchange comes to.
    metrics::gauge!("cuex_snapshot_sequence").set(sequence as f64);
}

fn describe() {
    metrics::describe_counter!("cuex_snapshots_total", "snapshots made durable");
    metrics::describe_counter!("cuex_snapshot_failures_total", "steps towards a snapshot that failed");
    metrics::describe_counter!("cuex_segments_retired_total", "segments of the journal deleted");
    metrics::describe_gauge!("cuex_snapshot_sequence", "the last command in the newest snapshot");
}
