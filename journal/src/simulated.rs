//! A disk in memory that fails on purpose: [`SimulatedDisk`], for tests and fault simulation.
//!
//! It holds two images of every file and of the directory: what was **written**, which everybody reads, and what
//! is **durable**, which is left after the power fails. A seed decides whatever chance decides, so the same seed
//! and the same calls from one thread give the same disk again.

mod medium;

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

impl SimulatedDisk {
    /// An empty disk without bounds.
    pub fn new(seed: u64) -> Self {
        Self { state: Arc::new(Mutex::new(Medium::new(seed))) }
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

    /// The machine dies. Of the unsynced sectors each is kept or not, by chance; of the unsynced changes to the
    /// directory some first part is.
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

    /// How many bytes all files together may take.
    pub fn set_capacity(&self, bytes: u64) {
        self.state().capacity = bytes;
    }

    /// From now on file syncs succeed and do nothing: a broken disk, or a program that has lost its syncs.
    pub fn lie_about_syncs(&self) {
        self.state().lying = true;
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
            // Both or neither would be kinder; that a name is there twice after a crash is the harder case.
            state.change_name(NameChange::Put(to.to_owned(), number));
            state.change_name(NameChange::Remove(from.to_owned()));
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
        if state.is_faulty(Operation::Read) {
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

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        match state.begin(self.process, Operation::Sync)? {
            Course::Normal if state.lying => Ok(()),
            Course::Normal => {
                state.file(self.number).sync();
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

#[cfg(test)]
mod tests {
    use super::medium::SECTOR;
    use super::*;
    use std::collections::BTreeSet;

    fn synced_file(medium: &SimulatedDisk) -> Box<dyn DiskFile> {
        let disk = medium.mount();
        let file = disk.create("file").unwrap();
        file.write_at(0, &[1; 4 * SECTOR]).unwrap();
        file.sync().unwrap();
        disk.sync_directory().unwrap();
        file
    }

    #[test]
    fn unsynced_sectors_are_kept_or_lost_whole() {
        let mut kept = BTreeSet::new();
        for seed in 0..64 {
            let medium = SimulatedDisk::new(seed);
            synced_file(&medium).write_at(0, &[2; 2 * SECTOR]).unwrap();
            medium.lose_power();
            let content = medium.written("file").unwrap();
            for sector in content.chunks(SECTOR) {
                assert!(sector.iter().all(|byte| *byte == sector[0]), "seed {seed}: a torn sector");
            }
            kept.insert((content[0], content[SECTOR]));
        }
        assert_eq!(kept.len(), 4, "every combination comes up");
    }

    #[test]
    fn a_failed_sync_loses_what_waited_and_the_next_one_hides_it() {
        let medium = SimulatedDisk::new(1);
        let file = synced_file(&medium);
        file.write_at(0, &[2]).unwrap();
        medium.fail_after(Operation::Sync, 0);
        assert!(file.sync().is_err());
        assert!(file.sync().is_ok());
        assert_eq!(medium.written("file").unwrap()[0], 2);
        assert_eq!(medium.durable("file").unwrap()[0], 1);
    }

    #[test]
    fn a_dead_process_can_do_nothing_and_holds_no_lock() {
        let medium = SimulatedDisk::new(1);
        let file = synced_file(&medium);
        assert!(file.try_lock(LockKind::Exclusive).unwrap());
        assert!(!medium.mount().open("file", Access::Read).unwrap().try_lock(LockKind::Shared).unwrap());
        medium.kill();
        assert!(file.write_at(0, &[9]).is_err());
        let again = medium.mount().open("file", Access::Read).unwrap();
        assert!(again.try_lock(LockKind::Shared).unwrap());
    }

    #[test]
    fn a_full_disk_refuses_growth_and_nothing_else() {
        let medium = SimulatedDisk::new(1);
        let file = synced_file(&medium);
        medium.set_capacity(4 * SECTOR as u64);
        file.write_at(0, &[3; SECTOR]).unwrap();
        let error = file.write_at(4 * SECTOR as u64, &[3]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
