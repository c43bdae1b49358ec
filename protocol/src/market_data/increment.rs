//! Increments: what one command changed in one book, and what tells that all of a command has come.

use super::entry::{body, entry};
use super::layouts::{self, Entry, INCREMENT_KIND, IncrementHead};
use crate::choice::flag;
use crate::header::{Frame, Header, MESSAGE_MAX, WireError};
use crate::wire::{Wire, header_of, put, read};
use std::borrow::Cow;
use types::{ContractId, MarketEvent, Sequence, Timestamp};
use zerocopy::{FromBytes, IntoBytes};

/// How many entries one increment holds at most; a group of more is sent in several.
pub const ENTRIES_MAX: usize = (MESSAGE_MAX - size_of::<IncrementHead>()) / size_of::<Entry>();

/// What one command changed in one book, or a part of it. The book is whole after the last part only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Increment<'a> {
    /// Of what.
    pub contract: ContractId,
    /// The command before this one that changed the book; 0 for the first.
    pub previous: Sequence,
    /// The command that caused it.
    pub sequence: Sequence,
    /// That command's stamp.
    pub time: Timestamp,
    /// True in the last part.
    pub last: bool,
    /// True if the command changed several contracts, and a [`CommandEnd`] follows when all has come of those that
    /// are subscribed to.
    pub several: bool,
    bytes: &'a [u8],
    entries: &'a [Entry],
}

/// All has come of what a command changed in several contracts, as far as they are subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandEnd {
    /// Which command.
    pub sequence: Sequence,
}

/// Cuts events into commands: neighbours with the same sequence.
pub fn commands(events: &[MarketEvent]) -> impl Iterator<Item = &[MarketEvent]> {
    events.chunk_by(|one, next| one.sequence == next.sequence)
}

/// The events of one command with those of a contract beside each other, in their order, the contracts rising: a
/// command tells of each contract once. A block that is executed after others may come back to a contract.
#[must_use]
pub fn by_contract(command: &[MarketEvent]) -> Cow<'_, [MarketEvent]> {
    if command.is_sorted_by_key(|event| event.contract) {
        return Cow::Borrowed(command);
    }
    let mut sorted = command.to_vec();
    sorted.sort_by_key(|event| event.contract);
    Cow::Owned(sorted)
}

/// Cuts events into groups: neighbours of the same contract and command.
pub fn groups(events: &[MarketEvent]) -> impl Iterator<Item = &[MarketEvent]> {
    events.chunk_by(|one, next| one.contract == next.contract && one.sequence == next.sequence)
}

/// Appends one group, as cut by [`groups`], to `out`: one increment, or several if it has more than
/// [`ENTRIES_MAX`] events. Contract, sequences and time are those of its first event. `several` says that the command
/// changed other contracts too, and that a [`CommandEnd`] will follow.
pub fn encode_increment(group: &[MarketEvent], several: bool, out: &mut Vec<u8>) {
    let mut parts = group.chunks(ENTRIES_MAX).peekable();
    while let Some(part) = parts.next() {
        let first = part[0];
        let head = IncrementHead {
            header: increment_header(part.len()),
            contract: first.contract.0.into(),
            previous: first.previous.into(),
            sequence: first.sequence.into(),
            time: first.time.0.into(),
            count: u16::try_from(part.len()).expect("ENTRIES_MAX fits in 16 bits").into(),
            last: parts.peek().is_none().into(),
            several: several.into(),
            pad: [0; 4],
        };
        out.extend_from_slice(head.as_bytes());
        part.iter().for_each(|event| out.extend_from_slice(entry(&event.body).as_bytes()));
    }
}

impl<'a> Increment<'a> {
    /// How many events it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if it holds none, which no feed sends.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The events, in order. Each is read, and refused with [`WireError::BadValue`], when it is reached.
    pub fn events(&self) -> impl Iterator<Item = Result<MarketEvent, WireError>> + use<'a> {
        let Increment { contract, previous, sequence, time, .. } = *self;
        self.entries
            .iter()
            .map(move |entry| Ok(MarketEvent { contract, previous, sequence, time, body: body(entry)? }))
    }

    /// Appends the increment as it came.
    pub(crate) fn copy_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes);
    }
}

pub(crate) fn decode(frame: Frame<'_>) -> Result<Increment<'_>, WireError> {
    let wrong_length =
        |expected| WireError::WrongLength { kind: frame.kind, length: frame.bytes.len(), expected };
    let (head, rest) =
        IncrementHead::ref_from_prefix(frame.bytes).map_err(|_| wrong_length(size_of::<IncrementHead>()))?;
    let count = usize::from(head.count.get());
    let entries = <[Entry]>::ref_from_bytes_with_elems(rest, count)
        .map_err(|_| wrong_length(size_of::<IncrementHead>() + count * size_of::<Entry>()))?;
    Ok(Increment {
        contract: ContractId(head.contract.get()),
        previous: head.previous.get(),
        sequence: head.sequence.get(),
        time: Timestamp(head.time.get()),
        last: flag("last part", head.last)?,
        several: flag("several contracts", head.several)?,
        bytes: frame.bytes,
        entries,
    })
}

fn increment_header(entries: usize) -> Header {
    header_of(INCREMENT_KIND, size_of::<IncrementHead>() + entries * size_of::<Entry>())
}

pub(crate) fn encode_end(end: &CommandEnd, out: &mut Vec<u8>) {
    let message = layouts::CommandEnd {
        header: layouts::CommandEnd::HEADER,
        pad: [0; 4],
        sequence: end.sequence.into(),
    };
    put(&message, out);
}

pub(crate) fn decode_end(frame: Frame<'_>) -> Result<CommandEnd, WireError> {
    let message: &layouts::CommandEnd = read(frame)?;
    Ok(CommandEnd { sequence: message.sequence.get() })
}
