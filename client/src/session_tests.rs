//! Sessions over real connections, with a server that is the model of the gateway and cuts when it is told to.

use crate::gateway_model::{ACCOUNT, FILLED_UNITS, GatewayModel, KEY, REJECTED_UNITS, class, dollars, order};
use crate::{CommandError, Event, ExchangeInfo, Options, Reports, Session, SessionError};
use parking_lot::Mutex;
use protocol::order_entry::{ALPN, ClientMessage, ServerMessage};
use protocol::{CloseCode, Frames};
use quinn::{Connection, Endpoint, SendStream};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use transport::{Accepts, FrameReader, PrivateKey, serve};
use types::{
    CancelReason, Command, ContractId, Lane, MassCancel, OrderRef, RejectCode, ReportBody, Scope, Sender,
    TimeInForce,
};

/// A server of one account.
#[derive(Clone)]
struct Server {
    info: ExchangeInfo,
    model: Arc<Mutex<GatewayModel>>,
    plan: Arc<Mutex<Plan>>,
    endpoint: Endpoint,
    /// Rung when a client has closed its connection in good order.
    left: Arc<Notify>,
    /// Rung when reports are waiting to be released.
    release: Arc<Notify>,
    /// Rung when a client has said that it is there.
    beats: Arc<Notify>,
    /// How clients have closed their connections.
    closes: Arc<Mutex<Vec<CloseCode>>>,
}

#[derive(Default)]
struct Plan {
    /// The connection is closed with this code when it has read so many commands, and so on with the next.
    cuts: VecDeque<(usize, CloseCode)>,
    /// Commands read on this connection; `None` once it is cut.
    read: Option<usize>,
    /// Nobody is let in, for this reason.
    refuses: Option<CloseCode>,
    /// Reports are made when [`Server::release`] is rung, not at once.
    withholds: bool,
}

type Reporting = Arc<tokio::sync::Mutex<SendStream>>;

impl Server {
    fn start(plan: Plan) -> Server {
        let key = PrivateKey::generate();
        let accepts = Accepts { bidirectional: 1, unidirectional: 2 };
        let endpoint = serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), &key, ALPN, accepts).unwrap();
        let gateway = endpoint.local_addr().unwrap();
        let server = Server {
            info: ExchangeInfo { gateway, feed: gateway, key: key.public() },
            model: Arc::new(Mutex::new(GatewayModel::new(usize::MAX, true))),
            plan: Arc::new(Mutex::new(plan)),
            endpoint,
            left: Arc::default(),
            release: Arc::default(),
            beats: Arc::default(),
            closes: Arc::default(),
        };
        tokio::spawn({
            let server = server.clone();
            async move {
                while let Some(incoming) = server.endpoint.accept().await {
                    if let Ok(connection) = incoming.await {
                        tokio::spawn(server.clone().converse(connection));
                    }
                }
            }
        });
        server
    }

    /// Holds one conversation. The other end may go away at any moment, which ends it.
    async fn converse(self, connection: Connection) -> Option<()> {
        self.plan.lock().read = Some(0);
        let refuses = self.plan.lock().refuses;
        if let Some(code) = refuses {
            connection.close(code.number().into(), b"you are not let in");
            return None;
        }
        let (mut answers, questions) = connection.accept_bi().await.ok()?;
        let mut questions = FrameReader::new(questions);
        let hello = questions.next().await.ok()??.next()?.ok()?;
        let ClientMessage::Hello(hello) = ClientMessage::decode(hello).unwrap() else { panic!("no hello") };
        let (welcome, backlog) = self.model.lock().greet(hello);
        let reporting = Arc::new(tokio::sync::Mutex::new(connection.open_uni().await.ok()?));
        write(&mut answers, [ServerMessage::Welcome(welcome)]).await?;
        write(&mut *reporting.lock().await, backlog).await?;
        for _ in 0..2 {
            tokio::spawn(self.clone().read_lane(connection.clone(), Arc::clone(&reporting)));
        }
        tokio::spawn(self.clone().report_late(Arc::clone(&reporting)));
        while let Ok(Some(frames)) = questions.next().await {
            let (goodbyes, said): (Vec<_>, Vec<_>) = self
                .hear(frames)
                .into_iter()
                .partition(|message| matches!(message, ServerMessage::LoggedOut { .. }));
            write(&mut *reporting.lock().await, goodbyes).await?;
            write(&mut answers, said).await?;
        }
        if let quinn::ConnectionError::ApplicationClosed(close) = connection.closed().await {
            self.closes.lock().push(CloseCode::from_number(close.error_code.into_inner())?);
            self.left.notify_one();
        }
        Some(())
    }

    async fn read_lane(self, connection: Connection, reporting: Reporting) -> Option<()> {
        let mut commands = FrameReader::new(connection.accept_uni().await.ok()?);
        let mut lane = None;
        while let Ok(Some(mut frames)) = commands.next().await {
            if lane.is_none() {
                let open = ClientMessage::decode(frames.next()?.ok()?).unwrap();
                let ClientMessage::LaneOpen(opened) = open else { panic!("{open:?} opens no lane") };
                lane = Some(opened);
            }
            for frame in frames {
                let message = ClientMessage::decode(frame.unwrap()).unwrap();
                let mut said = self.model.lock().hear(lane, message);
                if let Some(code) = self.is_cut() {
                    // What the command brought about is not told on this connection.
                    self.model.lock().release(usize::MAX);
                    connection.close(code.number().into(), b"cut");
                    return None;
                }
                if !self.plan.lock().withholds {
                    said.extend(self.model.lock().release(usize::MAX));
                }
                write(&mut *reporting.lock().await, said).await?;
            }
        }
        Some(())
    }

    async fn report_late(self, reporting: Reporting) -> Option<()> {
        loop {
            self.release.notified().await;
            let said = self.model.lock().release(usize::MAX);
            write(&mut *reporting.lock().await, said).await?;
        }
    }

    fn hear(&self, frames: Frames<'_>) -> Vec<ServerMessage> {
        let mut model = self.model.lock();
        let hear = |message| {
            if message == ClientMessage::Heartbeat {
                self.beats.notify_one();
            }
            model.hear(None, message)
        };
        frames.map(|frame| ClientMessage::decode(frame.unwrap()).unwrap()).flat_map(hear).collect()
    }

    fn is_cut(&self) -> Option<CloseCode> {
        let mut plan = self.plan.lock();
        let read = plan.read? + 1;
        let cut = plan.cuts.pop_front_if(|(after, _)| read >= *after);
        plan.read = cut.is_none().then_some(read);
        cut.map(|(_, code)| code)
    }
}

async fn write(stream: &mut SendStream, messages: impl IntoIterator<Item = ServerMessage>) -> Option<()> {
    let mut bytes = Vec::new();
    messages.into_iter().for_each(|message| message.encode(&mut bytes));
    stream.write_all(&bytes).await.ok()
}

async fn connect(server: &Server) -> (Session, Reports) {
    Session::open(&server.info, &PrivateKey::generate(), Options::default()).await.unwrap()
}

#[tokio::test]
async fn commands_come_to_their_outcomes_and_questions_to_answers() {
    let server = Server::start(Plan::default());
    let (session, mut reports) = connect(&server).await;
    assert_eq!((session.welcome().account, session.welcome().key), (ACCOUNT, KEY));

    let bid = session.buy(ContractId(5), TimeInForce::Gtc, 100, 1).await.unwrap();
    assert_eq!((bid.order, bid.slot), (1, 9));
    let cancelled = session.cancel(bid).await.unwrap();
    assert!(matches!(cancelled.body, ReportBody::Cancelled { .. }));
    let rejected = session.buy(ContractId(5), TimeInForce::Gtc, 100, REJECTED_UNITS).await.unwrap_err();
    assert!(matches!(rejected, CommandError::Rejected { code: RejectCode::NotEnoughCash, value: 1 }));
    assert_eq!(rejected.to_string(), RejectCode::NotEnoughCash.sentence(1));
    let refused = session.buy(ContractId(5), TimeInForce::Gtc, 0, 1).await.unwrap_err();
    assert_eq!(refused.code(), Some(RejectCode::PriceOutOfRange));
    let unsayable = session.submit(Command::Clock).await.unwrap_err();
    assert!(matches!(unsayable, CommandError::NotOnTheWire(_)));

    let whole = session.execute(order(100, FILLED_UNITS)).await.unwrap();
    let [accepted, filled] = whole.as_slice() else { panic!("{whole:?}") };
    assert!(matches!(accepted.body, ReportBody::Accepted { .. }));
    assert!(matches!(filled.body, ReportBody::Filled { .. }));

    assert_eq!(session.classes().await.unwrap(), [class()]);
    let state = session.account().await.unwrap();
    assert_eq!((state.cash_in(dollars()), state.units_of(ContractId(5))), ((5, 2), (1, 0)));
    assert_eq!(session.accounts().await.unwrap_err().code(), Some(RejectCode::NotAllowed));

    assert_eq!(session.close().await, Some(server.model.lock().last_report()));
    let mut events = Vec::new();
    while let Some(batch) = reports.next().await {
        events.extend(batch.events.iter().cloned());
    }
    assert_eq!(events.len(), 6, "{events:?}");
    assert!(matches!(session.submit(order(1, 1)).await, Err(CommandError::Session(SessionError::Finished))));
    server.left.notified().await;
    assert_eq!(*server.closes.lock(), [CloseCode::Done]);
}

#[tokio::test]
async fn a_client_says_that_it_is_there_and_leaves_who_does_not() {
    let server = Server::start(Plan::default());
    server.model.lock().heartbeat = 1;
    let (session, mut told) = connect(&server).await;
    server.beats.notified().await;
    // The model says nothing by itself: after three heartbeats the client gives it up and comes back.
    server.left.notified().await;
    assert_eq!(server.closes.lock()[0], CloseCode::Silent);
    server.model.lock().heartbeat = u8::MAX;
    session.request(order(100, 1)).await.unwrap();
    assert!(session.reconnects() >= 1);
    let batch = told.next().await.unwrap();
    assert!(matches!(&batch.events[..], [Event::Report { report, .. }] if report.number == 1), "{batch:?}");
}

#[tokio::test]
async fn a_session_whose_reports_nobody_reads_still_says_that_it_is_there() {
    let server = Server::start(Plan::default());
    server.model.lock().heartbeat = 1;
    let (session, mut told) = connect(&server).await;
    // More than fit between the session and its reader, each in a batch of its own.
    for sent in 0..100 {
        session.submit(order(100, 1)).await.unwrap();
        while server.model.lock().executed.len() <= sent {
            tokio::task::yield_now().await;
        }
    }
    for _ in 0..4 {
        server.beats.notified().await;
    }
    server.model.lock().heartbeat = u8::MAX;
    let mut last = 0;
    while last < 100 {
        last += told.next().await.unwrap().events.len();
    }
    session.close().await;
}

#[tokio::test]
async fn a_burst_goes_together_and_takes_nothing_where_a_submit_would_wait() {
    let server = Server::start(Plan::default());
    let options = Options { in_flight: 3, ..Options::default() };
    let (session, mut told) = Session::open(&server.info, &PrivateKey::generate(), options).await.unwrap();
    {
        let mut burst = session.burst();
        assert!(matches!(burst.submit(Command::Clock), Err(CommandError::NotOnTheWire(_))));
        for number in 1..=3 {
            assert_eq!(burst.submit(order(100, 1)).unwrap(), Some(number));
        }
        assert_eq!(burst.submit(order(100, 1)).unwrap(), None, "three are under way");
        let cancel = Command::Cancel(OrderRef::Number(1));
        assert_eq!(burst.submit(cancel).unwrap(), Some(1), "the other lane has room of its own");
    }
    assert_eq!(session.submit(order(100, 1)).await.unwrap(), 4);
    let mut seen = 0;
    while seen < 5 {
        seen += told.next().await.unwrap().events.len();
    }
    session.close().await;
    assert!(matches!(
        session.burst().submit(order(1, 1)),
        Err(CommandError::Session(SessionError::Finished))
    ));
}

#[tokio::test]
async fn a_mass_cancel_goes_by_either_lane_and_is_waited_for_to_its_end() {
    let server = Server::start(Plan::default());
    let (session, mut reports) = connect(&server).await;
    let asked = MassCancel { scope: Scope::All, side: None };
    for (lane, number) in [(Lane::Orders, 1), (Lane::Cancels, 1), (Lane::Orders, 2)] {
        let accepted = session.mass_cancel(lane, asked).await.unwrap();
        assert_eq!(accepted.body, ReportBody::MassCancelAccepted(asked));
        assert_eq!(accepted.answers, Some(Sender { key: KEY, lane, number }));
    }
    let whole = tokio::spawn({
        let session = session.clone();
        async move { session.execute(Command::MassCancel(asked)).await }
    });
    let mut accepted = 0;
    while accepted < 4 {
        let is_accepted = |event: &&Event| matches!(event, Event::Report { report, .. } if report.body == ReportBody::MassCancelAccepted(asked));
        accepted += reports.next().await.unwrap().events.iter().filter(is_accepted).count();
    }
    assert!(!whole.is_finished());
    // The model goes on with what is pending when the next command comes.
    session.buy(ContractId(5), TimeInForce::Gtc, 100, 1).await.unwrap();
    let whole = whole.await.unwrap().unwrap();
    let bodies: Vec<ReportBody> = whole.iter().map(|report| report.body).collect();
    let [first, ReportBody::Cancelled { reason: CancelReason::Mass, .. }, done] = bodies[..] else {
        panic!("{bodies:?}")
    };
    assert_eq!(first, ReportBody::MassCancelAccepted(asked));
    assert_eq!(done, ReportBody::MassCancelDone { orders: 1 });
    session.close().await;
}

/// Commands by the hundred over a connection that is cut again and again.
async fn survive(server: Server) {
    const COMMANDS: u64 = 600;
    let cuts = server.plan.lock().cuts.len();
    let (session, mut reports) = connect(&server).await;
    let sending = tokio::spawn({
        let session = session.clone();
        async move {
            for number in 1..=COMMANDS / 2 {
                assert_eq!(session.submit(order(100, 1)).await.unwrap(), number);
                let cancel = Command::Cancel(OrderRef::Number(number));
                assert_eq!(session.submit(cancel).await.unwrap(), number);
                if number % 10 == 0 {
                    tokio::task::yield_now().await;
                }
            }
        }
    });
    let mut answered = [0, 0];
    let mut told = 0;
    while told < COMMANDS {
        let batch = reports.next().await.unwrap();
        for event in &batch.events {
            let Event::Report { report, sent: Some(sent) } = event else { panic!("{event:?}") };
            assert!(*sent <= batch.received);
            told += 1;
            assert_eq!(report.number, told);
            let sender = report.answers.unwrap();
            let lane = &mut answered[usize::from(sender.lane == Lane::Cancels)];
            *lane += 1;
            assert_eq!(sender.number, *lane);
        }
    }
    sending.await.unwrap();
    assert_eq!(session.reconnects(), u64::try_from(cuts).unwrap());
    assert!(server.plan.lock().cuts.is_empty());
    session.close().await;
    assert_eq!(server.model.lock().executed.len(), usize::try_from(COMMANDS).unwrap());
}

fn cuts() -> Plan {
    let codes = [CloseCode::TooSlow, CloseCode::Stopping, CloseCode::Failed, CloseCode::Done];
    Plan { cuts: [37, 1, 120, 60].into_iter().zip(codes).collect(), ..Plan::default() }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_when_connections_are_cut_on_one_thread() {
    survive(Server::start(cuts())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_connections_are_cut_on_two_threads() {
    survive(Server::start(cuts())).await;
}

#[tokio::test]
async fn who_comes_back_later_goes_on_after_the_last_report_seen() {
    let server = Server::start(Plan::default());
    let (session, _) = connect(&server).await;
    for _ in 0..5 {
        session.request(order(100, 1)).await.unwrap();
    }
    session.close().await;
    let options = Options { resume_after: Some(2), ..Options::default() };
    let (session, mut reports) = Session::open(&server.info, &PrivateKey::generate(), options).await.unwrap();
    assert_eq!(session.submit(order(100, 1)).await.unwrap(), 6);
    let mut numbers = Vec::new();
    while numbers.len() < 4 {
        for event in &reports.next().await.unwrap().events {
            let Event::Report { report, sent } = event else { panic!("{event:?}") };
            assert_eq!(sent.is_some(), report.number == 6);
            numbers.push(report.number);
        }
    }
    assert_eq!(numbers, [3, 4, 5, 6]);
}

#[tokio::test]
async fn a_superseded_session_ends_and_says_so() {
    let server =
        Server::start(Plan { cuts: [(1, CloseCode::Superseded)].into_iter().collect(), ..Plan::default() });
    let (session, mut reports) = connect(&server).await;
    let error = session.request(order(100, 1)).await.unwrap_err();
    let superseded = |error: &SessionError| matches!(error, SessionError::Closed { code: CloseCode::Superseded, reason } if reason == "cut");
    assert!(matches!(&error, CommandError::Session(error) if superseded(error)), "{error}");
    assert!(superseded(&session.ended().await));
    assert!(reports.next().await.is_none());
    assert!(session.account().await.is_err());
    assert!(session.reports().next().await.is_none());
    session.close().await;
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let server = Server::start(Plan { refuses: Some(CloseCode::UnknownKey), ..Plan::default() });
    let error = Session::connect(&server.info, &PrivateKey::generate()).await.unwrap_err();
    assert_eq!(error.to_string(), "the exchange ended the session: you are not let in (UnknownKey)");
    assert!(error.is_final());
}

#[tokio::test]
async fn another_server_is_not_spoken_to() {
    let server = Server::start(Plan::default());
    let key = PrivateKey::generate();
    let info = ExchangeInfo { key: key.public(), ..server.info };
    let error = Session::connect(&info, &key).await.unwrap_err();
    assert!(matches!(error, SessionError::WrongServer { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_does_not_come_back_is_given_up() {
    let server = Server::start(Plan::default());
    let key = PrivateKey::generate();
    let options = Options { patience: Duration::from_secs(20), ..Options::default() };
    let (session, _) = Session::open(&server.info, &key, options).await.unwrap();
    server.endpoint.close(CloseCode::Stopping.number().into(), b"good night");
    let error = session.ended().await;
    assert!(matches!(error, SessionError::Unreachable(_)), "{error}");
    let error = Session::connect(&server.info, &key).await.unwrap_err();
    assert!(matches!(error, SessionError::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn a_full_lane_waits_for_outcomes() {
    let server = Server::start(Plan { withholds: true, ..Plan::default() });
    let options = Options { in_flight: 2, ..Options::default() };
    let (session, _) = Session::open(&server.info, &PrivateKey::generate(), options).await.unwrap();
    session.submit(order(100, 1)).await.unwrap();
    session.submit(order(100, 1)).await.unwrap();
    let third = tokio::spawn({
        let session = session.clone();
        async move { session.submit(order(100, 1)).await }
    });
    // The other lane has room, and its command is on its way after the orders.
    session.submit(Command::Cancel(OrderRef::Number(1))).await.unwrap();
    session.classes().await.unwrap();
    assert!(!third.is_finished());
    while !third.is_finished() {
        server.release.notify_one();
        tokio::task::yield_now().await;
    }
    assert_eq!(third.await.unwrap().unwrap(), 3);
}

#[tokio::test]
async fn a_dropped_session_leaves() {
    let server = Server::start(Plan::default());
    let (session, reports) = connect(&server).await;
    let other = session.clone();
    drop((session, reports));
    other.request(order(100, 1)).await.unwrap();
    drop(other);
    server.left.notified().await;
}
