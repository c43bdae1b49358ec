//! A real feed on loopback: subscribers over QUIC, pages over HTTP and WebSocket.

use crate::play_market::{CLASSES, PlayMarket};
use crate::{Config, Feed, now, serve};
use futures_util::{SinkExt, StreamExt};
use protocol::market_data::{ALPN, Depth, FeedMessage, Subscribe, SubscriberMessage};
use protocol::symbol::Pattern;
use protocol::{CloseCode, PublicBook, VERSION};
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use sequencer::{Inlet, Released};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use transport::{Accepts, FrameReader, PrivateKey};
use types::{ContractId, Sequence};

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct World {
    feed: Feed,
    market: PlayMarket,
    outlet: Inlet,
    key: PrivateKey,
    reader: PrivateKey,
}

struct Subscriber {
    connection: Connection,
    control: SendStream,
    answers: RecvStream,
    _endpoint: quinn::Endpoint,
}

impl World {
    async fn new() -> World {
        let (key, reader) = (PrivateKey::generate(), PrivateKey::generate());
        let mut market = PlayMarket::new(11, now(), reader.public());
        market.play(500, now());
        let (outlet, released) = sequencer::outlet(65_536);
        let web_origins = vec!["https://desk.example".to_owned()];
        let config = Config {
            listen: LOOPBACK,
            web_listen: Some(LOOPBACK),
            web_origins,
            key: key.clone(),
            flush: Duration::from_millis(10),
            sessions: 128,
            sessions_per_key: 16,
        };
        let feed = serve(config, &market.recovery(), released).await.unwrap();
        World { feed, market, outlet, key, reader }
    }

    async fn play(&mut self, commands: usize) -> Sequence {
        let output = self.market.play(commands, now());
        let (sequence, time) = (self.market.last_sequence(), self.market.last_time());
        let commands = commands.try_into().unwrap();
        self.outlet
            .send(Arc::new(Released { sequence, time, commands, output, refused: Vec::new() }))
            .unwrap();
        sequence
    }

    async fn subscriber(&self, key: &PrivateKey) -> Subscriber {
        let endpoint = transport::client_endpoint(LOOPBACK).unwrap();
        let accepts = Accepts { bidirectional: 0, unidirectional: 1 };
        let server = self.key.public();
        let connection =
            transport::connect(&endpoint, self.feed.address(), server, key, ALPN, accepts).await.unwrap();
        let (control, answers) = connection.open_bi().await.unwrap();
        Subscriber { connection, control, answers, _endpoint: endpoint }
    }

    fn web(&self) -> SocketAddr {
        self.feed.web_address().unwrap()
    }

    async fn page(&self, origin: Option<&str>) -> Result<Socket, Error> {
        let mut request = format!("ws://{}/ws", self.web()).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        connect_async(request).await.map(|(socket, _)| socket)
    }

    async fn own_page(&self) -> Socket {
        self.page(Some(&format!("http://{}", self.web()))).await.unwrap()
    }
}

impl Subscriber {
    async fn say(&mut self, messages: &[SubscriberMessage]) {
        let mut out = Vec::new();
        messages.iter().for_each(|message| message.encode(&mut out));
        self.control.write_all(&out).await.unwrap();
    }

    /// How the feed closed the connection.
    async fn closed(&self) -> (CloseCode, String) {
        let ConnectionError::ApplicationClosed(close) = self.connection.closed().await else {
            panic!("the feed closes")
        };
        let code = CloseCode::from_number(close.error_code.into_inner()).unwrap();
        (code, String::from_utf8(close.reason.to_vec()).unwrap())
    }
}

fn subscribe_all() -> SubscriberMessage {
    let pattern = Pattern::default();
    SubscriberMessage::Subscribe(Subscribe { subscription: 1, pattern, depth: Depth::Book })
}

/// The next message of a type.
async fn next(socket: &mut Socket, of: &str) -> Value {
    loop {
        let message = socket.next().await.unwrap().unwrap();
        let Message::Text(text) = message else { panic!("{message:?}") };
        let value: Value = serde_json::from_str(&text).unwrap();
        if value["type"] == of {
            return value;
        }
    }
}

async fn closed(socket: &mut Socket) -> (u16, String) {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Close(Some(frame)) => return (frame.code.into(), frame.reason.to_string()),
            Message::Text(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_subscriber_rebuilds_every_book_and_is_told_when_the_exchange_stops() {
    let mut world = World::new().await;
    let mut subscriber = world.subscriber(&world.reader).await;
    subscriber.say(&[SubscriberMessage::Hello, subscribe_all()]).await;
    let data = subscriber.connection.accept_uni().await.unwrap();
    for _ in 0..20 {
        world.play(50).await;
    }
    let last = world.play(1).await;
    let state = world.market.state();
    drop(world.outlet);
    world.feed.stop(CloseCode::Stopping).await;

    let mut books: HashMap<ContractId, PublicBook> = HashMap::new();
    let mut reader = FrameReader::new(data);
    let mut filling = ContractId(0);
    while let Some(frames) = reader.next().await.unwrap() {
        for frame in frames {
            match FeedMessage::decode(frame.unwrap()).unwrap() {
                FeedMessage::SnapshotStart(start) => {
                    filling = start.contract;
                    books.insert(filling, start.book());
                }
                FeedMessage::SnapshotOrder(entry) => {
                    books.get_mut(&filling).unwrap().apply(&types::MarketBody::Add(entry)).unwrap();
                }
                FeedMessage::SnapshotBlock(block) => {
                    books.get_mut(&filling).unwrap().apply(&types::MarketBody::Block(block)).unwrap();
                }
                FeedMessage::Increment(increment) => {
                    let book = books.entry(increment.contract).or_default();
                    increment.events().for_each(|event| book.follow(&event.unwrap()).unwrap());
                }
                _ => {}
            }
        }
    }
    let hides = |open: &types::OpenOrder| open.shown < open.left;
    let hidden = state.iter().filter(|event| matches!(event, types::StateEvent::Order(open) if hides(open)));
    assert!(hidden.count() > 1, "there is something that nobody must see");
    let expected = crate::market::Market::from_state(&state).unwrap();
    assert_eq!(books.len(), expected.contracts().len());
    for (id, at) in expected.contracts() {
        assert_eq!((books[&id].sequence(), books[&id].digest()), (at.book.sequence(), at.book.digest()));
    }
    assert!(books.values().any(|book| book.sequence() > last - 20));
    assert_eq!(subscriber.closed().await.0, CloseCode::Stopping);
}

#[tokio::test]
async fn a_subscriber_is_welcomed_with_where_the_exchange_is() {
    let world = World::new().await;
    let mut subscriber = world.subscriber(&world.reader).await;
    subscriber.say(&[SubscriberMessage::Hello]).await;
    let mut reader = FrameReader::new(subscriber.answers);
    let frame = reader.next().await.unwrap().unwrap().next().unwrap().unwrap();
    let FeedMessage::Welcome { sequence, time } = FeedMessage::decode(frame).unwrap() else { panic!() };
    assert_eq!((sequence, time), (world.market.last_sequence(), world.market.last_time()));
}

#[tokio::test]
async fn a_stranger_is_turned_away() {
    let world = World::new().await;
    let subscriber = world.subscriber(&PrivateKey::generate()).await;
    let (code, reason) = subscriber.closed().await;
    assert_eq!(
        (code, reason.as_str()),
        (CloseCode::UnknownKey, "this key is not registered here, or has expired")
    );
}

#[tokio::test]
async fn what_no_subscriber_says_closes_its_session_alone() {
    let world = World::new().await;
    let mut good = world.subscriber(&world.reader).await;
    good.say(&[SubscriberMessage::Hello, subscribe_all()]).await;
    let cases: [(&[u8], CloseCode); 5] = [
        (&[8, 0, 0x82, VERSION, 0, 0, 0, 0], CloseCode::Malformed),
        (&[0xff, 0xff, 0x80, VERSION], CloseCode::TooLong),
        (&[8, 0, 0x70, VERSION, 0, 0, 0, 0], CloseCode::UnknownKind),
        (&[8, 0, 0x80, 9, 0, 0, 0, 0], CloseCode::WrongVersion),
        (&[8, 0, 0x83, VERSION, 0, 0, 0, 0], CloseCode::OutOfPlace),
    ];
    for (bytes, code) in cases {
        let mut bad = world.subscriber(&world.reader).await;
        bad.control.write_all(bytes).await.unwrap();
        let (closed, reason) = bad.closed().await;
        assert_eq!(closed, code, "{reason}");
        assert!(!reason.is_empty());
    }
    let mut data = FrameReader::new(good.connection.accept_uni().await.unwrap());
    assert!(data.next().await.unwrap().is_some());
}

#[tokio::test]
async fn the_page_is_one_file_that_asks_for_nothing_else() {
    let world = World::new().await;
    let mut stream = TcpStream::connect(world.web()).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", world.web());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("<title>cuex</title>"));
    assert!(!answer.contains("src=\"http") && !answer.contains("url(http"));
}

#[tokio::test]
async fn a_page_shows_a_trade_soon_after_it_is_made() {
    let mut world = World::new().await;
    let mut socket = world.own_page().await;
    let classes = next(&mut socket, "classes").await;
    assert_eq!(classes["classes"].as_array().unwrap().len(), CLASSES.len());
    assert!(!next(&mut socket, "rows").await["changed"].as_array().unwrap().is_empty());
    world.play(2_000).await;
    let mut trades = 0;
    while trades == 0 {
        trades = next(&mut socket, "status").await["trades"].as_u64().unwrap();
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let world = World::new().await;
    let port = world.web().port();
    for origin in [None, Some("http://evil.example"), Some("null"), Some("http://localhost:1")] {
        let Err(Error::Http(answer)) = world.page(origin).await else { panic!("{origin:?} was let in") };
        assert_eq!(answer.status(), 403);
    }
    for origin in ["https://desk.example".to_owned(), format!("http://localhost:{port}")] {
        assert!(world.page(Some(&origin)).await.is_ok(), "{origin}");
    }
}

#[tokio::test]
async fn a_page_that_says_what_is_not_understood_is_closed_with_a_reason() {
    let world = World::new().await;
    for bad in ["{", r#"{"buy":"everything"}"#] {
        let mut socket = world.own_page().await;
        socket.send(Message::text(bad)).await.unwrap();
        let (code, reason) = closed(&mut socket).await;
        assert_eq!(code, 1008);
        assert!(reason.starts_with("not understood"), "{reason}");
    }
}

#[tokio::test]
async fn an_unknown_symbol_is_answered_and_the_page_goes_on() {
    let world = World::new().await;
    let mut socket = world.own_page().await;
    let wish = json!({"open": "NOBODY-USE-20270115T12Z"});
    socket.send(Message::text(wish.to_string())).await.unwrap();
    let error = next(&mut socket, "error").await;
    assert_eq!((&error["symbol"], &error["code"]), (&wish["open"], &json!("unknown_class")));
    next(&mut socket, "status").await;
}

#[tokio::test]
async fn a_page_is_told_when_the_exchange_stops() {
    let world = World::new().await;
    let mut socket = world.own_page().await;
    next(&mut socket, "rows").await;
    drop(world.outlet);
    let (_, (code, _)) = tokio::join!(world.feed.stop(CloseCode::Stopping), closed(&mut socket));
    assert_eq!(code, 1001);
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let world = World::new().await;
    let (_outlet, released) = sequencer::outlet(1);
    let config = Config {
        listen: LOOPBACK,
        web_listen: Some(world.web()),
        web_origins: Vec::new(),
        key: PrivateKey::generate(),
        flush: Duration::ZERO,
        sessions: 1,
        sessions_per_key: 1,
    };
    let error = serve(config, &world.market.recovery(), released).await.unwrap_err();
    assert!(error.to_string().contains(&world.web().to_string()), "{error}");
}
