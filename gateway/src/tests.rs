//! The whole room: real QUIC, a real sequencer, a real journal.

use super::*;
use protocol::order_entry::{ClientMessage, Hello, Query, QueryKind, ServerMessage, Welcome};
use protocol::{Frames, MESSAGE_MAX, VERSION};
use quinn::{Connection, ConnectionError, Endpoint, SendStream};
use sequencer::{Handle, Options};
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use transport::{FrameReader, client_endpoint, connect};
use types::{
    AccountId, ClassNo, ClassSpec, Command, ContractId, KeyNo, Lane, NewOrder, RejectCode, Report,
    ReportBody, Rights, Role, Side, Why,
};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
const OPENS: Accepts = Accepts { bidirectional: 0, unidirectional: 1 };

/// A whole exchange with a gateway before it.
struct House {
    gateway: Gateway,
    handle: Handle,
}

/// A client by hand.
struct Client {
    connection: Connection,
    control: SendStream,
    answers: FrameReader,
    welcome: Welcome,
    lanes: [SendStream; 2],
    reports: Option<FrameReader>,
    _endpoint: Endpoint,
}

async fn start(directory: &Path, options: &Options, key: &PrivateKey) -> House {
    let sequencer::Exchange { recovery, entry, outlets, handle } =
        sequencer::start(directory, options).unwrap();
    drop(outlets.feed);
    let config =
        Config { address: LOOPBACK, key: key.clone(), clock: options.clock, limits: Limits::default() };
    let gateway = serve(config, &recovery, entry, outlets.gateway).await.unwrap();
    House { gateway, handle }
}

/// A new exchange with a class, a broker (account 2, key 2) with cash, and a provider (account 3, key 3).
async fn market(options: &Options) -> (TempDir, House, [PrivateKey; 4]) {
    let directory = tempfile::tempdir().unwrap();
    let keys: [PrivateKey; 4] = std::array::from_fn(|_| PrivateKey::generate());
    let [server, operator, broker, provider] = &keys;
    sequencer::init(directory.path(), options, operator.public()).unwrap();
    let house = start(directory.path(), options, server).await;
    let mut desk = Client::login(&house, operator, None).await;
    let mut commands = vec![Command::DefineClass { spec: Box::new(ClassSpec::example()), why: Why::NONE }];
    for (account, name, role, key) in
        [(2, "broker", Role::Broker, broker), (3, "provider", Role::Provider, provider)]
    {
        let account = AccountId(account);
        let (public, rights, expires) = (key.public(), role.rights(), Timestamp::MAX);
        commands.push(Command::OpenAccount { name: name.parse().unwrap(), role, why: Why::NONE });
        commands.push(Command::RegisterKey { account, public, rights, expires, why: Why::NONE });
    }
    let currency = ClassSpec::example().currency;
    let (account, amount) = (AccountId(2), 1_000_000_000);
    commands.push(Command::DepositCash { account, currency, amount, external: 1, why: Why::NONE });
    let count = commands.len();
    for (number, command) in (1..).zip(commands) {
        desk.command(Lane::Orders, number, command).await;
    }
    let reports = desk.reports(count).await;
    assert!(reports.iter().all(|report| !matches!(report.body, ReportBody::Rejected { .. })), "{reports:?}");
    (directory, house, keys)
}

fn options() -> Options {
    Options { segment_bytes: 8 << 20, ..Options::default() }
}

fn contract() -> ContractId {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    ContractId::new(ClassNo(0), types::Hour(u32::try_from(now / 3_600).unwrap() + 5))
}

fn order(side: Side, price: i64, units: u32) -> Command {
    Command::NewOrder(NewOrder::limit(contract(), side, units, price))
}

fn encoded(message: &ClientMessage) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes).unwrap();
    bytes
}

impl Client {
    async fn login(house: &House, key: &PrivateKey, resume_after: Option<u64>) -> Client {
        let endpoint = client_endpoint(LOOPBACK).unwrap();
        let (address, server) = (house.gateway.address(), house.gateway.key());
        let connection = connect(&endpoint, address, server, key, ALPN, OPENS).await.unwrap();
        let (mut control, receive) = connection.open_bi().await.unwrap();
        control.write_all(&encoded(&ClientMessage::Hello(Hello { resume_after }))).await.unwrap();
        let mut answers = FrameReader::new(receive);
        let welcome = match messages(answers.next().await.unwrap().unwrap())[..] {
            [ServerMessage::Welcome(welcome)] => welcome,
            ref other => panic!("{other:?}"),
        };
        let lanes = [lane(&connection, Lane::Orders).await, lane(&connection, Lane::Cancels).await];
        Client { connection, control, answers, welcome, lanes, reports: None, _endpoint: endpoint }
    }

    async fn command(&mut self, lane: Lane, number: u64, command: Command) {
        self.write(lane, &encoded(&ClientMessage::Command { number, command })).await;
    }

    async fn write(&mut self, lane: Lane, bytes: &[u8]) {
        let at = if lane == Lane::Orders { 0 } else { 1 };
        self.lanes[at].write_all(bytes).await.unwrap();
    }

    /// The next messages on the reports stream, at least so many.
    async fn told(&mut self, count: usize) -> Vec<ServerMessage> {
        let mut told = Vec::new();
        while told.len() < count {
            let reader = match &mut self.reports {
                Some(reader) => reader,
                None => {
                    let stream = self.connection.accept_uni().await.unwrap();
                    self.reports.insert(FrameReader::new(stream))
                }
            };
            told.extend(messages(reader.next().await.unwrap().expect("more is to come")));
        }
        told
    }

    async fn reports(&mut self, count: usize) -> Vec<Report> {
        let report = |message| match message {
            ServerMessage::Report(report) => report,
            other => panic!("{other:?}"),
        };
        self.told(count).await.into_iter().map(report).collect()
    }

    async fn ask(&mut self, kind: QueryKind) -> Vec<ServerMessage> {
        let query = ClientMessage::Query(Query { request: 1, kind });
        self.control.write_all(&encoded(&query)).await.unwrap();
        let mut answer = Vec::new();
        while !matches!(answer.last(), Some(ServerMessage::QueryEnd(_) | ServerMessage::QueryRefused(_))) {
            answer.extend(messages(self.answers.next().await.unwrap().unwrap()));
        }
        answer
    }

    async fn closed(&self) -> CloseCode {
        close_code(&self.connection.closed().await)
    }
}

async fn lane(connection: &Connection, lane: Lane) -> SendStream {
    let mut stream = connection.open_uni().await.unwrap();
    stream.write_all(&encoded(&ClientMessage::LaneOpen(lane))).await.unwrap();
    stream
}

fn messages(frames: Frames<'_>) -> Vec<ServerMessage> {
    frames.map(|frame| ServerMessage::decode(frame.unwrap()).unwrap()).collect()
}

fn close_code(error: &ConnectionError) -> CloseCode {
    let ConnectionError::ApplicationClosed(close) = error else { panic!("{error}") };
    assert!(!close.reason.is_empty());
    CloseCode::from_number(close.error_code.into_inner()).unwrap()
}

#[tokio::test]
async fn an_order_goes_all_the_way() {
    let (_directory, house, [_, _, broker, provider]) = market(&options()).await;
    let mut seller = Client::login(&house, &provider, None).await;
    let mut buyer = Client::login(&house, &broker, None).await;
    seller
        .command(Lane::Orders, 1, Command::DepositCapacity { contract: contract(), units: 8, external: 1 })
        .await;
    seller.command(Lane::Orders, 2, order(Side::Sell, 20_000, 8)).await;
    assert_eq!(seller.reports(2).await.len(), 2);
    buyer.command(Lane::Orders, 1, order(Side::Buy, 21_000, 3)).await;
    let told = buyer.reports(2).await;
    assert!(matches!(told[0].body, ReportBody::Accepted { terms, .. } if terms.units == 3), "{told:?}");
    assert!(matches!(told[1].body, ReportBody::Filled { price: 20_000, units: 3, left: 0, .. }), "{told:?}");
    let told = seller.reports(1).await;
    assert!(matches!(told[0].body, ReportBody::Filled { units: 3, left: 5, maker: true, .. }), "{told:?}");

    let answer = buyer.ask(QueryKind::Account).await;
    let holding = |message: &ServerMessage| match *message {
        ServerMessage::Holding { contract, free, reserved, .. } => Some((contract, free, reserved)),
        _ => None,
    };
    assert_eq!(answer.iter().find_map(holding), Some((contract(), 3, 0)));
    let Some(ServerMessage::QueryEnd(end)) = answer.last() else { panic!("{answer:?}") };
    assert_eq!(end.sequence, told[0].sequence);
}

#[tokio::test]
async fn an_unknown_key_is_told_so() {
    let (_directory, house, _) = market(&options()).await;
    let endpoint = client_endpoint(LOOPBACK).unwrap();
    let (address, server) = (house.gateway.address(), house.gateway.key());
    let stranger = PrivateKey::generate();
    let reason = match connect(&endpoint, address, server, &stranger, ALPN, OPENS).await {
        Ok(connection) => connection.closed().await,
        Err(transport::ConnectError::Failed { source, .. }) => source,
        Err(other) => panic!("{other}"),
    };
    assert_eq!(close_code(&reason), CloseCode::UnknownKey);
}

#[tokio::test]
async fn bad_bytes_end_their_session_and_no_other() {
    let (_directory, house, [_, operator, broker, provider]) = market(&options()).await;
    let mut good = Client::login(&house, &provider, None).await;
    let too_long = u16::try_from(MESSAGE_MAX + 4).unwrap().to_le_bytes();
    let cancel = Command::Cancel(types::OrderRef::Number(1));
    let misplaced = encoded(&ClientMessage::Command { number: 1, command: cancel });
    for (bytes, expected) in [
        (vec![2, 0, 1, VERSION], CloseCode::Malformed),
        (vec![8, 0, 0x20, VERSION, 0, 0, 0, 0], CloseCode::Malformed),
        (vec![too_long[0], too_long[1], 1, VERSION], CloseCode::TooLong),
        (vec![4, 0, 0xee, VERSION], CloseCode::UnknownKind),
        (vec![4, 0, 0x20, 9], CloseCode::WrongVersion),
        (misplaced, CloseCode::WrongLane),
    ] {
        let mut bad = Client::login(&house, &broker, None).await;
        bad.write(Lane::Orders, &bytes).await;
        assert_eq!(bad.closed().await, expected, "{bytes:?}");
    }
    // A lane that ends within a message; a third stream that is no lane; a control stream full of nonsense.
    let mut bad = Client::login(&house, &broker, None).await;
    bad.write(Lane::Orders, &[32, 0, 0x20]).await;
    bad.lanes[0].finish().unwrap();
    assert_eq!(bad.closed().await, CloseCode::Malformed);
    let mut bad = Client::login(&house, &broker, None).await;
    bad.control.write_all(&[0xff; 600]).await.unwrap();
    assert_eq!(bad.closed().await, CloseCode::TooLong);

    let rights = Role::Operator.rights();
    assert_eq!(Client::login(&house, &operator, None).await.welcome.rights, rights.and(Rights::READ));
    let capacity = Command::DepositCapacity { contract: contract(), units: 1, external: 1 };
    good.command(Lane::Orders, 1, capacity).await;
    assert_eq!(good.reports(1).await.len(), 1);
}

#[tokio::test]
async fn clients_are_held_back_and_nothing_is_lost() {
    const COUNT: u64 = 3_000;
    let options = Options { in_flight_orders: 16, in_flight_cancels: 4, ..options() };
    let (_directory, house, [_, _, broker, _]) = market(&options).await;
    let mut client = Client::login(&house, &broker, None).await;
    let mut orders = Vec::new();
    for number in 1..=COUNT {
        let command = order(Side::Buy, 1, 1);
        ClientMessage::Command { number, command }.encode(&mut orders).unwrap();
    }
    client.write(Lane::Orders, &orders).await;
    // A cancel on its own lane does not wait behind them: it names an order that may not be there yet.
    client.command(Lane::Cancels, 1, Command::Cancel(types::OrderRef::Number(u64::MAX))).await;
    let reports = client.reports(usize::try_from(COUNT).unwrap() + 1).await;
    let cancel = reports.iter().position(|report| report.answers.unwrap().lane == Lane::Cancels).unwrap();
    assert!(cancel + 1 < reports.len(), "the cancel came last");
    let answered = reports.iter().filter_map(|report| report.answers).filter(|by| by.lane == Lane::Orders);
    assert!(answered.map(|by| by.number).eq(1..=COUNT));
    let numbers: Vec<u64> = reports.iter().map(|report| report.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "reports have no gaps");
}

#[tokio::test]
async fn stopping_tells_what_was_released_first_and_a_restart_answers_again() {
    let (directory, house, [server, _, broker, _]) = market(&options()).await;
    let mut client = Client::login(&house, &broker, None).await;
    for number in 1..=100 {
        client.command(Lane::Orders, number, order(Side::Buy, 1, 1)).await;
    }
    let first = client.reports(1).await;
    house.handle.stop().await.unwrap();
    let stopping = tokio::spawn(house.gateway.shutdown(CloseCode::Stopping));
    let mut seen = first.len();
    let reports = client.reports.as_mut().unwrap();
    while let Ok(Some(frames)) = reports.next().await {
        seen += messages(frames).len();
    }
    assert_eq!(client.closed().await, CloseCode::Stopping);
    stopping.await.unwrap();

    let house = start(directory.path(), &options(), &server).await;
    let mut again = Client::login(&house, &broker, Some(1)).await;
    let taken = again.welcome.taken[0];
    assert_eq!((again.welcome.resumed, again.welcome.last_report), (true, 1 + taken));
    assert_eq!(u64::try_from(seen).unwrap(), taken, "every released report was told before the end");
    assert_eq!(again.reports(seen).await[..first.len()], first);
    // Sending it all again does nothing but tell the outcomes again, and takes what was not taken.
    for number in 1..=100 {
        again.command(Lane::Orders, number, order(Side::Buy, 1, 1)).await;
    }
    let told = again.reports(100).await;
    assert!((1..=100).all(|number| told.iter().any(|report| report.answers.unwrap().number == number)));
    let orders = again.ask(QueryKind::Account).await;
    assert_eq!(orders.iter().filter(|line| matches!(line, ServerMessage::OpenOrder(_))).count(), 100);
}

#[tokio::test]
async fn a_revoked_key_is_out_at_once_and_an_older_session_is_superseded() {
    let (_directory, house, [_, operator, broker, _]) = market(&options()).await;
    let older = Client::login(&house, &broker, None).await;
    let mut newer = Client::login(&house, &broker, None).await;
    assert_eq!(older.closed().await, CloseCode::Superseded);
    newer.command(Lane::Orders, 1, order(Side::Buy, 0, 1)).await;
    let refused = newer.told(1).await;
    assert!(matches!(refused[0], ServerMessage::Refused(it) if it.code == RejectCode::PriceOutOfRange));
    let mut desk = Client::login(&house, &operator, None).await;
    let next = desk.welcome.taken[0] + 1;
    desk.command(Lane::Orders, next, Command::RevokeKey { key: KeyNo(2), why: Why::NONE }).await;
    assert_eq!(newer.closed().await, CloseCode::KeyRevoked);
    assert!(matches!(desk.reports(1).await[0].body, ReportBody::KeyRevoked { key: KeyNo(2) }));
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let (_directory, house, [server, ..]) = market(&options()).await;
    let address = house.gateway.address();
    let config = Config { address, key: server, clock: options().clock, limits: Limits::default() };
    let directory = tempfile::tempdir().unwrap();
    sequencer::init(directory.path(), &options(), PublicKey([1; 32])).unwrap();
    let other = sequencer::start(directory.path(), &options()).unwrap();
    let error = serve(config, &other.recovery, other.entry, other.outlets.gateway).await.unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}
