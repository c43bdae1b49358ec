//! The examples of the documentation pages, as values: one message of every kind.
//!
//! They tell one small story around the contract `H100SXM-USE-20261122T14Z` of class 5, which is in ticks of
//! 0.0001 dollars: a broker buys eight units and gets three at once.

use crate::PublicBook;
use crate::header::split;
use crate::market_data::{
    BookDigest, CommandEnd, Depth, FeedMessage, Index, SnapshotEnd, SnapshotStart, Start, Subscribe,
    SubscribeRefused, Subscribed, SubscriberMessage, Top, TradeKind, TradePrint, Window, WindowPrice,
    encode_increment,
};
use crate::order_entry::{
    Allowance, ClientMessage, Heartbeat, Hello, Query, QueryEnd, QueryKind, QueryRefused, Refused,
    ServerMessage, Welcome,
};
use crate::public_book::Indicative;
use crate::symbol::{ClassSymbol, Pattern};
use crate::when::{parse_hour, parse_time};
use types::{
    Account, AccountId, BlockEntry, CancelReason, Class, ClassNo, ClassSpec, Command, ContractId, Key, KeyNo,
    Lane, Limits, MarketBody, MarketEntry, MarketEvent, MassCancel, NewOrder, OpenOrder, OrderRef, Phase,
    PublicKey, RejectCode, Report, ReportBody, Rights, Role, Scope, SelfTrade, Sender, Sequence, Side,
    TimeInForce, Timestamp, Why,
};

/// A message in one of the four mouths; an increment as the events it is made of.
pub(super) enum Said {
    Client(ClientMessage),
    Server(ServerMessage),
    Subscriber(SubscriberMessage),
    Feed(FeedMessage<'static>),
    Events(Vec<MarketEvent>),
    /// A part of what a command did in several contracts.
    Several(Vec<MarketEvent>),
}

impl Said {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Said::Client(message) => message.encode(out).unwrap(),
            Said::Server(message) => message.encode(out),
            Said::Subscriber(message) => message.encode(out),
            Said::Feed(message) => message.encode(out),
            Said::Events(events) => encode_increment(events, false, out),
            Said::Several(events) => encode_increment(events, true, out),
        }
    }

    pub(super) fn check_decoded(&self, bytes: &[u8]) {
        let (frame, rest) = split(bytes).unwrap().unwrap();
        assert!(rest.is_empty());
        match self {
            Said::Client(message) => assert_eq!(ClientMessage::decode(frame).as_ref(), Ok(message)),
            Said::Server(message) => assert_eq!(ServerMessage::decode(frame), Ok(*message)),
            Said::Subscriber(message) => assert_eq!(SubscriberMessage::decode(frame), Ok(*message)),
            Said::Feed(message) => assert_eq!(FeedMessage::decode(frame), Ok(*message)),
            Said::Events(events) | Said::Several(events) => {
                let Ok(FeedMessage::Increment(increment)) = FeedMessage::decode(frame) else { panic!() };
                assert_eq!(increment.events().collect::<Result<Vec<_>, _>>().as_ref(), Ok(events));
                assert!(increment.last);
            }
        }
    }
}

fn contract() -> ContractId {
    ContractId::new(ClassNo(5), parse_hour("20261122T14Z").unwrap())
}

fn time() -> Timestamp {
    parse_time("2026-11-20T09:00:00.25Z", Timestamp(0)).unwrap()
}

fn class() -> Class {
    Class { no: ClassNo(5), spec: ClassSpec::example() }
}

fn public_key() -> PublicKey {
    let mut byte = 0;
    PublicKey([(); 32].map(|()| {
        byte += 1;
        byte
    }))
}

fn key() -> Key {
    Key {
        no: KeyNo(3),
        account: AccountId(2),
        public: public_key(),
        rights: Rights::READ.and(Rights::TRADE),
        expires: Timestamp::MAX,
        revoked: false,
        taken: [17, 4],
        grace: 30,
        origin: KeyNo(3),
    }
}

fn open_order() -> OpenOrder {
    OpenOrder {
        account: AccountId(2),
        order: 1001,
        slot: 6,
        key: KeyNo(3),
        number: 18,
        terms: new_order(),
        left: 5,
        shown: 5,
    }
}

/// Buys eight units at 2.1000.
fn new_order() -> NewOrder {
    NewOrder::limit(contract(), Side::Buy, 8, 21_000)
}

/// Ends all bids of class 5.
fn mass_cancel() -> MassCancel {
    MassCancel { scope: Scope::Class(ClassNo(5)), side: Some(Side::Buy) }
}

/// An iceberg that sleeps: sells 400 units, 40 at a time, at 2.0000 or more once there was a trade at 2.0500 or
/// less, and waits no longer than midnight.
fn sleeping_iceberg() -> NewOrder {
    let until = parse_time("2026-11-22T00:00:00Z", Timestamp(0)).unwrap();
    NewOrder {
        time_in_force: TimeInForce::Gtd(until),
        shown: 40,
        trigger: Some(20_500),
        self_trade: SelfTrade::Decrement,
        ..NewOrder::limit(contract(), Side::Sell, 400, 20_000)
    }
}

/// A broker's report: its number, the command, and the broker's number of that.
fn report(number: u64, sequence: u64, answered: u64, body: ReportBody) -> Said {
    Said::Server(ServerMessage::Report(Report {
        account: AccountId(2),
        number,
        sequence,
        time: time(),
        answers: Some(Sender { key: KeyNo(3), lane: Lane::Orders, number: answered }),
        body,
    }))
}

/// A broker's report that answers command 6 of the cancels lane.
fn cancels_report(number: u64, body: ReportBody) -> Said {
    let answers = Some(Sender { key: KeyNo(3), lane: Lane::Cancels, number: 6 });
    let (account, sequence) = (AccountId(2), 1002);
    Said::Server(ServerMessage::Report(Report { account, number, sequence, time: time(), answers, body }))
}

/// A report to the operator, about its 7th command.
fn operators(body: ReportBody) -> Said {
    Said::Server(ServerMessage::Report(Report {
        account: AccountId(1),
        number: 9,
        sequence: 900,
        time: time(),
        answers: Some(Sender { key: KeyNo(1), lane: Lane::Orders, number: 7 }),
        body,
    }))
}

/// A report that answers nothing.
fn unasked(body: ReportBody) -> Said {
    Said::Server(ServerMessage::Report(Report {
        account: AccountId(2),
        number: 43,
        sequence: 1200,
        time: time(),
        answers: None,
        body,
    }))
}

fn command(number: u64, command: Command) -> Said {
    Said::Client(ClientMessage::Command { number, command })
}

fn query(kind: QueryKind) -> Said {
    Said::Client(ClientMessage::Query(Query { request: 1, kind }))
}

/// Every message of order entry.
pub(super) fn order_entry() -> Vec<(&'static str, Said)> {
    [session(), answers(), commands(), order_reports(), other_reports()].into_iter().flatten().collect()
}

/// Orders: 900 at once, and 50 more every second up to 1,000. Cancels: as many as they like.
fn allowances() -> [Allowance; 2] {
    [Allowance { left: 900, rate: 50, burst: 1_000 }, Allowance::UNLIMITED]
}

fn session() -> Vec<(&'static str, Said)> {
    let welcome = Welcome {
        account: AccountId(2),
        key: KeyNo(3),
        role: Role::Broker,
        rights: Rights::READ.and(Rights::TRADE),
        resumed: true,
        time: time(),
        sequence: 1000,
        taken: [17, 4],
        first_report: 1,
        last_report: 40,
        heartbeat: 5,
        allowances: allowances(),
    };
    let heartbeat = Heartbeat { last_report: 41, allowances: allowances() };
    let refused = Refused { lane: Lane::Orders, number: 18, code: RejectCode::Throttled, value: 250 };
    vec![
        ("Hello", Said::Client(ClientMessage::Hello(Hello { resume_after: Some(38) }))),
        ("Welcome", Said::Server(ServerMessage::Welcome(welcome))),
        ("LaneOpen", Said::Client(ClientMessage::LaneOpen(Lane::Cancels))),
        ("Refused", Said::Server(ServerMessage::Refused(refused))),
        ("ClientHeartbeat", Said::Client(ClientMessage::Heartbeat)),
        ("Heartbeat", Said::Server(ServerMessage::Heartbeat(heartbeat))),
        ("Logout", Said::Client(ClientMessage::Logout)),
        ("LoggedOut", Said::Server(ServerMessage::LoggedOut { last_report: 41 })),
        ("AccountQuery", query(QueryKind::Account)),
        ("ClassesQuery", query(QueryKind::Classes)),
        ("AccountsQuery", query(QueryKind::Accounts)),
    ]
}

fn answers() -> Vec<(&'static str, Said)> {
    let account = AccountId(2);
    let currency = "USD".parse().unwrap();
    let balance = ServerMessage::Balance { account, currency, free: 83_213_230, reserved: 10_510_500 };
    let holding = ServerMessage::Holding { account, contract: contract(), free: 3, reserved: 0 };
    let name = "acme-cloud".parse().unwrap();
    let info = Account { id: account, name, role: Role::Broker, limits: limits(), killed: false };
    let end = QueryEnd { request: 1, sequence: 1001, last_report: 42 };
    let refused = QueryRefused { request: 1, code: RejectCode::NotAllowed, value: 3 };
    [
        ("Balance", balance),
        ("Holding", holding),
        ("OpenOrder", ServerMessage::OpenOrder(open_order())),
        ("ClassInfo", ServerMessage::Class(class())),
        ("AccountInfo", ServerMessage::Account(info)),
        ("KeyInfo", ServerMessage::Key(key())),
        ("QueryEnd", ServerMessage::QueryEnd(end)),
        ("QueryRefused", ServerMessage::QueryRefused(refused)),
    ]
    .map(|(name, message)| (name, Said::Server(message)))
    .into()
}

/// 500 open orders, 20 of them blocks, none worth more than 5,000.
fn limits() -> Limits {
    Limits { open_orders: 500, open_blocks: 20, order_value: 5_000_000_000 }
}

fn why(text: &str) -> Why {
    text.parse().unwrap()
}

fn commands() -> Vec<(&'static str, Said)> {
    let by_id = OrderRef::Id { order: 1001, slot: 6 };
    let deposit = Command::DepositCapacity { contract: contract(), units: 64, external: 20_261_122 };
    let currency = "USD".parse().unwrap();
    let account = AccountId(2);
    let cash = Command::DepositCash {
        account,
        currency,
        amount: 100_000_000,
        external: 77,
        why: why("wire of 20 November"),
    };
    let open = Command::OpenAccount {
        name: "acme-cloud".parse().unwrap(),
        role: Role::Broker,
        why: why("contract 2026-114"),
    };
    let Key { account, public, rights, expires, .. } = key();
    vec![
        ("NewOrder", command(18, Command::NewOrder(new_order()))),
        ("Cancel", command(5, Command::Cancel(OrderRef::Number(18)))),
        ("Replace", command(19, Command::Replace { order: by_id, price: 20_500, units: 6 })),
        ("DepositCapacity", command(2, deposit)),
        ("DepositCash", command(9, cash)),
        (
            "DefineClass",
            command(7, Command::DefineClass { spec: Box::new(ClassSpec::example()), why: Why::NONE }),
        ),
        ("OpenAccount", command(6, open)),
        (
            "RegisterKey",
            command(8, Command::RegisterKey { account, public, rights, expires, why: why("second desk") }),
        ),
        ("RevokeKey", command(10, Command::RevokeKey { key: KeyNo(3), why: why("lost laptop") })),
        ("RotateKey", command(20, Command::RotateKey { public: PublicKey([0x5a; 32]) })),
        ("MassCancel", command(6, Command::MassCancel(mass_cancel()))),
        ("CancelOnDisconnect", command(21, Command::CancelOnDisconnect { grace: 30 })),
        (
            "SetLimits",
            command(11, Command::SetLimits { account, limits: limits(), why: why("credit review") }),
        ),
        ("SetKillSwitch", command(12, Command::SetKillSwitch { account, on: true, why: why("runaway bot") })),
        ("Halt", command(13, Command::Halt { scope: Scope::Class(ClassNo(5)), why: why("region outage") })),
        ("Resume", command(14, Command::Resume { scope: Scope::Class(ClassNo(5)), why: why("repaired") })),
    ]
}

fn order_reports() -> Vec<(&'static str, Said)> {
    let (contract, side) = (contract(), Side::Buy);
    let accepted = ReportBody::Accepted { order: 1001, slot: 6, terms: sleeping_iceberg() };
    let triggered = ReportBody::Triggered { order: 1001, slot: 6, contract, side: Side::Sell, left: 400 };
    let filled = ReportBody::Filled {
        order: 1001,
        counter: 998,
        contract,
        side,
        price: 20_900,
        units: 3,
        left: 5,
        fee: 6_270,
        maker: false,
    };
    let reason = CancelReason::Gate;
    let cancelled = ReportBody::Cancelled { order: 1001, contract, side, units: 5, left: 0, reason };
    let rejected = ReportBody::Rejected { code: RejectCode::NotEnoughCash, value: 16_816_800 };
    let replaced = ReportBody::Replaced {
        order: 1001,
        slot: 6,
        contract,
        side,
        price: 20_500,
        units: 6,
        left: 3,
        kept_priority: false,
    };
    vec![
        ("Accepted", report(41, 1001, 18, accepted)),
        ("Filled", report(42, 1001, 18, filled)),
        ("Cancelled", unasked(cancelled)),
        ("Replaced", report(43, 1002, 19, replaced)),
        ("Rejected", report(44, 1003, 20, rejected)),
        ("Triggered", unasked(triggered)),
        ("MassCancelAccepted", cancels_report(43, ReportBody::MassCancelAccepted(mass_cancel()))),
        ("MassCancelDone", cancels_report(45, ReportBody::MassCancelDone { orders: 1 })),
        ("CancelOnDisconnectSet", report(46, 1005, 21, ReportBody::CancelOnDisconnectSet { grace: 30 })),
        ("BlockTraded", report(48, 1007, 23, block_traded())),
    ]
}

/// Four units in each of six slots at 2.1000 on average, of which two were in two parts.
fn block_traded() -> ReportBody {
    ReportBody::BlockTraded {
        order: 1007,
        contract: contract(),
        slots: 6,
        side: Side::Buy,
        units: 4,
        left: 4,
        value: 50_400_000,
        fills: 8,
    }
}

fn other_reports() -> Vec<(&'static str, Said)> {
    let (contract, account, key) = (contract(), AccountId(2), KeyNo(3));
    let (currency, amount) = ("USD".parse().unwrap(), 100_000_000);
    let capacity = ReportBody::CapacityDeposited { contract, units: 64, external: 20_261_122 };
    vec![
        ("CashDeposited", unasked(ReportBody::CashDeposited { currency, amount, external: 77 })),
        ("CapacityDeposited", report(45, 1004, 21, capacity)),
        ("Settled", unasked(ReportBody::Settled { contract, units: 3 })),
        ("ClassDefined", operators(ReportBody::ClassDefined { class: ClassNo(5) })),
        ("AccountOpened", operators(ReportBody::AccountOpened { account })),
        ("KeyRegistered", operators(ReportBody::KeyRegistered { key, account })),
        ("KeyRevoked", operators(ReportBody::KeyRevoked { key })),
        ("KeyRotated", report(47, 1006, 22, ReportBody::KeyRotated { key: KeyNo(7) })),
        ("CashCredited", operators(ReportBody::CashCredited { account, currency, amount, external: 77 })),
        ("LimitsSet", operators(ReportBody::LimitsSet { account, limits: limits() })),
        ("KillSwitchSet", operators(ReportBody::KillSwitchSet { account, on: true })),
        ("Halted", operators(ReportBody::Halted(Scope::Class(ClassNo(5))))),
        ("Resumed", operators(ReportBody::Resumed(Scope::Class(ClassNo(5))))),
    ]
}

/// Every message of market data. The snapshot is of a book with one bid, one ask and a block; then a buyer takes the
/// ask and the rest of his order becomes the best bid; then a block comes, and another takes that bid; and another
/// contract opens by an auction.
pub(super) fn market_data() -> Vec<(&'static str, Said)> {
    let pattern = Pattern::from(ClassSymbol::of(&ClassSpec::example()));
    let subscribe = Subscribe { subscription: 1, pattern, depth: Depth::Book };
    let refused = SubscribeRefused { subscription: 1, code: RejectCode::Full, value: 64 };
    let mut examples = vec![
        ("FeedHello", Said::Subscriber(SubscriberMessage::Hello)),
        ("Subscribe", Said::Subscriber(SubscriberMessage::Subscribe(subscribe))),
        ("Unsubscribe", Said::Subscriber(SubscriberMessage::Unsubscribe { subscription: 1 })),
    ];
    examples.extend(increments().into_iter().map(|said| ("Increment", said)));
    let control = [
        ("FeedWelcome", FeedMessage::Welcome { sequence: 1000, time: time() }),
        ("SubscribeRefused", FeedMessage::SubscribeRefused(refused)),
        ("Subscribed", FeedMessage::Subscribed(Subscribed { subscription: 1, contracts: 1 })),
        ("FeedHeartbeat", FeedMessage::Heartbeat { sequence: 1001, time: time() }),
        ("ClassInfo", FeedMessage::Class(class())),
        ("CommandEnd", FeedMessage::CommandEnd(CommandEnd { sequence: 1003 })),
    ];
    let feed = control.into_iter().chain(snapshot()).chain(figures());
    examples.extend(feed.map(|(name, message)| (name, Said::Feed(message))));
    examples
}

const BID: MarketEntry = MarketEntry { order: 990, side: Side::Buy, price: 20_800, units: 5 };
const ASK: MarketEntry = MarketEntry { order: 998, side: Side::Sell, price: 20_900, units: 3 };
/// What is left of the order that takes the ask.
const REST: MarketEntry = MarketEntry { order: 1001, side: Side::Buy, price: 21_000, units: 5 };
const BLOCK: BlockEntry = BlockEntry {
    order: 995,
    side: Side::Buy,
    price: 20_500,
    slots: 4,
    units: 8,
    min_units: 2,
    same_provider: false,
};

/// The book before command 1001.
fn book_before() -> PublicBook {
    let mut book = PublicBook::at(998, Phase::Continuous, 0);
    for change in [MarketBody::Add(BID), MarketBody::Add(ASK), MarketBody::Block(BLOCK)] {
        book.apply(&change).unwrap();
    }
    book
}

fn snapshot() -> [(&'static str, FeedMessage<'static>); 4] {
    let (contract, sequence) = (contract(), 998);
    let start = SnapshotStart {
        contract,
        sequence,
        phase: Phase::Continuous,
        last_price: 0,
        auction_price: 0,
        indicative: Indicative::default(),
        orders: 2,
        blocks: 1,
    };
    [
        ("SnapshotStart", FeedMessage::SnapshotStart(start)),
        ("SnapshotOrder", FeedMessage::SnapshotOrder(ASK)),
        ("SnapshotBlock", FeedMessage::SnapshotBlock(BLOCK)),
        (
            "SnapshotEnd",
            FeedMessage::SnapshotEnd(SnapshotEnd { contract, sequence, digest: book_before().digest() }),
        ),
    ]
}

fn group(
    contract: ContractId,
    previous: Sequence,
    sequence: Sequence,
    bodies: &[MarketBody],
) -> Vec<MarketEvent> {
    let of = |body: &MarketBody| MarketEvent { contract, previous, sequence, time: time(), body: *body };
    bodies.iter().map(of).collect()
}

/// What command 1001 did.
fn first_group() -> Vec<MarketEvent> {
    group(contract(), 998, 1001, &[MarketBody::Trade(ASK), MarketBody::Add(REST)])
}

fn increments() -> [Said; 6] {
    let block = BlockEntry {
        order: 1002,
        price: 20_700,
        slots: 8,
        units: 4,
        min_units: 0,
        same_provider: true,
        ..BLOCK
    };
    let swept = MarketBody::BlockTrade(MarketEntry { units: 2, ..REST });
    let between = MarketBody::BlockPrint { price: 20_700, units: 4, aggressor: Side::Sell };
    let gone = MarketBody::Block(BlockEntry { units: 0, ..block });
    let indicative = MarketBody::Indicative { price: 20_000, volume: 3 };
    let auction = [
        MarketBody::AuctionTrade { price: 20_000, units: 3 },
        MarketBody::Reduce(MarketEntry { order: 900, side: Side::Buy, price: 20_100, units: 1 }),
        MarketBody::Delete(MarketEntry { order: 901, side: Side::Sell, price: 19_900, units: 3 }),
        MarketBody::Phase(Phase::Continuous),
    ];
    let (contract, later) = (contract(), ContractId(contract().0 + 335));
    [
        Said::Events(first_group()),
        Said::Events(group(contract, 1001, 1002, &[MarketBody::Block(block)])),
        Said::Several(group(contract, 1002, 1003, &[swept])),
        Said::Several(group(contract, 1003, 1004, &[between, gone])),
        Said::Events(group(later, 1004, 1005, &[indicative])),
        Said::Events(group(later, 1005, 1006, &auction)),
    ]
}

/// What is made of books and trades.
fn figures() -> [(&'static str, FeedMessage<'static>); 5] {
    let mut book = book_before();
    first_group().iter().for_each(|event| book.follow(event).unwrap());
    let (contract, sequence, time) = (contract(), 1001, time());
    let digest = BookDigest { contract, sequence, digest: book.digest() };
    let (taker, kind) = (Some(Side::Buy), TradeKind::Single);
    let print = TradePrint { contract, sequence, time, kind, price: 20_900, units: 3, taker, maker: 998 };
    let top = Top { contract, sequence, time, bid: Some((21_000, 5)), ask: None };
    let ClassSpec { model, currency, .. } = ClassSpec::example();
    let per_pflop = Some(("BF16".parse().unwrap(), 1_990_647));
    let index = Index { model, currency, sequence, time, price: 1_968_750, per_pflop, unit_hours: 32 };
    let best = Some(WindowPrice { first: contract, price: 20_126, total: 8_050_100, units: 2 });
    let window = Window { class: ClassNo(5), hours: 4, side: Side::Buy, start: Start::Day, sequence, best };
    [
        ("BookDigest", FeedMessage::BookDigest(digest)),
        ("Top", FeedMessage::Top(top)),
        ("TradePrint", FeedMessage::TradePrint(print)),
        ("Index", FeedMessage::Index(index)),
        ("Window", FeedMessage::Window(window)),
    ]
}
