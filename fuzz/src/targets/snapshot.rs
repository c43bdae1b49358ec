//! Snapshots that were written and then damaged, or made by hand.

use crate::{Attempt, Target, Trace};
use journal::{Checkpoint, Hash, LoadError, Pruned, SimulatedDisk, Snapshot, Snapshots};
use std::mem::discriminant;

/// An input is whether its checksum and hash are made right (1 byte), by how much its name is off (1), and a file.
const HEAD: usize = 2;
const HEADER: usize = 96;
const TRAILER: usize = 32;

pub(super) const SNAPSHOT: Target = Target {
    name: "snapshot",
    holds: "a snapshot is what was written, or is refused; what it says it holds is not taken for what is there",
    seeds,
    words: || vec![b"CUEXSNAP".to_vec()],
    mend: None,
    start,
};

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for payload in [&b""[..], b"a market", &[7; 600]] {
        let file = write(payload).1;
        seeds.extend([0, 1].map(|right| [&[right, 0][..], &file].concat()));
    }
    seeds
}

fn write(payload: &[u8]) -> (Snapshot, Vec<u8>) {
    let medium = SimulatedDisk::new(1);
    let mut snapshots = Snapshots::new(medium.mount());
    let checkpoint = Checkpoint { sequence: 42, head: Hash::from_bytes([9; 32]) };
    let mut writer = snapshots.begin(3, checkpoint).expect("an empty disk is taken");
    writer.write(payload).expect("there is space");
    let info = writer.finish().expect("there is space");
    assert_eq!((info.checkpoint, info.length), (checkpoint, payload.len() as u64));
    let file = medium.written(&name(42)).expect("it is there");
    (Snapshot { info, payload: payload.to_vec() }, file)
}

fn start() -> Attempt {
    let written: Vec<(Snapshot, Vec<u8>)> = [&b""[..], b"a market", &[7; 600]].map(write).to_vec();
    Box::new(move |input| {
        let ([right, off], file) = super::take::<HEAD>(input);
        let mut file = file.to_vec();
        if right & 1 == 1 {
            seal(&mut file);
        }
        let stated =
            file.get(16..24).map_or(42, |bytes| u64::from_le_bytes(std::array::from_fn(|at| bytes[at])));
        let sequence = if off < 8 { stated.wrapping_add(off.into()) } else { 42 };
        let medium = SimulatedDisk::new(1);
        medium.put(&name(sequence), file.clone());
        let mut snapshots = Snapshots::new(medium.mount());
        assert_eq!(snapshots.list().ok(), Some(vec![sequence]));
        let loaded = snapshots.load(sequence);
        let checked = snapshots.check(sequence);
        assert_eq!(
            loaded.as_ref().map(|loaded| loaded.info).ok(),
            checked.ok(),
            "both ways to read it agree"
        );
        assert_eq!(snapshots.prune(2, |_| true).ok(), Some(Pruned::default()));
        match loaded {
            Ok(loaded) => {
                assert_eq!(
                    (loaded.info.checkpoint.sequence, loaded.info.length),
                    (sequence, loaded.payload.len() as u64)
                );
                assert_eq!(loaded.payload, file[HEADER..file.len() - TRAILER]);
                let as_written =
                    written.iter().any(|(snapshot, bytes)| *snapshot == loaded && *bytes == file);
                assert!(as_written || right & 1 == 1, "nobody wrote this");
                Trace::of((as_written, loaded.payload.is_empty()))
            }
            Err(LoadError::Bad { flaw, .. }) => Trace::of(discriminant(&flaw)),
            Err(error) => panic!("the disk is good: {error}"),
        }
    })
}

fn name(sequence: u64) -> String {
    format!("{sequence:020}.snap")
}

/// Makes the header's checksum and the hash behind the payload right.
fn seal(file: &mut [u8]) {
    let Some(payload_end) = file.len().checked_sub(TRAILER).filter(|end| *end >= HEADER) else { return };
    let checksum = crc32c::crc32c(&file[..HEADER - 4]);
    file[HEADER - 4..HEADER].copy_from_slice(&checksum.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&file[HEADER..payload_end]);
    hasher.update(&file[..HEADER]);
    let hash = hasher.finalize();
    file[payload_end..].copy_from_slice(hash.as_bytes());
}
