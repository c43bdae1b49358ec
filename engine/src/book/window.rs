//! The dense part of a ladder: a level for every tick of a window, found by its key alone.
//!
//! The window is a ring: a key lies at its low bits, so that sliding the window moves nothing.

use super::bitmap::Bitmap;
use super::{Level, TAIL, key_distance};
use types::SlotHint;

/// How many ticks a window spans: one, two or three layers of the bitmap.
pub(crate) const SPANS: [usize; 3] = [1 << 6, 1 << 12, 1 << 18];

/// The levels whose keys are in a range of consecutive keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// The lowest key of the range.
    low: i64,
    /// By the low bits of the key; says something only where `bits` has a bit.
    levels: Vec<Level>,
    bits: Bitmap,
}

impl Window {
    /// An empty window of one of the [`SPANS`]. Memory is taken as its ticks are used, where that saves any.
    pub(crate) fn new(span: usize) -> Window {
        Window { low: 0, levels: vec![[0; 2]; span], bits: Bitmap::new(span) }
    }

    pub(crate) fn span(&self) -> usize {
        self.levels.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bits.is_empty()
    }

    pub(crate) fn low(&self) -> i64 {
        self.low
    }

    /// The highest key of the range.
    pub(crate) fn high(&self) -> i64 {
        self.low.wrapping_add(self.reach())
    }

    /// From the lowest key of the range to the highest.
    fn reach(&self) -> i64 {
        i64::try_from(self.span() - 1).expect("a span is at most 2^18")
    }

    /// Moves the range so that it starts at `low`, or as near as keys exist. The caller has moved away all
    /// levels that are not in the new range.
    pub(crate) fn start_at(&mut self, low: i64) {
        self.low = low.min(self.highest_low());
    }

    /// The highest key a range can start at.
    pub(crate) fn highest_low(&self) -> i64 {
        i64::MAX - self.reach()
    }

    #[inline]
    pub(crate) fn spans(&self, key: i64) -> bool {
        key_distance(self.low, key) < self.levels.len() as u64
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are what is wanted")]
    fn place(&self, key: i64) -> usize {
        key.cast_unsigned() as usize & self.levels.len().wrapping_sub(1)
    }

    /// The level at a key of the range.
    #[inline]
    pub(crate) fn get(&self, key: i64) -> Option<Level> {
        let at = self.place(key);
        self.bits.has(at).then(|| self.levels[at])
    }

    /// The level at a key of the range that has one.
    #[inline]
    pub(crate) fn level(&self, key: i64) -> Level {
        self.levels[self.place(key)]
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn level_mut(&mut self, key: i64) -> &mut Level {
        let at = self.place(key);
        &mut self.levels[at]
    }

    /// Puts an order at the end of the level at a key of the range; the last order there before, if any.
    #[inline]
    pub(crate) fn append(&mut self, key: i64, slot: SlotHint) -> Option<SlotHint> {
        let at = self.place(key);
        let level = &mut self.levels[at];
        if self.bits.set(at) {
            return Some(std::mem::replace(&mut level[TAIL], slot));
        }
        *level = [slot; 2];
        None
    }

    pub(crate) fn insert(&mut self, key: i64, level: Level) {
        let at = self.place(key);
        self.levels[at] = level;
        self.bits.set(at);
    }

    #[inline]
    pub(crate) fn remove(&mut self, key: i64) {
        self.bits.clear(self.place(key));
    }

    /// The highest key with a level, at `from` or below, where `from` is in the range.
    #[inline]
    pub(crate) fn at_or_below(&self, from: i64) -> Option<i64> {
        let at = self.bits.at_or_before(self.place(from))?;
        let key = self.key_of(at);
        (key <= from).then_some(key)
    }

    /// The lowest key with a level.
    pub(crate) fn lowest(&self) -> Option<i64> {
        if self.is_empty() {
            return None;
        }
        self.bits.at_or_after(self.place(self.low)).map(|at| self.key_of(at))
    }

    /// The highest key with a level.
    pub(crate) fn highest(&self) -> Option<i64> {
        if self.is_empty() {
            return None;
        }
        self.at_or_below(self.high())
    }

    /// The key of the range that lies at a place.
    #[inline]
    fn key_of(&self, at: usize) -> i64 {
        let above_low = at.wrapping_sub(self.place(self.low)) & self.levels.len().wrapping_sub(1);
        self.low.wrapping_add_unsigned(above_low as u64)
    }

    /// Asks the processor for the level of a key that will be needed soon.
    #[inline]
    pub(crate) fn prefetch(&self, key: i64) {
        if let Some(level) = self.levels.get(self.place(key)) {
            crate::prefetch::line(level);
        }
        self.bits.prefetch(self.place(key));
    }
}
