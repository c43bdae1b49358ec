//! What time brings about at the desk: keys expire, clients are late, silent or slow, heartbeats are due, and graces
//! run out.

use super::Desk;
use crate::meters;
use crate::session::{Closing, SessionNo};
use protocol::CloseCode;
use protocol::order_entry::HEARTBEATS_MISSED;
use types::{KeyNo, SECOND_NANOS, Timestamp};

impl Desk {
    /// Time has passed: ends the sessions whose key has expired, that have not said hello in time, that are silent, or
    /// for which too much waits, and tells the others that the gateway is there. To be called about once a second.
    ///
    /// Gives the keys whose sessions have been gone for their grace: the exchange is to end their orders.
    pub fn pass(&mut self, now: Timestamp) -> Vec<KeyNo> {
        let closing = Closing::new(CloseCode::UnknownKey, "the key has expired");
        let moment = now.max(self.mirror.time());
        self.close_all(|session| session.key.expires <= moment, &closing, now);
        self.end_late(now);
        self.end_silent(now);
        self.say_heartbeats(now);
        self.end_slowest(now);
        let mirror = &self.mirror;
        self.graces.run_out(now, |key| mirror.key(key).map_or(0, |key| key.grace))
    }

    fn end_late(&mut self, now: Timestamp) {
        let within = u64::try_from(self.limits.hello_within.as_nanos()).unwrap_or(u64::MAX);
        let is_late = |came: Timestamp| now.0.saturating_sub(came.0) >= within;
        let late = self.arrivals.iter().take_while(|arrival| is_late(arrival.came)).count();
        let gone: Vec<SessionNo> = self.arrivals.drain(..late).map(|arrival| arrival.session).collect();
        for session in gone {
            // It may have been the network; the client may come back.
            self.close(session, Closing::new(CloseCode::Silent, "no hello came in time"), now);
        }
    }

    fn end_silent(&mut self, now: Timestamp) {
        let patience = self.heartbeat().saturating_mul(u64::from(HEARTBEATS_MISSED));
        let reason = format!("nothing was heard for {} s", patience / SECOND_NANOS);
        let closing = Closing::new(CloseCode::Silent, reason);
        let is_silent = |heard: Timestamp| now.0.saturating_sub(heard.0) >= patience;
        self.close_all(|session| session.is_greeted && is_silent(session.heard), &closing, now);
    }

    fn say_heartbeats(&mut self, now: Timestamp) {
        let every = self.heartbeat();
        let (accounts, mut slow) = (&mut self.accounts, Vec::new());
        for (no, session) in &mut self.sessions {
            if !session.is_greeted || now.0.saturating_sub(session.told.0) < every {
                continue;
            }
            let Some(account) = accounts.get_mut(session.key.account.0) else { continue };
            let Some(buckets) = &mut account.buckets else { continue };
            session.told = now;
            let mut bytes = Vec::new();
            session.heartbeat(account.reports.last(), buckets, now).encode(&mut bytes);
            if let Err(closing) = session.send(&bytes) {
                slow.push((*no, closing));
            }
        }
        slow.into_iter().for_each(|(session, closing)| self.close(session, closing, now));
    }

    /// Who makes most of the memory that waits for readers goes first.
    fn end_slowest(&mut self, now: Timestamp) {
        let waiting = self.sessions.iter().map(|(no, session)| (session.reports.waiting(), *no));
        let mut waiting: Vec<(usize, SessionNo)> = waiting.filter(|(bytes, _)| *bytes > 0).collect();
        let mut all: usize = waiting.iter().map(|(bytes, _)| bytes).sum();
        meters::reports_waiting(all);
        waiting.sort_unstable();
        while all > self.limits.all_reports_waiting {
            let Some((bytes, session)) = waiting.pop() else { return };
            all -= bytes;
            let reason = format!("{bytes} bytes of reports are not read, more than for any other session");
            self.close(session, Closing::new(CloseCode::TooSlow, reason), now);
        }
    }

    fn heartbeat(&self) -> u64 {
        u64::from(self.limits.heartbeat.max(1)) * SECOND_NANOS
    }
}
