//! Mutations: one input made from others.

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

/// The longest input made, in bytes.
const LENGTH_MAX: usize = 16 << 10;
/// The longest piece that is removed, repeated or taken from elsewhere at once.
const PIECE_MAX: usize = 256;
/// Numbers at the edges of what fields hold.
const EDGES: [u64; 18] = [
    0,
    1,
    2,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    1_000_000,
    1_000_000_000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
];

/// Makes inputs of others.
#[derive(Debug)]
pub(crate) struct Mutator {
    words: Vec<Vec<u8>>,
    mend: Option<fn(&mut Vec<u8>)>,
}

impl Mutator {
    /// `words` are pieces that mean something, `mend` makes an input whole again.
    pub(crate) fn new(words: Vec<Vec<u8>>, mend: Option<fn(&mut Vec<u8>)>) -> Mutator {
        Mutator { words, mend }
    }

    /// An input like `base` with some changes, perhaps with pieces of `other` in it.
    pub(crate) fn mutate(&self, base: &[u8], other: &[u8], random: &mut StdRng) -> Vec<u8> {
        let mut bytes = base.to_vec();
        for _ in 0..1 << random.random_range(0..4) {
            self.change(&mut bytes, other, random);
        }
        bytes.truncate(LENGTH_MAX);
        if let Some(mend) = self.mend.filter(|_| random.random_bool(0.5)) {
            mend(&mut bytes);
        }
        bytes
    }

    fn change(&self, bytes: &mut Vec<u8>, other: &[u8], random: &mut StdRng) {
        let length = bytes.len();
        match random.random_range(0..12) {
            _ if length == 0 => bytes.extend(piece(other, random)),
            0 | 1 => bytes[below(length, random)] ^= 1 << random.random_range(0..8),
            2 => {
                let changed = range(length, 8, random);
                random.fill_bytes(&mut bytes[changed]);
            }
            3..=5 => number(bytes, random),
            6 => drop(bytes.drain(range(length, PIECE_MAX, random))),
            7 => {
                let again = piece(bytes, random);
                insert(bytes, &again, random);
            }
            8 => overwrite(bytes, &piece(other, random), random),
            9 => insert(bytes, &piece(other, random), random),
            10 if !self.words.is_empty() => {
                let word = &self.words[below(self.words.len(), random)];
                if random.random_bool(0.5) {
                    insert(bytes, word, random);
                } else {
                    overwrite(bytes, word, random);
                }
            }
            _ => bytes.truncate(below(length + 1, random)),
        }
    }
}

/// Puts an edge in place of a little-endian number, or moves it by a little.
fn number(bytes: &mut [u8], random: &mut StdRng) {
    let width = 1 << random.random_range(0..4);
    if bytes.len() < width {
        return;
    }
    // Fields mostly begin at multiples of their width.
    let step = if random.random_bool(0.8) { width } else { 1 };
    let at = below((bytes.len() - width) / step + 1, random) * step;
    let mut old = [0; 8];
    old[..width].copy_from_slice(&bytes[at..at + width]);
    let edge = EDGES[below(EDGES.len(), random)];
    let new = match random.random_range(0..4) {
        0 => edge,
        1 => edge.wrapping_neg(),
        2 => u64::from_le_bytes(old).wrapping_add(random.random_range(1..=16)),
        _ => u64::from_le_bytes(old).wrapping_sub(random.random_range(1..=16)),
    };
    bytes[at..at + width].copy_from_slice(&new.to_le_bytes()[..width]);
}

fn insert(bytes: &mut Vec<u8>, piece: &[u8], random: &mut StdRng) {
    let at = below(bytes.len() + 1, random);
    bytes.splice(at..at, piece.iter().copied());
}

fn overwrite(bytes: &mut [u8], piece: &[u8], random: &mut StdRng) {
    let length = piece.len().min(bytes.len());
    let at = below(bytes.len() - length + 1, random);
    bytes[at..at + length].copy_from_slice(&piece[..length]);
}

fn piece(of: &[u8], random: &mut StdRng) -> Vec<u8> {
    if of.is_empty() {
        return vec![random.random()];
    }
    of[range(of.len(), PIECE_MAX, random)].to_vec()
}

/// A part of `length` bytes, at least one and at most `most` long. There is at least one byte.
fn range(length: usize, most: usize, random: &mut StdRng) -> std::ops::Range<usize> {
    let at = below(length, random);
    at..at + 1 + below(most.min(length - at), random)
}

/// Less than `end`, which is at least 1.
fn below(end: usize, random: &mut StdRng) -> usize {
    random.random_range(0..end)
}
