//! Every message of market data comes back from its bytes, and any bytes at all are read or refused.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::option;
use proptest::prelude::*;
use protocol::VERSION;
use protocol::header::{Frame, Frames, split};
use protocol::market_data::{
    BookDigest, CommandEnd, Depth, ENTRIES_MAX, FeedMessage, Index, SnapshotEnd, SnapshotStart, Start,
    Subscribe, SubscribeRefused, Subscribed, SubscriberMessage, Top, TradeKind, TradePrint, WINDOW_HOURS,
    Window, WindowPrice, by_contract, commands, encode_increment, groups,
};
use protocol::public_book::Indicative;
use protocol::symbol::Pattern;
use types::{
    BlockEntry, CLASSES_MAX, Class, ClassNo, ClassSpec, Code, ContractId, Hour, MarketBody, MarketEntry,
    MarketEvent, Phase, RejectCode, Sequence, Side, Timestamp,
};

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(Phase::ALL.to_vec())
}

fn code() -> impl Strategy<Value = Code> {
    "[A-Z0-9]{1,12}".prop_map(|text| text.parse().unwrap())
}

fn contract() -> impl Strategy<Value = ContractId> {
    any::<u32>().prop_map(ContractId)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}

fn class_no() -> impl Strategy<Value = ClassNo> {
    (0..CLASSES_MAX).prop_map(ClassNo)
}

prop_compose! {
    fn pattern()(model in option::of(code()), region in option::of(code()), start in option::of(0..u32::MAX))
        -> Pattern
    {
        Pattern { model, region, start: start.map(Hour) }
    }
}

fn subscriber_message() -> impl Strategy<Value = SubscriberMessage> {
    let depth = prop_oneof![Just(Depth::Book), Just(Depth::Top), Just(Depth::Trades)];
    prop_oneof![
        Just(SubscriberMessage::Hello),
        (any::<u32>(), pattern(), depth).prop_map(|(subscription, pattern, depth)| {
            SubscriberMessage::Subscribe(Subscribe { subscription, pattern, depth })
        }),
        any::<u32>().prop_map(|subscription| SubscriberMessage::Unsubscribe { subscription }),
    ]
}

prop_compose! {
    fn entry()(order: u64, side in side(), price: i64, units: u32) -> MarketEntry {
        MarketEntry { order, side, price, units }
    }
}

prop_compose! {
    fn block()(
        order: u64, side in side(), price: i64, slots: u16, units: u32, min_units: u32, same_provider: bool,
    ) -> BlockEntry {
        BlockEntry { order, side, price, slots, units, min_units, same_provider }
    }
}

prop_compose! {
    fn snapshot_start()(
        contract in contract(), sequence: u64, phase in phase(), last_price: i64, auction_price: i64, price: i64,
        volume: u32, orders: u32, blocks: u32,
    ) -> SnapshotStart {
        let indicative = Indicative { price, volume };
        SnapshotStart { contract, sequence, phase, last_price, auction_price, indicative, orders, blocks }
    }
}

prop_compose! {
    fn print()(
        contract in contract(), sequence: u64, time in time(),
        kind in prop_oneof![Just(TradeKind::Single), Just(TradeKind::Auction), Just(TradeKind::Block)],
        price: i64, units: u32, taker in option::of(side()), maker: u64,
    ) -> TradePrint {
        TradePrint { contract, sequence, time, kind, price, units, taker, maker }
    }
}

prop_compose! {
    fn index()(
        model in code(), currency in code(), per_pflop in option::of((code(), any::<i64>())), sequence: u64,
        time in time(), price: i64, unit_hours: u64,
    ) -> Index {
        Index { model, currency, sequence, time, price, per_pflop, unit_hours }
    }
}

prop_compose! {
    fn window()(
        class in class_no(), hours in prop::sample::select(WINDOW_HOURS.to_vec()), side in side(),
        start in prop::sample::select(Start::ALL.to_vec()), sequence: u64,
        best in option::of((contract(), any::<i64>(), any::<i64>(), 1..u64::MAX)),
    ) -> Window {
        let best = best.map(|(first, price, total, units)| WindowPrice { first, price, total, units });
        Window { class, hours, side, start, sequence, best }
    }
}

/// Everything the feed says but increments.
fn feed_message() -> impl Strategy<Value = FeedMessage<'static>> {
    let best = || option::of((1..i64::MAX, any::<u64>()));
    let refused = (any::<u32>(), prop::sample::select(RejectCode::ALL.as_slice()), any::<i64>());
    prop_oneof![
        (any::<u64>(), time()).prop_map(|(sequence, time)| FeedMessage::Welcome { sequence, time }),
        (any::<u64>(), time()).prop_map(|(sequence, time)| FeedMessage::Heartbeat { sequence, time }),
        refused.prop_map(|(subscription, code, value)| {
            FeedMessage::SubscribeRefused(SubscribeRefused { subscription, code, value })
        }),
        any::<(u32, u32)>().prop_map(|(subscription, contracts)| {
            FeedMessage::Subscribed(Subscribed { subscription, contracts })
        }),
        class_no().prop_map(|no| FeedMessage::Class(Class { no, spec: ClassSpec::example() })),
        snapshot_start().prop_map(FeedMessage::SnapshotStart),
        entry().prop_map(FeedMessage::SnapshotOrder),
        block().prop_map(FeedMessage::SnapshotBlock),
        (contract(), any::<u64>(), any::<u32>()).prop_map(|(contract, sequence, digest)| {
            FeedMessage::SnapshotEnd(SnapshotEnd { contract, sequence, digest })
        }),
        any::<u64>().prop_map(|sequence| FeedMessage::CommandEnd(CommandEnd { sequence })),
        (contract(), any::<u64>(), any::<u32>()).prop_map(|(contract, sequence, digest)| {
            FeedMessage::BookDigest(BookDigest { contract, sequence, digest })
        }),
        (contract(), any::<u64>(), time(), best(), best()).prop_map(
            |(contract, sequence, time, bid, ask)| {
                FeedMessage::Top(Top { contract, sequence, time, bid, ask })
            }
        ),
        print().prop_map(FeedMessage::TradePrint),
        index().prop_map(FeedMessage::Index),
        window().prop_map(FeedMessage::Window),
    ]
}

fn body() -> impl Strategy<Value = MarketBody> {
    let price_units = || any::<(i64, u32)>();
    prop_oneof![
        entry().prop_map(MarketBody::Add),
        entry().prop_map(MarketBody::Reduce),
        entry().prop_map(MarketBody::Delete),
        entry().prop_map(MarketBody::Trade),
        entry().prop_map(MarketBody::BlockTrade),
        phase().prop_map(MarketBody::Phase),
        block().prop_map(MarketBody::Block),
        (price_units(), side()).prop_map(|((price, units), aggressor)| MarketBody::BlockPrint {
            price,
            units,
            aggressor
        }),
        price_units().prop_map(|(price, units)| MarketBody::AuctionTrade { price, units }),
        price_units().prop_map(|(price, volume)| MarketBody::Indicative { price, volume }),
    ]
}

fn only(bytes: &[u8]) -> Frame<'_> {
    let (frame, rest) = split(bytes).unwrap().unwrap();
    assert!(rest.is_empty());
    frame
}

/// Every reader on one frame. Whatever it is, none of them may panic.
fn read_all_ways(frame: Frame<'_>) {
    let _ = SubscriberMessage::decode(frame);
    if let Ok(FeedMessage::Increment(increment)) = FeedMessage::decode(frame) {
        assert_eq!(increment.events().count(), increment.len());
    }
}

proptest! {
    #[test]
    fn what_a_subscriber_says_comes_back(message in subscriber_message()) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        prop_assert_eq!(SubscriberMessage::decode(only(&bytes)), Ok(message));
    }

    #[test]
    fn what_a_feed_says_comes_back(message in feed_message()) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        prop_assert_eq!(FeedMessage::decode(only(&bytes)), Ok(message));
    }

    #[test]
    fn a_group_comes_back(
        bodies in prop::collection::vec(body(), 1..3 * ENTRIES_MAX),
        contract in contract(), previous: u64, sequence: u64, time in time(), several: bool,
    ) {
        let event = |body| MarketEvent { contract, previous, sequence, time, body };
        let events: Vec<MarketEvent> = bodies.into_iter().map(event).collect();
        let mut bytes = Vec::new();
        encode_increment(&events, several, &mut bytes);
        let (mut back, mut lasts, mut copied) = (Vec::new(), Vec::new(), Vec::new());
        for frame in Frames::new(&bytes) {
            let message = FeedMessage::decode(frame.unwrap()).unwrap();
            message.encode(&mut copied);
            let FeedMessage::Increment(increment) = message else { panic!("{message:?}") };
            prop_assert!(!increment.is_empty());
            prop_assert_eq!(increment.several, several);
            lasts.push(increment.last);
            back.extend(increment.events().map(Result::unwrap));
        }
        prop_assert_eq!(&back, &events);
        prop_assert_eq!(lasts.len(), events.len().div_ceil(ENTRIES_MAX));
        prop_assert_eq!(lasts.iter().position(|last| *last), Some(lasts.len() - 1), "the last part, and only it");
        prop_assert_eq!(copied, bytes);
    }

    #[test]
    fn a_command_tells_of_each_contract_once_and_in_order(contracts in prop::collection::vec(0u32..5, 1..40)) {
        let numbered = (0..).zip(&contracts);
        let command: Vec<MarketEvent> = numbered.map(|(number, contract)| event(*contract, number, 7)).collect();
        let regrouped = by_contract(&command);
        let mut seen = std::collections::BTreeSet::new();
        for group in groups(&regrouped) {
            prop_assert!(seen.insert(group[0].contract), "a contract comes twice");
            let expected: Vec<MarketEvent> =
                command.iter().filter(|event| event.contract == group[0].contract).copied().collect();
            prop_assert_eq!(group, expected.as_slice());
        }
        prop_assert_eq!(regrouped.len(), command.len());
    }

    #[test]
    fn any_bytes_are_read_or_refused(kind: u8, bytes in prop::collection::vec(any::<u8>(), 0..160)) {
        let mut message = [u16::try_from(bytes.len() + 4).unwrap().to_le_bytes().as_slice(), &[kind, VERSION]].concat();
        message.extend(bytes);
        read_all_ways(only(&message));
        // A frame that no header stands behind is not made by the splitter, but must not panic either.
        read_all_ways(Frame { kind, bytes: &message[4..] });
    }

    #[test]
    fn any_change_of_a_message_is_read_or_refused(
        message in feed_message(), bodies in prop::collection::vec(body(), 1..20),
        at in any::<prop::sample::Index>(), byte: u8,
    ) {
        let (mut bytes, mut increment) = (Vec::new(), Vec::new());
        message.encode(&mut bytes);
        let events: Vec<MarketEvent> = bodies.iter().map(|body| MarketEvent { body: *body, ..event(1, 2, 3) }).collect();
        encode_increment(&events, false, &mut increment);
        for bytes in [&mut bytes, &mut increment] {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            Frames::new(bytes).map_while(Result::ok).for_each(read_all_ways);
        }
    }
}

/// An addition of an order with this number.
fn event(contract: u32, order: u64, sequence: Sequence) -> MarketEvent {
    MarketEvent {
        contract: ContractId(contract),
        previous: 0,
        sequence,
        time: Timestamp(0),
        body: MarketBody::Add(MarketEntry { order, side: Side::Buy, price: 1, units: 1 }),
    }
}

#[test]
fn groups_are_neighbours_of_one_contract_and_command() {
    let events = [event(1, 1, 5), event(1, 2, 5), event(2, 3, 5), event(2, 4, 6), event(1, 5, 6)];
    let sizes = |cut: Vec<&[MarketEvent]>| cut.into_iter().map(<[MarketEvent]>::len).collect::<Vec<_>>();
    assert_eq!(sizes(groups(&events).collect()), [2, 1, 1, 1]);
    assert_eq!(sizes(commands(&events).collect()), [3, 2]);
    let mut out = Vec::new();
    encode_increment(&[], false, &mut out);
    assert!(out.is_empty());
}

#[test]
fn everything_that_trades_is_printed_as_what_it_is() {
    let at = MarketEntry { order: 9, side: Side::Sell, price: 40, units: 3 };
    let print = |body| {
        let print = TradePrint::of(&MarketEvent { body, ..event(1, 2, 3) });
        print.map(|print| (print.kind, print.price, print.units, print.taker, print.maker))
    };
    let buyer = Some(Side::Buy);
    assert_eq!(print(MarketBody::Trade(at)), Some((TradeKind::Single, 40, 3, buyer, 9)));
    assert_eq!(print(MarketBody::BlockTrade(at)), Some((TradeKind::Block, 40, 3, buyer, 9)));
    let between = MarketBody::BlockPrint { price: 41, units: 2, aggressor: Side::Buy };
    assert_eq!(print(between), Some((TradeKind::Block, 41, 2, buyer, 0)));
    let auction = MarketBody::AuctionTrade { price: 42, units: 1 };
    assert_eq!(print(auction), Some((TradeKind::Auction, 42, 1, None, 0)));
    for body in [
        MarketBody::Reduce(at),
        MarketBody::Phase(Phase::Auction),
        MarketBody::Indicative { price: 1, volume: 2 },
    ] {
        assert_eq!(print(body), None);
    }
}
