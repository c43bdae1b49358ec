//! The key table: which key speaks for whom, what it may do, and which numbers it has used.

mod saved;

use crate::engine::Refusal;
use rustc_hash::FxHashMap;
use types::{AccountId, Key, KeyNo, Lane, PublicKey, RejectCode, Rights, Sender, Timestamp};

/// What is checked of a key with every command: half a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(32))]
pub(crate) struct KeyRecord {
    /// For whom it speaks.
    pub(crate) account: AccountId,
    rights: Rights,
    revoked: bool,
    expires: Timestamp,
    /// The highest number taken, by lane.
    taken: [u64; 2],
}

/// What is known of a key besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyTerms {
    pub(crate) public: PublicKey,
    /// As [`Key::grace`].
    pub(crate) grace: u32,
    /// As [`Key::origin`].
    pub(crate) origin: KeyNo,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    records: Vec<KeyRecord>,
    /// In the same order.
    terms: Vec<KeyTerms>,
    by_public: FxHashMap<PublicKey, KeyNo>,
}

impl Keys {
    #[inline]
    pub(crate) fn get_mut(&mut self, no: KeyNo) -> Option<&mut KeyRecord> {
        self.records.get_mut(index_of(no)?)
    }

    /// For whom a key speaks.
    #[inline]
    pub(crate) fn account(&self, no: KeyNo) -> Option<AccountId> {
        Some(self.records.get(index_of(no)?)?.account)
    }

    /// Asks the processor for the record of a key. Changes nothing but time.
    #[inline]
    pub(crate) fn prefetch(&self, no: KeyNo) {
        if let Some(record) = self.records.get((no.0 as usize).wrapping_sub(1)) {
            crate::prefetch::line(record);
        }
    }

    pub(crate) fn with_public(&self, public: PublicKey) -> Option<KeyNo> {
        self.by_public.get(&public).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Registers a public key nobody has registered.
    pub(crate) fn register(
        &mut self,
        account: AccountId,
        public: PublicKey,
        rights: Rights,
        expires: Timestamp,
    ) -> Key {
        let origin = key_no(self.records.len());
        let record = KeyRecord { account, rights, revoked: false, expires, taken: [0; 2] };
        self.push(record, KeyTerms { public, grace: 0, origin })
    }

    /// Puts a key with a public half nobody has registered in another's place, which may do nothing from now on:
    /// both as they are now, first the old one. `None` if there is no such key.
    pub(crate) fn rotate(&mut self, old: KeyNo, public: PublicKey) -> Option<[Key; 2]> {
        let record = KeyRecord { taken: [0; 2], ..*self.get_mut(old)? };
        let terms = self.terms_mut(old)?;
        let new = KeyTerms { public, ..*terms };
        // The new key waits for the sessions that the old one will not have.
        terms.grace = 0;
        let revoked = self.revoke(old)?;
        Some([revoked, self.push(record, new)])
    }

    /// Sets for how long a key may be without a session; `None` if there is no such key.
    pub(crate) fn set_grace(&mut self, no: KeyNo, grace: u32) -> Option<Key> {
        self.terms_mut(no)?.grace = grace;
        Some(self.key(index_of(no)?))
    }

    /// The first key of the row of rotations a key belongs to, and for whom it speaks, if it has a grace.
    pub(crate) fn with_grace(&self, no: KeyNo) -> Option<(KeyNo, AccountId)> {
        let index = index_of(no)?;
        let terms = self.terms.get(index).filter(|terms| terms.grace > 0)?;
        Some((terms.origin, self.records[index].account))
    }

    /// The first key of the row of rotations that the key of an order belongs to.
    pub(crate) fn origin(&self, no: KeyNo) -> KeyNo {
        index_of(no).map_or(no, |index| self.terms[index].origin)
    }

    /// All keys in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Key> {
        (0..self.records.len()).map(|index| self.key(index))
    }

    /// Lets a key do nothing from now on; `None` if there is no such key.
    pub(crate) fn revoke(&mut self, no: KeyNo) -> Option<Key> {
        self.get_mut(no)?.revoked = true;
        Some(self.key(index_of(no)?))
    }

    fn push(&mut self, record: KeyRecord, terms: KeyTerms) -> Key {
        self.records.push(record);
        self.terms.push(terms);
        let key = self.key(self.records.len() - 1);
        self.by_public.insert(key.public, key.no);
        key
    }

    fn terms_mut(&mut self, no: KeyNo) -> Option<&mut KeyTerms> {
        self.terms.get_mut(index_of(no)?)
    }

    fn key(&self, index: usize) -> Key {
        let KeyRecord { account, rights, revoked, expires, taken } = self.records[index];
        let KeyTerms { public, grace, origin } = self.terms[index];
        Key { no: key_no(index), account, public, rights, expires, revoked, taken, grace, origin }
    }
}

impl KeyRecord {
    /// Takes a command's number, once, and says whether the key may do what `needed` says. A number at or below the
    /// highest taken on its lane is refused.
    #[inline]
    pub(crate) fn admit(&mut self, sender: &Sender, needed: Rights, now: Timestamp) -> Result<(), Refusal> {
        let taken = &mut self.taken[lane_index(sender.lane)];
        if sender.number <= *taken {
            return Err((RejectCode::NumberNotRising, i64::try_from(*taken).unwrap_or(i64::MAX)));
        }
        *taken = sender.number;
        if self.revoked {
            return Err((RejectCode::KeyRevoked, i64::from(sender.key.0)));
        }
        if now >= self.expires {
            return Err((RejectCode::KeyExpired, i64::from(sender.key.0)));
        }
        if !self.rights.include(needed) {
            return Err((RejectCode::NotAllowed, i64::from(self.rights.0)));
        }
        Ok(())
    }
}

/// Where a key's record lies, if there is such a key.
#[inline]
fn index_of(no: KeyNo) -> Option<usize> {
    (no.0 as usize).checked_sub(1)
}

/// The key whose record lies there.
fn key_no(index: usize) -> KeyNo {
    KeyNo(u32::try_from(index + 1).expect("keys are bounded by KEYS_MAX"))
}

fn lane_index(lane: Lane) -> usize {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}
