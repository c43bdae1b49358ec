//! The desk as a machine: bytes and moments in, commands, answers and reports out. A real engine says what came of
//! the commands.

mod leaving;
mod mass_cancels;
mod throttles;

use super::*;
use engine::Engine;
use protocol::VERSION;
use protocol::order_entry::{Allowance, Query, QueryEnd, QueryKind, QueryRefused, Refused};
use types::{
    ClassSpec, Command, ContractId, NewOrder, OrderRef, Output, RejectCode, Role, Sender, Sequence, Side,
    Stamped, Why,
};

const NOW: Timestamp = Timestamp(500_000 * types::HOUR_NANOS);
const OPERATOR: PublicKey = PublicKey([1; 32]);
const BROKER: PublicKey = PublicKey([2; 32]);
const ORDERS: Lane = Lane::Orders;
const SECOND: u64 = types::SECOND_NANOS;

/// An engine with a desk before it: what a sequencer would do, one command at a time.
struct Bench {
    engine: Engine,
    desk: Desk,
    reports: Vec<Report>,
    /// What time it is at the desk. The engine's stamps stay at [`NOW`].
    now: Timestamp,
}

/// A client's end of a session.
struct Client {
    session: SessionNo,
    reports: Outbox,
    closed: oneshot::Receiver<Closing>,
}

impl Bench {
    /// Key 1 is the operator's; key 2 a broker's, account 2, who has 1,000 dollars.
    fn new() -> Bench {
        Bench::limited(Limits::default())
    }

    fn limited(limits: Limits) -> Bench {
        let recovery = recovery(&Engine::new(), &[]);
        let desk = Desk::new(&recovery, limits, NOW);
        let mut bench = Bench { engine: Engine::new(), desk, reports: Vec::new(), now: NOW };
        bench.apply(None, Command::Genesis { operator: OPERATOR, seed: 0 });
        let role = Role::Broker;
        let commands = [
            Command::DefineClass { spec: Box::new(ClassSpec::example()), why: Why::NONE },
            Command::OpenAccount { name: "broker".parse().unwrap(), role, why: Why::NONE },
            Command::RegisterKey {
                account: AccountId(2),
                public: BROKER,
                rights: role.rights(),
                expires: Timestamp(NOW.0 + 100),
                why: Why::NONE,
            },
            Command::DepositCash {
                account: AccountId(2),
                currency: ClassSpec::example().currency,
                amount: 1_000_000_000,
                external: 1,
                why: Why::NONE,
            },
        ];
        for (number, command) in (1..).zip(commands) {
            bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number }), command);
        }
        bench
    }

    fn apply(&mut self, sender: Option<Sender>, command: Command) {
        let mut output = Output::default();
        let sequence = self.engine.last_sequence() + 1;
        self.engine.apply(&Stamped { sequence, time: NOW, sender, command }, &mut output);
        self.reports.extend(&output.reports);
        let released = Released { sequence, time: NOW, commands: 1, output, refused: Vec::new() };
        self.desk.release(&released, self.now);
    }

    fn release(&mut self, chunk: Vec<Inbound>) {
        chunk.into_iter().for_each(|inbound| self.apply(inbound.sender(), inbound.command().clone()));
    }

    fn connect(&mut self, public: PublicKey) -> Client {
        let Connected { session, reports, closed } = self.desk.connect(public, self.now).unwrap();
        Client { session, reports, closed }
    }

    /// A session that has said hello, with its welcome.
    fn login(&mut self, public: PublicKey, resume_after: Option<u64>) -> (Client, Welcome) {
        let client = self.connect(public);
        let answers = self.say(&client, &ClientMessage::Hello(Hello { resume_after })).unwrap();
        let [ServerMessage::Welcome(welcome)] = answers[..] else { panic!("{answers:?}") };
        (client, welcome)
    }

    fn say(&mut self, client: &Client, message: &ClientMessage) -> Result<Vec<ServerMessage>, Closing> {
        let bytes = encoded(std::slice::from_ref(message));
        let mut out = Vec::new();
        let frame = Frames::new(&bytes).next().unwrap().unwrap();
        self.desk.control(client.session, frame, self.now, &mut out)?;
        Ok(decoded(&out))
    }

    fn open(&mut self, client: &Client, lane: Lane) -> Result<Lane, Closing> {
        let bytes = encoded(&[ClientMessage::LaneOpen(lane)]);
        self.desk.open_lane(client.session, Frames::new(&bytes).next().unwrap().unwrap())
    }

    fn commands(&mut self, client: &Client, lane: Lane, bytes: &[u8]) -> (Vec<Inbound>, Result<(), Closing>) {
        let mut chunk = Vec::new();
        let taken = self.desk.commands(client.session, lane, Frames::new(bytes), self.now, &mut chunk);
        (chunk, taken.map(drop))
    }

    /// Time passes, and is told to the desk once a second, as a gateway does: the keys whose graces ran out.
    fn pass(&mut self, seconds: u64) -> Vec<KeyNo> {
        let mut over = Vec::new();
        for _ in 0..seconds {
            self.now = Timestamp(self.now.0 + SECOND);
            over.extend(self.desk.pass(self.now));
        }
        over
    }
}

impl Client {
    fn reports(&self) -> Vec<ServerMessage> {
        let mut bytes = Vec::new();
        self.reports.take(&mut bytes);
        decoded(&bytes)
    }

    fn closing(&mut self) -> Option<CloseCode> {
        self.closed.try_recv().ok().map(|closing| closing.code)
    }
}

fn recovery(engine: &Engine, reports: &[Report]) -> Recovery {
    let mut state = Vec::new();
    engine.emit_state(&mut state);
    Recovery {
        sequence: engine.last_sequence(),
        time: engine.last_time(),
        state,
        reports: reports.to_vec(),
        commands: engine.last_sequence(),
        ..Recovery::default()
    }
}

fn encoded(messages: &[ClientMessage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| message.encode(&mut bytes).unwrap());
    bytes
}

fn decoded(bytes: &[u8]) -> Vec<ServerMessage> {
    Frames::new(bytes).map(|frame| ServerMessage::decode(frame.unwrap()).unwrap()).collect()
}

fn bid(number: u64, price: i64, units: u32) -> ClientMessage {
    let contract = ContractId::new(types::ClassNo(0), NOW.hour().plus(5));
    let order = NewOrder::limit(contract, Side::Buy, units, price);
    ClientMessage::Command { number, command: Command::NewOrder(order) }
}

fn numbers(chunk: &[Inbound]) -> Vec<u64> {
    chunk.iter().filter_map(|inbound| Some(inbound.sender()?.number)).collect()
}

/// The numbers of reports and the codes of refusals, in order.
fn told(messages: &[ServerMessage]) -> Vec<Result<u64, RejectCode>> {
    let what = |message: &ServerMessage| match *message {
        ServerMessage::Report(report) => Ok(report.number),
        ServerMessage::Refused(refused) => Err(refused.code),
        ref other => panic!("{other:?}"),
    };
    messages.iter().map(what).collect()
}

#[test]
fn only_a_registered_valid_key_with_the_right_to_read_comes_in() {
    let mut bench = Bench::new();
    let code =
        |bench: &mut Bench, public, now| bench.desk.connect(public, now).map(drop).map_err(|it| it.code);
    assert_eq!(code(&mut bench, PublicKey([9; 32]), NOW), Err(CloseCode::UnknownKey));
    assert_eq!(code(&mut bench, BROKER, NOW), Ok(()));
    assert_eq!(code(&mut bench, BROKER, Timestamp(NOW.0 + 100)), Err(CloseCode::UnknownKey));

    let register = |account, public, rights| Command::RegisterKey {
        account: AccountId(account),
        public,
        rights,
        expires: Timestamp::MAX,
        why: Why::NONE,
    };
    let mute = PublicKey([3; 32]);
    bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number: 8 }), register(2, mute, Rights::TRADE));
    assert_eq!(code(&mut bench, mute, NOW), Err(CloseCode::NotAllowed));
    let revoke = Command::RevokeKey { key: KeyNo(3), why: Why::NONE };
    bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number: 9 }), revoke);
    assert_eq!(code(&mut bench, mute, NOW), Err(CloseCode::KeyRevoked));
}

fn allowance(rate: u32, burst: u32) -> Allowance {
    Allowance { left: burst, rate, burst }
}

#[test]
fn a_welcome_says_who_and_where() {
    let mut bench = Bench::new();
    let (_client, welcome) = bench.login(BROKER, None);
    let expected = Welcome {
        account: AccountId(2),
        key: KeyNo(2),
        role: Role::Broker,
        rights: Role::Broker.rights(),
        resumed: true,
        time: NOW,
        sequence: 5,
        taken: [0, 0],
        first_report: 1,
        last_report: 1,
        heartbeat: 5,
        allowances: [allowance(50_000, 100_000), allowance(100_000, 200_000)],
    };
    assert_eq!(welcome, expected);
    let (_operator, welcome) = bench.login(OPERATOR, None);
    assert_eq!((welcome.taken, welcome.last_report), ([4, 0], 4));
}

#[test]
fn commands_go_on_and_their_reports_come_back() {
    let mut bench = Bench::new();
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    let (chunk, taken) = bench.commands(&client, ORDERS, &encoded(&[bid(1, 10, 2), bid(5, 11, 1)]));
    assert_eq!((numbers(&chunk), taken), (vec![1, 5], Ok(())));
    assert!(client.reports().is_empty(), "nothing is told before it is released");
    bench.release(chunk);
    let reports = client.reports();
    assert_eq!(told(&reports), [Ok(2), Ok(3)]);
    assert_eq!(reports[1], ServerMessage::Report(bench.reports[bench.reports.len() - 1]));

    bench.open(&client, Lane::Cancels).unwrap();
    let cancel = ClientMessage::Command { number: 1, command: Command::Cancel(OrderRef::Number(5)) };
    let (chunk, _) = bench.commands(&client, Lane::Cancels, &encoded(&[cancel]));
    bench.release(chunk);
    assert_eq!(told(&client.reports()), [Ok(4)]);
}

#[test]
fn a_number_never_goes_on_twice_and_is_answered_with_its_outcome() {
    let mut bench = Bench::new();
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    let bytes = encoded(&[bid(1, 10, 1), bid(4, 10, 1)]);
    let (chunk, _) = bench.commands(&client, ORDERS, &bytes);
    // On their way: nothing goes on, and nothing is said that their reports will not say.
    let again = bench.commands(&client, ORDERS, &bytes);
    assert_eq!((again.0.len(), client.reports().len()), (0, 0));
    bench.release(chunk);
    assert_eq!(told(&client.reports()), [Ok(2), Ok(3)]);
    // Taken: the same reports again; a number between them never was.
    let repeats = encoded(&[bid(4, 99, 9), bid(3, 10, 1), bid(1, 10, 1)]);
    let (chunk, taken) = bench.commands(&client, ORDERS, &repeats);
    assert_eq!((chunk.len(), taken), (0, Ok(())));
    assert_eq!(told(&client.reports()), [Ok(3), Err(RejectCode::NotTaken), Ok(2)]);
}

#[test]
fn numbers_on_their_way_outlive_the_session_that_sent_them() {
    let mut bench = Bench::new();
    let (first, _) = bench.login(BROKER, None);
    bench.open(&first, ORDERS).unwrap();
    let (chunk, _) = bench.commands(&first, ORDERS, &encoded(&[bid(1, 10, 1), bid(2, 10, 1)]));
    let (second, welcome) = bench.login(BROKER, Some(1));
    assert_eq!(welcome.taken, [2, 0], "a client without memory must not use a number on its way");
    bench.open(&second, ORDERS).unwrap();
    let (again, _) = bench.commands(&second, ORDERS, &encoded(&[bid(2, 10, 1), bid(3, 10, 1)]));
    assert_eq!(numbers(&again), [3]);
    bench.release(chunk);
    bench.release(again);
    assert_eq!(told(&second.reports()), [Ok(2), Ok(3), Ok(4)]);
}

#[test]
fn stateless_refusals_take_no_number() {
    let mut bench = Bench::new();
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    let mut bad_side = encoded(&[bid(9, 10, 1)]);
    let order = encoded(&[bid(9, 10, 1)]);
    // The side is the one byte that differs between a bid and an ask.
    let contract = ContractId::new(types::ClassNo(0), NOW.hour().plus(5));
    let ask = NewOrder::limit(contract, Side::Sell, 1, 10);
    let ask = encoded(&[ClientMessage::Command { number: 9, command: Command::NewOrder(ask) }]);
    let side = order.iter().zip(&ask).position(|(one, other)| one != other).unwrap();
    bad_side[side] = 77;

    let bytes = [encoded(&[bid(9, 0, 1), bid(9, 10, 0)]), bad_side, order].concat();
    let (chunk, taken) = bench.commands(&client, ORDERS, &bytes);
    assert_eq!((numbers(&chunk), taken), (vec![9], Ok(())));
    let refusals = client.reports();
    let refused = |code, value| ServerMessage::Refused(Refused { lane: ORDERS, number: 9, code, value });
    assert_eq!(
        refusals,
        [
            refused(RejectCode::PriceOutOfRange, 0),
            refused(RejectCode::UnitsOutOfRange, 0),
            refused(RejectCode::UnknownChoice, 77),
        ]
    );
}

#[test]
fn a_message_out_of_place_ends_the_session_after_what_came_before() {
    let mut bench = Bench::new();
    let early = bench.connect(BROKER);
    assert_eq!(bench.open(&early, ORDERS).unwrap_err().code, CloseCode::OutOfPlace);
    let query = ClientMessage::Query(Query { request: 1, kind: QueryKind::Classes });
    assert_eq!(bench.say(&early, &query).unwrap_err().code, CloseCode::OutOfPlace);

    let (client, _) = bench.login(BROKER, None);
    let hello = ClientMessage::Hello(Hello { resume_after: None });
    assert_eq!(bench.say(&client, &hello).unwrap_err().code, CloseCode::OutOfPlace);
    assert_eq!(bench.say(&client, &bid(1, 1, 1)).unwrap_err().code, CloseCode::OutOfPlace);
    assert_eq!(bench.open(&client, ORDERS), Ok(ORDERS));
    assert_eq!(bench.open(&client, ORDERS).unwrap_err().code, CloseCode::WrongLane);

    let cancel = ClientMessage::Command { number: 2, command: Command::Cancel(OrderRef::Number(1)) };
    let (chunk, taken) = bench.commands(&client, ORDERS, &encoded(&[bid(1, 10, 1), cancel, bid(3, 10, 1)]));
    assert_eq!((numbers(&chunk), taken.unwrap_err().code), (vec![1], CloseCode::WrongLane));
    let (chunk, taken) =
        bench.commands(&client, ORDERS, &[encoded(&[bid(4, 10, 1)]), vec![4, 0, 250, VERSION]].concat());
    assert_eq!((numbers(&chunk), taken.unwrap_err().code), (vec![4], CloseCode::UnknownKind));
}

#[test]
fn the_newer_session_of_a_key_supersedes_the_older() {
    let mut bench = Bench::new();
    let (mut older, _) = bench.login(BROKER, None);
    let mut waiting = bench.connect(BROKER);
    assert_eq!(older.closing(), None, "a connection that has not said hello supersedes nobody");
    let (mut newer, _) = bench.login(BROKER, None);
    assert_eq!((older.closing(), newer.closing()), (Some(CloseCode::Superseded), None));
    assert!(bench.commands(&older, ORDERS, &encoded(&[bid(1, 10, 1)])).1.is_err());
    assert_eq!(waiting.closing(), None);
    // What came before the newer one and says hello after it is the older one.
    let hello = ClientMessage::Hello(Hello { resume_after: None });
    assert_eq!(bench.say(&waiting, &hello).unwrap_err().code, CloseCode::Superseded);
    assert_eq!(newer.closing(), None);
}

#[test]
fn a_session_resumes_after_any_report_that_is_kept() {
    let mut bench = Bench::new();
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    let (chunk, _) = bench.commands(&client, ORDERS, &encoded(&[bid(1, 10, 1), bid(2, 10, 1)]));
    bench.release(chunk);
    for (after, resumed, expected) in [
        (Some(0), true, vec![Ok(1), Ok(2), Ok(3)]),
        (Some(2), true, vec![Ok(3)]),
        (Some(3), true, vec![]),
        (Some(4), false, vec![]),
        (None, true, vec![]),
    ] {
        let (client, welcome) = bench.login(BROKER, after);
        assert_eq!((welcome.resumed, told(&client.reports())), (resumed, expected), "after {after:?}");
    }
}

#[test]
fn after_a_restart_outcomes_and_reports_are_there_as_far_as_they_were_recovered() {
    let mut bench = Bench::new();
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    let orders: Vec<ClientMessage> = (1..=4).map(|number| bid(2 * number, 10, 1)).collect();
    let (chunk, _) = bench.commands(&client, ORDERS, &encoded(&orders));
    bench.release(chunk);

    // All of them, then only the newest two: the outcomes of 6 and 8.
    for (kept, first, expected) in [
        (bench.reports.len(), 1, [Err(RejectCode::NotTaken), Ok(3), Ok(5)]),
        (2, 4, [Err(RejectCode::OutcomeTooOld), Err(RejectCode::OutcomeTooOld), Ok(5)]),
    ] {
        let newest = &bench.reports[bench.reports.len() - kept..];
        let desk = Desk::new(&recovery(&bench.engine, newest), Limits::default(), NOW);
        let mut again = Bench { engine: bench.engine.clone(), desk, reports: Vec::new(), now: NOW };
        assert_eq!(again.desk.mirror, bench.desk.mirror);
        let (client, welcome) = again.login(BROKER, Some(first - 1));
        assert_eq!((welcome.resumed, welcome.first_report, welcome.last_report), (true, first, 5));
        assert_eq!(welcome.taken, [8, 0]);
        assert_eq!(client.reports().len(), usize::try_from(6 - first).unwrap());
        again.open(&client, ORDERS).unwrap();
        let repeats = encoded(&[bid(3, 10, 1), bid(4, 10, 1), bid(8, 10, 1)]);
        assert!(again.commands(&client, ORDERS, &repeats).0.is_empty());
        assert_eq!(told(&client.reports()), expected);
        let (_, welcome) = again.login(BROKER, Some(first.saturating_sub(2)));
        assert_eq!(welcome.resumed, first == 1);
    }
}

#[test]
fn queries_are_answered_at_the_released_sequence() {
    let mut bench = Bench::new();
    let (client, _) = bench.login(BROKER, None);
    bench.open(&client, ORDERS).unwrap();
    let (chunk, _) = bench.commands(&client, ORDERS, &encoded(&[bid(1, 1_000, 2)]));
    let ask = |kind| ClientMessage::Query(Query { request: 7, kind });
    let end = |sequence: Sequence, last_report| {
        ServerMessage::QueryEnd(QueryEnd { request: 7, sequence, last_report })
    };
    // Before the order is released it does not exist.
    let answer = bench.say(&client, &ask(QueryKind::Account)).unwrap();
    let currency = ClassSpec::example().currency;
    let balance = |free, reserved| ServerMessage::Balance { account: AccountId(2), currency, free, reserved };
    let own = answer[0];
    assert!(matches!(own, ServerMessage::Account(account) if account.id == AccountId(2) && !account.killed));
    assert_eq!(answer[1..], [balance(1_000_000_000, 0), end(5, 1)]);
    bench.release(chunk);
    let answer = bench.say(&client, &ask(QueryKind::Account)).unwrap();
    // 1,000 ticks of 100 millionths, 2 units, 1 hour, and a fee of 1,000 ppm.
    assert_eq!((answer[1], answer[3]), (balance(999_799_800, 200_200), end(6, 2)));
    assert!(matches!(answer[2], ServerMessage::OpenOrder(order) if order.number == 1 && order.left == 2));

    let classes = bench.say(&client, &ask(QueryKind::Classes)).unwrap();
    assert!(matches!(classes[..], [ServerMessage::Class(class), _] if class.spec == ClassSpec::example()));

    let (code, value) = (RejectCode::NotAllowed, i64::from(Role::Broker.rights().0));
    let refused = ServerMessage::QueryRefused(QueryRefused { request: 7, code, value });
    assert_eq!(bench.say(&client, &ask(QueryKind::Accounts)), Ok(vec![refused]));
    let (operator, _) = bench.login(OPERATOR, None);
    let all = bench.say(&operator, &ask(QueryKind::Accounts)).unwrap();
    let count = |is: fn(&ServerMessage) -> bool| all.iter().filter(|message| is(message)).count();
    assert_eq!(count(|message| matches!(message, ServerMessage::Account(_))), 2);
    assert_eq!(count(|message| matches!(message, ServerMessage::Key(_))), 2);
    assert_eq!(count(|message| matches!(message, ServerMessage::Balance { .. })), 1);
}

#[test]
fn revoking_and_expiring_end_the_sessions_of_the_key() {
    let mut bench = Bench::new();
    let (mut operator, _) = bench.login(OPERATOR, None);
    let (mut broker, _) = bench.login(BROKER, None);
    let mut waiting = bench.connect(BROKER);
    let revoke = Command::RevokeKey { key: KeyNo(2), why: Why::NONE };
    bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number: 9 }), revoke);
    assert_eq!(broker.closing(), Some(CloseCode::KeyRevoked));
    assert_eq!(waiting.closing(), Some(CloseCode::KeyRevoked));
    assert_eq!(operator.closing(), None);

    let mut bench = Bench::new();
    let (mut broker, _) = bench.login(BROKER, None);
    let (mut operator, _) = bench.login(OPERATOR, None);
    bench.desk.pass(Timestamp(NOW.0 + 99));
    assert_eq!(broker.closing(), None);
    bench.desk.pass(Timestamp(NOW.0 + 100));
    assert_eq!((broker.closing(), operator.closing()), (Some(CloseCode::UnknownKey), None));
}

#[test]
fn a_connection_that_says_no_hello_does_not_stay() {
    let mut bench = Bench::new();
    let mut silent = bench.connect(OPERATOR);
    let (mut speaking, _) = bench.login(OPERATOR, None);
    bench.desk.pass(Timestamp(NOW.0 + 5 * SECOND - 1));
    assert_eq!(silent.closing(), None);
    bench.desk.pass(Timestamp(NOW.0 + 5 * SECOND));
    assert_eq!((silent.closing(), speaking.closing()), (Some(CloseCode::Silent), None));
    assert!(bench.desk.arrivals.is_empty());
}

#[test]
fn who_has_missed_more_reports_than_may_wait_starts_from_the_state_and_is_not_cut() {
    let mut bench = Bench::limited(Limits { reports_waiting: 1_000, ..Limits::default() });
    let (trader, _) = bench.login(BROKER, None);
    bench.open(&trader, ORDERS).unwrap();
    for number in 1..=20 {
        let (chunk, taken) = bench.commands(&trader, ORDERS, &encoded(&[bid(number, 1, 1)]));
        taken.unwrap();
        bench.release(chunk);
        assert_eq!(trader.reports().len(), 1);
    }
    let (mut late, welcome) = bench.login(BROKER, Some(0));
    assert!(!welcome.resumed && late.closing().is_none());
    assert_eq!(late.reports(), []);
    let (early, welcome) = bench.login(BROKER, Some(welcome.last_report - 2));
    assert!(welcome.resumed);
    assert_eq!(early.reports().len(), 2);
}

#[test]
fn a_session_that_does_not_read_is_cut_and_disturbs_nobody() {
    let mut bench = Bench::new();
    let spare = PublicKey([5; 32]);
    let register = Command::RegisterKey {
        account: AccountId(2),
        public: spare,
        rights: Rights::READ,
        expires: Timestamp::MAX,
        why: Why::NONE,
    };
    bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number: 9 }), register);
    let (mut slow, _) = bench.login(spare, None);
    let (mut quick, _) = bench.login(BROKER, None);
    bench.open(&quick, ORDERS).unwrap();
    let mut number = 0;
    while slow.closing().is_none() {
        assert!(slow.reports.waiting() <= Limits::default().reports_waiting);
        let orders: Vec<ClientMessage> = (1..=1_000).map(|more| bid(number + more, 1, 1)).collect();
        number += 1_000;
        let (chunk, taken) = bench.commands(&quick, ORDERS, &encoded(&orders));
        taken.unwrap();
        bench.release(chunk);
        assert_eq!(quick.reports().len(), 1_000);
        assert!(number < 100_000, "{} bytes wait", slow.reports.waiting());
    }
    assert_eq!(quick.closing(), None);
    // It may come back, for what is still kept.
    let (back, welcome) = bench.login(spare, Some(number));
    assert!(welcome.resumed && welcome.first_report > 1);
    assert_eq!(back.reports().len(), 1);
}

#[test]
fn sessions_are_bounded() {
    let mut bench = Bench::limited(Limits { sessions: 20, account_sessions: 3, ..Limits::default() });
    let keys: Vec<PublicKey> = (10..40).map(|byte| PublicKey([byte; 32])).collect();
    for (number, public) in (10..).zip(keys.clone()) {
        let (account, rights) = (AccountId(2), Rights::READ);
        let register =
            Command::RegisterKey { account, public, rights, expires: Timestamp::MAX, why: Why::NONE };
        bench.apply(Some(Sender { key: KeyNo(1), lane: ORDERS, number }), register);
    }
    // Of one account.
    let mut greeted: Vec<Client> = keys[..3].iter().map(|key| bench.login(*key, None).0).collect();
    let fourth = bench.connect(keys[3]);
    let hello = ClientMessage::Hello(Hello { resume_after: None });
    assert_eq!(bench.say(&fourth, &hello).unwrap_err().code, CloseCode::TooMany);
    bench.desk.close(fourth.session, Closing::done(), NOW);
    // The same key again takes the older one's place.
    bench.login(keys[0], None);
    assert_eq!(greeted[0].closing(), Some(CloseCode::Superseded));
    // Of one key without a hello.
    let mut clients: Vec<Client> = (0..ARRIVALS_MAX).map(|_| bench.connect(keys[4])).collect();
    assert_eq!(bench.desk.connect(keys[4], NOW).unwrap_err().code, CloseCode::TooMany);
    // Of all.
    clients.extend(keys[5..18].iter().map(|key| bench.connect(*key)));
    assert_eq!(bench.desk.connect(keys[20], NOW).unwrap_err().code, CloseCode::TooMany);
    bench.desk.close(clients.remove(0).session, Closing::done(), NOW);
    clients.push(bench.connect(keys[20]));
    bench.desk.stop(&Closing::new(CloseCode::Stopping, "the end"), NOW);
    assert!(clients.into_iter().all(|mut client| client.closing() == Some(CloseCode::Stopping)));
    assert!(bench.desk.sessions.is_empty() && bench.desk.arrivals.is_empty());
}
