//! From a directory back to an engine: the newest good snapshot, then the journal after it. Reading and checking go
//! on in one thread, applying in another.

use crate::exchange::StartError;
use crate::replay::{Order, Replica};
use crate::snapshot;
use crossbeam::channel::{Receiver, Sender, bounded};
use engine::Engine;
use journal::{Disk, Journal, OpenError, ReadError, SnapshotInfo, Snapshots, TornTail};
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{Report, Sequence, Stamped, StateEvent, Timestamp};

/// How many reports a recovery hands on, the newest of all accounts together. Who resumes after an older one
/// starts from the full state.
pub const REPORTS_MAX: usize = 65_536;

/// So many commands are handed from the reading thread to the applying one together.
const HANDFUL: usize = 1_024;
/// So many handfuls may wait to be applied.
const WAITING: usize = 8;

/// What was found in the journal: what the mirrors start from.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// The last command.
    pub sequence: Sequence,
    /// Its stamp.
    pub time: Timestamp,
    /// The engine's whole state, once.
    pub state: Vec<StateEvent>,
    /// The newest reports, at most [`REPORTS_MAX`], oldest first.
    pub reports: Vec<Report>,
    /// The snapshot it started from; `None`: the first command of all.
    pub snapshot: Option<Sequence>,
    /// The newer snapshots that are no good, each with what is wrong with it.
    pub skipped: Vec<String>,
    /// How many commands after the snapshot were replayed.
    pub commands: u64,
    /// The end of a batch that a crash left half written, if there was one; it was cut.
    pub torn_tail: Option<TornTail>,
    /// How long it took.
    pub took: Took,
}

/// How long the parts of a recovery took. Journal and apply go on side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Took {
    /// Reading and checking the snapshot.
    pub snapshot: Duration,
    /// Making an engine of it.
    pub restore: Duration,
    /// Reading and checking the journal after it.
    pub journal: Duration,
    /// Applying the commands in it.
    pub apply: Duration,
    /// Putting out the state for the mirrors.
    pub state: Duration,
    /// All of it.
    pub total: Duration,
}

/// Where an engine can start from.
pub(crate) struct Start {
    pub(crate) replica: Replica,
    /// The snapshot it was made of; `None`: it is a new engine.
    pub(crate) info: Option<SnapshotInfo>,
    /// What is wrong with the newer ones.
    pub(crate) skipped: Vec<String>,
    /// How long reading and restoring took.
    pub(crate) took: Took,
}

/// Opens a journal, and brings an engine to where it ends.
pub(crate) fn recover(
    disk: Arc<dyn Disk>,
    options: &journal::Options,
) -> Result<(Journal, Engine, Recovery), StartError> {
    let started = Instant::now();
    let file = disk.location();
    let start = newest_good(&Snapshots::new(Arc::clone(&disk)))
        .map_err(|source| OpenError::Read(ReadError::Io { file, source }))?;
    let Start { replica, info, skipped, mut took } = start;
    let options = journal::Options { after: info.map(|info| info.checkpoint), ..*options };
    let (journal, found, replica) = replay(disk, &options, replica, &mut took)?;
    let putting_out = Instant::now();
    let mut state = Vec::new();
    replica.engine.emit_state(&mut state);
    took.state = putting_out.elapsed();
    took.total = started.elapsed();
    let recovery = Recovery {
        sequence: replica.engine.last_sequence(),
        time: replica.engine.last_time(),
        state,
        reports: replica.reports.into(),
        snapshot: info.map(|info| info.checkpoint.sequence),
        skipped,
        commands: found.records,
        torn_tail: found.torn_tail,
        took,
    };
    Ok((journal, replica.engine, recovery))
}

/// An engine from the newest snapshot that is good, or a new one if none is. The error is one of listing them.
pub(crate) fn newest_good(snapshots: &Snapshots) -> io::Result<Start> {
    let mut skipped = Vec::new();
    for sequence in snapshots.list()? {
        match load(snapshots, sequence) {
            Ok((replica, info, took)) => return Ok(Start { replica, info: Some(info), skipped, took }),
            Err(reason) => {
                tracing::warn!(sequence, reason, "a snapshot is no good: an older one is looked for");
                skipped.push(format!("the snapshot at {sequence}: {reason}"));
            }
        }
    }
    Ok(Start { replica: Replica::default(), info: None, skipped, took: Took::default() })
}

/// Reads a snapshot. The error says what is wrong with it.
pub(crate) fn load(
    snapshots: &Snapshots,
    sequence: Sequence,
) -> Result<(Replica, SnapshotInfo, Took), String> {
    let started = Instant::now();
    let mut took = Took::default();
    let mut reader = snapshot::Reader::new();
    let mut read = Ok(());
    let info = snapshots.read(sequence, |bytes| {
        let taking_in = Instant::now();
        read = reader.piece(bytes);
        took.restore += taking_in.elapsed();
    });
    let info = info.map_err(|error| error.to_string())?;
    took.snapshot = started.elapsed().saturating_sub(took.restore);
    read.map_err(|flaw| flaw.to_string())?;
    let finishing = Instant::now();
    let restored = reader.finish().map_err(|flaw| flaw.to_string())?;
    took.restore += finishing.elapsed();
    let found = restored.engine.last_sequence();
    if found != sequence {
        return Err(format!("its state is that after sequence {found}"));
    }
    Ok((Replica::restored(restored), info, took))
}

/// Opens the journal and applies what is in it.
fn replay(
    disk: Arc<dyn Disk>,
    options: &journal::Options,
    replica: Replica,
    took: &mut Took,
) -> Result<(Journal, journal::Summary, Replica), StartError> {
    let mut order = Order::after(&replica.engine);
    std::thread::scope(|scope| {
        let (full_in, full) = bounded(WAITING);
        let (empty_in, empty) = bounded(WAITING + 2);
        let applying = std::thread::Builder::new()
            .name("replay".to_owned())
            .spawn_scoped(scope, || apply_all(replica, full, empty_in))
            .map_err(StartError::Thread)?;
        let (started, mut waited) = (Instant::now(), Duration::ZERO);
        let mut hand_over = |commands| {
            let waiting = Instant::now();
            // Nobody takes them any more if the other thread has panicked, which its end says.
            let _ = full_in.send(commands);
            waited += waiting.elapsed();
            empty.try_recv().unwrap_or_default()
        };
        let mut commands: Vec<Stamped> = Vec::with_capacity(HANDFUL);
        let opened = Journal::open_on(disk, options, |batch| {
            order.read(&batch, &mut commands)?;
            if commands.len() >= HANDFUL {
                commands = hand_over(std::mem::take(&mut commands));
            }
            Ok::<(), crate::ReplayError>(())
        });
        hand_over(commands);
        took.journal = started.elapsed().saturating_sub(waited);
        drop(full_in);
        let (replica, apply) = applying.join().unwrap_or_else(|panic| resume_unwind(panic));
        took.apply = apply;
        let (journal, found) = opened?;
        Ok((journal, found, replica))
    })
}

/// Applies what comes, until no more does, and gives the buffers back. Also how long it worked.
fn apply_all(
    mut replica: Replica,
    full: Receiver<Vec<Stamped>>,
    empty: Sender<Vec<Stamped>>,
) -> (Replica, Duration) {
    let mut worked = Duration::ZERO;
    while let Ok(mut commands) = full.recv() {
        let working = Instant::now();
        replica.apply(&commands);
        worked += working.elapsed();
        commands.clear();
        // One too many is let go of.
        let _ = empty.try_send(commands);
    }
    (replica, worked)
}
