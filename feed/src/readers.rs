//! Who may read market data: the keys, as the exchange's own table has them.

use protocol::CloseCode;
use rustc_hash::FxHashMap;
use types::{Key, KeyNo, PublicKey, Rights, StateEvent, Timestamp};

/// The keys, by their public half.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    keys: FxHashMap<PublicKey, Key>,
}

impl Readers {
    /// The keys as the engine's emitted state has them.
    pub(crate) fn from_state(state: &[StateEvent]) -> Readers {
        let mut readers = Readers::default();
        for event in state {
            if let StateEvent::Key(key) = event {
                readers.take(*key);
            }
        }
        readers
    }

    /// Takes in a key as it is now.
    pub(crate) fn take(&mut self, key: Key) {
        self.keys.insert(key.public, key);
    }

    /// The number of a key that may read at `now`.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) fn check(&self, public: &PublicKey, now: Timestamp) -> Result<KeyNo, CloseCode> {
        let key = self.keys.get(public).filter(|key| now < key.expires).ok_or(CloseCode::UnknownKey)?;
        if key.revoked {
            return Err(CloseCode::KeyRevoked);
        }
        if key.rights.include(Rights::READ) { Ok(key.no) } else { Err(CloseCode::NotAllowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use types::AccountId;

    #[test]
    fn only_a_living_key_with_the_right_to_read_gets_in() {
        let public = |byte| PublicKey([byte; 32]);
        let good = Key {
            no: KeyNo(1),
            account: AccountId(1),
            public: public(1),
            rights: Rights::READ.and(Rights::TRADE),
            expires: Timestamp(100),
            revoked: false,
            taken: [0, 0],
            grace: 0,
            origin: KeyNo(1),
        };
        let state = [
            StateEvent::Key(good),
            StateEvent::Key(Key { no: KeyNo(2), public: public(2), rights: Rights::TRADE, ..good }),
            StateEvent::Key(Key { no: KeyNo(3), public: public(3), revoked: true, ..good }),
        ];
        let mut readers = Readers::from_state(&state);
        let check = |readers: &Readers, byte, now| readers.check(&public(byte), Timestamp(now));
        assert_eq!(check(&readers, 1, 99), Ok(KeyNo(1)));
        assert_eq!(check(&readers, 1, 100), Err(CloseCode::UnknownKey));
        assert_eq!(check(&readers, 2, 0), Err(CloseCode::NotAllowed));
        assert_eq!(check(&readers, 3, 0), Err(CloseCode::KeyRevoked));
        assert_eq!(check(&readers, 4, 0), Err(CloseCode::UnknownKey));
        readers.take(Key { revoked: true, ..good });
        assert_eq!(check(&readers, 1, 99), Err(CloseCode::KeyRevoked));
    }
}
