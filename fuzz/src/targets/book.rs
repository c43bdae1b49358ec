//! The public book, given whatever changes there are.

use super::no_words;
use crate::{Target, Trace};
use protocol::PublicBook;
use protocol::header::Frames;
use protocol::market_data::{FeedMessage, encode_increment, groups};
use protocol::public_book::{BookError, Level};
use std::mem::discriminant;
use types::{ContractId, MarketBody, MarketEntry, MarketEvent, Phase, Side, Timestamp};

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
    let ways = [[1, 0, 1, 8, 2, 1], [2, 0, 1, 8, 5, 1], [3, 1, 3, 12, 5, 1], [4, 0, 0, 0, 0, 1]];
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
        let side = if side & 1 == 0 { Side::Buy } else { Side::Sell };
        let price = match price {
            250 => 0,
            251 => -1,
            252 => i64::MIN,
            253 => i64::MAX,
            price => price.into(),
        };
        let units = if units == 255 { u32::MAX } else { units.into() };
        let at = MarketEntry { order: order.into(), side, price, units };
        let body = match what % 5 {
            0 => MarketBody::Add(at),
            1 => MarketBody::Reduce(at),
            2 => MarketBody::Delete(at),
            3 => MarketBody::Trade(at),
            _ => MarketBody::Phase(if order & 1 == 0 { Phase::Closed } else { Phase::Continuous }),
        };
        events.push(MarketEvent { contract: ContractId(7), previous, sequence, time: Timestamp(0), body });
    }
    events
}

/// The same events after they have been written and read.
fn through_the_wire(events: &[MarketEvent]) -> Vec<MarketEvent> {
    let mut bytes = Vec::new();
    groups(events).for_each(|group| encode_increment(group, &mut bytes));
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
fn shown(book: &PublicBook) -> (u64, Phase, i64, Vec<MarketEntry>, Vec<Level>, u32) {
    let levels = book.levels(Side::Buy).chain(book.levels(Side::Sell)).collect();
    (book.sequence(), book.phase(), book.last_price(), book.orders().collect(), levels, book.digest())
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
    // A snapshot of it is it.
    let mut again = PublicBook::at(book.sequence(), Phase::Closed, book.last_price());
    for entry in orders {
        again.apply(&MarketBody::Add(entry)).expect("what a book shows can be put into one");
    }
    assert_eq!(again.digest(), book.digest());
}
