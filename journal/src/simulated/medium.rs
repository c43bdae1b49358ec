//! What is on the simulated disk, and what happens to it.

use super::{Chances, Operation};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

/// Written whole or not at all, whatever happens.
pub(super) const SECTOR: usize = 512;
/// How many contents a sector may have had between two syncs and the power's failure still choose from. Of more
/// the first are kept.
const VERSIONS: usize = 4;

/// Both images of every file and of the directory, and the faults to come.
pub(super) struct Medium {
    pub(super) random: u64,
    /// Number of the process that may use the disk now.
    pub(super) process: u64,
    pub(super) files: BTreeMap<u64, FileState>,
    pub(super) names: BTreeMap<String, u64>,
    pub(super) durable_names: BTreeMap<String, u64>,
    pub(super) pending_names: Vec<NameChange>,
    next_file: u64,
    capacity: u64,
    /// How it is said that the capacity is used up.
    full: io::ErrorKind,
    pub(super) chances: Chances,
    pub(super) fault: Option<(Operation, u64)>,
    pub(super) power_left: Option<u64>,
    pub(super) lying: bool,
    /// The file whose sync has yet to be carried out, on a disk that defers them.
    pub(super) deferred: Option<Option<u64>>,
    pub(super) power_failures: u64,
    pub(super) operations: u64,
}

#[derive(Default)]
pub(super) struct FileState {
    pub(super) written: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Sectors in which the images may differ, and which the next sync makes durable; with what they held between
    /// the last sync and the last write.
    pub(super) dirty: BTreeMap<usize, Vec<Vec<u8>>>,
    /// Bytes taken ahead.
    pub(super) reserved: u64,
    pub(super) shared_locks: u32,
    pub(super) exclusive_lock: bool,
}

pub(super) enum NameChange {
    Put(String, u64),
    Remove(String),
    /// From, to, and the file's number.
    Rename(String, String, u64),
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
            full: io::ErrorKind::StorageFull,
            chances: Chances::default(),
            fault: None,
            power_left: None,
            lying: false,
            deferred: None,
            power_failures: 0,
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
        Ok(if self.fails(operation) { Course::Fails } else { Course::Normal })
    }

    pub(super) fn check_process(&self, process: u64) -> io::Result<()> {
        if self.process == process { Ok(()) } else { Err(io::Error::other("the process is dead")) }
    }

    /// Whether the operation fails, as was asked for or by chance.
    pub(super) fn fails(&mut self, operation: Operation) -> bool {
        match self.fault {
            Some((faulty, 0)) if faulty == operation => {
                self.fault = None;
                return true;
            }
            Some((faulty, left)) if faulty == operation => self.fault = Some((faulty, left - 1)),
            _ => {}
        }
        let chance = match operation {
            Operation::Read => self.chances.read,
            Operation::Write => self.chances.write,
            Operation::Sync => self.chances.sync,
            Operation::Directory => self.chances.directory,
        };
        chance > 0 && next_random(&mut self.random) % 1_000_000 < u64::from(chance)
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
        self.power_failures += 1;
        if let Some(deferred) = &mut self.deferred {
            *deferred = None;
        }
        for change in std::mem::take(&mut self.pending_names) {
            match (self.below(4), change) {
                (0 | 1, _) => {}
                // That a file has both names is the harder case.
                (2, NameChange::Rename(_, to, number)) => drop(self.durable_names.insert(to, number)),
                (_, change) => change.apply(&mut self.durable_names),
            }
        }
        self.names = self.durable_names.clone();
        let named: BTreeSet<u64> = self.names.values().copied().collect();
        self.files.retain(|number, _| named.contains(number));
        let mut random = self.random;
        let garble = u64::from(self.chances.garble);
        for file in self.files.values_mut() {
            for (sector, earlier) in std::mem::take(&mut file.dirty) {
                if garble > 0 && next_random(&mut random) % 1_000_000 < garble {
                    file.garble(sector, &mut random);
                    continue;
                }
                let chosen = below(&mut random, earlier.len() + 2);
                match earlier.get(chosen) {
                    Some(content) => file.persist(sector, content),
                    None if chosen == earlier.len() => file.persist_written(sector),
                    None => {}
                }
            }
            file.written = file.durable.clone();
            file.reserved = 0;
        }
        self.random = random;
    }

    pub(super) fn rot(&mut self) -> Option<(String, u64)> {
        let bytes = |state: &Self, number: &u64| state.files[number].written.len();
        let all = self.names.values().map(|number| bytes(self, number)).sum();
        if all == 0 {
            return None;
        }
        let (mut at, bit) = (self.below(all), self.below(8));
        let found = self.names.iter().find(|(_, number)| {
            let length = bytes(self, number);
            let here = at < length;
            at -= if here { 0 } else { length };
            here
        });
        let name = found.map(|(name, _)| name.clone())?;
        let bit = at as u64 * 8 + bit as u64;
        self.flip(&name, bit);
        Some((name, bit))
    }

    pub(super) fn flip(&mut self, name: &str, bit: u64) -> bool {
        let (Some(&number), Ok(at)) = (self.names.get(name), usize::try_from(bit / 8)) else { return false };
        let file = self.file(number);
        for image in [&mut file.written, &mut file.durable] {
            if let Some(byte) = image.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
        }
        at < file.written.len()
    }

    /// Makes a file's bytes durable, if this disk keeps its word; or those of the sync before, if it defers them.
    pub(super) fn sync(&mut self, number: u64) {
        let due = match &mut self.deferred {
            _ if self.lying => None,
            Some(deferred) => deferred.replace(number),
            None => Some(number),
        };
        if let Some(file) = due.and_then(|number| self.files.get_mut(&number)) {
            file.sync();
        }
    }

    pub(super) fn limit(&mut self, capacity: u64, full: io::ErrorKind) {
        (self.capacity, self.full) = (capacity, full);
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

    pub(super) fn used(&self) -> u64 {
        self.names.values().map(|number| self.files[number].taken()).sum()
    }

    /// A random number below `bound`, which is at least 1.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        below(&mut self.random, bound)
    }

    pub(super) fn write(&mut self, number: u64, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start + bytes.len();
        self.check_capacity(number, end as u64)?;
        let file = self.file(number);
        if !bytes.is_empty() {
            file.remember(start / SECTOR..=(end - 1) / SECTOR);
        }
        if end > file.written.len() {
            file.written.resize(end, 0);
        }
        file.written[start..end].copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn reserve(&mut self, number: u64, length: u64) -> io::Result<()> {
        self.check_capacity(number, length)?;
        let file = self.file(number);
        file.reserved = file.reserved.max(length);
        Ok(())
    }

    /// Whether a file may take `length` bytes.
    fn check_capacity(&mut self, number: u64, length: u64) -> io::Result<()> {
        let growth = length.saturating_sub(self.file(number).taken());
        if growth > 0 && self.used() + growth > self.capacity { Err(self.full.into()) } else { Ok(()) }
    }

    pub(super) fn file(&mut self, number: u64) -> &mut FileState {
        self.files.entry(number).or_default()
    }
}

impl FileState {
    /// Bytes of the disk that it takes.
    fn taken(&self) -> u64 {
        self.reserved.max(self.written.len() as u64)
    }

    /// Keeps what stands in sectors that are about to be written.
    fn remember(&mut self, sectors: std::ops::RangeInclusive<usize>) {
        for sector in sectors {
            let start = (sector * SECTOR).min(self.written.len());
            let end = (start + SECTOR).min(self.written.len());
            match self.dirty.get_mut(&sector) {
                None => drop(self.dirty.insert(sector, Vec::new())),
                Some(earlier) if earlier.len() < VERSIONS => earlier.push(self.written[start..end].to_vec()),
                Some(_) => {}
            }
        }
    }

    /// Makes a sector durable with this content.
    fn persist(&mut self, sector: usize, content: &[u8]) {
        let start = sector * SECTOR;
        let end = start + content.len();
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(content);
    }

    /// Makes a sector durable as it is written now.
    fn persist_written(&mut self, sector: usize) {
        let start = sector * SECTOR;
        let end = (start + SECTOR).min(self.written.len());
        if self.durable.len() < end {
            self.durable.resize(end, 0);
        }
        self.durable[start..end].copy_from_slice(&self.written[start..end]);
    }

    /// Makes a sector durable as it is written now, but for one bit among those bytes that this changes.
    fn garble(&mut self, sector: usize, random: &mut u64) {
        let start = sector * SECTOR;
        let before: Vec<u8> = self.durable.iter().skip(start).take(SECTOR).copied().collect();
        self.persist_written(sector);
        let end = (start + SECTOR).min(self.written.len());
        let changed: Vec<usize> =
            (start..end).filter(|&at| before.get(at - start) != Some(&self.written[at])).collect();
        if !changed.is_empty() {
            self.durable[changed[below(random, changed.len())]] ^= 1 << below(random, 8);
        }
    }

    fn sync(&mut self) {
        for sector in std::mem::take(&mut self.dirty).into_keys() {
            self.persist_written(sector);
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Put(name, number) => drop(names.insert(name.clone(), *number)),
            Self::Remove(name) => drop(names.remove(name)),
            Self::Rename(from, to, number) => {
                names.remove(from);
                names.insert(to.clone(), *number);
            }
        }
    }
}

/// A random number below `bound`, which is at least 1.
fn below(random: &mut u64, bound: usize) -> usize {
    usize::try_from(next_random(random) % bound as u64).unwrap_or(0)
}

/// SplitMix64.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
