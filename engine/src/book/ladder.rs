//! One side of a hot book: a window of ticks around the best levels and an ordered rest far from them.
//!
//! Every level whose key is in the window's range is in the window, every other in `far`. The window grows in
//! two steps from 64 ticks to 64³ as the orders need it. At its largest it follows the best level, at most
//! [`STEP`] levels an operation, so no operation ever moves many.

use super::window::{SPANS, Window};
use super::{Level, TAIL};
use std::collections::BTreeMap;
use types::SlotHint;

/// The most levels that one operation carries between the window and the rest.
const STEP: usize = 32;

/// The levels of one side, by key: the higher the better.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ladder {
    /// The best key; says nothing while there are no levels.
    best: i64,
    levels: usize,
    window: Window,
    far: BTreeMap<i64, Level>,
}

/// Windows that no ladder needs now, by size: a ladder that grows again takes one of these.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows([Vec<Window>; SPANS.len()]);

impl Windows {
    fn take(&mut self, size: usize) -> Window {
        self.0[size].pop().unwrap_or_else(|| Window::new(SPANS[size]))
    }

    fn give(&mut self, window: Window) {
        debug_assert!(window.is_empty(), "a spare window holds nothing");
        if let Some(size) = SPANS.iter().position(|&span| span == window.span()) {
            self.0[size].push(window);
        }
    }
}

impl Ladder {
    /// The best key.
    #[inline]
    pub(crate) fn best(&self) -> Option<i64> {
        (self.levels > 0).then_some(self.best)
    }

    /// The level at a key.
    pub(crate) fn get(&self, key: i64) -> Option<Level> {
        if self.window.spans(key) { self.window.get(key) } else { self.far.get(&key).copied() }
    }

    /// The level at a key that has one.
    #[inline]
    pub(crate) fn level(&self, key: i64) -> Level {
        if self.window.spans(key) { self.window.level(key) } else { self.far[&key] }
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn level_mut(&mut self, key: i64) -> &mut Level {
        if self.window.spans(key) {
            self.window.level_mut(key)
        } else {
            self.far.get_mut(&key).expect("the caller knows an order of the level")
        }
    }

    /// Puts an order at the end of the level at a key, making it if there is none; the last order there before,
    /// if any.
    #[inline]
    pub(crate) fn append(&mut self, key: i64, slot: SlotHint, spares: &mut Windows) -> Option<SlotHint> {
        let before = if self.window.spans(key) {
            self.window.append(key, slot)
        } else {
            self.append_outside(key, slot, spares)
        };
        if before.is_none() {
            let best = if self.levels == 0 { key } else { self.best };
            self.best = best.max(key);
            self.levels += 1;
        }
        before
    }

    /// Takes the level at a key that has one away.
    #[inline]
    pub(crate) fn remove(&mut self, key: i64) {
        if self.window.spans(key) {
            self.window.remove(key);
        } else {
            self.far.remove(&key);
        }
        self.levels -= 1;
        if key == self.best && self.levels > 0 {
            self.best = self.next_best(key);
            if !self.window.spans(self.best) {
                self.follow();
            }
        }
    }

    /// The best key below a key that was the best, when there still are levels.
    #[inline]
    fn next_best(&self, key: i64) -> i64 {
        if self.far.is_empty()
            && let Some(best) = self.window.at_or_below(key)
        {
            return best;
        }
        self.at_or_below(key).expect("there still are levels, and none is better")
    }

    /// The best key with a level at `from` or below.
    pub(crate) fn at_or_below(&self, from: i64) -> Option<i64> {
        let far = self.far.range(..=from).next_back().map(|(&key, _)| key);
        let near = if self.window.is_empty() || from < self.window.low() {
            None
        } else {
            self.window.at_or_below(from.min(self.window.high()))
        };
        near.max(far)
    }

    #[cold]
    fn append_outside(&mut self, key: i64, slot: SlotHint, spares: &mut Windows) -> Option<SlotHint> {
        while !self.window.spans(key) {
            if self.far.is_empty() && self.slide_to(key) {
                break;
            }
            if !self.grow(spares) {
                return self.append_far(key, slot);
            }
        }
        self.window.append(key, slot)
    }

    fn append_far(&mut self, key: i64, slot: SlotHint) -> Option<SlotHint> {
        if let Some(level) = self.far.get_mut(&key) {
            return Some(std::mem::replace(&mut level[TAIL], slot));
        }
        self.far.insert(key, [slot; 2]);
        self.follow();
        None
    }

    /// Slides the window over `key` if all its levels stay in range; nothing has to be moved for that.
    fn slide_to(&mut self, key: i64) -> bool {
        let (low, high) = match (self.window.lowest(), self.window.highest()) {
            (Some(low), Some(high)) => (low.min(key), high.max(key)),
            _ => (key, key),
        };
        let Ok(needed) = usize::try_from(super::key_distance(low, high)) else { return false };
        if needed >= self.window.span() {
            return false;
        }
        let spare = i64::try_from((self.window.span() - needed) / 2).expect("a span is at most 2^18");
        self.window.start_at(low.saturating_sub(spare));
        true
    }

    /// Moves all levels into a window of the next size: at most 64² of them, and twice in a book's life. False
    /// if this is the largest.
    fn grow(&mut self, spares: &mut Windows) -> bool {
        let size = SPANS.iter().position(|&span| span == self.window.span()).map_or(0, |size| size + 1);
        if size == SPANS.len() {
            return false;
        }
        let old = std::mem::replace(&mut self.window, spares.take(size));
        let Some(lowest) = old.lowest() else { return true };
        let spare = i64::try_from((SPANS[size] - old.span()) / 2).expect("a span is at most 2^18");
        self.window.start_at(lowest.saturating_sub(spare));
        let mut old = old;
        while let Some(key) = old.lowest() {
            let level = old.get(key).expect("its lowest level is there");
            self.window.insert(key, level);
            old.remove(key);
        }
        spares.give(old);
        true
    }

    /// Lets the window follow the best level, a bounded step at a time.
    #[cold]
    fn follow(&mut self) {
        let Some(best) = self.window.highest().max(self.far.last_key_value().map(|(&key, _)| key)) else {
            return;
        };
        let span = i64::try_from(self.window.span()).expect("a span is at most 2^18");
        // A quarter of the window is left for better prices.
        let wanted = best.saturating_sub(span - span / 4).min(self.window.highest_low());
        if self.window.is_empty() {
            self.jump(best, wanted);
        } else if wanted > self.window.low() {
            self.slide_up(wanted, span);
        } else {
            self.slide_down(wanted, span);
        }
    }

    /// Starts an empty window where it is wanted, or higher so that it takes in at most [`STEP`] levels, all
    /// of them the best there are.
    fn jump(&mut self, best: i64, wanted: i64) {
        let stays = self.far.range(wanted..=best).rev().nth(STEP).map(|(&key, _)| key);
        let low = stays.map_or(wanted, |key| key + 1);
        if low <= self.window.highest_low() {
            self.window.start_at(low);
            self.take_in(STEP);
        }
    }

    /// Slides the window up as far as wanted and as far as [`STEP`] levels out of it and [`STEP`] into it allow.
    fn slide_up(&mut self, wanted: i64, span: i64) {
        let mut low = wanted;
        // The first level above that cannot come in bounds the top of the window.
        if let Some((&key, _)) = self.far.range(self.window.high()..).nth(STEP) {
            low = low.min(key - span);
        }
        for _ in 0..STEP {
            let Some(lowest) = self.window.lowest().filter(|&lowest| lowest < low) else { break };
            self.put_out(lowest);
        }
        if let Some(lowest) = self.window.lowest() {
            low = low.min(lowest);
        }
        self.window.start_at(low.max(self.window.low()));
        self.take_in(STEP);
    }

    /// The same, down.
    fn slide_down(&mut self, wanted: i64, span: i64) {
        let mut low = wanted;
        if let Some((&key, _)) = self.far.range(..self.window.low()).rev().nth(STEP) {
            low = low.max(key + 1);
        }
        for _ in 0..STEP {
            let top = low.saturating_add(span - 1);
            let Some(highest) = self.window.highest().filter(|&highest| highest > top) else { break };
            self.put_out(highest);
        }
        if let Some(highest) = self.window.highest() {
            low = low.max(highest.saturating_sub(span - 1));
        }
        self.window.start_at(low.min(self.window.low()));
        self.take_in(STEP);
    }

    fn put_out(&mut self, key: i64) {
        let level = self.window.get(key).expect("it was just found there");
        self.window.remove(key);
        self.far.insert(key, level);
    }

    /// Takes in all far levels that are in the window's range; the caller has made sure that they are few.
    fn take_in(&mut self, most: usize) {
        let range = self.window.low()..=self.window.high();
        let mut taken = 0;
        while let Some((&key, &level)) = self.far.range(range.clone()).next() {
            self.far.remove(&key);
            self.window.insert(key, level);
            taken += 1;
        }
        debug_assert!(taken <= most, "{taken} levels taken in at once");
    }

    /// Gives the window back. The ladder holds nothing.
    pub(crate) fn give_back(&mut self, spares: &mut Windows) {
        debug_assert!(self.levels == 0 && self.far.is_empty(), "only an empty ladder is given back");
        spares.give(std::mem::take(&mut self.window));
    }

    /// Asks the processor for the level of a key that will be needed soon.
    #[inline]
    pub(crate) fn prefetch(&self, key: i64) {
        self.window.prefetch(key);
    }

    #[cfg(test)]
    pub(crate) fn has_far(&self) -> bool {
        !self.far.is_empty()
    }

    /// Checks every invariant but those of the lists.
    ///
    /// # Errors
    /// A sentence naming what is wrong.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.far.keys().any(|&key| self.window.spans(key)) {
            return Err("a level in the window's range lies outside of it".to_owned());
        }
        let mut keys = 0;
        let mut next = self.at_or_below(i64::MAX);
        if next != self.best() {
            return Err(format!("the best key is {next:?}, not {:?}", self.best()));
        }
        while let Some(key) = next {
            keys += 1;
            next = if key == i64::MIN { None } else { self.at_or_below(key - 1) };
        }
        if keys != self.levels {
            return Err(format!("{} levels are counted and {keys} are there", self.levels));
        }
        Ok(())
    }
}
