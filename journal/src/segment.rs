//! The journal's files: how they are named, locked, prepared ahead and started.

use crate::disk::{Access, Disk, DiskFile, LockKind};
use crate::format::SegmentHeader;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The file whose lock is the directory's.
const LOCK: &str = "lock";
/// The next segment, zero-filled, before it has a sequence to be named after.
const PREPARED: &str = "prepared.tmp";
const SUFFIX: &str = ".seg";
/// Digits of a segment's name: as many as the highest u64 has, so that names sort like sequences.
const DIGITS: usize = 20;
const ZEROS: &[u8] = &[0; 1 << 20];

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

/// Makes the next segment's file: all its space taken, all zeros, synced. It has no name of its own yet.
pub(crate) fn prepare(disk: &dyn Disk, size: u64) -> io::Result<Box<dyn DiskFile>> {
    remove_prepared(disk)?;
    let file = disk.create(PREPARED)?;
    let filled = zero(file.as_ref(), 0, size).and_then(|()| file.sync());
    if let Err(error) = filled {
        drop(file);
        // Gives back the space on a full disk. Failing that changes nothing: the next attempt begins with it.
        let _ = disk.remove(PREPARED);
        return Err(error);
    }
    Ok(file)
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

/// The segment after the current one, while it has no name.
pub(crate) enum Next {
    /// Nothing done yet.
    None,
    /// A thread is filling it.
    Preparing(JoinHandle<io::Result<Box<dyn DiskFile>>>),
    /// It can be started.
    Ready(Box<dyn DiskFile>),
}

impl Next {
    /// Begins in a thread of its own. Where none can be had, the segment is prepared when it is needed.
    pub(crate) fn begin(disk: &Arc<dyn Disk>, size: u64) -> Self {
        let disk = Arc::clone(disk);
        let thread = std::thread::Builder::new().name("journal-prepare".to_owned());
        thread.spawn(move || prepare(disk.as_ref(), size)).map_or(Self::None, Self::Preparing)
    }

    /// Waits until there is a prepared file, and keeps it. A disk that was full is tried again, as there may be
    /// space by now; any other error is final.
    pub(crate) fn make_ready(&mut self, disk: &dyn Disk, size: u64) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::None) {
            Self::Ready(file) => Self::Ready(file),
            Self::None => Self::Ready(prepare(disk, size)?),
            Self::Preparing(thread) => match thread.join() {
                Ok(Err(error)) if is_no_space(&error) => Self::Ready(prepare(disk, size)?),
                Ok(prepared) => Self::Ready(prepared?),
                Err(_) => return Err(io::Error::other("the thread that prepares segments panicked")),
            },
        };
        Ok(())
    }

    /// Waits for the thread, if there is one.
    pub(crate) fn finish(&mut self) {
        if let Self::Preparing(thread) = std::mem::replace(self, Self::None) {
            // What it made is removed or used up by the next process; nothing depends on it.
            let _ = thread.join();
        }
    }
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
        prepare(disk.as_ref(), 12_288).unwrap();
        // A second one replaces what the first left behind.
        let file = prepare(disk.as_ref(), 8192).unwrap();
        assert_eq!(file.length().unwrap(), 8192);
        assert_eq!(medium.durable(PREPARED), None, "named before anything was synced");
        disk.sync_directory().unwrap();
        assert_eq!(medium.durable(PREPARED), Some(vec![0; 8192]));
    }
}
