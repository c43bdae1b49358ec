//! The public book against a naive one: a list in queue order, sorted and searched from scratch each time.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use protocol::PublicBook;
use protocol::public_book::{BookError, Level};
use types::{ContractId, MarketBody, MarketEntry, MarketEvent, Phase, Side, Timestamp};

/// The orders in the order they came; nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
struct Naive(Vec<MarketEntry>);

impl Naive {
    fn apply(&mut self, body: &MarketBody) {
        match body {
            MarketBody::Add(entry) => self.0.push(*entry),
            MarketBody::Reduce(entry) => self.at(entry).units = entry.units,
            MarketBody::Delete(entry) => self.0.retain(|order| order.order != entry.order),
            MarketBody::Trade(entry) => {
                self.at(entry).units -= entry.units;
                self.0.retain(|order| order.units > 0);
            }
            MarketBody::Phase(_) => {}
        }
    }

    fn at(&mut self, entry: &MarketEntry) -> &mut MarketEntry {
        self.0.iter_mut().find(|order| order.order == entry.order).unwrap()
    }

    fn side(&self, side: Side) -> Vec<MarketEntry> {
        let mut orders: Vec<MarketEntry> =
            self.0.iter().copied().filter(|order| order.side == side).collect();
        orders.sort_by_key(|order| if side == Side::Buy { -order.price } else { order.price });
        orders
    }

    fn orders(&self) -> Vec<MarketEntry> {
        [self.side(Side::Buy), self.side(Side::Sell)].concat()
    }

    fn levels(&self, side: Side) -> Vec<Level> {
        let orders = self.side(side);
        let levels = orders.chunk_by(|one, next| one.price == next.price);
        let sum = |level: &[MarketEntry]| level.iter().map(|order| u64::from(order.units)).sum();
        levels.map(|level| Level { price: level[0].price, units: sum(level), orders: level.len() }).collect()
    }

    fn digest(&self) -> u32 {
        let bytes: Vec<u8> = self.orders().iter().flat_map(order_bytes).collect();
        crc32c_bit_by_bit(&bytes)
    }
}

fn order_bytes(order: &MarketEntry) -> Vec<u8> {
    let side = if order.side == Side::Buy { 1 } else { 2 };
    let numbers = [order.order.to_le_bytes(), order.price.to_le_bytes()].concat();
    [numbers, order.units.to_le_bytes().to_vec(), vec![side]].concat()
}

fn crc32c_bit_by_bit(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}

fn entry(order: u64, side: Side, price: i64, units: u32) -> MarketEntry {
    MarketEntry { order, side, price, units }
}

/// What a random step tries; most are good, some go with nothing that is there.
#[derive(Clone, Copy, Debug)]
struct Step {
    kind: u8,
    pick: usize,
    buy: bool,
    price: i64,
    units: u32,
    spoil: u8,
}

fn step() -> impl Strategy<Value = Step> {
    (0u8..6, 0usize..64, any::<bool>(), 0i64..12, 0u32..6, 0u8..16)
        .prop_map(|(kind, pick, buy, price, units, spoil)| Step { kind, pick, buy, price, units, spoil })
}

fn body(step: Step, next_order: u64, naive: &Naive) -> MarketBody {
    let Step { kind, pick, buy, price, units, spoil } = step;
    let there = (!naive.0.is_empty()).then(|| naive.0[pick % naive.0.len()]);
    let side = if buy { Side::Buy } else { Side::Sell };
    let (Some(mut there), 2..) = (there, kind) else {
        let order = if spoil == 0 { there.map_or(next_order, |there| there.order) } else { next_order };
        // Bids mostly below the asks, now and then not.
        let price = if buy || spoil < 3 { price } else { price + 12 };
        return MarketBody::Add(entry(order, side, price, units));
    };
    match spoil {
        0 => there.order += 1_000,
        1 => there.price += 1,
        2 => there.side = there.side.opposite(),
        _ => {}
    }
    match kind {
        2 => MarketBody::Reduce(MarketEntry { units, ..there }),
        3 if spoil == 3 => MarketBody::Delete(MarketEntry { units: there.units + 1, ..there }),
        3 => MarketBody::Delete(there),
        _ => MarketBody::Trade(MarketEntry { units, ..there }),
    }
}

/// True if the event goes with what is there, judged from the list alone.
fn goes(naive: &Naive, body: &MarketBody) -> bool {
    let there = |entry: &MarketEntry| {
        naive
            .0
            .iter()
            .find(|order| (order.order, order.side, order.price) == (entry.order, entry.side, entry.price))
    };
    match body {
        MarketBody::Add(entry) => {
            let best = naive.side(entry.side.opposite()).first().map(|order| order.price);
            let crosses = best.is_some_and(|best| match entry.side {
                Side::Buy => entry.price >= best,
                Side::Sell => entry.price <= best,
            });
            let known = naive.0.iter().any(|order| order.order == entry.order);
            entry.price >= 1 && entry.units >= 1 && !crosses && !known
        }
        MarketBody::Reduce(entry) => {
            there(entry).is_some_and(|order| entry.units >= 1 && entry.units < order.units)
        }
        MarketBody::Delete(entry) => there(entry).is_some_and(|order| entry.units == order.units),
        MarketBody::Trade(entry) => {
            there(entry).is_some_and(|order| entry.units >= 1 && entry.units <= order.units)
        }
        MarketBody::Phase(_) => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn it_is_the_naive_book(steps in prop::collection::vec(step(), 1..120)) {
        let (mut book, mut naive, mut last_price) = (PublicBook::new(), Naive::default(), 0);
        for (at, step) in steps.into_iter().enumerate() {
            let body = body(step, at as u64 + 1, &naive);
            prop_assert_eq!(book.apply(&body).is_ok(), goes(&naive, &body), "{:?}", body);
            if goes(&naive, &body) {
                naive.apply(&body);
                if let MarketBody::Trade(entry) = body {
                    last_price = entry.price;
                }
            }
            prop_assert_eq!(book.orders().collect::<Vec<_>>(), naive.orders());
            prop_assert_eq!((book.len(), book.is_empty()), (naive.0.len(), naive.0.is_empty()));
            prop_assert_eq!(book.last_price(), last_price);
            for side in [Side::Buy, Side::Sell] {
                let levels = naive.levels(side);
                prop_assert_eq!(book.best(side), levels.first().copied());
                prop_assert_eq!(book.levels(side).collect::<Vec<_>>(), levels);
            }
            prop_assert_eq!(book.digest(), naive.digest());
        }
    }

    #[test]
    fn a_snapshot_is_the_book(steps in prop::collection::vec(step(), 1..120)) {
        let (mut book, mut naive) = (PublicBook::new(), Naive::default());
        for (at, step) in steps.into_iter().enumerate() {
            let body = body(step, at as u64 + 1, &naive);
            if book.apply(&body).is_ok() {
                naive.apply(&body);
            }
        }
        let mut again = PublicBook::at(book.sequence(), book.phase(), book.last_price());
        for order in book.orders() {
            prop_assert_eq!(again.apply(&MarketBody::Add(order)), Ok(()));
        }
        prop_assert_eq!(again.digest(), book.digest());
    }
}

#[test]
fn every_error_names_what_is_wrong() {
    let mut book = PublicBook::new();
    let bid = entry(7, Side::Buy, 100, 5);
    book.apply(&MarketBody::Add(bid)).unwrap();
    let digest = book.digest();
    for (body, error) in [
        (MarketBody::Add(bid), BookError::OrderThere { order: 7 }),
        (
            MarketBody::Add(entry(8, Side::Sell, 100, 1)),
            BookError::Crossed { order: 8, price: 100, best: 100 },
        ),
        (MarketBody::Add(entry(8, Side::Buy, 0, 1)), BookError::WrongPrice { order: 8, price: 0 }),
        (MarketBody::Add(entry(8, Side::Buy, 1, 0)), BookError::WrongUnits { order: 8, shown: 0, units: 0 }),
        (MarketBody::Delete(entry(8, Side::Buy, 100, 5)), BookError::UnknownOrder { order: 8 }),
        (MarketBody::Delete(entry(7, Side::Buy, 99, 5)), BookError::WrongPlace { order: 7, price: 99 }),
        (
            MarketBody::Delete(entry(7, Side::Buy, 100, 4)),
            BookError::WrongUnits { order: 7, shown: 5, units: 4 },
        ),
        (MarketBody::Reduce(bid), BookError::WrongUnits { order: 7, shown: 5, units: 5 }),
        (
            MarketBody::Trade(entry(7, Side::Buy, 100, 6)),
            BookError::WrongUnits { order: 7, shown: 5, units: 6 },
        ),
    ] {
        assert_eq!(book.apply(&body), Err(error));
        assert!(error.to_string().contains("order"), "{error}");
    }
    assert_eq!((book.digest(), book.last_price()), (digest, 0), "refused events leave no trace");
    assert_eq!(PublicBook::default().digest(), 0);
}

#[test]
fn a_book_not_in_continuous_trading_may_be_crossed() {
    let mut book = PublicBook::new();
    book.apply(&MarketBody::Add(entry(1, Side::Buy, 100, 5))).unwrap();
    book.apply(&MarketBody::Phase(Phase::Closed)).unwrap();
    assert_eq!(book.phase(), Phase::Closed);
    assert_eq!(book.apply(&MarketBody::Add(entry(2, Side::Sell, 90, 5))), Ok(()));
}

#[test]
fn a_missing_command_shows() {
    let event = |previous, sequence, order| MarketEvent {
        contract: ContractId(1),
        previous,
        sequence,
        time: Timestamp(0),
        body: MarketBody::Add(entry(order, Side::Buy, 1, 1)),
    };
    let mut book = PublicBook::new();
    assert_eq!(book.follow(&event(0, 5, 1)), Ok(()));
    assert_eq!(book.follow(&event(0, 5, 2)), Ok(()), "the same command goes on");
    assert_eq!(book.follow(&event(5, 9, 3)), Ok(()));
    assert_eq!(book.sequence(), 9);
    for (previous, sequence) in [(8, 12), (9, 9), (9, 3), (0, 5)] {
        let gap = BookError::Gap { at: 9, previous };
        assert_eq!(book.follow(&event(previous, sequence, 4)), Err(gap), "{previous} {sequence}");
    }
    assert_eq!(book.follow(&event(9, 10, 3)), Err(BookError::OrderThere { order: 3 }));
    assert_eq!(book.sequence(), 9, "a refused event does not count");
}
