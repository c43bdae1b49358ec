//! The last steps of a world in words, and a hash over all of them that tells two lives apart.

use std::collections::VecDeque;
use std::fmt::{self, Write};

/// How many lines are kept.
const KEPT: usize = 80;

/// What has happened.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    lines: VecDeque<String>,
    hash: u64,
    /// The current step, which stands before each line.
    pub(crate) step: u32,
}

impl Trace {
    /// Adds a line.
    pub(crate) fn say(&mut self, what: fmt::Arguments<'_>) {
        let mut line =
            if self.lines.len() < KEPT { None } else { self.lines.pop_front() }.unwrap_or_default();
        line.clear();
        write!(line, "{:>5} {what}", self.step).expect("a string takes all that is written");
        // FNV-1a.
        self.hash = line
            .bytes()
            .fold(self.hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        self.lines.push_back(line);
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
