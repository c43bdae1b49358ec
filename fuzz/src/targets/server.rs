//! What somebody who has the exchange's key says to our client, over a real connection.

use super::script::{CONTROL, PATIENCE, pieces, runtime, script};
use super::{golden, no_words};
use crate::{Attempt, Target, Trace};
use client::{Depth, ExchangeInfo, FeedSession, Options, PrivateKey, Session, SessionError};
use protocol::header::Frames;
use protocol::order_entry::{Allowance, ServerMessage, Welcome};
use protocol::symbol::Pattern;
use protocol::{CloseCode, market_data, order_entry};
use quinn::Endpoint;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::task::yield_now;
use tokio::time::timeout;
use transport::{Accepts, serve};
use types::{
    AccountId, ClassNo, Command, ContractId, Hour, KeyNo, Lane, NewOrder, Report, ReportBody, Role, Sender,
    Side, Timestamp,
};

/// What a client opens.
const ACCEPTS: Accepts = Accepts { bidirectional: 1, unidirectional: 2 };

pub(super) const SERVER: Target = Target {
    name: "server",
    holds: "whatever the exchange says, the client's session ends in good order and all who wait for it are told",
    seeds,
    words: no_words,
    mend: None,
    start,
};

/// The two servers there are to be called.
struct House {
    orders: Endpoint,
    feed: Endpoint,
    info: ExchangeInfo,
    key: PrivateKey,
}

/// An input is which of the two is called (1 byte), and what is said on control (stream 0) and pushed (the others).
fn seeds() -> Vec<Vec<u8>> {
    let said = |message: ServerMessage| {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        bytes
    };
    let report = |number: u64, body| {
        let answers = Some(Sender { key: KeyNo(3), lane: Lane::Orders, number: number - 5 });
        let time = Timestamp(number);
        said(ServerMessage::Report(Report {
            account: AccountId(2),
            number,
            sequence: number,
            time,
            answers,
            body,
        }))
    };
    let order = order();
    let accepted = ReportBody::Accepted { order: 7, slot: 0, terms: order };
    let reports =
        [report(6, accepted), report(7, accepted), report(9, ReportBody::MassCancelDone { orders: 1 })];
    let mut seeds = Vec::new();
    for resumed in [true, false] {
        let (key, role) = (KeyNo(3), Role::Broker);
        let welcome = said(ServerMessage::Welcome(Welcome {
            account: AccountId(2),
            key,
            role,
            rights: role.rights(),
            resumed,
            time: Timestamp(1),
            sequence: 5,
            taken: [0, 0],
            first_report: 1,
            last_report: 5,
            heartbeat: 5,
            allowances: [Allowance { left: 3, rate: 1_000, burst: 5 }, Allowance::UNLIMITED],
        }));
        let answers = golden::order_entry().concat();
        seeds.push(script(&[(CONTROL, welcome.clone()), (1, reports.concat())]));
        seeds.push(script(&[(CONTROL, welcome.clone()), (1, reports.concat()), (CONTROL, answers.clone())]));
        seeds.extend(
            golden::order_entry().into_iter().map(|message| {
                script(&[(CONTROL, welcome.clone()), (1, message.clone()), (CONTROL, message)])
            }),
        );
    }
    let mut seeds: Vec<Vec<u8>> = seeds.into_iter().map(|script| [vec![0], script].concat()).collect();
    let feed = golden::market_data();
    let is_welcome = |message: &&Vec<u8>| {
        let frame = Frames::new(message).next().and_then(Result::ok);
        let read = frame.and_then(|frame| market_data::FeedMessage::decode(frame).ok());
        matches!(read, Some(market_data::FeedMessage::Welcome { .. }))
    };
    let welcome = feed.iter().find(is_welcome).expect("the page has a welcome").clone();
    let whole = script(&[(CONTROL, welcome.clone()), (1, feed.concat())]);
    let alone = feed.iter().map(|message| script(&[(CONTROL, welcome.clone()), (1, message.clone())]));
    seeds.extend(alone.chain([whole]).map(|script| [vec![1], script].concat()));
    seeds
}

fn order() -> NewOrder {
    NewOrder::limit(ContractId::new(ClassNo(1), Hour(498_710)), Side::Buy, 2, 100)
}

fn start() -> Attempt {
    let runtime = runtime();
    let house = {
        let _inside = runtime.enter();
        House::open()
    };
    Box::new(move |input| {
        let ([which], said) = super::take::<1>(input);
        let both = async {
            let (endpoint, alone) = if which & 1 == 0 { (&house.orders, true) } else { (&house.feed, false) };
            let calling = async { if alone { speak(&house).await } else { watch(&house).await } };
            tokio::join!(answer(endpoint, said), calling).1
        };
        let outcome = runtime.block_on(async { timeout(PATIENCE, both).await });
        let (error, told) = outcome.expect("the client's session comes to its end");
        let text: String =
            error.to_string().chars().filter(|letter| !letter.is_ascii_digit()).take(60).collect();
        Trace::of((which & 1, text, told.min(8)))
    })
}

impl House {
    fn open() -> House {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (server, key) = (PrivateKey::generate(), PrivateKey::generate());
        let open = |alpn| serve(address, &server, alpn, ACCEPTS).expect("there is a port");
        let (orders, feed) = (open(order_entry::ALPN), open(market_data::ALPN));
        let at = |endpoint: &Endpoint| endpoint.local_addr().expect("it listens");
        let info = ExchangeInfo { gateway: at(&orders), feed: at(&feed), key: server.public() };
        House { orders, feed, info, key }
    }
}

/// Takes one call, says it all, and hangs up.
async fn answer(endpoint: &Endpoint, said: &[u8]) {
    let incoming = endpoint.accept().await.expect("the endpoint is open");
    let connection = incoming.await.expect("our client calls");
    let Ok((mut control, _asked)) = connection.accept_bi().await else { return };
    let mut pushed = None;
    for (stream, bytes) in pieces(said) {
        // What cannot be written any more is not heard: the client has hung up.
        if stream == CONTROL {
            let _ = control.write_all(bytes).await;
            continue;
        }
        if pushed.is_none() {
            pushed = connection.open_uni().await.ok();
        }
        if let Some(pushed) = &mut pushed {
            let _ = pushed.write_all(bytes).await;
        }
    }
    // All of it has come before the end does; the client has some turns to read it.
    for stream in [Some(control), pushed].into_iter().flatten() {
        let mut stream = stream;
        if stream.finish().is_ok() {
            let _ = stream.stopped().await;
        }
    }
    for _ in 0..16 {
        yield_now().await;
    }
    connection.close(CloseCode::UnknownKey.number().into(), b"that was all");
}

/// A session that asks and orders; gives why it ended, and how much it was told.
async fn speak(house: &House) -> (SessionError, usize) {
    let options = Options { patience: Duration::ZERO, ..Options::default() };
    let (session, mut told) = match Session::open(&house.info, &house.key, options).await {
        Ok(opened) => opened,
        Err(error) => return (error, 0),
    };
    let asks = async {
        // Whatever comes of them: that something does is what matters.
        let _ = tokio::join!(
            session.account(),
            session.classes(),
            session.accounts(),
            session.execute(Command::NewOrder(order())),
            session.place(order())
        );
    };
    let reads = async {
        let mut count = 0;
        while let Some(batch) = told.next().await {
            count += batch.events.len();
        }
        count
    };
    let (_, count, error) = tokio::join!(asks, reads, session.ended());
    (error, count)
}

/// A subscriber; gives why it ended, and how much it was told.
async fn watch(house: &House) -> (SessionError, usize) {
    let mut feed = match FeedSession::connect(&house.info, &house.key).await {
        Ok(feed) => feed,
        Err(error) => return (error, 0),
    };
    feed.set_patience(Duration::ZERO);
    feed.subscribe(Pattern::default(), Depth::Book);
    let mut count = 0;
    loop {
        if let Err(error) = feed.next().await {
            return (error, count);
        }
        count += 1;
        feed.books().for_each(|(_, book)| assert_eq!(book.orders().count(), book.len()));
    }
}
