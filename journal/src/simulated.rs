//! A disk in memory that fails on purpose: [`SimulatedDisk`], for tests and fault simulation.
//!
//! It loses, reorders and tears what is not synced, fails at a stated operation or by chance, fills up, and rots.
//! It holds two images of every file and of the directory: what was **written**, which everybody reads, and what
//! is **durable**, which is left after the power fails. A seed decides whatever chance decides, so the same seed
//! and the same calls from one thread give the same disk again.

mod medium;
#[cfg(test)]
mod tests;

use crate::disk::{Access, Disk, DiskFile, LockKind};
use medium::{Course, FileState, Medium, NameChange};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The medium. [`SimulatedDisk::mount`] gives a process its view of it; the faults are asked for here. Clones are
/// the same medium.
#[derive(Clone)]
pub struct SimulatedDisk {
    state: Arc<Mutex<Medium>>,
}

/// The operations that can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Reading from a file.
    Read,
    /// Writing to a file. A failing write leaves some first part of its bytes written.
    Write,
    /// Syncing a file. As on Linux, a failing sync keeps what was written readable, but it is no longer waiting
    /// to be made durable: a second sync succeeds and does nothing for it.
    Sync,
    /// Creating, renaming, removing, or syncing the directory.
    Directory,
}

/// Of a million operations of each kind, how many fail by chance, with a plain I/O error. None, by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chances {
    /// Of [`Operation::Read`].
    pub read: u32,
    /// Of [`Operation::Write`].
    pub write: u32,
    /// Of [`Operation::Sync`].
    pub sync: u32,
    /// Of [`Operation::Directory`].
    pub directory: u32,
    /// Of the sectors that were written and not synced when the power fails, how many come out with a wrong bit, among
    /// the bytes that the writes would have changed.
    pub garble: u32,
}

impl SimulatedDisk {
    /// An empty disk without bounds.
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(Medium::new(seed))) }
    }

    /// From now on chance goes by another seed.
    pub fn reseed(&self, seed: u64) {
        self.state().random = seed;
    }

    /// The disk for a process that starts now. It ends with the next [`SimulatedDisk::kill`] or
    /// [`SimulatedDisk::lose_power`]: from then on every call through it fails.
    pub fn mount(&self) -> Arc<dyn Disk> {
        let process = self.state().process;
        Arc::new(Mounted { state: Arc::clone(&self.state), process })
    }

    /// The process dies; the machine lives on, so everything written stays.
    pub fn kill(&self) {
        self.state().end_process();
    }

    /// The machine dies. Each sector of 512 bytes that was written since its file's last sync is left as it was
    /// then or as any of the writes since left it, by chance; so writes are reordered and torn. Of the unsynced
    /// changes to the directory each is kept or not, by chance too; a renamed file may have both names.
    pub fn lose_power(&self) {
        self.state().lose_power();
    }

    /// The power fails in the middle of the `after + 1`-th changing operation from now.
    pub fn lose_power_after(&self, after: u64) {
        self.state().power_left = Some(after);
    }

    /// The `after + 1`-th such operation from now fails, once, with a plain I/O error.
    pub fn fail_after(&self, operation: Operation, after: u64) {
        self.state().fault = Some((operation, after));
    }

    /// From now on operations fail by chance.
    pub fn set_chances(&self, chances: Chances) {
        self.state().chances = chances;
    }

    /// How many bytes all files together may take. What needs more fails with `StorageFull`.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().limit(bytes, io::ErrorKind::StorageFull);
    }

    /// The same bound, but it is our share of the disk that is used up: `QuotaExceeded`.
    pub fn set_quota(&self, bytes: u64) {
        self.state().limit(bytes, io::ErrorKind::QuotaExceeded);
    }

    /// How many bytes all files together take.
    pub fn used(&self) -> u64 {
        self.state().used()
    }

    /// From now on file syncs succeed and do nothing: a broken disk, or a program that has lost its syncs.
    pub fn lie_about_syncs(&self) {
        self.state().lying = true;
    }

    /// From now on a file sync succeeds at once and is carried out with the next one: a program that does not wait for
    /// its syncs.
    pub fn defer_syncs(&self) {
        self.state().deferred = Some(None);
    }

    /// How often the power has failed.
    pub fn power_failures(&self) -> u64 {
        self.state().power_failures
    }

    /// How many operations that change something there have been, syncs included.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The written image of a file.
    pub fn written(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|number| state.files[number].written.clone())
    }

    /// The durable image of a file.
    pub fn durable(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.durable_names.get(name).map(|number| state.files[number].durable.clone())
    }

    /// Damage, or repair: puts `content` in place of a file, durably. Makes the file where there is none.
    pub fn put(&self, name: &str, content: Vec<u8>) {
        let mut state = self.state();
        let file = FileState { written: content.clone(), durable: content, ..FileState::default() };
        let number = state.add_file(file);
        state.names.insert(name.to_owned(), number);
        state.durable_names.insert(name.to_owned(), number);
    }

    /// Damage, and repaired by the same again: flips one bit of a file, durably. False if the file is not that long.
    pub fn flip(&self, name: &str, bit: u64) -> bool {
        self.state().flip(name, bit)
    }

    /// Damage: flips one bit of all that is stored, by chance. Gives the file and the bit's number; nothing when
    /// all files are empty.
    pub fn rot(&self) -> Option<(String, u64)> {
        self.state().rot()
    }

    fn state(&self) -> MutexGuard<'_, Medium> {
        lock(&self.state)
    }
}

/// One process's view of the directory.
struct Mounted {
    state: Arc<Mutex<Medium>>,
    process: u64,
}

impl Mounted {
    fn handle(&self, number: u64, access: Access) -> Box<dyn DiskFile> {
        let lock = Mutex::new(None);
        Box::new(OpenFile { state: Arc::clone(&self.state), process: self.process, number, access, lock })
    }

    fn change_names<T>(&self, change: impl FnOnce(&mut Medium) -> io::Result<T>) -> io::Result<T> {
        let mut state = lock(&self.state);
        match state.begin(self.process, Operation::Directory)? {
            Course::Normal => change(&mut state),
            Course::Fails => Err(io::Error::other("simulated fault of the directory")),
            Course::PowerFails => {
                // Whether it could have been done at all, nobody is left to hear.
                let _ = change(&mut state);
                state.lose_power();
                Err(power_lost())
            }
        }
    }
}

impl Disk for Mounted {
    fn location(&self) -> String {
        "the simulated disk".to_owned()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let state = lock(&self.state);
        state.check_process(self.process)?;
        Ok(state.names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let number = self.change_names(|state| {
            if state.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let number = state.add_file(FileState::default());
            state.change_name(NameChange::Put(name.to_owned(), number));
            Ok(number)
        })?;
        Ok(self.handle(number, Access::Write))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn DiskFile>> {
        let state = lock(&self.state);
        state.check_process(self.process)?;
        Ok(self.handle(state.find(name)?, access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change_names(|state| {
            let number = state.find(from)?;
            state.change_name(NameChange::Rename(from.to_owned(), to.to_owned(), number));
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change_names(|state| {
            state.find(name)?;
            state.change_name(NameChange::Remove(name.to_owned()));
            Ok(())
        })
    }

    fn sync_directory(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        match state.begin(self.process, Operation::Directory)? {
            Course::Normal => {
                state.pending_names.clear();
                state.durable_names = state.names.clone();
                Ok(())
            }
            Course::Fails => Err(io::Error::other("simulated fault of the directory")),
            Course::PowerFails => {
                state.lose_power();
                Err(power_lost())
            }
        }
    }
}

/// An open file of one process.
struct OpenFile {
    state: Arc<Mutex<Medium>>,
    process: u64,
    number: u64,
    access: Access,
    lock: Mutex<Option<LockKind>>,
}

impl DiskFile for OpenFile {
    fn length(&self) -> io::Result<u64> {
        let mut state = lock(&self.state);
        state.check_process(self.process)?;
        Ok(state.file(self.number).written.len() as u64)
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.check_process(self.process)?;
        if state.fails(Operation::Read) {
            return Err(io::Error::other("simulated fault of a read"));
        }
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let written = &state.file(self.number).written;
        match written.get(start..start + bytes.len()) {
            Some(content) => bytes.copy_from_slice(content),
            None => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
        Ok(())
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.access == Access::Read {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut state = lock(&self.state);
        match state.begin(self.process, Operation::Write)? {
            Course::Normal => state.write(self.number, offset, bytes),
            Course::Fails => {
                let part = state.below(bytes.len() + 1);
                state.write(self.number, offset, &bytes[..part])?;
                Err(io::Error::other("simulated fault of a write"))
            }
            Course::PowerFails => {
                let _ = state.write(self.number, offset, bytes);
                state.lose_power();
                Err(power_lost())
            }
        }
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        let mut state = lock(&self.state);
        match state.begin(self.process, Operation::Write)? {
            Course::Normal => state.reserve(self.number, length),
            Course::Fails => Err(io::Error::other("simulated fault of a write")),
            Course::PowerFails => {
                state.lose_power();
                Err(power_lost())
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        match state.begin(self.process, Operation::Sync)? {
            Course::Normal => {
                state.sync(self.number);
                Ok(())
            }
            Course::Fails => {
                state.file(self.number).dirty.clear();
                Err(io::Error::other("simulated fault of a sync"))
            }
            Course::PowerFails => {
                state.lose_power();
                Err(power_lost())
            }
        }
    }

    fn try_lock(&self, kind: LockKind) -> io::Result<bool> {
        let mut state = lock(&self.state);
        state.check_process(self.process)?;
        let file = state.file(self.number);
        let free = !file.exclusive_lock && (kind == LockKind::Shared || file.shared_locks == 0);
        if free {
            match kind {
                LockKind::Shared => file.shared_locks += 1,
                LockKind::Exclusive => file.exclusive_lock = true,
            }
            *lock(&self.lock) = Some(kind);
        }
        Ok(free)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if state.check_process(self.process).is_err() {
            return;
        }
        let file = state.file(self.number);
        match *lock(&self.lock) {
            Some(LockKind::Shared) => file.shared_locks -= 1,
            Some(LockKind::Exclusive) => file.exclusive_lock = false,
            None => {}
        }
    }
}

/// A panic elsewhere leaves the state whole, as nothing here panics half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn power_lost() -> io::Error {
    io::Error::other("simulated loss of power")
}
