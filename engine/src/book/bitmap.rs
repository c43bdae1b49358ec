//! Which ticks of a window hold a level: a bit each, under two layers that say which words are not empty, so
//! that the next one is found in at most three steps however far away.

/// 64, 64² or 64³ bits, read as a ring.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bitmap {
    /// Bit n: `mid[n]` is not empty.
    top: u64,
    /// Bit n of word m: `low[64 m + n]` is not empty.
    mid: Vec<u64>,
    low: Vec<u64>,
}

impl Bitmap {
    pub(crate) fn new(bits: usize) -> Bitmap {
        Bitmap { top: 0, mid: vec![0; bits.div_ceil(1 << 12)], low: vec![0; bits.div_ceil(1 << 6)] }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.top == 0
    }

    #[inline]
    pub(crate) fn has(&self, at: usize) -> bool {
        self.low[at >> 6] >> (at & 63) & 1 != 0
    }

    /// Sets a bit; true if it was set already.
    #[inline]
    pub(crate) fn set(&mut self, at: usize) -> bool {
        let word = &mut self.low[at >> 6];
        let (before, bit) = (*word, 1 << (at & 63));
        *word = before | bit;
        // Whether the upper layers have it already is hard to guess; setting it again is not.
        self.mid[at >> 12] |= 1 << (at >> 6 & 63);
        self.top |= 1 << (at >> 12);
        before & bit != 0
    }

    #[inline]
    pub(crate) fn clear(&mut self, at: usize) {
        let low = &mut self.low[at >> 6];
        *low &= !(1 << (at & 63));
        let mid = &mut self.mid[at >> 12];
        *mid &= !(u64::from(*low == 0) << (at >> 6 & 63));
        self.top &= !(u64::from(*mid == 0) << (at >> 12));
    }

    /// Asks the processor for the words of a bit.
    #[inline]
    pub(crate) fn prefetch(&self, at: usize) {
        for word in self.low.get(at >> 6).into_iter().chain(self.mid.get(at >> 12)) {
            crate::prefetch::line(word);
        }
    }

    /// The first bit set at `at` or before it, going around once.
    #[inline]
    pub(crate) fn at_or_before(&self, at: usize) -> Option<usize> {
        let word = self.low[at >> 6] & (u64::MAX >> (63 - (at & 63)));
        if word != 0 {
            return Some(at & !63 | highest(word));
        }
        self.before_word(at)
    }

    /// The same, when there is nothing in the word of `at` itself.
    fn before_word(&self, at: usize) -> Option<usize> {
        let mid = self.mid[at >> 12] & below(at >> 6 & 63);
        if mid != 0 {
            return Some(self.last_of_low(at >> 12 << 6 | highest(mid)));
        }
        let top = self.top & below(at >> 12);
        match (top, self.top) {
            (0, 0) => None,
            (0, all) => Some(self.last_of_mid(highest(all))),
            (top, _) => Some(self.last_of_mid(highest(top))),
        }
    }

    /// The first bit set at `at` or after it, going around once.
    pub(crate) fn at_or_after(&self, at: usize) -> Option<usize> {
        let word = self.low[at >> 6] & (u64::MAX << (at & 63));
        if word != 0 {
            return Some(at & !63 | lowest(word));
        }
        let mid = self.mid[at >> 12] & above(at >> 6 & 63);
        if mid != 0 {
            return Some(self.first_of_low(at >> 12 << 6 | lowest(mid)));
        }
        let top = self.top & above(at >> 12);
        match (top, self.top) {
            (0, 0) => None,
            (0, all) => Some(self.first_of_mid(lowest(all))),
            (top, _) => Some(self.first_of_mid(lowest(top))),
        }
    }

    fn last_of_mid(&self, at: usize) -> usize {
        self.last_of_low(at << 6 | highest(self.mid[at]))
    }

    fn last_of_low(&self, at: usize) -> usize {
        at << 6 | highest(self.low[at])
    }

    fn first_of_mid(&self, at: usize) -> usize {
        self.first_of_low(at << 6 | lowest(self.mid[at]))
    }

    fn first_of_low(&self, at: usize) -> usize {
        at << 6 | lowest(self.low[at])
    }
}

/// The bits below one.
fn below(bit: usize) -> u64 {
    (1 << bit) - 1
}

/// The bits above one.
fn above(bit: usize) -> u64 {
    !(u64::MAX >> (63 - bit))
}

/// The highest bit of a word that has one.
fn highest(word: u64) -> usize {
    (word.leading_zeros() ^ 63) as usize
}

/// The lowest bit of a word that has one.
fn lowest(word: u64) -> usize {
    word.trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn finds_what_a_sorted_set_finds(
            size in 0..3_usize,
            changes in prop::collection::vec((any::<u32>(), any::<bool>(), any::<u32>()), 1..200),
        ) {
            let bits = [64, 4_096, 262_144][size];
            let (mut map, mut set) = (Bitmap::new(bits), BTreeSet::new());
            for (at, put, from) in changes {
                let (at, from) = (at as usize % bits, from as usize % bits);
                if put {
                    map.set(at);
                    set.insert(at);
                } else {
                    let at = set.range(at..).next().copied().unwrap_or(at);
                    map.clear(at);
                    set.remove(&at);
                }
                let before = set.range(..=from).next_back().or_else(|| set.last());
                let after = set.range(from..).next().or_else(|| set.first());
                prop_assert_eq!(map.at_or_before(from), before.copied());
                prop_assert_eq!(map.at_or_after(from), after.copied());
                prop_assert_eq!(map.has(from), set.contains(&from));
                prop_assert_eq!(map.is_empty(), set.is_empty());
            }
        }
    }
}
