//! The payload of a snapshot: the engine's whole state and the newest reports, as fixed little-endian bytes, and back.
//!
//! It is written and read in pieces of any length, so that a market of a million orders needs no second copy in
//! memory. The layouts stand in `docs/snapshots.md`, which a test compares with the bytes. Nothing read is believed:
//! the bytes must be records, the records a state ([`engine::Restorer`]), and the state must have the digest that was
//! written.

mod fields;
mod pending;
mod reports;
mod state;

#[cfg(test)]
mod tests;

use super::{RecordError, hex};
use crate::recover::REPORTS_MAX;
use engine::{Digest, Engine, RULES_VERSION, RestoreError, Restorer, Saved};
use fields::Get;
use types::{Report, Sequence, Timestamp};

/// The version of all layouts of this page. A program reads every version it knows.
pub const FORMAT_VERSION: u32 = 2;

/// The oldest version that is read.
const FORMAT_OLDEST: u32 = 1;

/// What a payload begins with.
const MAGIC: [u8; 8] = *b"CUEXSTAT";
/// The length of the header in bytes.
const HEADER: usize = 80;
/// A record begins with its length and its kind, a byte each.
const RECORD_HEAD: usize = 2;
/// A report's kind; those of the state are below.
const REPORT: u8 = 32;
/// How much is handed on at once when writing, in bytes.
const PIECE: usize = 256 << 10;

/// What comes out of a snapshot: what a recovery goes on from.
#[derive(Debug)]
pub struct Restored {
    /// The engine, as it was after [`Engine::last_sequence`].
    pub engine: Engine,
    /// The newest reports up to then, at most [`REPORTS_MAX`], oldest first.
    pub reports: Vec<Report>,
    /// The digest of the engine.
    pub digest: Digest,
    /// The rules under which it was sealed. If they are older than [`RULES_VERSION`], the digest could not be
    /// compared: what it covers may have changed with the rules.
    pub rules_version: u32,
}

/// Why the payload of a snapshot is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFlaw {
    /// It does not begin as one.
    #[error("it begins with {found}, expected {}", hex(&MAGIC))]
    Magic {
        /// The first bytes in hex.
        found: String,
    },
    /// Laid out in a way this program does not know.
    #[error(
        "its format is of version {found}, this program reads versions {FORMAT_OLDEST} to {FORMAT_VERSION}"
    )]
    Format {
        /// Its version.
        found: u32,
    },
    /// Sealed by a newer program.
    #[error(
        "it was sealed under rules version {found}, this program follows version {RULES_VERSION} and older"
    )]
    Rules {
        /// Their version.
        found: u32,
    },
    /// A record that cannot be read.
    #[error("record {number} cannot be read: {source}")]
    Record {
        /// Which, from 1.
        number: u64,
        /// What is wrong with it.
        source: RecordError,
    },
    /// More or fewer records than the header says.
    #[error("it holds {found} {what}, its header says {expected}")]
    Count {
        /// Records of the state, or reports.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// More reports than are ever kept.
    #[error("it says it holds {found} reports, at most {REPORTS_MAX} are kept")]
    Reports {
        /// How many.
        found: u64,
    },
    /// The header and the state name two places.
    #[error("its state is true at {found:?}, its header says {expected:?}")]
    Place {
        /// The last command and its stamp, by the state.
        found: (Sequence, Timestamp),
        /// The same by the header.
        expected: (Sequence, Timestamp),
    },
    /// A report that is not the account's next, or comes before an older one.
    #[error("report {number} of account {account} stands where {expected} should")]
    Report {
        /// Whose.
        account: u32,
        /// Its number.
        number: u64,
        /// What should stand there.
        expected: String,
    },
    /// Its end is missing, or something stands behind it.
    #[error("it ends within a record: {left} bytes are left")]
    Ends {
        /// Bytes behind the last whole record.
        left: usize,
    },
    /// The records are no state of an engine.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// Writes the state of `engine` and the kept reports, oldest first, handing the bytes to `piece` in order. Says the
/// digest of the state.
///
/// # Errors
/// The first error of `piece`; nothing is handed to it afterwards.
pub fn write<'a, E>(
    engine: &Engine,
    reports: impl ExactSizeIterator<Item = &'a Report>,
    piece: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Digest, E> {
    let mut records = 0;
    engine.save(&mut |_| records += 1);
    let header = Header {
        format: FORMAT_VERSION,
        rules_version: RULES_VERSION,
        sequence: engine.last_sequence(),
        time: engine.last_time(),
        digest: engine.digest(),
        records,
        reports: reports.len() as u64,
    };
    let mut pieces = Pieces { bytes: Vec::with_capacity(PIECE), piece, outcome: Ok(()) };
    header.put(&mut pieces.bytes);
    engine.save(&mut |item| pieces.record(|bytes| state::put(&item, bytes)));
    for report in reports {
        pieces.record(|bytes| reports::put(report, bytes));
    }
    pieces.hand_on();
    pieces.outcome.map(|()| header.digest)
}

/// Reads a payload that is at hand as a whole.
///
/// # Errors
/// As [`Reader::finish`].
pub fn read(payload: &[u8]) -> Result<Restored, SnapshotFlaw> {
    let mut reader = Reader::new();
    reader.piece(payload)?;
    reader.finish()
}

/// Reads a payload piece by piece.
#[derive(Debug, Default)]
pub struct Reader {
    header: Option<Header>,
    /// The begin of a header or record whose end has not come.
    partial: Vec<u8>,
    restorer: Restorer,
    place: (Sequence, Timestamp),
    /// The number of each account's last report.
    counts: Vec<u64>,
    /// How many records of the state have come.
    records: u64,
    reports: Vec<Report>,
    flaw: Option<SnapshotFlaw>,
}

impl Reader {
    /// A reader that has read nothing.
    #[must_use]
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Reads the next piece, which may begin and end anywhere.
    ///
    /// # Errors
    /// What is wrong with the payload so far; the same again for any later piece.
    pub fn piece(&mut self, bytes: &[u8]) -> Result<(), SnapshotFlaw> {
        let read = match self.flaw.take() {
            Some(flaw) => Err(flaw),
            None => self.take_in(bytes),
        };
        self.flaw = read.clone().err();
        read
    }

    /// What the payload holds, once all of it was read.
    ///
    /// # Errors
    /// [`SnapshotFlaw`] if it is not whole, or not what an exchange can have written.
    pub fn finish(self) -> Result<Restored, SnapshotFlaw> {
        if let Some(flaw) = self.flaw {
            return Err(flaw);
        }
        let left = self.partial.len();
        let Some(header) = self.header.filter(|_| left == 0) else { return Err(SnapshotFlaw::Ends { left }) };
        let count = |what, found, expected| match found == expected {
            true => Ok(()),
            false => Err(SnapshotFlaw::Count { what, found, expected }),
        };
        count("records of the state", self.records, header.records)?;
        count("reports", self.reports.len() as u64, header.reports)?;
        let expected = (header.sequence, header.time);
        if self.place != expected {
            return Err(SnapshotFlaw::Place { found: self.place, expected });
        }
        check_reports(&self.reports, self.counts, header.sequence)?;
        let rules_version = header.rules_version;
        let digest = (rules_version == RULES_VERSION).then_some(header.digest);
        let engine = self.restorer.finish(digest)?;
        let digest = digest.unwrap_or_else(|| engine.digest());
        Ok(Restored { engine, reports: self.reports, digest, rules_version })
    }

    fn take_in(&mut self, mut bytes: &[u8]) -> Result<(), SnapshotFlaw> {
        while !self.partial.is_empty() {
            let whole = self.next_length(&self.partial);
            let missing = whole.unwrap_or(RECORD_HEAD) - self.partial.len();
            let (begin, rest) = bytes.split_at(missing.min(bytes.len()));
            self.partial.extend_from_slice(begin);
            bytes = rest;
            match self.next_length(&self.partial) {
                Some(whole) if whole <= self.partial.len() => {
                    let item = std::mem::take(&mut self.partial);
                    self.item(&item)?;
                }
                _ if bytes.is_empty() => return Ok(()),
                _ => {}
            }
        }
        while let Some(whole) = self.next_length(bytes).filter(|&whole| whole <= bytes.len()) {
            let (item, rest) = bytes.split_at(whole);
            self.item(item)?;
            bytes = rest;
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }

    /// How long the header or record is that begins here, if that can be seen; never less than what tells it.
    fn next_length(&self, bytes: &[u8]) -> Option<usize> {
        match self.header {
            None => Some(HEADER),
            Some(_) => bytes.first().map(|&length| usize::from(length).max(RECORD_HEAD)),
        }
    }

    /// Takes in the header, or a record.
    fn item(&mut self, item: &[u8]) -> Result<(), SnapshotFlaw> {
        if self.header.is_none() {
            self.header = Some(Header::get(item)?);
            return Ok(());
        }
        let number = self.records + self.reports.len() as u64 + 1;
        self.record(item).map_err(|error| match error {
            Refused::Record(source) => SnapshotFlaw::Record { number, source },
            Refused::State(source) => SnapshotFlaw::Restore(source),
        })
    }

    fn record(&mut self, record: &[u8]) -> Result<(), Refused> {
        let (head, body) = record.split_at(RECORD_HEAD);
        let (length, kind) = (head[0], head[1]);
        if usize::from(length) != record.len() {
            return Err(RecordError::Length { kind, found: length, expected: record.len() }.into());
        }
        let format = self.header.as_ref().map_or(FORMAT_VERSION, |header| header.format);
        let mut fields = Get::new(kind, format, body);
        if kind == REPORT {
            let expected = self.header.as_ref().map_or(0, |header| header.reports);
            if self.reports.len() as u64 >= expected {
                let found = (expected + 1).to_string();
                let expected = "no more reports than the header says";
                return Err(RecordError::Field { field: "report", found, expected }.into());
            }
            self.reports.push(reports::get(&mut fields)?);
            return Ok(fields.end()?);
        }
        let item = state::get(&mut fields)?;
        fields.end()?;
        match item {
            Saved::Place { sequence, time, .. } => self.place = (sequence, time),
            Saved::Account { reports, .. } => self.counts.push(reports),
            _ => {}
        }
        self.restorer.add(item)?;
        self.records += 1;
        Ok(())
    }
}

/// Why a record is not taken.
enum Refused {
    Record(RecordError),
    State(RestoreError),
}

impl From<RecordError> for Refused {
    fn from(error: RecordError) -> Refused {
        Refused::Record(error)
    }
}

impl From<RestoreError> for Refused {
    fn from(error: RestoreError) -> Refused {
        Refused::State(error)
    }
}

/// Checks that the reports are the newest of their accounts, without gaps, in the order of their commands. `last` has
/// the number of each account's last report.
fn check_reports(reports: &[Report], mut last: Vec<u64>, sequence: Sequence) -> Result<(), SnapshotFlaw> {
    let mut after = sequence;
    for report in reports.iter().rev() {
        let (account, number) = (report.account.0, report.number);
        let wrong = |expected: String| SnapshotFlaw::Report { account, number, expected };
        let last = usize::try_from(account).ok().and_then(|at| last.get_mut(at.checked_sub(1)?));
        let last = last.ok_or_else(|| wrong("a report of an account that is there".to_owned()))?;
        if number == 0 || number != *last {
            return Err(wrong(format!("number {last}")));
        }
        if report.sequence > after {
            return Err(wrong(format!("one of command {after} or before")));
        }
        (after, *last) = (report.sequence, number - 1);
    }
    Ok(())
}

/// What a payload begins with.
#[derive(Clone, Copy, Debug)]
struct Header {
    format: u32,
    rules_version: u32,
    sequence: Sequence,
    time: Timestamp,
    digest: Digest,
    records: u64,
    reports: u64,
}

impl Header {
    fn put(&self, bytes: &mut Vec<u8>) {
        let Header { format, rules_version, sequence, time, digest, records, reports } = self;
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&format.to_le_bytes());
        bytes.extend_from_slice(&rules_version.to_le_bytes());
        bytes.extend_from_slice(&sequence.to_le_bytes());
        bytes.extend_from_slice(&time.0.to_le_bytes());
        bytes.extend_from_slice(&digest.0);
        bytes.extend_from_slice(&records.to_le_bytes());
        bytes.extend_from_slice(&reports.to_le_bytes());
    }

    fn get(bytes: &[u8]) -> Result<Header, SnapshotFlaw> {
        let unread = |source| SnapshotFlaw::Record { number: 0, source };
        let mut fields = Get::new(0, FORMAT_VERSION, bytes);
        let magic: [u8; 8] = fields.bytes().map_err(unread)?;
        if magic != MAGIC {
            return Err(SnapshotFlaw::Magic { found: hex(&magic) });
        }
        // The version comes first: what follows is only known of the versions that are.
        let format = fields.u32().map_err(unread)?;
        if !(FORMAT_OLDEST..=FORMAT_VERSION).contains(&format) {
            return Err(SnapshotFlaw::Format { found: format });
        }
        let header = Header::get_rest(format, &mut fields).map_err(unread)?;
        match header {
            Header { rules_version: found, .. } if found > RULES_VERSION => {
                Err(SnapshotFlaw::Rules { found })
            }
            Header { reports: found, .. } if found > REPORTS_MAX as u64 => {
                Err(SnapshotFlaw::Reports { found })
            }
            header => Ok(header),
        }
    }

    fn get_rest(format: u32, fields: &mut Get<'_>) -> Result<Header, RecordError> {
        Ok(Header {
            format,
            rules_version: fields.u32()?,
            sequence: fields.u64()?,
            time: Timestamp(fields.u64()?),
            digest: Digest(fields.bytes()?),
            records: fields.u64()?,
            reports: fields.u64()?,
        })
    }
}

/// Gathers records and hands them on.
struct Pieces<P, E> {
    bytes: Vec<u8>,
    piece: P,
    outcome: Result<(), E>,
}

impl<E, P: FnMut(&[u8]) -> Result<(), E>> Pieces<P, E> {
    /// Adds a record: its length, and what `put` appends, its kind first.
    fn record(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.bytes.len();
        self.bytes.push(0);
        put(&mut self.bytes);
        let length = self.bytes.len() - begin;
        self.bytes[begin] = u8::try_from(length).expect("no record is longer than 255 bytes");
        if self.bytes.len() > PIECE - usize::from(u8::MAX) {
            self.hand_on();
        }
    }

    fn hand_on(&mut self) {
        if self.outcome.is_ok() {
            self.outcome = (self.piece)(&self.bytes);
        }
        self.bytes.clear();
    }
}
