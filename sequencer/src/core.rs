//! The pure part of the sequencer: [`Core`] gives each command its place and its stamp, encodes it for the
//! journal, and has the engine apply it. No thread, no I/O, no clock of its own: the caller says what time it
//! is, so a simulator can drive it step by step.

use crate::codec;
use crate::echo::Echo;
use engine::Engine;
use types::{Command, KeyNo, Output, Sender, Sequence, Stamped, Timestamp};

/// A command as it comes in: without a place yet. It was sent by a key, or it is the one command that the gateway
/// has for the exchange itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    sender: Option<Sender>,
    command: Command,
}

/// The engine with the commands that are stamped and not applied yet.
///
/// The two steps alternate: [`Core::stamp`] makes a batch, [`Core::apply`] applies it. Between them the batch's
/// bytes go to the disk, so that the engine works while the disk does.
#[derive(Debug)]
pub struct Core {
    engine: Engine,
    /// Answers orders in the engine's place, where that is what is measured.
    echo: Option<Box<Echo>>,
    stamped: Vec<Stamped>,
}

/// A batch of stamped commands, as the journal and the outlets speak of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The sequence of its first command.
    pub first: Sequence,
    /// How many commands it holds, at least 1.
    pub commands: u32,
    /// The stamp of all of them.
    pub time: Timestamp,
}

impl Core {
    /// Goes on where `engine` stands.
    #[must_use]
    pub fn new(engine: Engine) -> Core {
        Core { engine, echo: None, stamped: Vec::new() }
    }

    /// The same, but with an echo that answers orders and cancels instead of the engine, which must be new.
    pub(crate) fn echoing(engine: Engine) -> Core {
        Core { echo: Some(Box::default()), ..Core::new(engine) }
    }

    /// True if the sequencer has a command of its own to give at `now`: the clock's, or to go on with pending work.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.engine.has_pending() || self.is_clock_due(self.stamp_at(now))
    }

    /// The moment from which on [`Core::is_due`] is true if no command comes before.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.engine.next_deadline()
    }

    /// Makes a batch of `inbound`, in its order, and of the sequencer's own commands that are due: the clock's
    /// before all others, so that none of them meets a contract whose gate has closed, and one `Continue` after
    /// all others. Appends the records to `records`. `None` if there is nothing to stamp.
    ///
    /// All commands of the batch get the stamp `now`, or that of the last command if the clock has gone back.
    ///
    /// # Panics
    /// If the batch before was not applied.
    pub fn stamp(
        &mut self,
        now: Timestamp,
        inbound: impl IntoIterator<Item = Inbound>,
        records: &mut Vec<u8>,
    ) -> Option<Batch> {
        assert!(self.stamped.is_empty(), "a batch is applied before the next is stamped");
        let time = self.stamp_at(now);
        if self.is_clock_due(time) {
            self.push(time, None, Command::Clock, records);
        }
        for Inbound { sender, command } in inbound {
            self.push(time, sender, command, records);
        }
        if self.engine.has_pending() {
            self.push(time, None, Command::Continue, records);
        }
        let first = self.stamped.first()?.sequence;
        let commands =
            u32::try_from(self.stamped.len()).expect("a batch is bounded by what may be in flight");
        Some(Batch { first, commands, time })
    }

    /// How many commands are stamped and not applied yet.
    pub(crate) fn stamped(&self) -> usize {
        self.stamped.len()
    }

    /// Applies the batch that was stamped last, and appends what comes of it to `output`.
    pub fn apply(&mut self, output: &mut Output) {
        if let Some(echo) = &mut self.echo {
            self.stamped.drain(..).for_each(|stamped| echo.apply(&mut self.engine, &stamped, output));
            return;
        }
        self.engine.apply_all(&self.stamped, output);
        self.stamped.clear();
    }

    /// The engine as of the last batch applied.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    fn push(&mut self, time: Timestamp, sender: Option<Sender>, command: Command, records: &mut Vec<u8>) {
        let before = self.stamped.last().map_or(self.engine.last_sequence(), |last| last.sequence);
        let stamped = Stamped { sequence: before + 1, time, sender, command };
        codec::encode(&stamped, records);
        self.stamped.push(stamped);
    }

    fn stamp_at(&self, now: Timestamp) -> Timestamp {
        now.max(self.engine.last_time())
    }

    fn is_clock_due(&self, time: Timestamp) -> bool {
        self.engine.next_deadline().is_some_and(|deadline| time >= deadline)
    }
}

impl Inbound {
    /// What a key has sent, as this of its numbers. One of the exchange's own commands is refused if it is sent.
    #[must_use]
    pub fn sent(sender: Sender, command: Command) -> Inbound {
        Inbound { sender: Some(sender), command }
    }

    /// The exchange's own [`Command::Disconnected`]. Into the orders lane, so that it comes after all that the
    /// sessions of this key have sent.
    #[must_use]
    pub fn disconnected(key: KeyNo) -> Inbound {
        Inbound { sender: None, command: Command::Disconnected { key } }
    }

    /// Who sent it; `None` if nobody did.
    #[must_use]
    pub fn sender(&self) -> Option<Sender> {
        self.sender
    }

    /// What is asked.
    #[must_use]
    pub fn command(&self) -> &Command {
        &self.command
    }
}

impl Batch {
    /// The sequence of its last command.
    #[must_use]
    pub fn last(&self) -> Sequence {
        self.first + u64::from(self.commands) - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use types::{ClassSpec, Lane, PublicKey, Why};

    fn started() -> Core {
        let mut engine = Engine::new();
        let command = Command::Genesis { operator: PublicKey([7; 32]), seed: 0 };
        let genesis = Stamped { sequence: 1, time: Timestamp(100), sender: None, command };
        engine.apply(&genesis, &mut Output::default());
        Core::new(engine)
    }

    fn sent(number: u64) -> Inbound {
        let sender = Sender { key: KeyNo(1), lane: Lane::Orders, number };
        let spec = Box::new(ClassSpec::example());
        let command = Command::DefineClass { spec, why: Why::NONE };
        Inbound::sent(sender, command)
    }

    #[test]
    fn nothing_is_stamped_when_there_is_nothing_to_do() {
        let mut core = started();
        let mut records = Vec::new();
        assert!(!core.is_due(Timestamp::MAX));
        assert_eq!(core.stamp(Timestamp(200), [], &mut records), None);
        assert_eq!((records, core.engine().last_sequence()), (Vec::new(), 1));
    }

    #[test]
    #[should_panic(expected = "a batch is applied before the next is stamped")]
    fn a_batch_that_was_not_applied_is_not_forgotten() {
        let mut core = started();
        core.stamp(Timestamp(200), [sent(1)], &mut Vec::new());
        core.stamp(Timestamp(200), [sent(2)], &mut Vec::new());
    }

    proptest! {
        #[test]
        fn batches_follow_each_other_and_time_never_goes_back(
            batches in proptest::collection::vec((0..500u64, 1..5u64), 1..20),
        ) {
            let mut core = started();
            let (mut next, mut time, mut number) = (2, Timestamp(100), 0);
            for (clock, commands) in batches {
                let mut records = Vec::new();
                let inbound: Vec<Inbound> = (number + 1..=number + commands).map(sent).collect();
                let batch = core.stamp(Timestamp(clock), inbound.clone(), &mut records).unwrap();
                time = time.max(Timestamp(clock));
                prop_assert_eq!((batch.first, batch.time), (next, time));
                let read: Vec<Stamped> = codec::records(&records).map(Result::unwrap).collect();
                prop_assert_eq!(read.len(), inbound.len());
                for (stamped, (sequence, inbound)) in read.iter().zip((next..).zip(inbound)) {
                    let Inbound { sender, command } = inbound;
                    prop_assert_eq!(stamped, &Stamped { sequence, time, sender, command });
                }
                let mut output = Output::default();
                core.apply(&mut output);
                prop_assert_eq!(output.reports.len(), read.len());
                prop_assert_eq!(core.engine().last_sequence(), batch.last());
                next = batch.last() + 1;
                number += commands;
            }
        }
    }
}
