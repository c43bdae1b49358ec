//! The session's machine against a model of the gateway, on connections that end at any moment.

use crate::error::{CommandError, SessionError};
use crate::events::Event;
use crate::gateway_model::{ACCOUNT, FILLED_UNITS, GatewayModel, REJECTED_UNITS, order};
use crate::machine::Machine;
use crate::questions::Asker;
use proptest::prelude::*;
use protocol::header::split;
use protocol::order_entry::{ClientMessage, Refused, ServerMessage};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;
use tokio::sync::oneshot;
use types::{Command, Lane, MassCancel, OrderRef, RejectCode, Report, ReportBody, Scope};

/// A client, a gateway, and what is on its way between them.
struct World {
    machine: Machine,
    gateway: GatewayModel,
    connected: bool,
    /// Towards the gateway: control, orders, cancels.
    pipes: [Vec<u8>; 3],
    /// Towards the client: control, reports.
    control: VecDeque<ServerMessage>,
    reports: VecDeque<ServerMessage>,
    /// The last report that came on this connection, or the one it began after.
    seen: u64,
    /// True if reports were lost on this connection, which only a broken exchange does.
    is_lossy: bool,
    events: Vec<Event>,
    given: Vec<(Lane, u64, Option<Outcome>)>,
    answers: Vec<oneshot::Receiver<Result<crate::AccountState, CommandError>>>,
}

const ALL: MassCancel = MassCancel { scope: Scope::All, side: None };

type Outcome = oneshot::Receiver<Result<Report, CommandError>>;

#[derive(Clone, Copy, Debug)]
enum Step {
    Submit {
        command: u8,
        waits: bool,
    },
    Ask,
    Connect,
    Cut,
    /// So many messages of a pipe reach the gateway.
    Deliver {
        pipe: usize,
        count: usize,
    },
    Release(usize),
    Settle,
    /// The gateway says that it is there; if `lossy`, the reports right before it are lost.
    Beat {
        lossy: bool,
    },
    ReadReports(usize),
    ReadControl(usize),
}

impl World {
    fn new(resume_after: Option<u64>, kept: usize, counts_in_flight: bool) -> World {
        World {
            machine: Machine::new(resume_after, 1_000),
            gateway: GatewayModel::new(kept, counts_in_flight),
            connected: false,
            pipes: Default::default(),
            control: VecDeque::new(),
            reports: VecDeque::new(),
            seen: 0,
            is_lossy: false,
            events: Vec::new(),
            given: Vec::new(),
            answers: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Submit { command, waits } => self.submit(command, waits),
            Step::Ask => {
                let (waiter, answer) = oneshot::channel();
                self.machine.ask(Asker::Account(waiter));
                self.answers.push(answer);
            }
            Step::Connect => self.connect(),
            Step::Cut => self.cut(),
            Step::Deliver { pipe, count } => self.deliver(pipe, count),
            Step::Release(count) => {
                let reports = self.gateway.release(count);
                self.report(reports);
            }
            Step::Settle => {
                let report = self.gateway.settle();
                self.report([report]);
            }
            Step::Beat { lossy } => self.beat(lossy),
            Step::ReadReports(count) => self.read_reports(count),
            Step::ReadControl(count) => {
                for message in self.control.drain(..count.min(self.control.len())).collect::<Vec<_>>() {
                    self.machine.take(message, Instant::now(), &mut self.events).unwrap();
                }
            }
        }
        self.flush();
    }

    fn read_reports(&mut self, count: usize) {
        for _ in 0..count {
            let Some(message) = self.reports.pop_front() else { return };
            if let ServerMessage::Report(report) = message {
                self.seen = self.seen.max(report.number);
            }
            match self.machine.take(message, Instant::now(), &mut self.events) {
                // The last heartbeat stands behind what is lost; those before it may not.
                Ok(()) if self.is_lossy => {
                    let is_heartbeat =
                        |message: &ServerMessage| matches!(message, ServerMessage::Heartbeat(_));
                    assert!(!is_heartbeat(&message) || self.reports.iter().any(is_heartbeat), "a gap unseen");
                }
                Ok(()) => {}
                // What is lost is told on the next connection.
                Err(SessionError::Lost { .. }) if self.is_lossy => return self.cut(),
                Err(other) => panic!("{other}"),
            }
        }
    }

    fn beat(&mut self, lossy: bool) {
        if !self.connected {
            return;
        }
        // No heartbeat stands between what is lost and this one.
        while let Some(ServerMessage::Report(last)) = self.reports.back().filter(|_| lossy) {
            let same = |message: &&ServerMessage| matches!(message, ServerMessage::Report(it) if it.number == last.number);
            if last.number <= self.seen || self.reports.iter().filter(same).count() > 1 {
                break;
            }
            self.reports.pop_back();
            self.is_lossy = true;
        }
        self.reports.push_back(self.gateway.beat());
    }

    fn submit(&mut self, command: u8, waits: bool) {
        let (lane, command) = match command {
            0 => (Lane::Cancels, Command::Cancel(OrderRef::Number(1))),
            1 => (Lane::Orders, order(0, 1)),
            2 => (Lane::Orders, order(5, REJECTED_UNITS)),
            3 => (Lane::Orders, order(5, FILLED_UNITS)),
            4 => (Lane::Orders, Command::MassCancel(ALL)),
            5 => (Lane::Cancels, Command::MassCancel(ALL)),
            _ => (Lane::Orders, order(5, 1)),
        };
        // Numbers are known from the first welcome on only.
        if self.machine.welcome().is_none() {
            return;
        }
        let (waiter, outcome) = oneshot::channel();
        let number = self.machine.submit(lane, command, Instant::now(), waits.then_some(waiter)).unwrap();
        self.given.push((lane, number, waits.then_some(outcome)));
    }

    fn connect(&mut self) {
        if !self.connected {
            let hello = self.machine.hello();
            let (welcome, reports) = self.gateway.greet(hello);
            let begun_after = hello.resume_after.filter(|_| welcome.resumed);
            (self.connected, self.seen) = (true, begun_after.unwrap_or(welcome.last_report));
            self.machine.attach(welcome, Instant::now()).unwrap();
            self.report(reports);
        }
    }

    fn cut(&mut self) {
        if self.connected {
            (self.connected, self.is_lossy) = (false, false);
            self.machine.detach(&mut self.events);
            self.pipes = Default::default();
            self.control.clear();
            self.reports.clear();
        }
    }

    fn deliver(&mut self, pipe: usize, count: usize) {
        for _ in 0..count {
            let Some((frame, rest)) = split(&self.pipes[pipe]).unwrap() else { return };
            let message = ClientMessage::decode(frame).unwrap();
            self.pipes[pipe] = rest.to_vec();
            let lane = [None, Some(Lane::Orders), Some(Lane::Cancels)][pipe];
            let answers = self.gateway.hear(lane, message);
            let is_goodbye = matches!(answers[..], [ServerMessage::LoggedOut { .. }]);
            if pipe == 0 && !is_goodbye { self.control.extend(answers) } else { self.report(answers) }
        }
    }

    fn report(&mut self, messages: impl IntoIterator<Item = ServerMessage>) {
        if self.connected {
            self.reports.extend(messages);
        }
    }

    fn flush(&mut self) {
        let out = std::mem::take(self.machine.out());
        if self.connected {
            for (pipe, bytes) in self.pipes.iter_mut().zip([out.control, out.orders, out.cancels]) {
                pipe.extend(bytes);
            }
        } else {
            assert!(out.control.is_empty() && out.orders.is_empty() && out.cancels.is_empty());
        }
    }

    /// Nothing more is given and nothing cut: everything comes to its end.
    fn come_to_rest(&mut self) {
        for _ in 0..8 {
            self.step(Step::Connect);
            (0..3).for_each(|pipe| self.step(Step::Deliver { pipe, count: usize::MAX >> 1 }));
            self.step(Step::Release(usize::MAX));
            self.step(Step::ReadReports(usize::MAX));
            self.step(Step::ReadControl(usize::MAX));
        }
        assert!(self.machine.is_idle() && self.pipes.iter().all(Vec::is_empty));
        self.machine.log_out();
        self.flush();
        self.deliver(0, 1);
        self.step(Step::ReadReports(usize::MAX));
        assert_eq!(self.machine.logged_out(), Some(self.gateway.last_report()));
    }

    /// Every report was told once, in order and without a gap but where a state took the place of some.
    fn check_reports(&self, begun_after: u64) {
        let mut told = begun_after;
        for event in &self.events {
            match event {
                Event::Report { report, .. } => {
                    assert_eq!(report.number, told + 1);
                    assert_eq!(self.gateway.log[usize::try_from(told).unwrap()], *report);
                    told += 1;
                }
                Event::Resynchronised(state) => {
                    assert!(state.last_report >= told && state.account == ACCOUNT && state.orders.len() == 1);
                    told = state.last_report;
                }
                Event::Refused { .. } | Event::Outcome { .. } => {}
            }
        }
        assert_eq!(told, self.gateway.last_report());
    }

    /// Every command has one outcome, the true one, and was executed once or not at all as that says.
    fn check_outcomes(&mut self) {
        let told = self.told_outcomes();
        let mut executed = self.gateway.executed.clone();
        executed.sort_by_key(|(lane, number)| (*lane == Lane::Cancels, *number));
        assert!(executed.windows(2).all(|two| two[0] != two[1]), "twice: {executed:?}");
        assert_eq!(told.len(), self.given.len());
        for (lane, number, waiter) in &mut self.given {
            let was_executed = executed.contains(&(*lane, *number));
            let outcome = &told[&(*lane, *number)];
            match outcome {
                Ok(report) => {
                    assert!(was_executed);
                    assert_eq!(report.number, self.gateway.outcomes[&(*lane, *number)]);
                }
                Err(refused) if refused.code == RejectCode::OutcomeTooOld => assert!(was_executed),
                Err(_) => assert!(!was_executed),
            }
            if let Some(waiter) = waiter {
                let answer = waiter.try_recv().unwrap();
                match (outcome, answer) {
                    (Ok(report), Ok(answer)) => assert_eq!(*report, answer),
                    (Ok(report), Err(CommandError::Rejected { code, value })) => {
                        assert_eq!(report.body, ReportBody::Rejected { code, value });
                    }
                    (Err(refused), Err(CommandError::Refused { code, .. })) => assert_eq!(refused.code, code),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    fn told_outcomes(&self) -> HashMap<(Lane, u64), Result<Report, Refused>> {
        let mut told = HashMap::new();
        for event in &self.events {
            let (sender, outcome) = match event {
                Event::Report { report, sent: Some(_) } | Event::Outcome { report, .. } => {
                    let sender = report.answers.unwrap();
                    ((sender.lane, sender.number), Ok(*report))
                }
                Event::Refused { refused, .. } => ((refused.lane, refused.number), Err(*refused)),
                Event::Report { sent: None, .. } | Event::Resynchronised(_) => continue,
            };
            assert!(told.insert(sender, outcome).is_none(), "two outcomes of {sender:?}");
        }
        told
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..10u8, any::<bool>()).prop_map(|(command, waits)| Step::Submit { command, waits }),
        1 => Just(Step::Ask),
        2 => Just(Step::Connect),
        1 => Just(Step::Cut),
        4 => (0..3usize, 1..6usize).prop_map(|(pipe, count)| Step::Deliver { pipe, count }),
        3 => (1..6usize).prop_map(Step::Release),
        1 => Just(Step::Settle),
        1 => any::<bool>().prop_map(|lossy| Step::Beat { lossy }),
        3 => (1..8usize).prop_map(Step::ReadReports),
        1 => (1..4usize).prop_map(Step::ReadControl),
    ];
    prop::collection::vec(step, 0..120)
}

/// Many more with `CUEX_LONG` set.
fn cases() -> u32 {
    if std::env::var_os("CUEX_LONG").is_some() { 50_000 } else { 400 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_command_is_lost_or_doubled_and_no_report_missed(
        steps in steps(),
        counts_in_flight in any::<bool>(),
    ) {
        let mut world = World::new(Some(0), usize::MAX, counts_in_flight);
        steps.into_iter().for_each(|step| world.step(step));
        world.come_to_rest();
        world.check_reports(0);
        world.check_outcomes();
        let only_news = |event: &Event| matches!(event, Event::Report { .. } | Event::Refused { .. });
        prop_assert!(world.events.iter().all(only_news));
        for mut answer in world.answers {
            prop_assert_eq!(answer.try_recv().unwrap().unwrap().cash.len(), 1);
        }
    }

    #[test]
    fn reports_that_are_no_longer_kept_are_replaced_by_the_state(
        steps in steps(),
        kept in 0..6usize,
        counts_in_flight in any::<bool>(),
    ) {
        let mut world = World::new(Some(0), kept, counts_in_flight);
        steps.into_iter().for_each(|step| world.step(step));
        world.come_to_rest();
        world.check_reports(0);
        world.check_outcomes();
    }
}

fn accepted(world: &mut World) {
    for step in
        [Step::Submit { command: 7, waits: false }, Step::Deliver { pipe: 1, count: 9 }, Step::Release(9)]
    {
        world.step(step);
    }
}

#[test]
fn who_wants_new_reports_gets_no_old_ones() {
    let mut world = World::new(None, usize::MAX, true);
    (0..3).for_each(|_| world.step(Step::Settle));
    world.step(Step::Connect);
    world.step(Step::Settle);
    world.step(Step::Cut);
    world.step(Step::Settle);
    world.come_to_rest();
    world.check_reports(3);
    assert_eq!(world.events.len(), 2);
}

#[test]
fn a_refusal_that_was_lost_is_asked_for_and_never_executed() {
    let mut world = World::new(Some(0), usize::MAX, true);
    world.step(Step::Connect);
    for command in [1, 7] {
        world.step(Step::Submit { command, waits: true });
    }
    world.step(Step::Deliver { pipe: 1, count: 2 });
    world.step(Step::Cut);
    world.come_to_rest();
    world.check_outcomes();
    let not_taken = |event: &&Event| matches!(event, Event::Refused { refused, .. } if refused.code == RejectCode::NotTaken);
    assert_eq!(world.events.iter().filter(not_taken).count(), 1);
}

#[test]
fn a_gap_in_the_reports_is_a_violation() {
    let mut world = World::new(Some(0), usize::MAX, true);
    world.step(Step::Connect);
    accepted(&mut world);
    accepted(&mut world);
    world.reports.pop_front();
    let message = world.reports.pop_front().unwrap();
    let error = world.machine.take(message, Instant::now(), &mut world.events).unwrap_err();
    assert!(matches!(error, SessionError::Violation { .. }), "{error}");
    assert!(world.events.is_empty());
}

#[test]
fn a_heartbeat_shows_reports_that_are_missing_at_the_end() {
    let mut world = World::new(Some(0), usize::MAX, true);
    world.step(Step::Connect);
    accepted(&mut world);
    world.step(Step::Beat { lossy: false });
    world.step(Step::ReadReports(9));
    accepted(&mut world);
    world.reports.clear();
    let error = world.machine.take(world.gateway.beat(), Instant::now(), &mut world.events).unwrap_err();
    assert!(matches!(&error, SessionError::Lost { .. }) && !error.is_final(), "{error}");
    world.cut();
    world.come_to_rest();
    world.check_reports(0);
}

#[test]
fn nobody_says_goodbye_to_whom_stays() {
    let mut world = World::new(Some(0), usize::MAX, true);
    world.step(Step::Connect);
    let goodbye = ServerMessage::LoggedOut { last_report: 0 };
    let error = world.machine.take(goodbye, Instant::now(), &mut world.events).unwrap_err();
    assert!(matches!(error, SessionError::Violation { .. }), "{error}");
}

#[test]
fn another_exchange_under_the_same_key_is_noticed() {
    let mut world = World::new(Some(0), usize::MAX, true);
    world.step(Step::Connect);
    accepted(&mut world);
    world.step(Step::ReadReports(1));
    world.step(Step::Cut);
    let (welcome, _) = GatewayModel::new(usize::MAX, true).greet(world.machine.hello());
    let error = world.machine.attach(welcome, Instant::now()).unwrap_err();
    assert!(matches!(error, SessionError::Rewound { told: 1, last: 0 }), "{error}");
}

#[test]
fn another_client_with_the_same_key_is_noticed() {
    let mut world = World::new(Some(0), usize::MAX, true);
    world.step(Step::Connect);
    accepted(&mut world);
    world.step(Step::Cut);
    world.gateway.command(Lane::Orders, 2, order(5, 1));
    let (welcome, _) = world.gateway.greet(world.machine.hello());
    let error = world.machine.attach(welcome, Instant::now()).unwrap_err();
    assert!(matches!(error, SessionError::KeyShared { lane: Lane::Orders, taken: 2, last: 1 }), "{error}");
}

#[test]
fn whoever_waits_learns_of_the_end() {
    let mut world = World::new(Some(0), usize::MAX, true);
    world.step(Step::Connect);
    world.step(Step::Submit { command: 7, waits: true });
    world.step(Step::Ask);
    world.machine.end(&SessionError::Finished);
    let outcome = world.given[0].2.as_mut().unwrap().try_recv().unwrap();
    assert!(matches!(outcome, Err(CommandError::Session(SessionError::Finished))));
    let answer = world.answers[0].try_recv().unwrap();
    assert!(matches!(answer, Err(CommandError::Session(SessionError::Finished))));
}

#[test]
fn room_is_bounded_by_the_oldest_command_without_an_outcome() {
    let mut machine = Machine::new(Some(0), 2);
    let (welcome, _) = GatewayModel::new(usize::MAX, true).greet(machine.hello());
    machine.attach(welcome, Instant::now()).unwrap();
    for _ in 0..2 {
        assert!(machine.has_room(Lane::Orders));
        machine.submit(Lane::Orders, order(5, 1), Instant::now(), None).unwrap();
    }
    assert!(!machine.has_room(Lane::Orders) && machine.has_room(Lane::Cancels));
    assert!(machine.submit(Lane::Orders, Command::Clock, Instant::now(), None).is_err());
}
