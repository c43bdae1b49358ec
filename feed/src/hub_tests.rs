//! Subscribers that rebuild the market from what the hub gives them, whatever they subscribe to and however slowly
//! they take it.

use crate::hub::{Denied, Hub, Progress, QUEUE_BYTES_MAX, SUBSCRIPTIONS_MAX, Seats, SessionId, Taken};
use crate::play_market::{CLASSES, PlayMarket, hour};
use proptest::prelude::*;
use protocol::market_data::{
    Depth, FeedMessage, Index, Start, Subscribe, SubscribeRefused, TradeKind, TradePrint, Window,
};
use protocol::symbol::Pattern;
use protocol::{CloseCode, Frames, PublicBook};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use types::{
    Class, ContractId, Hour, MINUTE_NANOS, MarketBody, MarketEvent, Output, Phase, PublicKey, RejectCode,
    SECOND_NANOS, Sequence, Side, Ticks, Timestamp,
};

const READER: PublicKey = PublicKey([9; 32]);
const SEATS: Seats = Seats { in_all: 128, per_key: 16 };
const START: u64 = 500_000;
const ALL: Pattern = Pattern { model: None, region: None, start: None };

/// The exchange, in small: released batches go into the hub.
struct World {
    market: PlayMarket,
    hub: Hub,
    time: Timestamp,
    units_traded: u64,
}

/// A subscriber, believing nothing but what it is sent.
struct Subscriber {
    session: SessionId,
    classes: Vec<Class>,
    books: HashMap<ContractId, PublicBook>,
    tops: HashMap<ContractId, [Option<(Ticks, u64)>; 2]>,
    tops_told: usize,
    subscribed: BTreeMap<u32, u32>,
    units_traded: u64,
    digests: usize,
    /// The command in several contracts of which something has come, but not its end.
    open_command: Option<Sequence>,
    commands_ended: usize,
    indices: BTreeMap<String, Index>,
    windows: BTreeMap<(u16, u8, u8, Start), Window>,
    snapshots: usize,
    in_snapshot: Option<ContractId>,
}

impl World {
    fn new(seed: u64) -> World {
        let time = hour(START);
        let market = PlayMarket::new(seed, time, READER);
        let hub = Hub::new(&market.state(), market.last_sequence(), time, SEATS).unwrap();
        World { market, hub, time, units_traded: 0 }
    }

    fn play(&mut self, commands: usize, minutes: u64) {
        self.time.0 += minutes * MINUTE_NANOS;
        let output = self.market.play(commands, self.time);
        let trades = output.events.iter().filter_map(TradePrint::of);
        self.units_traded += trades.map(|print| u64::from(print.units)).sum::<u64>();
        self.release(&output);
    }

    fn release(&mut self, output: &Output) {
        let (sequence, time) = (self.market.last_sequence(), self.market.last_time());
        self.hub.release(output, Progress { sequence, time, commands: 0 }).unwrap();
    }

    fn join(&mut self) -> Subscriber {
        let session = self.hub.join(READER, self.time).unwrap().session;
        Subscriber {
            session,
            classes: Vec::new(),
            books: HashMap::new(),
            tops: HashMap::new(),
            tops_told: 0,
            subscribed: BTreeMap::new(),
            units_traded: 0,
            digests: 0,
            open_command: None,
            commands_ended: 0,
            indices: BTreeMap::new(),
            windows: BTreeMap::new(),
            snapshots: 0,
            in_snapshot: None,
        }
    }

    fn subscribe(&mut self, subscriber: &Subscriber, subscription: u32, pattern: Pattern, depth: Depth) {
        self.hub.subscribe(subscriber.session, &Subscribe { subscription, pattern, depth }).unwrap();
    }

    /// Lets a subscriber take once; false if there was nothing.
    fn take(&mut self, subscriber: &mut Subscriber) -> bool {
        let mut bytes = Vec::new();
        let taken = self.hub.take(subscriber.session, &mut bytes);
        assert_eq!(taken == Taken::Bytes, !bytes.is_empty());
        let mut frames = Frames::new(&bytes);
        for frame in frames.by_ref() {
            subscriber.hear(FeedMessage::decode(frame.unwrap()).unwrap());
        }
        frames.finish().unwrap();
        taken == Taken::Bytes
    }

    fn take_all(&mut self, subscriber: &mut Subscriber) {
        self.hub.flush();
        while self.take(subscriber) {}
        assert_eq!((subscriber.in_snapshot, subscriber.open_command), (None, None));
    }

    /// Everything the pattern covers must be there as the market has it, at this depth.
    fn assert_seen(&self, subscriber: &Subscriber, pattern: &Pattern, depth: Depth) {
        let market = self.hub.market();
        for (id, at) in market.contracts() {
            if !pattern.matches(&market.class(id.class()).unwrap().spec, id.start()) {
                continue;
            }
            match depth {
                Depth::Book => {
                    let book =
                        subscriber.books.get(&id).unwrap_or_else(|| panic!("no book of {}", at.symbol));
                    assert_eq!(book.orders().collect::<Vec<_>>(), at.book.orders().collect::<Vec<_>>());
                    assert!(book.blocks().eq(at.book.blocks()), "{}", at.symbol);
                    let of =
                        |book: &PublicBook| (book.sequence(), book.phase(), book.last_price(), book.digest());
                    assert_eq!(of(book), of(&at.book), "{}", at.symbol);
                }
                // Nothing said means that there was never a bid or an ask.
                Depth::Top => {
                    let top = subscriber.tops.get(&id).copied().unwrap_or_default();
                    assert_eq!(top, best(&at.book), "{}", at.symbol);
                }
                Depth::Trades => {}
            }
        }
    }
}

impl World {
    /// Every index and every standard window that a subscription of this kind brings must be there as it is now.
    fn assert_summarized(&self, subscriber: &Subscriber, pattern: &Pattern, depth: Depth) {
        let market = self.hub.market();
        for index in market.indices().filter(|index| pattern.model.is_none_or(|model| model == index.model)) {
            assert_eq!(subscriber.indices.get(&format!("{} {}", index.model, index.currency)), Some(index));
        }
        let all_starts = depth != Depth::Trades && pattern.start.is_none();
        for class in market.classes().iter().filter(|class| all_starts && pattern.matches_class(&class.spec))
        {
            let told = subscriber
                .windows
                .values()
                .filter(|window| window.class == class.no && window.best.is_some());
            assert!(told.eq(market.windows(class.no)), "the windows of {class:?}");
        }
    }
}

impl Subscriber {
    fn hear(&mut self, message: FeedMessage<'_>) {
        if let Some(open) = self.open_command {
            // Nothing but the rest of it comes before its end.
            match &message {
                FeedMessage::Increment(increment) => assert_eq!(increment.sequence, open),
                FeedMessage::TradePrint(print) => assert_eq!(print.sequence, open),
                FeedMessage::BookDigest(_) | FeedMessage::CommandEnd(_) => {}
                FeedMessage::Top(top) => assert_eq!(top.sequence, open),
                other => panic!("command {open} has not ended: {other:?}"),
            }
        }
        match message {
            FeedMessage::Class(class) => self.classes.push(class),
            FeedMessage::SnapshotStart(start) => {
                self.in_snapshot = Some(start.contract);
                self.snapshots += 1;
                self.books.insert(start.contract, start.book());
            }
            FeedMessage::SnapshotOrder(entry) => {
                let book = self.books.get_mut(&self.in_snapshot.unwrap()).unwrap();
                book.apply(&MarketBody::Add(entry)).unwrap();
            }
            FeedMessage::SnapshotBlock(block) => {
                let book = self.books.get_mut(&self.in_snapshot.unwrap()).unwrap();
                book.apply(&MarketBody::Block(block)).unwrap();
            }
            FeedMessage::CommandEnd(end) => {
                assert!(self.open_command.take().is_none_or(|open| open == end.sequence));
                self.commands_ended += 1;
            }
            FeedMessage::Index(index) => {
                self.indices.insert(format!("{} {}", index.model, index.currency), index);
            }
            FeedMessage::Window(window) => {
                let side = u8::from(window.side == Side::Sell);
                self.windows.insert((window.class.0, window.hours, side, window.start), window);
            }
            FeedMessage::SnapshotEnd(end) => {
                assert_eq!(self.in_snapshot.take(), Some(end.contract));
                assert_eq!(self.books[&end.contract].digest(), end.digest);
            }
            FeedMessage::Increment(increment) => {
                let events: Vec<MarketEvent> = increment.events().map(Result::unwrap).collect();
                let book = self.books.entry(increment.contract).or_default();
                events.iter().for_each(|event| book.follow(event).unwrap());
                self.open_command = increment.several.then_some(increment.sequence);
                if book.phase() == Phase::Settled {
                    self.books.remove(&increment.contract);
                }
            }
            FeedMessage::BookDigest(digest) => {
                let book = &self.books[&digest.contract];
                assert_eq!((book.sequence(), book.digest()), (digest.sequence, digest.digest));
                self.digests += 1;
            }
            FeedMessage::Top(top) => {
                self.tops_told += 1;
                self.tops.insert(top.contract, [top.bid, top.ask]);
            }
            FeedMessage::TradePrint(print) => self.units_traded += u64::from(print.units),
            FeedMessage::Subscribed(subscribed) => {
                self.subscribed.insert(subscribed.subscription, subscribed.contracts);
            }
            FeedMessage::Heartbeat { .. } => {}
            other => panic!("not on the data stream: {other:?}"),
        }
    }
}

fn best(book: &PublicBook) -> [Option<(Ticks, u64)>; 2] {
    [Side::Buy, Side::Sell].map(|side| book.best(side).map(|level| (level.price, level.units)))
}

/// All, a model, a region, a class, one contract, one start of every class.
fn patterns() -> [Pattern; 6] {
    let code = |text: &str| Some(text.parse().unwrap());
    let start = Some(Hour(u32::try_from(START).unwrap() + 3));
    [
        ALL,
        Pattern { model: code("H100SXM"), ..ALL },
        Pattern { region: code("USE"), ..ALL },
        Pattern { model: code(CLASSES[0].0), region: code(CLASSES[0].1), start: None },
        Pattern { model: code(CLASSES[0].0), region: code(CLASSES[0].1), start },
        Pattern { start, ..ALL },
    ]
}

const DEPTHS: [Depth; 3] = [Depth::Book, Depth::Top, Depth::Trades];

#[derive(Clone, Debug)]
enum Step {
    Play { commands: usize, minutes: u64 },
    Subscribe { who: usize, pattern: usize, depth: usize },
    Unsubscribe { who: usize },
    Flush,
    Summarize,
    Take { who: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..60usize, prop_oneof![6 => 0..2u64, 1 => 30..200u64])
            .prop_map(|(commands, minutes)| Step::Play { commands, minutes }),
        2 => (0..3usize, 0..6usize, 0..3usize)
            .prop_map(|(who, pattern, depth)| Step::Subscribe { who, pattern, depth }),
        1 => (0..3usize).prop_map(|who| Step::Unsubscribe { who }),
        2 => Just(Step::Flush),
        1 => Just(Step::Summarize),
        3 => (0..3usize).prop_map(|who| Step::Take { who }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Without gap and without overlap: `follow` refuses both. A failing case prints its seed and steps.
    #[test]
    fn whoever_subscribes_whenever_sees_the_market_as_it_is(
        seed in any::<u64>(),
        before in 0..400usize,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(seed);
        world.play(before, 1);
        let mut subscribers = [world.join(), world.join(), world.join()];
        let mut wishes: [BTreeMap<u32, (usize, usize)>; 3] = Default::default();
        for (number, step) in (0..).zip(steps) {
            match step {
                Step::Play { commands, minutes } => world.play(commands, minutes),
                Step::Subscribe { who, pattern, depth } => {
                    world.subscribe(&subscribers[who], number, patterns()[pattern], DEPTHS[depth]);
                    wishes[who].insert(number, (pattern, depth));
                }
                Step::Unsubscribe { who } => {
                    if let Some((number, _)) = wishes[who].pop_first() {
                        world.hub.unsubscribe(subscribers[who].session, number);
                    }
                }
                Step::Flush => world.hub.flush(),
                Step::Summarize => world.hub.summarize(),
                Step::Take { who } => {
                    world.take(&mut subscribers[who]);
                }
            }
        }
        world.hub.summarize();
        for (subscriber, wishes) in subscribers.iter_mut().zip(&wishes) {
            world.take_all(subscriber);
            prop_assert_eq!(subscriber.classes.len(), CLASSES.len());
            for (number, (pattern, depth)) in wishes {
                world.assert_summarized(subscriber, &patterns()[*pattern], DEPTHS[*depth]);
                prop_assert!(subscriber.subscribed.contains_key(number));
                world.assert_seen(subscriber, &patterns()[*pattern], DEPTHS[*depth]);
            }
        }
    }

    /// A feed that starts from the emitted state shows the same as one that saw everything happen.
    #[test]
    fn a_feed_started_later_shows_the_same_market(seed in any::<u64>(), commands in 0..800usize, minutes in 0..300u64) {
        let mut world = World::new(seed);
        world.play(commands, 1);
        world.play(commands / 4, minutes);
        let (state, sequence) = (world.market.state(), world.market.last_sequence());
        let later = Hub::new(&state, sequence, world.time, SEATS).unwrap();
        let digests = |hub: &Hub| {
            let contracts = hub.market().contracts();
            contracts.map(|(id, at)| (id, (at.book.sequence(), at.book.phase(), at.book.digest()))).collect::<BTreeMap<_, _>>()
        };
        prop_assert_eq!(digests(&world.hub), digests(&later));
    }
}

#[test]
fn every_trade_is_printed_once_however_often_it_is_subscribed_to() {
    let mut world = World::new(3);
    let mut subscriber = world.join();
    for (number, pattern) in (0..).zip(patterns()) {
        world.subscribe(&subscriber, number, pattern, Depth::Trades);
        world.subscribe(&subscriber, number + 100, pattern, Depth::Book);
    }
    world.take_all(&mut subscriber);
    for _ in 0..20 {
        world.play(50, 0);
    }
    world.take_all(&mut subscriber);
    assert!(world.units_traded > 0);
    assert_eq!(subscriber.units_traded, world.units_traded);
}

#[test]
fn auctions_and_halts_are_seen_as_they_come_and_go() {
    let mut world = World::new(21);
    let mut subscriber = world.join();
    world.subscribe(&subscriber, 1, ALL, Depth::Book);
    world.subscribe(&subscriber, 2, ALL, Depth::Trades);
    let (mut phases, mut indicatives, mut crossed) = (BTreeSet::new(), 0, 0);
    for round in 0..120 {
        // What would come of an auction is told some seconds after it has changed.
        world.time.0 += 2 * SECOND_NANOS;
        world.play(60, u64::from(round % 9 == 0));
        world.take_all(&mut subscriber);
        world.assert_seen(&subscriber, &ALL, Depth::Book);
        for book in subscriber.books.values() {
            phases.insert(book.phase());
            indicatives += usize::from(book.indicative().volume > 0);
            let [bid, ask] = best(book);
            crossed += usize::from(bid.zip(ask).is_some_and(|(bid, ask)| bid.0 >= ask.0));
            book.check_whole().unwrap();
        }
    }
    assert!(
        phases.is_superset(&[Phase::PreOpen, Phase::Auction, Phase::Continuous, Phase::Halted].into()),
        "{phases:?}"
    );
    let prints = world.hub.market().contracts().flat_map(|(_, at)| &at.trades);
    let auctioned = prints.into_iter().filter(|print| print.kind == TradeKind::Auction).count();
    assert!(indicatives > 0 && crossed > 0 && auctioned > 0, "{indicatives} {crossed} {auctioned}");
    assert_eq!(subscriber.units_traded, world.units_traded);
}

#[test]
fn the_parts_of_blocks_come_together_and_are_told_to_have() {
    let mut world = World::new(4);
    let mut subscriber = world.join();
    world.subscribe(&subscriber, 1, ALL, Depth::Book);
    world.take_all(&mut subscriber);
    let mut blocks = 0;
    for _ in 0..40 {
        world.play(100, 0);
        // Whatever is told so far, the command that is told of last is whole.
        world.take_all(&mut subscriber);
        blocks = blocks.max(subscriber.books.values().map(|book| book.blocks().len()).sum());
    }
    world.assert_seen(&subscriber, &ALL, Depth::Book);
    assert!(blocks > 0 && subscriber.commands_ended > 0, "{blocks} {}", subscriber.commands_ended);
    let prints = world.hub.market().contracts().flat_map(|(_, at)| &at.trades);
    assert!(prints.into_iter().any(|print| print.kind == TradeKind::Block));
    assert_eq!(subscriber.units_traded, 0, "nobody asked for prints");
}

#[test]
fn a_best_price_is_told_as_it_is_at_the_flush_and_only_if_it_is_another() {
    let mut world = World::new(13);
    let mut subscriber = world.join();
    world.subscribe(&subscriber, 1, ALL, Depth::Top);
    world.take_all(&mut subscriber);
    let before = subscriber.tops_told;
    let contracts = world.hub.market().contracts().len();
    for _ in 0..50 {
        world.play(100, 0);
    }
    assert!(!world.take(&mut subscriber), "nothing is told before the flush");
    world.take_all(&mut subscriber);
    world.assert_seen(&subscriber, &ALL, Depth::Top);
    let contracts = contracts.max(world.hub.market().contracts().len());
    let told = subscriber.tops_told - before;
    assert!((1..=contracts).contains(&told), "{told} of {contracts} contracts after 5,000 commands");
    world.take_all(&mut subscriber);
    assert_eq!(subscriber.tops_told - before, told);
}

#[test]
fn a_book_that_comes_already_is_not_sent_again() {
    let mut world = World::new(2);
    world.play(300, 0);
    let mut subscriber = world.join();
    for (number, pattern) in (0..).zip(patterns()) {
        world.subscribe(&subscriber, number, pattern, Depth::Book);
    }
    world.take_all(&mut subscriber);
    assert_eq!(subscriber.subscribed.len(), patterns().len());
    assert_eq!(subscriber.snapshots, world.hub.market().contracts().len());
}

#[test]
fn a_class_that_is_listed_later_is_in_the_subscriptions_it_fits() {
    let mut world = World::new(12);
    let mut subscriber = world.join();
    let region = Pattern { region: Some("USE".parse().unwrap()), ..ALL };
    world.subscribe(&subscriber, 1, region, Depth::Book);
    world.take_all(&mut subscriber);
    let output = world.market.list_one_more();
    world.release(&output);
    world.take_all(&mut subscriber);
    assert_eq!(subscriber.classes.len(), CLASSES.len() + 1);
    assert_eq!(subscriber.books.values().filter(|book| book.len() == 1).count(), 1);
    world.assert_seen(&subscriber, &region, Depth::Book);
}

#[test]
fn digests_come_with_a_busy_book_and_are_right() {
    let mut world = World::new(4);
    let mut subscriber = world.join();
    world.subscribe(&subscriber, 1, ALL, Depth::Book);
    for _ in 0..60 {
        world.play(500, 0);
        world.take_all(&mut subscriber);
    }
    assert!(subscriber.digests > 0);
}

#[test]
fn who_takes_nothing_is_cut_and_disturbs_nobody() {
    let mut world = World::new(5);
    let (mut quick, slow) = (world.join(), world.join());
    world.subscribe(&quick, 1, ALL, Depth::Book);
    world.subscribe(&slow, 1, ALL, Depth::Book);
    // Small messages, many of them, because they are the quickest to make.
    for _ in 0..QUEUE_BYTES_MAX / 16_000 {
        (0..1_000).for_each(|_| world.hub.heartbeat(world.time));
        world.take_all(&mut quick);
    }
    assert_eq!(world.hub.take(slow.session, &mut Vec::new()), Taken::End(CloseCode::TooSlow));
    world.play(100, 0);
    world.take_all(&mut quick);
    world.assert_seen(&quick, &ALL, Depth::Book);
}

#[test]
fn a_revoked_key_ends_its_sessions_at_once() {
    let mut world = World::new(6);
    let session = world.join().session;
    let output = world.market.revoke_reader();
    world.release(&output);
    assert_eq!(world.hub.take(session, &mut Vec::new()), Taken::End(CloseCode::KeyRevoked));
    assert_eq!(world.hub.join(READER, world.time).unwrap_err(), CloseCode::KeyRevoked);
    assert_eq!(world.hub.join(PublicKey([0; 32]), world.time).unwrap_err(), CloseCode::UnknownKey);
}

#[test]
fn what_can_never_be_served_is_refused() {
    let mut world = World::new(7);
    let subscriber = world.join();
    let mut try_one = |subscription, pattern| {
        world.hub.subscribe(subscriber.session, &Subscribe { subscription, pattern, depth: Depth::Book })
    };
    let code = |text: &str| Some(text.parse().unwrap());
    let nobody = Pattern { model: code("NOBODY"), region: code("USE"), start: None };
    let refused = SubscribeRefused { subscription: 1, code: RejectCode::UnknownClass, value: 0 };
    assert_eq!(try_one(1, nobody), Err(Denied::Refused(refused)));
    // Nobody there now, but a class of it may come.
    assert_eq!(try_one(1, Pattern { model: code("NOBODY"), ..ALL }), Ok(()));
    assert_eq!(try_one(1, ALL), Err(Denied::NumberInUse));
    for number in 2..=u32::try_from(SUBSCRIPTIONS_MAX).unwrap() {
        assert_eq!(try_one(number, ALL), Ok(()));
    }
    let value = i64::try_from(SUBSCRIPTIONS_MAX).unwrap();
    let refused = SubscribeRefused { subscription: 0, code: RejectCode::Full, value };
    assert_eq!(try_one(0, ALL), Err(Denied::Refused(refused)));
}

#[test]
fn one_key_cannot_take_all_the_places() {
    let mut world = World::new(8);
    let first = world.join().session;
    for _ in 1..SEATS.per_key {
        world.join();
    }
    assert_eq!(world.hub.join(READER, world.time).unwrap_err(), CloseCode::TooMany);
    world.hub.leave(first);
    world.join();
}

#[test]
fn an_ending_hub_gives_what_it_has_and_lets_nobody_in() {
    let mut world = World::new(9);
    let mut subscriber = world.join();
    world.subscribe(&subscriber, 1, ALL, Depth::Book);
    world.take_all(&mut subscriber);
    world.play(200, 0);
    world.hub.end(CloseCode::Stopping);
    world.take_all(&mut subscriber);
    world.assert_seen(&subscriber, &ALL, Depth::Book);
    assert_eq!(world.hub.take(subscriber.session, &mut Vec::new()), Taken::End(CloseCode::Stopping));
    assert_eq!(world.hub.join(READER, world.time).unwrap_err(), CloseCode::Stopping);
}

#[test]
fn a_missed_event_is_noticed() {
    let mut world = World::new(10);
    world.play(50, 0);
    let mut event = None;
    while event.is_none() {
        world.time.0 += 1;
        let output = world.market.play(1, world.time);
        event = output.events.iter().find(|event| event.previous > 0).copied();
        if event.is_none() {
            world.release(&output);
        }
    }
    let skipped = event.unwrap();
    let next = MarketEvent { previous: skipped.sequence, sequence: skipped.sequence + 1, ..skipped };
    let output = Output { events: vec![next], ..Output::default() };
    assert!(world.hub.release(&output, Progress::default()).is_err());
}
