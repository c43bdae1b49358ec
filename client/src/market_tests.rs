//! The market against a model of the feed, with losses made on purpose.

use crate::SessionError;
use crate::feed_model::{CONTRACT, FeedModel};
use crate::market::{FeedEvent, Market};
use proptest::prelude::*;
use protocol::header::split;
use protocol::market_data::{
    BookDigest, CommandEnd, Depth, FeedMessage, Index, Start, Subscribed, SubscriberMessage, TradeKind,
    Window, WindowPrice, encode_increment,
};
use protocol::public_book::BookError;
use protocol::symbol::Pattern;
use protocol::{Frames, PublicBook};
use types::{
    ClassNo, ClassSpec, ContractId, Hour, MarketBody, MarketEntry, MarketEvent, Phase, Sequence, Side,
    Timestamp,
};

fn take(market: &mut Market, bytes: &[u8]) -> Result<Vec<FeedEvent>, SessionError> {
    let mut events = Vec::new();
    for frame in Frames::new(bytes) {
        events.extend(market.take(FeedMessage::decode(frame.unwrap()).unwrap())?);
    }
    Ok(events)
}

fn said(market: &mut Market) -> Vec<SubscriberMessage> {
    let bytes = std::mem::take(&mut market.out);
    Frames::new(&bytes).map(|frame| SubscriberMessage::decode(frame.unwrap()).unwrap()).collect()
}

fn subscribed(subscription: u32) -> FeedMessage<'static> {
    FeedMessage::Subscribed(Subscribed { subscription, contracts: 1 })
}

/// A market that is subscribed to everything and served, with the feed's book.
fn following(feed: &FeedModel) -> Market {
    let mut market = Market::default();
    market.take(FeedMessage::Class(FeedModel::class())).unwrap();
    let subscription = market.subscribe(Pattern::default(), Depth::Book);
    assert_eq!(said(&mut market).len(), 1);
    if !feed.book.is_empty() {
        let events = take(&mut market, &feed.snapshot()).unwrap();
        assert_eq!(events, [FeedEvent::Snapshot { contract: CONTRACT }]);
    }
    market.take(subscribed(subscription)).unwrap();
    market
}

fn assert_same(market: &Market, feed: &FeedModel) {
    let book = market.book(CONTRACT).unwrap();
    assert!(book.orders().eq(feed.book.orders()) && book.blocks().eq(feed.book.blocks()));
    assert_eq!((book.sequence(), book.last_price()), (feed.book.sequence(), feed.book.last_price()));
}

/// The market has asked for everything again: it is given it.
fn serve_again(market: &mut Market, feed: &FeedModel) {
    let said = said(market);
    let [SubscriberMessage::Unsubscribe { subscription }, SubscriberMessage::Subscribe(again)] = said[..]
    else {
        panic!("{said:?}")
    };
    assert_eq!((again.subscription, again.pattern), (subscription, Pattern::default()));
    take(market, &feed.snapshot()).unwrap();
    market.take(subscribed(subscription)).unwrap();
}

proptest! {
    #[test]
    fn the_book_is_rebuilt_from_any_moment_on_and_proven(
        before in prop::collection::vec(any::<u32>(), 0..30),
        after in prop::collection::vec(any::<u32>(), 1..60),
    ) {
        let mut feed = FeedModel::new();
        before.into_iter().for_each(|dice| drop(feed.increment(dice)));
        let mut market = following(&feed);
        for dice in after {
            let last_price = feed.book.last_price();
            let events = take(&mut market, &feed.increment(dice)).unwrap();
            let [FeedEvent::Book { contract: CONTRACT, sequence, trades, .. }] = &events[..] else {
                panic!("{events:?}")
            };
            prop_assert_eq!(*sequence, feed.book.sequence());
            let last = trades.iter().rfind(|trade| trade.kind != TradeKind::Block);
            prop_assert_eq!(last.map_or(last_price, |trade| trade.price), feed.book.last_price());
            assert_same(&market, &feed);
            let proven = market.take(FeedMessage::BookDigest(feed.digest())).unwrap();
            let (contract, sequence) = (CONTRACT, feed.book.sequence());
            prop_assert_eq!(proven, Some(FeedEvent::Proven { contract, sequence }));
        }
        prop_assert_eq!((market.counters.gaps, market.counters.mismatches), (0, 0));
    }

    #[test]
    fn a_lost_increment_is_a_gap_and_mended_by_a_snapshot(
        before in prop::collection::vec(any::<u32>(), 1..30),
        after in prop::collection::vec(any::<u32>(), 1..10),
        lost in any::<u32>(),
    ) {
        let mut feed = FeedModel::new();
        before.into_iter().for_each(|dice| drop(feed.increment(dice)));
        let mut market = following(&feed);
        let at = feed.book.sequence();
        feed.increment(lost);
        let mut events = Vec::new();
        for dice in after {
            events.extend(take(&mut market, &feed.increment(dice)).unwrap());
        }
        let gap = FeedEvent::Gap { contract: CONTRACT, error: BookError::Gap { at, previous: at + 3 } };
        prop_assert_eq!(events, [gap]);
        prop_assert!(market.book(CONTRACT).is_none());
        serve_again(&mut market, &feed);
        assert_same(&market, &feed);
        take(&mut market, &feed.increment(lost)).unwrap();
        assert_same(&market, &feed);
        prop_assert_eq!(market.counters.gaps, 1);
    }
}

#[test]
fn a_digest_that_does_not_prove_is_said_and_the_book_is_asked_for_again() {
    let mut feed = FeedModel::new();
    (0..9).for_each(|dice| drop(feed.increment(dice)));
    let mut market = following(&feed);
    let expected = BookDigest { digest: feed.book.digest() ^ 1, ..feed.digest() };
    let event = market.take(FeedMessage::BookDigest(expected)).unwrap();
    assert_eq!(event, Some(FeedEvent::Mismatch { expected, found: feed.book.digest() }));
    assert!(market.book(CONTRACT).is_none());
    serve_again(&mut market, &feed);
    assert_same(&market, &feed);
    assert_eq!(market.counters.mismatches, 1);
}

#[test]
fn a_digest_of_another_command_is_a_gap() {
    let mut feed = FeedModel::new();
    feed.increment(3);
    let mut market = following(&feed);
    feed.increment(3);
    let event = market.take(FeedMessage::BookDigest(feed.digest())).unwrap();
    assert!(matches!(event, Some(FeedEvent::Gap { .. })), "{event:?}");
}

#[test]
fn a_snapshot_that_contradicts_itself_ends_the_session() {
    let mut feed = FeedModel::new();
    (0..3).for_each(|dice| drop(feed.increment(dice)));
    let mut market = following(&feed);
    let mut snapshot = feed.snapshot();
    let end = snapshot.len() - 8;
    snapshot[end] ^= 1;
    let error = take(&mut market, &snapshot).unwrap_err();
    assert!(matches!(error, SessionError::Violation { .. }), "{error}");
    assert_eq!(market.counters.mismatches, 1);
    let (first, _) = split(&snapshot).unwrap().unwrap();
    take(&mut market, first.bytes).unwrap();
    assert!(take(&mut market, first.bytes).is_err(), "a snapshot within a snapshot");
}

#[test]
fn a_long_command_comes_in_parts_and_is_one_event() {
    let mut feed = FeedModel::new();
    let mut market = following(&feed);
    let add = |order| MarketBody::Add(MarketEntry { order, side: Side::Buy, price: 50, units: 2 });
    take(&mut market, &feed.say(&(1..=400).map(add).collect::<Vec<_>>())).unwrap();
    let trade = |order| MarketBody::Trade(MarketEntry { order, side: Side::Buy, price: 50, units: 2 });
    let events = take(&mut market, &feed.say(&(1..=400).map(trade).collect::<Vec<_>>())).unwrap();
    let [FeedEvent::Book { trades, .. }] = &events[..] else { panic!("{events:?}") };
    assert_eq!(trades.len(), 400);
    assert!(trades.iter().all(|trade| (trade.taker, trade.price, trade.units) == (Some(Side::Sell), 50, 2)));
    assert_eq!((market.counters.changes, market.counters.trades), (2, 400));
}

#[test]
fn a_contract_that_is_over_is_forgotten() {
    let mut feed = FeedModel::new();
    let mut market = following(&feed);
    take(&mut market, &feed.say(&[MarketBody::Phase(Phase::Closed)])).unwrap();
    assert_eq!(market.book(CONTRACT).map(PublicBook::phase), Some(Phase::Closed));
    take(&mut market, &feed.say(&[MarketBody::Phase(Phase::Settled)])).unwrap();
    assert!(market.book(CONTRACT).is_none() && market.books().next().is_none());
}

#[test]
fn what_nobody_subscribed_to_is_passed_over() {
    let mut feed = FeedModel::new();
    let mut market = Market::default();
    market.take(FeedMessage::Class(FeedModel::class())).unwrap();
    let elsewhere = Pattern { start: Some(Hour(CONTRACT.start().0 + 1)), ..Pattern::default() };
    let one = market.subscribe(elsewhere, Depth::Book);
    let two = market.subscribe(Pattern::default(), Depth::Trades);
    market.take(subscribed(one)).unwrap();
    market.take(subscribed(two)).unwrap();
    assert_eq!(take(&mut market, &feed.increment(3)).unwrap(), []);
    assert_eq!(take(&mut market, &feed.increment(3)).unwrap(), []);
    assert_eq!(market.counters.gaps, 0);
}

#[test]
fn a_book_stays_as_long_as_a_subscription_keeps_it_up() {
    let mut feed = FeedModel::new();
    feed.increment(3);
    let mut market = following(&feed);
    let class_only = Pattern { model: Some(ClassSpec::example().model), ..Pattern::default() };
    let second = market.subscribe(class_only, Depth::Book);
    take(&mut market, &feed.snapshot()).unwrap();
    market.take(subscribed(second)).unwrap();
    market.unsubscribe(1);
    assert_same(&market, &feed);
    market.unsubscribe(second);
    assert!(market.book(CONTRACT).is_none());
    assert_eq!(take(&mut market, &feed.increment(3)).unwrap(), []);
}

#[test]
fn a_new_connection_brings_everything_again() {
    let mut feed = FeedModel::new();
    feed.increment(3);
    let mut market = following(&feed);
    feed.increment(4);
    market.reconnect();
    assert!(market.book(CONTRACT).is_none());
    assert!(matches!(said(&mut market)[..], [SubscriberMessage::Subscribe(_)]));
    take(&mut market, &feed.snapshot()).unwrap();
    assert_same(&market, &feed);
}

#[test]
fn a_wrong_book_is_asked_for_once_however_much_follows_and_whoever_else_keeps_it_up() {
    let mut feed = FeedModel::new();
    feed.increment(3);
    let mut market = following(&feed);
    let second =
        market.subscribe(Pattern { start: Some(CONTRACT.start()), ..Pattern::default() }, Depth::Book);
    take(&mut market, &feed.snapshot()).unwrap();
    market.take(subscribed(second)).unwrap();
    said(&mut market);
    feed.increment(3);
    let events: Vec<FeedEvent> =
        (0..5).flat_map(|dice| take(&mut market, &feed.increment(dice)).unwrap()).collect();
    assert!(matches!(events[..], [FeedEvent::Gap { .. }]), "{events:?}");
    serve_again(&mut market, &feed);
    assert_same(&market, &feed);
}

#[test]
fn the_trades_of_a_command_that_went_wrong_are_not_anothers() {
    let mut feed = FeedModel::new();
    let mut market = following(&feed);
    let entry = |order| MarketEntry { order, side: Side::Buy, price: 50, units: 2 };
    let adds: Vec<MarketBody> = (1..=400).map(|order| MarketBody::Add(entry(order))).collect();
    take(&mut market, &feed.say(&adds)).unwrap();
    let trades: Vec<MarketBody> = (1..=300).map(|order| MarketBody::Trade(entry(order))).collect();
    let mut bytes = feed.say(&trades);
    let order = bytes.len() - 16;
    bytes[order] ^= 0x80;
    let events = take(&mut market, &bytes).unwrap();
    assert!(matches!(events[..], [FeedEvent::Gap { .. }]), "{events:?}");
    serve_again(&mut market, &feed);
    let bytes = feed.say(&[MarketBody::Trade(entry(301))]);
    let events = take(&mut market, &bytes).unwrap();
    assert!(matches!(&events[..], [FeedEvent::Book { trades, .. }] if trades.len() == 1), "{events:?}");
}

#[test]
fn a_command_without_its_last_part_ends_the_session() {
    let mut feed = FeedModel::new();
    let mut market = following(&feed);
    let entry = |order| MarketEntry { order, side: Side::Buy, price: 50, units: 2 };
    let adds: Vec<MarketBody> = (1..=400).map(|order| MarketBody::Add(entry(order))).collect();
    let bytes = feed.say(&adds);
    let (first, _) = split(&bytes).unwrap().unwrap();
    assert_eq!(take(&mut market, first.bytes).unwrap(), []);
    let error = take(&mut market, &feed.say(&[MarketBody::Trade(entry(1))])).unwrap_err();
    assert!(matches!(error, SessionError::Violation { .. }), "{error}");
}

/// A change of some contract, the first of it, by a command that changed several.
fn leg(contract: u32, sequence: Sequence, several: bool) -> Vec<u8> {
    let entry = MarketEntry { order: sequence, side: Side::Buy, price: 50, units: 2 };
    let event = MarketEvent {
        contract: ContractId(contract),
        previous: 0,
        sequence,
        time: Timestamp(1),
        body: MarketBody::Add(entry),
    };
    let mut bytes = Vec::new();
    encode_increment(&[event], several, &mut bytes);
    bytes
}

#[test]
fn a_command_in_several_contracts_is_whole_when_its_end_has_come() {
    let mut market = following(&FeedModel::new());
    let end = |sequence| FeedMessage::CommandEnd(CommandEnd { sequence });
    for contract in [1, 2] {
        let events = take(&mut market, &leg(contract, 9, true)).unwrap();
        assert!(matches!(events[..], [FeedEvent::Book { several: true, .. }]), "{events:?}");
        assert!(!market.is_whole());
    }
    assert_eq!(market.take(end(9)).unwrap(), Some(FeedEvent::CommandEnd { sequence: 9 }));
    assert!(market.is_whole() && market.is_served_whole());
    take(&mut market, &leg(3, 10, false)).unwrap();
    assert!(market.is_whole());
    assert_eq!(
        market.books_of(ClassNo(0)).into_keys().map(|contract| contract.0).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(market.sequence(), 10);
    // Of prints there is an end as well.
    assert_eq!(market.take(end(11)).unwrap(), Some(FeedEvent::CommandEnd { sequence: 11 }));
    take(&mut market, &leg(4, 12, true)).unwrap();
    assert!(market.take(end(13)).is_err(), "the end of another command");
    take(&mut market, &leg(5, 14, true)).unwrap();
    assert!(take(&mut market, &leg(6, 15, false)).is_err(), "no end at all");
    market.reconnect();
    assert!(market.is_whole() && !market.is_served_whole());
}

#[test]
fn indices_and_windows_are_kept_as_they_were_told_last() {
    let mut market = following(&FeedModel::new());
    let spec = ClassSpec::example();
    let (model, currency, time) = (spec.model, spec.currency, Timestamp(1));
    let index = Index { model, currency, sequence: 20, time, price: 7, per_pflop: None, unit_hours: 1 };
    let best = Some(WindowPrice { first: CONTRACT, price: 5, total: 40, units: 2 });
    let (class, side, start) = (ClassNo(0), Side::Buy, Start::Next);
    let window = Window { class, hours: 8, side, start, sequence: 21, best };
    assert_eq!(market.take(FeedMessage::Index(index)).unwrap(), Some(FeedEvent::Index(index)));
    assert_eq!(market.take(FeedMessage::Window(window)).unwrap(), Some(FeedEvent::Window(window)));
    let other = Window { hours: 24, ..window };
    market.take(FeedMessage::Window(other)).unwrap();
    assert!(market.indices().eq([&index]) && market.windows().eq([&window, &other]));
    market.take(FeedMessage::Window(Window { best: None, ..other })).unwrap();
    assert!(market.windows().eq([&window]));
    market.reconnect();
    assert!(market.windows().next().is_none() && market.indices().next().is_none());
}
