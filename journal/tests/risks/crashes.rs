//! Risk: a batch reported durable is gone after a crash, or one appears that was never written.

use crate::support::{Owned, Random, append, batch, open, options};
use journal::{Journal, OpenError, Operation, Options, ReadError, SimulatedDisk};

/// A journal on a disk that fails, beside what must and what may be in it.
struct Model {
    medium: SimulatedDisk,
    options: Options,
    journal: Option<Journal>,
    /// What was reported durable.
    synced: Vec<Owned>,
    /// What was being written when the journal failed: it may be there or not, until the next recovery says.
    unknown: Option<Owned>,
}

impl Model {
    fn new(seed: u64, options: Options) -> Self {
        let medium = SimulatedDisk::new(seed);
        Self { medium, options, journal: None, synced: Vec::new(), unknown: None }
    }

    /// Opens the journal, if it is not open and the disk lets it, and compares. The text is what was broken.
    fn open(&mut self) -> Result<(), String> {
        if self.journal.is_some() {
            return Ok(());
        }
        let (journal, summary, replayed) = match open(self.medium.mount(), &self.options) {
            Ok(opened) => opened,
            Err(OpenError::Write { .. } | OpenError::Read(ReadError::Io { .. })) => return self.end(false),
            Err(error) => return Err(format!("recovery refused: {error}")),
        };
        let mut possible = self.synced.clone();
        if replayed != possible {
            possible.extend(self.unknown.take());
            if replayed != possible {
                return Err(format!("{} batches recovered of {}", replayed.len(), self.synced.len()));
            }
        }
        let records: u64 = replayed.iter().map(|batch| u64::from(batch.1)).sum();
        if (summary.batches, summary.records) != (replayed.len() as u64, records) {
            return Err(format!("the summary miscounts: {summary:?}"));
        }
        self.synced = possible;
        self.unknown = None;
        self.journal = Some(journal);
        Ok(())
    }

    fn append(&mut self, count: u32, length: usize) -> Result<(), String> {
        let Some(journal) = &mut self.journal else { return Ok(()) };
        let next = batch(journal.next_sequence(), count, length);
        if append(journal, &next).is_ok() {
            self.synced.push(next);
            return Ok(());
        }
        self.unknown = Some(next);
        self.end(false)
    }

    /// Ends the process, or the machine.
    fn end(&mut self, machine: bool) -> Result<(), String> {
        self.journal = None;
        if machine {
            self.medium.lose_power();
        } else {
            self.medium.kill();
        }
        Ok(())
    }

    fn random_step(&mut self, random: &mut Random) -> Result<(), String> {
        match random.below(16) {
            0 => self.end(true),
            1 => self.end(false),
            2 => {
                self.medium.lose_power_after(random.below(12));
                Ok(())
            }
            3 => {
                let operations = [Operation::Read, Operation::Write, Operation::Sync, Operation::Directory];
                let operation = operations[usize::try_from(random.below(4)).unwrap()];
                self.medium.fail_after(operation, random.below(4));
                Ok(())
            }
            4..8 => self.open(),
            _ => {
                let length = usize::try_from(random.below(4040)).unwrap();
                self.append(1 + u32::try_from(random.below(9)).unwrap(), length)
            }
        }
    }
}

/// Random appends, faults, crashes and recoveries; at last everything must be there, twice.
fn run(seed: u64, lying: bool) -> Result<usize, String> {
    let mut random = Random::new(seed);
    let segment_size = 8192 + 4096 * random.below(3);
    let mut model = Model::new(seed, Options { segment_size, ..options() });
    for step in 0..80 {
        if lying && step == 5 {
            model.medium.lie_about_syncs();
        }
        model.random_step(&mut random)?;
    }
    for machine in [false, true, true] {
        model.end(machine)?;
        model.open()?;
        if model.journal.is_none() {
            return Err("recovery failed without a fault".to_owned());
        }
    }
    Ok(model.synced.len())
}

/// `JOURNAL_SEEDS=100000 cargo test -p journal` runs more of them.
fn seeds() -> u64 {
    std::env::var("JOURNAL_SEEDS").ok().and_then(|number| number.parse().ok()).unwrap_or(600)
}

#[test]
fn random_crashes_never_lose_a_synced_batch_and_never_invent_one() {
    let mut batches = 0;
    for seed in 0..seeds() {
        batches += run(seed, false).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    }
    assert!(batches > 1000, "only {batches} batches: the runs do nothing");
}

#[test]
fn a_disk_or_a_journal_without_syncs_would_be_caught() {
    let caught = (0..100).filter(|seed| run(*seed, true).is_err()).count();
    assert!(caught > 50, "only {caught} of 100 runs without syncs were caught");
}

/// Three segments' worth of batches.
fn fixed_script(model: &mut Model) -> Result<(), String> {
    for length in [100, 3000, 800, 200, 4040, 0, 1] {
        model.open()?;
        model.append(2, length)?;
    }
    Ok(())
}

#[test]
fn power_may_fail_at_every_operation_and_again_at_every_operation_of_the_recovery() {
    let mut whole = Model::new(0, options());
    fixed_script(&mut whole).unwrap();
    let operations = whole.medium.operations();
    assert_eq!(whole.synced.len(), 7);
    assert!(operations > 30, "{operations}");
    for first in 0..operations {
        for second in 0..12 {
            let context = format!("power lost at operation {first}, then at {second}");
            let mut model = Model::new(first * 100 + second, options());
            model.medium.lose_power_after(first);
            // The script goes on after the crash, in which the second one comes.
            model.open().and_then(|()| model.append(1, 600)).unwrap();
            for _ in 0..operations {
                model.append(1, 600).unwrap();
            }
            assert!(model.journal.is_none(), "{context}: the power never failed");
            model.medium.lose_power_after(second);
            for _ in 0..4 {
                model.open().unwrap_or_else(|error| panic!("{context}: {error}"));
                model.append(3, 900).unwrap();
            }
            model.end(true).unwrap();
            model.open().unwrap_or_else(|error| panic!("{context}: {error}"));
            assert!(model.journal.is_some(), "{context}: recovery failed without a fault");
        }
    }
}
