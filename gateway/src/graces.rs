//! Cancel on disconnect: since when the keys that want their orders to end with their sessions have had none.

use rustc_hash::FxHashMap;
use types::{Key, KeyNo, SECOND_NANOS, Timestamp};

/// The keys with a grace that have no session, each with the moment from which on it has had none. A key whose grace
/// has run out is not among them until its next session has ended.
#[derive(Debug, Default)]
pub(crate) struct Graces {
    absent: FxHashMap<KeyNo, Timestamp>,
}

impl Graces {
    /// The key's session has ended.
    pub(crate) fn leave(&mut self, key: &Key, now: Timestamp) {
        self.absent.remove(&key.no);
        self.update(key, now);
    }

    /// The key has a session.
    pub(crate) fn come(&mut self, key: KeyNo) {
        self.absent.remove(&key);
    }

    /// The key, which has no session, is now so. What it has waited already counts.
    pub(crate) fn update(&mut self, key: &Key, now: Timestamp) {
        if key.grace == 0 {
            self.absent.remove(&key.no);
        } else {
            self.absent.entry(key.no).or_insert(now);
        }
    }

    /// Takes out the keys whose graces have run out, in order. `grace` says how many seconds a key has.
    pub(crate) fn run_out(&mut self, now: Timestamp, grace: impl Fn(KeyNo) -> u32) -> Vec<KeyNo> {
        let is_over = |key: &KeyNo, since: &mut Timestamp| {
            now.0.saturating_sub(since.0) >= u64::from(grace(*key)).saturating_mul(SECOND_NANOS)
        };
        let mut over: Vec<KeyNo> = self.absent.extract_if(is_over).map(|(key, _)| key).collect();
        over.sort_unstable_by_key(|key| key.0);
        over
    }
}
