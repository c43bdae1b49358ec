//! An index from names to places: open addressing over 4-byte cells, and numbers in a row of one owner in one
//! cache line. What lies at a place is not known here: the caller says whether it is the one.
//!
//! The cells are probed in an order that steps from line to line, so that two owners whose lines fall together
//! shift each other by a line and not by a cell. A cell keeps how far it is from its home, so neither a search
//! nor a removal has to look at what lies at other places, but for the few that are far.
//!
//! It grows by doubling, a few cells moved with each insertion, so no command pays for all of it.

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

/// Places by name; a name has one place.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    cells: Cells,
    /// What the cells were before they were doubled, until all are moved.
    old: Cells,
    /// The first of the old cells, in their order, that may not have been moved, and how many are before it.
    moving: usize,
    moved: usize,
    len: usize,
    seed: [u64; 2],
}

/// Cells in a line of the cache.
const LINE: usize = 16;
/// Places are below this: the rest of a cell is for its distance.
pub(crate) const PLACES_MAX: u32 = PLACE;
/// The bits of a cell for the place, and one; 0 if it is empty.
const PLACE: u32 = u32::MAX >> 4;
/// Where in a hash the cell of a line begins.
const CELL_SHIFT: u32 = u64::BITS - LINE.trailing_zeros();
/// The bits of a hash for the line.
const LOW: u64 = u32::MAX as u64;
/// Spreads owners, which are counted, over all bits.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// The distance from home that stands for all greater ones as well.
const FAR: usize = 15;
/// There are never fewer cells.
const CELLS_MIN: usize = 16 * LINE;
/// How many old cells an insertion deals with. Five would do to be done before the next doubling.
const MOVES: usize = 8;

impl Default for Index {
    fn default() -> Index {
        let (cells, old) = (Cells::new(CELLS_MIN), Cells::default());
        Index {
            cells,
            old,
            moving: 0,
            moved: 0,
            len: 0,
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

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The place of that name, of which `is_it` knows whether it is the one.
    #[inline(always)]
    pub(crate) fn find(&self, name: Name, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = self.hash(name);
        let found = self.cells.find(hash, &is_it);
        if found.is_some() || self.old.is_empty() { found } else { self.old.find(hash, &is_it) }
    }

    /// Puts in a name that is not there; `name_of` says which name a place has.
    #[inline(always)]
    pub(crate) fn insert(&mut self, name: Name, place: u32, name_of: impl Fn(u32) -> Name) {
        debug_assert!(place < PLACES_MAX, "a place fits in its bits");
        self.len += 1;
        if !self.old.is_empty() {
            self.move_some(&name_of);
        } else if 4 * self.len > self.cells.len() {
            self.double();
        }
        self.cells.insert(self.hash(name), place);
    }

    /// Takes a name out that is there, at this place.
    #[inline(always)]
    pub(crate) fn remove(&mut self, name: Name, place: u32, name_of: impl Fn(u32) -> Name) {
        let hash = self.hash(name);
        let seed = self.seed;
        let hash_of = |place| hash_of(seed, name_of(place));
        self.len -= 1;
        if !self.cells.remove(hash, place, &hash_of) {
            let was_there = self.old.remove(hash, place, &hash_of);
            debug_assert!(was_there, "only names that are there are taken out");
        }
    }

    #[inline(always)]
    fn hash(&self, name: Name) -> u64 {
        hash_of(self.seed, name)
    }

    #[cold]
    fn double(&mut self) {
        let cells = Cells::new(2 * self.cells.len());
        self.old = std::mem::replace(&mut self.cells, cells);
        (self.moving, self.moved) = (0, 0);
    }

    /// Moves the next few of the old cells. All cells before them are empty, and stay so.
    #[cold]
    fn move_some(&mut self, name_of: &impl Fn(u32) -> Name) {
        let seed = self.seed;
        for _ in 0..MOVES {
            if self.moved == self.old.len() {
                self.old = Cells::default();
                return;
            }
            // In the order in which they are probed, or a closed gap could be filled from behind.
            match self.old.0[self.moving] {
                0 => (self.moving, self.moved) = (self.old.next(self.moving), self.moved + 1),
                held => {
                    let place = place_in(held);
                    self.old.close(self.moving, &|place| hash_of(seed, name_of(place)));
                    self.cells.insert(hash_of(seed, name_of(place)), place);
                }
            }
        }
    }
}

/// A hash of the owner and the number's line in the low bits; the cell in that line in the highest.
#[inline(always)]
fn hash_of(seed: [u64; 2], name: Name) -> u64 {
    let owner = u64::from(name.owner).wrapping_mul(SPREAD) ^ seed[0];
    let wide = u128::from(owner) * u128::from((name.number / LINE as u64) ^ seed[1]);
    let [low, high] = [wide & u128::from(u64::MAX), wide >> 64];
    let mixed = u64::try_from(low ^ high).expect("64 bits");
    // Each line begins at another cell, or numbers that are all multiples of a line would share theirs.
    mixed.wrapping_add(name.number << CELL_SHIFT)
}

/// A power of two of cells, or none. They are probed in this order: the first of every line, then the second of
/// every line, and so on, round and round.
#[derive(Clone, Debug, Default)]
struct Cells(Vec<u32>);

impl Cells {
    fn new(len: usize) -> Cells {
        Cells(vec![0; len])
    }

    #[inline(always)]
    fn len(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The cell where the search for a hash begins.
    #[inline(always)]
    fn home(&self, hash: u64) -> usize {
        let low = usize::try_from(hash & LOW).expect("32 bits");
        let cell = usize::try_from(hash >> CELL_SHIFT).expect("4 bits");
        ((low * LINE) & (self.len() - 1)) + cell
    }

    #[inline(always)]
    fn next(&self, at: usize) -> usize {
        let next = at + LINE;
        if next < self.len() { next } else { (next + 1) % LINE }
    }

    /// How many steps it is from one cell to another.
    fn steps(&self, from: usize, to: usize) -> usize {
        let lines = self.len() / LINE;
        let position = |at: usize| at % LINE * lines + at / LINE;
        position(to).wrapping_sub(position(from)) & (self.len() - 1)
    }

    /// Ends at an empty cell: at most a quarter of them is taken, because a collision costs more than the memory.
    #[inline(always)]
    fn find(&self, hash: u64, is_it: &impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        let mut distance = 0;
        loop {
            let held = self.0[at];
            if held == 0 {
                return None;
            }
            if distance_in(held) == distance && is_it(place_in(held)) {
                return Some(place_in(held));
            }
            at = self.next(at);
            distance = FAR.min(distance + 1);
        }
    }

    #[inline(always)]
    fn insert(&mut self, hash: u64, place: u32) {
        let mut at = self.home(hash);
        let mut distance = 0;
        while self.0[at] != 0 {
            at = self.next(at);
            distance = FAR.min(distance + 1);
        }
        self.0[at] = held(place, distance);
    }

    /// False if it is not here.
    #[inline(always)]
    fn remove(&mut self, hash: u64, place: u32, hash_of: &impl Fn(u32) -> u64) -> bool {
        if self.is_empty() {
            return false;
        }
        let mut at = self.home(hash);
        loop {
            match self.0[at] {
                0 => return false,
                held if place_in(held) == place => break,
                _ => at = self.next(at),
            }
        }
        self.close(at, hash_of);
        true
    }

    /// Empties a cell, and moves those after it that could not be at their home for it.
    #[inline(always)]
    fn close(&mut self, mut gap: usize, hash_of: &impl Fn(u32) -> u64) {
        let (mut at, mut back) = (gap, 0);
        loop {
            (at, back) = (self.next(at), back + 1);
            let moving = self.0[at];
            if moving == 0 {
                break;
            }
            let distance = match distance_in(moving) {
                FAR => self.steps(self.home(hash_of(place_in(moving))), at),
                near => near,
            };
            if distance >= back {
                self.0[gap] = held(place_in(moving), distance - back);
                (gap, back) = (at, 0);
            }
        }
        self.0[gap] = 0;
    }
}

#[inline(always)]
fn held(place: u32, distance: usize) -> u32 {
    let distance = u32::try_from(distance.min(FAR)).expect("4 bits");
    distance << PLACE.count_ones() | (place + 1)
}

#[inline(always)]
fn distance_in(held: u32) -> usize {
    (held >> PLACE.count_ones()) as usize
}

/// Of a cell that is not empty.
#[inline(always)]
fn place_in(held: u32) -> u32 {
    (held & PLACE).wrapping_sub(1)
}
