//! The disk as the journal sees it: one flat directory of files. [`Disk`] is the directory, [`DiskFile`] an open
//! file of it, [`RealDisk`] the file system.
//!
//! What the journal relies on: bytes are durable when [`DiskFile::sync`] has returned, names when
//! [`Disk::sync_directory`] has; before that each sector of 512 bytes holds either its old or its new content.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A directory of files. Every error is the disk's own, and none of the calls tries anything twice.
pub trait Disk: Send + Sync {
    /// Where this is, for messages.
    fn location(&self) -> String;

    /// The names of all files, in any order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Makes a new, empty file, open for writing. A file of that name is an error.
    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file that is there.
    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of the file that may have had it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Returns when all that was created, renamed and removed before is durable.
    fn sync_directory(&self) -> io::Result<()>;
}

/// An open file. Dropping it closes it and gives up its lock.
pub trait DiskFile: Send {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills `bytes` from `offset` on. A file that ends before that is an error.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` from `offset` on; the file grows where it must.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Takes the space for a file of `length` bytes ahead, so that a full disk shows before anything is written.
    /// Changes neither content nor length. Where it cannot be done this does nothing, and the writes find out.
    fn allocate(&self, _length: u64) -> io::Result<()> {
        Ok(())
    }

    /// Returns when all that was written before, and the file's length, are durable. After an error nothing is
    /// known about what was written since the last sync, and a second call would say nothing about it.
    fn sync(&self) -> io::Result<()>;

    /// Takes the file's lock, without waiting. `false`: another holds it.
    fn try_lock(&self, kind: LockKind) -> io::Result<bool>;
}

/// What an opened file may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Reading and writing.
    Write,
}

/// What a lock shuts out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// Shuts out exclusive holders: for readers.
    Shared,
    /// Shuts out everybody else: for the one writer.
    Exclusive,
}

/// A directory of the file system.
#[derive(Debug, Clone)]
pub struct RealDisk {
    directory: PathBuf,
}

impl RealDisk {
    /// The directory, which may or may not be there yet.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Makes the directory, and those above it, where they are missing; durably.
    pub fn create_directory(&self) -> io::Result<()> {
        let directory = std::path::absolute(&self.directory)?;
        let missing: Vec<&Path> = directory.ancestors().take_while(|part| !part.exists()).collect();
        std::fs::create_dir_all(&directory)?;
        for parent in missing.iter().filter_map(|part| part.parent()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }
}

impl Disk for RealDisk {
    fn location(&self) -> String {
        self.directory.display().to_string()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.directory.join(name);
        Ok(Box::new(OpenOptions::new().read(true).write(true).create_new(true).open(path)?))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let path = self.directory.join(name);
        Ok(Box::new(OpenOptions::new().read(true).write(access == Access::Write).open(path)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.directory.join(from), self.directory.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.directory.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        File::open(&self.directory)?.sync_all()
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(bytes, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    #[cfg(target_os = "linux")]
    fn allocate(&self, length: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(self, FallocateFlags::KEEP_SIZE, 0, length) {
            // The file system has no such call.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn try_lock(&self, kind: LockKind) -> io::Result<bool> {
        let outcome = match kind {
            LockKind::Shared => self.try_lock_shared(),
            LockKind::Exclusive => File::try_lock(self),
        };
        match outcome {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}
