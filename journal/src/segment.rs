//! The journal's files: how they are named, locked, prepared ahead and started.

use crate::disk::{Access, Disk, DiskFile, LockKind};
use crate::format::SegmentHeader;
use std::io;

/// The file whose lock is the directory's.
const LOCK: &str = "lock";
/// The next segment, zero-filled, before it has a sequence to be named after.
const PREPARED: &str = "prepared.tmp";
const SUFFIX: &str = ".seg";
/// Digits of a segment's name: as many as the highest u64 has, so that names sort like sequences.
const DIGITS: usize = 20;
/// How much of a segment is filled with zeros at once, in bytes.
const PIECE: u64 = 256 << 10;
const ZEROS: &[u8] = &[0; 256 << 10];

/// The name of the segment that begins with a sequence.
pub(crate) fn segment_name(first_sequence: u64) -> String {
    format!("{first_sequence:0DIGITS$}{SUFFIX}")
}

/// The first sequences of all segments, rising. The inner error is a name that ends like a segment's and is none.
pub(crate) fn list_segments(disk: &dyn Disk) -> io::Result<Result<Vec<u64>, String>> {
    let mut segments = Vec::new();
    for name in disk.list()? {
        let Some(stem) = name.strip_suffix(SUFFIX) else { continue };
        match stem.parse::<u64>() {
            Ok(first_sequence) if segment_name(first_sequence) == name => segments.push(first_sequence),
            _ => return Ok(Err(name)),
        }
    }
    segments.sort_unstable();
    Ok(Ok(segments))
}

/// Takes the directory's lock for the writer. `None`: another holds it.
pub(crate) fn lock_for_writing(disk: &dyn Disk) -> io::Result<Option<Box<dyn DiskFile>>> {
    let file = match disk.open(LOCK, Access::Write) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match disk.create(LOCK) {
            // Another process was faster; its file is as good.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.open(LOCK, Access::Write)?,
            other => other?,
        },
        other => other?,
    };
    Ok(file.try_lock(LockKind::Exclusive)?.then_some(file))
}

/// What a reader found when it asked for the directory's lock.
pub(crate) enum ReadLock {
    /// Shared, as long as this lives.
    Held(Box<dyn DiskFile>),
    /// A directory without the file (a copy, an archive) has no writer either.
    Unneeded,
    /// A writer holds it.
    InUse,
}

/// Takes the directory's lock for a reader; makes no file.
pub(crate) fn lock_for_reading(disk: &dyn Disk) -> io::Result<ReadLock> {
    let file = match disk.open(LOCK, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ReadLock::Unneeded),
        other => other?,
    };
    Ok(if file.try_lock(LockKind::Shared)? { ReadLock::Held(file) } else { ReadLock::InUse })
}

/// Makes the next segment's file: all its space taken, all zeros, durable. It has no name of its own yet. Between
/// two pieces `rest` is called with the bytes done so far; its error ends the work.
///
/// Each piece is synced before the next is written, so that a sync of the live segment never waits for more than
/// one.
pub(crate) fn prepare(
    disk: &dyn Disk,
    size: u64,
    rest: impl FnMut(u64) -> io::Result<()>,
) -> io::Result<Box<dyn DiskFile>> {
    remove_prepared(disk)?;
    let file = disk.create(PREPARED)?;
    if let Err(error) = fill(file.as_ref(), size, rest) {
        drop(file);
        // Gives back the space on a full disk. Failing that changes nothing: the next attempt begins with it.
        let _ = disk.remove(PREPARED);
        return Err(error);
    }
    Ok(file)
}

fn fill(file: &dyn DiskFile, size: u64, mut rest: impl FnMut(u64) -> io::Result<()>) -> io::Result<()> {
    file.allocate(size)?;
    let mut done = 0;
    while done < size {
        if done > 0 {
            rest(done)?;
        }
        let length = PIECE.min(size - done);
        zero(file, done, length)?;
        file.sync()?;
        done += length;
    }
    Ok(())
}

/// Removes what an earlier process had prepared.
pub(crate) fn remove_prepared(disk: &dyn Disk) -> io::Result<()> {
    match disk.remove(PREPARED) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Turns the prepared file into the segment of `header`. Its header is durable before it has its name, and its
/// name before it takes a batch; so a segment with a broken header is never the work of a crash.
pub(crate) fn start(disk: &dyn Disk, file: &dyn DiskFile, header: &SegmentHeader) -> io::Result<()> {
    file.write_at(0, &header.encode())?;
    file.sync()?;
    disk.rename(PREPARED, &segment_name(header.first_sequence))?;
    disk.sync_directory()
}

/// Writes zeros; does not sync.
pub(crate) fn zero(file: &dyn DiskFile, offset: u64, length: u64) -> io::Result<()> {
    let mut done = 0;
    while done < length {
        let rest = usize::try_from(length - done).unwrap_or(usize::MAX);
        let piece = &ZEROS[..rest.min(ZEROS.len())];
        file.write_at(offset + done, piece)?;
        done += piece.len() as u64;
    }
    Ok(())
}

/// Whether the error says that the disk has no more space for us.
pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulated::SimulatedDisk;

    #[test]
    fn names_sort_like_sequences_and_strangers_are_named() {
        assert_eq!(segment_name(1), "00000000000000000001.seg");
        assert_eq!(segment_name(u64::MAX), "18446744073709551615.seg");
        let disk = SimulatedDisk::new(1).mount();
        for name in ["00000000000000000010.seg", "00000000000000000009.seg", "notes.txt"] {
            disk.create(name).unwrap();
        }
        assert_eq!(list_segments(disk.as_ref()).unwrap(), Ok(vec![9, 10]));
        disk.create("copy of 9.seg").unwrap();
        assert_eq!(list_segments(disk.as_ref()).unwrap(), Err("copy of 9.seg".to_owned()));
    }

    #[test]
    fn a_prepared_segment_is_full_length_and_zero() {
        let medium = SimulatedDisk::new(1);
        let disk = medium.mount();
        prepare(disk.as_ref(), 12_288, |_| Ok(())).unwrap();
        // A second one replaces what the first left behind.
        let file = prepare(disk.as_ref(), 8192, |_| Ok(())).unwrap();
        assert_eq!(file.length().unwrap(), 8192);
        assert_eq!(medium.durable(PREPARED), None, "named before anything was synced");
        disk.sync_directory().unwrap();
        assert_eq!(medium.durable(PREPARED), Some(vec![0; 8192]));
    }

    #[test]
    fn preparing_stops_between_two_pieces_and_leaves_nothing() {
        let medium = SimulatedDisk::new(1);
        let mut asked = Vec::new();
        let stopped = prepare(medium.mount().as_ref(), 3 * PIECE, |done| {
            asked.push(done);
            if done < 2 * PIECE { Ok(()) } else { Err(io::ErrorKind::Interrupted.into()) }
        });
        assert!(stopped.is_err());
        assert_eq!(asked, [PIECE, 2 * PIECE]);
        assert_eq!(medium.written(PREPARED), None);
    }
}
