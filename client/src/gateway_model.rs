//! A gateway and an exchange in a few lines, for tests: they number, execute, report, resume and answer repeats by
//! the rules of order entry, and remember everything so that a test can hold the client to it.

use protocol::order_entry::{
    Allowance, ClientMessage, Heartbeat, Hello, Query, QueryEnd, QueryKind, Refused, ServerMessage, Welcome,
    lane_of, outcome_of,
};
use std::collections::{HashMap, VecDeque};
use types::{
    AccountId, CancelReason, Class, ClassNo, ClassSpec, Code, Command, ContractId, KeyNo, Lane, NewOrder,
    OpenOrder, RejectCode, Report, ReportBody, Rights, Role, Sender, Side, Timestamp, Units,
};

pub(crate) const ACCOUNT: AccountId = AccountId(7);
pub(crate) const KEY: KeyNo = KeyNo(3);
/// An order of so many units is rejected.
pub(crate) const REJECTED_UNITS: Units = 13;
/// An order of so many units is filled by half at once.
pub(crate) const FILLED_UNITS: Units = 20;

/// The exchange as one account sees it.
#[derive(Debug)]
pub(crate) struct GatewayModel {
    /// How many of the newest reports are kept.
    kept: usize,
    /// True if numbers on their way count as taken, as good gateways have it.
    counts_in_flight: bool,
    /// How often it asks for a word, in seconds. It says none by itself.
    pub(crate) heartbeat: u8,
    /// All reports ever made.
    pub(crate) log: Vec<Report>,
    /// What was executed, in order.
    pub(crate) executed: Vec<(Lane, u64)>,
    /// The report that says what came of each number that was taken.
    pub(crate) outcomes: HashMap<(Lane, u64), u64>,
    in_flight: VecDeque<(Lane, u64, Command)>,
    /// Mass cancels that were accepted and are not done.
    mass_cancels: Vec<Sender>,
    released: [u64; 2],
    sequence: u64,
}

/// The order with a number on the orders lane; `price` 0 is refused without being taken.
pub(crate) fn order(price: i64, units: Units) -> Command {
    Command::NewOrder(NewOrder::limit(ContractId(5), Side::Buy, units, price))
}

pub(crate) fn class() -> Class {
    Class { no: ClassNo(0), spec: ClassSpec::example() }
}

pub(crate) fn dollars() -> Code {
    ClassSpec::example().currency
}

impl GatewayModel {
    pub(crate) fn new(kept: usize, counts_in_flight: bool) -> GatewayModel {
        GatewayModel {
            kept,
            counts_in_flight,
            heartbeat: u8::MAX,
            log: Vec::new(),
            executed: Vec::new(),
            outcomes: HashMap::new(),
            in_flight: VecDeque::new(),
            mass_cancels: Vec::new(),
            released: [0; 2],
            sequence: 0,
        }
    }

    /// The answer to a hello, and the reports that come again.
    pub(crate) fn greet(&self, hello: Hello) -> (Welcome, Vec<ServerMessage>) {
        let forgotten = self.forgotten();
        let resumed =
            hello.resume_after.is_none_or(|after| (forgotten..=self.last_report()).contains(&after));
        let from = hello.resume_after.filter(|_| resumed).map_or(self.log.len(), index);
        let welcome = Welcome {
            account: ACCOUNT,
            key: KEY,
            role: Role::Broker,
            rights: Rights::READ.and(Rights::TRADE),
            resumed,
            time: Timestamp(self.sequence),
            sequence: self.sequence,
            taken: [self.highest(Lane::Orders), self.highest(Lane::Cancels)],
            first_report: forgotten + 1,
            last_report: self.last_report(),
            heartbeat: self.heartbeat,
            allowances: [Allowance::UNLIMITED; 2],
        };
        (welcome, self.log[from..].iter().map(|report| ServerMessage::Report(*report)).collect())
    }

    /// A command comes in on a lane: what is said at once.
    pub(crate) fn command(&mut self, lane: Lane, number: u64, command: Command) -> Option<ServerMessage> {
        let highest = self.highest(lane);
        let refuse = |code, value| Some(ServerMessage::Refused(Refused { lane, number, code, value }));
        let stated = i64::try_from(highest).unwrap();
        if number <= highest {
            let on_its_way = |(by, other, _): &(Lane, u64, Command)| (*by, *other) == (lane, number);
            return match self.outcomes.get(&(lane, number)) {
                Some(report) if *report > self.forgotten() => {
                    Some(ServerMessage::Report(self.log[index(report - 1)]))
                }
                Some(_) => refuse(RejectCode::OutcomeTooOld, stated),
                None if self.in_flight.iter().any(on_its_way) => None,
                None => refuse(RejectCode::NotTaken, stated),
            };
        }
        if let Command::NewOrder(NewOrder { price: 0, .. }) = command {
            return refuse(RejectCode::PriceOutOfRange, 0);
        }
        self.in_flight.push_back((lane, number, command));
        None
    }

    /// So many of the commands on their way are executed, after what is pending: the reports of that.
    pub(crate) fn release(&mut self, count: usize) -> Vec<ServerMessage> {
        let before = self.log.len();
        for sender in std::mem::take(&mut self.mass_cancels) {
            self.sequence += 1;
            self.report(None, self.cancelled(CancelReason::Mass));
            self.report(Some(sender), ReportBody::MassCancelDone { orders: 1 });
        }
        let count = count.min(self.in_flight.len());
        for (lane, number, command) in self.in_flight.drain(..count).collect::<Vec<_>>() {
            self.execute(lane, number, command);
        }
        self.log[before..].iter().map(|report| ServerMessage::Report(*report)).collect()
    }

    /// Something happens to the account that no command of its own brought about.
    pub(crate) fn settle(&mut self) -> ServerMessage {
        self.sequence += 1;
        self.report(None, ReportBody::Settled { contract: ContractId(4), units: 1 });
        ServerMessage::Report(self.log[self.log.len() - 1])
    }

    /// The answer to a question.
    pub(crate) fn answer(&self, query: Query) -> Vec<ServerMessage> {
        let Query { request, kind } = query;
        let mut lines = match kind {
            QueryKind::Account => vec![
                ServerMessage::Balance { account: ACCOUNT, currency: dollars(), free: 5, reserved: 2 },
                ServerMessage::Holding { account: ACCOUNT, contract: ContractId(5), free: 1, reserved: 0 },
                ServerMessage::OpenOrder(self.open_order()),
            ],
            QueryKind::Classes => vec![ServerMessage::Class(class())],
            QueryKind::Accounts => {
                let (code, value) = (RejectCode::NotAllowed, 3);
                let refused = protocol::order_entry::QueryRefused { request, code, value };
                return vec![ServerMessage::QueryRefused(refused)];
            }
        };
        let end = QueryEnd { request, sequence: self.sequence, last_report: self.last_report() };
        lines.push(ServerMessage::QueryEnd(end));
        lines
    }

    /// What a message on a lane is answered with at once, or one on the control stream after the hello.
    pub(crate) fn hear(&mut self, lane: Option<Lane>, message: ClientMessage) -> Vec<ServerMessage> {
        match (lane, message) {
            (None, ClientMessage::Query(query)) => self.answer(query),
            (None, ClientMessage::Heartbeat) => Vec::new(),
            (None, ClientMessage::Logout) => {
                assert!(self.in_flight.is_empty(), "a client leaves when all is answered");
                vec![ServerMessage::LoggedOut { last_report: self.last_report() }]
            }
            (Some(lane), ClientMessage::Command { number, command }) => {
                assert!(lane_of(&command).is_none_or(|its_lane| its_lane == lane), "the wrong lane");
                self.command(lane, number, command).into_iter().collect()
            }
            other => panic!("out of place: {other:?}"),
        }
    }

    /// What stands behind all reports so far.
    pub(crate) fn beat(&self) -> ServerMessage {
        let allowances = [Allowance::UNLIMITED; 2];
        ServerMessage::Heartbeat(Heartbeat { last_report: self.last_report(), allowances })
    }

    pub(crate) fn last_report(&self) -> u64 {
        u64::try_from(self.log.len()).unwrap()
    }

    /// The newest report that is no longer kept.
    fn forgotten(&self) -> u64 {
        u64::try_from(self.log.len().saturating_sub(self.kept)).unwrap()
    }

    fn highest(&self, lane: Lane) -> u64 {
        let sent = self.in_flight.iter().filter(|(by, _, _)| *by == lane).map(|(_, number, _)| *number);
        let in_flight = sent.max().filter(|_| self.counts_in_flight).unwrap_or(0);
        in_flight.max(self.released[lane_index(lane)])
    }

    fn execute(&mut self, lane: Lane, number: u64, command: Command) {
        self.sequence += 1;
        let order = self.sequence;
        let sender = Some(Sender { key: KEY, lane, number });
        let last = self.released[lane_index(lane)];
        if number <= last {
            let value = i64::try_from(last).unwrap();
            self.report(sender, ReportBody::Rejected { code: RejectCode::NumberNotRising, value });
            return;
        }
        self.released[lane_index(lane)] = number;
        self.executed.push((lane, number));
        let contract = ContractId(5);
        match command {
            Command::NewOrder(NewOrder { units: REJECTED_UNITS, .. }) => {
                self.report(sender, ReportBody::Rejected { code: RejectCode::NotEnoughCash, value: 1 });
            }
            Command::NewOrder(terms) => {
                let NewOrder { side, price, units, .. } = terms;
                self.report(sender, ReportBody::Accepted { order, slot: 9, terms });
                if units == FILLED_UNITS {
                    let (counter, left) = (1, units / 2);
                    let (units, fee, maker) = (units - left, 0, false);
                    let filled =
                        ReportBody::Filled { order, counter, contract, side, price, units, left, fee, maker };
                    self.report(sender, filled);
                }
            }
            Command::MassCancel(asked) => {
                self.report(sender, ReportBody::MassCancelAccepted(asked));
                self.mass_cancels.extend(sender);
            }
            _ => self.report(sender, self.cancelled(CancelReason::Owner)),
        }
    }

    fn report(&mut self, answers: Option<Sender>, body: ReportBody) {
        let (number, sequence) = (self.last_report() + 1, self.sequence);
        let time = Timestamp(sequence);
        self.log.push(Report { account: ACCOUNT, number, sequence, time, answers, body });
        if let Some(Sender { lane, number: answered, .. }) = outcome_of(&self.log[self.log.len() - 1]) {
            self.outcomes.entry((lane, answered)).or_insert(number);
        }
    }

    fn cancelled(&self, reason: CancelReason) -> ReportBody {
        let (contract, side) = (ContractId(5), Side::Buy);
        ReportBody::Cancelled { order: 1, contract, side, units: 1, left: 0, reason }
    }

    fn open_order(&self) -> OpenOrder {
        OpenOrder {
            account: ACCOUNT,
            order: 1,
            slot: 9,
            key: KEY,
            number: 1,
            terms: NewOrder::limit(ContractId(5), Side::Buy, 8, 100),
            left: 8,
            shown: 8,
        }
    }
}

fn lane_index(lane: Lane) -> usize {
    match lane {
        Lane::Orders => 0,
        Lane::Cancels => 1,
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}
