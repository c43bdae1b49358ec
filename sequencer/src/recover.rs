//! From a directory back to an engine: replay on start, and the same read-only for `verify` and `dump`.

use crate::codec::{self, RecordError};
use engine::{AuditError, Digest, Engine, RULES_VERSION, Totals};
use journal::{ReadError, Reader, TornTail};
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;
use types::{Command, Output, Report, Sequence, Stamped, StateEvent, Timestamp};

/// How many reports a recovery hands on, the newest of all accounts together. Who resumes after an older one
/// starts from the full state.
pub const REPORTS_MAX: usize = 65_536;

/// What was found in the journal: what the mirrors start from.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The last command.
    pub sequence: Sequence,
    /// Its stamp.
    pub time: Timestamp,
    /// The engine's whole state, once.
    pub state: Vec<StateEvent>,
    /// The newest reports, at most [`REPORTS_MAX`], oldest first.
    pub reports: Vec<Report>,
    /// How many commands were replayed.
    pub commands: u64,
    /// The end of a batch that a crash left half written, if there was one; it was cut.
    pub torn_tail: Option<TornTail>,
    /// How long reading and replaying took.
    pub took: Duration,
}

/// What a stopped exchange's journal holds.
#[derive(Clone, Debug)]
pub struct Verified {
    /// How many commands.
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
}

/// Why a journal cannot be verified or dumped.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The journal itself cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
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
}

/// Why the batches of a sound journal are not the commands of an exchange.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A record cannot be read.
    #[error("the record after sequence {after} cannot be read: {source}")]
    Record {
        /// The last command that could be read.
        after: Sequence,
        /// What is wrong with it.
        source: RecordError,
    },
    /// A gap or a repetition.
    #[error("a command of sequence {found} stands where {expected} should follow")]
    Sequence {
        /// Its sequence.
        found: Sequence,
        /// The one that follows.
        expected: Sequence,
    },
    /// A batch holds another number of records than its frame says.
    #[error("the batch from sequence {first} says it holds {expected} records and holds {found}")]
    Count {
        /// Its first sequence.
        first: Sequence,
        /// What the frame says.
        expected: u32,
        /// What is in it.
        found: u64,
    },
    /// A stamp before that of the command before.
    #[error("command {sequence} is stamped {found} ns, before the {last} ns of the one before it")]
    Time {
        /// The command.
        sequence: Sequence,
        /// Its stamp.
        found: u64,
        /// The stamp of the command before.
        last: u64,
    },
    /// Every exchange begins with its genesis.
    #[error("the first command is not the genesis of an exchange")]
    NoGenesis,
}

/// Replays a stopped exchange's journal without writing anything, and says what it comes to.
///
/// # Errors
/// [`VerifyError`] if the journal is damaged, in use, of another version, or not one of commands in order.
pub fn verify(directory: &Path) -> Result<Verified, VerifyError> {
    let mut replay = Replay::default();
    let summary = read(directory, |batch| replay.batch(&batch).map(ControlFlow::Continue))?;
    Ok(Verified {
        records: summary.records,
        batches: summary.batches,
        segments: summary.segments,
        last_sequence: replay.engine.last_sequence(),
        digest: replay.engine.digest(),
        totals: replay.engine.audit(),
        head: summary.head,
        torn_tail: summary.torn_tail,
    })
}

/// Hands every command of a stopped exchange's journal to `each`, in order, until it breaks off.
///
/// # Errors
/// As [`verify`], but the commands are not applied.
pub fn dump(directory: &Path, mut each: impl FnMut(&Stamped) -> ControlFlow<()>) -> Result<(), VerifyError> {
    let mut order = Order::default();
    read(directory, |batch| {
        let mut flow = ControlFlow::Continue(());
        order.batch(&batch, |stamped| {
            if flow.is_continue() {
                flow = each(stamped);
            }
        })?;
        Ok(flow)
    })?;
    Ok(())
}

/// Reads a journal from its first batch to its last, or to where `each` breaks off.
fn read(
    directory: &Path,
    mut each: impl FnMut(journal::Batch<'_>) -> Result<ControlFlow<()>, ReplayError>,
) -> Result<journal::Summary, VerifyError> {
    let mut reader = Reader::open(directory)?;
    let found = reader.summary().rules_version;
    if found != RULES_VERSION {
        return Err(VerifyError::RulesVersion { found });
    }
    while let Some(batch) = reader.next_batch()? {
        if each(batch)?.is_break() {
            break;
        }
    }
    Ok(reader.summary().clone())
}

/// An engine that follows a journal.
#[derive(Default)]
pub(crate) struct Replay {
    pub(crate) engine: Engine,
    order: Order,
    output: Output,
    reports: VecDeque<Report>,
    commands: u64,
}

impl Replay {
    /// Applies a batch and keeps the newest reports.
    pub(crate) fn batch(&mut self, batch: &journal::Batch<'_>) -> Result<(), ReplayError> {
        let Replay { engine, order, output, reports, commands } = self;
        order.batch(batch, |stamped| {
            engine.apply(stamped, output);
            *commands += 1;
        })?;
        let superfluous = (reports.len() + output.reports.len()).saturating_sub(REPORTS_MAX);
        reports.drain(..superfluous.min(reports.len()));
        let newest = output.reports.len().saturating_sub(REPORTS_MAX);
        reports.extend(&output.reports[newest..]);
        output.clear();
        Ok(())
    }

    /// The engine, and what to tell the mirrors.
    pub(crate) fn finish(self, torn_tail: Option<TornTail>, took: Duration) -> (Engine, Recovery) {
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        let recovery = Recovery {
            sequence: self.engine.last_sequence(),
            time: self.engine.last_time(),
            state,
            reports: self.reports.into(),
            commands: self.commands,
            torn_tail,
            took,
        };
        (self.engine, recovery)
    }
}

/// Checks that commands come in the one order: genesis first, no sequence missing, no stamp before the last.
#[derive(Default)]
struct Order {
    sequence: Sequence,
    time: Timestamp,
}

impl Order {
    /// Decodes a batch and hands on each command that is in order.
    fn batch(
        &mut self,
        batch: &journal::Batch<'_>,
        mut each: impl FnMut(&Stamped),
    ) -> Result<(), ReplayError> {
        let before = self.sequence;
        for record in codec::records(batch.payload) {
            let stamped = record.map_err(|source| ReplayError::Record { after: self.sequence, source })?;
            self.check(&stamped)?;
            each(&stamped);
        }
        let found = self.sequence - before;
        if found == u64::from(batch.count) {
            return Ok(());
        }
        Err(ReplayError::Count { first: batch.first_sequence, expected: batch.count, found })
    }

    fn check(&mut self, stamped: &Stamped) -> Result<(), ReplayError> {
        let expected = self.sequence.saturating_add(1);
        if stamped.sequence != expected {
            return Err(ReplayError::Sequence { found: stamped.sequence, expected });
        }
        if stamped.time < self.time {
            let (found, last) = (stamped.time.0, self.time.0);
            return Err(ReplayError::Time { sequence: stamped.sequence, found, last });
        }
        if self.sequence == 0 && !matches!(stamped.command, Command::Genesis { .. }) {
            return Err(ReplayError::NoGenesis);
        }
        (self.sequence, self.time) = (stamped.sequence, stamped.time);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{KeyNo, Lane, PublicKey, Sender};

    /// So many commands from `first` on, each answered with one report; the very first is the genesis.
    fn payload(first: Sequence, count: u32) -> Vec<u8> {
        let mut payload = Vec::new();
        for sequence in first..first + u64::from(count) {
            let sender = Some(Sender { key: KeyNo(1), lane: Lane::Orders, number: sequence });
            let (sender, command) = match sequence {
                1 => (None, Command::Genesis { operator: PublicKey([7; 32]) }),
                _ => (sender, Command::RevokeKey { key: KeyNo(999) }),
            };
            codec::encode(&Stamped { sequence, time: Timestamp(100), sender, command }, &mut payload);
        }
        payload
    }

    #[test]
    fn the_newest_reports_are_kept_and_no_more() {
        let mut replay = Replay::default();
        let reports_max = u32::try_from(REPORTS_MAX).unwrap();
        let mut first = 1;
        // The last batch alone has more reports than are kept.
        for count in [1, 5, 10, reports_max, 100, reports_max + 1] {
            let payload = payload(first, count);
            let hash = journal::Hash::from_bytes([0; 32]);
            let (first_sequence, payload) = (first, &payload[..]);
            let batch = journal::Batch { first_sequence, count, payload, hash, segment: 1, offset: 4096 };
            replay.batch(&batch).unwrap();
            first += u64::from(count);
            let kept: Vec<Sequence> = replay.reports.iter().map(|report| report.sequence).collect();
            let from = 2.max(first.saturating_sub(u64::from(reports_max)));
            assert_eq!(kept, (from..first).collect::<Vec<Sequence>>());
        }
        let (engine, recovery) = replay.finish(None, Duration::ZERO);
        assert_eq!((recovery.sequence, recovery.commands), (first - 1, first - 1));
        assert_eq!(recovery.reports.len(), REPORTS_MAX);
        assert_eq!(engine.last_sequence(), recovery.sequence);
    }
}
