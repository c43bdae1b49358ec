//! What the auditor knows of keys, from the answers that were released and not from any engine's table: until when each
//! may speak, and whether it has been revoked or another has taken its place. Nothing that is said with a key after that
//! may do anything, and with the key that took its place everything may.

use crate::Wrong;
use std::collections::BTreeMap;
use types::{AccountId, Command, KeyNo, Output, PublicKey, RejectCode, ReportBody, Stamped, Timestamp};

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: BTreeMap<KeyNo, Known>,
    /// Keys that came since somebody last asked.
    fresh: Vec<KeyNo>,
    /// Commands carried out for keys that took another's place.
    pub(crate) by_successors: u32,
    /// Commands refused because their key was revoked, or had another in its place.
    pub(crate) barred: u32,
    /// Commands refused because their key had expired.
    pub(crate) expired: u32,
}

/// A key that was let in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) account: AccountId,
    pub(crate) public: PublicKey,
    expires: Timestamp,
    /// It has been revoked, or another has taken its place.
    is_ended: bool,
    is_successor: bool,
}

impl Known {
    fn is_barred(&self, now: Timestamp) -> bool {
        self.is_ended || now >= self.expires
    }
}

impl Keys {
    /// A command has been carried out with this result, where work may have been waiting that others left.
    pub(crate) fn check(
        &mut self,
        stamped: &Stamped,
        output: &Output,
        had_pending: bool,
    ) -> Result<(), Wrong> {
        if let Command::Genesis { operator, .. } = stamped.command {
            self.come(KeyNo(1), AccountId(1), operator, Timestamp::MAX, false);
        }
        let Some(sender) = stamped.sender else { return Ok(()) };
        let Some(known) = self.known.get(&sender.key).copied() else {
            return Err(format!("{stamped:?} comes from a key that nobody has registered"));
        };
        let answer = output.reports.iter().find(|report| report.answers == Some(sender));
        let refused = answer.and_then(|answer| match answer.body {
            ReportBody::Rejected { code, .. } => Some(code),
            _ => None,
        });
        let for_its_key = matches!(refused, Some(RejectCode::KeyRevoked | RejectCode::KeyExpired));
        if known.is_barred(stamped.time) {
            let is_refused = for_its_key || refused == Some(RejectCode::NumberNotRising);
            let did_nothing = output.reports.len() == 1 && output.events.is_empty();
            if !is_refused || !(did_nothing || had_pending) {
                return Err(format!("NOT BARRED: {stamped:?} of {known:?} comes to {output:?}"));
            }
            self.barred += u32::from(refused == Some(RejectCode::KeyRevoked));
            self.expired += u32::from(refused == Some(RejectCode::KeyExpired));
            return Ok(());
        }
        if for_its_key {
            return Err(format!("BARRED: {stamped:?} of {known:?} is refused: {refused:?}"));
        }
        if let (Some(answer), None) = (answer, refused) {
            self.by_successors += u32::from(known.is_successor);
            self.learn(sender.key, &stamped.command, &answer.body);
        }
        Ok(())
    }

    /// A session with this key has been let in by a gateway that knows all that was released, at this moment by its clock.
    pub(crate) fn check_let_in(&self, no: KeyNo, now: Timestamp) -> Result<(), Wrong> {
        match self.known.get(&no) {
            Some(known) if known.is_barred(now) => Err(format!("LET IN: key {no}, {known:?}, at {now:?}")),
            _ => Ok(()),
        }
    }

    /// Whether a session may end because its key does: it is revoked or replaced, or it has a last moment.
    pub(crate) fn may_end(&self, no: KeyNo) -> bool {
        self.known.get(&no).is_some_and(|known| known.is_ended || known.expires < Timestamp::MAX)
    }

    /// The keys that came since this was last asked.
    pub(crate) fn take_fresh(&mut self) -> Vec<(KeyNo, Known)> {
        let fresh = std::mem::take(&mut self.fresh);
        fresh.into_iter().filter_map(|no| Some((no, *self.known.get(&no)?))).collect()
    }

    fn learn(&mut self, sender: KeyNo, command: &Command, answer: &ReportBody) {
        match (command, *answer) {
            (&Command::RegisterKey { public, expires, .. }, ReportBody::KeyRegistered { key, account }) => {
                self.come(key, account, public, expires, false);
            }
            (&Command::RotateKey { public }, ReportBody::KeyRotated { key }) => {
                let Some(old) = self.end(sender) else { return };
                self.come(key, old.account, public, old.expires, true);
            }
            (Command::RevokeKey { .. }, ReportBody::KeyRevoked { key }) => {
                self.end(key);
            }
            _ => {}
        }
    }

    fn come(
        &mut self,
        no: KeyNo,
        account: AccountId,
        public: PublicKey,
        expires: Timestamp,
        is_successor: bool,
    ) {
        self.known.insert(no, Known { account, public, expires, is_ended: false, is_successor });
        self.fresh.push(no);
    }

    fn end(&mut self, no: KeyNo) -> Option<Known> {
        let known = self.known.get_mut(&no)?;
        known.is_ended = true;
        Some(*known)
    }
}
