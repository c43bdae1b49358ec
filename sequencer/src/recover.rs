//! From a directory back to an engine: the newest good snapshot, then the journal after it. Reading and checking its
//! bytes go on in one thread, making commands of them and applying these in another.

use crate::exchange::StartError;
use crate::replay::{Order, ReplayError, Replica};
use crate::snapshot;
use crossbeam::channel::{Receiver, Sender, bounded};
use engine::Engine;
use journal::{Disk, Journal, OpenError, Opening, ReadError, SnapshotInfo, Snapshots, TornTail};
use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{Report, Sequence, Stamped, StateEvent, Timestamp};

/// How many reports a recovery hands on, the newest of all accounts together. Who resumes after an older one
/// starts from the full state.
pub const REPORTS_MAX: usize = 65_536;

/// So many bytes of batches are handed from the reading thread to the applying one together, at least: about a thousand
/// commands.
const HANDFUL: usize = 64 << 10;
/// So many commands are applied together, at least: enough to look ahead, and few enough to be in the nearest cache still.
const AT_ONCE: usize = 256;
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
    /// Reading and checking the journal after it, and making its end durable.
    pub journal: Duration,
    /// Making commands of it and applying them.
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

/// Batches on their way from the thread that reads to the one that applies. They go as the bytes that were read: as
/// commands they would be more than twice as long, and what passes from one core to another is what a replay waits for.
#[derive(Default)]
struct Handful {
    /// The payloads, one behind the other.
    bytes: Vec<u8>,
    /// First sequence, number of records and length of each.
    batches: Vec<(Sequence, u32, usize)>,
}

/// What applying came to, and how long it worked.
struct Applied {
    replica: Replica,
    /// The batch that is not one of commands in order, if there is one; nothing after it was applied.
    flaw: Option<(Sequence, ReplayError)>,
    worked: Duration,
}

/// Opens the journal and applies what is in it. Its end is made durable only when all of it has been applied.
fn replay(
    disk: Arc<dyn Disk>,
    options: &journal::Options,
    replica: Replica,
    took: &mut Took,
) -> Result<(Journal, journal::Summary, Replica), StartError> {
    let (started, mut waited) = (Instant::now(), Duration::ZERO);
    let mut opening = Journal::begin_on(disk, options)?;
    let applied = std::thread::scope(|scope| {
        let (full_in, full) = bounded(WAITING);
        let (empty_in, empty) = bounded(WAITING + 2);
        let applying = std::thread::Builder::new()
            .name("replay".to_owned())
            .spawn_scoped(scope, || apply_all(replica, full, empty_in))
            .map_err(StartError::Thread)?;
        // Nobody takes a handful any more if the other thread has panicked or come upon a flaw, which its end says.
        let read = read_all(&mut opening, |handful| {
            let waiting = Instant::now();
            let sent = full_in.send(handful);
            waited += waiting.elapsed();
            sent.ok().map(|()| empty.try_recv().unwrap_or_default())
        });
        drop(full_in);
        let waiting = Instant::now();
        let applied = applying.join().unwrap_or_else(|panic| resume_unwind(panic));
        waited += waiting.elapsed();
        // A flaw comes before whatever was found further on.
        if applied.flaw.is_none() {
            read?;
        }
        Ok::<Applied, StartError>(applied)
    })?;
    let Applied { replica, flaw, worked } = applied;
    if let Some((first_sequence, source)) = flaw {
        return Err(OpenError::Replay { first_sequence, source: source.into() }.into());
    }
    let (journal, found) = opening.finish()?;
    took.journal = started.elapsed().saturating_sub(waited);
    took.apply = worked;
    Ok((journal, found, replica))
}

/// Reads and checks all batches, and hands them over until nobody takes them. What comes back is used again.
fn read_all(
    opening: &mut Opening,
    mut hand_over: impl FnMut(Handful) -> Option<Handful>,
) -> Result<(), OpenError> {
    let mut handful = Handful::default();
    while let Some(batch) = opening.next_batch()? {
        handful.bytes.extend_from_slice(batch.payload);
        handful.batches.push((batch.first_sequence, batch.count, batch.payload.len()));
        if handful.bytes.len() >= HANDFUL {
            match hand_over(handful) {
                Some(empty) => handful = empty,
                None => return Ok(()),
            }
        }
    }
    hand_over(handful);
    Ok(())
}

/// Applies what comes, until no more does or it is not as it must be, and gives the buffers back.
fn apply_all(mut replica: Replica, full: Receiver<Handful>, empty: Sender<Handful>) -> Applied {
    let (mut order, mut commands) = (Order::after(&replica.engine), Vec::new());
    let mut worked = Duration::ZERO;
    while let Ok(mut handful) = full.recv() {
        let working = Instant::now();
        if let Err(flaw) = handful.apply(&mut replica, &mut order, &mut commands) {
            return Applied { replica, flaw: Some(flaw), worked };
        }
        worked += working.elapsed();
        handful.bytes.clear();
        handful.batches.clear();
        // One too many is let go of.
        let _ = empty.try_send(handful);
    }
    Applied { replica, flaw: None, worked }
}

impl Handful {
    /// Applies what is in it, some of it at a time; `commands` is room for that. The error names the batch.
    fn apply(
        &self,
        replica: &mut Replica,
        order: &mut Order,
        commands: &mut Vec<Stamped>,
    ) -> Result<(), (Sequence, ReplayError)> {
        let mut rest = self.bytes.as_slice();
        for &(first, count, length) in &self.batches {
            let (payload, behind) = rest.split_at(length);
            rest = behind;
            order.read_records(first, count, payload, commands).map_err(|error| (first, error))?;
            if commands.len() >= AT_ONCE || behind.is_empty() {
                replica.apply(commands);
                commands.clear();
            }
        }
        Ok(())
    }
}
