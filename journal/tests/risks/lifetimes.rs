//! Risk: journal, snapshots and retention, each right in itself, together lose what was told, or bring back a state
//! that never was.

use crate::support::{Owned, Random, SEGMENT_1, append, batch, open, options};
use journal::{
    AppendError, Chances, Checkpoint, Hash, Journal, LoadError, OpenError, Operation, Options, ReadError,
    SimulatedDisk, Snapshots,
};

const RULES: u32 = 7;

/// What the batches up to a sequence come to. A snapshot's payload says nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct State {
    sequence: u64,
    digest: Hash,
}

impl State {
    fn new() -> Self {
        Self { sequence: 0, digest: Hash::from_bytes([0; 32]) }
    }

    fn apply(&mut self, first_sequence: u64, count: u32, payload: &[u8]) {
        assert_eq!(first_sequence, self.sequence + 1, "not the batch that follows");
        self.sequence += u64::from(count);
        self.digest =
            Hash::from_bytes(hash(&[self.digest.as_bytes(), &self.sequence.to_le_bytes(), payload]));
    }

    /// The state as a payload of some sectors.
    fn encode(&self) -> Vec<u8> {
        let length = 40 + usize::from(self.digest.as_bytes()[0]) * 8;
        let mut bytes = [&self.sequence.to_le_bytes()[..], self.digest.as_bytes()].concat();
        bytes.resize(length, self.digest.as_bytes()[1]);
        bytes
    }
}

/// FNV-1a four times: the crate's own hash is what is tested.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut whole = [0; 32];
    for (lane, place) in (0_u64..).zip(whole.chunks_mut(8)) {
        let mut sum = 0xcbf2_9ce4_8422_2325_u64 ^ lane;
        for byte in parts.iter().flat_map(|part| part.iter()) {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        place.copy_from_slice(&sum.to_le_bytes());
    }
    whole
}

/// One venue's disk through all its processes, beside what must be and what may be on it.
struct Model {
    medium: SimulatedDisk,
    options: Options,
    running: Option<Running>,
    /// The state after each batch that was reported durable, the first of all before the first.
    synced: Vec<State>,
    /// The state after the batch that was being written when the journal failed.
    unknown: Option<State>,
    /// The newest snapshot that was reported durable.
    snapshot: u64,
}

struct Running {
    journal: Journal,
    /// Where the worker that makes snapshots is.
    worker: (Option<Checkpoint>, State),
}

impl Model {
    fn new(seed: u64, options: Options) -> Self {
        let (medium, synced) = (SimulatedDisk::new(seed), vec![State::new()]);
        Self { medium, options, running: None, synced, unknown: None, snapshot: 0 }
    }

    fn end(&mut self, machine: bool) {
        self.running = None;
        if machine { self.medium.lose_power() } else { self.medium.kill() }
    }

    /// The newest snapshot that loads, which must be one that was taken. `None`: the disk failed.
    fn load(&self) -> Result<Option<(Option<Checkpoint>, State)>, String> {
        let snapshots = Snapshots::new(self.medium.mount());
        let Ok(listed) = snapshots.list() else { return Ok(None) };
        if listed.first().copied().unwrap_or(0) < self.snapshot {
            return Err(format!("the snapshot at {} is gone: {listed:?}", self.snapshot));
        }
        let Some(newest) = listed.first() else { return Ok(Some((None, State::new()))) };
        match snapshots.load(*newest) {
            Ok(snapshot) => {
                let state = self.synced.iter().chain(&self.unknown).find(|state| state.sequence == *newest);
                let state = state.ok_or_else(|| format!("a snapshot at {newest} of what never was"))?;
                if snapshot.payload != state.encode() || snapshot.info.rules_version != RULES {
                    return Err(format!("the snapshot at {newest} is another's"));
                }
                Ok(Some((Some(snapshot.info.checkpoint), *state)))
            }
            Err(LoadError::Read { .. }) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Recovers, if the disk lets it, and compares. The text is what was broken.
    fn open(&mut self) -> Result<(), String> {
        if self.running.is_some() {
            return Ok(());
        }
        let Some((after, mut state)) = self.load()? else { return self.failed() };
        let worker = (after, state);
        let options = Options { after, ..self.options };
        let (journal, _, replayed) = match open(self.medium.mount(), &options) {
            Ok(opened) => opened,
            Err(
                OpenError::Write { .. } | OpenError::Read(ReadError::Io { .. }) | OpenError::NoSpace { .. },
            ) => {
                return self.failed();
            }
            Err(error) => return Err(format!("recovery refused: {error}")),
        };
        for (first_sequence, count, payload) in &replayed {
            state.apply(*first_sequence, *count, payload);
        }
        let last = self.synced[self.synced.len() - 1];
        if state != last && Some(state) == self.unknown {
            self.synced.push(state);
        } else if state != last {
            return Err(format!("recovered {} of {}", state.sequence, last.sequence));
        }
        self.unknown = None;
        self.running = Some(Running { journal, worker });
        Ok(())
    }

    fn failed(&mut self) -> Result<(), String> {
        self.end(false);
        Ok(())
    }

    fn append(&mut self, count: u32, length: usize) -> Result<(), String> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let next: Owned = batch(running.journal.next_sequence(), count, length);
        let room = running.journal.room();
        let mut state = self.synced[self.synced.len() - 1];
        state.apply(next.0, next.1, &next.2);
        match append(&mut running.journal, &next) {
            Ok(()) => {
                self.synced.push(state);
                Ok(())
            }
            Err(AppendError::NoSpace { .. }) if room < journal::batch_bytes(length) => Ok(()),
            Err(AppendError::Failed(_)) => {
                self.unknown = Some(state);
                self.failed()
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Turns the last snapshot and what was sealed since into the next one, keeps two, and deletes the segments
    /// that only older ones would need. Whatever of it fails is left for the next time.
    fn snapshot(&mut self, retire: bool) -> Result<(), String> {
        let Some(Running { journal, worker }) = &mut self.running else { return Ok(()) };
        let sealed = journal.sealed();
        let (mut place, mut state) = *worker;
        match sealed.read_after(place) {
            Ok(None) | Err(ReadError::Io { .. }) => return Ok(()),
            Err(error) => return Err(format!("sealed segments: {error}")),
            Ok(Some(mut reader)) => loop {
                match reader.next_batch() {
                    Ok(Some(batch)) => state.apply(batch.first_sequence, batch.count, batch.payload),
                    Ok(None) => {
                        place = Some(reader.summary().checkpoint());
                        break;
                    }
                    Err(ReadError::Io { .. }) => return Ok(()),
                    Err(error) => return Err(format!("sealed segments: {error}")),
                }
            },
        }
        *worker = (place, state);
        let place = place.unwrap_or_else(|| sealed.end());
        let mut snapshots = Snapshots::new(self.medium.mount());
        let written = snapshots.begin(RULES, place).and_then(|mut writer| {
            writer.write(&state.encode())?;
            writer.finish()
        });
        if written.is_ok() {
            self.snapshot = place.sequence;
            let kept = snapshots.prune(2, |_| true).ok().and_then(|_| snapshots.list().ok());
            if let (true, Some(kept)) = (retire, kept)
                && kept.len() >= 2
            {
                let _ = sealed.retire(kept[kept.len() - 1]);
            }
        }
        Ok(())
    }

    fn random_step(&mut self, random: &mut Random) -> Result<(), String> {
        match random.below(24) {
            0 => self.end(true),
            1 => self.end(false),
            2 | 3 => self.medium.lose_power_after(random.below(20)),
            4 => {
                let operations = [Operation::Read, Operation::Write, Operation::Sync, Operation::Directory];
                let operation = operations[usize::try_from(random.below(4)).unwrap()];
                self.medium.fail_after(operation, random.below(6));
            }
            5 => self.medium.set_capacity(self.medium.used() + random.below(10_000)),
            6 => self.medium.set_capacity(u64::MAX),
            7..11 => self.open()?,
            11..14 => self.snapshot(random.below(2) == 0)?,
            _ => {
                let length = usize::try_from(random.below(4040)).unwrap();
                self.append(1 + u32::try_from(random.below(9)).unwrap(), length)?;
            }
        }
        Ok(())
    }

    /// All is well again: everything must be there.
    fn check_at_rest(&mut self) -> Result<(), String> {
        self.medium.set_capacity(u64::MAX);
        self.medium.set_chances(Chances::default());
        for machine in [false, true, true] {
            self.end(machine);
            self.open()?;
            if self.running.is_none() {
                return Err("recovery failed without a fault".to_owned());
            }
        }
        Ok(())
    }
}

fn run(seed: u64, chances: Chances) -> Result<Model, String> {
    let mut random = Random::new(seed);
    let segment_size = 8192 + 4096 * random.below(2);
    let mut model = Model::new(seed, Options { segment_size, ..options() });
    model.medium.set_chances(chances);
    for _ in 0..160 {
        model.random_step(&mut random)?;
    }
    model.check_at_rest()?;
    Ok(model)
}

fn seeds() -> u64 {
    std::env::var("JOURNAL_SEEDS").ok().and_then(|number| number.parse().ok()).unwrap_or(400)
}

#[test]
fn random_lifetimes_with_snapshots_and_retention_lose_nothing_and_invent_nothing() {
    let (mut batches, mut snapshots, mut retired) = (0, 0, 0);
    for seed in 0..seeds() {
        let often = u32::try_from(seed % 3).unwrap() * 10_000;
        let chances =
            Chances { read: often, write: often, sync: often, directory: often, ..Chances::default() };
        let model = run(seed, chances).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        batches += model.synced.len() - 1;
        snapshots += u64::from(model.snapshot > 0);
        retired +=
            u64::from(!model.medium.mount().list().unwrap().iter().any(|name| name.ends_with("0001.seg")));
    }
    let enough = seeds() / 3;
    assert!(batches > 1000 && snapshots > enough && retired > enough, "{batches} {snapshots} {retired}");
}

/// Some segments, a snapshot at each, the oldest retired.
fn fixed_script(model: &mut Model) {
    for length in [3000, 2000, 2500, 100, 3000, 1500, 2500] {
        model.open().unwrap();
        model.append(2, length).unwrap();
        model.snapshot(true).unwrap();
    }
}

#[test]
fn power_may_fail_at_every_operation_of_snapshots_and_retention() {
    let mut whole = Model::new(0, options());
    fixed_script(&mut whole);
    let operations = whole.medium.operations();
    assert!(whole.snapshot >= 10 && operations > 100, "{} {operations}", whole.snapshot);
    assert!(whole.running.as_ref().unwrap().journal.sealed().list().unwrap()[0].first_sequence > 3);
    for seed in 0..operations * 4 {
        let mut model = Model::new(seed, options());
        model.medium.lose_power_after(seed / 4);
        fixed_script(&mut model);
        model.check_at_rest().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        // It goes on as if nothing had happened.
        fixed_script(&mut model);
        model.check_at_rest().unwrap_or_else(|error| panic!("seed {seed}, later: {error}"));
    }
}

/// What became of a disk of which one bit has turned.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rotten {
    /// All is there, by a bit that nobody needs or by an older snapshot.
    Whole,
    /// The start is refused.
    Refused,
    /// The last batch looks torn.
    LastBatchCut,
}

/// Recovers from the newest snapshot that is good.
fn recover_rotten(model: &Model) -> Result<Rotten, String> {
    let snapshots = Snapshots::new(model.medium.mount());
    let mut found = (None, State::new());
    for sequence in snapshots.list().map_err(|error| error.to_string())? {
        if let Ok(snapshot) = snapshots.load(sequence) {
            let state = model.synced.iter().find(|state| state.sequence == sequence);
            let state = state.filter(|state| state.encode() == snapshot.payload);
            found = (Some(snapshot.info.checkpoint), *state.ok_or("a snapshot that is wrong loads")?);
            break;
        }
    }
    let (after, mut state) = found;
    let Ok((_, summary, replayed)) = open(model.medium.mount(), &Options { after, ..model.options }) else {
        return Ok(Rotten::Refused);
    };
    replayed.iter().for_each(|batch| state.apply(batch.0, batch.1, &batch.2));
    let mut last = model.synced.iter().rev();
    if last.next() == Some(&state) {
        Ok(Rotten::Whole)
    } else if last.next() == Some(&state) && summary.torn_tail.is_some() {
        Ok(Rotten::LastBatchCut)
    } else {
        Err(format!("recovered a state that never was, at {}", state.sequence))
    }
}

#[test]
fn one_flipped_bit_anywhere_never_brings_back_a_wrong_state() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..seeds() {
        let mut model = Model::new(seed, options());
        fixed_script(&mut model);
        model.end(true);
        let rot = model.medium.rot();
        let context = || format!("seed {seed}, {rot:?}");
        let rotten = recover_rotten(&model).unwrap_or_else(|error| panic!("{}: {error}", context()));
        *seen.entry(rotten).or_insert(0) += 1;
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn a_bad_snapshot_falls_back_to_the_one_before_and_the_segments_behind_it() {
    let mut model = Model::new(1, options());
    fixed_script(&mut model);
    model.end(true);
    let newest = format!("{:020}.snap", model.snapshot);
    let mut image = model.medium.durable(&newest).unwrap();
    image[100] ^= 1;
    model.medium.put(&newest, image);
    assert_eq!(recover_rotten(&model), Ok(Rotten::Whole));
    assert_eq!(model.medium.durable(SEGMENT_1), None, "nothing was retired");
}
