//! Halts as they are saved, and back.

use super::{Halts, Walk};
use crate::save::Saved;

impl Halts {
    pub(crate) fn save(&self, each: &mut impl FnMut(Saved)) {
        let Halts { all: _, classes: _, contracts: _, walks: _ } = self;
        self.iter().for_each(|scope| each(Saved::Halt(scope)));
    }

    pub(crate) fn save_walks(&self, each: &mut impl FnMut(Saved)) {
        for &Walk { scope, after } in &self.walks {
            each(Saved::HaltWalk { scope, after });
        }
    }

    /// Queues a walk again, which came after those there are.
    pub(crate) fn restore(&mut self, walk: Walk) {
        self.walks.push_back(walk);
    }
}
