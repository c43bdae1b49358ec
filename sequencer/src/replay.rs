//! Following a journal: [`Order`] reads its batches back into commands and checks that they are in the one order,
//! [`Replica`] applies them.

use crate::codec::{self, RecordError};
use crate::recover::REPORTS_MAX;
use crate::snapshot::Restored;
use engine::Engine;
use std::collections::VecDeque;
use types::{Command, Output, Report, Sequence, Stamped, Timestamp};

/// Why the batches of a sound journal are not the commands of an exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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

/// Checks that commands come in the one order: genesis first, no sequence missing, no stamp before the last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Order {
    sequence: Sequence,
    time: Timestamp,
}

/// An engine that follows a journal, with the newest reports that came of it.
#[derive(Default)]
pub(crate) struct Replica {
    pub(crate) engine: Engine,
    /// At most [`REPORTS_MAX`], oldest first.
    pub(crate) reports: VecDeque<Report>,
    output: Output,
}

impl Order {
    /// The order after what an engine has applied.
    pub(crate) fn after(engine: &Engine) -> Order {
        Order { sequence: engine.last_sequence(), time: engine.last_time() }
    }

    /// The order from a sequence on, whatever came before.
    pub(crate) fn from(first: Sequence) -> Order {
        Order { sequence: first.saturating_sub(1), time: Timestamp(0) }
    }

    /// Appends a batch's commands to `commands`. After an error some of them may be there, and the order is lost.
    pub(crate) fn read(
        &mut self,
        batch: &journal::Batch<'_>,
        commands: &mut Vec<Stamped>,
    ) -> Result<(), ReplayError> {
        self.read_records(batch.first_sequence, batch.count, batch.payload, commands)
    }

    /// The same for a batch of which no more is left than this.
    pub(crate) fn read_records(
        &mut self,
        first: Sequence,
        expected: u32,
        payload: &[u8],
        commands: &mut Vec<Stamped>,
    ) -> Result<(), ReplayError> {
        let before = self.sequence;
        let mut rest = payload;
        while !rest.is_empty() {
            rest = codec::decode_onto(rest, commands)
                .map_err(|source| ReplayError::Record { after: self.sequence, source })?;
            commands.last().map_or(Ok(()), |stamped| self.check(stamped))?;
        }
        let found = self.sequence - before;
        if found == u64::from(expected) {
            return Ok(());
        }
        Err(ReplayError::Count { first, expected, found })
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

impl Replica {
    /// Goes on where a snapshot was taken.
    pub(crate) fn restored(restored: Restored) -> Replica {
        Replica { engine: restored.engine, reports: restored.reports.into(), output: Output::default() }
    }

    /// Applies commands that are in order, and keeps the newest reports.
    pub(crate) fn apply(&mut self, commands: &[Stamped]) {
        let Replica { engine, reports, output } = self;
        engine.apply_all(commands, output);
        let superfluous = (reports.len() + output.reports.len()).saturating_sub(REPORTS_MAX);
        reports.drain(..superfluous.min(reports.len()));
        let newest = output.reports.len().saturating_sub(REPORTS_MAX);
        reports.extend(&output.reports[newest..]);
        output.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::{KeyNo, Lane, PublicKey, Sender};

    /// So many commands from `first` on, each answered with one report; the very first is the genesis.
    fn commands(first: Sequence, count: u32) -> Vec<Stamped> {
        let own = |sequence| match sequence {
            1 => (None, Command::Genesis { operator: PublicKey([7; 32]), seed: 0 }),
            number => {
                let sender = Sender { key: KeyNo(1), lane: Lane::Orders, number };
                (Some(sender), Command::Cancel(types::OrderRef::Number(number)))
            }
        };
        (first..first + u64::from(count))
            .map(|sequence| {
                let (sender, command) = own(sequence);
                Stamped { sequence, time: Timestamp(100), sender, command }
            })
            .collect()
    }

    #[test]
    fn the_newest_reports_are_kept_and_no_more() {
        let mut replica = Replica::default();
        let reports_max = u32::try_from(REPORTS_MAX).unwrap();
        let mut first = 1;
        // The last batch alone has more reports than are kept.
        for count in [1, 5, 10, reports_max, 100, reports_max + 1] {
            replica.apply(&commands(first, count));
            first += u64::from(count);
            let kept: Vec<Sequence> = replica.reports.iter().map(|report| report.sequence).collect();
            let from = 2.max(first.saturating_sub(u64::from(reports_max)));
            assert_eq!(kept, (from..first).collect::<Vec<Sequence>>());
        }
        assert_eq!(replica.reports.len(), REPORTS_MAX);
        assert_eq!(Order::after(&replica.engine).sequence, first - 1);
    }
}
