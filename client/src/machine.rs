//! The session as a pure machine: which commands have no outcome yet, which report comes next, and what is to be
//! said again after a connection was lost. It knows no connection; `session` moves its bytes.
//!
//! How every command comes to one outcome:
//! - A command has a number before it is sent, and keeps it. On a new connection all commands without an outcome
//!   whose numbers are above the highest taken are sent again, in order. Those the exchange has in the pipe already
//!   it will see twice and take once.
//! - Those at or below the highest taken may have been taken or not. Their outcome is among the reports that come
//!   again; once those are all there, what is still open is asked for by sending it again: the exchange answers
//!   with the first outcome, or says that the number was never taken.
//! - The first report or refusal that answers a number is its outcome. Later ones are news like any other, also
//!   where the first is among those that are no longer kept. Only "the number is not rising" is none: it says that
//!   the number was sent again too late, not what came of it, so that is asked for.
//!
//! A heartbeat stands behind all reports that were sent before it. One that names another report than the last that
//! came shows a gap: the connection is given up, and the next one resumes.

use crate::account::AccountState;
use crate::error::{CommandError, SessionError};
use crate::events::Event;
use crate::numbers::{Numbers, Unanswered, Waiter};
use crate::pace::Pace;
use crate::questions::{Asker, Questions};
use protocol::order_entry::{
    Allowance, ClientMessage, Heartbeat, Hello, NotOnTheWire, Refused, ServerMessage, Welcome,
    encode_command, outcome_of,
};
use std::time::{Duration, Instant};
use types::{Command, Lane, RejectCode, Report, ReportBody, Sender};

/// The session's memory: a machine without connection or clock. A [`Session`](crate::Session) puts one behind a
/// connection; a simulation can drive it by itself, one call after the other.
#[derive(Debug)]
pub struct Machine {
    /// The last report the user knows of, told or contained in a state; `None` before the first welcome of a
    /// session that wants new reports only.
    told: Option<u64>,
    /// The connection there is, if there is one.
    connected: Option<Connected>,
    /// The last welcome.
    welcome: Option<Welcome>,
    lanes: [Numbers; 2],
    questions: Questions,
    /// How far a lane's oldest command without an outcome may be behind its newest.
    in_flight: usize,
    /// What may be said on each lane, once a welcome has told.
    paces: Option<[Pace; 2]>,
    /// True once the session is to end: no command is taken in any more.
    is_leaving: bool,
    /// The account's last report, once the exchange has said goodbye.
    logged_out: Option<u64>,
    ended: Option<SessionError>,
    out: Out,
}

/// What is to be written to the three streams of the connection, in whole messages.
#[derive(Debug, Default)]
pub struct Out {
    /// For the control stream.
    pub control: Vec<u8>,
    /// For the orders lane.
    pub orders: Vec<u8>,
    /// For the cancels lane.
    pub cancels: Vec<u8>,
}

/// What is true of one connection only.
#[derive(Debug)]
struct Connected {
    /// The last report that came on it, or the one it began after.
    at: u64,
    /// Once this report has come, the outcome of what was taken before the connection is asked for.
    ask_at: Option<u64>,
    /// The reports that came while the account's state is waited for.
    held: Option<Vec<(Report, Option<Instant>)>>,
}

impl Machine {
    /// A session that has seen reports up to `resume_after`, or wants new ones only, and has at most `in_flight`
    /// commands under way on each lane.
    #[must_use]
    pub fn new(resume_after: Option<u64>, in_flight: usize) -> Machine {
        Machine {
            told: resume_after,
            connected: None,
            welcome: None,
            lanes: Default::default(),
            questions: Questions::default(),
            in_flight: in_flight.max(1),
            paces: None,
            is_leaving: false,
            logged_out: None,
            ended: None,
            out: Out::default(),
        }
    }

    /// The first words on a new connection.
    #[must_use]
    pub fn hello(&self) -> Hello {
        Hello { resume_after: self.told }
    }

    /// The answer to the first words: a connection is there, and what has to be said again is put out.
    ///
    /// # Errors
    /// Why the session makes no sense on this connection or any other.
    pub fn attach(&mut self, welcome: Welcome, now: Instant) -> Result<(), SessionError> {
        self.check(&welcome)?;
        self.paces = Some(welcome.allowances.map(|told| Pace::begin(told, now)));
        let first = self.welcome.replace(welcome).is_none();
        let last = welcome.last_report;
        let resumed = welcome.resumed || self.told.is_none();
        let told = *self.told.get_or_insert(last);
        if first {
            self.lanes.iter_mut().zip(welcome.taken).for_each(|(lane, taken)| lane.start_after(taken));
        }
        self.questions.ask_again(&mut self.out.control);
        if !resumed {
            self.questions.ask(Asker::Resynchronisation, &mut self.out.control);
        }
        self.send_again(|number, taken| number > taken);
        if self.is_leaving {
            say(ClientMessage::Logout, &mut self.out.control);
        }
        self.connected = Some(Connected {
            at: if resumed { told } else { last },
            ask_at: Some(last),
            held: (!resumed).then(Vec::new),
        });
        self.ask_if_caught_up();
        Ok(())
    }

    /// The connection is gone, and what was not written with it.
    pub fn detach(&mut self, events: &mut Vec<Event>) {
        self.out = Out::default();
        self.questions.detach();
        // The reports held back will come again or be in a state, but no longer as outcomes.
        let held = self.connected.take().and_then(|connected| connected.held).unwrap_or_default();
        events.extend(
            held.into_iter().filter_map(|(report, sent)| Some(Event::Outcome { report, sent: sent? })),
        );
    }

    /// The session is over; everybody who waits learns why.
    pub fn end(&mut self, error: &SessionError) {
        self.ended = Some(error.clone());
        self.questions.fail(error);
        for waiter in
            self.lanes.iter_mut().flat_map(Numbers::drain).filter_map(|unanswered| unanswered.waiter)
        {
            // Whoever no longer waits does not learn it.
            let _ = waiter.send(Err(error.clone().into()));
        }
    }

    /// Why the session is over, if it is.
    #[must_use]
    pub fn ended(&self) -> Option<&SessionError> {
        self.ended.as_ref()
    }

    /// The last welcome; there is none before the first connection.
    #[must_use]
    pub fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// True if one more command may be under way on that lane.
    #[must_use]
    pub fn has_room(&self, lane: Lane) -> bool {
        self.lanes[index(lane)].span() < self.in_flight
    }

    /// True if every command has its outcome.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.lanes.iter().all(|lane| lane.span() == 0)
    }

    /// How long to wait before the next command on that lane, so that it is not refused as one too many; nothing if
    /// it may go now.
    pub fn pause(&mut self, lane: Lane, now: Instant) -> Option<Duration> {
        let in_flight = self.lanes[index(lane)].span();
        self.paces.as_mut()?[index(lane)].wait(in_flight, now)
    }

    /// What may be said on that lane now, as far as is known here.
    #[must_use]
    pub fn allowance(&self, lane: Lane, now: Instant) -> Allowance {
        let in_flight = self.lanes[index(lane)].span();
        self.paces.map_or(Allowance::UNLIMITED, |paces| paces[index(lane)].allowance(in_flight, now))
    }

    /// Says that this end is there.
    pub fn beat(&mut self) {
        if self.connected.is_some() {
            say(ClientMessage::Heartbeat, &mut self.out.control);
        }
    }

    /// Says goodbye. No command is to be taken in any more; those without an outcome may come to none.
    pub fn log_out(&mut self) {
        if !self.is_leaving && self.connected.is_some() {
            say(ClientMessage::Logout, &mut self.out.control);
        }
        self.is_leaving = true;
    }

    /// True once goodbye was said.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// The number of the account's last report, once the exchange has said goodbye too.
    #[must_use]
    pub fn logged_out(&self) -> Option<u64> {
        self.logged_out
    }

    /// Takes a command in, to go by a lane it may go by, and gives it its number there.
    ///
    /// # Errors
    /// [`NotOnTheWire`] if no client can say it; it has no number then.
    pub fn submit(
        &mut self,
        lane: Lane,
        command: Command,
        sent: Instant,
        waiter: Option<Waiter>,
    ) -> Result<u64, NotOnTheWire> {
        let numbers = &mut self.lanes[index(lane)];
        let number = numbers.last() + 1;
        let out = self.out.lane(lane);
        let before = out.len();
        encode_command(number, &command, out)?;
        if self.connected.is_none() {
            out.truncate(before);
        }
        Ok(numbers.give(Unanswered { command, sent, waiter }))
    }

    /// Takes a question in.
    pub(crate) fn ask(&mut self, asker: Asker) {
        self.questions.ask(asker, &mut self.out.control);
        if self.connected.is_none() {
            self.out.control.clear();
        }
    }

    /// Takes in what the exchange says, and appends what the user is to be told to `events`.
    ///
    /// # Errors
    /// What it may not say; or that reports are missing, which the next connection will make good.
    pub fn take(
        &mut self,
        message: ServerMessage,
        received: Instant,
        events: &mut Vec<Event>,
    ) -> Result<(), SessionError> {
        match message {
            ServerMessage::Report(report) => self.take_report(report, received, events),
            ServerMessage::Heartbeat(Heartbeat { last_report, allowances }) => {
                let in_flight = self.lanes.iter().map(Numbers::span);
                for ((pace, told), in_flight) in
                    self.paces.iter_mut().flatten().zip(allowances).zip(in_flight)
                {
                    pace.told(told, in_flight, received);
                }
                self.find_gap(last_report)
            }
            ServerMessage::LoggedOut { last_report } => {
                if !self.is_leaving {
                    return Err(SessionError::violation("it says goodbye to whom stays"));
                }
                self.find_gap(last_report)?;
                self.logged_out = Some(last_report);
                Ok(())
            }
            ServerMessage::Refused(refused) => {
                self.take_refusal(refused, received, events);
                Ok(())
            }
            ServerMessage::Welcome(_) => Err(SessionError::violation("a second welcome")),
            line => {
                let Some(own) = self.welcome else { return Err(SessionError::violation("no welcome")) };
                if let Some(state) = self.questions.take(line, own.account)? {
                    self.resynchronise(state, events);
                }
                Ok(())
            }
        }
    }

    /// What is to be written; whoever has written it clears it.
    pub fn out(&mut self) -> &mut Out {
        &mut self.out
    }

    /// Checks that the exchange knows at least what has been seen of it.
    fn check(&self, welcome: &Welcome) -> Result<(), SessionError> {
        if let Some(told) = self.told.filter(|told| *told > welcome.last_report) {
            return Err(SessionError::Rewound { told, last: welcome.last_report });
        }
        // Numbers rise by one from what was taken: half of all there are will do for any client.
        if welcome.taken.iter().any(|&taken| taken > u64::MAX / 2) {
            return Err(SessionError::violation("it says the key has used up its numbers"));
        }
        let Some(before) = &self.welcome else { return Ok(()) };
        if (before.account, before.key) != (welcome.account, welcome.key) {
            return Err(SessionError::violation("the key speaks for another account than before"));
        }
        for lane in [Lane::Orders, Lane::Cancels] {
            let (taken, last) = (welcome.taken[index(lane)], self.lanes[index(lane)].last());
            if taken > last {
                return Err(SessionError::KeyShared { lane, taken, last });
            }
        }
        Ok(())
    }

    /// The exchange has sent all reports up to this one on this connection.
    fn find_gap(&self, last_report: u64) -> Result<(), SessionError> {
        let Some(Connected { at, .. }) = self.connected else {
            return Err(SessionError::violation("a report before the welcome"));
        };
        if at == last_report {
            return Ok(());
        }
        Err(SessionError::Lost { cause: format!("report {at} came last, but {last_report} was sent") })
    }

    fn take_report(
        &mut self,
        report: Report,
        received: Instant,
        events: &mut Vec<Event>,
    ) -> Result<(), SessionError> {
        let (Some(own), Some(connected)) = (&self.welcome, &mut self.connected) else {
            return Err(SessionError::violation("a report before the welcome"));
        };
        if report.account != own.account {
            return Err(SessionError::violation(format!("a report to account {}", report.account)));
        }
        let is_repeat = matches!(report.body, ReportBody::Rejected { code: RejectCode::NumberNotRising, .. });
        let answered = match report.answers {
            Some(Sender { key, lane, number }) if key == own.key => {
                let numbers = &mut self.lanes[index(lane)];
                if is_repeat {
                    numbers.say_again(number, self.out.lane(lane));
                }
                outcome_of(&report).and_then(|_| numbers.answer(number))
            }
            _ => None,
        };
        if let (Some(_), Some(Sender { lane, .. }), Some(paces)) =
            (&answered, report.answers, &mut self.paces)
        {
            paces[index(lane)].spend(received);
        }
        let sent = answered.as_ref().map(|unanswered| unanswered.sent);
        if let Some(waiter) = answered.and_then(|unanswered| unanswered.waiter) {
            // Whoever no longer waits for the outcome does not get it.
            let _ = waiter.send(outcome(&report));
        }
        if report.number <= connected.at {
            // The first outcome, said again because it was asked for.
            events.extend(sent.map(|sent| Event::Outcome { report, sent }));
            return Ok(());
        }
        if report.number != connected.at + 1 {
            let (at, number) = (connected.at, report.number);
            return Err(SessionError::violation(format!("report {number} after report {at}")));
        }
        connected.at = report.number;
        match &mut connected.held {
            Some(held) => held.push((report, sent)),
            None => tell(&mut self.told, report, sent, events),
        }
        self.ask_if_caught_up();
        Ok(())
    }

    fn take_refusal(&mut self, refused: Refused, received: Instant, events: &mut Vec<Event>) {
        let Refused { lane, number, code, value } = refused;
        let Some(answered) = self.lanes[index(lane)].answer(number) else { return };
        if let Some(paces) = &mut self.paces {
            paces[index(lane)].spend(received);
        }
        if let Some(waiter) = answered.waiter {
            // Whoever no longer waits for the outcome does not get it.
            let _ = waiter.send(Err(CommandError::Refused { code, value }));
        }
        events.push(Event::Refused { refused, sent: answered.sent });
    }

    /// The account's state has come in place of reports that are lost.
    fn resynchronise(&mut self, state: AccountState, events: &mut Vec<Event>) {
        let held = self.connected.as_mut().and_then(|connected| connected.held.take()).unwrap_or_default();
        self.told = Some(state.last_report);
        events.push(Event::Resynchronised(Box::new(state)));
        held.into_iter().for_each(|(report, sent)| tell(&mut self.told, report, sent, events));
    }

    /// Once all reports up to the welcome are there, what was taken before and has no outcome is asked for.
    fn ask_if_caught_up(&mut self) {
        let Some(connected) = &mut self.connected else { return };
        if connected.ask_at.take_if(|ask_at| connected.at >= *ask_at).is_some() {
            self.send_again(|number, taken| number <= taken);
        }
    }

    /// Puts the commands without an outcome out whose number and lane's highest number taken are `chosen`.
    fn send_again(&mut self, chosen: fn(u64, u64) -> bool) {
        let Some(Welcome { taken, .. }) = self.welcome else { return };
        for lane in [Lane::Orders, Lane::Cancels] {
            let taken = taken[index(lane)];
            self.lanes[index(lane)].say_all_again(|number| chosen(number, taken), self.out.lane(lane));
        }
    }
}

impl Out {
    fn lane(&mut self, lane: Lane) -> &mut Vec<u8> {
        match lane {
            Lane::Orders => &mut self.orders,
            Lane::Cancels => &mut self.cancels,
        }
    }
}

fn say(message: ClientMessage, out: &mut Vec<u8>) {
    message.encode(out).expect("it is no command");
}

/// Tells the user of a report, unless it is part of a state they have.
fn tell(told: &mut Option<u64>, report: Report, sent: Option<Instant>, events: &mut Vec<Event>) {
    if told.is_none_or(|told| report.number > told) {
        *told = Some(report.number);
        events.push(Event::Report { report, sent });
    } else {
        events.extend(sent.map(|sent| Event::Outcome { report, sent }));
    }
}

/// What a report means to whoever gave the command.
fn outcome(report: &Report) -> Result<Report, CommandError> {
    match report.body {
        ReportBody::Rejected { code, value } => Err(CommandError::Rejected { code, value }),
        _ => Ok(*report),
    }
}

fn index(lane: Lane) -> usize {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}
