//! What a client says to a real gateway, over a real connection.

use super::script::{CONTROL, PATIENCE, pieces, runtime, script};
use super::{golden, no_words};
use crate::{Attempt, Target, Trace};
use client::{ExchangeInfo, PrivateKey, Session};
use gateway::{Config, Gateway};
use journal::SimulatedDisk;
use protocol::CloseCode;
use protocol::order_entry::{ALPN, ClientMessage, Hello, Query, QueryKind};
use quinn::{ConnectionError, Endpoint, SendStream};
use sequencer::{Handle, Options};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use transport::{Accepts, client_endpoint, connect};
use types::{
    Class, ClassNo, ClassSpec, Command, ContractId, Lane, MassCancel, NewOrder, OrderRef, Role, Scope, Side,
    Timestamp, Why,
};

/// What a client by hand lets the gateway open.
const ACCEPTS: Accepts = Accepts { bidirectional: 0, unidirectional: 1 };
/// After so many inputs an honest client trades.
const HONEST_EVERY: u64 = 32;

pub(super) const CONVERSATION: Target = Target {
    name: "conversation",
    holds: "whatever a client says on its streams, its session ends with a code and a reason, and the others go on",
    seeds,
    words: no_words,
    mend: None,
    start,
};

/// A running exchange with its gateway, on this thread.
struct House {
    runtime: Runtime,
    endpoint: Endpoint,
    info: ExchangeInfo,
    /// Whoever says what the inputs are.
    key: PrivateKey,
    honest: Session,
    contract: ContractId,
    inputs: u64,
    // Dropped last: nobody is there to talk to without them.
    _gateway: Gateway,
    _handle: Handle,
}

fn seeds() -> Vec<Vec<u8>> {
    let said = |messages: &[ClientMessage]| {
        let mut bytes = Vec::new();
        for message in messages {
            message.encode(&mut bytes).expect("a client says it");
        }
        bytes
    };
    let hello = |resume_after| ClientMessage::Hello(Hello { resume_after });
    let query = |kind| ClientMessage::Query(Query { request: 1, kind });
    let command = |number, command| ClientMessage::Command { number, command };
    let order = NewOrder::limit(contract(), Side::Buy, 2, 100);
    let orders = said(&[
        ClientMessage::LaneOpen(Lane::Orders),
        command(1, Command::NewOrder(order)),
        command(1, Command::NewOrder(order)),
        command(9, Command::Replace { order: OrderRef::Number(1), price: 90, units: 1 }),
        command(10, Command::NewOrder(NewOrder { slots: 3, same_provider: true, ..order })),
        command(u64::MAX, Command::NewOrder(NewOrder { shown: 1, trigger: Some(7), ..order })),
    ]);
    let cancels = said(&[
        ClientMessage::LaneOpen(Lane::Cancels),
        command(3, Command::Cancel(OrderRef::Id { order: 7, slot: 0 })),
        command(4, Command::MassCancel(MassCancel { scope: Scope::All, side: None })),
    ]);
    let asks = said(&[query(QueryKind::Account), query(QueryKind::Classes), query(QueryKind::Accounts)]);
    let mut seeds = vec![
        script(&[
            (CONTROL, said(&[hello(None)])),
            (1, orders.clone()),
            (2, cancels.clone()),
            (CONTROL, asks.clone()),
        ]),
        script(&[
            (CONTROL, said(&[hello(Some(0))])),
            (CONTROL, asks),
            (2, cancels),
            (1, orders[..20].to_vec()),
            (1, orders[20..].to_vec()),
        ]),
        script(&[(1, orders), (CONTROL, said(&[hello(Some(3)), hello(None)]))]),
    ];
    let greeting = said(&[hello(None)]);
    let lane = said(&[ClientMessage::LaneOpen(Lane::Orders)]);
    seeds.extend(golden::order_entry().into_iter().map(|message| {
        script(&[(CONTROL, greeting.clone()), (1, [&*lane, &*message].concat()), (CONTROL, message)])
    }));
    seeds
}

fn contract() -> ContractId {
    let class = Class { no: ClassNo(0), spec: ClassSpec::example() };
    class.contract(now().hour().plus(6)).expect("its slots are of an hour")
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

fn start() -> Attempt {
    let runtime = runtime();
    let mut house = runtime.block_on(open()).into_house(runtime);
    Box::new(move |input| {
        house.inputs += 1;
        let House { runtime, endpoint, info, key, .. } = &house;
        let talk = async { timeout(PATIENCE, talk(endpoint, info, key, input)).await };
        let (code, reason) = runtime.block_on(talk).expect("the gateway ends every session");
        assert!(reason.len() > 10, "{code}: no reason but '{reason}'");
        if house.inputs.is_multiple_of(HONEST_EVERY) {
            let trade = async { timeout(PATIENCE, trade(&house.honest, house.contract)).await };
            house.runtime.block_on(trade).expect("an honest client is not held up");
        }
        let words: String = reason.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        Trace::of((code.number(), words))
    })
}

/// What [`House`] is made of, but for the runtime it was made on.
struct Opened {
    endpoint: Endpoint,
    info: ExchangeInfo,
    key: PrivateKey,
    honest: Session,
    gateway: Gateway,
    handle: Handle,
}

impl Opened {
    fn into_house(self, runtime: Runtime) -> House {
        let Opened { endpoint, info, key, honest, gateway, handle } = self;
        let contract = contract();
        House {
            runtime,
            endpoint,
            info,
            key,
            honest,
            contract,
            inputs: 0,
            _gateway: gateway,
            _handle: handle,
        }
    }
}

/// An exchange on a simulated disk, its gateway, an honest broker, and one of whom nothing good is known.
async fn open() -> Opened {
    let disk = SimulatedDisk::new(1).mount();
    let options = Options { segment_bytes: 2 << 20, ..Options::default() };
    let (server, operator) = (PrivateKey::generate(), PrivateKey::generate());
    sequencer::init_on(disk.clone(), &options, operator.public(), 1).expect("an empty disk is taken");
    let exchange = sequencer::start_on(disk, &options).expect("it has been set up");
    let sequencer::Exchange { recovery, entry, outlets, handle } = exchange;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = Config { address, key: server.clone(), clock: now, limits: gateway::Limits::default() };
    let gateway = gateway::serve(config, &recovery, entry, outlets.gateway).await.expect("there is a port");
    let info = ExchangeInfo { gateway: gateway.address(), feed: gateway.address(), key: server.public() };
    let desk = Session::connect(&info, &operator).await.expect("the operator is let in");
    desk.define_class(ClassSpec::example(), Why::NONE).await.expect("a class is listed");
    let (mut keys, mut names) = (Vec::new(), ["honest", "mallory"].into_iter());
    for name in names.by_ref() {
        let key = PrivateKey::generate();
        let account = desk
            .open_account(name.parse().expect("a name"), Role::Broker, Why::NONE)
            .await
            .expect("it is opened");
        let rights = Role::Broker.rights();
        desk.register_key(account, key.public(), rights, Timestamp::MAX, Why::NONE)
            .await
            .expect("it is registered");
        let currency = ClassSpec::example().currency;
        desk.deposit_cash(account, currency, 1_000_000_000, 1, Why::NONE).await.expect("it is credited");
        keys.push(key);
    }
    desk.close().await;
    let [honest, key] = <[PrivateKey; 2]>::try_from(keys).expect("two were made");
    let honest = Session::connect(&info, &honest).await.expect("it is let in");
    let endpoint = client_endpoint(address).expect("there is a port");
    Opened { endpoint, info, key, honest, gateway, handle }
}

/// Says it all, and gives how the gateway ends the session.
async fn talk(
    endpoint: &Endpoint,
    info: &ExchangeInfo,
    key: &PrivateKey,
    input: &[u8],
) -> (CloseCode, String) {
    let connection =
        connect(endpoint, info.gateway, info.key, key, ALPN, ACCEPTS).await.expect("any key is let in");
    let (mut control, _answers) = connection.open_bi().await.expect("it may be opened");
    // What cannot be written any more is not heard: the session has ended, and that is looked at below.
    let mut lanes: Vec<(u8, SendStream)> = Vec::new();
    for (stream, bytes) in pieces(input) {
        if stream % 4 == CONTROL {
            let _ = control.write_all(bytes).await;
            continue;
        }
        let lane = match lanes.iter_mut().find(|(number, _)| *number == stream % 4) {
            Some((_, lane)) => lane,
            None => {
                // A third lane waits until one of two is finished, which they are at the end only.
                if lanes.len() == 2 {
                    continue;
                }
                let Ok(lane) = connection.open_uni().await else { break };
                &mut lanes.push_mut((stream % 4, lane)).1
            }
        };
        let _ = lane.write_all(bytes).await;
    }
    for (_, lane) in &mut lanes {
        let _ = lane.finish();
    }
    let _ = control.finish();
    match connection.closed().await {
        ConnectionError::ApplicationClosed(close) => {
            let code = CloseCode::from_number(close.error_code.into_inner()).expect("a code of ours");
            (code, String::from_utf8(close.reason.to_vec()).expect("a reason is text"))
        }
        other => panic!("the session ended without a word: {other}"),
    }
}

/// A bid, and back.
async fn trade(honest: &Session, contract: ContractId) {
    let bid = honest.place(NewOrder::limit(contract, Side::Buy, 1, 100)).await.expect("the bid is taken");
    honest.cancel(bid).await.expect("the bid is taken back");
}
