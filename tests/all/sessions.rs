//! Sessions against a real exchange: how they end, who takes whose place, what happens to the orders of those who are
//! gone, and what happens to those who say too much.

use crate::exchange::{Exchange, PATIENCE, Participant};
use crate::proxy::{Proxy, Weather};
use client::{CommandError, Event, ExchangeInfo, Options, PrivateKey, Reports, Session, SessionError};
use protocol::CloseCode;
use protocol::order_entry::{ALPN, ClientMessage, Hello};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::timeout;
use transport::{Accepts, client_endpoint, connect};
use types::{
    CancelReason, Command, ContractId, KeyNo, Lane, NewOrder, RejectCode, Report, ReportBody, Rights, Role,
    Side, TimeInForce, Timestamp, Why,
};

const GTC: TimeInForce = TimeInForce::Gtc;

/// An exchange whose configuration says this of the gateway; it also begins with `[gateway]`, on a free port.
fn configured(gateway: &str) -> (Exchange, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cuex.toml");
    std::fs::write(&file, format!("[gateway]\n{gateway}")).unwrap();
    (Exchange::start_with(&["--init", "--config", file.to_str().unwrap()]), folder)
}

/// A broker, and a second key that only reads and so hears of everything that happens to the first one's orders.
async fn broker_and_witness(exchange: &Exchange) -> (ContractId, Participant, Session, Reports) {
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let key = PrivateKey::generate();
    operator.register_key(lab.account, key.public(), Rights::READ, Timestamp::MAX, Why::NONE).await.unwrap();
    let witness = Session::connect(&exchange.info, &key).await.unwrap();
    let told = witness.reports();
    (contract, lab, witness, told)
}

/// The next report that is about the end of an order.
async fn next_end(told: &mut Reports) -> (u64, CancelReason) {
    let reading = async {
        loop {
            for event in &told.next().await.expect("the session goes on").events {
                if let Event::Report { report, .. } = event
                    && let ReportBody::Cancelled { reason, .. } = report.body
                {
                    return (report.number, reason);
                }
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("an order ends")
}

/// All reports up to the last one so far, for a key that comes back and has seen `after` of them.
async fn read_again(info: &ExchangeInfo, key: &PrivateKey, after: u64) -> Vec<Report> {
    let options = Options { resume_after: Some(after), ..Options::default() };
    let (session, mut told) = Session::open(info, key, options).await.unwrap();
    let last = session.welcome().last_report;
    let mut reports: Vec<Report> = Vec::new();
    while reports.last().map_or(after, |report| report.number) < last {
        for event in &told.next().await.unwrap().events {
            let Event::Report { report, .. } = event else { panic!("{event:?}") };
            reports.push(*report);
        }
    }
    assert!(reports.iter().map(|report| report.number).eq(after + 1..=last), "no gap");
    reports
}

#[tokio::test]
async fn who_leaves_is_told_everything_and_comes_back_where_they_left() {
    let exchange = Exchange::start();
    let (contract, lab, witness, _) = broker_and_witness(&exchange).await;
    for price in 1..=50 {
        lab.session.submit(Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, price))).await.unwrap();
    }
    // The deposit, and an acceptance of each.
    assert_eq!(lab.session.close().await, Some(51));
    assert!(matches!(lab.session.ended().await, SessionError::Finished));
    let again = Session::connect(&exchange.info, &lab.key).await.unwrap();
    assert_eq!((again.welcome().last_report, again.welcome().taken), (51, [50, 0]));
    assert_eq!(witness.close().await, Some(51));
    let refused = witness.submit(Command::CancelOnDisconnect { grace: 1 }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Session(SessionError::Finished)), "{refused}");
}

#[tokio::test]
async fn the_newer_of_two_clients_of_one_key_stays_and_misses_nothing() {
    let exchange = Exchange::start();
    let (contract, lab, _witness, _) = broker_and_witness(&exchange).await;
    let mut seen_by_older = lab.session.reports();
    lab.session.buy(contract, GTC, 1, 1).await.unwrap();
    // Sent and not waited for: the newer session hears of what came of them.
    for price in 2..=20 {
        lab.session.submit(Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, price))).await.unwrap();
    }
    let options = Options { resume_after: Some(0), ..Options::default() };
    let (newer, mut told) = Session::open(&exchange.info, &lab.key, options).await.unwrap();
    let ended = timeout(PATIENCE, lab.session.ended()).await.expect("the older one is told");
    assert!(matches!(&ended, SessionError::Closed { code: CloseCode::Superseded, .. }), "{ended}");
    assert!(ended.to_string().contains("connected again"), "{ended}");
    assert_eq!(lab.session.reconnects(), 0, "it does not come back");
    while seen_by_older.next().await.is_some() {}

    newer.buy(contract, GTC, 30, 1).await.unwrap();
    let mut numbers = Vec::new();
    let last = newer.account().await.unwrap().last_report;
    while numbers.len() < usize::try_from(last).unwrap() {
        for event in &told.next().await.unwrap().events {
            let Event::Report { report, .. } = event else { panic!("{event:?}") };
            numbers.push(report.number);
        }
    }
    assert!(numbers.iter().copied().eq(1..=last), "{numbers:?}");
    assert_eq!(newer.reconnects(), 0);
}

#[tokio::test]
async fn the_orders_of_a_client_that_vanishes_end_when_its_grace_is_over() {
    // The exchange notices after three seconds that nothing comes any more; the longest part of the test.
    let (exchange, _folder) = configured("heartbeat_s = 1\n");
    let (contract, lab, _witness, mut told) = broker_and_witness(&exchange).await;
    lab.session.close().await;
    let proxy = Proxy::start(exchange.info.gateway, Weather::CALM, 0).await;
    let info = ExchangeInfo { gateway: proxy.address, ..exchange.info };
    let session = Session::connect(&info, &lab.key).await.unwrap();
    session.cancel_on_disconnect(1).await.unwrap();
    let seen = session.account().await.unwrap().last_report;
    session.buy(contract, GTC, 100, 1).await.unwrap();
    proxy.cut();
    let (number, reason) = next_end(&mut told).await;
    assert_eq!((number, reason), (seen + 2, CancelReason::Disconnected));
    drop(session);
    // Whoever comes back reads of it.
    let read = read_again(&exchange.info, &lab.key, seen).await;
    let bodies: Vec<ReportBody> = read.iter().map(|report| report.body).collect();
    let [ReportBody::Accepted { .. }, ReportBody::Cancelled { reason: CancelReason::Disconnected, .. }] =
        bodies[..]
    else {
        panic!("{bodies:?}")
    };
}

#[tokio::test]
async fn a_grace_begins_anew_when_the_exchange_does() {
    let mut exchange = Exchange::start();
    let (contract, lab, _witness, _) = broker_and_witness(&exchange).await;
    lab.session.cancel_on_disconnect(3_600).await.unwrap();
    let stays = lab.session.buy(contract, GTC, 100, 1).await.unwrap();
    // Another broker, whose hour is a second.
    let operator = exchange.operator().await;
    let quick = exchange.participant(&operator, "quick", Role::Broker).await;
    quick.session.cancel_on_disconnect(1).await.unwrap();
    quick.session.buy(contract, GTC, 101, 1).await.unwrap();
    exchange.kill();
    let exchange = exchange.restart();
    let witness = Session::connect(&exchange.info, &lab.key).await.unwrap();
    let ended = async {
        loop {
            // One that asks as the operator, so that the broker itself has no session meanwhile.
            let operator = exchange.operator().await;
            let directory = operator.accounts().await.unwrap();
            let held = directory.cash.iter().find(|cash| cash.account == quick.account).unwrap().reserved;
            if held == 0 {
                return;
            }
        }
    };
    timeout(PATIENCE, ended).await.expect("the order ends");
    let state = witness.account().await.unwrap();
    assert_eq!(state.orders.iter().map(|order| order.order).collect::<Vec<_>>(), [stays.order]);
    let read = read_again(&exchange.info, &quick.key, 0).await;
    assert!(
        matches!(read.last().unwrap().body, ReportBody::Cancelled { reason: CancelReason::Disconnected, .. }),
        "{read:?}"
    );
}

#[tokio::test]
async fn who_says_nothing_is_cut() {
    let (exchange, _folder) = configured("heartbeat_s = 1\n");
    let (_, lab, ..) = broker_and_witness(&exchange).await;
    let endpoint = client_endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
    let accepts = Accepts { bidirectional: 0, unidirectional: 1 };
    let (address, server) = (exchange.info.gateway, exchange.info.key);
    let silent = connect(&endpoint, address, server, &lab.key, ALPN, accepts).await.unwrap();
    let (mut control, _answers) = silent.open_bi().await.unwrap();
    let mut hello = Vec::new();
    ClientMessage::Hello(Hello { resume_after: None }).encode(&mut hello).unwrap();
    control.write_all(&hello).await.unwrap();
    let ended = timeout(PATIENCE, silent.closed()).await.expect("it is cut");
    let quinn::ConnectionError::ApplicationClosed(close) = ended else { panic!("{ended}") };
    assert_eq!(close.error_code, CloseCode::Silent.number().into());
}

#[tokio::test]
async fn a_key_ends_its_sessions_when_it_expires() {
    let exchange = Exchange::start();
    let (_, lab, ..) = broker_and_witness(&exchange).await;
    let operator = exchange.operator().await;
    let key = PrivateKey::generate();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(3);
    let expires = Timestamp(u64::try_from(now.as_nanos()).unwrap());
    operator.register_key(lab.account, key.public(), Rights::READ, expires, Why::NONE).await.unwrap();
    // On a very slow machine the key may have expired by now, which is as well.
    let error = match Session::connect(&exchange.info, &key).await {
        Ok(session) => timeout(PATIENCE, session.ended()).await.expect("it ends"),
        Err(error) => error,
    };
    assert!(error.to_string().contains("has expired"), "{error}");
}

#[tokio::test]
async fn who_floods_is_refused_and_nobody_else_is_held_up() {
    const FLOOD: u64 = 20_000;
    let (mut exchange, _folder) = configured(
        "[gateway.accounts.mallory]\norders = { rate = 10, burst = 100 }\n\
         [gateway.accounts.paced]\norders = { rate = 200, burst = 50 }\n",
    );
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let lab = exchange.participant(&operator, "lab", Role::Broker).await;
    let mallory = exchange.participant(&operator, "mallory", Role::Broker).await;
    mallory.session.close().await;
    let options = Options { paces: false, ..Options::default() };
    let (flooding, mut told) = Session::open(&exchange.info, &mallory.key, options).await.unwrap();
    let flood = flooding.clone();
    let order = Command::NewOrder(NewOrder::limit(contract, Side::Buy, 1, 1));
    let sending = tokio::spawn(async move {
        for _ in 0..FLOOD {
            flood.submit(order.clone()).await.unwrap();
        }
    });
    let counting = tokio::spawn(async move {
        let (mut accepted, mut throttled) = (0, 0);
        while accepted + throttled < FLOOD {
            for event in &told.next().await.unwrap().events {
                match event {
                    Event::Report { report, .. } if matches!(report.body, ReportBody::Accepted { .. }) => {
                        accepted += 1;
                    }
                    Event::Refused { refused, .. } if refused.code == RejectCode::Throttled => {
                        assert!(refused.value >= 1);
                        throttled += 1;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        (accepted, throttled)
    });
    // Honest rounds while the flood lasts, and some more.
    let mut rounds = 0;
    while rounds < 20 || !sending.is_finished() {
        let bid = lab.session.buy(contract, GTC, 100, 1).await.unwrap();
        lab.session.cancel(bid).await.unwrap();
        rounds += 1;
    }
    sending.await.unwrap();
    let (accepted, throttled) = timeout(PATIENCE, counting).await.expect("all is answered").unwrap();
    assert!((100..FLOOD / 2).contains(&accepted), "{accepted} of {FLOOD} were let through");
    assert_eq!(flooding.allowance(Lane::Orders).rate, 10);
    // What was refused is in no journal: what was let through, the operator's few, and the clock's own.
    let stopped = exchange.stop();
    let commands = stopped["commands"].as_u64().unwrap();
    let known = accepted + 2 * rounds;
    assert!((known..known + 30).contains(&commands), "{commands} commands, {known} of them known");
    assert!(throttled >= FLOOD / 2);
}

#[tokio::test]
async fn a_client_that_paces_itself_is_never_refused() {
    let (exchange, _folder) = configured("[gateway.accounts.paced]\norders = { rate = 200, burst = 50 }\n");
    let operator = exchange.operator().await;
    let (_, contract) = exchange.contract(&operator).await;
    let paced = exchange.participant(&operator, "paced", Role::Broker).await;
    assert_eq!(paced.session.allowance(Lane::Orders).burst, 50);
    let mut told = paced.session.reports();
    let session = paced.session.clone();
    let sending = tokio::spawn(async move {
        for _ in 0..250 {
            let order = NewOrder::limit(contract, Side::Buy, 1, 1);
            session.submit(Command::NewOrder(order)).await.unwrap();
        }
    });
    let mut accepted = 0;
    while accepted < 250 {
        for event in &told.next().await.unwrap().events {
            assert!(matches!(event, Event::Report { .. }), "{event:?}");
            accepted += 1;
        }
    }
    sending.await.unwrap();
}

#[tokio::test]
async fn a_key_in_the_place_of_another_goes_on_with_its_wish() {
    let exchange = Exchange::start();
    let (contract, lab, _witness, mut told) = broker_and_witness(&exchange).await;
    lab.session.cancel_on_disconnect(1).await.unwrap();
    lab.session.buy(contract, GTC, 100, 1).await.unwrap();
    let newer = PrivateKey::generate();
    match lab.session.rotate_key(newer.public()).await {
        Ok(key) => assert_eq!(key, KeyNo(4)),
        Err(CommandError::Session(SessionError::Closed { code: CloseCode::KeyRevoked, .. })) => {}
        Err(other) => panic!("{other}"),
    }
    let ended = timeout(PATIENCE, lab.session.ended()).await.expect("the old key's session ends");
    assert!(matches!(ended, SessionError::Closed { code: CloseCode::KeyRevoked, .. }), "{ended}");
    let (_, reason) = next_end(&mut told).await;
    assert_eq!(reason, CancelReason::Disconnected);
}
