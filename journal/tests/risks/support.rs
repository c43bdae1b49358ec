//! What the tests share: a small journal on the simulated disk, and a batch as plain data.

use journal::{Checkpoint, Disk, Journal, OpenError, Options, ReadError, Reader, SimulatedDisk, Summary};
use std::convert::Infallible;
use std::sync::Arc;

/// Where the first frame of a segment begins.
pub(crate) const FIRST_FRAME: usize = 4096;
pub(crate) const SEGMENT_1: &str = "00000000000000000001.seg";

/// First sequence, number of records, payload.
pub(crate) type Owned = (u64, u32, Vec<u8>);

/// The smallest segments, everything in one thread.
pub(crate) fn options() -> Options {
    Options { segment_size: 8192, prepare_ahead: false, ..Options::new(7) }
}

/// Opens a journal and collects what it replays.
pub(crate) fn open(
    disk: Arc<dyn Disk>,
    options: &Options,
) -> Result<(Journal, Summary, Vec<Owned>), OpenError> {
    let mut replayed = Vec::new();
    let (journal, summary) = Journal::open_on(disk, options, |batch| {
        replayed.push((batch.first_sequence, batch.count, batch.payload.to_vec()));
        Ok::<(), Infallible>(())
    })?;
    Ok((journal, summary, replayed))
}

/// A batch whose payload can be told from any other's.
pub(crate) fn batch(first_sequence: u64, count: u32, length: usize) -> Owned {
    let payload = (0..length)
        .map(|at| {
            (at as u64 * 7).wrapping_add(first_sequence.wrapping_mul(31)).wrapping_add(1).to_le_bytes()[0]
        })
        .collect();
    (first_sequence, count, payload)
}

pub(crate) fn append(journal: &mut Journal, batch: &Owned) -> Result<(), journal::AppendError> {
    journal.append(batch.0, batch.1, &batch.2)
}

/// A disk with these batches on it, synced, and nobody using it.
pub(crate) fn disk_with(batches: &[Owned], options: &Options) -> SimulatedDisk {
    let medium = SimulatedDisk::new(1);
    let (mut journal, _, _) = open(medium.mount(), options).unwrap();
    for batch in batches {
        append(&mut journal, batch).unwrap();
    }
    drop(journal);
    medium.lose_power();
    medium
}

/// Everything a reader has.
pub(crate) fn read_all(reader: &mut Reader) -> Result<Vec<Owned>, ReadError> {
    let mut batches = Vec::new();
    while let Some(batch) = reader.next_batch()? {
        batches.push((batch.first_sequence, batch.count, batch.payload.to_vec()));
    }
    Ok(batches)
}

/// The place after each batch of a stopped journal, the first of all before the first.
pub(crate) fn checkpoints(medium: &SimulatedDisk) -> Vec<Checkpoint> {
    let mut reader = Reader::open_on(medium.mount()).unwrap();
    let mut places = vec![reader.summary().checkpoint()];
    while reader.next_batch().unwrap().is_some() {
        places.push(reader.summary().checkpoint());
    }
    places
}

/// Three small batches in one segment: their frames, and the segment's bytes.
pub(crate) struct Small {
    pub(crate) batches: Vec<Owned>,
    pub(crate) image: Vec<u8>,
    /// Where each frame begins, and where the last one ends.
    pub(crate) frames: [usize; 4],
}

pub(crate) fn small() -> Small {
    let batches = vec![batch(1, 2, 30), batch(3, 1, 21), batch(4, 3, 33)];
    let image = disk_with(&batches, &options()).durable(SEGMENT_1).unwrap();
    let length = |payload: usize| (56 + payload).next_multiple_of(8);
    let second = FIRST_FRAME + length(30);
    let third = second + length(21);
    Small { batches, image, frames: [FIRST_FRAME, second, third, third + length(33)] }
}

/// A disk that holds one segment with this content.
pub(crate) fn disk_of(image: Vec<u8>) -> SimulatedDisk {
    let medium = SimulatedDisk::new(1);
    medium.put(SEGMENT_1, image);
    medium
}

/// A generator for tests: xorshift64*. The seed is printed by whoever fails.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11) % bound
    }
}
