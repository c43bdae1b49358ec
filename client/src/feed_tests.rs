//! Feed sessions over real connections, with a server that is the model of the feed and cuts when it is told to.

use crate::feed_model::{CONTRACT, FeedModel};
use crate::{ExchangeInfo, FeedEvent, FeedSession, SessionError};
use parking_lot::Mutex;
use protocol::CloseCode;
use protocol::market_data::{ALPN, Depth, FeedMessage, SubscribeRefused, Subscribed, SubscriberMessage};
use protocol::symbol::Pattern;
use quinn::{Connection, Endpoint, SendStream};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::sync::Notify;
use transport::{Accepts, FrameReader, PrivateKey, serve};
use types::{Code, RejectCode, Timestamp};

/// Changes of the book on one connection.
const CHANGES: u32 = 50;

#[derive(Clone)]
struct Server {
    info: ExchangeInfo,
    model: Arc<Mutex<FeedModel>>,
    /// With which code each connection ends after its changes, once this is rung.
    cuts: Arc<Mutex<VecDeque<CloseCode>>>,
    cut: Arc<Notify>,
    /// So many connections are still refused, as the key is not known yet.
    refuses: Arc<Mutex<u32>>,
    endpoint: Endpoint,
}

impl Server {
    fn start(cuts: impl IntoIterator<Item = CloseCode>) -> Server {
        let key = PrivateKey::generate();
        let accepts = Accepts { bidirectional: 1, unidirectional: 0 };
        let endpoint = serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), &key, ALPN, accepts).unwrap();
        let feed = endpoint.local_addr().unwrap();
        let server = Server {
            info: ExchangeInfo { gateway: feed, feed, key: key.public() },
            model: Arc::new(Mutex::new(FeedModel::new())),
            cuts: Arc::new(Mutex::new(cuts.into_iter().collect())),
            cut: Arc::default(),
            refuses: Arc::default(),
            endpoint,
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

    fn is_refused(&self) -> bool {
        let mut refuses = self.refuses.lock();
        let is_refused = *refuses > 0;
        *refuses = refuses.saturating_sub(1);
        is_refused
    }

    async fn converse(self, connection: Connection) -> Option<()> {
        if self.is_refused() {
            connection.close(CloseCode::UnknownKey.number().into(), b"who are you?");
            return None;
        }
        let (mut answers, requests) = connection.accept_bi().await.ok()?;
        let mut requests = FrameReader::new(requests);
        let mut data = None;
        while let Ok(Some(frames)) = requests.next().await {
            for frame in frames {
                match SubscriberMessage::decode(frame.unwrap()).unwrap() {
                    SubscriberMessage::Hello => {
                        say(&mut answers, &[FeedMessage::Welcome { sequence: 0, time: Timestamp(0) }])
                            .await?;
                        let mut stream = connection.open_uni().await.ok()?;
                        say(&mut stream, &[FeedMessage::Class(FeedModel::class())]).await?;
                        data = Some(stream);
                    }
                    SubscriberMessage::Subscribe(subscribe) if subscribe.pattern.model.is_some() => {
                        let (code, value) = (RejectCode::UnknownClass, 0);
                        let refused = SubscribeRefused { subscription: subscribe.subscription, code, value };
                        say(&mut answers, &[FeedMessage::SubscribeRefused(refused)]).await?;
                    }
                    SubscriberMessage::Subscribe(subscribe) => {
                        self.serve(data.as_mut()?, subscribe.subscription).await?;
                        tokio::spawn(self.clone().cut_when_told(connection.clone()));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        Some(())
    }

    /// A snapshot, changes, a digest.
    async fn serve(&self, data: &mut SendStream, subscription: u32) -> Option<()> {
        let bytes = {
            let mut model = self.model.lock();
            let mut bytes = model.snapshot();
            FeedMessage::Subscribed(Subscribed { subscription, contracts: 1 }).encode(&mut bytes);
            (0..CHANGES).for_each(|dice| bytes.extend(model.increment(dice * 7)));
            FeedMessage::BookDigest(model.digest()).encode(&mut bytes);
            bytes
        };
        data.write_all(&bytes).await.ok()
    }

    async fn cut_when_told(self, connection: Connection) {
        self.cut.notified().await;
        let code = self.cuts.lock().pop_front().unwrap();
        connection.close(code.number().into(), b"cut");
    }
}

async fn say(stream: &mut SendStream, messages: &[FeedMessage<'_>]) -> Option<()> {
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| message.encode(&mut bytes));
    stream.write_all(&bytes).await.ok()
}

/// Reads one connection's events up to the proof; each wait is given up many times on the way.
async fn read_to_proof(feed: &mut FeedSession, server: &Server) {
    let mut changes = 0;
    loop {
        let event = tokio::select! {
            biased;
            event = feed.next() => event.unwrap(),
            () = tokio::task::yield_now() => continue,
        };
        match event {
            FeedEvent::Book { sequence, .. } => {
                changes += 1;
                assert_eq!(feed.book(CONTRACT).unwrap().sequence(), sequence);
            }
            FeedEvent::Proven { .. } => break,
            FeedEvent::Class(_)
            | FeedEvent::Snapshot { .. }
            | FeedEvent::Subscribed(_)
            | FeedEvent::Reconnected => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(changes, CHANGES);
    assert!(feed.book(CONTRACT).unwrap().orders().eq(server.model.lock().book.orders()));
}

async fn follow() {
    let server = Server::start([CloseCode::TooSlow, CloseCode::Stopping, CloseCode::Superseded]);
    let mut feed = FeedSession::connect(&server.info, &PrivateKey::generate()).await.unwrap();
    feed.subscribe(Pattern::default(), Depth::Book);
    for _ in 0..2 {
        read_to_proof(&mut feed, &server).await;
        server.cut.notify_one();
    }
    read_to_proof(&mut feed, &server).await;
    let counters = feed.counters();
    assert_eq!((counters.gaps, counters.mismatches, counters.reconnects, counters.snapshots), (0, 0, 2, 3));
    assert_eq!(counters.changes, 3 * u64::from(CHANGES));
    assert_eq!(feed.classes().count(), 1);
    server.cut.notify_one();
    for _ in 0..2 {
        let error = feed.next().await.unwrap_err();
        assert!(matches!(error, SessionError::Closed { code: CloseCode::Superseded, .. }), "{error}");
    }
}

#[tokio::test]
async fn a_key_that_is_not_known_yet_is_tried_again_and_one_that_never_is_is_given_up() {
    let server = Server::start([]);
    *server.refuses.lock() = 3;
    FeedSession::connect(&server.info, &PrivateKey::generate()).await.unwrap();
    assert_eq!(*server.refuses.lock(), 0);
    *server.refuses.lock() = u32::MAX;
    let error = FeedSession::connect(&server.info, &PrivateKey::generate()).await.unwrap_err();
    assert!(matches!(error, SessionError::Closed { code: CloseCode::UnknownKey, .. }), "{error}");
}

#[tokio::test]
async fn the_market_is_followed_over_connections_that_are_cut_on_one_thread() {
    follow().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_market_is_followed_over_connections_that_are_cut_on_two_threads() {
    follow().await;
}

#[tokio::test]
async fn a_subscription_that_is_refused_says_so() {
    let server = Server::start([]);
    let mut feed = FeedSession::connect(&server.info, &PrivateKey::generate()).await.unwrap();
    let model: Code = "NOSUCH".parse().unwrap();
    let subscription = feed.subscribe(Pattern { model: Some(model), ..Pattern::default() }, Depth::Book);
    let refused = loop {
        match feed.next().await.unwrap() {
            FeedEvent::SubscribeRefused(refused) => break refused,
            event => assert!(matches!(event, FeedEvent::Class(_)), "{event:?}"),
        }
    };
    assert_eq!((refused.subscription, refused.code), (subscription, RejectCode::UnknownClass));
}
