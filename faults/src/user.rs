//! A user: the client's machine with what its user has asked and been told, and whether that is as it must be.

use crate::Wrong;
use crate::auditor::Auditor;
use crate::traffic::public;
use client::{Event, Machine, SessionError};
use protocol::CloseCode;
use protocol::order_entry::{Welcome, lane_of};
use std::collections::BTreeMap;
use std::time::Instant;
use types::{AccountId, Command, KeyNo, Lane, PublicKey, RejectCode, Report, Sender};

/// How many commands may be under way on each lane.
const IN_FLIGHT: usize = 12;

/// One session of one key, over as many connections as it takes.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) key: KeyNo,
    pub(crate) public: PublicKey,
    pub(crate) account: AccountId,
    pub(crate) machine: Machine,
    /// The connection it has, as far as it knows.
    pub(crate) link: Option<u64>,
    /// The last report told.
    pub(crate) told: u64,
    /// The newest moment of the exchange it has been told of.
    sequence: u64,
    /// What it has asked, by lane and number.
    asked: BTreeMap<(usize, u64), Asked>,
    /// Another session uses the same key, so the numbers mean nothing.
    pub(crate) has_rival: bool,
    /// Whether it asks no more than it has been told it may.
    keeps_pace: bool,
    /// How often it went on from its account's state.
    pub(crate) resynchronised: u32,
    pub(crate) ended: Option<SessionError>,
}

/// A command and what came of it.
#[derive(Clone, Debug)]
struct Asked {
    command: Command,
    came: Option<Came>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Reported,
    Refused(RejectCode),
}

impl User {
    /// A user who has seen the reports up to `told`.
    pub(crate) fn new(key: KeyNo, account: AccountId, told: u64, keeps_pace: bool) -> User {
        User {
            key,
            public: public(key),
            account,
            machine: Machine::new(Some(told), IN_FLIGHT),
            link: None,
            told,
            sequence: 0,
            asked: BTreeMap::new(),
            has_rival: false,
            keeps_pace,
            resynchronised: 0,
            ended: None,
        }
    }

    /// The last number used on the orders lane.
    pub(crate) fn last_order(&self) -> u64 {
        self.asked.range(..(1, 0)).next_back().map_or(0, |((_, number), _)| *number)
    }

    /// Asks, if there is room and there has been a welcome. A mass cancel goes by the lane that overtakes if `overtakes`.
    pub(crate) fn ask(&mut self, command: Command, overtakes: bool, now: Instant) -> Option<(Lane, u64)> {
        let lane = lane_of(&command).unwrap_or(if overtakes { Lane::Cancels } else { Lane::Orders });
        let is_out = self.ended.is_some() || self.machine.is_leaving() || self.machine.welcome().is_none();
        if is_out || !self.machine.has_room(lane) {
            return None;
        }
        if self.keeps_pace && self.machine.pause(lane, now).is_some() {
            return None;
        }
        let number = self.machine.submit(lane, command.clone(), now, None).ok()?;
        self.asked.insert((index(lane), number), Asked { command, came: None });
        Some((lane, number))
    }

    /// The connection has been welcomed.
    pub(crate) fn attach(&mut self, welcome: Welcome, now: Instant, auditor: &Auditor) -> Result<(), Wrong> {
        if welcome.sequence < self.sequence {
            return Err(format!("WENT BACK: {} was released, now {}", self.sequence, welcome.sequence));
        }
        self.sequence = welcome.sequence;
        let attached = self.machine.attach(welcome, now);
        attached.or_else(|error| self.fail(error, auditor))
    }

    /// The session has come upon this.
    pub(crate) fn fail(&mut self, error: SessionError, auditor: &Auditor) -> Result<(), Wrong> {
        if !error.is_final() {
            return Ok(());
        }
        let is_expected = match &error {
            SessionError::Closed { code: CloseCode::Superseded, .. } | SessionError::KeyShared { .. } => {
                self.has_rival
            }
            SessionError::Closed { code: CloseCode::KeyRevoked | CloseCode::UnknownKey, .. } => {
                auditor.keys.may_end(self.key)
            }
            _ => false,
        };
        if !is_expected {
            return Err(format!("the session of key {} ends: {error}", self.key));
        }
        self.machine.end(&error);
        self.ended = Some(error);
        Ok(())
    }

    /// Whether another session with its key has ended it.
    pub(crate) fn is_superseded(&self) -> bool {
        matches!(self.ended, Some(SessionError::Closed { code: CloseCode::Superseded, .. }))
    }

    /// Takes in what the machine tells.
    pub(crate) fn hear(&mut self, events: Vec<Event>, auditor: &Auditor) -> Result<(), Wrong> {
        for event in events {
            match event {
                Event::Report { report, sent } => {
                    if report.number != self.told + 1 {
                        return Err(format!("report {} is told after {}", report.number, self.told));
                    }
                    self.told = report.number;
                    auditor.check_told(&report)?;
                    match sent {
                        Some(_) => self.answer(&report, auditor)?,
                        None => self.check_not_mine(&report)?,
                    }
                }
                Event::Outcome { report, .. } => self.answer(&report, auditor)?,
                Event::Refused { refused, .. } => {
                    self.note(refused.lane, refused.number, Came::Refused(refused.code))?;
                }
                Event::Resynchronised(state) => {
                    self.resynchronised += 1;
                    auditor.check_account(&state)?;
                    if state.last_report < self.told {
                        return Err(format!(
                            "a state after report {} follows {}",
                            state.last_report, self.told
                        ));
                    }
                    self.told = state.last_report;
                }
            }
        }
        Ok(())
    }

    /// It has logged out in good order: whatever was taken has its outcome.
    pub(crate) fn check_left(&self, last_report: u64, auditor: &Auditor) -> Result<(), Wrong> {
        if self.told != last_report {
            return Err(format!("goodbye after report {last_report}, told were {}", self.told));
        }
        let open = self.asked.iter().filter(|(_, asked)| asked.came.is_none());
        let mut senders = open.map(|(&(lane, number), _)| self.sender(lane, number));
        match senders.find(|sender| !self.has_rival && auditor.was_taken(*sender)) {
            Some(sender) => Err(format!("goodbye, and {sender:?} was taken and has no outcome")),
            None => Ok(()),
        }
    }

    fn sender(&self, lane: usize, number: u64) -> Sender {
        Sender { key: self.key, lane: [Lane::Orders, Lane::Cancels][lane], number }
    }

    /// True if all it has asked has come to something and it knows of all its reports; or it is over.
    pub(crate) fn is_done(&self, auditor: &Auditor) -> bool {
        self.ended.is_some() || (self.machine.is_idle() && self.told == auditor.reports_to(self.account))
    }

    /// At the end: each command has one outcome, and what was refused was not carried out.
    pub(crate) fn check_end(&self, auditor: &Auditor) -> Result<(), Wrong> {
        if self.has_rival {
            return Ok(());
        }
        for (&(lane, number), asked) in &self.asked {
            let sender = self.sender(lane, number);
            match asked.came {
                None if self.ended.is_some() => {}
                None => return Err(format!("{sender:?} has no outcome")),
                Some(Came::Refused(RejectCode::OutcomeTooOld)) | Some(Came::Reported) => {
                    if !auditor.was_taken(sender) {
                        return Err(format!("{sender:?} was said to be taken and was not"));
                    }
                }
                Some(Came::Refused(code)) => {
                    if auditor.was_taken(sender) {
                        return Err(format!("{sender:?} was refused ({code}) and carried out"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether it asked this by that number.
    pub(crate) fn has_asked(&self, sender: Sender, command: &Command) -> bool {
        let asked = self.asked.get(&(index(sender.lane), sender.number));
        sender.key == self.key && asked.is_some_and(|asked| asked.command == *command)
    }

    fn answer(&mut self, report: &Report, auditor: &Auditor) -> Result<(), Wrong> {
        let Some(sender) = report.answers.filter(|sender| sender.key == self.key) else {
            return Err(format!("an outcome of nobody's command: {report:?}"));
        };
        self.note(sender.lane, sender.number, Came::Reported)?;
        if self.has_rival {
            return Ok(());
        }
        let asked = &self.asked[&(index(sender.lane), sender.number)];
        auditor.check_outcome(sender, &asked.command, report)
    }

    fn note(&mut self, lane: Lane, number: u64, came: Came) -> Result<(), Wrong> {
        let Some(asked) = self.asked.get_mut(&(index(lane), number)) else {
            return Err(format!("an outcome of {lane:?} {number}, which was never asked"));
        };
        match asked.came.replace(came) {
            None => Ok(()),
            Some(before) => Err(format!("{lane:?} {number} came to {before:?} and then to {came:?}")),
        }
    }

    /// A report that is no outcome of a command that has none yet.
    fn check_not_mine(&self, report: &Report) -> Result<(), Wrong> {
        let Some(sender) = protocol::order_entry::outcome_of(report).filter(|sender| sender.key == self.key)
        else {
            return Ok(());
        };
        match self.asked.get(&(index(sender.lane), sender.number)) {
            Some(Asked { came: None, .. }) => Err(format!("not told as an outcome: {report:?}")),
            _ => Ok(()),
        }
    }
}

fn index(lane: Lane) -> usize {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}
