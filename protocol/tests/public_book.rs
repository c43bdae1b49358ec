//! The public book against a naive one: a list in queue order, sorted and searched from scratch each time.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use proptest::prelude::*;
use protocol::PublicBook;
use protocol::header::Frames;
use protocol::market_data::{FeedMessage, encode_snapshot};
use protocol::public_book::{BookError, Indicative, Level};
use types::{BlockEntry, ContractId, MarketBody, MarketEntry, MarketEvent, Phase, Side, Timestamp};

/// The orders in the order they came, and the blocks in any; nothing else.
#[derive(Clone, Debug, Default, PartialEq)]
struct Naive(Vec<MarketEntry>, Vec<BlockEntry>);

impl Naive {
    fn apply(&mut self, body: &MarketBody) {
        match body {
            MarketBody::Add(entry) => self.0.push(*entry),
            MarketBody::Reduce(entry) => self.at(entry).units = entry.units,
            MarketBody::Delete(entry) => self.0.retain(|order| order.order != entry.order),
            MarketBody::Trade(entry) | MarketBody::BlockTrade(entry) => {
                self.at(entry).units -= entry.units;
                self.0.retain(|order| order.units > 0);
            }
            MarketBody::Block(block) => {
                self.1.retain(|other| other.order != block.order);
                self.1.extend((block.units > 0).then_some(*block));
            }
            MarketBody::Phase(_)
            | MarketBody::BlockPrint { .. }
            | MarketBody::AuctionTrade { .. }
            | MarketBody::Indicative { .. } => {}
        }
    }

    fn blocks(&self) -> Vec<BlockEntry> {
        let side = |side| {
            let mut blocks: Vec<BlockEntry> =
                self.1.iter().copied().filter(|block| block.side == side).collect();
            blocks.sort_by_key(|block| {
                (if side == Side::Buy { -block.price } else { block.price }, block.order)
            });
            blocks
        };
        [side(Side::Buy), side(Side::Sell)].concat()
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
        let orders = self.orders();
        let blocks = self.blocks();
        let bytes: Vec<u8> =
            orders.iter().flat_map(order_bytes).chain(blocks.iter().flat_map(block_bytes)).collect();
        crc32c_bit_by_bit(&bytes)
    }
}

fn order_bytes(order: &MarketEntry) -> Vec<u8> {
    let side = if order.side == Side::Buy { 1 } else { 2 };
    let numbers = [order.order.to_le_bytes(), order.price.to_le_bytes()].concat();
    [numbers, order.units.to_le_bytes().to_vec(), vec![side]].concat()
}

fn block_bytes(block: &BlockEntry) -> Vec<u8> {
    let single = order_bytes(&entry(block.order, block.side, block.price, block.units));
    let terms = [block.slots.to_le_bytes().as_slice(), &block.min_units.to_le_bytes()].concat();
    [single, terms, vec![block.same_provider.into()]].concat()
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
    (0u8..12, 0usize..64, any::<bool>(), 0i64..12, 0u32..6, 0u8..16)
        .prop_map(|(kind, pick, buy, price, units, spoil)| Step { kind, pick, buy, price, units, spoil })
}

fn body(step: Step, next_order: u64, naive: &Naive) -> MarketBody {
    let Step { kind, pick, buy, price, units, spoil } = step;
    if kind >= 6 {
        return block_body(step, next_order, naive);
    }
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

/// What blocks do: one comes, or changes, or goes; they trade with singles and with each other; and auctions.
fn block_body(step: Step, next_order: u64, naive: &Naive) -> MarketBody {
    let Step { kind, pick, buy, price, units, spoil } = step;
    let side = if buy { Side::Buy } else { Side::Sell };
    let known = (!naive.1.is_empty()).then(|| naive.1[pick % naive.1.len()]);
    let single = (!naive.0.is_empty()).then(|| naive.0[pick % naive.0.len()]);
    let slots = u16::from(spoil % 8) + 1;
    let new =
        BlockEntry { order: next_order, side, price, slots, units, min_units: units / 2, same_provider: buy };
    match (kind, known, single) {
        (7, Some(block), _) => MarketBody::Block(BlockEntry { units, ..block }),
        (8, _, Some(single)) if spoil == 0 => MarketBody::Block(BlockEntry { order: single.order, ..new }),
        (9, _, Some(single)) => MarketBody::BlockTrade(MarketEntry { units, ..single }),
        (10, ..) => MarketBody::BlockPrint { price, units, aggressor: side },
        (11, ..) => MarketBody::AuctionTrade { price, units },
        _ => MarketBody::Block(new),
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
            let known = naive.0.iter().any(|order| order.order == entry.order)
                || naive.1.iter().any(|block| block.order == entry.order);
            entry.price >= 1 && entry.units >= 1 && !known
        }
        MarketBody::Reduce(entry) => {
            there(entry).is_some_and(|order| entry.units >= 1 && entry.units < order.units)
        }
        MarketBody::Delete(entry) => there(entry).is_some_and(|order| entry.units == order.units),
        MarketBody::Trade(entry) | MarketBody::BlockTrade(entry) => {
            there(entry).is_some_and(|order| entry.units >= 1 && entry.units <= order.units)
        }
        MarketBody::Block(block) if block.units == 0 => {
            naive.1.iter().any(|other| other.order == block.order)
        }
        MarketBody::Block(block) => {
            block.price >= 1 && block.slots >= 2 && naive.0.iter().all(|order| order.order != block.order)
        }
        MarketBody::BlockPrint { price, units, .. } | MarketBody::AuctionTrade { price, units } => {
            *price >= 1 && *units >= 1
        }
        MarketBody::Phase(_) | MarketBody::Indicative { .. } => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn it_is_the_naive_book(steps in prop::collection::vec(step(), 1..120)) {
        let (mut book, mut naive) = (PublicBook::new(), Naive::default());
        let (mut last_price, mut auction_price) = (0, 0);
        for (at, step) in steps.into_iter().enumerate() {
            let body = body(step, at as u64 + 1, &naive);
            prop_assert_eq!(book.apply(&body).is_ok(), goes(&naive, &body), "{:?}", body);
            if goes(&naive, &body) {
                naive.apply(&body);
                match body {
                    MarketBody::Trade(entry) => last_price = entry.price,
                    MarketBody::AuctionTrade { price, .. } => (last_price, auction_price) = (price, price),
                    _ => {}
                }
            }
            prop_assert!(book.blocks().copied().eq(naive.blocks()));
            prop_assert_eq!(book.auction_price(), auction_price);
            prop_assert_eq!(book.orders().collect::<Vec<_>>(), naive.orders());
            for order in 1..=naive.0.len() as u64 + 2 {
                let shown = naive.0.iter().find(|entry| entry.order == order).map(|entry| entry.units);
                prop_assert_eq!(book.shown(order), shown);
            }
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
        book.apply(&MarketBody::Indicative { price: 3, volume: 4 }).unwrap();
        let again = through_a_snapshot(&book);
        prop_assert!(again.orders().eq(book.orders()) && again.blocks().eq(book.blocks()));
        let known = |book: &PublicBook| {
            (book.digest(), book.sequence(), book.phase(), book.last_price(), book.auction_price(), book.indicative())
        };
        prop_assert_eq!(known(&again), known(&book));
    }
}

/// The book as a subscriber makes it from its snapshot.
fn through_a_snapshot(book: &PublicBook) -> PublicBook {
    let mut bytes = Vec::new();
    encode_snapshot(ContractId(1), book, &mut bytes);
    let mut again = PublicBook::new();
    let (mut orders, mut blocks) = (0, 0);
    for frame in Frames::new(&bytes) {
        match FeedMessage::decode(frame.unwrap()).unwrap() {
            FeedMessage::SnapshotStart(start) => {
                again = start.book();
                (orders, blocks) = (start.orders, start.blocks);
            }
            FeedMessage::SnapshotOrder(order) => {
                again.apply(&MarketBody::Add(order)).unwrap();
                orders -= 1;
            }
            FeedMessage::SnapshotBlock(block) => {
                again.apply(&MarketBody::Block(block)).unwrap();
                blocks -= 1;
            }
            FeedMessage::SnapshotEnd(end) => assert_eq!(end.digest, book.digest()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((orders, blocks), (0, 0));
    again
}

#[test]
fn every_error_names_what_is_wrong() {
    let mut book = PublicBook::new();
    let bid = entry(7, Side::Buy, 100, 5);
    book.apply(&MarketBody::Add(bid)).unwrap();
    let digest = book.digest();
    for (body, error) in [
        (MarketBody::Add(bid), BookError::OrderThere { order: 7 }),
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
    let block = block(7, 1);
    let wrong_trade = BookError::WrongTrade { price: 0, units: 1 };
    for (body, error) in [
        (MarketBody::Block(block), BookError::OrderThere { order: 7 }),
        (
            MarketBody::Block(BlockEntry { order: 8, price: 0, ..block }),
            BookError::WrongPrice { order: 8, price: 0 },
        ),
        (
            MarketBody::Block(BlockEntry { order: 8, slots: 1, ..block }),
            BookError::WrongSlots { order: 8, slots: 1 },
        ),
        (MarketBody::Block(BlockEntry { order: 8, units: 0, ..block }), BookError::UnknownOrder { order: 8 }),
        (MarketBody::AuctionTrade { price: 0, units: 1 }, wrong_trade),
        (MarketBody::BlockPrint { price: 0, units: 1, aggressor: Side::Buy }, wrong_trade),
    ] {
        assert_eq!(book.apply(&body), Err(error));
        assert!(!error.to_string().is_empty(), "{error}");
    }
    assert_eq!((book.digest(), book.last_price()), (digest, 0), "refused events leave no trace");
    assert_eq!(PublicBook::default().digest(), 0);
}

#[test]
fn a_book_not_in_continuous_trading_may_be_crossed() {
    for phase in [Phase::PreOpen, Phase::Auction, Phase::Halted, Phase::Closed] {
        let mut book = PublicBook::new();
        book.apply(&MarketBody::Add(entry(1, Side::Buy, 100, 5))).unwrap();
        book.apply(&MarketBody::Phase(phase)).unwrap();
        assert_eq!(book.phase(), phase);
        assert_eq!(book.apply(&MarketBody::Add(entry(2, Side::Sell, 90, 5))), Ok(()));
        assert_eq!(book.check_whole(), Ok(()), "{phase:?}");
        assert_eq!(through_a_snapshot(&book).digest(), book.digest());
    }
}

/// What a band bars from trading rests before its command interrupts trading.
#[test]
fn a_book_that_trades_is_not_crossed_once_a_command_is_whole() {
    let mut book = PublicBook::new();
    book.apply(&MarketBody::Add(entry(1, Side::Buy, 100, 5))).unwrap();
    assert_eq!(book.check_whole(), Ok(()));
    book.apply(&MarketBody::Add(entry(2, Side::Sell, 100, 5))).unwrap();
    assert_eq!(book.check_whole(), Err(BookError::Crossed { bid: 100, ask: 100 }));
    book.apply(&MarketBody::Phase(Phase::Auction)).unwrap();
    assert_eq!(book.check_whole(), Ok(()));
}

#[test]
fn an_auction_sets_prices_a_block_does_not_and_the_indicative_ends_with_the_phase() {
    let mut book = PublicBook::new();
    for body in [
        MarketBody::Phase(Phase::Auction),
        MarketBody::Add(entry(1, Side::Buy, 100, 5)),
        MarketBody::Add(entry(2, Side::Sell, 90, 3)),
        MarketBody::Indicative { price: 95, volume: 3 },
    ] {
        book.apply(&body).unwrap();
    }
    assert_eq!(book.indicative(), Indicative { price: 95, volume: 3 });
    for body in [
        MarketBody::AuctionTrade { price: 95, units: 3 },
        MarketBody::Reduce(entry(1, Side::Buy, 100, 2)),
        MarketBody::Delete(entry(2, Side::Sell, 90, 3)),
        MarketBody::Phase(Phase::Continuous),
        MarketBody::BlockTrade(entry(1, Side::Buy, 100, 1)),
        MarketBody::BlockPrint { price: 110, units: 4, aggressor: Side::Sell },
    ] {
        book.apply(&body).unwrap();
    }
    assert_eq!((book.last_price(), book.auction_price()), (95, 95));
    assert_eq!((book.indicative(), book.check_whole()), (Indicative::default(), Ok(())));
    assert_eq!(book.orders().collect::<Vec<_>>(), [entry(1, Side::Buy, 100, 1)]);
}

fn block(order: u64, units: u32) -> BlockEntry {
    BlockEntry { order, side: Side::Buy, price: 100, slots: 2, units, min_units: 0, same_provider: false }
}

#[test]
fn a_block_keeps_its_place_by_limit_and_id_however_often_it_is_told_of() {
    let mut book = PublicBook::new();
    for id in [3, 2, 1] {
        book.apply(&MarketBody::Block(block(id, 9))).unwrap();
    }
    book.apply(&MarketBody::Block(BlockEntry { price: 101, ..block(4, 9) })).unwrap();
    book.apply(&MarketBody::Block(block(1, 5))).unwrap();
    let ids = |book: &PublicBook| book.blocks().map(|block| (block.order, block.units)).collect::<Vec<_>>();
    assert_eq!(ids(&book), [(4, 9), (1, 5), (2, 9), (3, 9)]);
    book.apply(&MarketBody::Block(block(2, 0))).unwrap();
    assert_eq!(ids(&book), [(4, 9), (1, 5), (3, 9)]);
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
