//! What the exchange's two threads do, one step at a time: [`Sequencing`] gathers, stamps and applies, [`Writing`]
//! makes durable, and [`Durable`] is the only way to something that may be told. Nothing here starts a thread,
//! sleeps or asks what time it is: `thread` drives the steps in two threads, a fault simulation in one.
//!
//! ```text
//! stamp -> Append -> write -> Durable --.
//!   '-> apply -> Outcome ---------------+-> release -> Released
//! ```

use crate::core::{Batch, Core, Inbound};
use crate::entry::{Entry, Intake, Taken};
use crate::recover::Recovery;
use crate::room::{For, Room};
use crate::snapshotter::Snapshotter;
use crate::thread::Released;
use engine::Engine;
use journal::{AppendError, Journal};
use types::{Output, Sender, Sequence, Timestamp};

/// The most commands of the sequencer's own in one batch: a clock and a continue.
pub(crate) const OWN_COMMANDS: usize = 2;

/// An exchange that has recovered and does not run: its steps are the caller's to take.
#[derive(Debug)]
pub struct Steps {
    /// What the journal held; the mirrors start here.
    pub recovery: Recovery,
    /// The way in.
    pub entry: Entry,
    /// The half that orders.
    pub sequencing: Sequencing,
    /// The half that writes.
    pub writing: Writing,
    /// What makes snapshots of what was written, if the options ask for them.
    pub snapshotter: Option<Snapshotter>,
}

/// The half that orders and applies.
#[derive(Debug)]
pub struct Sequencing {
    pub(crate) core: Core,
    pub(crate) intake: Intake,
    /// How many commands a batch takes from the lanes.
    pub(crate) batch_commands: usize,
    /// Room for what is gathered, kept between batches.
    pub(crate) inbound: Vec<Inbound>,
    /// What nobody sent and could not be stamped, as the disk was full.
    pub(crate) deferred: Vec<Inbound>,
    /// The journal's room.
    pub(crate) room: Room,
    /// What was taken from the lanes for the batch that was stamped last.
    pub(crate) taken: Taken,
    /// What of it was refused.
    pub(crate) refused: Vec<Sender>,
}

/// The half that makes durable.
pub struct Writing {
    pub(crate) journal: Journal,
    pub(crate) entry: Entry,
}

/// A stamped batch on its way to the disk.
#[derive(Debug)]
pub struct Append {
    /// Its place and stamp. `None`: nothing is to be written, as all that was gathered is refused.
    pub batch: Option<Batch>,
    /// Its records.
    pub records: Vec<u8>,
}

/// What came of a batch, not to be told to anybody yet.
#[derive(Debug)]
pub struct Outcome {
    output: Output,
    refused: Vec<Sender>,
    taken: Taken,
    /// The engine's last command and its stamp.
    last: (Sequence, Timestamp),
}

/// A batch that is on the disk: what came of it may be told.
#[derive(Debug)]
#[must_use = "what came of a durable batch is to be released"]
pub struct Durable {
    /// How many commands it holds.
    commands: u32,
}

impl Sequencing {
    /// True if a command waits, or one of the sequencer's own is due at `now` and there is room for it.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        let has_own = !self.deferred.is_empty() || self.core.is_due(now);
        !self.intake.is_empty() || (has_own && self.room.is_for(self.own(), For::Own))
    }

    /// Gathers what waits, cancels first, and stamps it; the records go into `records`, an empty buffer. What the
    /// journal has no room for is refused instead. `None` if nothing is due. [`Sequencing::apply`] comes before the
    /// next.
    pub fn stamp(&mut self, now: Timestamp, mut records: Vec<u8>) -> Option<Append> {
        self.taken = self.intake.gather(self.batch_commands, &mut self.inbound);
        self.refuse();
        let is_sure = self.deferred.is_empty() && !self.inbound.is_empty();
        let has_room = is_sure || self.room.is_for(self.inbound.len() + self.own(), For::Own);
        if has_room {
            self.inbound.append(&mut self.deferred);
        }
        let batch = match has_room || !self.inbound.is_empty() {
            true => self.core.stamp(now, self.inbound.drain(..), &mut records),
            false => None,
        };
        match batch {
            Some(_) => self.room.give(records.len()),
            None if self.taken == Taken::default() => return None,
            None => {}
        }
        Some(Append { batch, records })
    }

    /// Applies the batch that was stamped last.
    pub fn apply(&mut self) -> Outcome {
        // Most commands come to one report and one event, some to more: the room is taken once, not as it grows.
        let likely = self.core.stamped() + self.core.stamped() / 4;
        let (reports, events) = (Vec::with_capacity(likely), Vec::with_capacity(likely));
        let mut output = Output { reports, events, state: Vec::new() };
        self.core.apply(&mut output);
        let (refused, taken) = (std::mem::take(&mut self.refused), std::mem::take(&mut self.taken));
        let engine = self.core.engine();
        Outcome { output, refused, taken, last: (engine.last_sequence(), engine.last_time()) }
    }

    /// The engine as of the last batch applied.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        self.core.engine()
    }

    /// Takes from what was gathered the orders, and if need be the cancels, for which there is no room. What nobody
    /// sent is kept for later.
    fn refuse(&mut self) {
        let Taken { orders, cancels } = self.taken;
        let own = self.own();
        if orders + cancels == 0 {
            return;
        }
        let has_room =
            self.room.is_for(orders + cancels + own, if orders > 0 { For::Orders } else { For::Cancels });
        if orders > 0 {
            self.room.tell(has_room);
        }
        if has_room {
            return;
        }
        let keeps_cancels = cancels > 0 && self.room.is_for(cancels + own, For::Cancels);
        let refused = self.inbound.drain(if keeps_cancels { cancels } else { 0 }..);
        for inbound in refused {
            match inbound.sender() {
                Some(sender) => self.refused.push(sender),
                None => self.deferred.push(inbound),
            }
        }
    }

    /// How many commands of the exchange's own the next batch may hold.
    fn own(&self) -> usize {
        OWN_COMMANDS + self.deferred.len()
    }
}

impl Writing {
    /// Returns when the batch is on the disk.
    ///
    /// # Errors
    /// [`AppendError`], after which nothing more is to be written or released: the exchange has failed.
    pub fn write(&mut self, append: &Append) -> Result<Durable, AppendError> {
        let Some(batch) = append.batch else { return Ok(Durable { commands: 0 }) };
        self.journal.append(batch.first, batch.commands, &append.records)?;
        Ok(Durable { commands: batch.commands })
    }

    /// What may be told of a durable batch. Its commands no longer count as in flight once the caller has told it
    /// and calls [`Writing::told`].
    pub fn release(&self, durable: Durable, outcome: Outcome) -> (Released, Told) {
        let Outcome { output, refused, taken, last: (sequence, time) } = outcome;
        (Released { sequence, time, commands: durable.commands, output, refused }, Told { taken })
    }

    /// Gives back the places of the commands that were told of.
    pub fn told(&self, told: Told) {
        self.entry.release(told.taken);
    }

    /// The journal, to be read.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The last durable command.
    #[must_use]
    pub fn last_sequence(&self) -> Sequence {
        self.journal.next_sequence() - 1
    }
}

/// The places that a released batch gives back.
#[derive(Debug)]
#[must_use = "places that are not given back are lost to the lanes"]
pub struct Told {
    taken: Taken,
}

impl std::fmt::Debug for Writing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writing").field("last_sequence", &self.last_sequence()).finish_non_exhaustive()
    }
}
