//! The auditor: an exchange of its own that is told every command once it is released, and never forgets. It knows
//! what every account was told, what came of every command and which numbers were taken, and compares.

use crate::Wrong;
use crate::keys::Keys;
use client::AccountState;
use engine::Engine;
use gateway::Desk;
use journal::{ReadError, Reader, SimulatedDisk};
use protocol::order_entry::outcome_of;
use sequencer::{REPORTS_MAX, Recovery, Released};
use std::collections::{BTreeMap, HashMap, VecDeque};
use types::{AccountId, Command, Output, RejectCode, Report, ReportBody, Sender, Stamped, StateEvent};

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Auditor {
    engine: Engine,
    /// Every command that was released or found by a recovery, by sequence from 1.
    history: Vec<Stamped>,
    /// Stamped in this life of the exchange or the last, and neither released nor lost for certain.
    stamped: VecDeque<Stamped>,
    reports: BTreeMap<AccountId, Vec<Report>>,
    all_reports: Vec<Report>,
    outcomes: HashMap<Sender, Report>,
    /// Where in the history each number was taken.
    taken: HashMap<Sender, usize>,
    /// Which keys may speak.
    pub(crate) keys: Keys,
}

/// What stands in a journal, read without writing.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Its commands in order.
    pub(crate) commands: Vec<Stamped>,
    /// The sequence of the first of them.
    pub(crate) first: u64,
    /// First sequence of the segment in which the last batch stands, and where in it that begins.
    pub(crate) last_batch: (u64, u64),
    /// How many commands the last batch holds.
    pub(crate) last_count: usize,
}

/// Reads a journal.
pub(crate) fn read(disk: &SimulatedDisk) -> Result<Standing, ReadError> {
    let mut reader = Reader::open_on(disk.mount())?;
    let mut standing = Standing { first: reader.summary().first_sequence, ..Standing::default() };
    while let Some(batch) = reader.next_batch()? {
        let before = standing.commands.len();
        standing.commands.extend(sequencer::records(batch.payload).map_while(Result::ok));
        standing.last_batch = (batch.segment, batch.offset);
        standing.last_count = standing.commands.len() - before;
    }
    Ok(standing)
}

impl Auditor {
    /// The exchange was set up: this is its first command.
    pub(crate) fn set_up(&mut self, standing: &Standing) -> Result<(), Wrong> {
        for stamped in &standing.commands {
            self.apply(stamped.clone())?;
        }
        if self.history.len() == 1 { Ok(()) } else { Err("a new exchange is not one genesis".to_owned()) }
    }

    /// A batch has been stamped.
    pub(crate) fn stamp(&mut self, records: &[u8]) -> Result<(), Wrong> {
        for stamped in sequencer::records(records) {
            let stamped = stamped.map_err(|error| format!("a record cannot be read: {error}"))?;
            let expected = self.next_sequence();
            if stamped.sequence != expected {
                return Err(format!("sequence {} was stamped, not {expected}", stamped.sequence));
            }
            self.stamped.push_back(stamped);
        }
        Ok(())
    }

    /// A batch is released.
    pub(crate) fn release(&mut self, released: &Released) -> Result<(), Wrong> {
        let mut output = Output::default();
        for _ in 0..released.commands {
            let stamped = self.stamped.pop_front().ok_or("more was released than stamped")?;
            let came = self.apply(stamped)?;
            output.reports.extend(came.reports);
            output.events.extend(came.events);
            output.state.extend(came.state);
        }
        let (sequence, time) = (self.engine.last_sequence(), self.engine.last_time());
        if (released.sequence, released.time) != (sequence, time) {
            return Err(format!("{} is released where {sequence} is", released.sequence));
        }
        if released.output == output {
            Ok(())
        } else {
            Err(differ("what was released", &released.output, &output))
        }
    }

    /// A recovery has begun with a journal that holds this: nothing released is missing, and nothing is there that
    /// was never stamped.
    pub(crate) fn check_found(&self, standing: &Standing) -> Result<(), Wrong> {
        let retired = usize::try_from(standing.first - 1).map_err(|error| error.to_string())?;
        let known = self.history.iter().chain(&self.stamped).skip(retired);
        for (found, known) in standing.commands.iter().zip(known) {
            if found != known {
                return Err(differ("a command of the journal", found, known));
            }
        }
        let (found, released) = (retired + standing.commands.len(), self.history.len());
        if found < released {
            return Err(format!("LOST: the journal ends with command {found}, but {released} was released"));
        }
        let stamped = released + self.stamped.len();
        if found > stamped {
            return Err(format!("the journal ends with command {found}, but only {stamped} were stamped"));
        }
        Ok(())
    }

    /// A recovery has succeeded: what it found is durable for good, and its engine stands where ours does.
    pub(crate) fn recover(&mut self, recovery: &Recovery, engine: &Engine) -> Result<(), Wrong> {
        while self.engine.last_sequence() < recovery.sequence {
            let stamped = self.stamped.pop_front().ok_or("more was recovered than stamped")?;
            self.apply(stamped)?;
        }
        self.stamped.clear();
        if recovery.sequence != self.engine.last_sequence() {
            let released = self.engine.last_sequence();
            return Err(format!("LOST: recovered up to {}, released was {released}", recovery.sequence));
        }
        if recovery.time != self.engine.last_time() {
            return Err(differ("the recovered stamp", &recovery.time, &self.engine.last_time()));
        }
        if engine.digest() != self.engine.digest() {
            return Err("the digest of the recovered state is not that of a replay".to_owned());
        }
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        if recovery.state != state {
            return Err(differ("the recovered state", &recovery.state, &state));
        }
        let kept = &self.all_reports[self.all_reports.len().saturating_sub(REPORTS_MAX)..];
        if !kept.ends_with(&recovery.reports) {
            return Err("the recovered reports are not the newest there were".to_owned());
        }
        self.audit()
    }

    /// Nothing was made and nothing lost.
    pub(crate) fn audit(&self) -> Result<(), Wrong> {
        self.engine.audit().map(drop).map_err(|error| format!("the books do not add up: {error}"))
    }

    /// The desk has been told of everything that was released: its mirror is the engine's state.
    pub(crate) fn check_mirror(&self, desk: &Desk) -> Result<(), Wrong> {
        let mut state = Vec::new();
        self.engine.emit_state(&mut state);
        let (mirror, state) = (in_one_order(desk.state()), in_one_order(state));
        let mut pairs = mirror.iter().zip(&state);
        if let Some((mirror, state)) = pairs.find(|(mirror, state)| mirror != state) {
            return Err(differ("the mirror", mirror, state));
        }
        if mirror.len() == state.len() {
            Ok(())
        } else {
            Err("the mirror has more or fewer lines".to_owned())
        }
    }

    /// A user has been told this.
    pub(crate) fn check_told(&self, report: &Report) -> Result<(), Wrong> {
        let place = usize::try_from(report.number).ok().and_then(|number| number.checked_sub(1));
        let known = place.and_then(|place| self.reports.get(&report.account)?.get(place));
        match known {
            Some(known) if known == report => Ok(()),
            Some(known) => Err(differ("what was told", report, known)),
            None => Err(format!("TOLD EARLY: report {} of account {}", report.number, report.account)),
        }
    }

    /// A user has been told that this came of its command.
    pub(crate) fn check_outcome(
        &self,
        sender: Sender,
        command: &Command,
        report: &Report,
    ) -> Result<(), Wrong> {
        self.check_told(report)?;
        match self.outcomes.get(&sender) {
            Some(first) if first == report => {}
            Some(first) => return Err(differ("the outcome told", report, first)),
            None => return Err(format!("{sender:?} has no outcome, but one was told")),
        }
        let carried_out = self.taken.get(&sender).map(|&at| &self.history[at].command);
        if carried_out == Some(command) { Ok(()) } else { Err(differ("carried out", &carried_out, command)) }
    }

    /// Whether the command of that number has been carried out or rejected by the engine.
    pub(crate) fn was_taken(&self, sender: Sender) -> bool {
        self.taken.contains_key(&sender)
    }

    /// A user was given its account's state: it is what was true after its sequence.
    pub(crate) fn check_account(&self, told: &AccountState) -> Result<(), Wrong> {
        let known = usize::try_from(told.sequence).ok().and_then(|last| self.history.get(..last));
        let history = known.ok_or_else(|| format!("a state after {} was told", told.sequence))?;
        let (mut engine, mut output) = (Engine::new(), Output::default());
        history.iter().for_each(|stamped| engine.apply(stamped, &mut output));
        let mut state = Vec::new();
        engine.emit_state(&mut state);
        let mut orders = Vec::new();
        let mut cash = Vec::new();
        for event in state {
            match event {
                StateEvent::Order(order) if order.account == told.account => orders.push(order),
                StateEvent::Cash { account, free, reserved, .. } if account == told.account => {
                    cash.push((free, reserved));
                }
                StateEvent::Reports { account, last }
                    if account == told.account && last != told.last_report =>
                {
                    return Err(differ("the last report of a state", &told.last_report, &last));
                }
                _ => {}
            }
        }
        orders.sort_by_key(|order| order.order);
        let told_cash: Vec<_> = told.cash.iter().map(|cash| (cash.free, cash.reserved)).collect();
        if told.orders != orders || told_cash != cash {
            return Err(differ("an account's state", &(&told.orders, told_cash), &(&orders, cash)));
        }
        Ok(())
    }

    /// How many reports an account has been sent.
    pub(crate) fn reports_to(&self, account: AccountId) -> u64 {
        self.reports.get(&account).map_or(0, |reports| reports.len() as u64)
    }

    /// The last command released.
    pub(crate) fn released(&self) -> u64 {
        self.engine.last_sequence()
    }

    /// The numbers of a key that were taken, with their commands.
    pub(crate) fn commands_taken(&self) -> impl Iterator<Item = (Sender, &Command)> {
        self.history.iter().enumerate().filter_map(|(at, stamped)| {
            let sender = stamped.sender?;
            (self.taken.get(&sender) == Some(&at)).then_some((sender, &stamped.command))
        })
    }

    fn next_sequence(&self) -> u64 {
        (self.history.len() + self.stamped.len()) as u64 + 1
    }

    fn apply(&mut self, stamped: Stamped) -> Result<Output, Wrong> {
        let (mut output, had_pending) = (Output::default(), self.engine.has_pending());
        self.engine.apply(&stamped, &mut output);
        self.keys.check(&stamped, &output, had_pending)?;
        let answer = output.reports.iter().find(|report| report.answers == stamped.sender);
        if let (Some(sender), Some(answer)) = (stamped.sender, answer)
            && !matches!(answer.body, ReportBody::Rejected { code: RejectCode::NumberNotRising, .. })
            && self.taken.insert(sender, self.history.len()).is_some()
        {
            return Err(format!("TWICE: {sender:?} was carried out again at {}", stamped.sequence));
        }
        self.history.push(stamped);
        for report in &output.reports {
            let reports = self.reports.entry(report.account).or_default();
            reports.push(*report);
            if report.number != reports.len() as u64 {
                return Err(format!(
                    "report {} of account {} follows {}",
                    report.number,
                    report.account,
                    reports.len() - 1
                ));
            }
            if let Some(sender) = outcome_of(report) {
                self.outcomes.entry(sender).or_insert(*report);
            }
            self.all_reports.push(*report);
        }
        Ok(output)
    }
}

/// State without what a gateway does not keep (contracts, halts, what classes traded, holdings of nothing), in an order
/// that does not depend on who tells it.
fn in_one_order(mut state: Vec<StateEvent>) -> Vec<StateEvent> {
    let is_kept = |event: &StateEvent| match *event {
        StateEvent::Contract { .. } | StateEvent::Halt { .. } | StateEvent::Traded { .. } => false,
        StateEvent::Holding { free, reserved, .. } => (free, reserved) != (0, 0),
        _ => true,
    };
    state.retain(is_kept);
    state.sort_by_key(|event| match *event {
        StateEvent::Class(class) => (0, u64::from(class.no.0), 0),
        StateEvent::Account(account) => (1, u64::from(account.id.0), 0),
        StateEvent::Key(key) => (2, u64::from(key.no.0), 0),
        StateEvent::Cash { account, .. } => (3, u64::from(account.0), 0),
        StateEvent::Holding { account, contract, .. } => (4, u64::from(account.0), u64::from(contract.0)),
        StateEvent::Order(order) => (5, order.order, 0),
        StateEvent::Reports { account, .. } => (6, u64::from(account.0), 0),
        StateEvent::Contract { .. } | StateEvent::Halt { .. } | StateEvent::Traded { .. } => (7, 0, 0),
    });
    state
}

fn differ(what: &str, found: &impl std::fmt::Debug, expected: &impl std::fmt::Debug) -> Wrong {
    format!("{what} is\n    {found:?}\n  and should be\n    {expected:?}")
}
