//! The desk: everything the gateway knows, as one machine. Sessions come and go and speak, what is released comes
//! in, and out go commands, answers and reports. It knows no socket and no clock: `now` is an argument, and never goes
//! back.
//!
//! It is behind one lock that is held for one call only, so a session sees every report exactly once: those up to
//! its hello from the store, all later ones as they are released.

mod passing;

use crate::buckets::Buckets;
use crate::graces::Graces;
use crate::limits::Limits;
use crate::meters;
use crate::mirror::{Mirror, lane_index};
use crate::numbered::Numbered;
use crate::numbers::Numbers;
use crate::queries;
use crate::reports::{Dropped, ReportStore};
use crate::session::{Closing, Session, SessionNo, Shares, milliseconds};
use protocol::order_entry::{ClientMessage, Hello, Query, QueryRefused, ServerMessage, Welcome, outcome_of};
use protocol::{CloseCode, Frame, Frames};
use rustc_hash::FxHashMap;
use sequencer::{Inbound, Recovery, Released};
use std::time::Duration;
use tokio::sync::oneshot;
use transport::Outbox;
use types::{
    AccountId, Key, KeyNo, Lane, PublicKey, RejectCode, Report, ReportBody, Rights, Sender, StateEvent,
    Timestamp,
};

/// How many connections of one key may be without a hello at once: one that is coming, and what is left of some that
/// broke off.
const ARRIVALS_MAX: usize = 4;

/// Everything the gateway knows, as a machine without socket or clock. [`serve`](crate::serve) puts one behind a
/// socket; a simulation can drive it by itself, one call after the other.
#[derive(Debug, Default)]
pub struct Desk {
    limits: Limits,
    mirror: Mirror,
    accounts: Numbered<AccountDesk>,
    numbers: Numbered<[Numbers; 2]>,
    sessions: FxHashMap<SessionNo, Session>,
    /// The one session of each key that has said hello.
    greeted: FxHashMap<KeyNo, SessionNo>,
    /// The sessions that have not yet said hello, oldest first.
    arrivals: Vec<Arrival>,
    /// The sessions whose clients leave as soon as all is answered.
    leaving: Vec<SessionNo>,
    graces: Graces,
    last_session: SessionNo,
}

/// A session that has not yet said hello.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    came: Timestamp,
    key: KeyNo,
    session: SessionNo,
}

/// What the desk keeps of an account.
#[derive(Debug, Default)]
struct AccountDesk {
    reports: ReportStore,
    /// What it may say; there is none before its first session.
    buckets: Option<Buckets>,
    /// The sessions that are sent its reports.
    sessions: Vec<SessionNo>,
    /// The reports of the batch being released, encoded once for all its sessions.
    encoded: Vec<u8>,
}

/// A session that has just begun.
#[derive(Debug)]
pub struct Connected {
    /// Its name.
    pub session: SessionNo,
    /// Where its reports wait to be written.
    pub reports: Outbox,
    /// Gives the reason when it is to be closed; ends without one when it is gone already.
    pub closed: oneshot::Receiver<Closing>,
}

impl Desk {
    /// A desk that starts where the journal ended. Keys that want their orders to end with their sessions have their
    /// whole grace from now on to come back.
    #[must_use]
    pub fn new(recovery: &Recovery, limits: Limits, now: Timestamp) -> Desk {
        let mirror = Mirror::new(&recovery.state, recovery.sequence, recovery.time);
        let mut desk = Desk { limits, mirror, ..Desk::default() };
        // Each account's first report among those recovered tells how many came before.
        for report in &recovery.reports {
            let known = desk.accounts.of(report.account.0);
            if known.reports.last() == 0 {
                known.reports = ReportStore::after_report(report.number.saturating_sub(1));
            }
            keep(&mut known.reports, &mut desk.numbers, report);
        }
        for event in &recovery.state {
            if let StateEvent::Reports { account, last } = *event {
                let known = desk.accounts.of(account.0);
                if known.reports.last() == 0 {
                    known.reports = ReportStore::after_report(last);
                }
            }
        }
        for event in &recovery.state {
            if let StateEvent::Key(key) = event {
                desk.recover_numbers(key);
                desk.graces.update(key, now);
            }
        }
        desk
    }

    /// A client has proved to have the key `public`.
    ///
    /// # Errors
    /// Why it may not come in.
    pub fn connect(&mut self, public: PublicKey, now: Timestamp) -> Result<Connected, Closing> {
        let key = *self.admit(public, now)?;
        let too_many = |reason: String| Err(Closing::new(CloseCode::TooMany, reason));
        if self.sessions.len() >= self.limits.sessions {
            return too_many(format!("there are {} sessions already", self.sessions.len()));
        }
        let arriving = self.arrivals.iter().filter(|arrival| arrival.key == key.no).count();
        if arriving >= ARRIVALS_MAX {
            return too_many(format!("{arriving} connections of this key have not said hello yet"));
        }
        self.last_session += 1;
        let session = self.last_session;
        let reports = Outbox::new(self.limits.reports_waiting);
        let (closer, closed) = oneshot::channel();
        let buckets = Buckets::new(&self.limits.session, now);
        self.sessions.insert(session, Session::new(key, reports.clone(), closer, buckets, now));
        self.arrivals.push(Arrival { came: now, key: key.no, session });
        meters::sessions(self.sessions.len());
        Ok(Connected { session, reports, closed })
    }

    /// A message on a session's control stream; the answer is appended to `out`. Gives for how long the stream is not
    /// to be read.
    ///
    /// # Errors
    /// Why the session is to be closed.
    pub fn control(
        &mut self,
        session: SessionNo,
        frame: Frame<'_>,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Duration, Closing> {
        let message = ClientMessage::decode(frame)?;
        let Some(known) = self.sessions.get_mut(&session) else { return Err(Closing::done()) };
        known.heard = now;
        match message {
            ClientMessage::Hello(_) if known.is_greeted => {
                return Err(Closing::out_of_place("hello is said once"));
            }
            ClientMessage::Hello(hello) => self.greet(session, hello, now, out)?,
            ClientMessage::Heartbeat | ClientMessage::Logout | ClientMessage::Query(_)
                if !known.is_greeted =>
            {
                return Err(Closing::out_of_place("hello comes before anything else"));
            }
            ClientMessage::Heartbeat => {}
            ClientMessage::Logout => {
                known.is_leaving = true;
                self.leaving.push(session);
                self.see_off(now);
            }
            ClientMessage::Query(query) => return Ok(self.answer(session, query, now, out)),
            ClientMessage::LaneOpen(_) | ClientMessage::Command { .. } | ClientMessage::Misfit { .. } => {
                return Err(Closing::out_of_place(
                    "a command or a lane's opening does not belong on control",
                ));
            }
        }
        Ok(Duration::ZERO)
    }

    /// The first message on a stream that a client has opened: which lane it is.
    ///
    /// # Errors
    /// Why the session is to be closed.
    pub fn open_lane(&mut self, session: SessionNo, frame: Frame<'_>) -> Result<Lane, Closing> {
        let ClientMessage::LaneOpen(lane) = ClientMessage::decode(frame)? else {
            return Err(Closing::out_of_place("a lane begins with its opening"));
        };
        let known = self.sessions.get_mut(&session).ok_or_else(Closing::done)?;
        known.open_lane(lane).map(|()| lane)
    }

    /// Commands on a session's lane. Those to send on are appended to `chunk` and must be sent on, also when an
    /// error ends the session. Gives for how long the lane is not to be read, because more was said than may be.
    ///
    /// # Errors
    /// Why the session is to be closed.
    pub fn commands(
        &mut self,
        session: SessionNo,
        lane: Lane,
        frames: Frames<'_>,
        now: Timestamp,
        chunk: &mut Vec<Inbound>,
    ) -> Result<Duration, Closing> {
        let known = self.sessions.get_mut(&session).ok_or_else(Closing::done)?;
        known.heard = now;
        let account = self.accounts.of(known.key.account.0);
        let (Some(buckets), false) = (&mut account.buckets, known.is_leaving) else {
            return Ok(Duration::ZERO);
        };
        let numbers = &mut self.numbers.of(known.key.no.0)[lane_index(lane)];
        let shares = Shares { numbers, store: &account.reports, buckets };
        let taken = known.commands(lane, frames, shares, now, chunk);
        meters::forwarded(lane, chunk.len());
        taken
    }

    /// A batch has been released.
    pub fn release(&mut self, released: &Released, now: Timestamp) {
        let mut revoked = Vec::new();
        for event in &released.output.state {
            self.mirror.apply_state(event);
            let StateEvent::Key(key) = event else { continue };
            if key.revoked {
                revoked.push(key.no);
            }
            if !self.greeted.contains_key(&key.no) {
                self.graces.update(key, now);
            }
        }
        self.mirror.apply_reports(&released.output.reports);
        let mut told = Vec::new();
        for report in &released.output.reports {
            self.charge(report, now);
            let account = self.accounts.of(report.account.0);
            let bytes = keep(&mut account.reports, &mut self.numbers, report);
            if !account.sessions.is_empty() {
                if account.encoded.is_empty() {
                    told.push(report.account);
                }
                account.encoded.extend_from_slice(bytes);
            }
        }
        self.mirror.advance(released.sequence, released.time);
        released.refused.iter().for_each(|sender| self.turn_back(*sender, now));
        told.into_iter().for_each(|account| self.deliver(account, now));
        for key in revoked {
            let closing = Closing::new(CloseCode::KeyRevoked, format!("key {key} is revoked"));
            self.close_all(|session| session.key.no == key, &closing, now);
        }
        self.see_off(now);
    }

    /// Ends a session, if it is still there.
    pub fn close(&mut self, session: SessionNo, closing: Closing, now: Timestamp) {
        if let Some(known) = self.forget(session, now) {
            known.close(closing);
        }
    }

    /// Ends all sessions.
    pub fn stop(&mut self, closing: &Closing, now: Timestamp) {
        self.close_all(|_| true, closing, now);
    }

    /// What the desk holds of the exchange's state, in the order in which a recovery puts it out, but for orders, which
    /// stand with their accounts, and contracts, which are none of its business.
    #[must_use]
    pub fn state(&self) -> Vec<StateEvent> {
        self.mirror.state()
    }

    /// The key's record, if it may come in.
    fn admit(&self, public: PublicKey, now: Timestamp) -> Result<&Key, Closing> {
        let Some(key) = self.mirror.key_with(public) else {
            return Err(Closing::new(CloseCode::UnknownKey, format!("key {public} is not registered here")));
        };
        let no = key.no;
        if key.revoked {
            return Err(Closing::new(CloseCode::KeyRevoked, format!("key {no} is revoked")));
        }
        if key.expires <= now.max(self.mirror.time()) {
            return Err(Closing::new(CloseCode::UnknownKey, format!("key {no} has expired")));
        }
        if !key.rights.include(Rights::READ) {
            let reason = format!("key {no} may {} and has no right to read", key.rights);
            return Err(Closing::new(CloseCode::NotAllowed, reason));
        }
        Ok(key)
    }

    /// Lets a session in: an older one of the same key ends, and the reports it asks for are sent.
    fn greet(
        &mut self,
        session: SessionNo,
        hello: Hello,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), Closing> {
        let Some(known) = self.sessions.get(&session) else { return Err(Closing::done()) };
        // The key may have been revoked between connecting and saying hello.
        let key = *self.admit(known.key.public, now)?;
        if let Some(&other) = self.greeted.get(&key.no) {
            let closing = Closing::new(CloseCode::Superseded, "the same key has connected again");
            // A hello that was held up on its way, while its client gave up and came again, throws nobody out.
            if other > session {
                return Err(closing);
            }
            self.close(other, closing, now);
        }
        let holder = *self.mirror.account(key.account).expect("a key is an open account's");
        let account = self.accounts.of(key.account.0);
        if account.sessions.len() >= self.limits.account_sessions {
            let reason = format!("the account has {} sessions already", account.sessions.len());
            return Err(Closing::new(CloseCode::TooMany, reason));
        }
        account.sessions.push(session);
        self.arrivals.retain(|arrival| arrival.session != session);
        self.greeted.insert(key.no, session);
        self.graces.come(key.no);
        let known = self.sessions.get_mut(&session).expect("looked at above");
        (known.is_greeted, known.told) = (true, now);
        let throttle = || self.limits.accounts.get(&holder.name).unwrap_or(&self.limits.account);
        let buckets = account.buckets.get_or_insert_with(|| Buckets::new(throttle(), now));
        let backlog = match hello.resume_after {
            Some(after) => backlog(&account.reports, after, self.limits.reports_waiting),
            None => Some(Vec::new()),
        };
        let (first_report, last_report) = (account.reports.first(), account.reports.last());

        let welcome = Welcome {
            account: key.account,
            key: key.no,
            role: holder.role,
            rights: key.rights,
            resumed: backlog.is_some(),
            time: self.mirror.time(),
            sequence: self.mirror.sequence(),
            taken: self.numbers.of(key.no.0).each_ref().map(Numbers::highest),
            first_report,
            last_report,
            heartbeat: self.limits.heartbeat.max(1),
            allowances: known.buckets.allowances(buckets, now),
        };
        ServerMessage::Welcome(welcome).encode(out);
        known.send(&backlog.unwrap_or_default())
    }

    /// Answers a question, and gives how long to wait before the next if it was one too many.
    fn answer(&mut self, session: SessionNo, query: Query, now: Timestamp, out: &mut Vec<u8>) -> Duration {
        let known = self.sessions.get_mut(&session);
        let account = known.as_ref().and_then(|known| self.accounts.get_mut(known.key.account.0));
        let (Some(known), Some(AccountDesk { buckets: Some(buckets), .. })) = (known, account) else {
            return Duration::ZERO;
        };
        let buckets = [known.buckets.queries(), buckets.queries()].map(|bucket| {
            bucket.refill(now);
            bucket
        });
        let wait = buckets[0].wait().max(buckets[1].wait());
        if wait.is_zero() {
            buckets.into_iter().for_each(|bucket| bucket.spend(1));
            queries::answer(&self.mirror, &known.key, query, out);
        } else {
            let (code, value) = (RejectCode::Throttled, milliseconds(wait));
            meters::refused(code);
            let Query { request, .. } = query;
            ServerMessage::QueryRefused(QueryRefused { request, code, value }).encode(out);
        }
        wait
    }

    /// A command that was taken and rejected is in the journal for good, which costs more.
    fn charge(&mut self, report: &Report, now: Timestamp) {
        let (ReportBody::Rejected { .. }, Some(sender)) = (report.body, report.answers) else { return };
        let account = self.accounts.get_mut(report.account.0).and_then(|account| account.buckets.as_mut());
        let session = self.greeted.get(&sender.key).and_then(|session| self.sessions.get_mut(session));
        for buckets in account.into_iter().chain(session.map(|session| &mut session.buckets)) {
            let bucket = buckets.lane(sender.lane);
            bucket.refill(now);
            bucket.spend(self.limits.reject_cost);
        }
    }

    /// Says goodbye to the clients that are leaving and have no command under way.
    fn see_off(&mut self, now: Timestamp) {
        let mut waiting = std::mem::take(&mut self.leaving);
        waiting.retain(|session| {
            let Some(known) = self.sessions.get(session) else { return false };
            let numbers = self.numbers.get(known.key.no.0);
            if numbers.is_some_and(|lanes| !lanes.iter().all(Numbers::is_idle)) {
                return true;
            }
            let account = self.accounts.get(known.key.account.0);
            let last_report = account.map_or(0, |account| account.reports.last());
            let mut goodbye = Vec::new();
            ServerMessage::LoggedOut { last_report }.encode(&mut goodbye);
            let closing = match known.send(&goodbye) {
                Ok(()) => Closing::new(CloseCode::Done, "logged out in good order"),
                Err(closing) => closing,
            };
            self.close(*session, closing, now);
            false
        });
        self.leaving.append(&mut waiting);
    }

    /// The sequencer had no room for a command that was sent on: its number is free again, and its sender is told.
    fn turn_back(&mut self, sender: Sender, now: Timestamp) {
        self.numbers.of(sender.key.0)[lane_index(sender.lane)].withdraw(sender.number);
        let Some(&session) = self.greeted.get(&sender.key) else { return };
        let Some(known) = self.sessions.get(&session) else { return };
        if let Err(closing) = known.refuse(sender.lane, sender.number, RejectCode::NoRoom) {
            self.close(session, closing, now);
        }
    }

    /// Sends an account's encoded reports to its sessions, and cuts those that do not read theirs.
    fn deliver(&mut self, account: AccountId, now: Timestamp) {
        let Some(desk) = self.accounts.get_mut(account.0) else { return };
        let mut slow = Vec::new();
        for session in &desk.sessions {
            let Some(known) = self.sessions.get(session) else { continue };
            if let Err(closing) = known.send(&desk.encoded) {
                slow.push((*session, closing));
            }
        }
        desk.encoded.clear();
        for (session, closing) in slow {
            tracing::warn!(session, reason = closing.reason, "a slow session is cut");
            self.close(session, closing, now);
        }
    }

    fn close_all(&mut self, is_meant: impl Fn(&Session) -> bool, closing: &Closing, now: Timestamp) {
        let meant = self.sessions.iter().filter(|(_, session)| is_meant(session));
        let meant: Vec<SessionNo> = meant.map(|(&no, _)| no).collect();
        meant.into_iter().for_each(|session| self.close(session, closing.clone(), now));
    }

    fn forget(&mut self, session: SessionNo, now: Timestamp) -> Option<Session> {
        let known = self.sessions.remove(&session)?;
        meters::sessions(self.sessions.len());
        if known.is_greeted {
            self.greeted.remove(&known.key.no);
            if let Some(key) = self.mirror.key(known.key.no) {
                self.graces.leave(key, now);
            }
            let account = self.accounts.get_mut(known.key.account.0)?;
            account.sessions.retain(|other| *other != session);
        } else {
            self.arrivals.retain(|arrival| arrival.session != session);
        }
        Some(known)
    }

    fn recover_numbers(&mut self, key: &Key) {
        let first = self.accounts.get(key.account.0).map_or(1, |account| account.reports.first());
        let numbers = self.numbers.of(key.no.0);
        for (numbers, taken) in numbers.iter_mut().zip(key.taken) {
            numbers.recovered(taken, first == 1);
        }
    }
}

/// The reports after that one, encoded, if all of them are kept. More than may wait are as good as lost: whoever is sent
/// them is cut, and would be again.
fn backlog(store: &ReportStore, after: u64, waiting_max: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    store.after(after)?.for_each(|reports| bytes.extend_from_slice(reports));
    (bytes.len() <= waiting_max).then_some(bytes)
}

/// Keeps a report, and with it the outcome of the command it answers; gives it as it is on the wire.
fn keep<'a>(reports: &'a mut ReportStore, numbers: &mut Numbered<[Numbers; 2]>, report: &Report) -> &'a [u8] {
    if let Some(sender) = outcome_of(report) {
        let lanes = numbers.of(sender.key.0);
        lanes[lane_index(sender.lane)].answer(sender.number, report.number);
    }
    let (bytes, dropped) = reports.push(report);
    if let Some(Dropped { number, answers: Some((key, lane)) }) = dropped
        && let Some(lanes) = numbers.get_mut(key.0)
    {
        lanes[lane_index(lane)].forget(number);
    }
    bytes
}

#[cfg(test)]
mod tests;
