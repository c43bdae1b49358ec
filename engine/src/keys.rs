//! The key table: which key speaks for whom, what it may do, and which numbers it has used.

use rustc_hash::FxHashMap;
use types::{AccountId, Key, KeyNo, Lane, PublicKey, RejectCode, Rights, Sender, Timestamp};

#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    records: Vec<Key>,
    by_public: FxHashMap<PublicKey, KeyNo>,
}

impl Keys {
    pub(crate) fn get_mut(&mut self, no: KeyNo) -> Option<&mut Key> {
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
        let no = KeyNo(u32::try_from(self.records.len() + 1).expect("keys are bounded by KEYS_MAX"));
        let key = Key { no, account, public, rights, expires, revoked: false, taken: [0; 2] };
        self.records.push(key);
        self.by_public.insert(public, no);
        key
    }

    /// All keys in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.records.iter()
    }
}

/// Takes the command's number, once: a number at or below the highest taken on its lane is refused.
pub(crate) fn take_number(key: &mut Key, sender: Sender) -> Result<(), (RejectCode, i64)> {
    let taken = &mut key.taken[lane_index(sender.lane)];
    if sender.number <= *taken {
        return Err((RejectCode::NumberNotRising, i64::try_from(*taken).unwrap_or(i64::MAX)));
    }
    *taken = sender.number;
    Ok(())
}

/// True if the key may do what `needed` says, now.
pub(crate) fn may(key: &Key, needed: Rights, now: Timestamp) -> Result<(), (RejectCode, i64)> {
    if key.revoked {
        return Err((RejectCode::KeyRevoked, i64::from(key.no.0)));
    }
    if now >= key.expires {
        return Err((RejectCode::KeyExpired, i64::from(key.no.0)));
    }
    if !key.rights.include(needed) {
        return Err((RejectCode::NotAllowed, i64::from(key.rights.0)));
    }
    Ok(())
}

fn lane_index(lane: Lane) -> usize {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}
