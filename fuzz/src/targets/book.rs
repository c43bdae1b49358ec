//! The public book, given whatever changes there are, of blocks and auctions too.

use super::no_words;
use crate::{Target, Trace};
use protocol::PublicBook;
use protocol::header::Frames;
use protocol::market_data::{FeedMessage, encode_increment, encode_snapshot, groups};
use protocol::public_book::{BookError, Indicative, Level};
use std::mem::discriminant;
use types::{BlockEntry, ContractId, MarketBody, MarketEntry, MarketEvent, Phase, Side, Timestamp};

/// The bytes one change takes in an input.
const CHANGE: usize = 6;
/// How many changes of one input are looked at.
const CHANGES_MAX: usize = 512;

pub(super) const PUBLIC_BOOK: Target = Target {
    name: "public-book",
    holds: "a book takes any change or refuses it and stays as it was, and its sums, best prices and digest agree",
    seeds,
    words: no_words,
    mend: None,
    start: || Box::new(attempt),
};

/// Some adds on both sides, then the ways for an order to go.
fn seeds() -> Vec<Vec<u8>> {
    let add = |order: u8, side: u8, price: u8| [0, side, order, price, 5, 1];
    let adds = [add(1, 0, 8), add(2, 0, 8), add(3, 1, 12), add(4, 1, 13)].concat();
    let ways = [
        [1, 0, 1, 8, 2, 1],
        [2, 0, 1, 8, 5, 1],
        [3, 1, 3, 12, 5, 1],
        [4, 0, 0, 0, 0, 1],
        [5, 0, 1, 8, 2, 1],
        [6, 1, 0, 9, 2, 1],
        [7, 3, 9, 9, 6, 1],
        [8, 0, 0, 9, 2, 1],
        [9, 0, 0, 9, 2, 1],
    ];
    let whole = [adds.clone(), ways.concat()].concat();
    let mut seeds: Vec<Vec<u8>> = ways.iter().map(|way| [&adds[..], way].concat()).collect();
    seeds.push(whole);
    seeds
}

fn attempt(input: &[u8]) -> Trace {
    let events: Vec<MarketEvent> = changes(input);
    let mut book = PublicBook::new();
    let mut outcomes = Vec::new();
    for event in through_the_wire(&events) {
        let before = book.clone();
        // Where the numbers do not follow each other, the change is tried alone.
        let followed = book.follow(&event).or_else(|error| match error {
            BookError::Gap { .. } => book.apply(&event.body),
            error => Err(error),
        });
        if let Err(error) = &followed {
            assert!(!error.to_string().is_empty());
            assert_eq!(shown(&book), shown(&before), "{error}: the book has changed");
        }
        outcomes.push((discriminant(&event.body), followed.map_err(|error| discriminant(&error))));
    }
    consistent(&book);
    outcomes.sort_by_key(|outcome| Trace::of(outcome));
    outcomes.dedup();
    Trace::of(outcomes)
}

/// The changes an input says.
fn changes(input: &[u8]) -> Vec<MarketEvent> {
    let mut sequence = 0;
    let mut previous = 0;
    let mut events = Vec::new();
    for change in input.chunks_exact(CHANGE).take(CHANGES_MAX) {
        let &[what, side, order, price, units, step] = change else { continue };
        if step > 0 {
            (previous, sequence) = (sequence, sequence + u64::from(step));
        }
        let is_buy = side & 1 == 0;
        let price = match price {
            250 => 0,
            251 => -1,
            252 => i64::MIN,
            253 => i64::MAX,
            price => price.into(),
        };
        let units = if units == 255 { u32::MAX } else { units.into() };
        let at = MarketEntry {
            order: order.into(),
            side: if is_buy { Side::Buy } else { Side::Sell },
            price,
            units,
        };
        let body = match what % 10 {
            0 => MarketBody::Add(at),
            1 => MarketBody::Reduce(at),
            2 => MarketBody::Delete(at),
            3 => MarketBody::Trade(at),
            4 => MarketBody::Phase(Phase::ALL[usize::from(order) % Phase::ALL.len()]),
            5 => MarketBody::BlockTrade(at),
            6 => MarketBody::BlockPrint { price, units, aggressor: at.side },
            7 => MarketBody::Block(BlockEntry {
                order: order.into(),
                side: at.side,
                price,
                slots: u16::from(what / 10) * 2,
                units,
                min_units: units / 2,
                same_provider: side & 2 != 0,
            }),
            8 => MarketBody::AuctionTrade { price, units },
            _ => MarketBody::Indicative { price, volume: units },
        };
        events.push(MarketEvent { contract: ContractId(7), previous, sequence, time: Timestamp(0), body });
    }
    events
}

/// The same events after they have been written and read.
fn through_the_wire(events: &[MarketEvent]) -> Vec<MarketEvent> {
    let mut bytes = Vec::new();
    groups(events).for_each(|group| encode_increment(group, false, &mut bytes));
    let mut read = Vec::new();
    for frame in Frames::new(&bytes) {
        let frame = frame.expect("what is written is read");
        let Ok(FeedMessage::Increment(increment)) = FeedMessage::decode(frame) else {
            panic!("an increment is read as one");
        };
        read.extend(increment.events().map(|event| event.expect("what is written is read")));
    }
    assert_eq!(read, events);
    read
}

/// Everything a book shows.
#[derive(Debug, PartialEq)]
struct Shown {
    sequence: u64,
    phase: Phase,
    prices: [i64; 2],
    indicative: Indicative,
    orders: Vec<MarketEntry>,
    levels: Vec<Level>,
    blocks: Vec<BlockEntry>,
    digest: u32,
}

fn shown(book: &PublicBook) -> Shown {
    Shown {
        sequence: book.sequence(),
        phase: book.phase(),
        prices: [book.last_price(), book.auction_price()],
        indicative: book.indicative(),
        orders: book.orders().collect(),
        levels: book.levels(Side::Buy).chain(book.levels(Side::Sell)).collect(),
        blocks: book.blocks().copied().collect(),
        digest: book.digest(),
    }
}

fn consistent(book: &PublicBook) {
    let orders: Vec<MarketEntry> = book.orders().collect();
    assert_eq!((orders.len(), orders.is_empty()), (book.len(), book.is_empty()));
    for side in [Side::Buy, Side::Sell] {
        let mut sums: Vec<Level> = Vec::new();
        for entry in orders.iter().filter(|entry| entry.side == side) {
            assert!(entry.units > 0 && entry.price > 0);
            match sums.last_mut().filter(|level| level.price == entry.price) {
                Some(level) => {
                    level.units += u64::from(entry.units);
                    level.orders += 1;
                }
                None => sums.push(Level { price: entry.price, units: entry.units.into(), orders: 1 }),
            }
        }
        assert_eq!(book.levels(side).collect::<Vec<_>>(), sums);
        assert_eq!(book.best(side), sums.first().copied());
        let better = |pair: &[Level]| match side {
            Side::Buy => pair[0].price > pair[1].price,
            Side::Sell => pair[0].price < pair[1].price,
        };
        assert!(sums.windows(2).all(better), "the best comes first");
    }
    let places: Vec<(bool, i64, u64)> = book.blocks().map(place).collect();
    assert!(places.is_sorted() && book.blocks().all(|block| block.units > 0 && block.slots > 1));
    assert_eq!(shown(&through_a_snapshot(book)), shown(book));
}

/// Where a block stands: bids first, then by limit, then by id.
fn place(block: &BlockEntry) -> (bool, i64, u64) {
    let is_ask = block.side == Side::Sell;
    (is_ask, if is_ask { block.price } else { -block.price }, block.order)
}

/// A snapshot of it is it.
fn through_a_snapshot(book: &PublicBook) -> PublicBook {
    let mut bytes = Vec::new();
    encode_snapshot(ContractId(7), book, &mut bytes);
    let mut again = PublicBook::new();
    for frame in Frames::new(&bytes) {
        let message = FeedMessage::decode(frame.expect("what is written is read"));
        let put =
            |book: &mut PublicBook, body| book.apply(&body).expect("what a book shows can be put into one");
        match message.expect("what is written is read") {
            FeedMessage::SnapshotStart(start) => again = start.book(),
            FeedMessage::SnapshotOrder(entry) => put(&mut again, MarketBody::Add(entry)),
            FeedMessage::SnapshotBlock(block) => put(&mut again, MarketBody::Block(block)),
            _ => {}
        }
    }
    again
}
