//! A full disk as clients see it: orders are refused with a code of their own, cancels, questions and market data go
//! on, and orders are taken again when there is space.

use crate::exchange::{feed_until, hours_ahead};
use client::{ExchangeInfo, FeedEvent, FeedSession, Session};
use journal::SimulatedDisk;
use protocol::market_data::Depth;
use protocol::symbol::Pattern;
use sequencer::{Options, verify_on};
use std::net::{Ipv4Addr, SocketAddr};
use transport::PrivateKey;
use types::{Class, ClassSpec, RejectCode, Role, TimeInForce, Timestamp, Why};

#[tokio::test]
async fn clients_are_refused_and_lose_nothing() {
    let disk = SimulatedDisk::new(1);
    let [server, operator, lab] = std::array::from_fn(|_| PrivateKey::generate());
    let options = Options {
        segment_bytes: 64 << 10,
        in_flight_orders: 256,
        in_flight_cancels: 64,
        ..Options::default()
    };
    sequencer::init_on(disk.mount(), &options, operator.public(), 1).unwrap();
    let sequencer::Exchange { recovery, entry, outlets, handle } =
        sequencer::start_on(disk.mount(), &options).unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let limits = gateway::Limits::default();
    let config = gateway::Config { address, key: server.clone(), clock: options.clock, limits };
    let gateway = gateway::serve(config, &recovery, entry, outlets.gateway).await.unwrap();
    let config = feed::Config {
        listen: address,
        web_listen: None,
        web_origins: Vec::new(),
        key: server.clone(),
        flush: std::time::Duration::ZERO,
        sessions: 8,
        sessions_per_key: 8,
    };
    let feed = feed::serve(config, &recovery, outlets.feed).await.unwrap();
    let info = ExchangeInfo { gateway: gateway.address(), feed: feed.address(), key: server.public() };

    let desk = Session::connect(&info, &operator).await.unwrap();
    let no = desk.define_class(ClassSpec::example(), Why::NONE).await.unwrap();
    let account = desk.open_account("lab".parse().unwrap(), Role::Broker, Why::NONE).await.unwrap();
    let rights = Role::Broker.rights();
    desk.register_key(account, lab.public(), rights, Timestamp::MAX, Why::NONE).await.unwrap();
    desk.deposit_cash(account, "USD".parse().unwrap(), 1_000_000_000_000, 1, Why::NONE).await.unwrap();
    let contract = Class { no, spec: ClassSpec::example() }.contract(hours_ahead(6)).unwrap();
    let session = Session::connect(&info, &lab).await.unwrap();
    let mut market = FeedSession::connect(&info, &lab).await.unwrap();
    market.subscribe(Pattern::default(), Depth::Book);
    feed_until(&mut market, |_, event| matches!(event, FeedEvent::Subscribed(_))).await;

    disk.set_capacity(0);
    let mut orders = Vec::new();
    let refused = loop {
        match session.buy(contract, TimeInForce::Gtc, 1, 1).await {
            Ok(placed) => orders.push(placed),
            Err(error) => break error,
        }
    };
    assert_eq!(refused.code(), Some(RejectCode::NoRoom), "{refused}");
    assert!(orders.len() > 50, "{}", orders.len());
    // Questions and cancels go on, and the feed tells of them.
    let open = session.account().await.unwrap().orders.len();
    assert_eq!(open, orders.len());
    session.cancel(orders[0]).await.unwrap();
    feed_until(&mut market, |market, _| {
        market.book(contract).is_some_and(|book| book.orders().count() + 1 == open)
    })
    .await;
    let again = session.buy(contract, TimeInForce::Gtc, 1, 1).await.unwrap_err();
    assert_eq!(again.code(), Some(RejectCode::NoRoom), "still");

    disk.set_capacity(u64::MAX);
    while let Err(error) = session.buy(contract, TimeInForce::Gtc, 1, 1).await {
        assert_eq!(error.code(), Some(RejectCode::NoRoom));
    }
    assert_eq!(session.account().await.unwrap().orders.len(), open, "one was cancelled, one came");
    assert_eq!(session.reconnects(), 0);
    let summary = handle.stop().await.unwrap();
    assert!(summary.totals.is_ok());
    assert_eq!(verify_on(disk.mount()).unwrap().digest, summary.digest);
}
