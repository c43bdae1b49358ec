//! The directory of a stopped exchange, read and judged without writing anything: [`verify`] replays it and compares
//! it with its snapshots, [`dump`] gives its commands.

use crate::recover::load;
use crate::replay::{Order, ReplayError, Replica};
use engine::{AuditError, Digest, RULES_VERSION, Totals};
use journal::{Checkpoint, Disk, ReadError, Reader, RealDisk, Snapshots, TornTail};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use types::{Sequence, Stamped};

/// What a stopped exchange's journal holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The first sequence whose bytes were checked: 1, or where what was retired ends.
    pub first_sequence: Sequence,
    /// The commands after this one were replayed: 0 from the first of all, else from the snapshot at this sequence.
    pub replayed_after: Sequence,
    /// How many commands are there.
    pub records: u64,
    /// How many batches, each of which was one sync.
    pub batches: u64,
    /// How many segments.
    pub segments: u64,
    /// The sequence of the last command; 0 if there is none.
    pub last_sequence: Sequence,
    /// The digest of the state after it.
    pub digest: Digest,
    /// What there is and whose, counted from scratch; or what does not add up.
    pub totals: Result<Totals, AuditError>,
    /// The head of the hash chain.
    pub head: journal::Hash,
    /// Bytes of a batch that was being written when the exchange died. The next start cuts them.
    pub torn_tail: Option<TornTail>,
    /// The sequences of the snapshots that are what the journal comes to, rising.
    pub snapshots: Vec<Sequence>,
    /// The others, each with what is wrong with it. A start does without them.
    pub bad_snapshots: Vec<String>,
}

/// Why a journal cannot be verified or dumped.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The journal itself cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The directory cannot be listed.
    #[error("cannot list the snapshots: {0}")]
    List(#[source] io::Error),
    /// It was written under other rules: its commands mean something else.
    #[error(
        "the journal was written under rules version {found}, this program follows version {RULES_VERSION}"
    )]
    RulesVersion {
        /// Its version.
        found: u32,
    },
    /// The commands in it are none, or in no order.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// Its first segments were retired, and no good snapshot stands in their place.
    #[error("the journal begins with sequence {first}, and no good snapshot says what came before")]
    NoStart {
        /// Its first sequence.
        first: Sequence,
    },
    /// A good snapshot is not what the commands before it come to. One of the two is wrong.
    #[error("the snapshot at {sequence} has the state {found}, the commands before it come to {expected}")]
    Differs {
        /// The snapshot.
        sequence: Sequence,
        /// Its digest.
        found: Digest,
        /// That of the commands before it.
        expected: Digest,
    },
    /// A good snapshot was made later than the journal ends.
    #[error(
        "the snapshot at {snapshot} is newer than the journal, which ends with {last}: it has lost its end"
    )]
    EndLost {
        /// The snapshot.
        snapshot: Sequence,
        /// The last sequence of the journal.
        last: Sequence,
    },
}

/// Reads every byte of a stopped exchange's journal, replays every command that can be replayed, compares every
/// snapshot, and says what it comes to. Nothing is written.
///
/// # Errors
/// [`VerifyError`] if the journal is damaged, in use, of another version, or not one of commands in order.
pub fn verify(directory: &Path) -> Result<Verified, VerifyError> {
    verify_on(Arc::new(RealDisk::new(directory)))
}

/// The same on any disk.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(disk: Arc<dyn Disk>) -> Result<Verified, VerifyError> {
    let mut reader = Reader::open_on(Arc::clone(&disk))?;
    let summary = reader.summary();
    let is_ours = summary.rules_version == RULES_VERSION && summary.from_genesis;
    let mut check = Check::new(disk, is_ours.then(Replica::default))?;
    let first_sequence = summary.first_sequence;
    check.at(summary.checkpoint())?;
    while let Some(batch) = reader.next_batch()? {
        check.batch(&batch)?;
    }
    let summary = reader.summary();
    let last_sequence = summary.last_sequence();
    if let Some(&snapshot) = check.waiting.last().filter(|snapshot| check.snapshots.check(**snapshot).is_ok())
    {
        return Err(VerifyError::EndLost { snapshot, last: last_sequence });
    }
    let Some(replica) = check.replica else {
        let found = summary.rules_version;
        return Err(match found == RULES_VERSION {
            true => VerifyError::NoStart { first: first_sequence },
            false => VerifyError::RulesVersion { found },
        });
    };
    Ok(Verified {
        first_sequence,
        replayed_after: check.replayed_after,
        records: summary.records,
        batches: summary.batches,
        segments: summary.segments,
        last_sequence,
        digest: replica.engine.digest(),
        totals: replica.engine.audit(),
        head: summary.head,
        torn_tail: summary.torn_tail,
        snapshots: check.good,
        bad_snapshots: check.bad,
    })
}

/// Hands every command of a stopped exchange's journal to `each`, in order, until it breaks off; after a change of
/// rules those under the present ones.
///
/// # Errors
/// As [`verify`], but the commands are not applied.
pub fn dump(directory: &Path, mut each: impl FnMut(&Stamped) -> ControlFlow<()>) -> Result<(), VerifyError> {
    let mut reader = Reader::open(directory)?;
    let mut order = None;
    let mut commands = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        if batch.rules_version != RULES_VERSION {
            continue;
        }
        let order = order.get_or_insert_with(|| Order::from(batch.first_sequence));
        let read = order.read(&batch, &mut commands);
        for stamped in commands.drain(..) {
            if each(&stamped).is_break() {
                return Ok(());
            }
        }
        read?;
    }
    let found = reader.summary().rules_version;
    if found == RULES_VERSION { Ok(()) } else { Err(VerifyError::RulesVersion { found }) }
}

/// A replay that meets the snapshots on its way.
struct Check {
    snapshots: Snapshots,
    /// `None` before the first snapshot that it can start from.
    replica: Option<Replica>,
    order: Order,
    replayed_after: Sequence,
    commands: Vec<Stamped>,
    /// The snapshots not met yet, rising.
    waiting: Vec<Sequence>,
    good: Vec<Sequence>,
    bad: Vec<String>,
}

impl Check {
    fn new(disk: Arc<dyn Disk>, replica: Option<Replica>) -> Result<Check, VerifyError> {
        let snapshots = Snapshots::new(disk);
        let mut waiting = snapshots.list().map_err(VerifyError::List)?;
        waiting.reverse();
        Ok(Check {
            snapshots,
            replica,
            order: Order::default(),
            replayed_after: 0,
            commands: Vec::new(),
            waiting,
            good: Vec::new(),
            bad: Vec::new(),
        })
    }

    fn batch(&mut self, batch: &journal::Batch<'_>) -> Result<(), VerifyError> {
        if let Some(replica) = &mut self.replica {
            if batch.rules_version != RULES_VERSION {
                return Err(VerifyError::RulesVersion { found: batch.rules_version });
            }
            self.commands.clear();
            self.order.read(batch, &mut self.commands)?;
            replica.apply(&self.commands);
        }
        let sequence = batch.first_sequence + u64::from(batch.count) - 1;
        self.at(Checkpoint { sequence, head: batch.hash })
    }

    /// Looks at the snapshots up to a place between two batches.
    fn at(&mut self, place: Checkpoint) -> Result<(), VerifyError> {
        let met = self.waiting.partition_point(|sequence| *sequence <= place.sequence);
        for sequence in self.waiting.drain(..met).collect::<Vec<_>>() {
            match self.compare(sequence, place)? {
                Ok(()) => self.good.push(sequence),
                Err(reason) => self.bad.push(format!("the snapshot at {sequence}: {reason}")),
            }
        }
        Ok(())
    }

    /// Compares a snapshot with what was replayed, or starts from it. The inner error is what is wrong with it alone.
    fn compare(&mut self, sequence: Sequence, place: Checkpoint) -> Result<Result<(), String>, VerifyError> {
        let (restored, info) = match load(&self.snapshots, sequence) {
            Ok((restored, info, _)) => (restored, info),
            Err(reason) => return Ok(Err(reason)),
        };
        if info.checkpoint != place {
            // What was retired can say nothing of it.
            let is_older = self.good.is_empty() && sequence < place.sequence && self.replica.is_none();
            let reason = if is_older { "the journal after it is gone" } else { "it is of another journal" };
            return Ok(Err(reason.to_owned()));
        }
        match &self.replica {
            Some(replica) => {
                let (found, expected) = (restored.engine.digest(), replica.engine.digest());
                if found != expected {
                    return Err(VerifyError::Differs { sequence, found, expected });
                }
            }
            None => {
                self.order = Order::after(&restored.engine);
                self.replica = Some(restored);
                self.replayed_after = sequence;
            }
        }
        Ok(Ok(()))
    }
}
