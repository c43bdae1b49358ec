//! Bounded fuzzing on the stable toolchain: valid inputs are mutated for a while, and what must hold is looked at
//! for every one of them.
//!
//! A [`Target`] is something that takes bytes from outside and what must hold whatever they are. [`fuzz`] first
//! tries every file of the target's corpus and all its seeds, then mutations of them until the time is up. There is
//! no coverage to guide it; instead a target says of every input what kind of thing came of it, a [`Trace`], and an
//! input with a trace not seen before is mutated further. An input of which something does not hold is made small,
//! written into the corpus, and named; from then on it is tried first.

mod corpus;
mod guard;
mod mutate;
mod run;
mod shrink;
mod targets;

pub use corpus::Corpus;
pub use run::{Failure, Options, Summary, fuzz, retry};
pub use targets::TARGETS;

use std::hash::{DefaultHasher, Hash, Hasher};

/// Something that takes bytes from outside.
#[derive(Debug)]
pub struct Target {
    /// Its name, and that of its folder in the corpus.
    pub name: &'static str,
    /// What must hold of every input, in a sentence.
    pub holds: &'static str,
    /// Valid inputs to begin with, at least one.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces that mean something inside an input.
    pub words: fn() -> Vec<Vec<u8>>,
    /// Makes a mutated input whole again where that is easy, such as a length that is stated.
    pub mend: Option<fn(&mut Vec<u8>)>,
    /// Makes what tries one input after the other.
    pub start: fn() -> Attempt,
}

/// Tries one input, and panics if something does not hold.
pub type Attempt = Box<dyn FnMut(&[u8]) -> Trace>;

/// What kind of thing came of an input: two inputs with the same trace went the same way, as far as can be seen
/// from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Trace(u64);

impl Trace {
    /// The trace of whatever describes what came of it.
    pub fn of(what: impl Hash) -> Trace {
        let mut hasher = DefaultHasher::new();
        what.hash(&mut hasher);
        Trace(hasher.finish())
    }
}

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
