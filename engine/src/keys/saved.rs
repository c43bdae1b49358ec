//! Keys as they come back; they are saved as they are told.

use super::{KeyRecord, KeyTerms, Keys, index_of};
use types::{Key, KeyNo};

impl Keys {
    /// Registers a key again, which has the next number.
    pub(crate) fn restore(&mut self, key: Key) {
        let Key { no, account, public, rights, expires, revoked, taken, grace, origin } = key;
        let restored = self
            .push(KeyRecord { account, rights, revoked, expires, taken }, KeyTerms { public, grace, origin });
        debug_assert_eq!(restored.no, no, "the caller has checked that it is the next");
    }

    /// What is checked of a key.
    pub(crate) fn get(&self, no: KeyNo) -> Option<&KeyRecord> {
        self.records.get(index_of(no)?)
    }
}

impl KeyRecord {
    /// The highest numbers taken, by lane.
    pub(crate) fn taken(&self) -> [u64; 2] {
        self.taken
    }
}
