//! What is on the simulated disk, and what happens to it.

use super::Operation;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Written whole or not at all, whatever happens.
pub(super) const SECTOR: usize = 512;

/// Both images of every file and of the directory, and the faults to come.
pub(super) struct Medium {
    random: u64,
    /// Number of the process that may use the disk now.
    pub(super) process: u64,
    pub(super) files: BTreeMap<u64, FileState>,
    pub(super) names: BTreeMap<String, u64>,
    pub(super) durable_names: BTreeMap<String, u64>,
    pub(super) pending_names: Vec<NameChange>,
    next_file: u64,
    pub(super) capacity: u64,
    pub(super) fault: Option<(Operation, u64)>,
    pub(super) power_left: Option<u64>,
    pub(super) lying: bool,
    pub(super) operations: u64,
}

#[derive(Default)]
pub(super) struct FileState {
    pub(super) written: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Sectors in which the images may differ, and which the next sync makes durable.
    pub(super) dirty: BTreeSet<usize>,
    pub(super) shared_locks: u32,
    pub(super) exclusive_lock: bool,
}

pub(super) enum NameChange {
    Put(String, u64),
    Remove(String),
}

/// What the power or a fault does to an operation that was allowed to begin.
pub(super) enum Course {
    Normal,
    Fails,
    PowerFails,
}

impl Medium {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: seed,
            process: 0,
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            pending_names: Vec::new(),
            next_file: 0,
            capacity: u64::MAX,
            fault: None,
            power_left: None,
            lying: false,
            operations: 0,
        }
    }

    /// Every operation that changes something begins here.
    pub(super) fn begin(&mut self, process: u64, operation: Operation) -> io::Result<Course> {
        self.check_process(process)?;
        self.operations += 1;
        match self.power_left {
            Some(0) => {
                self.power_left = None;
                return Ok(Course::PowerFails);
            }
            Some(left) => self.power_left = Some(left - 1),
            None => {}
        }
        Ok(if self.is_faulty(operation) { Course::Fails } else { Course::Normal })
    }

    pub(super) fn check_process(&self, process: u64) -> io::Result<()> {
        if self.process == process { Ok(()) } else { Err(io::Error::other("the process is dead")) }
    }

    pub(super) fn is_faulty(&mut self, operation: Operation) -> bool {
        match self.fault {
            Some((faulty, 0)) if faulty == operation => {
                self.fault = None;
                true
            }
            Some((faulty, left)) if faulty == operation => {
                self.fault = Some((faulty, left - 1));
                false
            }
            _ => false,
        }
    }

    pub(super) fn end_process(&mut self) {
        self.process += 1;
        self.power_left = None;
        self.fault = None;
        for file in self.files.values_mut() {
            file.shared_locks = 0;
            file.exclusive_lock = false;
        }
    }

    pub(super) fn lose_power(&mut self) {
        self.end_process();
        let kept = self.below(self.pending_names.len() + 1);
        for change in std::mem::take(&mut self.pending_names).into_iter().take(kept) {
            change.apply(&mut self.durable_names);
        }
        self.names = self.durable_names.clone();
        let mut random = self.random;
        for file in self.files.values_mut() {
            for sector in std::mem::take(&mut file.dirty) {
                if next_random(&mut random) & 1 == 1 {
                    file.persist(sector);
                }
            }
            file.written = file.durable.clone();
        }
        self.random = random;
    }

    pub(super) fn add_file(&mut self, file: FileState) -> u64 {
        self.next_file += 1;
        self.files.insert(self.next_file, file);
        self.next_file
    }

    pub(super) fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push(change);
    }

    pub(super) fn find(&self, name: &str) -> io::Result<u64> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> u64 {
        self.names.values().map(|number| self.files[number].written.len() as u64).sum()
    }

    /// A random number below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(next_random(&mut self.random) % bound as u64).unwrap_or(0)
    }

    pub(super) fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + bytes.len();
        let growth = end.saturating_sub(self.file(number).written.len()) as u64;
        if growth > 0 && self.used() + growth > self.capacity {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = self.file(number);
        if growth > 0 {
            file.written.resize(end, 0);
        }
        file.written[start..end].copy_from_slice(bytes);
        if !bytes.is_empty() {
            file.dirty.extend(start / SECTOR..=(end - 1) / SECTOR);
        }
        Ok(())
    }

    pub(super) fn file(&mut self, number: u64) -> &mut FileState {
        self.files.entry(number).or_default()
    }
}

impl FileState {
    /// Makes a sector durable as it is written now.
    fn persist(&mut self, sector: usize) {
        let start = sector * SECTOR;
        let end = (start + SECTOR).min(self.written.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(&self.written[start..end]);
    }

    pub(super) fn sync(&mut self) {
        for sector in std::mem::take(&mut self.dirty) {
            self.persist(sector);
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Put(name, number) => names.insert(name.clone(), *number),
            Self::Remove(name) => names.remove(name),
        };
    }
}

/// SplitMix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
