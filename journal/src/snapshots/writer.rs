//! Writing one snapshot: [`SnapshotWriter`].

use super::SnapshotInfo;
use super::format::{HEADER, Header, file_name, seal};
use crate::disk::{Disk, DiskFile};
use crate::reader::Checkpoint;
use crate::segment::is_no_space;
use std::io;

/// The file that is written, before it has a snapshot's name.
const UNFINISHED: &str = "snapshot.tmp";
/// How much is written and synced at once, in bytes.
const PIECE: usize = 256 << 10;

/// A snapshot that is being written. It is one only after [`SnapshotWriter::finish`]; dropped before that, or after
/// an error, it leaves nothing.
///
/// What is written is synced piece by piece, so that a sync of the journal on the same disk never waits for more
/// than one; whoever writes beside a busy journal rests between the pieces.
pub struct SnapshotWriter<'a> {
    disk: &'a dyn Disk,
    header: Header,
    /// None after an error.
    file: Option<Box<dyn DiskFile>>,
    /// The end of what was written: less than a piece.
    buffer: Vec<u8>,
    /// Where in the file the buffer goes.
    offset: u64,
    /// Has taken in the payload.
    hasher: blake3::Hasher,
}

/// Why a snapshot was not written. Those there are stay as they were, and another can be begun.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk is full. What was taken of it is given back.
    #[error("no space for a snapshot: {0}")]
    NoSpace(io::Error),
    /// The snapshot cannot be written or made durable.
    #[error("cannot write a snapshot: {0}")]
    Write(io::Error),
    /// An earlier call said why.
    #[error("this snapshot was given up after an error")]
    GivenUp,
}

impl<'a> SnapshotWriter<'a> {
    pub(super) fn begin(
        disk: &'a dyn Disk,
        rules_version: u32,
        checkpoint: Checkpoint,
    ) -> Result<Self, SnapshotError> {
        let file = create(disk).map_err(write_error)?;
        Ok(Self {
            disk,
            header: Header { rules_version, checkpoint, length: 0 },
            file: Some(file),
            // The header's place. It is known last, and written last.
            buffer: vec![0; HEADER],
            offset: 0,
            hasher: blake3::Hasher::new(),
        })
    }

    /// Adds to the payload.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.header.length += bytes.len() as u64;
        self.hasher.update(bytes);
        self.attempt(|writer, file| writer.put(file, bytes))
    }

    /// Makes it a snapshot: returns when it is durable under its name. One of the same sequence is replaced.
    ///
    /// After an error it may have its name and yet not be durable; the next [`Snapshots::prune`] or
    /// [`Sealed::retire`] in the same directory sees to that before it deletes anything.
    ///
    /// [`Snapshots::prune`]: super::Snapshots::prune
    /// [`Sealed::retire`]: crate::Sealed::retire
    pub fn finish(mut self) -> Result<SnapshotInfo, SnapshotError> {
        let header = self.header.encode();
        let trailer = seal(self.hasher.clone(), &header);
        self.attempt(|writer, file| {
            writer.put(file, trailer.as_bytes())?;
            file.write_at(writer.offset, &writer.buffer)?;
            file.write_at(0, &header)?;
            file.sync()
        })?;
        let Header { rules_version, checkpoint, length } = self.header;
        let renamed = self.disk.rename(UNFINISHED, &file_name(checkpoint.sequence));
        renamed.and_then(|()| self.disk.sync_directory()).map_err(write_error)?;
        self.file = None;
        Ok(SnapshotInfo { rules_version, checkpoint, length })
    }

    /// Writes what makes whole pieces, and keeps the rest.
    fn put(&mut self, file: &dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
        while self.buffer.len() + bytes.len() >= PIECE {
            let (fitting, rest) = bytes.split_at(PIECE - self.buffer.len());
            self.buffer.extend_from_slice(fitting);
            bytes = rest;
            file.write_at(self.offset, &self.buffer)?;
            file.sync()?;
            self.offset += self.buffer.len() as u64;
            self.buffer.clear();
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Does something with the file; an error is the last of it.
    fn attempt(
        &mut self,
        act: impl FnOnce(&mut Self, &dyn DiskFile) -> io::Result<()>,
    ) -> Result<(), SnapshotError> {
        let file = self.file.take().ok_or(SnapshotError::GivenUp)?;
        let done = act(self, file.as_ref());
        if done.is_ok() {
            self.file = Some(file);
        } else {
            drop(file);
            remove(self.disk);
        }
        done.map_err(write_error)
    }
}

impl Drop for SnapshotWriter<'_> {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            remove(self.disk);
        }
    }
}

/// A new file, in place of what an earlier writer left.
fn create(disk: &dyn Disk) -> io::Result<Box<dyn DiskFile>> {
    match disk.remove(UNFINISHED) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => disk.create(UNFINISHED),
    }
}

/// Gives back the space. Failing that changes nothing: the next writer begins with it.
fn remove(disk: &dyn Disk) {
    let _ = disk.remove(UNFINISHED);
}

fn write_error(error: io::Error) -> SnapshotError {
    if is_no_space(&error) { SnapshotError::NoSpace(error) } else { SnapshotError::Write(error) }
}
