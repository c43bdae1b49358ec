//! Sessions through a bad network: whatever happens to datagrams, every command is carried out exactly once and
//! answered exactly once, in order, every report is told once, and the books of the feed are the exchange's.

use crate::exchange::{Exchange, PATIENCE, feed_until};
use crate::proxy::{Proxy, Weather};
use client::{Event, ExchangeInfo, FeedCounters, FeedSession, Options, PrivateKey, Reports, Session};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use types::{Command, ContractId, Lane, NewOrder, OrderRef, ReportBody, Role, Side};

/// How many bids a storm gets to carry. More than lie between two digests of a book.
const ORDERS: u64 = 400;
/// Every so many orders one is cancelled.
const CANCEL_EVERY: u64 = 4;

/// A broker whose session, and a subscriber whose connection, go through proxies of their own.
struct Far {
    exchange: Exchange,
    contract: ContractId,
    key: PrivateKey,
    to_gateway: Proxy,
    to_feed: Proxy,
    session: Session,
    told: JoinHandle<Told>,
    feed: FeedSession,
}

/// Everything a session told until all commands had their outcome.
#[derive(Default)]
struct Told {
    /// The numbers of the reports, as they came.
    reports: Vec<u64>,
    /// The numbers of the commands on each lane, as their outcomes came.
    outcomes: [Vec<u64>; 2],
    /// Orders that rest, by their numbers.
    resting: BTreeSet<u64>,
}

impl Far {
    /// An exchange with one class, and a broker and a subscriber far away from it.
    async fn start(weather: Weather) -> Far {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let exchange = Exchange::start();
        let operator = exchange.operator().await;
        let (_, contract) = exchange.contract(&operator).await;
        let lab = exchange.participant(&operator, "lab", Role::Broker).await;
        // Only the session through the proxy is to be there.
        lab.session.close().await;
        let to_gateway = Proxy::start(exchange.info.gateway, weather, seed).await;
        let to_feed = Proxy::start(exchange.info.feed, weather, seed ^ 1).await;
        let info =
            ExchangeInfo { gateway: to_gateway.address, feed: to_feed.address, key: exchange.info.key };
        let mut feed = FeedSession::connect(&info, &lab.key).await.unwrap();
        feed.subscribe(client::Pattern::default(), client::Depth::Book);
        let options = Options { patience: PATIENCE, ..Options::default() };
        let (session, told) = Session::open(&info, &lab.key, options).await.unwrap();
        let first = session.welcome().last_report;
        let told = tokio::spawn(gather(told, first));
        Far { exchange, contract, key: lab.key, to_gateway, to_feed, session, told, feed }
    }

    /// Sends bids with these numbers, and cancels for some, without waiting for what comes of them.
    async fn bid(&self, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            let price = 100 + i64::try_from(number % 50).unwrap();
            let order = NewOrder::limit(self.contract, Side::Buy, 1, price);
            assert_eq!(self.session.submit(Command::NewOrder(order)).await.unwrap(), number);
            if number.is_multiple_of(CANCEL_EVERY) {
                let order = OrderRef::Number(number - CANCEL_EVERY / 2);
                self.session.submit(Command::Cancel(order)).await.unwrap();
            }
        }
    }

    /// Waits until all of `orders` bids and their cancels have their outcome, and checks that each had one, that
    /// nothing was told twice or left out, and that gateway and feed show the same in the end.
    async fn settle(mut self, orders: u64) -> FeedCounters {
        let state = timeout(PATIENCE, self.session.account()).await.expect("it is answered").unwrap();
        timeout(PATIENCE, self.session.close()).await.expect("every command has its outcome");
        let told = self.told.await.unwrap();
        assert_eq!(told.outcomes[0], (1..=orders).collect::<Vec<_>>());
        assert_eq!(told.outcomes[1], (1..=orders / CANCEL_EVERY).collect::<Vec<_>>());
        assert!(told.reports.windows(2).all(|pair| pair[1] == pair[0] + 1), "{:?}", told.reports);

        // Seen from nearby: what rests is what was taken and not cancelled, each once.
        let near = Session::connect(&self.exchange.info, &self.key).await.unwrap();
        let near_state = near.account().await.unwrap();
        assert!(near_state.last_report >= state.last_report);
        assert_eq!(near_state.last_report, *told.reports.last().unwrap());
        let numbers: Vec<u64> = near_state.orders.iter().map(|open| open.number).collect();
        assert_eq!(numbers.len(), told.resting.len(), "an order is there twice");
        assert_eq!(numbers.into_iter().collect::<BTreeSet<_>>(), told.resting);

        // A subscriber nearby has just been given a snapshot, proven by its digest; the one far away comes to it.
        let near_feed = self.exchange.subscriber(&self.key).await;
        let near_book = near_feed.book(self.contract).unwrap();
        assert_eq!((near_book.len(), near_feed.counters().proven), (told.resting.len(), 1));
        let expected = (near_book.sequence(), near_book.digest());
        let contract = self.contract;
        feed_until(&mut self.feed, |feed, _| {
            feed.book(contract).is_some_and(|book| (book.sequence(), book.digest()) == expected)
        })
        .await;
        let counters = self.feed.counters();
        assert_eq!((counters.gaps, counters.mismatches), (0, 0));
        assert_eq!(self.exchange.stop()["conserved"], true);
        counters
    }
}

/// Reads what is told until the session ends.
async fn gather(mut told: Reports, after: u64) -> Told {
    let mut all = Told { reports: vec![after], ..Told::default() };
    while let Some(batch) = told.next().await {
        for event in &batch.events {
            let Event::Report { report, sent } = event else { panic!("a report, not {event:?}") };
            all.reports.push(report.number);
            if sent.is_some() {
                let sender = report.answers.unwrap();
                all.outcomes[usize::from(sender.lane == Lane::Cancels)].push(sender.number);
            }
            match (report.body, report.answers) {
                (ReportBody::Accepted { .. }, Some(sender)) => drop(all.resting.insert(sender.number)),
                (ReportBody::Cancelled { .. }, Some(sender)) => {
                    // Which order a cancel ends is known from how they are sent.
                    let order = sender.number * CANCEL_EVERY - CANCEL_EVERY / 2;
                    assert!(all.resting.remove(&order), "order {order} ended twice");
                }
                _ => {}
            }
        }
    }
    all
}

/// Waits for what the test has brought about, not for a time.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never so: {what}"));
}

#[tokio::test]
async fn in_a_storm_each_command_is_answered_once_and_in_order() {
    let far = Far::start(Weather::STORM).await;
    far.bid(1..=ORDERS).await;
    let seen = [far.to_gateway.seen.clone(), far.to_feed.seen.clone()];
    until("each kind of harm is done to orders", || seen[0].harmed().iter().all(|count| *count > 0)).await;
    let counters = far.settle(ORDERS).await;
    assert!(counters.proven > 0, "no book was proven on the way");
    let harmed = seen.map(|seen| seen.harmed());
    eprintln!("lost, doubled, late: {harmed:?}");
    assert!(harmed[1].iter().any(|count| *count > 0), "the feed went through no storm");
}

#[tokio::test]
async fn a_short_cut_loses_and_doubles_nothing() {
    let far = Far::start(Weather::CALM).await;
    for round in 0..3 {
        far.bid(1 + round * 40..=20 + round * 40).await;
        far.to_gateway.cut();
        far.to_feed.cut();
        let before = far.to_gateway.seen.swallowed();
        far.bid(21 + round * 40..=40 + round * 40).await;
        until("something is held up", || far.to_gateway.seen.swallowed() > before + 2).await;
        far.to_gateway.mend();
        far.to_feed.mend();
    }
    far.settle(120).await;
}

#[tokio::test]
async fn a_cut_longer_than_a_connection_lives_loses_and_doubles_nothing() {
    let mut far = Far::start(Weather::STORM).await;
    far.bid(1..=40).await;
    far.to_gateway.cut();
    far.to_feed.cut();
    far.bid(41..=80).await;
    // Who reads the feed is who notices, so it is read meanwhile; nothing can come.
    let feed_reads = async {
        loop {
            far.feed.next().await.unwrap();
        }
    };
    let gives_up = until("both have given their connection up", || {
        [&far.to_gateway, &far.to_feed].iter().all(|proxy| proxy.seen.calls_swallowed() > 0)
    });
    tokio::select! {
        () = feed_reads => {}
        () = gives_up => {}
    }
    far.to_gateway.mend();
    far.to_feed.mend();
    far.bid(81..=120).await;
    let session = far.session.clone();
    far.settle(120).await;
    assert!(session.reconnects() > 0);
}

#[tokio::test]
async fn a_session_goes_on_from_another_port() {
    let far = Far::start(Weather::CALM).await;
    for round in 0..4 {
        far.bid(1 + round * 20..=20 + round * 20).await;
        far.to_gateway.move_port();
        far.to_feed.move_port();
        let carried = far.to_gateway.seen.carried();
        until("something is said again", || far.to_gateway.seen.carried() > carried).await;
    }
    let session = far.session.clone();
    far.settle(80).await;
    assert_eq!(session.reconnects(), 0, "the connection itself moves along");
}

#[tokio::test]
async fn a_restart_in_a_storm_loses_and_doubles_nothing() {
    let mut far = Far::start(Weather::STORM).await;
    for round in 0..2 {
        far.bid(1 + round * 80..=80 + round * 80).await;
        far.exchange.kill();
        far.exchange = far.exchange.restart();
        far.to_gateway.towards(far.exchange.info.gateway);
        far.to_feed.towards(far.exchange.info.feed);
    }
    far.to_gateway.set_weather(Weather::CALM);
    far.bid(161..=200).await;
    let session = far.session.clone();
    far.settle(200).await;
    assert!(session.reconnects() > 0);
}
