//! The desk: everything the gateway knows, as one machine. Sessions come and go and speak, what is released comes
//! in, and out go commands, answers and reports. It knows no socket and no clock: `now` is an argument.
//!
//! It is behind one lock that is held for one call only, so a session sees every report exactly once: those up to
//! its hello from the store, all later ones as they are released.

use crate::meters;
use crate::mirror::{Mirror, lane_index};
use crate::numbers::Numbers;
use crate::queries;
use crate::reports::ReportStore;
use crate::session::{Closing, Session, SessionNo};
use protocol::order_entry::{ClientMessage, Hello, ServerMessage, Welcome, encode_report, outcome_of};
use protocol::{CloseCode, Frame, Frames};
use rustc_hash::FxHashMap;
use sequencer::{Inbound, Recovery, Released};
use tokio::sync::oneshot;
use transport::Outbox;
use types::{AccountId, Key, KeyNo, Lane, PublicKey, Report, Rights, StateEvent, Timestamp};

/// The most sessions at once.
pub(crate) const SESSIONS_MAX: usize = 4_096;
/// The most bytes of reports that wait for one session to read them. Who lets more come up is cut.
pub(crate) const REPORTS_WAITING_MAX: usize = 4 << 20;
/// How long a connection may stay without a hello, in nanoseconds.
pub(crate) const HELLO_WITHIN_NANOS: u64 = 5_000_000_000;

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Desk {
    mirror: Mirror,
    accounts: FxHashMap<AccountId, AccountDesk>,
    numbers: FxHashMap<KeyNo, [Numbers; 2]>,
    sessions: FxHashMap<SessionNo, Session>,
    /// The one session of each key that has said hello.
    greeted: FxHashMap<KeyNo, SessionNo>,
    /// When the sessions that have not yet said hello came, oldest first.
    arrivals: Vec<(Timestamp, SessionNo)>,
    last_session: SessionNo,
}

/// What the desk keeps of an account.
#[derive(Debug, Default)]
struct AccountDesk {
    reports: ReportStore,
    /// The sessions that are sent its reports.
    sessions: Vec<SessionNo>,
    /// The reports of the batch being released, encoded once for all its sessions.
    encoded: Vec<u8>,
}

/// A session that has just begun.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) session: SessionNo,
    /// Where its reports wait to be written.
    pub(crate) reports: Outbox,
    /// Gives the reason when it is to be closed; ends without one when it is gone already.
    pub(crate) closed: oneshot::Receiver<Closing>,
}

impl Desk {
    /// A desk that starts where the journal ended.
    pub(crate) fn new(recovery: &Recovery) -> Desk {
        let mirror = Mirror::new(&recovery.state, recovery.sequence, recovery.time);
        let mut desk = Desk { mirror, ..Desk::default() };
        // Each account's first report among those recovered tells how many came before.
        for report in &recovery.reports {
            let known = desk.accounts.entry(report.account).or_insert_with(|| {
                let reports = ReportStore::after_report(report.number.saturating_sub(1));
                AccountDesk { reports, ..AccountDesk::default() }
            });
            keep(known, &mut desk.numbers, report);
        }
        for event in &recovery.state {
            if let StateEvent::Reports { account, last } = *event {
                let reports = ReportStore::after_report(last);
                desk.accounts
                    .entry(account)
                    .or_insert_with(|| AccountDesk { reports, ..AccountDesk::default() });
            }
        }
        for event in &recovery.state {
            if let StateEvent::Key(key) = event {
                desk.recover_numbers(key);
            }
        }
        desk
    }

    /// A client has proved to have the key `public`.
    pub(crate) fn connect(&mut self, public: PublicKey, now: Timestamp) -> Result<Connected, Closing> {
        let key = *self.admit(public, now)?;
        if self.sessions.len() >= SESSIONS_MAX {
            return Err(Closing::new(
                CloseCode::TooMany,
                format!("there are {SESSIONS_MAX} sessions already"),
            ));
        }
        self.last_session += 1;
        let session = self.last_session;
        let reports = Outbox::new(REPORTS_WAITING_MAX);
        let (closer, closed) = oneshot::channel();
        self.sessions.insert(session, Session::new(key, reports.clone(), closer));
        self.arrivals.push((now, session));
        meters::sessions(self.sessions.len());
        Ok(Connected { session, reports, closed })
    }

    /// A message on a session's control stream; the answer is appended to `out`.
    pub(crate) fn control(
        &mut self,
        session: SessionNo,
        frame: Frame<'_>,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), Closing> {
        let message = ClientMessage::decode(frame)?;
        let Some(known) = self.sessions.get(&session) else { return Err(Closing::done()) };
        match message {
            ClientMessage::Hello(_) if known.is_greeted => Err(Closing::out_of_place("hello is said once")),
            ClientMessage::Hello(hello) => self.greet(session, hello, now, out),
            ClientMessage::Query(query) if known.is_greeted => {
                queries::answer(&self.mirror, &known.key, query, out);
                Ok(())
            }
            ClientMessage::Query(_) => Err(Closing::out_of_place("hello comes before anything else")),
            ClientMessage::LaneOpen(_) | ClientMessage::Command { .. } | ClientMessage::Misfit { .. } => {
                Err(Closing::out_of_place("the control stream takes hello and queries only"))
            }
        }
    }

    /// The first message on a stream that a client has opened: which lane it is.
    pub(crate) fn open_lane(&mut self, session: SessionNo, frame: Frame<'_>) -> Result<Lane, Closing> {
        let ClientMessage::LaneOpen(lane) = ClientMessage::decode(frame)? else {
            return Err(Closing::out_of_place("a lane begins with its opening"));
        };
        let known = self.sessions.get_mut(&session).ok_or_else(Closing::done)?;
        known.open_lane(lane).map(|()| lane)
    }

    /// Commands on a session's lane. Those to send on are appended to `chunk` and must be sent on, also when an
    /// error ends the session.
    pub(crate) fn commands(
        &mut self,
        session: SessionNo,
        lane: Lane,
        frames: Frames<'_>,
        chunk: &mut Vec<Inbound>,
    ) -> Result<(), Closing> {
        let known = self.sessions.get_mut(&session).ok_or_else(Closing::done)?;
        let numbers = &mut self.numbers.entry(known.key.no).or_default()[lane_index(lane)];
        let store = &self.accounts.entry(known.key.account).or_default().reports;
        let taken = known.commands(lane, frames, numbers, store, chunk);
        meters::forwarded(lane, chunk.len());
        taken
    }

    /// A batch has been released.
    pub(crate) fn release(&mut self, released: &Released) {
        let mut revoked = Vec::new();
        for event in &released.output.state {
            self.mirror.apply_state(event);
            if let StateEvent::Key(Key { no, revoked: true, .. }) = *event {
                revoked.push(no);
            }
        }
        let mut told = Vec::new();
        for report in &released.output.reports {
            self.mirror.apply_report(report);
            let account = self.accounts.entry(report.account).or_default();
            keep(account, &mut self.numbers, report);
            if !account.sessions.is_empty() {
                if account.encoded.is_empty() {
                    told.push(report.account);
                }
                encode_report(report, &mut account.encoded);
            }
        }
        self.mirror.advance(released.sequence, released.time);
        told.into_iter().for_each(|account| self.deliver(account));
        for key in revoked {
            let closing = Closing::new(CloseCode::KeyRevoked, format!("key {key} is revoked"));
            self.close_all(|session| session.key.no == key, &closing);
        }
    }

    /// Time has passed: ends the sessions whose key has expired or that have not said hello in time.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        let closing = Closing::new(CloseCode::UnknownKey, "the key has expired");
        self.close_all(|session| session.key.expires <= now, &closing);
        let is_late = |came: Timestamp| now.0.saturating_sub(came.0) >= HELLO_WITHIN_NANOS;
        let late = self.arrivals.iter().take_while(|(came, _)| is_late(*came)).count();
        let gone: Vec<SessionNo> = self.arrivals.drain(..late).map(|(_, session)| session).collect();
        for session in gone {
            self.close(session, Closing::out_of_place("no hello came in time"));
        }
    }

    /// Ends a session, if it is still there.
    pub(crate) fn close(&mut self, session: SessionNo, closing: Closing) {
        if let Some(known) = self.forget(session) {
            known.close(closing);
        }
    }

    /// Ends all sessions.
    pub(crate) fn stop(&mut self, closing: &Closing) {
        self.close_all(|_| true, closing);
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
        if let Some(&older) = self.greeted.get(&key.no) {
            self.close(older, Closing::new(CloseCode::Superseded, "the same key has connected again"));
        }
        self.arrivals.retain(|(_, waiting)| *waiting != session);
        self.greeted.insert(key.no, session);
        let account = self.accounts.entry(key.account).or_default();
        account.sessions.push(session);
        let resumed = hello.resume_after.is_none_or(|after| account.reports.after(after).is_some());
        let backlog = hello.resume_after.and_then(|after| account.reports.after(after));
        let mut reports = Vec::new();
        backlog.into_iter().flatten().for_each(|report| encode_report(report, &mut reports));
        let (first_report, last_report) = (account.reports.first(), account.reports.last());

        let role = self.mirror.account(key.account).expect("a key is an open account's").role;
        let welcome = Welcome {
            account: key.account,
            key: key.no,
            role,
            rights: key.rights,
            resumed,
            time: self.mirror.time(),
            sequence: self.mirror.sequence(),
            taken: self.numbers.entry(key.no).or_default().each_ref().map(Numbers::highest),
            first_report,
            last_report,
        };
        ServerMessage::Welcome(welcome).encode(out);
        let known = self.sessions.get_mut(&session).expect("looked at above");
        known.is_greeted = true;
        known.send(&reports)
    }

    /// Sends an account's encoded reports to its sessions, and cuts those that do not read theirs.
    fn deliver(&mut self, account: AccountId) {
        let Some(desk) = self.accounts.get_mut(&account) else { return };
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
            self.close(session, closing);
        }
    }

    fn close_all(&mut self, is_meant: impl Fn(&Session) -> bool, closing: &Closing) {
        let meant = self.sessions.iter().filter(|(_, session)| is_meant(session));
        let meant: Vec<SessionNo> = meant.map(|(&no, _)| no).collect();
        meant.into_iter().for_each(|session| self.close(session, closing.clone()));
    }

    fn forget(&mut self, session: SessionNo) -> Option<Session> {
        let known = self.sessions.remove(&session)?;
        meters::sessions(self.sessions.len());
        if known.is_greeted {
            self.greeted.remove(&known.key.no);
            let account = self.accounts.get_mut(&known.key.account)?;
            account.sessions.retain(|other| *other != session);
        } else {
            self.arrivals.retain(|(_, waiting)| *waiting != session);
        }
        Some(known)
    }

    fn recover_numbers(&mut self, key: &Key) {
        let first = self.accounts.get(&key.account).map_or(1, |account| account.reports.first());
        let numbers = self.numbers.entry(key.no).or_default();
        for (numbers, taken) in numbers.iter_mut().zip(key.taken) {
            numbers.recovered(taken, first == 1);
        }
    }
}

/// Keeps a report, and with it the outcome of the command it answers.
fn keep(account: &mut AccountDesk, numbers: &mut FxHashMap<KeyNo, [Numbers; 2]>, report: &Report) {
    if let Some(sender) = outcome_of(report) {
        let lanes = numbers.entry(sender.key).or_default();
        lanes[lane_index(sender.lane)].answer(sender.number, report.number);
    }
    if let Some(dropped) = account.reports.push(*report)
        && let Some(sender) = dropped.answers
        && let Some(lanes) = numbers.get_mut(&sender.key)
    {
        lanes[lane_index(sender.lane)].forget(dropped.number);
    }
}

#[cfg(test)]
mod tests;
