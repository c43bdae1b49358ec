//! The key table: which key speaks for whom, what it may do, and which numbers it has used.

use crate::engine::Refusal;
use rustc_hash::FxHashMap;
use types::{AccountId, Key, KeyNo, Lane, PublicKey, RejectCode, Rights, Sender, Timestamp};

/// What is checked of a key with every command: half a cache line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyRecord {
    /// For whom it speaks.
    pub(crate) account: AccountId,
    rights: Rights,
    revoked: bool,
    expires: Timestamp,
    /// The highest number taken, by lane.
    taken: [u64; 2],
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    records: Vec<KeyRecord>,
    /// The public keys, in the same order.
    publics: Vec<PublicKey>,
    by_public: FxHashMap<PublicKey, KeyNo>,
}

impl Keys {
    #[inline]
    pub(crate) fn get_mut(&mut self, no: KeyNo) -> Option<&mut KeyRecord> {
        self.records.get_mut((no.0 as usize).checked_sub(1)?)
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
        let index = self.records.len();
        self.records.push(KeyRecord { account, rights, revoked: false, expires, taken: [0; 2] });
        self.publics.push(public);
        let key = self.key(index);
        self.by_public.insert(public, key.no);
        key
    }

    /// All keys in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Key> {
        (0..self.records.len()).map(|index| self.key(index))
    }

    /// Lets a key do nothing from now on; `None` if there is no such key.
    pub(crate) fn revoke(&mut self, no: KeyNo) -> Option<Key> {
        self.get_mut(no)?.revoked = true;
        Some(self.key(no.0 as usize - 1))
    }

    fn key(&self, index: usize) -> Key {
        let no = KeyNo(u32::try_from(index + 1).expect("keys are bounded by KEYS_MAX"));
        let KeyRecord { account, rights, revoked, expires, taken } = self.records[index];
        Key { no, account, public: self.publics[index], rights, expires, revoked, taken }
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

fn lane_index(lane: Lane) -> usize {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}
