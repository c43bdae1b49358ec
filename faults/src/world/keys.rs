//! Keys come and go while the world has faults: a trader puts a new key in the place of its own, the operator revokes one or
//! registers another, for good or for some time.

use super::{World, say};
use crate::Wrong;
use crate::traffic::{OPERATOR, SPARE};
use crate::user::User;
use rand::RngExt;
use types::{AccountId, Command, HOUR_NANOS, PublicKey, Role, Timestamp, Why};

/// The most keys that come to a world besides those it begins with.
const NEW_KEYS_MAX: u8 = 30;
/// So many traders at least are left when a key is revoked.
const TRADERS_LEFT: usize = 2;
const SECOND: u64 = 1_000_000_000;

impl World {
    /// A trader rotates its key.
    pub(super) fn key_rotates(&mut self) -> Result<(), Wrong> {
        if !self.is_set_up {
            return Ok(());
        }
        let of = self.random.random_range(1..self.users.len());
        if !self.users[of].has_rival
            && let Some(public) = self.new_public()
        {
            self.say_as(of, Command::RotateKey { public });
        }
        Ok(())
    }

    /// The operator revokes some trader's key.
    pub(super) fn key_is_revoked(&mut self) -> Result<(), Wrong> {
        let is_trader = |user: &&User| user.key != OPERATOR && user.ended.is_none();
        if self.is_set_up && self.users.iter().filter(is_trader).count() > TRADERS_LEFT {
            let of = self.random.random_range(1..self.users.len());
            self.say_as(0, Command::RevokeKey { key: self.users[of].key, why: Why::NONE });
        }
        Ok(())
    }

    /// The operator registers a key for one of the accounts.
    pub(super) fn key_is_registered(&mut self) -> Result<(), Wrong> {
        if !self.is_set_up {
            return Ok(());
        }
        // Long enough to come with it, and short enough to be in the middle of something at its end.
        let most = [5 * SECOND, 30 * SECOND, 2 * HOUR_NANOS][self.random.random_range(0..3)];
        let expires = match self.random.random_bool(0.7) {
            true => Timestamp(self.now.0 + self.random.random_range(0..most)),
            false => Timestamp::MAX,
        };
        let account = AccountId(self.random.random_range(2..=4));
        if let Some(public) = self.new_public() {
            let (rights, why) = (Role::Provider.rights(), Why::NONE);
            self.say_as(0, Command::RegisterKey { account, public, rights, expires, why });
        }
        Ok(())
    }

    /// Who has a key that was let in since comes with it once the gateway has been told, and knows what others of its account
    /// know.
    pub(super) fn new_keys_come(&mut self) {
        if self.server.as_ref().is_none_or(|server| !server.outlet.is_empty()) {
            return;
        }
        for (no, known) in self.auditor.keys.take_fresh() {
            if no <= SPARE {
                continue;
            }
            let told = self.users.iter().filter(|user| user.account == known.account).map(|user| user.told);
            let told = told.max().unwrap_or(0);
            say!(self, "key {no} comes: {known:?}");
            let mut user = User::new(no, known.account, told, self.random.random());
            user.public = known.public;
            self.users.push(user);
        }
    }

    fn say_as(&mut self, of: usize, command: Command) {
        let now = self.instant();
        if let Some((lane, number)) = self.users[of].ask(command.clone(), false, now) {
            say!(self, "key {} asks {lane:?} {number}: {command:?}", self.users[of].key);
            self.flush(of);
        }
    }

    /// The public half of a key that this world has not seen.
    fn new_public(&mut self) -> Option<PublicKey> {
        if self.new_keys == NEW_KEYS_MAX {
            return None;
        }
        self.new_keys += 1;
        Some(PublicKey([100 + self.new_keys; 32]))
    }
}
