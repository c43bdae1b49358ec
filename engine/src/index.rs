//! An index from names to places: buckets of 4 bytes, each the head of a list that is threaded through the places
//! themselves, and numbers in a row of one owner in one cache line. What lies at a place is not known here: the
//! caller says whether it is the one.
//!
//! So putting a name in writes two words and asks nothing, and taking out the one put in last does the same. Lists
//! are short: there are at least two buckets for each name.
//!
//! It grows by doubling, a few buckets moved with each insertion, so no command pays for all of it.

#[cfg(test)]
mod tests;

/// What a place is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    /// Whose.
    pub(crate) owner: u32,
    /// Which of the owner's.
    pub(crate) number: u64,
}

/// Places by name; a name has one place, and a place one name.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// A power of two of buckets: the place put there last, and one; 0 if there is none.
    heads: Vec<u32>,
    /// By place: the place that was put into the same bucket before it, and one; 0 if there was none.
    nexts: Vec<u32>,
    /// What the heads were before they were doubled, until all buckets are moved.
    old: Vec<u32>,
    /// The first of the old buckets that has not been moved.
    moving: usize,
    len: usize,
    /// With more names than these an insertion has more to do: none while buckets are moved, and half as many as
    /// there are buckets otherwise.
    roomy: usize,
    seed: [u64; 2],
}

/// Buckets in a line of the cache.
const LINE: usize = 16;
/// Places are below this.
pub(crate) const PLACES_MAX: u32 = u32::MAX >> 4;
/// Spreads owners, which are counted, over all bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// There are never fewer buckets.
const BUCKETS_MIN: usize = 16 * LINE;
/// How many old buckets an insertion moves. Two would do to be done before the next doubling; more are done sooner,
/// and what is not moved is looked for twice.
const MOVES: usize = 16;

impl Default for Index {
    fn default() -> Index {
        Index {
            heads: vec![0; BUCKETS_MIN],
            nexts: Vec::new(),
            old: Vec::new(),
            moving: 0,
            len: 0,
            roomy: BUCKETS_MIN / 2,
            seed: [0x2545_f491_4f6c_dd1d, 0xd1b5_4a32_d192_ed03],
        }
    }
}

impl Index {
    /// Mixes a number into the hashes that outsiders do not know, so that they cannot choose names that fall
    /// together. Only while the index is empty.
    pub(crate) fn set_seed(&mut self, seed: [u64; 2]) {
        debug_assert!(self.len == 0, "what is in it was found by the old seed");
        self.seed = [self.seed[0] ^ seed[0], self.seed[1] ^ seed[1]];
    }

    /// Takes at once what so many names at places below `places` need. Only while the index is empty.
    pub(crate) fn reserve(&mut self, names: usize, places: usize) {
        debug_assert!(self.len == 0, "what is in it lies in other buckets");
        self.heads = vec![0; BUCKETS_MIN.max((2 * names).next_power_of_two())];
        self.roomy = self.heads.len() / 2;
        self.nexts.resize(places, 0);
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The place of that name, of which `is_it` knows whether it is the one.
    #[inline(always)]
    pub(crate) fn find(&self, name: Name, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash_of(self.seed, name);
        let found = self.find_from(self.heads[bucket(hash, self.heads.len())], &is_it);
        if found.is_some() || self.old.is_empty() { found } else { self.find_old(hash, &is_it) }
    }

    /// Asks the processor for what a search for a name begins with. Changes nothing but time.
    #[inline]
    pub(crate) fn prefetch(&self, name: Name) {
        if let Some(head) = self.heads.get(bucket(hash_of(self.seed, name), self.heads.len())) {
            crate::prefetch::line(head);
        }
    }

    #[cold]
    fn find_old(&self, hash: u64, is_it: &impl Fn(u32) -> bool) -> Option<u32> {
        self.find_from(self.old[bucket(hash, self.old.len())], is_it)
    }

    #[inline(always)]
    fn find_from(&self, head: u32, is_it: &impl Fn(u32) -> bool) -> Option<u32> {
        let mut next = head;
        while let Some(place) = next.checked_sub(1) {
            if is_it(place) {
                return Some(place);
            }
            next = self.nexts[place as usize];
        }
        None
    }

    /// Puts in a name that is not there; `name_of` says which name a place has.
    #[inline(always)]
    pub(crate) fn insert(&mut self, name: Name, place: u32, name_of: impl Fn(u32) -> Name) {
        debug_assert!(place < PLACES_MAX, "places are bounded");
        self.len += 1;
        if self.len > self.roomy {
            self.grow(&name_of);
        }
        self.put(hash_of(self.seed, name), place);
    }

    #[inline(always)]
    fn put(&mut self, hash: u64, place: u32) {
        let at = bucket(hash, self.heads.len());
        let before = std::mem::replace(&mut self.heads[at], place + 1);
        match self.nexts.get_mut(place as usize) {
            Some(next) => *next = before,
            None => self.put_first(place, before),
        }
    }

    /// The same for a place that has never been put in.
    #[cold]
    fn put_first(&mut self, place: u32, before: u32) {
        self.nexts.resize(place as usize, 0);
        self.nexts.push(before);
    }

    /// Takes a name out that is there, at this place.
    #[inline(always)]
    pub(crate) fn remove(&mut self, name: Name, place: u32) {
        let hash = hash_of(self.seed, name);
        self.len -= 1;
        let next = self.nexts[place as usize];
        let at = bucket(hash, self.heads.len());
        let head = &mut self.heads[at];
        if *head == place + 1 {
            *head = next;
        } else {
            self.remove_behind(hash, place);
        }
    }

    /// The same for a place that others were put in front of, or whose bucket has not been moved.
    #[inline(never)]
    fn remove_behind(&mut self, hash: u64, place: u32) {
        let next = self.nexts[place as usize];
        let mut before = self.heads[bucket(hash, self.heads.len())];
        if !self.old.is_empty() && !self.is_behind(before, place) {
            let at = bucket(hash, self.old.len());
            before = self.old[at];
            if before == place + 1 {
                self.old[at] = next;
                return;
            }
        }
        while self.nexts[before as usize - 1] != place + 1 {
            before = self.nexts[before as usize - 1];
        }
        self.nexts[before as usize - 1] = next;
    }

    /// True if a place is in the list of this head.
    fn is_behind(&self, head: u32, place: u32) -> bool {
        self.find_from(head, &|other| other == place).is_some()
    }

    /// Doubles the buckets, or moves the next few of the old ones. All before them are empty, and stay so.
    #[cold]
    fn grow(&mut self, name_of: &impl Fn(u32) -> Name) {
        if self.old.is_empty() {
            let heads = vec![0; 2 * self.heads.len()];
            self.old = std::mem::replace(&mut self.heads, heads);
            (self.moving, self.roomy) = (0, 0);
        }
        for _ in 0..MOVES {
            if self.moving == self.old.len() {
                self.old = Vec::new();
                self.roomy = self.heads.len() / 2;
                return;
            }
            let mut next = std::mem::take(&mut self.old[self.moving]);
            while let Some(place) = next.checked_sub(1) {
                next = self.nexts[place as usize];
                self.put(hash_of(self.seed, name_of(place)), place);
            }
            self.moving += 1;
        }
    }
}

/// A hash of the owner and the number's line, and in its low bits which bucket of the line.
#[inline(always)]
fn hash_of(seed: [u64; 2], name: Name) -> u64 {
    let owner = u64::from(name.owner).wrapping_mul(SPREAD) ^ seed[0];
    let wide = u128::from(owner) * u128::from((name.number / LINE as u64) ^ seed[1]);
    let [low, high] = [wide & u128::from(u64::MAX), wide >> 64];
    let line = u64::try_from(low ^ high).expect("64 bits");
    // Each line begins at another bucket, or numbers that are all multiples of a line would share theirs.
    let in_line = name.number.wrapping_add(line >> 32) & (LINE as u64 - 1);
    line << LINE.trailing_zeros() | in_line
}

/// Which of so many buckets a hash belongs to.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
fn bucket(hash: u64, buckets: usize) -> usize {
    hash as usize & (buckets - 1)
}
