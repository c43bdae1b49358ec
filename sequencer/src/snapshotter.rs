//! What makes snapshots while the market runs: [`Snapshotter`], a step at a time. It has an engine of its own, which
//! it restores from the newest good snapshot as a recovery would, and follows the journal's sealed segments with it.
//! What it has written it restores at once, and goes on with that engine instead of the one before: only then does
//! the snapshot count, and something may be deleted because of it. So recovery is exercised all day, and neither the
//! running engine nor the live segment is ever touched.
//!
//! No thread, no clock: `keeper` takes the steps in a thread of low priority, a fault simulation in its own. Nothing
//! that fails here harms the exchange. What fails is said and can be tried again by the next step.

use crate::recover::{load, newest_good};
use crate::replay::{Order, ReplayError, Replica};
use crate::{codec, snapshot};
use engine::{Digest, RULES_VERSION};
use journal::{
    Checkpoint, Disk, Journal, PruneError, ReadError, Reader, RetireError, Sealed, SnapshotError,
    SnapshotInfo, Snapshots, batch_bytes,
};
use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use types::{Sequence, Stamped, Timestamp};

/// How much of the journal is applied in one step, in bytes, at least.
const STEP_BYTES: u64 = 256 << 10;

/// How snapshots are made and what is kept. [`SnapshotOptions::default`] is the usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotOptions {
    /// After so many bytes of sealed journal the next snapshot is made.
    pub every_bytes: u64,
    /// How many good snapshots are kept, at least 2.
    pub keep: usize,
    /// Sealed segments that no kept snapshot needs are deleted, the oldest first, while all of them together are longer
    /// than this, in bytes; `None`: not for their size.
    pub journal_bytes: Option<u64>,
    /// And those whose last command is older than this; `None`: not for their age. It is measured by the stamps in the
    /// journal.
    pub journal_age: Option<Duration>,
}

/// Makes snapshots, a step at a time. See the head of this file.
pub struct Snapshotter {
    snapshots: Snapshots,
    sealed: Sealed,
    options: SnapshotOptions,
    /// `None` before it is needed, and after anything about it was in doubt.
    follower: Option<Follower>,
    /// The snapshots that an engine was made of here. No other counts when something is to be deleted, whatever its
    /// hash says.
    proven: BTreeSet<Sequence>,
    work: Work,
}

/// What a step has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is nothing to do before another segment is sealed.
    Idle,
    /// A step of more.
    Worked,
    /// A snapshot is durable.
    Wrote(SnapshotInfo),
    /// Old snapshots and segments were deleted as far as they may be.
    Tidied {
        /// How many snapshots.
        snapshots: usize,
        /// How many segments.
        segments: u64,
    },
}

/// Why a step has failed. The exchange goes on, and so may the next step.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotterError {
    /// The snapshots cannot be listed.
    #[error("cannot list the snapshots: {0}")]
    List(#[source] io::Error),
    /// Sealed segments cannot be read, or are not what was written. The engine here is thrown away, and the next step
    /// starts with the newest good snapshot again.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is in them are not the commands that follow.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A snapshot cannot be written.
    #[error(transparent)]
    Write(#[from] SnapshotError),
    /// A snapshot that was written just now does not come to an engine again, or not to the same. It counts for nothing:
    /// nothing is deleted for its sake. The next step starts with the newest good one.
    #[error("the snapshot at {sequence} was written and does not restore: {reason}")]
    NotRestored {
        /// Its place.
        sequence: Sequence,
        /// What is wrong with it.
        reason: String,
    },
    /// A snapshot was given up because the caller wanted to stop.
    #[error("the snapshot was given up half way")]
    GivenUp,
    /// Old snapshots cannot be deleted.
    #[error(transparent)]
    Prune(#[from] PruneError),
    /// Old segments cannot be deleted.
    #[error(transparent)]
    Retire(#[from] RetireError),
    /// The engine here is not what the running one is: one of them has gone wrong. No snapshot is made of either.
    #[error(
        "at sequence {sequence} the journal comes to the state {replica}, the running exchange was at {running}"
    )]
    Differs {
        /// The last command of both.
        sequence: Sequence,
        /// The digest of what the journal comes to.
        replica: Digest,
        /// The digest of what ran.
        running: Digest,
    },
}

/// What is done next.
enum Work {
    /// Looks whether anything was sealed.
    Look,
    /// Reads on.
    Read(Box<Reader>),
    /// Restores what was written just now.
    Prove(Written),
    /// Deletes what is old.
    Tidy,
}

/// A snapshot that is durable, and nobody has read yet.
struct Written {
    info: SnapshotInfo,
    /// That of the state it was written of.
    digest: Digest,
}

/// An engine that follows the journal.
struct Follower {
    replica: Replica,
    order: Order,
    /// Where it is; `None` before the first batch.
    place: Option<Checkpoint>,
    /// Bytes of the batches applied since the last snapshot.
    unsaved: u64,
    /// Room for a batch's commands.
    commands: Vec<Stamped>,
}

impl Default for SnapshotOptions {
    fn default() -> SnapshotOptions {
        SnapshotOptions { every_bytes: 128 << 20, keep: 2, journal_bytes: None, journal_age: None }
    }
}

impl Snapshotter {
    /// Makes snapshots of the journal of `sealed`, beside its segments on `disk`. Reads and writes nothing yet.
    #[must_use]
    pub fn new(disk: Arc<dyn Disk>, sealed: Sealed, options: SnapshotOptions) -> Snapshotter {
        let (snapshots, proven) = (Snapshots::new(disk), BTreeSet::new());
        Snapshotter { snapshots, sealed, options, follower: None, proven, work: Work::Look }
    }

    /// Does what is next: looks, restores an engine, applies a part of what was sealed, writes a snapshot, restores that,
    /// or deletes what is old. Between the pieces of a snapshot it calls `rest`, which may break it off.
    ///
    /// # Errors
    /// [`SnapshotterError`]; the next step tries again.
    pub fn step(&mut self, rest: &mut dyn FnMut() -> ControlFlow<()>) -> Result<Progress, SnapshotterError> {
        match std::mem::replace(&mut self.work, Work::Look) {
            Work::Look => self.look(rest),
            Work::Read(reader) => self.read(reader),
            Work::Prove(written) => {
                self.prove(&written)?;
                self.work = Work::Tidy;
                Ok(Progress::Worked)
            }
            Work::Tidy => self.tidy(),
        }
    }

    /// At an orderly end: follows the journal to its last batch, compares what it comes to with the digest of what
    /// ran, writes the last snapshot, without resting, and restores it. A program with other rules can go on from that
    /// one. `None`: there is a good snapshot at this very place already.
    ///
    /// # Errors
    /// [`SnapshotterError`]; above all [`SnapshotterError::Differs`].
    pub fn seal(
        &mut self,
        journal: &Journal,
        running: Digest,
    ) -> Result<Option<SnapshotInfo>, SnapshotterError> {
        let end = journal.end();
        if self.is_good(end.sequence) {
            return Ok(None);
        }
        let mut follower = match self.follower.take() {
            Some(follower) => follower,
            None => self.restore()?,
        };
        if let Some(mut reader) = journal.read_after(follower.place)? {
            while !follower.read(&mut reader, u64::MAX)? {}
        }
        let replica = follower.replica.engine.digest();
        if replica != running {
            return Err(SnapshotterError::Differs { sequence: end.sequence, replica, running });
        }
        if self.is_good(end.sequence) {
            // It was restored for this.
            self.follower = Some(follower);
            return Ok(None);
        }
        let written = write(&mut self.snapshots, &follower, end, &mut || ControlFlow::Continue(()))?;
        drop(follower);
        self.prove(&written)?;
        if let Err(error) = self.tidy() {
            // There is one more than need be until the next time.
            tracing::warn!(%error, "old snapshots and segments are kept");
        }
        Ok(Some(written.info))
    }

    /// Whether an engine was made of this snapshot, and it still is what it was then.
    fn is_good(&self, sequence: Sequence) -> bool {
        self.proven.contains(&sequence) && self.snapshots.check(sequence).is_ok()
    }

    /// Makes an engine of what was written, as a start would, and follows the journal with that one from then on. The one
    /// it was written of goes first: there is never room for more than one of them.
    fn prove(&mut self, written: &Written) -> Result<(), SnapshotterError> {
        let sequence = written.info.checkpoint.sequence;
        self.follower = None;
        let not_restored = |reason| SnapshotterError::NotRestored { sequence, reason };
        let (replica, info, _) = load(&self.snapshots, sequence).map_err(not_restored)?;
        let digest = replica.engine.digest();
        if (info, digest) != (written.info, written.digest) {
            return Err(not_restored(format!("it comes to {digest}, and was written of {}", written.digest)));
        }
        self.follower = Some(Follower::new(replica, Some(info)));
        self.proven.insert(sequence);
        Ok(())
    }

    /// The sequence of the newest snapshot, good or not.
    fn newest(&self) -> Result<Option<Sequence>, SnapshotterError> {
        Ok(self.snapshots.list().map_err(SnapshotterError::List)?.first().copied())
    }

    fn look(&mut self, rest: &mut dyn FnMut() -> ControlFlow<()>) -> Result<Progress, SnapshotterError> {
        let Some(follower) = &mut self.follower else {
            if self.sealed.end().sequence <= self.newest()?.unwrap_or(0) {
                return Ok(Progress::Idle);
            }
            self.follower = Some(self.restore()?);
            return Ok(Progress::Worked);
        };
        if let Some(place) = follower.place
            && follower.unsaved >= self.options.every_bytes
        {
            // Whatever comes of it, there may be something to delete.
            self.work = Work::Tidy;
            let written = write(&mut self.snapshots, follower, place, rest)?;
            let info = written.info;
            self.work = Work::Prove(written);
            return Ok(Progress::Wrote(info));
        }
        let read = self.sealed.read_after(follower.place);
        match read.map_err(|error| self.doubt(error.into()))? {
            Some(reader) => self.work = Work::Read(Box::new(reader)),
            None => return Ok(Progress::Idle),
        }
        Ok(Progress::Worked)
    }

    fn read(&mut self, mut reader: Box<Reader>) -> Result<Progress, SnapshotterError> {
        let Some(follower) = &mut self.follower else { return Ok(Progress::Worked) };
        match follower.read(&mut reader, STEP_BYTES) {
            Ok(true) => {}
            Ok(false) => self.work = Work::Read(reader),
            Err(error) => return Err(self.doubt(error)),
        }
        Ok(Progress::Worked)
    }

    fn tidy(&mut self) -> Result<Progress, SnapshotterError> {
        let pruned = self.snapshots.prune(self.options.keep, |sequence| self.proven.contains(&sequence))?;
        let segments = match pruned.oldest_kept {
            Some(oldest) => {
                self.proven = self.proven.split_off(&oldest);
                self.retire(oldest)?
            }
            None => 0,
        };
        Ok(Progress::Tidied { snapshots: pruned.deleted.len(), segments })
    }

    /// Deletes the segments that are too many or too old, none of them needed after the snapshot at `oldest`.
    fn retire(&self, oldest: Sequence) -> Result<u64, SnapshotterError> {
        let SnapshotOptions { journal_bytes, journal_age, .. } = self.options;
        if journal_bytes.is_none() && journal_age.is_none() {
            return Ok(0);
        }
        let segments = self.sealed.list()?;
        let mut bytes: u64 = segments.iter().map(|segment| segment.bytes).sum();
        let mut up_to = None;
        for (place, segment) in segments.iter().enumerate() {
            let too_many = journal_bytes.is_some_and(|most| bytes > most);
            let next = segments.get(place + 1).map(|next| next.first_sequence);
            if segment.last_sequence > oldest || !(too_many || self.is_old(next)?) {
                break;
            }
            bytes -= segment.bytes;
            up_to = Some(segment.last_sequence);
        }
        Ok(up_to.map_or(Ok(0), |up_to| self.sealed.retire(up_to))?)
    }

    /// Whether all that stands before the segment `next` is too old to be kept. What has no segment behind it is not.
    fn is_old(&self, next: Option<Sequence>) -> Result<bool, SnapshotterError> {
        let (Some(next), Some(age), Some(follower)) = (next, self.options.journal_age, &self.follower) else {
            return Ok(false);
        };
        let first = self.sealed.first_payload(next)?.unwrap_or_default();
        let stamped = codec::decode(&first).map(|(stamped, _)| stamped.time);
        let Timestamp(began) = stamped.map_err(|source| ReplayError::Record { after: next - 1, source })?;
        let now = follower.replica.engine.last_time().0;
        Ok(Duration::from_nanos(now.saturating_sub(began)) > age)
    }

    /// An engine from the newest good snapshot. Without one a new engine, for which the journal has to reach back to the
    /// first command: reading it finds out.
    fn restore(&mut self) -> Result<Follower, SnapshotterError> {
        let start = newest_good(&self.snapshots).map_err(SnapshotterError::List)?;
        self.proven.extend(start.info.map(|info| info.checkpoint.sequence));
        Ok(Follower::new(start.replica, start.info))
    }

    /// After damage the engine here may be half of something, so it goes. A disk that could not be read says nothing
    /// about it.
    fn doubt(&mut self, error: SnapshotterError) -> SnapshotterError {
        if !matches!(error, SnapshotterError::Read(ReadError::Io { .. })) {
            self.follower = None;
        }
        error
    }
}

impl Follower {
    /// Follows the journal from the snapshot that `replica` was made of; without one from its beginning.
    fn new(replica: Replica, info: Option<SnapshotInfo>) -> Follower {
        let (order, place) = (Order::after(&replica.engine), info.map(|info| info.checkpoint));
        Follower { replica, order, place, unsaved: 0, commands: Vec::new() }
    }

    /// Applies what the reader gives, so many bytes of it at least. True at its end.
    fn read(&mut self, reader: &mut Reader, enough: u64) -> Result<bool, SnapshotterError> {
        let mut done = 0;
        while done < enough {
            let Some(batch) = reader.next_batch()? else { return Ok(true) };
            self.commands.clear();
            self.order.read(&batch, &mut self.commands)?;
            self.replica.apply(&self.commands);
            let sequence = batch.first_sequence + u64::from(batch.count) - 1;
            self.place = Some(Checkpoint { sequence, head: batch.hash });
            done += batch_bytes(batch.payload.len());
            self.unsaved += batch_bytes(batch.payload.len());
        }
        Ok(false)
    }
}

/// Writes a snapshot of what the follower has come to, which is at `place`.
fn write(
    snapshots: &mut Snapshots,
    follower: &Follower,
    place: Checkpoint,
    rest: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Written, SnapshotterError> {
    let Replica { engine, reports, .. } = &follower.replica;
    let mut writer = snapshots.begin(RULES_VERSION, place)?;
    let digest = snapshot::write(engine, reports.iter(), |piece| {
        writer.write(piece)?;
        match rest() {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(SnapshotterError::GivenUp),
        }
    })?;
    Ok(Written { info: writer.finish()?, digest })
}

impl std::fmt::Debug for Snapshotter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshotter").field("options", &self.options).finish_non_exhaustive()
    }
}
