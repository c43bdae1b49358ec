//! Snapshots: opaque payloads, each true at one place of a journal, kept as files beside its segments or
//! elsewhere. [`Snapshots`] lists, reads, checks and deletes them; `snapshots/writer.rs` writes them.
//!
//! A snapshot has its name only after all of it is durable, so what a crash leaves half written is never taken for
//! one. Everything read is checked against the header's checksum and the hash over all of it.

mod format;
mod writer;

use crate::disk::{Access, Disk, DiskFile};
use crate::reader::Checkpoint;
pub use format::{Flaw, SNAPSHOT_VERSION};
use format::{HEADER, Header, TRAILER, file_name, seal, sequence_of};
use std::io;
use std::sync::Arc;
pub use writer::{SnapshotError, SnapshotWriter};

/// How much of a file is read at once, in bytes.
const STEP: u64 = 1 << 20;
/// The fewest snapshots that [`Snapshots::prune`] may keep: one of them may turn bad.
const KEEP_MIN: usize = 2;

/// The snapshots of a directory. One of these at a time may write there; as many as like may read.
pub struct Snapshots {
    disk: Arc<dyn Disk>,
}

/// A whole snapshot, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What its header says.
    pub info: SnapshotInfo,
    /// The bytes given to the writer.
    pub payload: Vec<u8>,
}

/// What the header of a snapshot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// The version of the rules under which the payload means something. It is the caller's to compare.
    pub rules_version: u32,
    /// The place in the journal at which the payload is true.
    pub checkpoint: Checkpoint,
    /// Length of the payload in bytes.
    pub length: u64,
}

/// What [`Snapshots::prune`] did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The sequences of the deleted snapshots, rising.
    pub deleted: Vec<u64>,
    /// The oldest of the good snapshots that are kept, if there are as many as asked for. Nothing of the journal after
    /// it may be deleted.
    pub oldest_kept: Option<u64>,
}

/// Why a snapshot cannot be used. An older one, and more of the journal, do as well.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It is not what was written.
    #[error("{file} is no good: {flaw}")]
    Bad {
        /// The snapshot's file name.
        file: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// The disk gave an error. Nothing is known about what stands there.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The snapshot's file name.
        file: String,
        /// The disk's error.
        source: io::Error,
    },
}

/// Why older snapshots were not deleted.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// Too few would be kept.
    #[error("at least 2 snapshots are to be kept, not {found}")]
    Keep {
        /// How many were to be kept.
        found: usize,
    },
    /// The directory cannot be read or changed. Some may be deleted, the oldest first.
    #[error("cannot delete old snapshots: {0}")]
    Disk(#[from] io::Error),
}

impl Snapshots {
    /// The snapshots of a directory; nothing is read or written yet.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { disk }
    }

    /// The sequences of all snapshots by their names, the newest first. Whether they are good shows when they are
    /// loaded.
    pub fn list(&self) -> io::Result<Vec<u64>> {
        let mut sequences: Vec<u64> = self.disk.list()?.iter().filter_map(|name| sequence_of(name)).collect();
        sequences.sort_unstable_by(|one, other| other.cmp(one));
        Ok(sequences)
    }

    /// Reads a snapshot and checks all of it. The payload is in memory as a whole.
    pub fn load(&self, sequence: u64) -> Result<Snapshot, LoadError> {
        let mut payload = Vec::new();
        let info = self.pieces(sequence, |info, bytes| {
            if payload.is_empty() {
                let length = usize::try_from(info.length).map_err(io::Error::other)?;
                payload.try_reserve_exact(length).map_err(io::Error::other)?;
            }
            payload.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok(Snapshot { info, payload })
    }

    /// The same in pieces. A piece is given out before it is checked: what was made of them counts only if this returns
    /// without an error.
    pub fn read(&self, sequence: u64, mut each: impl FnMut(&[u8])) -> Result<SnapshotInfo, LoadError> {
        self.pieces(sequence, |_, bytes| {
            each(bytes);
            Ok(())
        })
    }

    /// The same without keeping the payload.
    pub fn check(&self, sequence: u64) -> Result<SnapshotInfo, LoadError> {
        self.pieces(sequence, |_, _| Ok(()))
    }

    /// Begins a snapshot of what is true at a place of the journal. What an earlier writer left unfinished is
    /// removed.
    pub fn begin(
        &mut self,
        rules_version: u32,
        checkpoint: Checkpoint,
    ) -> Result<SnapshotWriter<'_>, SnapshotError> {
        SnapshotWriter::begin(self.disk.as_ref(), rules_version, checkpoint)
    }

    /// Keeps the newest `keep` good snapshots, at least 2, and whatever is newer than the last of them; deletes
    /// all that are older. To count as good a snapshot must be `proven`: the caller has made of it what it is for. And it
    /// is read and checked as a whole, so that it is still what was proven. While there are fewer than `keep` good
    /// ones, nothing is deleted.
    pub fn prune(&mut self, keep: usize, proven: impl Fn(u64) -> bool) -> Result<Pruned, PruneError> {
        if keep < KEEP_MIN {
            return Err(PruneError::Keep { found: keep });
        }
        let newest_first = self.list()?;
        if newest_first.len() < keep {
            return Ok(Pruned::default());
        }
        let is_good = |sequence: u64| proven(sequence) && self.check(sequence).is_ok();
        let good = newest_first.iter().enumerate().filter(|(_, sequence)| is_good(**sequence));
        let Some((place, &oldest)) = good.take(keep).nth(keep - 1) else { return Ok(Pruned::default()) };
        let deleted: Vec<u64> = newest_first[place + 1..].iter().rev().copied().collect();
        if !deleted.is_empty() {
            // Those that are kept may have been renamed by a process that died before its sync.
            self.disk.sync_directory()?;
            for sequence in &deleted {
                self.disk.remove(&file_name(*sequence))?;
            }
            self.disk.sync_directory()?;
        }
        Ok(Pruned { deleted, oldest_kept: Some(oldest) })
    }

    /// Reads a snapshot in pieces and checks all of it. A piece is handed out before it is checked.
    fn pieces(
        &self,
        sequence: u64,
        piece: impl FnMut(&SnapshotInfo, &[u8]) -> io::Result<()>,
    ) -> Result<SnapshotInfo, LoadError> {
        let file = file_name(sequence);
        let opened = self.disk.open(&file, Access::Read);
        match opened.and_then(|opened| read_file(opened.as_ref(), sequence, piece)) {
            Ok(Ok(info)) => Ok(info),
            Ok(Err(flaw)) => Err(LoadError::Bad { file, flaw }),
            Err(source) => Err(LoadError::Read { file, source }),
        }
    }
}

/// Reads a file that is named after `sequence`. The inner error says what is wrong with it.
fn read_file(
    file: &dyn DiskFile,
    sequence: u64,
    mut piece: impl FnMut(&SnapshotInfo, &[u8]) -> io::Result<()>,
) -> io::Result<Result<SnapshotInfo, Flaw>> {
    let length = file.length()?;
    let (header, info) = match read_header(file, length, sequence)? {
        Ok(read) => read,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let mut hasher = blake3::Hasher::new();
    let mut buffer = Vec::new();
    let mut done = 0;
    while done < info.length {
        let step = STEP.min(info.length - done);
        buffer.resize(usize::try_from(step).map_err(io::Error::other)?, 0);
        file.read_at(HEADER as u64 + done, &mut buffer)?;
        hasher.update(&buffer);
        piece(&info, &buffer)?;
        done += step;
    }
    let mut trailer = [0; TRAILER];
    file.read_at(HEADER as u64 + done, &mut trailer)?;
    // Nobody gains anything from the time this takes.
    let good = *seal(hasher, &header).as_bytes() == trailer;
    Ok(if good { Ok(info) } else { Err(Flaw::Hash) })
}

/// The header's bytes and what they say, compared with the file's name and length.
fn read_header(
    file: &dyn DiskFile,
    length: u64,
    sequence: u64,
) -> io::Result<Result<([u8; HEADER], SnapshotInfo), Flaw>> {
    let least = (HEADER + TRAILER) as u64;
    if length < least {
        return Ok(Err(Flaw::Length { found: length, expected: least }));
    }
    let mut bytes = [0; HEADER];
    file.read_at(0, &mut bytes)?;
    let Header { rules_version, checkpoint, length: payload } = match Header::decode(&bytes) {
        Ok(header) => header,
        Err(flaw) => return Ok(Err(flaw)),
    };
    if checkpoint.sequence != sequence {
        return Ok(Err(Flaw::Name { found: checkpoint.sequence, expected: sequence }));
    }
    let expected = payload.saturating_add(least);
    if length != expected {
        return Ok(Err(Flaw::Length { found: length, expected }));
    }
    Ok(Ok((bytes, SnapshotInfo { rules_version, checkpoint, length: payload })))
}
