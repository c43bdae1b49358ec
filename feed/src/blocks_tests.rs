//! Blocks, auctions and halts as subscribers and pages see them, by events made by hand.

use crate::hub::{Hub, Progress, Seats, SessionId, Taken};
use crate::web::page::Page;
use crate::web::ranking::Ranking;
use protocol::Frames;
use protocol::market_data::{
    Depth, FeedMessage, Start, Subscribe, TradeKind, Window, WindowPrice, encode_increment,
};
use protocol::symbol::{ContractSymbol, Pattern};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use types::{
    AccountId, BlockEntry, Class, ClassNo, ClassSpec, ContractId, Hour, Key, KeyNo, MarketBody, MarketEntry,
    MarketEvent, Output, Performance, Phase, PublicKey, Rights, Scope, Sequence, Side, StateEvent, Ticks,
    Timestamp, Units,
};

const READER: PublicKey = PublicKey([9; 32]);
const NOW: Hour = Hour(500_000);
const ALL: Pattern = Pattern { model: None, region: None, start: None };

/// A hub with one class, and the events that are put into it.
struct World {
    hub: Hub,
    class: Class,
    sequence: Sequence,
    changed: BTreeMap<ContractId, Sequence>,
}

fn state() -> Vec<StateEvent> {
    let performance = Some(Performance { gflops: 989_000, precision: "BF16".parse().unwrap() });
    let class = Class { no: ClassNo(0), spec: ClassSpec { performance, ..ClassSpec::example() } };
    let key = Key {
        no: KeyNo(1),
        account: AccountId(1),
        public: READER,
        rights: Rights::READ,
        expires: Timestamp::MAX,
        revoked: false,
        taken: [0, 0],
        grace: 0,
        origin: KeyNo(1),
    };
    vec![StateEvent::Class(class), StateEvent::Key(key)]
}

impl World {
    fn new(more: &[StateEvent]) -> World {
        let state = [state(), more.to_vec()].concat();
        let StateEvent::Class(class) = state[0] else { panic!() };
        let seats = Seats { in_all: 8, per_key: 8 };
        let hub = Hub::new(&state, 100, NOW.starts(), seats).unwrap();
        World { hub, class, sequence: 100, changed: BTreeMap::new() }
    }

    /// One command, which did this.
    fn command(&mut self, changes: &[(ContractId, MarketBody)]) -> Sequence {
        self.command_at(NOW.starts(), changes)
    }

    fn command_at(&mut self, time: Timestamp, changes: &[(ContractId, MarketBody)]) -> Sequence {
        self.sequence += 1;
        let sequence = self.sequence;
        let events = changes.iter().map(|(contract, body)| {
            let previous = self.changed.get(contract).copied().unwrap_or(0);
            MarketEvent { contract: *contract, previous, sequence, time, body: *body }
        });
        let events: Vec<MarketEvent> = events.collect();
        self.changed.extend(changes.iter().map(|(contract, _)| (*contract, sequence)));
        self.release(&Output { events, ..Output::default() }, time);
        sequence
    }

    fn release(&mut self, output: &Output, time: Timestamp) {
        self.hub.release(output, Progress { sequence: self.sequence, time, commands: 0 }).unwrap();
    }

    /// So many asks, one in each of the next slots.
    fn asks(&mut self, prices: &[(Ticks, Units)]) {
        for (slot, (price, units)) in (1..).zip(prices) {
            let order = u64::from(slot) + 10;
            self.command(&[(slot_at(slot), add(order, Side::Sell, *price, *units))]);
        }
    }

    fn subscriber(&mut self, pattern: Pattern, depth: Depth) -> SessionId {
        let session = self.hub.join(READER, NOW.starts()).unwrap().session;
        self.hub.subscribe(session, &Subscribe { subscription: 1, pattern, depth }).unwrap();
        session
    }

    /// What there is for a subscriber, in a word or two each.
    fn taken(&mut self, session: SessionId) -> Vec<String> {
        self.hub.flush();
        let mut words = Vec::new();
        loop {
            let mut bytes = Vec::new();
            if self.hub.take(session, &mut bytes) != Taken::Bytes {
                return words;
            }
            words.extend(
                Frames::new(&bytes).filter_map(|frame| word(&FeedMessage::decode(frame.unwrap()).unwrap())),
            );
        }
    }

    fn page(&self, page: &mut Page) -> Vec<Value> {
        let ranking = Ranking::gather(self.hub.market()).sort();
        let news = page.news(self.hub.market(), &ranking, self.hub.progress().time, None);
        news.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    fn opened(&self, contract: ContractId) -> Page {
        let mut page = Page::default();
        let symbol = ContractSymbol::of(&self.class, contract);
        page.ask(&json!({ "open": symbol.to_string() }).to_string(), self.hub.market(), NOW.starts())
            .unwrap();
        page
    }
}

fn word(message: &FeedMessage<'_>) -> Option<String> {
    let slot = |contract: ContractId| contract.start().0 - NOW.0;
    Some(match message {
        FeedMessage::Increment(increment) => {
            let several = if increment.several { " of several" } else { "" };
            format!("{} changes in {}{several}", increment.len(), slot(increment.contract))
        }
        FeedMessage::CommandEnd(end) => format!("end of {}", end.sequence),
        FeedMessage::TradePrint(print) => {
            format!("{} {:?} at {} in {}", print.units, print.kind, print.price, slot(print.contract))
        }
        FeedMessage::Index(index) => format!("index {} of {} unit hours", index.price, index.unit_hours),
        FeedMessage::Window(window) => match window.best {
            Some(best) => {
                format!("{} h {:?} {:?} at {}", window.hours, window.side, window.start, best.price)
            }
            None => format!("no {} h {:?} {:?}", window.hours, window.side, window.start),
        },
        FeedMessage::SnapshotBlock(block) => format!("block {}", block.order),
        FeedMessage::Subscribed(_) => "subscribed".to_owned(),
        _ => return None,
    })
}

fn slot_at(slot: u32) -> ContractId {
    ContractId::new(ClassNo(0), NOW.plus(slot))
}

fn entry(order: u64, side: Side, price: Ticks, units: Units) -> MarketEntry {
    MarketEntry { order, side, price, units }
}

fn add(order: u64, side: Side, price: Ticks, units: Units) -> MarketBody {
    MarketBody::Add(entry(order, side, price, units))
}

fn block(order: u64, units: Units) -> MarketBody {
    let (side, price, slots, min_units) = (Side::Buy, 90, 4, 0);
    MarketBody::Block(BlockEntry { order, side, price, slots, units, min_units, same_provider: false })
}

/// A block of two units that takes one ask in each of three slots, a first and a second time.
fn sweep() -> Vec<(ContractId, MarketBody)> {
    let take = |slot: u32, units| {
        (slot_at(slot), MarketBody::BlockTrade(entry(u64::from(slot) + 10, Side::Sell, 100, units)))
    };
    let once = [1, 2, 3].map(|slot| take(slot, 2));
    [&once[..], &once[..], &[(slot_at(1), block(7, 0))]].concat()
}

#[test]
fn the_legs_of_a_block_come_once_for_each_contract_and_then_their_end() {
    let mut world = World::new(&[]);
    world.asks(&[(100, 9), (100, 9), (100, 9)]);
    world.command(&[(slot_at(1), block(7, 4))]);
    let all = world.subscriber(ALL, Depth::Book);
    let one = world.subscriber(Pattern { start: Some(NOW.plus(2)), ..ALL }, Depth::Book);
    let prints = world.subscriber(ALL, Depth::Trades);
    let tops = world.subscriber(ALL, Depth::Top);
    let elsewhere = world.subscriber(Pattern { start: Some(NOW.plus(9)), ..ALL }, Depth::Book);
    assert_eq!(world.taken(all), ["block 7", "subscribed"]);
    for session in [one, prints, tops, elsewhere] {
        assert_eq!(world.taken(session), ["subscribed"]);
    }
    let sequence = world.command(&sweep());
    let single = world.command(&[(slot_at(3), add(30, Side::Buy, 50, 1))]);
    assert_eq!(single, sequence + 1);
    let end = format!("end of {sequence}");
    let changes = ["3 changes in 1 of several", "2 changes in 2 of several", "2 changes in 3 of several"];
    assert_eq!(world.taken(all), [&changes[..], &[&end, "1 changes in 3"]].concat());
    assert_eq!(world.taken(one), [changes[1], &end]);
    let print = |slot| [format!("2 Block at 100 in {slot}"), format!("2 Block at 100 in {slot}")];
    assert_eq!(world.taken(prints), [&print(1)[..], &print(2), &print(3), &[end]].concat());
    assert_eq!(world.taken(tops), Vec::<String>::new());
    assert_eq!(world.taken(elsewhere), Vec::<String>::new());
}

#[test]
fn blocks_count_in_volume_and_set_neither_a_last_price_nor_the_index() {
    let mut world = World::new(&[]);
    world.asks(&[(100, 9), (100, 9), (100, 9)]);
    world.command(&[(slot_at(1), MarketBody::Trade(entry(11, Side::Sell, 100, 1)))]);
    world.command(&[(slot_at(1), block(7, 4))]);
    world.command(&sweep());
    let between = MarketBody::BlockPrint { price: 50, units: 3, aggressor: Side::Sell };
    world.command(&[(slot_at(1), between), (slot_at(2), between)]);
    let market = world.hub.market();
    let contract = market.contract(slot_at(2)).unwrap();
    assert_eq!((contract.volume, contract.book.last_price()), (7, 0));
    assert!(contract.trades.iter().all(|print| print.kind == TradeKind::Block));
    assert_eq!(market.contract(slot_at(1)).unwrap().book.last_price(), 100);
    world.hub.summarize();
    let index = world.hub.market().indices().next().unwrap();
    assert_eq!((index.price, index.unit_hours), (10_000, 1));
}

#[test]
fn an_auction_is_shown_while_it_gathers_and_prints_when_it_ends() {
    let mut world = World::new(&[]);
    let at = slot_at(5);
    world.command(&[(at, MarketBody::Phase(Phase::Auction)), (at, add(1, Side::Buy, 120, 8))]);
    world
        .command(&[(at, add(2, Side::Sell, 100, 5)), (at, MarketBody::Indicative { price: 110, volume: 5 })]);
    let (books, prints) = (world.subscriber(ALL, Depth::Book), world.subscriber(ALL, Depth::Trades));
    world.taken(books);
    world.taken(prints);
    let mut page = world.opened(at);
    let shown = |news: &[Value]| news.iter().find(|one| one["type"] == "book").unwrap().clone();
    let book = shown(&world.page(&mut page));
    assert_eq!(
        (&book["phase"], &book["indicative"]),
        (&json!("auction"), &json!({"price": "0.0110", "volume": 5}))
    );
    world.command(&[
        (at, MarketBody::AuctionTrade { price: 110, units: 5 }),
        (at, MarketBody::Reduce(entry(1, Side::Buy, 120, 3))),
        (at, MarketBody::Delete(entry(2, Side::Sell, 100, 5))),
        (at, MarketBody::Phase(Phase::Continuous)),
    ]);
    let book = shown(&world.page(&mut page));
    assert_eq!(
        (&book["phase"], &book["indicative"], &book["last"]),
        (&json!("continuous"), &Value::Null, &json!("0.0110"))
    );
    let trade = &book["trades"][0];
    assert_eq!(
        (&trade["kind"], &trade["taker"], &trade["units"]),
        (&json!("auction"), &Value::Null, &json!(5))
    );
    assert_eq!(world.taken(prints), ["5 Auction at 110 in 5"]);
    world.hub.summarize();
    assert_eq!(world.taken(prints), ["index 11000 of 5 unit hours"]);
    let later = world.subscriber(ALL, Depth::Trades);
    assert_eq!(world.taken(later), ["index 11000 of 5 unit hours", "subscribed"]);
}

#[test]
fn what_traded_before_a_restart_is_in_the_index() {
    let traded =
        |hour, units| StateEvent::Traded { class: ClassNo(0), hour: Hour(hour), units, ticks: units * 200 };
    let mut world = World::new(&[traded(NOW.0 - 23, 3), traded(NOW.0, 5)]);
    world.hub.summarize();
    let mut figures = || {
        world.hub.summarize();
        let index = world.hub.market().indices().next().unwrap();
        (index.price, index.unit_hours, index.per_pflop)
    };
    assert_eq!(figures(), (20_000, 8, Some(("BF16".parse().unwrap(), 20_222))));
    world.command_at(NOW.plus(1).starts(), &[(slot_at(9), add(1, Side::Buy, 1, 1))]);
    let mut figures = || {
        world.hub.summarize();
        world.hub.market().indices().next().map(|index| (index.price, index.unit_hours)).unwrap()
    };
    assert_eq!(figures(), (20_000, 5));
}

#[test]
fn standard_windows_follow_the_tops_and_the_phases_and_are_told_calmly() {
    let mut world = World::new(&[]);
    let books = world.subscriber(ALL, Depth::Book);
    world.asks(&[(100, 9), (101, 8), (102, 7), (103, 6), (50, 5)]);
    world.taken(books);
    world.hub.summarize();
    assert_eq!(world.taken(books), ["4 h Buy Next at 102", "4 h Buy Day at 89", "4 h Buy Any at 89"]);
    world.hub.summarize();
    assert_eq!(world.taken(books), Vec::<String>::new());
    // The next slot's best is another: only the window that starts there.
    world.command(&[(slot_at(1), add(40, Side::Sell, 60, 1))]);
    assert_eq!(world.taken(books), ["1 changes in 1"]);
    world.hub.summarize();
    assert_eq!(world.taken(books), ["4 h Buy Next at 92"]);
    let window = world.hub.market().windows(ClassNo(0)).find(|window| window.start == Start::Next).copied();
    let best = WindowPrice { first: slot_at(1), price: 92, total: (60 + 101 + 102 + 103) * 100, units: 1 };
    let (class, hours, side, start, sequence) = (ClassNo(0), 4, Side::Buy, Start::Next, world.sequence);
    assert_eq!(window, Some(Window { class, hours, side, start, sequence, best: Some(best) }));
    world.command(&[(slot_at(3), MarketBody::Phase(Phase::Halted))]);
    world.taken(books);
    world.hub.summarize();
    assert_eq!(world.taken(books), ["no 4 h Buy Next", "no 4 h Buy Day", "no 4 h Buy Any"]);
    world.command(&[(slot_at(3), MarketBody::Phase(Phase::Continuous))]);
    world.hub.summarize();
    let exact = Pattern { start: Some(NOW.plus(1)), ..ALL };
    for (pattern, depth, windows) in [(ALL, Depth::Top, 3), (ALL, Depth::Trades, 0), (exact, Depth::Book, 0)]
    {
        let later = world.subscriber(pattern, depth);
        assert_eq!(world.taken(later).len(), windows + 1, "{depth:?}");
    }
}

#[test]
fn a_page_is_shown_the_blocks_and_the_windows_of_the_class_it_looks_at() {
    let mut world = World::new(&[]);
    world.asks(&[(100, 9), (101, 8), (102, 7), (103, 6)]);
    world.command(&[(slot_at(2), block(7, 4))]);
    world.hub.summarize();
    let mut page = world.opened(slot_at(3));
    let class = |news: &[Value]| news.iter().find(|one| one["type"] == "class").cloned();
    let shown = class(&world.page(&mut page)).unwrap();
    let start = |slot: u32| u64::from(NOW.0 + slot) * 3_600;
    let block_line = json!({
        "order": 7, "side": "buy", "start": start(2), "slots": 4, "price": "0.0090", "units": 4, "min_units": 4,
        "same_provider": false,
    });
    assert_eq!((&shown["blocks"], &shown["more_blocks"]), (&json!([block_line]), &json!(false)));
    let line = json!({
        "hours": 4, "side": "buy", "from": "next", "start": start(1), "price": "0.0102", "total": "0.0406", "units": 6,
    });
    assert_eq!(shown["windows"][0], line);
    assert_eq!(class(&world.page(&mut page)), None);
    world.command(&[(slot_at(2), block(7, 0))]);
    assert_eq!(class(&world.page(&mut page)).unwrap()["blocks"], json!([]));
}

#[test]
fn a_contract_nobody_has_touched_is_in_the_phase_that_calendar_and_halts_say() {
    let mut world = World::new(&[StateEvent::Halt { scope: Scope::Class(ClassNo(0)), on: true }]);
    let mut page = world.opened(slot_at(3));
    let phase = |world: &World, page: &mut Page| {
        let news = world.page(page);
        news.iter().find(|one| one["type"] == "book").map(|book| book["phase"].as_str().unwrap().to_owned())
    };
    assert_eq!(phase(&world, &mut page).as_deref(), Some("halted"));
    let resumed = StateEvent::Halt { scope: Scope::Class(ClassNo(0)), on: false };
    world.release(&Output { state: vec![resumed], ..Output::default() }, NOW.starts());
    assert_eq!(phase(&world, &mut page).as_deref(), Some("continuous"));
    world.release(&Output::default(), NOW.plus(3).starts());
    assert_eq!(phase(&world, &mut page).as_deref(), Some("closed"));
    assert_eq!(phase(&world, &mut page), None);

    let class = Class {
        no: ClassNo(0),
        spec: ClassSpec { preopen_minutes: 10, opening_minutes: 20, ..ClassSpec::example() },
    };
    let market = world.hub.market();
    let contract = slot_at(50);
    let at =
        |minutes| market.untouched_phase(&class, contract, class.comes_in(contract).plus_minutes(minutes));
    assert_eq!([at(0), at(9), at(10), at(29), at(30)], {
        use Phase::{Auction, Continuous, PreOpen};
        [PreOpen, PreOpen, Auction, Auction, Continuous]
    });
}

#[test]
fn a_group_of_one_contract_says_so() {
    let event = MarketEvent {
        contract: slot_at(1),
        previous: 0,
        sequence: 1,
        time: NOW.starts(),
        body: add(1, Side::Buy, 1, 1),
    };
    let mut world = World::new(&[]);
    let books = world.subscriber(ALL, Depth::Book);
    world.taken(books);
    world.command(&[(event.contract, event.body)]);
    assert_eq!(world.taken(books), ["1 changes in 1"]);
    let mut bytes = Vec::new();
    encode_increment(&[event], false, &mut bytes);
    let frame = Frames::new(&bytes).next().unwrap().unwrap();
    assert!(
        matches!(FeedMessage::decode(frame), Ok(FeedMessage::Increment(increment)) if !increment.several)
    );
}
