//! Clients that do not keep to the protocol, against a real exchange: each session is closed with its code and a
//! reason, and nobody else is disturbed by it.

mod floods;
mod guesses;
mod honest;
mod keys;
mod numbers;
mod raw;
mod replays;
mod slow;

use crate::exchange::{Exchange, PATIENCE};
use client::{FeedEvent, FeedSession, PrivateKey, Session};
use honest::{ROUNDS, market, metrics};
use protocol::market_data::{self, Depth, Subscribe, SubscriberMessage};
use protocol::order_entry::{self, ClientMessage, Query, QueryKind};
use protocol::symbol::Pattern;
use protocol::{CloseCode, MESSAGE_MAX, VERSION};
use rand::{Rng, RngExt, SeedableRng};
use raw::{ACCEPTS, Raw, bid, command, hello, message, said};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use transport::{client_endpoint, connect};
use types::{Command, ContractId, Lane, OrderRef, Rights, Timestamp, Why};

/// Where the bad bytes go.
#[derive(Clone, Copy, Debug)]
enum Where {
    /// On control, instead of the hello.
    First,
    /// On control, after the welcome.
    Control,
    /// On a stream of its own, before the hello.
    Early,
    /// On a lane, after its opening.
    Lane(Lane),
}

/// Something no client may do.
struct Misdeed {
    what: &'static str,
    place: Where,
    bytes: Vec<u8>,
    /// The stream ends right behind the bytes.
    ends: bool,
    code: CloseCode,
}

/// What must not be said to the gateway. The order in it is a good one.
fn misdeeds(contract: ContractId) -> Vec<Misdeed> {
    let order = command(1, bid(contract));
    let too_long = u16::try_from(MESSAGE_MAX).unwrap() + 1;
    let query = said(&ClientMessage::Query(Query { request: 1, kind: QueryKind::Account }));
    let cancel = command(1, Command::Cancel(OrderRef::Number(1)));
    let orders = Where::Lane(Lane::Orders);
    let open_again = said(&ClientMessage::LaneOpen(Lane::Orders));
    let deed =
        |what, place, bytes: &[u8], code| Misdeed { what, place, bytes: bytes.to_vec(), ends: false, code };
    let mut deeds = vec![
        deed("noise before hello", Where::First, &[0xff; 64], CloseCode::TooLong),
        deed("zeros before hello", Where::First, &[0; 64], CloseCode::Malformed),
        deed("a web browser's hello", Where::First, b"GET / HTTP/1.1\r\n\r\n", CloseCode::TooLong),
        deed("a question before hello", Where::First, &query, CloseCode::OutOfPlace),
        deed("a lane before hello", Where::Early, &open_again, CloseCode::OutOfPlace),
        deed("a second hello", Where::Control, &hello(), CloseCode::OutOfPlace),
        deed("an order on control", Where::Control, &order, CloseCode::OutOfPlace),
        deed(
            "an unknown kind on control",
            Where::Control,
            &message(0xee, 8, VERSION),
            CloseCode::UnknownKind,
        ),
        deed("a message without its header", orders, &[3, 0, 0x20, VERSION], CloseCode::Malformed),
        deed("an order that is too short", orders, &message(0x20, 12, VERSION), CloseCode::Malformed),
        deed("an oversized message", orders, &message(0x20, too_long, VERSION), CloseCode::TooLong),
        deed("an unknown kind", orders, &message(0xee, 12, VERSION), CloseCode::UnknownKind),
        deed("what only the exchange says", orders, &message(0x40, 12, VERSION), CloseCode::UnknownKind),
        deed("another version", orders, &message(0x20, 12, VERSION + 1), CloseCode::WrongVersion),
        deed("a cancel among orders", orders, &cancel, CloseCode::WrongLane),
        deed("an order among cancels", Where::Lane(Lane::Cancels), &order, CloseCode::WrongLane),
        deed("a lane inside a lane", orders, &open_again, CloseCode::OutOfPlace),
        deed("a lane opened twice", Where::Lane(Lane::Orders), &[], CloseCode::WrongLane),
    ];
    let half = &order[..order.len() / 2];
    deeds.push(Misdeed { ends: true, ..deed("half an order", orders, half, CloseCode::Malformed) });
    deeds.push(Misdeed {
        ends: true,
        ..deed("half a hello", Where::First, &hello()[..6], CloseCode::Malformed)
    });
    deeds
}

/// Does it, and says how the exchange closes.
async fn commit(exchange: &Exchange, key: &PrivateKey, deed: &Misdeed) -> (CloseCode, String) {
    let mut raw = Raw::call(exchange.info.gateway, &exchange.info, key, order_entry::ALPN).await;
    if !matches!(deed.place, Where::First | Where::Early) {
        raw.greet(&hello()).await;
    }
    let lane = |lane| [said(&ClientMessage::LaneOpen(lane)), deed.bytes.clone()].concat();
    let mut kept = Vec::new();
    match deed.place {
        Where::First | Where::Control => {
            let _ = raw.control.write_all(&deed.bytes).await;
            if deed.ends {
                raw.control.finish().unwrap();
            }
        }
        Where::Early => kept.push(raw.stream(&deed.bytes).await),
        Where::Lane(which) => {
            kept.push(raw.stream(&lane(which)).await);
            if deed.bytes.is_empty() {
                kept.push(raw.stream(&lane(which)).await);
            }
            if deed.ends {
                kept[0].finish().unwrap();
            }
        }
    }
    raw.closed().await
}

#[tokio::test]
async fn who_breaks_the_rules_of_order_entry_is_out_and_nobody_else() {
    let mut exchange = Exchange::start();
    let (contract, lab, mut honest, mallory) = market(&exchange).await;
    let mut closed: BTreeMap<String, f64> = BTreeMap::new();
    for deed in misdeeds(contract) {
        let (code, reason) = commit(&exchange, &mallory.key, &deed).await;
        assert_eq!(code, deed.code, "{}: {reason}", deed.what);
        assert!(reason.len() > 10, "{}: no reason but '{reason}'", deed.what);
        *closed.entry(code.to_string()).or_default() += 1.0;
        honest.goes_on().await;
    }
    let rounds = honest.stop(&lab, &exchange).await;

    let metrics = metrics(&exchange);
    for (code, count) in closed {
        assert_eq!(
            metrics.get(&format!("cuex_gateway_closed_total{{code=\"{code}\"}}")),
            Some(&count),
            "{code}"
        );
    }
    let cancels = metrics["cuex_gateway_commands_total{lane=\"cancels\"}"];
    assert_eq!(cancels, f64::from(u32::try_from(rounds).unwrap()), "only honest cancels were passed on");
    // Whose a number is, is nobody's business.
    for name in metrics.keys() {
        let labels = name.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches('}'));
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let known = ["lane", "code", "quantile", "le"];
            assert!(known.contains(&label.split('=').next().unwrap()), "{name}");
        }
    }
    let stopped = exchange.stop();
    assert_eq!(stopped["conserved"], true);
    assert_eq!(stopped["commands"].as_f64(), Some(metrics["cuex_commands_total"]));
    assert_eq!(stopped["sequence"].as_f64(), Some(metrics["cuex_sequence"]));
}

#[tokio::test]
async fn what_came_whole_before_a_bad_message_counts() {
    let exchange = Exchange::start();
    let (contract, lab, mut honest, mallory) = market(&exchange).await;
    let mut raw = Raw::call(exchange.info.gateway, &exchange.info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    let open = said(&ClientMessage::LaneOpen(Lane::Orders));
    let bytes =
        [open, command(1, bid(contract)), message(0xee, 8, VERSION), command(2, bid(contract))].concat();
    let _lane = raw.stream(&bytes).await;
    assert_eq!(raw.closed().await.0, CloseCode::UnknownKind);
    honest.goes_on().await;
    let state = Session::connect(&exchange.info, &mallory.key).await.unwrap().account().await.unwrap();
    assert_eq!(state.orders.iter().map(|order| order.number).collect::<Vec<_>>(), [1]);
    honest.stop(&lab, &exchange).await;
}

#[tokio::test]
async fn many_streams_and_broken_ones_end_the_session() {
    let exchange = Exchange::start();
    let (_, lab, mut honest, mallory) = market(&exchange).await;
    let info = &exchange.info;
    let mut raw = Raw::call(info.gateway, info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    // Two streams may be open at once; those that are finished make room for others, which are no lanes any more.
    let opened = async {
        for lane in [Lane::Orders, Lane::Cancels].into_iter().cycle() {
            let Ok(mut stream) = raw.connection.open_uni().await else { break };
            let _ = stream.write_all(&said(&ClientMessage::LaneOpen(lane))).await;
            let _ = stream.finish();
        }
    };
    timeout(PATIENCE, opened).await.expect("streams come to an end");
    assert_eq!(raw.closed().await.0, CloseCode::WrongLane);
    honest.goes_on().await;

    let mut raw = Raw::call(info.gateway, info, &mallory.key, order_entry::ALPN).await;
    raw.greet(&hello()).await;
    let mut lane = raw.stream(&said(&ClientMessage::LaneOpen(Lane::Orders))).await;
    lane.reset(7_u32.into()).unwrap();
    let (code, reason) = raw.closed().await;
    assert_eq!((code, reason.as_str()), (CloseCode::OutOfPlace, "a stream was broken off"));
    honest.goes_on().await;
    honest.stop(&lab, &exchange).await;
}

#[tokio::test]
async fn noise_at_the_ports_disturbs_nobody() {
    let mut exchange = Exchange::start();
    let (_, lab, mut honest, mallory) = market(&exchange).await;
    let info = &exchange.info;
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..500 {
        let mut datagram = vec![0; random.random_range(1..1_400)];
        random.fill_bytes(&mut datagram);
        // Some of it looks like the start of a QUIC connection.
        datagram[0] |= 0xc0;
        for address in [info.gateway, info.feed] {
            // A full socket buffer drops it, which is as well.
            let _ = socket.send_to(&datagram, address);
        }
    }
    for address in [&exchange.page, &exchange.metrics] {
        let address = address.trim_start_matches("http://").trim_end_matches("/metrics");
        let mut noise = [0; 4_096];
        random.fill_bytes(&mut noise);
        let _ = TcpStream::connect(address).unwrap().write_all(&noise);
    }
    honest.goes_on().await;
    // A protocol that is not spoken here does not get through the handshake.
    let endpoint = client_endpoint("127.0.0.1:0".parse().unwrap()).unwrap();
    let other = connect(&endpoint, info.gateway, info.key, &mallory.key, b"h3", ACCEPTS).await;
    assert!(other.is_err());
    honest.goes_on().await;
    honest.stop(&lab, &exchange).await;
    assert!(metrics(&exchange)["cuex_commands_total"] > 0.0);
    assert_eq!(exchange.stop()["conserved"], true);
}

fn subscriber_says(messages: &[SubscriberMessage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| message.encode(&mut bytes));
    bytes
}

#[tokio::test]
async fn who_breaks_the_rules_of_market_data_is_out_and_nobody_else() {
    let mut exchange = Exchange::start();
    let (contract, lab, mut honest, mallory) = market(&exchange).await;
    let operator = exchange.operator().await;
    let reader = PrivateKey::generate();
    operator
        .register_key(lab.account, reader.public(), Rights::READ, Timestamp::MAX, Why::NONE)
        .await
        .unwrap();
    let mut watching = Watching::start(&exchange, &reader, contract).await;

    let hello = subscriber_says(&[SubscriberMessage::Hello]);
    let wish = Subscribe { subscription: 1, pattern: Pattern::default(), depth: Depth::Book };
    let subscribe = subscriber_says(&[SubscriberMessage::Subscribe(wish)]);
    let too_long = u16::try_from(MESSAGE_MAX).unwrap() + 1;
    let after_hello = |bytes: &[u8]| [hello.as_slice(), bytes].concat();
    let half = &subscribe[..subscribe.len() / 2];
    let order = command(1, bid(contract));
    for (what, bytes, code) in [
        ("noise", vec![0xff; 64], CloseCode::TooLong),
        ("zeros", vec![0; 64], CloseCode::Malformed),
        ("a subscription before hello", subscribe.clone(), CloseCode::OutOfPlace),
        ("a second hello", after_hello(&hello), CloseCode::OutOfPlace),
        (
            "the same subscription twice",
            after_hello(&[&*subscribe, &*subscribe].concat()),
            CloseCode::OutOfPlace,
        ),
        ("an order", after_hello(&order), CloseCode::UnknownKind),
        ("what only the feed says", after_hello(&message(0x81, 20, VERSION)), CloseCode::UnknownKind),
        ("a subscription that is too short", after_hello(&message(0x82, 8, VERSION)), CloseCode::Malformed),
        ("an oversized message", after_hello(&message(0x82, too_long, VERSION)), CloseCode::TooLong),
        ("another version", after_hello(&message(0x82, 40, VERSION + 1)), CloseCode::WrongVersion),
        ("half a subscription", after_hello(half), CloseCode::Malformed),
    ] {
        let mut raw = Raw::call(exchange.info.feed, &exchange.info, &mallory.key, market_data::ALPN).await;
        let _ = raw.control.write_all(&bytes).await;
        let _ = raw.control.finish();
        let (found, reason) = raw.closed().await;
        assert_eq!(found, code, "{what}: {reason}");
        assert!(reason.len() > 10, "{what}: no reason but '{reason}'");
        honest.goes_on().await;
        watching.goes_on().await;
    }
    let stranger = PrivateKey::generate();
    let raw = Raw::call(exchange.info.feed, &exchange.info, &stranger, market_data::ALPN).await;
    assert_eq!(raw.closed().await.0, CloseCode::UnknownKey);

    honest.stop(&lab, &exchange).await;
    assert_eq!(metrics(&exchange)["cuex_feed_sessions"], 1.0, "the honest one is still there");
    watching.stop().await;
    assert_eq!(exchange.stop()["conserved"], true);
}

/// A subscriber who keeps the book of the honest session's contract.
struct Watching {
    changes: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    reading: JoinHandle<()>,
}

impl Watching {
    async fn start(exchange: &Exchange, key: &PrivateKey, contract: ContractId) -> Watching {
        let mut feed = exchange.subscriber(key).await;
        let (count, changes) = watch::channel(0);
        let (stop, mut stopped) = watch::channel(false);
        let reading = tokio::spawn(async move {
            loop {
                tokio::select! {
                    event = feed.next() => {
                        if let FeedEvent::Book { .. } = event.unwrap() {
                            count.send_modify(|count| *count += 1);
                        }
                    }
                    _ = stopped.changed() => break,
                }
            }
            whole(&mut feed, contract).await;
        });
        Watching { changes, stop, reading }
    }

    async fn goes_on(&mut self) {
        let wanted = *self.changes.borrow() + ROUNDS;
        let waiting = self.changes.wait_for(|count| *count >= wanted);
        timeout(PATIENCE, waiting).await.expect("an honest subscriber is not held up").unwrap();
    }

    async fn stop(self) {
        self.stop.send_replace(true);
        self.reading.await.unwrap();
    }
}

/// Reads on until the book is empty, which it is after the last cancel; nothing was missed on the way.
async fn whole(feed: &mut FeedSession, contract: ContractId) {
    let reading = async {
        while feed.book(contract).is_some_and(|book| !book.is_empty()) {
            feed.next().await.unwrap();
        }
    };
    timeout(PATIENCE, reading).await.expect("the feed says the last change");
    let counters = feed.counters();
    assert_eq!((counters.gaps, counters.mismatches, counters.reconnects), (0, 0, 0));
}
